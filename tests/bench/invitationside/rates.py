# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One controller that signs, verifies, issues and accepts invitations, and says as JSON how many a second.

python rates.py DIRECTORY TOKENS ROWS ACCEPTANCES   in an empty directory; 0 rows or acceptances leave that out
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import jwt

from ansible_collections.labfleet.identity.plugins.module_utils._invitations._bulk import read_table, write_table
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import Wish, decide
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._roster_entries import enter, entry_of
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._acceptance import Acceptance, accept
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import Validity, present
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    INVITATION_TYPE,
    invitation_claims,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import sign_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import generate_key, signing_key
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import verify_invitation
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import entry

if TYPE_CHECKING:
    from collections.abc import Callable

PROFILE, ISSUER = "bench", "cluster-a"
BAND = "2000200000-2147352575"  # wide enough for all of them
TERMS = {"role": "member", "groups": ["genomics", "statistics"], "quota": {"cores": 2, "memory": "4G"}}
PRIVATE = generate_key("EdDSA")
KEY, PUBLIC = signing_key(PRIVATE)
TRUSTED = {ISSUER: KeySet({PUBLIC.kid: PUBLIC})}


def main() -> None:
    directory, tokens, rows, acceptances = sys.argv[1], *map(int, sys.argv[2:5])
    now = int(time.time())
    told = signing_and_verifying(tokens, now)
    store = open_store(f"file:{os.path.join(directory, 'ledger.jsonl')}")
    nobody = Wanted(PROFILE, Roster(()), (), parse_band(BAND))
    settle(store, lambda known: allocate(known, nobody, stamp_now()), write=True)
    if rows:
        told["issue in bulk"], signed = issuing(store, rows, now)
        told["accept"] = accepting(store, directory, signed[:acceptances], now)
    json.dump(told, sys.stdout)


def signing_and_verifying(tokens: int, now: int) -> dict[str, float]:
    """Rates of our functions and of PyJWT alone, one right after the other."""
    claims = [invitation_claims({**TERMS, "name": str(n)}, now, issuer=ISSUER, audience=PROFILE) for n in range(tokens)]
    make = functools.partial(invitation_claims, now=now, issuer=ISSUER, audience=PROFILE)
    sign: dict[str, Any] = {"algorithm": "EdDSA", "headers": {"kid": KEY.kid, "typ": INVITATION_TYPE}}
    ours = [sign_compact(each, KEY, INVITATION_TYPE) for each in claims]
    return {
        "sign": rate(lambda n: sign_compact(make({**TERMS, "name": str(n)}), KEY, INVITATION_TYPE), tokens),
        "sign, PyJWT alone": rate(lambda n: jwt.encode(claims[n], KEY.key, **sign), tokens),
        "verify": rate(lambda n: verify_invitation(ours[n], TRUSTED, PROFILE, now), tokens),
        "verify, PyJWT alone": rate(
            lambda n: jwt.decode(ours[n], PUBLIC.key, algorithms=["EdDSA"], audience=PROFILE, issuer=ISSUER), tokens
        ),
    }


def issuing(store: Any, rows: int, now: int) -> tuple[float, list[str]]:
    """Rows a second, from the text of a table to the text with the tokens and a durable ledger."""
    text = "name,username\n" + "".join(f"p{n}@uni.example,p{n}\n" for n in range(rows))
    start = time.perf_counter()
    wishes = []
    for row in read_table(text, "bench"):
        options = {**TERMS, **row.options, "name": row.name}
        wishes.append(Wish(row.name, invitation_claims(options, now, issuer=ISSUER, audience=PROFILE)))
    stamp = stamp_now()
    settled = settle(store, lambda known: decide(known, PROFILE, wishes, now, stamp), write=True)
    outcomes = settled.decision.outcomes
    signed = [sign_compact(dict(outcome.claims or {}), KEY, INVITATION_TYPE) for outcome in outcomes]
    write_table(zip((outcome.name for outcome in outcomes), signed), ("name", "token"))
    spent = time.perf_counter() - start
    if len(set(signed)) != rows or len(settled.decision.events) != rows:
        raise SystemExit(f"{len(settled.decision.events)} of {rows} invitations were issued")
    return rows / spent, signed


def accepting(store: Any, directory: str, signed: list[str], now: int) -> float:
    """Acceptances a second, each verified and durable in ledger, key store and roster before the next begins."""
    keys, roster = KeyStore(os.path.join(directory, "keys"), 60), os.path.join(directory, "invited.json")

    def accept_one(number: int) -> None:
        verified = verify_invitation(signed[number], TRUSTED, PROFILE, now)
        username, stamp, key = verified.claims["inv"]["username"], stamp_now(), entry(number + 1)
        acceptance = Acceptance(PROFILE, verified.invitation.jti, ISSUER, (), username, username, key.key.fingerprint)
        settle(store, lambda known: accept(known, acceptance, now, stamp), write=True)
        keys.commit(PROFILE, lambda book: present(book, username, "invitation", key, Validity(), stamp.at))
        enter(roster, entry_of(username, username, verified.claims["inv"], {}, ""), 60, write=True)

    return rate(accept_one, len(signed))


def rate(do: Callable[[int], object], times: int) -> float:
    start = time.perf_counter()
    for number in range(times):
        do(number)
    return times / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
