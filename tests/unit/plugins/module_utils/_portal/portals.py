# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of portals, and tokens in every shape."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import PortalUser, Trust
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    PublicKey,
    SigningKey,
    generate_key,
    signing_key,
)

NOW = 1795000000
PORTAL = "https://portal.example"
OTHER = "https://other.example"
AUDIENCE = "labfleet"


@functools.lru_cache(maxsize=None)
def pair(name: str) -> tuple[SigningKey, PublicKey]:
    """The pair of this name; those whose names begin with rsa are of RSA."""
    return signing_key(generate_key("RS256" if name.startswith("rsa") else "EdDSA"))


def keys(*names: str) -> KeySet:
    return KeySet({public.kid: public for _private, public in map(pair, names)})


def trust(**more: Any) -> Trust:
    """Two portals with a key each."""
    settings = {
        "keys": {PORTAL: keys("portal", "rsa"), OTHER: keys("other")},
        "audience": AUDIENCE,
        "roles": ("user", "pi"),
        **more,
    }
    return Trust(**settings)


def claims(**more: Any) -> dict[str, Any]:
    """What a portal says; what is None is left out."""
    told = {
        "iss": PORTAL,
        "aud": AUDIENCE,
        "sub": "4711",
        "jti": "token-1",
        "iat": NOW,
        "exp": NOW + 300,
        "role": "user",
        "preferred_username": "ann",
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


def token(key: str = "portal", header: dict[str, Any] | None = None, **more: Any) -> str:
    """A token as a portal's library writes it: with blanks, and in its own order."""
    private, _public = pair(key)
    head = {"typ": "JWT", "alg": private.algorithm, "kid": private.kid, **(header or {})}
    start = f"{_part(head)}.{_part(claims(**more))}"
    return f"{start}.{_base64(_signature(start.encode('ascii'), private))}"


def user(subject: str = "4711", issuer: str = PORTAL, jti: str = "token-1", **more: Any) -> PortalUser:
    """A user whose token was verified."""
    return PortalUser(issuer, subject, jti, more.get("expires", NOW + 300), "user", more.get("username", "ann"))


def _part(value: dict[str, Any]) -> str:
    return _base64(json.dumps({name: one for name, one in value.items() if one is not None}).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signature(data: bytes, key: SigningKey) -> bytes:
    """Made without the code that is tested."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key.key, Ed25519PrivateKey):
        return key.key.sign(data)
    return key.key.sign(data, PKCS1v15(), SHA256())
