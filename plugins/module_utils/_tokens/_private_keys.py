# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys as files: PKCS#8, encrypted with a passphrase (RFC 5958, RFC 8018; private, pure).

The library encrypts PKCS#8 with so few rounds that a passphrase is guessed a thousand times faster than with ours. So
the envelope is made here; any program that knows PKCS#8 (``openssl pkey``) opens it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._libraries import needed

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import Private

__all__ = ["encrypted_pem", "read_pem"]

ROUNDS = 600_000  # of PBKDF2 with SHA-256: a fifth of a second or so for each guess
_BEGIN, _END = "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----"
_SEQUENCE, _OCTETS, _INTEGER, _OID, _NULL = 0x30, 0x04, 0x02, 0x06, 0x05
_PBES2 = bytes.fromhex("2a864886f70d01050d")  # 1.2.840.113549.1.5.13
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")  # 1.2.840.113549.1.5.12
_HMAC_SHA256 = bytes.fromhex("2a864886f70d0209")  # 1.2.840.113549.2.9
_AES256_CBC = bytes.fromhex("60864801650304012a")  # 2.16.840.1.101.3.4.1.42


def encrypted_pem(private: Private, passphrase: str) -> bytes:
    """The private key as a text that is of no use without the passphrase."""
    with needed("cryptography"):
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC
        from cryptography.hazmat.primitives.padding import PKCS7
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    salt, start = secrets.token_bytes(16), secrets.token_bytes(16)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode("utf-8"), salt, ROUNDS, 32)
    padder, cipher = PKCS7(128).padder(), Cipher(AES(key), CBC(start)).encryptor()
    plain = padder.update(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())) + padder.finalize()
    rounds = _der(_INTEGER, ROUNDS.to_bytes(ROUNDS.bit_length() // 8 + 1, "big"))
    hashing = _der(_SEQUENCE, _der(_OID, _HMAC_SHA256), _der(_NULL))
    derivation = _der(_SEQUENCE, _der(_OID, _PBKDF2), _der(_SEQUENCE, _der(_OCTETS, salt), rounds, hashing))
    scheme = _der(_SEQUENCE, _der(_OID, _AES256_CBC), _der(_OCTETS, start))
    envelope = _der(
        _SEQUENCE,
        _der(_SEQUENCE, _der(_OID, _PBES2), _der(_SEQUENCE, derivation, scheme)),
        _der(_OCTETS, cipher.update(plain) + cipher.finalize()),
    )
    text = base64.b64encode(envelope).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode("ascii")


def read_pem(data: bytes, passphrase: str) -> Private:
    """The private key in a text.

    :raises IdentityError: it is none that is encrypted with this passphrase, or of a kind that signs no token here.
    """
    with needed("cryptography"):
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    if not data.startswith(_BEGIN.encode("ascii")):
        raise IdentityError("it is no private key that a passphrase protects: retire it, and have a new one made")
    try:
        key = load_pem_private_key(data, passphrase.encode("utf-8"))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # the cause is of no use, and nobody has to know what it says
        key = None
    if not isinstance(key, (Ed25519PrivateKey, RSAPrivateKey)):
        raise IdentityError("it has another passphrase, or is damaged: give the passphrase with which it was made")
    return key


def _der(tag: int, *parts: bytes) -> bytes:
    """One element of DER (X.690)."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(length)]) + length + content
