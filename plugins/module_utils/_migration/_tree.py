# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a tree by directory file descriptors, and give its files new numbers (private).

Who could exchange a name between the look at it and the change of it? A directory is given to its new owner before it
is read. From then on nobody but root can exchange names in it, as nobody runs under a new number yet, unless its group
or others may write in it or it is somebody else's. There every file is opened first, without an effect on it (O_PATH),
and what was opened is looked at and changed.
"""

from __future__ import annotations

import contextlib
import errno
import os

from ansible_collections.labfleet.identity.plugins.module_utils._migration._acl import (
    ACL_ATTRIBUTES,
    acl_names,
    mapped_acl,
)
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import open_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job, Tally

__all__ = ["Tree"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ONLY_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_EMPTY_PATH = 0x1000
_IS_DIRECTORY, _IS_LINK, _IS_FILE = 0o4, 0o12, 0o10  # a mode without its last twelve bits
_MOST_OPEN = 64  # directories that a walk keeps open, however deep it is
_CAPABILITY = "security.capability"
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class _Frame:
    """A directory on the way from where the walk began to where it is."""

    __slots__ = ("below", "exclusive", "handle", "identity", "name", "stops")

    def __init__(self, name: str, handle: int, status: os.stat_result, stops: dict[str, Any]) -> None:
        self.name, self.handle, self.stops = name, handle, stops
        self.identity = (status.st_dev, status.st_ino)
        self.below: list[str] = []  # directories that are still to be walked
        self.exclusive = False  # nobody but root can exchange names in it


class Tree:
    """A place to walk, for one process: :meth:`walk` takes each part of it that is to be walked."""

    def __init__(self, root: Root, index: int, job: Job, tally: Tally) -> None:
        self._root, self._index, self._job, self.tally = root, index, job, tally
        self._watched_uids = frozenset(job.uids) | job.taken_uids
        self._watched_gids = frozenset(job.gids) | job.taken_gids
        self._owners = frozenset((0, *job.uids.values()))
        self._handle = open_root(root.path)
        self._device = os.fstat(self._handle).st_dev
        self._acls = job.acls and self._has_acls()
        self._prefix: list[str] = []
        self._frames: list[_Frame] = []
        self._given: tuple[_Frame, str] | None = None
        self._library: Any = None
        self._examples = 20

    def _has_acls(self) -> bool:
        try:
            os.listxattr(self._handle)
        except OSError as error:
            return error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP)
        return True

    def close(self) -> None:
        """Let go of the root."""
        os.close(self._handle)

    def walk(self, names: list[str], between: Callable[[], None]) -> None:
        """Walk a directory of the place and everything below.

        :param names: the way to it from the root; none for the root itself.
        :param between: called after each directory; it may take work away with :meth:`give_away`.
        """
        self._prefix, self._frames = names[:-1], []
        stops = self._stops_of(names)
        handle = -1 if stops is None else self._descend(names)
        if handle < 0 or stops is None:
            self.tally.unsettled += 1
            return
        self._begin(names[-1] if names else "", handle, stops)
        between()
        while self._frames:
            frame = self._frames[-1]
            if frame.below:
                self._enter(frame, frame.below.pop())
                between()
            else:
                self._leave()

    def give_away(self) -> list[str]:
        """The way to a directory that another process may walk instead, near the root if possible; empty for none."""
        way = list(self._prefix)
        for depth, frame in enumerate(self._frames):
            if frame.name:
                way.append(frame.name)
            # what is done next is not worth the way
            if len(frame.below) > (depth == len(self._frames) - 1):
                self._given = (frame, frame.below.pop(0))
                return [*way, self._given[1]]
        return []

    def take_back(self) -> None:
        """Nobody took what was given away last."""
        if self._given is not None:
            frame, name = self._given
            frame.below.append(name)

    def _stops_of(self, names: list[str]) -> dict[str, Any] | None:
        """What is not entered below a directory; None when the directory itself is not."""
        stops = self._root.stops
        for name in names:
            below = stops.get(name)
            if below is not None and not below:
                return None
            stops = below or {}
        return stops

    def _descend(self, names: list[str]) -> int:
        """Open a directory by its way from the root; -1 when it is not there any more."""
        here = os.dup(self._handle)
        for name in names:
            try:
                below = os.open(name, _DIRECTORY, dir_fd=here)
            except OSError:
                return -1
            finally:
                os.close(here)
            here = below
        return here

    def _enter(self, frame: _Frame, name: str) -> None:
        stops = frame.stops.get(name)
        if stops is not None and not stops:
            return
        try:
            handle = os.open(name, _DIRECTORY, dir_fd=frame.handle)
        except OSError as error:
            if error.errno in _GONE:
                self.tally.unsettled += 1
            else:
                self._complain(name, error)
            return
        if len(self._frames) >= _MOST_OPEN:
            outer = self._frames[-_MOST_OPEN]
            if outer.handle >= 0:
                os.close(outer.handle)
                outer.handle = -1
        self._begin(name, handle, stops or {})

    def _begin(self, name: str, handle: int, stops: dict[str, Any]) -> None:
        """Take a directory over, then read it."""
        status = os.fstat(handle)
        frame = _Frame(name, handle, status, stops)
        self._frames.append(frame)
        if status.st_dev != self._device:  # something was mounted here meanwhile
            self.tally.note("not entered", self._path())
            return
        self.tally.seen += not self._prefix and not name
        try:
            if self._acls:
                self._attributes(handle, os.listxattr(handle), status)
            if self._meets(status, frame) and self._job.change:
                self._change(frame, "", status)
                status = os.fstat(handle)
            frame.exclusive = not self._root.shared and status.st_uid in self._owners and not status.st_mode & 0o022
            frame.below = self._read(frame)
        except OSError as error:
            self._complain("", error)

    def _read(self, frame: _Frame) -> list[str]:
        """Everything in a directory, once; the directories in it come later."""
        uids, gids, acls, device = self._watched_uids, self._watched_gids, self._acls, self._device
        below: list[str] = []
        seen = 0
        if acls:
            os.fchdir(frame.handle)
        with os.scandir(frame.handle) as listing:
            for entry in listing:
                seen += 1
                try:
                    # a tuple: mode, inode, device, links, uid, gid
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    if error.errno not in _GONE:
                        self._complain(entry.name, error)
                    continue
                kind = status[0] >> 12
                if kind == _IS_DIRECTORY:
                    if status[2] == device:
                        below.append(entry.name)
                    elif entry.name not in frame.stops:
                        self.tally.note("not entered", self._path(entry.name))
                    continue
                if acls and kind != _IS_LINK:
                    self._look_at_attributes(frame, entry.name, status)
                if (status[4] in uids or status[5] in gids) and self._meets(status, frame, entry.name):
                    self._change(frame, entry.name, status)
        self.tally.seen += seen
        return below

    def _meets(self, status: os.stat_result, frame: _Frame, name: str = "") -> bool:
        """Note whose a file is; whether it is one to change. Only counted when nothing is to be changed."""
        uid, gid = status.st_uid, status.st_gid
        if name and (name in frame.stops or (status.st_dev != self._device and self._root.kind != "overlay")):
            return False  # another file is mounted over it
        job = self._job
        if uid in job.taken_uids or gid in job.taken_gids:
            self.tally.note("taken", "%s (%d:%d)" % (self._path(name), uid, gid))
        if uid not in job.uids and gid not in job.gids:
            return False
        if not job.change:
            self._count(status, name)
            self._example(self._path, name)
        return job.change

    def _example(self, told: Callable[[str], str], name: str) -> None:
        """A few of what is found are told by name."""
        if self._examples:
            self._examples -= 1
            self.tally.note("found", told(name))

    def _count(self, status: os.stat_result, name: str) -> None:
        mode = status.st_mode
        if mode & 0o6000 and mode >> 12 == _IS_FILE and (mode & 0o4000 or mode & 0o2010 == 0o2010):
            self.tally.note("loses set-id", self._path(name))
        keys = [(self._index, "u", status.st_uid)] if status.st_uid in self._job.uids else []
        if status.st_gid in self._job.gids:
            keys.append((self._index, "g", status.st_gid))
        if status.st_nlink > 1 and status.st_mode >> 12 != _IS_DIRECTORY:
            self.tally.linked[status.st_dev, status.st_ino] = keys
            return
        for key in keys:
            self.tally.count(key)

    def _change(self, frame: _Frame, name: str, status: os.stat_result) -> None:
        """Give a file, or the directory itself, to its new numbers."""
        uid, gid = self._job.uids.get(status.st_uid, -1), self._job.gids.get(status.st_gid, -1)
        try:
            if not name:
                os.chown(frame.handle, uid, gid)
            elif frame.exclusive:
                os.chown(name, uid, gid, dir_fd=frame.handle, follow_symlinks=False)
            else:
                opened = self._open_and_change(frame, name)
                if opened is None:
                    self.tally.unsettled += 1
                    return
                status = opened
        except FileNotFoundError:
            self.tally.unsettled += 1
        except OSError as error:
            self._complain(name, error)
        else:
            self.tally.changed += 1
            self._count(status, name)

    def _open_and_change(self, frame: _Frame, name: str) -> os.stat_result | None:
        """The same where somebody could exchange the name; None when it is nothing to change any more."""
        handle = os.open(name, _ONLY_PATH, dir_fd=frame.handle)
        try:
            status = os.fstat(handle)
            uid, gid = self._job.uids.get(status.st_uid, -1), self._job.gids.get(status.st_gid, -1)
            elsewhere = status.st_dev != self._device and self._root.kind != "overlay"
            if uid == gid == -1 or elsewhere or status.st_mode >> 12 == _IS_DIRECTORY:
                return None
            self._chown_opened(handle, uid, gid)
            return status
        finally:
            os.close(handle)

    def _chown_opened(self, handle: int, uid: int, gid: int) -> None:
        """Change what is open, of whatever kind it is, without looking for it by name again."""
        if self._library is None:
            import ctypes  # only where somebody could exchange names

            self._library = ctypes.CDLL(None, use_errno=True)
            self._library.fchownat.argtypes = (
                ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_int,
            )  # fmt: skip
            self._errno = ctypes.get_errno
        if self._library.fchownat(handle, b"", uid, gid, _AT_EMPTY_PATH) != 0:
            number = self._errno()
            raise OSError(number, os.strerror(number))

    # what is written beside a file

    def _look_at_attributes(self, frame: _Frame, name: str, status: os.stat_result) -> None:
        """The current directory is the frame's: so a name needs no path."""
        try:
            found = os.listxattr(name, follow_symlinks=False)
            if found:
                handle = os.open(name, _ONLY_PATH, dir_fd=frame.handle)
                try:
                    self._attributes("/proc/self/fd/%d" % handle, found, status, name)
                finally:
                    os.close(handle)
        except OSError as error:
            if error.errno not in _GONE:
                self._complain(name, error)

    def _attributes(self, what: int | str, found: list[str], status: os.stat_result, name: str = "") -> None:
        """ACLs with old numbers, and capabilities that a change of the owner takes away."""
        job = self._job
        if _CAPABILITY in found and (status.st_uid in job.uids or status.st_gid in job.gids):
            self.tally.note("loses capabilities", self._path(name))
        for attribute in ACL_ATTRIBUTES:
            if attribute not in found:
                continue
            data = os.getxattr(what, attribute)
            named = acl_names(data, self._watched_uids, self._watched_gids)
            for kind, number in named:
                if number in (job.taken_uids if kind == "u" else job.taken_gids):
                    self.tally.note("taken", "ACL of %s (%s:%d)" % (self._path(name), kind, number))
            if not acl_names(data, job.uids, job.gids):
                continue
            self.tally.acls += 1
            if job.change:
                new = mapped_acl(data, job.uids, job.gids)
                if new is not None:
                    os.setxattr(what, attribute, new, os.XATTR_REPLACE)
            else:
                self._example(lambda each: "ACL of " + self._path(each), name)

    # the way up, and what can be told

    def _leave(self) -> None:
        """Go up. A directory that was closed is found again by ``..``, if it is still the one above."""
        handle = self._frames.pop().handle
        if self._frames and self._frames[-1].handle < 0:
            above = self._frames[-1]
            with contextlib.suppress(OSError):
                above.handle = os.open("..", _DIRECTORY, dir_fd=handle)
            if above.handle < 0 or not self._is(above.handle, above):
                self._find_again()
        os.close(handle)

    def _is(self, handle: int, frame: _Frame) -> bool:
        status = os.fstat(handle)
        return (status.st_dev, status.st_ino) == frame.identity

    def _find_again(self) -> None:
        """A directory was moved while the walk was below it: go on with what is where it was, from the root."""
        self.tally.unsettled += 1
        frames, self._frames = self._frames, []
        if frames[-1].handle >= 0:
            os.close(frames[-1].handle)
        handle = self._descend([*self._prefix, frames[0].name] if frames[0].name else [])
        for frame in frames:
            if self._frames:
                below = -1
                with contextlib.suppress(OSError):
                    below = os.open(frame.name, _DIRECTORY, dir_fd=handle)
                if below >= 0 and not self._is(below, frame):
                    os.close(below)
                    below = -1
                if below < 0:
                    break
                os.close(handle)
                self._frames[-1].handle = -1
                handle = below
            elif handle < 0 or not self._is(handle, frame):
                if handle >= 0:
                    os.close(handle)
                return
            frame.handle = handle
            self._frames.append(frame)

    def _path(self, name: str = "") -> str:
        names = [*self._prefix, *(frame.name for frame in self._frames), name]
        return (self._root.path.rstrip("/") + "/" + "/".join(each for each in names if each)).rstrip("/") or "/"

    def _complain(self, name: str, error: OSError) -> None:
        self.tally.note(os.strerror(error.errno or errno.EIO), self._path(name))
