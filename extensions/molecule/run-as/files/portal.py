# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A portal: makes a key pair and the tokens of its users, as the library of a portal would."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ISSUER = "https://portal.example"


def make_keys(place: Path) -> None:
    """The portal's key, and what the world may know of it."""
    key = Ed25519PrivateKey.generate()
    place.mkdir(mode=0o700, exist_ok=True)
    (place / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key()))
    entry = {**public, "kid": "portal-1", "alg": "EdDSA", "use": "sig"}
    (place / "jwks.json").write_text(json.dumps({"keys": [entry]}))


def make_token(place: Path, subject: str, role: str = "user", audience: str = "labfleet") -> str:
    """A token for one run."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": subject,
        "aud": audience,
        "role": role,
        "jti": f"canary-{uuid.uuid4()}",
        "iat": now,
        "exp": now + 300,
        "preferred_username": f"user{subject}",
    }
    return jwt.encode(claims, (place / "key.pem").read_text(), algorithm="EdDSA", headers={"kid": "portal-1"})


if __name__ == "__main__":
    os.umask(0o077)
    if sys.argv[1] == "keys":
        make_keys(Path(sys.argv[2]))
    else:
        sys.stdout.write(make_token(Path(sys.argv[2]), *sys.argv[3:]))
