# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSH public keys, read field by field (private: no stable interface).

Only the plain form ``TYPE BASE64 [COMMENT]`` is a key here. Options in front of it (``command="..."``) are refused,
because they would be executed by sshd: they are to be given as data, never as text that came with a key.
Format: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709 section 4, OpenSSH PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

__all__ = ["MAXIMUM_LINE", "MINIMUM_RSA_BITS", "PublicKey", "is_key_type", "parse_public_key"]

MINIMUM_RSA_BITS = 3072
_MINIMUM_TO_REVOKE = 1024  # sshd reads no shorter ones
MAXIMUM_RSA_BITS = 16384
MAXIMUM_LINE = 8192  # sshd reads lines of this length

_CURVES = {"nistp256": 32, "nistp384": 48, "nistp521": 66}
_KINDS = {
    "ssh-ed25519": ("ed25519", ""),
    "sk-ssh-ed25519@openssh.com": ("sk-ed25519", ""),
    "ecdsa-sha2-nistp256": ("ecdsa", "nistp256"),
    "ecdsa-sha2-nistp384": ("ecdsa", "nistp384"),
    "ecdsa-sha2-nistp521": ("ecdsa", "nistp521"),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("sk-ecdsa", "nistp256"),
    "ssh-rsa": ("rsa", ""),
}
_COMMENT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 @._+=:/-,()#")


@dataclass(frozen=True)
class PublicKey:
    """One public key: ``type`` and ``blob`` (base64) say which key it is, ``comment`` is for people."""

    type: str
    blob: str
    comment: str

    @property
    def line(self) -> str:
        """The canonical authorized_keys line, without options and without a newline."""
        return "%s %s %s" % (self.type, self.blob, self.comment) if self.comment else "%s %s" % (self.type, self.blob)

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def is_key_type(word: str) -> bool:
    """Whether this is the word with which a key begins that may be used here."""
    return word in _KINDS


def parse_public_key(text: str, revoked: bool = False) -> PublicKey:
    """Read one public key line.

    :param text: ``TYPE BASE64 [COMMENT]``, blanks around it are dropped.
    :param revoked: of a key that is to let nobody in: a weak one, which sshd may take elsewhere, is read as well.
    :returns: the key, whose blob has been decoded and checked field by field.
    :raises IdentityError: not a key, not one of the accepted types, too weak, or a comment that is not plain text.
    """
    if not isinstance(text, str):
        raise IdentityError("an SSH public key must be text, not %s" % type(text).__name__)
    stripped = text.strip(" \t\r\n")
    start = _shown_start(stripped)
    if len(stripped) > MAXIMUM_LINE:
        raise IdentityError("SSH public key %s is longer than the %d characters sshd reads" % (start, MAXIMUM_LINE))
    parts = stripped.split(None, 2)
    kind = _KINDS.get(parts[0]) if parts else None
    if kind is None or len(parts) < 2:
        raise IdentityError("%s is not an SSH public key that may be used: %s" % (start, _why_not(parts)))
    shown = _shown(stripped)
    if len(stripped.splitlines()) > 1:
        raise IdentityError(
            "SSH public key %s goes on in a second line, which is no comment: give every key an entry of its own"
            % shown
        )
    comment = parts[2] if len(parts) == 3 else ""
    if not _COMMENT_CHARACTERS.issuperset(comment):
        raise IdentityError(
            "SSH public key %s has a comment with characters outside letters, digits, blanks and @._+=:/-,()#: "
            "write a plain comment such as alice@laptop" % shown
        )
    try:
        blob = binascii.a2b_base64(parts[1])
        canonical = binascii.b2a_base64(blob, newline=False).decode("ascii") == parts[1]
    except (ValueError, binascii.Error):
        canonical = False
    if not canonical:
        raise IdentityError("SSH public key %s is damaged: its second field is not base64; copy it again" % shown)
    problem = _problem(blob, parts[0], *kind, _MINIMUM_TO_REVOKE if revoked else MINIMUM_RSA_BITS)
    if problem:
        raise IdentityError("SSH public key %s is refused: %s" % (shown, problem))
    return PublicKey(parts[0], parts[1], comment)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def _shown_start(text: str) -> str:
    """What is no public key may be a private one: no more of it than says what was put here."""
    return ascii(text if len(text) <= 16 else text[:16] + "...")


def _why_not(parts: list[str]) -> str:
    if not parts:
        return "it is empty"
    first = parts[0]
    if first in _KINDS:
        return "the key itself is missing after its type"
    if first.startswith("-----BEGIN") or "PRIVATE" in first:
        return "it is a private key, which must never be put here; give the .pub file"
    if first == "ssh-dss":
        return "DSA is no longer accepted by OpenSSH; make an ed25519 key"
    if first.endswith("-cert-v01@openssh.com"):
        return "it is a certificate; give the public key it certifies"
    if len(parts) > 1 and any(kind in part.split() for part in parts[1:] for kind in _KINDS):
        return "it has options in front of the key, which sshd would obey; give the plain key"
    return "it must begin with one of %s" % ", ".join(sorted(_KINDS))


def _strings(blob: bytes) -> list[bytes] | None:
    """The length-prefixed strings that make up the blob, or None when they do not fill it exactly."""
    fields = []
    at, end = 0, len(blob)
    while at < end:
        stop = at + 4 + int.from_bytes(blob[at : at + 4], "big")
        if at + 4 > end or stop > end:
            return None
        fields.append(blob[at + 4 : stop])
        at = stop
    return fields


def _problem(blob: bytes, name: str, kind: str, curve: str, least_bits: int) -> str:
    """Why the decoded key is refused; empty when it is good."""
    fields = _strings(blob)
    damaged = "it is damaged; copy it again"
    if not fields or fields[0] != name.encode("ascii"):
        return damaged
    body = fields[1:]
    if kind == "rsa":
        return _rsa_problem(body, least_bits) if len(body) == 2 else damaged
    if kind.startswith("sk-"):
        if not body or not body[-1].startswith(b"ssh:") or b"\0" in body[-1]:
            return "its application does not begin with ssh:"
        body = body[:-1]
    if curve:
        size = _CURVES[curve]
        good = len(body) == 2 and body[0] == curve.encode("ascii") and len(body[1]) == 2 * size + 1
        return "" if good and body[1][:1] == b"\x04" else damaged
    return "" if len(body) == 1 and len(body[0]) == 32 else damaged


def _rsa_problem(body: list[bytes], least_bits: int) -> str:
    exponent, modulus = (int.from_bytes(number, "big") for number in body)
    # numbers with zeros in front are the same key in other bytes, with a fingerprint that nobody else computes
    plain = all(number[:2] >= b"\x00\x80" and number[:1] < b"\x80" for number in body)
    if not plain or modulus % 2 == 0 or exponent % 2 == 0 or exponent < 3:
        return "it is not an RSA key; copy it again"
    bits = modulus.bit_length()
    if bits < least_bits:
        return "RSA with %d bits is too weak (at least %d); make an ed25519 key" % (bits, least_bits)
    if bits > MAXIMUM_RSA_BITS:
        return "RSA with %d bits is more than OpenSSH takes (%d)" % (bits, MAXIMUM_RSA_BITS)
    return ""
