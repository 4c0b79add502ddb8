# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys for tests: well-formed, and nobody's."""

from __future__ import annotations

import base64
import struct

from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key

NOW = "2026-11-22T09:00:00Z"
LATER = "2026-12-01T00:00:00Z"
BEFORE = "2026-11-01T00:00:00Z"


def line(number: int, comment: str = "") -> str:
    """An ed25519 public key line."""
    blob = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32) + number.to_bytes(32, "big")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".rstrip()


def entry(number: int, comment: str = "", **options: object) -> KeyEntry:
    """The same as an entry, with options."""
    return parse_key_entry({"key": line(number, comment), **options})


def fingerprint(key: str) -> str:
    """The one of a public key line, as ssh-keygen shows it."""
    return parse_public_key(key).fingerprint


def weak_line(comment: str = "", bits: int = 2048) -> str:
    """An RSA public key line of earlier days, too weak to be given to anybody."""
    parts = (b"ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xc1" * (bits // 8))
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return f"ssh-rsa {base64.b64encode(blob).decode()} {comment}".rstrip()
