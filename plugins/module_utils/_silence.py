# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the file server of a path answers, asked in a process that can be given up (private).

Whoever looks at a file of a hard mount whose server is down waits for as long as that lasts.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._one_by_one import until_silence

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Silence"]

_MOST_LINKS = 40  # as many as the system follows
# of which another machine or program answers; what autofs waits for is of that kind
_REMOTE = frozenset(
    ("9p", "afs", "autofs", "beegfs", "ceph", "cifs", "fuse", "glusterfs", "lustre", "nfs", "nfs4", "smb3")
)


class Silence:
    """Asks each file server once."""

    def __init__(self, patience: float = 8.0, mountinfo: str = "/proc/self/mountinfo") -> None:
        self._patience = patience
        self._mountinfo = mountinfo
        self._remote: set[str] | None = None
        self._known: dict[str, bool] = {}

    def of(self, path: str) -> str:
        """The mount point of the file server that a path is on and that does not answer; empty when all is well."""
        point = self._mount_point(path)
        if not point:
            return ""
        if point not in self._known:
            self._known[point] = not until_silence(_ask, [point], self._patience, time.monotonic() + self._patience)
        return point if self._known[point] else ""

    def _mount_point(self, path: str) -> str:
        """The first mount of somebody else's file system on the way to a path. Links before it are followed."""
        if self._remote is None:
            self._remote = _remote_mounts(self._mountinfo)
        waiting, here, links = _steps(path), "/", 0
        while waiting and self._remote:
            name = waiting.pop()
            here = os.path.dirname(here) if name == ".." else os.path.join(here, name)
            if here in self._remote:
                return here
            try:
                target = os.readlink(here)
            except OSError:  # no link, or nothing
                continue
            links += 1
            if links > _MOST_LINKS:
                break
            waiting += _steps(target)
            here = "/" if target.startswith("/") else os.path.dirname(here)
        return ""


def _ask(point: str) -> dict[str, Any]:
    # how full it is, only the server knows
    os.statvfs(point)
    return {}


def _steps(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _remote_mounts(mountinfo: str) -> set[str]:
    """Where something is mounted that is no file system of this host, or waits to be."""
    found = set()
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            kind = fields[fields.index("-", 6) + 1]
            if kind.partition(".")[0] in _REMOTE:
                found.add(fields[4])
    return found
