# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are made once a session, and tokens in every shape."""

from __future__ import annotations

import functools
import json
from typing import Any

from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import (
    canonical_json,
    encode_base64url,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import jti_of
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    PublicKey,
    SigningKey,
    generate_key,
    signing_key,
)

NOW = 1795000000
DAY = 86400
TYPE = "invitation+jwt"
AUDIENCE = "personal-research"


@functools.lru_cache(maxsize=None)
def pair(name: str) -> tuple[SigningKey, PublicKey]:
    """The pair of this name; those whose names begin with rsa are of RSA."""
    return signing_key(generate_key("RS256" if name.startswith("rsa") else "EdDSA"))


def keys(*names: str) -> KeySet:
    """The public halves of these pairs."""
    return KeySet({public.kid: public for _private, public in map(pair, names)})


def claims(**more: Any) -> dict[str, Any]:
    """Claims that any verifier takes; what is None is left out."""
    told = {
        "iss": "cluster-a",
        "aud": AUDIENCE,
        "jti": "a" * 22,
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + DAY,
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


def json_bytes(value: Any) -> bytes:
    """JSON as ours is written; bytes are taken as they are."""
    return value if isinstance(value, bytes) else canonical_json(value)


def signed(header: Any, payload: Any, key: SigningKey) -> str:
    """A token with whatever in it, and a good signature over that."""
    start = f"{encode_base64url(json_bytes(header))}.{encode_base64url(json_bytes(payload))}"
    return f"{start}.{encode_base64url(signature(start.encode('ascii'), key))}"


def signature(data: bytes, key: SigningKey) -> bytes:
    """The signature of the key, made without the code that is tested."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key.key, Ed25519PrivateKey):
        return key.key.sign(data)
    return key.key.sign(data, PKCS1v15(), SHA256())


def header(key: SigningKey, **more: Any) -> dict[str, Any]:
    """The header that belongs to the key; what is None is left out."""
    told = {"alg": key.algorithm, "kid": key.kid, "typ": TYPE, **more}
    return {name: value for name, value in told.items() if value is not None}


def loose(value: Any) -> bytes:
    """JSON as anybody may write it."""
    return json.dumps(value, indent=1).encode("utf-8")


def invitation(name: str = "a", issuer: str = "cluster-a", **more: Any) -> str:
    """An invitation as this issuer signs it with this key; what is None is left out of its claims."""
    return signed_claims(invitation_claims_of(issuer, **more), name)


def invitation_claims_of(issuer: str = "cluster-a", **more: Any) -> dict[str, Any]:
    """Claims of an invitation whose id follows from them, whether they make sense or not."""
    told = claims(**{"iss": issuer, "inv": {"role": "member"}, **more})
    if "jti" not in more:
        told["jti"] = jti_of(told)
    return told


def signed_claims(told: dict[str, Any], name: str) -> str:
    """These claims under a good header and signature."""
    key = pair(name)[0]
    return signed(header(key), told, key)
