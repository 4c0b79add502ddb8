# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which OpenPGP keys a text holds, without GnuPG (private, pure).

Whoever trusts a file of keys trusts every primary key in it, so all of them are listed. Subkeys follow from these.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fingerprints"]

_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = "-----END PGP PUBLIC KEY BLOCK-----"
_PUBLIC_KEY = 6
_SECRET = frozenset((5, 7))
_LENGTH_BYTES = (1, 2, 4)


def fingerprints(armored: str) -> list[str]:
    """The fingerprints of all primary keys in order, 40 hexadecimal digits each.

    :raises IdentityError: the text is no public key of version 4, or has a private one in it.
    """
    found = []
    for block in _blocks(armored):
        for tag, body in _packets(block):
            if tag in _SECRET:
                raise IdentityError("the file holds a private key: export the public one alone, and change that key")
            if tag == _PUBLIC_KEY:
                if body[:1] != b"\x04":
                    raise IdentityError("the file holds an OpenPGP key of a version other than 4, which has no SHA-1")
                found.append(hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper())
    if not found:
        raise _unreadable()
    return found


def _unreadable() -> IdentityError:
    return IdentityError("the file is no OpenPGP public key in ASCII armor: export it with 'gpg --armor --export'")


def _blocks(armored: str) -> Iterator[bytes]:
    """The binary content of each armored block. Headers and the checksum are not part of it."""
    lines: list[str] | None = None
    for line in armored.splitlines():
        text = line.strip()
        if text == _BEGIN:
            lines = []
        elif text == _END and lines is not None:
            yield _decoded(lines)
            lines = None
        elif lines is not None and ":" not in text and text[:1] != "=":
            lines.append(text)
    if lines is not None:
        raise _unreadable()


def _decoded(lines: list[str]) -> bytes:
    try:
        return base64.b64decode("".join(lines), validate=True)
    except binascii.Error as error:
        raise _unreadable() from error


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each packet, in the old and the new format of RFC 4880."""
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise _unreadable()
        if head & 0x40:
            tag = head & 0x3F
            length, at = _new_length(data, at + 1)
        else:
            tag = (head >> 2) & 0x0F
            if head & 3 == 3:
                raise _unreadable()
            count = _LENGTH_BYTES[head & 3]
            length, at = int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count
        if at + length > len(data):
            raise _unreadable()
        yield tag, data[at : at + length]
        at += length


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    first = data[at] if at < len(data) else 255
    if first < 192:
        return first, at + 1
    if first < 224:
        return ((first - 192) << 8) + int.from_bytes(data[at + 1 : at + 2], "big") + 192, at + 2
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    raise _unreadable()  # a packet in parts, which a key never is
