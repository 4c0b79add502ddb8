# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What events about invitations are made of: ids, chains of them, claims and fingerprints (private, pure; controller).

Each has one way to be written, so that no invitation is known by two ids and no key by two fingerprints.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "check_chain",
    "check_claims",
    "check_fingerprint",
    "check_jti",
    "parse_claims",
]

LONGEST_CLAIMS = 8192
LONGEST_CHAIN = 16  # a token that holds that many others is too big to be one
# 16 bytes in base64url and 32 bytes in base64: the bits that are over are zero, so the last character is one of few.
_IS_JTI = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]").fullmatch
_IS_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]").fullmatch


def check_jti(jti: Any) -> str:
    """Return the id of an invitation, or refuse it."""
    if not isinstance(jti, str) or not _IS_JTI(jti):
        raise IdentityError(
            f"The jti {quoted(jti)} is not that of an invitation, 22 characters of base64url: copy it from the list of"
            " invitations or from the token."
        )
    return jti


def check_chain(chain: Any) -> str:
    """Return the ids of the invitations that one was delegated from, with blanks between, or refuse them."""
    ids = chain.split(" ") if isinstance(chain, str) and chain else []
    if not isinstance(chain, str) or len(ids) > LONGEST_CHAIN or len(set(ids)) != len(ids):
        raise IdentityError(
            f"The chain {quoted(chain)} is not the ids of at most {LONGEST_CHAIN} different invitations with blanks"
            " between them: take it from the token."
        )
    for jti in ids:
        check_jti(jti)
    return chain


def check_claims(claims: Any) -> str:
    """Return the text of claims, or refuse it: here it is text and nothing else."""
    if not isinstance(claims, str) or len(claims) > LONGEST_CLAIMS:
        length = f"have {len(claims)} characters" if isinstance(claims, str) else "are not text"
        raise IdentityError(
            f"The claims {quoted(claims)} {length}, and the ledger keeps at most {LONGEST_CLAIMS}: shorten the lists in"
            " them, or delegate the invitation fewer times."
        )
    if not claims.startswith("{") or not claims.isascii() or not claims.isprintable():
        raise IdentityError(
            f"The claims {quoted(claims)} are not one line of canonical JSON: take them from the token."
        )
    return claims


def check_fingerprint(key: Any) -> str:
    """Return the fingerprint of a public key, or refuse it."""
    if not isinstance(key, str) or not _IS_FINGERPRINT(key):
        raise IdentityError(
            f"The key {quoted(key)} is not a fingerprint like SHA256:... with 43 characters of base64: take it from"
            " 'ssh-keygen -l'."
        )
    return key


def parse_claims(claims: str) -> dict[str, Any]:
    """The claims that a text says, which must be the one way to write them.

    :raises IdentityError: it is no JSON, or could be written in another way.
    """
    try:
        said = json.loads(check_claims(claims), parse_float=_refused, parse_constant=_refused)
        is_exact = isinstance(said, dict) and _canonical(said) == claims
    except (ValueError, RecursionError):
        is_exact = False
    if not is_exact:
        raise IdentityError(f"The claims {quoted(claims)} are not canonical JSON: take them from the token.")
    return dict(said)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _refused(text: str) -> Any:
    raise ValueError(text)
