# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement of an OpenID Connect provider about who logged in, verified (private; runs on the controller).

OpenID Connect Core 3.1.3.7 and RFC 8725: one algorithm out of a short list, a key of the provider alone, and every
claim that ties the statement to this login. Needs PyJWT and cryptography.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import sys
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import json_object
from ansible_collections.labfleet.identity.plugins.module_utils._login._urls import is_plain

if TYPE_CHECKING:
    from typing import Any

__all__ = ["ALGORITHMS", "Expected", "need_jwt", "verify_id_token"]

# Globus Auth signs with RS512; by algorithm what kind of key it takes, and the hash that at_hash is made with
ALGORITHMS = {
    "RS256": ("RSA", "sha256"),
    "RS512": ("RSA", "sha512"),
    "ES256": ("EC", "sha256"),
    "EdDSA": ("OKP", "sha512"),
}
LEEWAY = 60
LONGEST = 16384
LONGEST_SUBJECT = 255
_MOST_KEYS = 32
_SMALLEST_RSA = 2048
# by which a token would bring its own key, or a meaning that is not known here
_FORBIDDEN = frozenset(("b64", "crit", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u"))


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the statement has to say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str = dataclasses.field(repr=False)
    began: int
    now: int


def need_jwt() -> None:
    """Refuse to go on without the library that checks signatures."""
    try:
        import jwt

        can_verify = jwt.algorithms.has_crypto
    except ImportError:
        can_verify = False
    if not can_verify:
        raise IdentityError(
            f"A login needs the Python library PyJWT with cryptography, which {sys.executable} does not find: install"
            " PyJWT[crypto] for it."
        )


def verify_id_token(token: object, keys: dict[str, Any], expected: Expected) -> dict[str, Any]:
    """The claims of a statement that is the provider's, for this client, about this login.

    :param token: as the provider sent it.
    :param keys: the provider's JWKS.
    :raises IdentityError: it is anything else; nothing of the token is shown.
    """
    if not isinstance(token, str) or not is_plain(token, LONGEST) or token.count(".") != 2:
        raise _refused("it has no id_token")
    header = _part(token.split(".")[0])
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"its id_token is not signed with one of {', '.join(sorted(ALGORITHMS))}")
    if _FORBIDDEN & header.keys():
        raise _refused("its id_token brings a key or an extension of its own")
    if "typ" in header and str(header["typ"]).upper() != "JWT":
        raise _refused("it sent a token of another type as id_token")
    key = _key_for(header, algorithm, keys)
    claims = _verified(token, key, algorithm)
    _check_parties(claims, expected)
    _check_times(claims, expected)
    if not _same(claims.get("nonce"), expected.nonce):
        raise _refused("the nonce in its id_token is not that of this login, so it was made for another one")
    if "at_hash" in claims and not _same(claims["at_hash"], _at_hash(expected.access_token, algorithm)):
        raise _refused("its id_token belongs to another access token")
    if not is_plain(claims.get("sub"), LONGEST_SUBJECT):
        raise _refused("its id_token names nobody")
    return claims


def _key_for(header: dict[str, Any], algorithm: str, keys: dict[str, Any]) -> dict[str, Any]:
    """The one key that may have signed it."""
    found = keys.get("keys")
    if not isinstance(found, list) or len(found) > _MOST_KEYS:
        raise _refused("its keys are not a JWKS")
    usable = [
        key
        for key in found
        if isinstance(key, dict)
        and key.get("kty") == ALGORITHMS[algorithm][0]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    if "kid" in header:
        usable = [key for key in usable if isinstance(key.get("kid"), str) and key["kid"] == header["kid"]]
    if len(usable) != 1:
        raise _refused("its id_token is signed with a key that is not among its public keys")
    return usable[0]


def _verified(token: str, key: dict[str, Any], algorithm: str) -> dict[str, Any]:
    import jwt
    from cryptography.exceptions import UnsupportedAlgorithm

    if "d" in key:
        raise _refused("it has published the private half of its key")
    try:
        loaded = jwt.PyJWK.from_dict(key, algorithm=algorithm)
    except (jwt.exceptions.PyJWTError, UnsupportedAlgorithm):
        raise _refused("its public key cannot be used") from None
    if algorithm.startswith("RS") and getattr(loaded.key, "key_size", 0) < _SMALLEST_RSA:
        raise _refused(f"its key has fewer than {_SMALLEST_RSA} bits")
    try:
        payload = jwt.PyJWS().decode(token, loaded, algorithms=[algorithm])
    except jwt.exceptions.PyJWTError:
        raise _refused("the signature of its id_token is not that of its public key") from None
    return _object(payload)


def _check_parties(claims: dict[str, Any], expected: Expected) -> None:
    """By whom it is, and for whom."""
    if claims.get("iss") != expected.issuer:
        raise _refused(f"its id_token is of another issuer than {expected.issuer}")
    audience = claims.get("aud")
    if audience not in (expected.client_id, [expected.client_id]):
        raise _refused("its id_token was made for another client")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise _refused("its id_token was given to another client")


def _check_times(claims: dict[str, Any], expected: Expected) -> None:
    """That it was made after this login began, and holds."""
    issued, expires = _moment(claims.get("iat")), _moment(claims.get("exp"))
    begins = _moment(claims.get("nbf", 0))
    if expires + LEEWAY <= expected.now:
        raise _refused("its id_token has expired")
    if issued - LEEWAY > expected.now or begins - LEEWAY > expected.now:
        raise _refused("its id_token is of the future: see that both clocks are right")
    if issued + LEEWAY < expected.began:
        raise _refused("its id_token was made before this login began")


def _moment(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise _refused("its id_token does not say when it was made and how long it holds")
    return given


def _at_hash(access_token: str, algorithm: str) -> str:
    digest = hashlib.new(ALGORITHMS[algorithm][1], access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _part(encoded: str) -> dict[str, Any]:
    try:
        return _object(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        raise _refused("its id_token is malformed") from None


def _object(data: bytes) -> dict[str, Any]:
    try:
        return json_object(data)
    except ValueError:
        raise _refused("its id_token is malformed") from None


def _refused(why: str) -> IdentityError:
    return IdentityError(
        f"The answer of the provider cannot be believed: {why}. Nobody was verified; begin the login again."
    )
