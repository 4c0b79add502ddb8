# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homes: made whole under another name, then put in place (private).

Nothing is written into a directory that its user could already change: a home belongs to root while it is filled.
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
    from collections.abc import Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob

__all__ = ["make_homes", "set_modes"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST_SKEL_FILE = 1 << 20


@dataclass(frozen=True)
class SkelEntry:
    """One thing to copy into a new home: a directory with ``below``, a file with ``data``, or a link to ``data``."""

    name: str
    kind: str
    mode: int
    data: bytes = b""
    below: tuple[SkelEntry, ...] = ()


def make_homes(jobs: Iterable[HomeJob], skel: str) -> list[int]:
    """Make homes, as copies of ``skel`` or of what a job names instead.

    :returns: open descriptors of the base directories that were changed, for the caller to flush and close.
    """
    skels: dict[str, tuple[SkelEntry, ...]] = {}
    bases: dict[str, int] = {}
    for job in jobs:
        base, name = os.path.split(job.path)
        if base not in bases:
            bases[base] = open_trusted_directory(base)
        source = job.skel or skel
        if source not in skels:
            skels[source] = _read_skel(source)
        _make_home(bases[base], name, job, skels[source])
    return list(bases.values())


def set_modes(jobs: Iterable[HomeJob]) -> None:
    """Set the mode of homes that are there.

    :raises IdentityError: names those that could not be reached; all others were.
    """
    problems = []
    for job in jobs:
        base, name = os.path.split(job.path)
        directory = open_trusted_directory(base)
        try:
            problem = _set_mode(directory, name, job)
        except OSError as error:
            problem = error.strerror or str(error)
        finally:
            os.close(directory)
        if problem:
            problems.append("%s (%s)" % (job.path, problem))
    if problems:
        raise IdentityError(
            "the accounts are as asked for, but the mode of these homes cannot be set: %s; look at what is mounted"
            " there, and whether root may change it" % ", ".join(problems)
        )


def _read_skel(path: str) -> tuple[SkelEntry, ...]:
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


def _make_home(base: int, name: str, job: HomeJob, entries: tuple[SkelEntry, ...]) -> None:
    # the host's name, because several hosts may share the base directory
    temporary = ".labfleet-new-%s-%s" % (name, os.uname().nodename.split(".")[0])
    _remove_tree(base, temporary)  # of a run that was killed
    os.mkdir(temporary, 0o700, dir_fd=base)
    home = os.open(temporary, _DIRECTORY, dir_fd=base)
    try:
        _fill(home, entries, job.uid, job.gid)
        os.fchown(home, job.uid, job.gid)
        os.fchmod(home, job.mode)
    finally:
        os.close(home)
    try:
        os.rename(temporary, name, src_dir_fd=base, dst_dir_fd=base)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        _remove_tree(base, temporary)
        there = os.stat(name, dir_fd=base, follow_symlinks=False)
        if not stat.S_ISDIR(there.st_mode) or there.st_uid != job.uid:
            raise IdentityError(
                "home %s appeared meanwhile and belongs to uid %d, not to %s: run again after looking at it"
                % (job.path, there.st_uid, job.name)
            ) from error


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


def _remove_tree(base: int, name: str) -> None:
    """Remove what we made ourselves, below a directory that only root can change."""
    try:
        directory = os.open(name, _DIRECTORY, dir_fd=base)
    except FileNotFoundError:
        return
    try:
        # it may be its user's already, who could exchange what is in it while it is removed
        os.fchown(directory, 0, 0)
        os.fchmod(directory, 0o700)
        for below in os.listdir(directory):
            if stat.S_ISDIR(os.stat(below, dir_fd=directory, follow_symlinks=False).st_mode):
                _remove_tree(directory, below)
            else:
                os.unlink(below, dir_fd=directory)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=base)


def _set_mode(base: int, name: str, job: HomeJob) -> str:
    home = os.open(name, _DIRECTORY, dir_fd=base)
    try:
        if os.fstat(home).st_uid != job.uid:
            return "it changed hands meanwhile"
        os.fchmod(home, job.mode)
    finally:
        os.close(home)
    return ""
