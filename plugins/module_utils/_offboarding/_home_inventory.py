# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a home, counted and boiled down to one digest that changes with anything in it (private)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import walk

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import Entry

__all__ = ["Inventory", "take_inventory"]

_HEADERS = 1536  # what an entry needs in an archive beside its content and twice its path
_SHOWN = 20


@dataclass
class Inventory:
    """Counts of a home while, and after, it is walked."""

    uid: int
    entries: int = 0
    bytes: int = 0  # of content that is there, without the holes
    needed: int = 0  # of an archive, at most
    other_owners: dict[int, int] = field(default_factory=dict)  # how many entries by owner, without the uid
    mounts: list[str] = field(default_factory=list)  # the first of them
    links: dict[tuple[int, int], int] = field(default_factory=dict)  # names here of files that have several
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    def add(self, entry: Entry) -> None:
        """Count an entry."""
        status = entry.status
        self.entries += 1
        if entry.kind == "mount" and len(self.mounts) < _SHOWN:
            self.mounts.append(entry.path)
        if status.st_uid != self.uid and entry.kind != "mount":
            self.other_owners[status.st_uid] = self.other_owners.get(status.st_uid, 0) + 1
        size = min(status.st_size, status.st_blocks * 512) if entry.kind == "file" else 0
        self.bytes += size
        self.needed += _HEADERS + size + 512 + 2 * len(os.fsencode(entry.path))
        if entry.kind == "file" and status.st_nlink > 1:
            mark = (status.st_dev, status.st_ino)
            self.links[mark] = self.links.get(mark, 0) + 1
        told: list[object] = [entry.path, entry.kind]
        if entry.kind not in ("mount", "gone"):
            told += [status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns]
            told += [status.st_ctime_ns if entry.path else 0, status.st_rdev if entry.kind == "device" else 0]
            told += [status.st_size] if entry.kind in ("file", "link") else []
        self._digest.update(("%r\n" % (told,)).encode("utf-8", "surrogateescape"))

    @property
    def digest(self) -> str:
        """What is equal for two walks if nothing changed between them."""
        return self._digest.hexdigest()

    def kept_elsewhere(self, status: os.stat_result) -> bool:
        """Whether a file is another owner's and has names outside this home, by a hard link that anybody made here.

        Its content is not this user's, and it is not lost with this home.
        """
        seen = self.links.get((status.st_dev, status.st_ino), 0 if status.st_nlink > 1 else 1)
        return status.st_uid != self.uid and status.st_nlink > seen


def take_inventory(top: int, uid: int) -> Inventory:
    """Count everything in a home.

    :param top: the open home.
    :raises IdentityError: a directory was moved, or is closed to root.
    """
    inventory = Inventory(uid)
    for entry in walk(top):
        inventory.add(entry)
    return inventory
