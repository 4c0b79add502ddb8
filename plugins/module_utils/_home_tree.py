# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A home as a tree: read from a skeleton, filled under another name, then put in place (private).

Nothing is written into a directory that its user could already change: a home belongs to root while it is filled. Where
a file server keeps root out, its user fills it, with no rights but their own.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory, write_all

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob

__all__ = ["SkelEntry", "make_home", "read_skel", "set_mode"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_SKEL_FILE = 1 << 20
# somebody else's was there first; the last two where names may be made by everybody
_IN_THE_WAY = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EPERM, errno.EACCES)


@dataclass(frozen=True)
class SkelEntry:
    """One thing to copy into a new home: a directory with ``below``, a file with ``data``, or a link to ``data``."""

    name: str
    kind: str
    mode: int
    data: bytes = b""
    below: tuple[SkelEntry, ...] = ()


def read_skel(path: str) -> tuple[SkelEntry, ...]:
    """What a new home gets: everything in a directory that only root can change."""
    if not os.path.isdir(path):
        return ()
    directory = open_trusted_directory(path)
    try:
        return _read_directory(directory, path)
    finally:
        os.close(directory)


def _read_directory(directory: int, path: str) -> tuple[SkelEntry, ...]:
    entries = []
    for name in sorted(os.listdir(directory)):
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if stat.S_ISLNK(status.st_mode):
            entries.append(SkelEntry(name, "link", 0, os.fsencode(os.readlink(name, dir_fd=directory))))
        elif stat.S_ISDIR(status.st_mode):
            # whoever could change it could put another name of a file there that only root may read
            below = open_trusted_directory(path + "/" + name)
            try:
                entries.append(SkelEntry(name, "directory", mode, below=_read_directory(below, path + "/" + name)))
            finally:
                os.close(below)
        elif stat.S_ISREG(status.st_mode):
            if status.st_size > _LARGEST_SKEL_FILE:
                raise IdentityError("%s/%s has more than 1 MiB: too much to copy into every home" % (path, name))
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            with open(handle, "rb") as file:
                entries.append(SkelEntry(name, "file", mode, file.read()))
    return tuple(entries)


def make_home(base: int, name: str, job: HomeJob, entries: tuple[SkelEntry, ...]) -> None:
    """Make a home in an open directory, or leave it to whoever made it for the same user meanwhile.

    :raises IdentityError: something of somebody else's is in the way.
    """
    # the host's name, because several hosts may share the base directory
    temporary = ".labfleet-new-%s-%s" % (name, os.uname().nodename.split(".")[0])
    _remove_tree(base, temporary, job.uid)  # of a run that was killed
    os.mkdir(temporary, 0o700, dir_fd=base)
    home = os.open(temporary, _DIRECTORY, dir_fd=base)
    try:
        _check_maker(home, job)
        _fill(home, entries, job.uid, job.gid)
        os.fchown(home, job.uid, job.gid)
        os.fchmod(home, job.mode)
    finally:
        os.close(home)
    try:
        os.rename(temporary, name, src_dir_fd=base, dst_dir_fd=base)
    except OSError as error:
        if error.errno not in _IN_THE_WAY:
            raise
        _remove_tree(base, temporary, job.uid)
        try:
            there = os.stat(name, dir_fd=base, follow_symlinks=False)
        except FileNotFoundError:
            raise error from None
        if not stat.S_ISDIR(there.st_mode) or there.st_uid != job.uid:
            raise IdentityError(
                "home %s appeared meanwhile and belongs to uid %d, not to %s: run again after looking at it"
                % (job.path, there.st_uid, job.name)
            ) from error


def _check_maker(home: int, job: HomeJob) -> None:
    """What was just made belongs to who made it, unless a file server makes somebody else of them."""
    owner = os.fstat(home).st_uid
    if owner != os.geteuid():
        raise IdentityError(
            "what uid %d makes beside %s belongs to uid %d there: the file server keeps root out (root_squash) or takes"
            " everybody for one user; let root in on the host that makes homes" % (os.geteuid(), job.path, owner)
        )


def _fill(directory: int, entries: tuple[SkelEntry, ...], uid: int, gid: int) -> None:
    for entry in entries:
        if entry.kind == "link":
            os.symlink(os.fsdecode(entry.data), entry.name, dir_fd=directory)
            os.chown(entry.name, uid, gid, dir_fd=directory, follow_symlinks=False)
            continue
        if entry.kind == "directory":
            os.mkdir(entry.name, 0o700, dir_fd=directory)
            handle = os.open(entry.name, _DIRECTORY, dir_fd=directory)
        else:
            handle = os.open(entry.name, _NEW_FILE, 0o600, dir_fd=directory)
        try:
            if entry.kind == "directory":
                _fill(handle, entry.below, uid, gid)
            else:
                write_all(handle, entry.data)
            os.fchown(handle, uid, gid)
            os.fchmod(handle, entry.mode)
        finally:
            os.close(handle)


def _remove_tree(base: int, name: str, uid: int) -> None:
    """Remove what we made ourselves for a user, and nothing of anybody else's."""
    try:
        directory = os.open(name, _DIRECTORY, dir_fd=base)
    except FileNotFoundError:
        return
    try:
        owner = os.fstat(directory).st_uid
        if owner not in (os.geteuid(), uid):
            raise IdentityError("%s is in the way of a new home and belongs to uid %d: remove it" % (name, owner))
        # it may be its user's already, who could exchange what is in it while it is removed
        os.fchown(directory, os.geteuid(), os.getegid())
        os.fchmod(directory, 0o700)
        for below in os.listdir(directory):
            if stat.S_ISDIR(os.stat(below, dir_fd=directory, follow_symlinks=False).st_mode):
                _remove_tree(directory, below, uid)
            else:
                os.unlink(below, dir_fd=directory)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=base)


def set_mode(base: int, name: str, job: HomeJob) -> str:
    """Set the mode of a home; what speaks against it, else empty."""
    home = os.open(name, _DIRECTORY, dir_fd=base)
    try:
        if os.fstat(home).st_uid != job.uid:
            return "it changed hands meanwhile"
        os.fchmod(home, job.mode)
    finally:
        os.close(home)
    return ""
