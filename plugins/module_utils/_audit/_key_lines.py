# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an authorized_keys file as sshd reads them, for people who look at them (private, pure).

What stands there was written by whoever has the file. Nothing of it is given on but what says which key it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["in_one_line", "key_lines"]

MOST_KEYS = 200  # of one file; more are counted
_LONGEST = 120


def in_one_line(text: str, longest: int = _LONGEST) -> str:
    """Text that a terminal shows as it is: what is no printable character of UTF-8 is escaped."""
    whole = text[: longest + 1]
    if not whole.isprintable():
        whole = "".join(char if char.isprintable() else _escaped(char) for char in whole)
    return whole if len(whole) <= longest else whole[: longest - 3] + "..."


def _escaped(char: str) -> str:
    # a byte that is not UTF-8 is shown as that byte
    return "\\x%02x" % (ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else ascii(char)[1:-1]


def key_lines(data: bytes) -> dict[str, Any]:
    """The keys of a file.

    :returns: C(public_keys), each with C(fingerprint), C(type), C(comment) and the names of its C(options); C(more),
        how many keys there are beyond these; C(unreadable), how many lines are neither a key nor a comment.
    """
    keys: list[dict[str, Any]] = []
    more = unreadable = 0
    for raw in data.decode("utf-8", "surrogateescape").split("\n"):
        line = raw.split("\0")[0].strip(" \t\r")  # to sshd a line ends where a C string does
        if not line or line[0] == "#":
            continue
        key = _key(line)
        if key is None:
            unreadable += 1
        elif len(keys) < MOST_KEYS:
            keys.append(key)
        else:
            more += 1
    return {"public_keys": keys, "more": more, "unreadable": unreadable}


def _key(line: str) -> dict[str, Any] | None:
    """One key: the line is one, or is one behind options."""
    plain = _plain_key(line)
    if plain is not None:
        return {**plain, "options": []}
    end = _end_of_options(line)
    behind = _plain_key(line[end:].lstrip(" \t"))
    return {**behind, "options": _names_of_options(line[:end])} if behind is not None else None


def _plain_key(line: str) -> dict[str, Any] | None:
    parts = line.replace("\t", " ").split(" ", 1)
    kind = parts[0]
    blob, _blank, comment = (parts[1].strip(" ") if len(parts) > 1 else "").partition(" ")
    try:
        decoded = binascii.a2b_base64(blob.encode("ascii"))
    except (ValueError, binascii.Error):
        return None
    if not kind.isascii() or decoded[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind.encode("ascii"):
        return None
    digest = hashlib.sha256(_canonical(decoded, kind)).digest()
    return {
        "fingerprint": "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("="),
        "type": in_one_line(kind),
        "comment": in_one_line(comment.strip(" ")),
    }


def _canonical(blob: bytes, kind: str) -> bytes:
    """The bytes that have the fingerprint of the key: an RSA key with needless zeros is the same one to sshd."""
    if kind != "ssh-rsa":
        return blob
    fields = []
    at = 0
    while at < len(blob):
        stop = at + 4 + int.from_bytes(blob[at : at + 4], "big")
        if stop > len(blob):
            return blob
        fields.append(blob[at + 4 : stop])
        at = stop
    numbers = [field.lstrip(b"\0") for field in fields[1:]]
    numbers = [b"\0" + number if number[:1] >= b"\x80" else number for number in numbers]
    return b"".join(len(field).to_bytes(4, "big") + field for field in [fields[0], *numbers])


def _end_of_options(line: str) -> int:
    """Where the options end: at a blank that is not quoted."""
    quoted = False
    at = 0
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line[at : at + 2] == '\\"':
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        at += 1
    return at


def _names_of_options(text: str) -> list[str]:
    """What the options are called. What they are set to can be a secret, in a command for example."""
    names = [""]
    quoted = in_value = False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif not quoted and char == ",":
            names.append("")
            in_value = False
        elif not quoted and char == "=":
            in_value = True
        elif not in_value and not quoted:
            names[-1] += char
    return [in_one_line(name.lower(), 40) for name in names[:20] if name]
