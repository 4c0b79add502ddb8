# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a home by directory descriptors, without following a link or leaving the mount that it is on (private).

The names of a home are its user's, who may exchange any of them at any moment. So nothing is opened by its path: every
directory is opened in the one above it, and what was opened is looked at, not what was seen before.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_number

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DIRECTORY", "Descent", "Entry", "OtherMountError", "shown", "walk"]

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_OPEN_AT_ONCE = 64
_SWAPPED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class OtherMountError(Exception):
    """A directory on another mount or file system than the home."""


def shown(path: str) -> str:
    """A name that anybody may have chosen, as one short line of ASCII."""
    text = ascii(path)[1:-1]
    return text if len(text) <= 200 else "%s...%s" % (text[:120], text[-70:])


class Descent:
    """A way down a tree, of which only the lowest directories are kept open, however deep it is."""

    def __init__(self, top: int) -> None:
        """Begin in an open directory, which stays the caller's."""
        status = os.fstat(top)
        self._device = status.st_dev
        self._mount = mount_number(top)
        self._handles = [os.dup(top)]
        self._marks = [(status.st_dev, status.st_ino)]
        self._names: list[str] = []

    @property
    def handle(self) -> int:
        """The directory one is in."""
        return self._handles[-1]

    def path(self, *more: str) -> str:
        """The path from the top."""
        return "/".join([*self._names, *more])

    def enter(self, name: str) -> os.stat_result:
        """Go down into a directory.

        :raises OtherMountError: something is mounted there.
        :raises OSError: it is not there, or no directory any more.
        """
        below = os.open(name, DIRECTORY, dir_fd=self.handle)
        try:
            status = os.fstat(below)
            if status.st_dev != self._device or mount_number(below) != self._mount:
                raise OtherMountError(self.path(name))
        except BaseException:
            os.close(below)
            raise
        if len(self._handles) >= _OPEN_AT_ONCE and self._handles[-_OPEN_AT_ONCE] >= 0:
            os.close(self._handles[-_OPEN_AT_ONCE])
            self._handles[-_OPEN_AT_ONCE] = -1
        self._handles.append(below)
        self._marks.append((status.st_dev, status.st_ino))
        self._names.append(name)
        return status

    def leave(self) -> str:
        """Go up again, into the directory one came from and no other.

        :returns: the name of the directory that was left.
        :raises IdentityError: it was moved meanwhile.
        """
        above = os.open("..", DIRECTORY, dir_fd=self.handle)
        status = os.fstat(above)
        if (status.st_dev, status.st_ino) != self._marks[-2]:
            os.close(above)
            raise IdentityError(
                "%s was moved while it was looked at: end what still runs in this home, then run again"
                % shown(self.path())
            )
        os.close(self._handles.pop())
        self._marks.pop()
        if self._handles[-1] >= 0:
            os.close(above)
        else:
            self._handles[-1] = above
        return self._names.pop()

    def close(self) -> None:
        """Let go of all directories."""
        for handle in self._handles:
            if handle >= 0:
                os.close(handle)
        self._handles = []


@dataclass(frozen=True)
class Entry:
    """Something in a home: in which open directory, under which name, and what it was when it was seen."""

    path: str  # from the home, which itself is ""
    status: os.stat_result
    handle: int  # of a directory itself, of others the directory they are in
    name: str
    kind: str  # directory | file | link | socket | fifo | device | mount | gone


def _kind(mode: int) -> str:
    for test, kind in ((stat.S_ISREG, "file"), (stat.S_ISLNK, "link"), (stat.S_ISSOCK, "socket")):
        if test(mode):
            return kind
    return "fifo" if stat.S_ISFIFO(mode) else "device"


def walk(top: int) -> Iterator[Entry]:
    """Everything in a home, the home first, in the order of names; ``gone`` is what was exchanged just then.

    :raises IdentityError: a directory was moved, or is closed to root.
    """
    descent = Descent(top)
    try:
        yield Entry("", os.fstat(descent.handle), descent.handle, "", "directory")
        waiting = [_names(descent)]
        while True:
            if not waiting[-1]:
                waiting.pop()
                if not waiting:
                    return
                descent.leave()
                continue
            entry = _look(descent, waiting[-1].pop())
            if entry is None:
                continue
            yield entry
            if entry.kind == "directory":
                waiting.append(_names(descent))
    finally:
        descent.close()


def _names(descent: Descent) -> list[str]:
    """What is in a directory, the first name last."""
    return sorted(os.listdir(descent.handle), reverse=True)


def _look(descent: Descent, name: str) -> Entry | None:
    """One entry; a directory is entered. None for what was removed since its name was read."""
    above = descent.handle
    path = descent.path(name)
    try:
        status = os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:  # what a user mounts with FUSE is closed to root
        if error.errno != errno.EACCES:
            raise
        return Entry(path, os.fstat(above), above, name, "mount")
    if not stat.S_ISDIR(status.st_mode):
        same = status.st_dev == os.fstat(above).st_dev
        return Entry(path, status, above, name, _kind(status.st_mode) if same else "mount")
    try:
        return Entry(path, descent.enter(name), descent.handle, name, "directory")
    except OtherMountError:
        return Entry(path, status, above, name, "mount")
    except OSError as error:
        if error.errno in _SWAPPED:
            return Entry(path, status, above, name, "gone")
        raise IdentityError(
            "%s cannot be opened: %s; on a file server that keeps root out, run where root is let in"
            % (shown(path), os.strerror(error.errno or 0))
        ) from error
