# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that root writes: trusted directories and atomic replacement (private: no stable interface).

Everything goes through directory file descriptors. A directory is trusted when no other user could have put
something, a link for example, in our way: root owns it and nobody else may write into it, and the same holds for
every directory above it (a sticky one such as /tmp is passed through, never written into).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "do_side_by_side",
    "file_mark",
    "fsync_directory",
    "make_trusted_directory",
    "open_trusted_directory",
    "read_file",
    "replace_at",
    "replace_file",
    "write_all",
]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40  # as many as the system follows
_MANY = 32
_THREADS = 4
_T = TypeVar("_T")


def file_mark(path: str) -> list[int]:
    """What changes when a file does; empty for a file that is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def open_trusted_directory(path: str) -> int:
    """Open a directory that only root can change.

    :param path: absolute path. Links in it are followed when they are root's: nobody else can exchange them.
    :returns: a directory file descriptor, to be closed by the caller.
    :raises IdentityError: it is missing, is not a directory, or somebody else than root could change it.
    """
    waiting = _steps(path)
    names: list[str] = []
    links = 0
    here = os.open("/", _DIRECTORY)
    try:
        while waiting:
            name = waiting.pop()
            try:
                below = os.open(name, _DIRECTORY, dir_fd=here)
            except OSError as error:
                target = _link_of_root(here, name, path) if error.errno in (errno.ELOOP, errno.ENOTDIR) else ""
                links += 1
                if not target or links > _MOST_LINKS:
                    raise IdentityError(_cannot_open(path, [*names, name], error)) from error
                waiting += _steps(target)
                if target[0] == "/":
                    names = []
                    os.close(here)
                    here = os.open("/", _DIRECTORY)
                continue
            os.close(here)
            here = below
            names = names[:-1] if name == ".." else [*names, name]
            _check_trusted(here, "/" + "/".join(names), last=not waiting)
    except BaseException:
        os.close(here)
        raise
    return here


def _steps(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _cannot_open(path: str, names: list[str], error: OSError) -> str:
    at = "/" + "/".join(names)
    if error.errno == errno.ENOENT:
        return "directory %s does not exist (needed for %s): create it, or mount what should be there" % (at, path)
    return "%s cannot be opened as a directory (needed for %s): %s" % (at, path, os.strerror(error.errno or 0))


def _link_of_root(directory: int, name: str, path: str) -> str:
    """Where a link leads; empty for what is no link."""
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        return ""
    if status.st_uid not in (0, os.geteuid()):
        raise IdentityError(
            "%s in the path %s is a link that belongs to uid %d: root follows only its own"
            % (name, path, status.st_uid)
        )
    return os.readlink(name, dir_fd=directory)


def _check_trusted(directory: int, path: str, last: bool) -> None:
    status = os.fstat(directory)
    by_group = status.st_mode & stat.S_IWGRP and (status.st_gid != 0 or _has_acl(directory))
    by_others = status.st_mode & stat.S_IWOTH or by_group
    if status.st_uid not in (0, os.geteuid()):
        raise IdentityError(
            "directory %s belongs to uid %d: root writes only where root is the owner" % (path, status.st_uid)
        )
    if by_others and (last or not status.st_mode & stat.S_ISVTX):
        raise IdentityError(
            "directory %s (mode %04o) can be changed by others than root: chmod go-w it first"
            % (path, stat.S_IMODE(status.st_mode))
        )


def _has_acl(directory: int) -> bool:
    """Whether the bits of the group are those of everybody whom an ACL names."""
    try:
        return bool(os.getxattr(directory, "system.posix_acl_access"))
    except OSError:
        return False


def make_trusted_directory(path: str, mode: int) -> int:
    """Open ``path`` as a trusted directory, creating its last component (root-owned, ``mode``) when it is missing."""
    parent, name = os.path.split(path)
    above = open_trusted_directory(parent)
    try:
        try:
            os.mkdir(name, mode, dir_fd=above)
            os.chmod(name, mode, dir_fd=above)
            os.fsync(above)
        except FileExistsError:
            pass
    finally:
        os.close(above)
    return open_trusted_directory(path)


def read_file(name: str, dir_fd: int | None = None) -> bytes | None:
    """The whole content of a regular file, or None when there is none; a link is an error, never followed."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError("file %s cannot be read: %s" % (name, os.strerror(error.errno or 0))) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise IdentityError("%s is not a regular file: move it away" % name)
        chunks: list[bytes] = []
        while True:
            chunk = os.read(handle, max(65536, status.st_size + 1))
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
    finally:
        os.close(handle)


def do_side_by_side(work: Callable[[_T], None], items: Sequence[_T]) -> None:
    """Do the same for many items at once, for the time goes into waiting for the file system.

    :param items: few of them are done one after the other.
    :raises Exception: the first that happened; no item is begun after it.
    """
    if len(items) < _MANY:
        for item in items:
            work(item)
        return
    import threading  # only where much is written

    failures: list[Exception] = []

    def do(part: Sequence[_T]) -> None:
        for item in part:
            if failures:
                return
            try:
                work(item)
            except Exception as failure:  # raised below, by whoever waits
                failures.append(failure)

    threads = [threading.Thread(target=do, args=(items[start::_THREADS],)) for start in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def write_all(handle: int, data: bytes) -> None:
    """Write everything, however little the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def replace_at(
    directory: int,
    name: str,
    data: bytes,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    sync: bool = True,
    backup: str = "",
    keep: bool = True,
) -> None:
    """Replace ``name`` in a trusted directory: after a crash the file is the old one or the new one, whole.

    :param directory: file descriptor of a trusted directory; the caller syncs it (``fsync_directory``).
    :param mode: mode of a new file. A file that exists keeps its mode and owner and its extended attributes
        (SELinux label, ACL).
    :param sync: False leaves the flush to the caller, who does it once for many files before they count.
    :param backup: name under which the content that is replaced stays behind.
    :param keep: False gives a file that exists the mode and owner of a new one; only its SELinux label stays.
    """
    temporary = ".%s.labfleet" % name
    with contextlib.suppress(FileNotFoundError):  # of a run that was killed: the caller holds the lock
        os.unlink(temporary, dir_fd=directory)
    handle = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory
    )
    try:
        _dress(handle, directory, name, mode, uid, gid, keep)
        write_all(handle, data)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)
    if backup:
        old = read_file(name, dir_fd=directory)
        if old is not None:
            replace_at(directory, backup, old, mode, uid, gid, sync)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)


def _dress(handle: int, directory: int, name: str, mode: int, uid: int, gid: int, keep: bool) -> None:
    """Give a new file the owner, mode and extended attributes of the file it will replace."""
    try:
        old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    except FileNotFoundError:
        old = -1
    try:
        if old >= 0 and keep:
            status = os.fstat(old)
            mode, uid, gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
        new = os.fstat(handle)
        if (new.st_uid, new.st_gid) != (uid, gid):
            os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
        if old >= 0:
            _copy_attributes(old, handle, "" if keep else "security.")
    finally:
        if old >= 0:
            os.close(old)


def _copy_attributes(old: int, new: int, prefix: str) -> None:
    try:
        names = os.listxattr(old)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return
        raise
    for name in names:
        if name.startswith(prefix):
            os.setxattr(new, name, os.getxattr(old, name))


def fsync_directory(directory: int) -> None:
    """Make the names in a directory durable; a file system that has no such call (some network ones) is let be."""
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def replace_file(path: str, data: bytes, *, mode: int, uid: int = 0, gid: int = 0, keep: bool = True) -> None:
    """Replace one file by path, durably; see :func:`replace_at`.

    :raises IdentityError: a directory of the path is not trusted.
    """
    parent, name = os.path.split(path)
    directory = open_trusted_directory(parent)
    try:
        replace_at(directory, name, data, mode, uid, gid, keep=keep)
        fsync_directory(directory)
    finally:
        os.close(directory)
