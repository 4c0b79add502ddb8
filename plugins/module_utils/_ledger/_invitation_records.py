# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of invitations: open, accepted, revoked or expired, and who accepted them (private, pure; controller)."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import REVOKED
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import parse_claims

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Invited, Redeemed, Uninvited
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = [
    "ACCEPTED",
    "EXPIRED",
    "OPEN",
    "chain_of",
    "check_not_proposed",
    "expiry_of",
    "invitation_records",
    "state_of",
]

OPEN, ACCEPTED, EXPIRED = "open", "accepted", "expired"
_DEEPEST = 16


def invitation_records(ledger: Ledger, profile: str, now: int) -> list[dict[str, Any]]:
    """Every invitation into a profile that the ledger knows of, also those that others issued, by time and name.

    :param now: the time in seconds.
    """
    here = ledger.profile(profile).id
    known: dict[str, None] = {}
    for by_jti in (ledger.invitations, ledger.redeemed, ledger.uninvited):
        for jti, event in by_jti.items():
            if event.profile == here:
                known[jti] = None
    records = [_record(ledger, jti, now) for jti in known]
    return sorted(records, key=lambda record: (_first_time(record), record["name"], record["jti"]))


def state_of(ledger: Ledger, invited: Invited, now: int) -> str:
    """What became of an invitation that was issued here."""
    claims = _claims(invited)
    return _state(ledger, invited.jti, chain_of(claims), expiry_of(claims), now)


def check_not_proposed(ledger: Ledger, profile: str, username: str, line: Collection[str], now: int) -> None:
    """Keep a name for whom it is proposed to: what is prepared under that name is meant for them.

    :param line: the invitations that the new person comes with, whose own proposals do not count.
    :param now: the time in seconds.
    :raises IdentityError: another invitation, which is open, proposes the name.
    """
    # of thousands of invitations few propose this name, and claims are written in one way: only those are read
    said = f'"username":"{username}"'
    for other in ledger.invitations.values():
        if (
            said in other.claims
            and other.profile == profile
            and other.jti not in line
            and _proposed_username(other) == username
            and state_of(ledger, other, now) == OPEN
        ):
            raise IdentityError(
                f"Nobody else can be called {username} in the profile {profile}: the invitation {other.jti}, which is"
                f" open, proposes the name {username}; choose another one, or revoke that invitation first."
            )


def _proposed_username(invited: Invited) -> str:
    """The name that an invitation proposes to whoever accepts it, empty for none."""
    offered = _claims(invited).get("inv")
    return str(offered.get("username", "")) if isinstance(offered, dict) else ""


def expiry_of(claims: dict[str, Any]) -> int:
    """Until when an invitation can be accepted, in seconds; 0 when it does not say."""
    expiry = claims.get("exp")
    return expiry if isinstance(expiry, int) and not isinstance(expiry, bool) else 0


def chain_of(claims: dict[str, Any]) -> tuple[str, ...]:
    """The ids of the invitations that one was delegated from, the first one first, as the tokens within it say."""
    return tuple(_ancestors(claims))[::-1]


def _ancestors(claims: dict[str, Any]) -> Iterator[str]:
    for _depth in range(_DEEPEST):
        parent = claims.get("prt")
        if not isinstance(parent, str):
            return
        claims = _payload(parent)
        jti = claims.get("jti")
        if not isinstance(jti, str):
            return
        yield jti


def _payload(token: str) -> dict[str, Any]:
    """What a token says, which was verified before it came into the ledger."""
    parts = token.split(".")
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        said = json.loads(text)
    except (IndexError, ValueError, RecursionError, binascii.Error):
        return {}
    return said if isinstance(said, dict) else {}


def _claims(invited: Invited) -> dict[str, Any]:
    try:
        return parse_claims(invited.claims)
    except IdentityError:
        return {}


def _state(ledger: Ledger, jti: str, chain: tuple[str, ...], expiry: int, now: int) -> str:
    if any(one in ledger.uninvited for one in (jti, *chain)):
        return REVOKED
    if jti in ledger.redeemed:
        return ACCEPTED
    return OPEN if now < expiry else EXPIRED


def _record(ledger: Ledger, jti: str, now: int) -> dict[str, Any]:
    invited, redeemed = ledger.invitations.get(jti), ledger.redeemed.get(jti)
    claims = _claims(invited) if invited is not None else {}
    chain = tuple(redeemed.chain.split()) if redeemed is not None else chain_of(claims)
    expiry = expiry_of(claims)
    revoked = next((one for one in map(ledger.uninvited.get, (jti, *chain)) if one is not None), None)
    return {
        "jti": jti,
        "name": invited.name if invited is not None else "",
        "state": _state(ledger, jti, chain, expiry, now),
        "issuer": redeemed.issuer if redeemed is not None else str(claims.get("iss", "")),
        "chain": list(chain),
        "claims": claims,
        "expires_at": _time(expiry),
        "issued_at": invited.stamp.at if invited is not None else None,
        "issued_by": invited.stamp.by if invited is not None else None,
        "accepted": _accepted(ledger, redeemed),
        "revoked": _revoked(revoked),
    }


def _accepted(ledger: Ledger, redeemed: Redeemed | None) -> dict[str, Any] | None:
    """Who accepted it, as they are now."""
    person = ledger.profile(redeemed.profile).person(redeemed.subject) if redeemed is not None else None
    if redeemed is None or person is None:
        return None
    return {
        "username": person.username,
        "subject": person.subject,
        "uid": person.uid,
        "state": person.state,
        "key": redeemed.key,
        "at": redeemed.stamp.at,
        "by": redeemed.stamp.by,
    }


def _revoked(event: Uninvited | None) -> dict[str, Any] | None:
    """Which invitation was revoked, for a delegated one maybe one that it came from, and why."""
    if event is None:
        return None
    return {"jti": event.jti, "reason": event.reason, "at": event.stamp.at, "by": event.stamp.by}


def _time(seconds: int) -> str | None:
    try:
        at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        at = None
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def _first_time(record: dict[str, Any]) -> str:
    """When the ledger first heard of an invitation."""
    times = [record["issued_at"], *(record[what]["at"] for what in ("accepted", "revoked") if record[what])]
    return min(str(at) for at in times if at)
