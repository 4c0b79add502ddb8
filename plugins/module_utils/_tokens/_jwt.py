# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compact signed tokens (RFC 7515, RFC 7519) as RFC 8725 wants them (private; runs on the controller).

PyJWT does the cryptography and checks what it can. What stands before and behind it is stricter: how a token is
written, which key and algorithm it is, what its header has, and which times it names. A token says nothing about how
it is to be verified: key and algorithm are those that the verifier has for its issuer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import (
    TokenRefused,
    canonical_json,
    decode_base64url,
    read_object,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._libraries import check_pyjwt, needed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jwt.types import Options

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import PublicKey, SigningKey

__all__ = ["LARGEST_TOKEN", "TokenRefused", "Verified", "read_compact", "sign_compact", "verify_compact"]

LARGEST_TOKEN = 16384
_HEADER = frozenset(("alg", "kid", "typ"))
_TEXTS = ("iss", "aud", "jti")
_TIMES = ("iat", "nbf", "exp")
_OPTIONS: Options = {
    "require": ["iss", "aud", "exp", "iat", "jti"],
    "verify_signature": True,
    "verify_exp": True,
    "verify_nbf": True,
    "verify_iat": True,
    "verify_aud": True,
    "verify_iss": True,
    "verify_sub": True,
    "verify_jti": True,
    "strict_aud": True,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True)
class Verified:
    """What a token says that was verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    issuer: str
    kid: str


def sign_compact(claims: dict[str, Any], key: SigningKey, typ: str) -> str:
    """The token with these claims: the same claims and the same key give the same bytes."""
    with needed("PyJWT"):
        import jwt
    check_pyjwt(jwt.__version__)
    payload = canonical_json(claims)
    token = jwt.PyJWS().encode(payload, key.key, key.algorithm, headers={"kid": key.kid, "typ": typ})
    if len(token) > LARGEST_TOKEN:
        raise TokenRefused(
            "too_large",
            f"The token would have {len(token)} characters, and at most {LARGEST_TOKEN} are taken: say less in it.",
        )
    return token


def verify_compact(
    token: str,
    trusted: Mapping[str, KeySet],
    audience: str,
    typ: str,
    now: int,
    *,
    leeway: int = 0,
    largest: int = LARGEST_TOKEN,
    longest_life: int | None,
    canonical: bool,
) -> Verified:
    """Verify a token.

    :param trusted: the public keys by issuer. A key counts for its own issuer only.
    :param typ: the ``typ`` that the header must have, to the letter.
    :param now: seconds since 1970.
    :param leeway: by how many seconds clocks may differ.
    :param longest_life: the longest time between ``nbf`` (``iat`` without it) and ``exp``, None for any.
    :param canonical: whether it must be written as ours are. Tokens of others may have blanks and any order, no
        ``nbf``, and no ``kid`` where their issuer has one key only.
    :raises TokenRefused: with the reason.
    """
    header, claims = read_compact(token, largest=largest, canonical=canonical)
    _check_header(header, typ, canonical)
    _check_shapes(claims, canonical)
    issuer = claims["iss"]
    key = _key_of(header, issuer, trusted, canonical)
    _verify(token, key, issuer, audience, claims, now, leeway)
    _check_times(claims, key, now, leeway, longest_life)
    return Verified(header, claims, issuer, key.kid)


def read_compact(
    token: str, *, largest: int = LARGEST_TOKEN, canonical: bool = True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as somebody wrote them: nothing of it is verified."""
    if not isinstance(token, str):
        raise TokenRefused("malformed", "The token is not text: give the whole token as one line.")
    if len(token) > largest:
        raise TokenRefused("too_large", f"The token has {len(token)} characters, and at most {largest} are taken.")
    parts = token.split(".")
    if len(parts) != 3 or not parts[0] or not parts[1]:
        raise TokenRefused("malformed", "The token has not three parts with a point between them: copy all of it.")
    header = read_object(decode_base64url(parts[0], "header"), "header", canonical)
    claims = read_object(decode_base64url(parts[1], "content"), "content", canonical)
    decode_base64url(parts[2], "signature")
    return header, claims


def _check_header(header: dict[str, Any], typ: str, canonical: bool) -> None:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm.lower() in ("", "none"):
        raise TokenRefused("no_algorithm", "The token says that it is not signed: whoever made it proves nothing.")
    more = sorted(header.keys() - _HEADER)
    if more:
        raise TokenRefused(
            "header_not_allowed",
            f"The header of the token has {quoted(more[0])}, which would have a say in how it is verified: it has alg,"
            " kid and typ alone.",
        )
    if header.get("typ") != typ:
        raise TokenRefused("wrong_type", f"The token is no {typ}: it was made for something else.")
    if not isinstance(header.get("kid"), str) and (canonical or "kid" in header):
        raise TokenRefused("unknown_key", "The token does not say which key signed it.")


def _check_shapes(claims: dict[str, Any], canonical: bool) -> None:
    needs = (*_TEXTS, *_TIMES) if canonical else (*_TEXTS, "iat", "exp")
    for name in needs:
        if name not in claims:
            raise TokenRefused("missing_claim", f"The token has no {name}, so it says too little to be trusted.")
    for name in _TEXTS:
        value = claims[name]
        if not isinstance(value, str) or not value or not value.isprintable():
            raise TokenRefused("bad_claim", f"The {name} of the token is not one line of text.")
    for name in _TIMES:
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise TokenRefused("bad_claim", f"The {name} of the token is no time in whole seconds since 1970.")


def _key_of(header: dict[str, Any], issuer: str, trusted: Mapping[str, KeySet], canonical: bool) -> PublicKey:
    """The key that the verifier has for this, and no other."""
    keys = trusted.get(issuer)
    if keys is None:
        raise TokenRefused(
            "wrong_issuer",
            f"The token is of {quoted(issuer)}, whose keys are not trusted here: trust them first, if you do.",
        )
    kid = header.get("kid")
    key = keys.keys.get(kid) if kid is not None else keys.in_use if len(keys.keys) == 1 else None
    # an id that is not the thumbprint could be given to another key tomorrow
    if key is None or (canonical and key.kid != key.thumbprint):
        raise TokenRefused(
            "unknown_key",
            f"The token was signed with a key ({quoted(kid)}) that {quoted(issuer)} does not have here: it is retired,"
            f" or newer than the keys of {quoted(issuer)} that you have. Copy these again.",
        )
    if header["alg"] != key.algorithm:
        raise TokenRefused(
            "wrong_algorithm", f"The token names another algorithm than {key.algorithm}, which is that of its key."
        )
    return key


def _verify(
    token: str, key: PublicKey, issuer: str, audience: str, claims: dict[str, Any], now: int, leeway: int
) -> None:
    """Have PyJWT verify it."""
    with needed("PyJWT"):
        import jwt
    check_pyjwt(jwt.__version__)
    if token.endswith("."):
        raise TokenRefused("no_signature", "The token has no signature: whoever made it proves nothing.")
    try:
        jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=audience,
            issuer=issuer,
            options=_OPTIONS,
            # it has a clock of its own, and is told how far from `now` that is
            leeway=leeway + abs(time.time() - now) + 1,
        )
    except jwt.InvalidTokenError as error:
        refusal = _refusal(error, issuer, audience, claims, now + leeway)
    else:
        return
    raise refusal


def _refusal(error: Exception, issuer: str, audience: str, claims: dict[str, Any], latest: int) -> TokenRefused:
    """What PyJWT found, as a refusal of ours: its own text could have a part of the token."""
    import jwt

    if isinstance(error, jwt.InvalidSignatureError):
        return TokenRefused(
            "bad_signature", f"The token was changed, or not signed by {quoted(issuer)}: nothing in it can be trusted."
        )
    if isinstance(error, jwt.InvalidAudienceError):
        return TokenRefused("wrong_audience", f"The token is not for {quoted(audience)}: use it where it is for.")
    if isinstance(error, jwt.ExpiredSignatureError):
        return _expired()
    if isinstance(error, jwt.ImmatureSignatureError):
        return _too_early(claims, latest)
    return TokenRefused("malformed", f"The token is none that can be verified ({type(error).__name__}).")


def _check_times(claims: dict[str, Any], key: PublicKey, now: int, leeway: int, longest_life: int | None) -> None:
    issued, begins, ends = claims["iat"], claims.get("nbf", claims["iat"]), claims["exp"]
    if ends <= now - leeway:
        raise _expired()
    if max(issued, begins) > now + leeway:
        raise _too_early(claims, now + leeway)
    if ends <= begins or ends <= issued:
        raise TokenRefused("bad_claim", "The token ends before it begins.")
    if longest_life is not None and ends - begins > longest_life:
        raise TokenRefused(
            "lives_too_long",
            f"The token would count for {ends - begins} s, and at most {longest_life} s are taken: ask for a new one.",
        )
    if key.use_until is not None and issued > key.use_until:
        raise TokenRefused(
            "key_rotated_out", f"The token was issued after its key ({quoted(key.kid)}) had been rotated out."
        )
    if key.verify_until is not None and now > key.verify_until:
        raise TokenRefused("key_over", f"The key of the token ({quoted(key.kid)}) was rotated out too long ago.")


def _expired() -> TokenRefused:
    return TokenRefused("expired", "The token has expired: ask whoever gave it to you for a new one.")


def _too_early(claims: dict[str, Any], latest: int) -> TokenRefused:
    if claims["iat"] > latest:
        return TokenRefused("issued_in_future", "The token was issued in the future: see whether the clocks are right.")
    return TokenRefused("not_yet_valid", "The token does not count yet: use it later.")
