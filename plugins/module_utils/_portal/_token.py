# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a portal's token says, after its signature was verified (private; runs on the controller)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import check_upstream
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused, verify_compact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import Verified
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet

__all__ = ["PortalUser", "Trust", "check_trust", "read_token"]

LONGEST_LIFE = 86400
LONGEST_LEEWAY = 300
_LONGEST_JTI = 255
_DIGITS = 32


@dataclass(frozen=True)
class Trust:
    """What a token has to say to count here."""

    keys: Mapping[str, KeySet]  # by issuer
    audience: str
    roles: Sequence[str]
    role_claim: str = "role"
    username_claim: str = "preferred_username"
    types: Sequence[str] = ("JWT",)
    lifetime: int = 600
    leeway: int = 30


@dataclass(frozen=True)
class PortalUser:
    """A user of a portal, as one token names them."""

    issuer: str
    subject: str
    jti: str
    expires: int
    role: str
    username: str = ""  # what the portal proposes

    @property
    def upstream(self) -> str:
        """How the ledger writes them: an issuer has no blank in it, so no two users are written alike."""
        return check_upstream("%s %s" % (self.issuer, self.subject))

    @property
    def run(self) -> str:
        """What names this token and no other one."""
        return _digest(self.issuer, self.jti)

    @property
    def identity(self) -> str:
        """What names this user and no other one."""
        return _digest(self.issuer, self.subject)


def check_trust(trust: Trust) -> Trust:
    """Refuse settings that would let in whom nobody means."""
    for issuer in trust.keys:
        if not issuer or not issuer.isprintable() or " " in issuer:
            raise IdentityError(f"The issuer {quoted(issuer)} is not one word: write it as its tokens have it.")
    if not trust.keys or not trust.roles or not trust.types or not trust.audience:
        raise IdentityError("trusted, audience, roles and types each need a value: without it no token counts.")
    if not 1 <= trust.lifetime <= LONGEST_LIFE or not 0 <= trust.leeway <= LONGEST_LEEWAY:
        raise IdentityError(
            f"lifetime is {trust.lifetime} and leeway {trust.leeway}: write at most {LONGEST_LIFE} and {LONGEST_LEEWAY}"
            " seconds."
        )
    return trust


def read_token(token: str, trust: Trust, now: int) -> PortalUser:
    """The user whom a token names.

    :raises IdentityError: the token does not count here; the message has nothing of it that is secret.
    """
    verified = _verified(token, check_trust(trust), now)
    claims, issuer = verified.claims, verified.issuer
    # what counts from a later moment on is no reason to live longer than others
    if claims["exp"] - claims["iat"] > trust.lifetime:
        raise TokenRefused(
            "lives_too_long",
            f"The token counts for {claims['exp'] - claims['iat']} s, and at most {trust.lifetime} s are taken: let the"
            " portal make one for this run.",
        )
    subject, jti = _text(claims, "sub"), _text(claims, "jti")
    if len(jti) > _LONGEST_JTI:
        raise TokenRefused("bad_claim", f"The jti of the token has more than {_LONGEST_JTI} characters.")
    user = PortalUser(
        issuer,
        subject,
        jti,
        claims["exp"],
        _role(claims, trust),
        claims[trust.username_claim] if isinstance(claims.get(trust.username_claim), str) else "",
    )
    check_upstream(user.upstream)
    return user


def _verified(token: str, trust: Trust, now: int) -> Verified:
    """Verify it as each of the types that are taken; nothing but the type may differ between them."""
    refusal = None
    for typ in dict.fromkeys(trust.types):
        try:
            return verify_compact(
                token,
                trust.keys,
                trust.audience,
                typ,
                now,
                leeway=trust.leeway,
                longest_life=trust.lifetime,
                canonical=False,
            )
        except TokenRefused as error:
            if error.reason != "wrong_type":
                raise
            refusal = error
    raise TokenRefused(
        "wrong_type", f"The token is none of {', '.join(trust.types)}: it was made for something else."
    ) from refusal


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable() or value != value.strip():
        raise TokenRefused("bad_claim", f"The {name} of the token is not one line of text, so it names nobody.")
    return value


def _role(claims: Mapping[str, Any], trust: Trust) -> str:
    """The first of the wanted roles that the token has."""
    value = claims.get(trust.role_claim)
    has = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = [role for role in trust.roles if role in has]
    if not found:
        raise TokenRefused(
            "wrong_role",
            f"The token has none of the roles {', '.join(trust.roles)} in {quoted(trust.role_claim)}: who has no such"
            " role runs nothing here.",
        )
    return found[0]


def _digest(issuer: str, text: str) -> str:
    """Unambiguous, for no issuer and no such text has a NUL."""
    return hashlib.sha256(f"{issuer}\0{text}".encode()).hexdigest()[:_DIGITS]
