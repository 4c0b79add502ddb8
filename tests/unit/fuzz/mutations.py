# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts broken as people, editors, power cuts and attackers break them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["mutated"]

PIECES = [
    b"\n", b"\r\n", b"\r", b"\x00", b":", b"::", b"#", b"+", b"-", b" ", b"\t", b'"', b"'", b"\\", b"\\\n", b",",
    b"=", b"@", b"\xff", b"\xed\xa0\x80", b"\xc3\xa9", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\x0c", b"\x0b", b"\x1c",
    b"\x85", b"\x1b[2J", b"root", b"alice", b"5238", b"0", b"-1", b"99999999999999999999", b"0x", b"1e9",
    b"\xef\xbb\xbf", b"&a ", b"*a", b"<<: ", b"!!", b"? ", b"- ", b": ", b"{", b"}", b"[", b"]", b"|\n", b">\n",
    b"---\n", b"...\n", b"%", b"ssh-ed25519 ", b"AAAA", b"=", b"Match ", b"Include ", b"User_Alias ", b"ALL", b"null",
    b"true", b"\xc2\xb2",
]  # fmt: skip
MOST = 20000


def mutated(source: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds, changed in a few places."""
    text = bytearray(source.choice(seeds))
    for _change in range(source.choice((1, 1, 2, 3, 6))):
        at = source.randrange(len(text) + 1)
        end = min(len(text), at + source.choice((1, 1, 2, 5, 20)))
        kind = source.randrange(8)
        if kind == 0:
            text[at:at] = source.choice(PIECES)
        elif kind == 1:
            text[at:end] = source.choice(PIECES)
        elif kind == 2:
            del text[at:end]
        elif kind == 3 and text:
            text[at % len(text)] ^= 1 << source.randrange(8)
        elif kind == 4:
            text[at:at] = text[at:end] * source.choice((1, 2, 50))
        elif kind == 5:
            del text[at:]
        elif kind == 6:
            other = source.choice(seeds)
            text[at:end] = other[source.randrange(len(other) + 1) :][:40]
        else:
            lines = text.split(b"\n")
            source.shuffle(lines)
            text = bytearray(b"\n".join(lines))
    return bytes(text[:MOST])
