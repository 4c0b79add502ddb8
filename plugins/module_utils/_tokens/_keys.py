# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key: as a JWK (RFC 7517, RFC 8037), its id (RFC 7638), and the half that signs (private, pure)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import (
    TokenRefused,
    canonical_json,
    decode_base64url,
    encode_base64url,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._libraries import needed

if TYPE_CHECKING:
    from typing import Any, Union

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    Private = Union[Ed25519PrivateKey, RSAPrivateKey]
    Public = Union[Ed25519PublicKey, RSAPublicKey]

__all__ = [
    "ALGORITHMS",
    "LEAST_RSA_BITS",
    "MOST_RSA_BITS",
    "SECRET_MEMBERS",
    "PublicKey",
    "SigningKey",
    "check_kid",
    "generate_key",
    "jwk_of",
    "parse_jwk",
    "signing_key",
]

ALGORITHMS = {"EdDSA": "OKP", "RS256": "RSA"}
LEAST_RSA_BITS = 3072
MOST_RSA_BITS = 8192
# RFC 7518 section 6.3.2 and 6.4, RFC 8037 section 2
SECRET_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
USE_UNTIL, VERIFY_UNTIL, MADE = "labfleet_use_until", "labfleet_verify_until", "labfleet_made"
_KID_LENGTH = 255
# Points of small order (RFC 7748 section 6, in the encodings that decoders take): anybody signs for such a key.
_SMALL_ORDER = frozenset(
    bytes.fromhex(head + middle * 30 + tail)
    for head, middle, tail in (
        ("00", "00", "00"),
        ("00", "00", "80"),
        ("01", "00", "00"),
        ("01", "00", "80"),
        ("ec", "ff", "7f"),
        ("ec", "ff", "ff"),
        ("ed", "ff", "7f"),
        ("ed", "ff", "ff"),
        ("ee", "ff", "7f"),
        ("ee", "ff", "ff"),
    )
) | frozenset(
    bytes.fromhex(text)
    for text in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies. It signs nothing that is issued after ``use_until``, and counts until ``verify_until``."""

    kid: str
    algorithm: str
    thumbprint: str
    key: Public = field(compare=False)
    use_until: int | None = None
    verify_until: int | None = None
    made: int | None = None


@dataclass(frozen=True)
class SigningKey:
    """The key that signs; nothing shows its private half."""

    kid: str
    algorithm: str
    key: Private = field(repr=False, compare=False)


def parse_jwk(raw: Any) -> PublicKey | None:
    """Read one key of a JWK set; None for one of a kind that signs no token here.

    :raises IdentityError: it has a private half, is too weak or damaged, or does not say its algorithm.
    """
    if not isinstance(raw, dict):
        raise IdentityError("a key in it is no mapping: make the file anew")
    secret = sorted(SECRET_MEMBERS & raw.keys())
    if secret:
        raise IdentityError(
            f"a key in it has a private part ({', '.join(secret)}): this key is not secret any more, so retire it, and"
            " publish the public half alone"
        )
    if raw.get("kty") not in ALGORITHMS.values() or raw.get("use", "sig") != "sig":
        return None
    kid = check_kid(raw.get("kid"))
    algorithm = raw.get("alg")
    if not isinstance(algorithm, str):
        raise IdentityError(f"its key {quoted(kid)} does not say its algorithm: add alg, EdDSA or RS256")
    if algorithm not in ALGORITHMS:
        return None
    if ALGORITHMS[algorithm] != raw["kty"] or (algorithm == "EdDSA" and raw.get("crv") != "Ed25519"):
        raise IdentityError(f"its key {quoted(kid)} has an algorithm that does not go with it: correct alg, kty or crv")
    if raw.get("key_ops", ["verify"]) != ["verify"]:
        raise IdentityError(f"its key {quoted(kid)} has key_ops that are not verify alone: correct that")
    if algorithm == "EdDSA":
        shape = {"crv": "Ed25519", "kty": "OKP", "x": raw.get("x")}
        key: Public = _ed25519(kid, _number(kid, raw, "x"))
    else:
        shape = {"e": raw.get("e"), "kty": "RSA", "n": raw.get("n")}
        key = _rsa(kid, _number(kid, raw, "n"), _number(kid, raw, "e"))
    times = {name: _time(kid, raw, name) for name in (USE_UNTIL, VERIFY_UNTIL, MADE)}
    return PublicKey(kid, algorithm, _thumbprint(shape), key, times[USE_UNTIL], times[VERIFY_UNTIL], times[MADE])


def jwk_of(key: PublicKey) -> dict[str, Any]:
    """What a JWK set says of a key."""
    told: dict[str, Any] = {**_shape(key.key), "alg": key.algorithm, "kid": key.kid, "use": "sig"}
    for name, value in ((USE_UNTIL, key.use_until), (VERIFY_UNTIL, key.verify_until), (MADE, key.made)):
        if value is not None:
            told[name] = value
    return told


def signing_key(private: Private) -> tuple[SigningKey, PublicKey]:
    """Both halves of a pair, under the id that follows from it."""
    public = private.public_key()
    shape = _shape(public)
    algorithm = "EdDSA" if shape["kty"] == "OKP" else "RS256"
    kid = _thumbprint(shape)
    return SigningKey(kid, algorithm, private), PublicKey(kid, algorithm, kid, public)


def generate_key(algorithm: str, bits: int = LEAST_RSA_BITS) -> Private:
    """A new private key."""
    with needed("cryptography"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    if algorithm != "RS256" or not LEAST_RSA_BITS <= bits <= MOST_RSA_BITS:
        raise IdentityError(
            f"A key of {quoted(algorithm)} with {bits} bits is not made: take EdDSA, or RS256 with {LEAST_RSA_BITS} to"
            f" {MOST_RSA_BITS} bits."
        )
    return generate_private_key(65537, bits)


def check_kid(kid: Any) -> str:
    """Return the id of a key, or refuse it."""
    if isinstance(kid, str) and 0 < len(kid) <= _KID_LENGTH and kid.isascii() and kid.isprintable():
        return kid
    raise IdentityError(f"a key in it has the id {quoted(kid)}, which is none: give it a kid of printable characters")


def _shape(public: Public) -> dict[str, str]:
    """The members that make the key what it is (RFC 7638 section 3.2, RFC 8037 section 2)."""
    with needed("cryptography"):
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    if isinstance(public, RSAPublicKey):
        numbers = public.public_numbers()
        return {"e": _encoded(numbers.e), "kty": "RSA", "n": _encoded(numbers.n)}
    return {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(public.public_bytes_raw())}


def _encoded(number: int) -> str:
    return encode_base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _thumbprint(shape: dict[str, Any]) -> str:
    return encode_base64url(hashlib.sha256(canonical_json(shape)).digest())


def _number(kid: str, raw: dict[str, Any], name: str) -> bytes:
    text = raw.get(name)
    try:
        data = decode_base64url(text, name) if isinstance(text, str) and len(text) <= MOST_RSA_BITS else b""
    except TokenRefused:
        data = b""
    # a number with zeros in front is the same key under another id
    if not data or (name != "x" and data[0] == 0):
        raise IdentityError(f"its key {quoted(kid)} is damaged ({name}): copy it again")
    return data


def _ed25519(kid: str, data: bytes) -> Ed25519PublicKey:
    with needed("cryptography"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    if len(data) != 32 or data in _SMALL_ORDER:
        raise IdentityError(
            f"its key {quoted(kid)} is no key of Ed25519 that anything can be trusted to: copy it again"
        )
    return Ed25519PublicKey.from_public_bytes(data)


def _rsa(kid: str, modulus: bytes, exponent: bytes) -> RSAPublicKey:
    with needed("cryptography"):
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    if not LEAST_RSA_BITS <= n.bit_length() <= MOST_RSA_BITS:
        raise IdentityError(
            f"its key {quoted(kid)} has {n.bit_length()} bits: RSA is taken from {LEAST_RSA_BITS} to {MOST_RSA_BITS}"
        )
    if n % 2 == 0 or e % 2 == 0 or not 65537 <= e < 2**32:
        raise IdentityError(
            f"its key {quoted(kid)} is no RSA key that is taken: the exponent must be 65537 or a little more"
        )
    return RSAPublicNumbers(e, n).public_key()


def _time(kid: str, raw: dict[str, Any], name: str) -> int | None:
    value = raw.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise IdentityError(f"its key {quoted(kid)} has a {name} that is no time in seconds: copy the file again")
    return value
