# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers in POSIX ACLs, in the form in which the system stores them (private, pure)."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["ACL_ATTRIBUTES", "acl_names", "mapped_acl"]

ACL_ATTRIBUTES = ("system.posix_acl_access", "system.posix_acl_default")
_VERSION = 2
_HEAD = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")  # tag, permissions, number
_USER, _GROUP = 2, 8  # the tags of entries that name somebody


def _entries(data: bytes) -> list[tuple[int, int, int]] | None:
    """The entries; None for what is no ACL of the version that we know."""
    size = len(data) - _HEAD.size
    if size < 0 or size % _ENTRY.size or _HEAD.unpack_from(data)[0] != _VERSION:
        return None
    return [_ENTRY.unpack_from(data, at) for at in range(_HEAD.size, len(data), _ENTRY.size)]


def acl_names(data: bytes, uids: Container[int], gids: Container[int]) -> list[tuple[str, int]]:
    """Which of these numbers an ACL names, as C(("u", uid)) and C(("g", gid))."""
    found = []
    for tag, _permissions, number in _entries(data) or []:
        if tag == _USER and number in uids:
            found.append(("u", number))
        elif tag == _GROUP and number in gids:
            found.append(("g", number))
    return found


def mapped_acl(data: bytes, uids: Mapping[int, int], gids: Mapping[int, int]) -> bytes | None:
    """The ACL with new numbers; None when it names no old one.

    An entry of somebody whose new number has an entry already is left as it is: which of the two counts is a guess.
    """
    entries = _entries(data) or []
    there = {(tag, number) for tag, _permissions, number in entries}
    new = []
    for tag, permissions, number in entries:
        to = uids.get(number, number) if tag == _USER else gids.get(number, number) if tag == _GROUP else number
        new.append((tag, permissions, number if (tag, to) in there else to))
    if new == entries:
        return None
    # tags are kept in their order, and numbers in theirs within a tag, as setfacl writes them
    new.sort(key=lambda entry: (entry[0], entry[2]) if entry[0] in (_USER, _GROUP) else (entry[0], 0))
    return _HEAD.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in new)
