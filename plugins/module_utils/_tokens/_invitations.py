# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations: the claims of their tokens, made and read (private, pure).

The id of an invitation (``jti``) is a digest of all else that it says. So nobody can choose one: neither to use up the
invitation of somebody else, nor to have two with one id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import check_profile_id, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import (
    TokenRefused,
    canonical_json,
    encode_base64url,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import read_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._narrowing import check_narrower
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import (
    Offer,
    check_fingerprint,
    check_issuer,
    offer_claims,
    parse_offer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "DEFAULT_LIFE",
    "INVITATION_TYPE",
    "LONGEST_LIFE",
    "Invitation",
    "check_invitation",
    "check_narrower",
    "invitation_claims",
    "jti_of",
]

INVITATION_TYPE = "invitation+jwt"
DEFAULT_LIFE = 86400
LONGEST_LIFE = 7 * 86400
_NEEDED = ("iss", "aud", "jti", "iat", "nbf", "exp", "inv")
_CLAIMS = frozenset((*_NEEDED, "cnf", "prt", "ref"))
_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_LONGEST_REF = 64


@dataclass(frozen=True)
class Invitation:
    """What an invitation says."""

    issuer: str
    audience: str
    jti: str
    issued: int
    begins: int
    ends: int
    offer: Offer
    key: str = ""  # the fingerprint of the SSH key that must be used, empty for any
    parent: str = field(default="", repr=False)  # the whole token that it was delegated from
    ref: str = ""  # tells invitations apart that offer the same


def jti_of(claims: Mapping[str, Any]) -> str:
    """The id that follows from everything else."""
    rest = {name: value for name, value in claims.items() if name != "jti"}
    return encode_base64url(hashlib.sha256(canonical_json(rest)).digest()[:16])


def invitation_claims(
    options: Mapping[str, Any],
    now: int,
    *,
    issuer: str,
    audience: str,
    life: int | None = None,
    longest_life: int = LONGEST_LIFE,
    parent: str = "",
) -> dict[str, Any]:
    """The claims of a new invitation.

    :param options: the terms, as in :class:`Offer`; ``key``, an SSH public key or its fingerprint; and ``name``, by
        which the inviter calls it: only a digest of it goes into the token, so that two people get two invitations.
        None is the same as nothing.
    :param life: for how many seconds it counts, a day if it is not said (or as long as its parent).
    :param parent: the token that it is delegated from, which the caller has verified. What that demands is demanded
        again, also when the options do not say so.
    :raises TokenRefused: a term is not one, the time is too long, or the parent does not cover it.
    """
    check_issuer(issuer)
    above = check_invitation(read_compact(parent)[1]) if parent else None
    terms = {name: value for name, value in options.items() if name not in ("key", "name") and value is not None}
    if above is not None:
        terms = {**_demands(above.offer), **terms}
    key = _fingerprint(options.get("key")) or (above.key if above else "")
    ends = now + (DEFAULT_LIFE if life is None else life)
    if above is not None and life is None:
        ends = min(ends, above.ends)
    begins = max(now, above.begins) if above else now
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": check_profile_id(audience),
        "iat": now,
        "nbf": begins,
        "exp": ends,
        "inv": offer_claims(parse_offer(terms)),
    }
    if key:
        claims["cnf"] = {"jkt": key}
    if parent:
        claims["prt"] = parent
    if options.get("name"):
        claims["ref"] = _ref(issuer, audience, str(options["name"]))
    if ends - begins > longest_life or ends <= begins:
        raise TokenRefused(
            "lives_too_long" if ends > begins else "expired",
            f"The invitation would count for {ends - begins} s: give it 1 to {longest_life} s, or allow more.",
        )
    claims["jti"] = jti_of(claims)
    made = check_invitation(claims)
    if above is not None:
        check_narrower(above, made)
    return claims


def check_invitation(claims: Mapping[str, Any]) -> Invitation:
    """Read the claims of an invitation; only the one way in which they are written is taken.

    :raises TokenRefused: missing_claim, claim_not_allowed, bad_claim or wrong_jti.
    """
    for name in _NEEDED:
        if name not in claims:
            raise TokenRefused("missing_claim", f"The invitation has no {name}: it is none, or damaged.")
    for name in claims:
        if name not in _CLAIMS:
            raise TokenRefused(
                "claim_not_allowed", f"The invitation has the claim {quoted(name)}, which no invitation has."
            )
    issued, begins, ends = (_time(claims, name) for name in ("iat", "nbf", "exp"))
    if not issued <= begins < ends:
        raise TokenRefused("bad_claim", "The times of the invitation are not in the order iat, nbf, exp.")
    issuer, audience = check_issuer(claims["iss"]), _audience(claims["aud"])
    offer = parse_offer(claims["inv"])
    if offer_claims(offer) != claims["inv"] or _kinds(offer_claims(offer)) != _kinds(claims["inv"]):
        raise TokenRefused("bad_claim", "A term of the invitation is not written in the one way there is.")
    key, parent, ref = _bound(claims), claims.get("prt", ""), claims.get("ref", "")
    if not isinstance(parent, str) or ("prt" in claims and not parent):
        raise TokenRefused("bad_claim", "The prt of the invitation is not the token that it was delegated from.")
    if "ref" in claims and not (isinstance(ref, str) and 0 < len(ref) <= _LONGEST_REF and _WORD.issuperset(ref)):
        raise TokenRefused("bad_claim", "The ref of the invitation is not one word.")
    if claims["jti"] != jti_of(claims):
        raise TokenRefused("wrong_jti", "The id of the invitation does not follow from what it says: it was made up.")
    return Invitation(issuer, audience, claims["jti"], issued, begins, ends, offer, key, parent, ref)


def _demands(offer: Offer) -> dict[str, Any]:
    """What a parent demands goes on by itself; what it gives, somebody has to give again."""
    kept = {"shell", "quota", "access_until", "institutions", "orcid", "idp", "policy"}
    if offer.username_fixed:
        kept |= {"username", "username_fixed"}
    return {name: value for name, value in offer_claims(offer).items() if name in kept}


def _kinds(value: Any) -> Any:
    """The types of everything in it: 1 equals true, and is another thing in a token."""
    if isinstance(value, dict):
        return {name: _kinds(item) for name, item in value.items()}
    return [_kinds(item) for item in value] if isinstance(value, list) else type(value)


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TokenRefused("bad_claim", f"The {name} of the invitation is no time in whole seconds since 1970.")
    return value


def _audience(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TokenRefused("bad_claim", "The aud of the invitation is not the id of a profile.")
    return value


def _bound(claims: Mapping[str, Any]) -> str:
    if "cnf" not in claims:
        return ""
    confirmation = claims["cnf"]
    if not isinstance(confirmation, dict) or list(confirmation) != ["jkt"]:
        raise TokenRefused("bad_claim", "The cnf of the invitation is not the fingerprint of one key.")
    return check_fingerprint(confirmation["jkt"])


def _fingerprint(key: Any) -> str:
    if key in (None, ""):
        return ""
    if isinstance(key, str) and not key.startswith("SHA256:"):
        return parse_public_key(key).fingerprint
    return check_fingerprint(key)


def _ref(issuer: str, audience: str, name: str) -> str:
    text = f"{issuer}\n{audience}\n{name}".encode("utf-8", "backslashreplace")
    return encode_base64url(hashlib.sha256(text).digest()[:16])
