# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the homes of a host are, and which keys are in them (private). Nothing is changed.

A home is its user's, who can put links, pipes, endless files and file systems into it. So its keys are read as that
user, as sshd does it: what the user cannot read is not read, and what never answers is given up.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import key_lines
from ansible_collections.labfleet.identity.plugins.module_utils._one_by_one import one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

__all__ = ["HOME_KEY_FILES", "Resident", "file_systems", "homes", "is_remote", "read_capped"]

HOME_KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
LARGEST_KEY_FILE = 262144
_MOST_LINKS = 40  # as many as the system follows
# File systems that another machine, or a user's program, answers for; autofs mounts one when it is looked at.
_REMOTE = frozenset(
    (
        *("9p", "afs", "autofs", "beegfs", "ceph", "cifs", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "virtiofs"),
    )
)


@dataclass(frozen=True)
class Resident:
    """Somebody with a home."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def homes(
    residents: Sequence[Resident], mountinfo: str, remote: bool, patience: float, deadline: float
) -> list[dict[str, Any]]:
    """What the homes are and which keys are in them, in the order of the residents.

    :param mountinfo: the file that says what is mounted where.
    :param remote: also look at homes for which another machine answers.
    """
    mounts = file_systems(mountinfo)
    return one_by_one(lambda resident: _home(resident, mounts, remote), residents, patience, deadline)


def _home(resident: Resident, mounts: Mapping[str, str], remote: bool) -> dict[str, Any]:
    path = resident.home
    if not path.startswith("/") or "\0" in path:
        return {"kind": "other", "problem": "its path is not absolute"}
    if not remote and is_remote(path, mounts):
        return {"kind": "remote"}
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"kind": "missing"}
    kind = "directory" if stat.S_ISDIR(status.st_mode) else "link" if stat.S_ISLNK(status.st_mode) else "other"
    found: dict[str, Any] = {"kind": kind, "uid": status.st_uid, "gid": status.st_gid}
    found["mode"] = "%04o" % stat.S_IMODE(status.st_mode)
    if kind == "other":
        return found
    files = []
    for name in HOME_KEY_FILES:
        answer = _key_file(resident, os.path.join(path, name), mounts, remote)
        if answer:
            files.append({"file": name, **answer})
    return {**found, "key_files": files} if files else found


def _key_file(resident: Resident, path: str, mounts: Mapping[str, str], remote: bool) -> dict[str, Any]:
    if not remote and is_remote(os.path.dirname(path), mounts):
        return {"problem": "it is on a file system for which this host does not answer"}
    try:
        with _acting_as(resident):
            data, cut = read_capped(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return {"problem": "its user cannot read it: %s" % error.strerror}
    found = key_lines(data)
    return {**found, "problem": "it is longer than %d bytes" % LARGEST_KEY_FILE} if cut else found


def read_capped(path: str, dir_fd: int | None = None, flags: int = 0) -> tuple[bytes, bool]:
    """The beginning of a regular file, and whether there is more of it; nothing is waited for.

    :raises OSError: also for what is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | flags, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "it is no regular file")
        chunks: list[bytes] = []
        size = 0
        while size <= LARGEST_KEY_FILE:
            chunk = os.read(handle, LARGEST_KEY_FILE + 1 - size)
            if not chunk:
                return b"".join(chunks), False
            chunks.append(chunk)
            size += len(chunk)
        return b"".join(chunks)[:LARGEST_KEY_FILE], True
    finally:
        os.close(handle)


@contextlib.contextmanager
def _acting_as(resident: Resident) -> Iterator[None]:
    """Have the rights of a user, but stay root's process: the user can neither stop nor trace it."""
    if os.geteuid() != 0 or resident.uid == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([resident.gid, *resident.groups][:16])
    os.setegid(resident.gid)
    os.seteuid(resident.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def is_remote(path: str, mounts: Mapping[str, str]) -> bool:
    """Whether somebody else's machine or program answers for a path; it is not asked."""
    waiting = _steps(path)
    here = "/"
    links = 0
    while waiting:
        name = waiting.pop()
        if name == "..":
            here = os.path.dirname(here)
            continue
        here = os.path.join(here, name)
        if mounts.get(here, "").split(".")[0] in _REMOTE:
            return True
        try:
            target = os.readlink(here)
        except OSError:  # no link, or nothing
            continue
        links += 1
        if links > _MOST_LINKS:
            return False
        waiting += _steps(target)
        here = "/" if target.startswith("/") else os.path.dirname(here)
    return False


def _steps(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def file_systems(mountinfo: str) -> dict[str, str]:
    """The type of the file system by the directory where it is mounted."""
    found = {}
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            before, _dash, after = line.partition(" - ")
            fields = before.split(" ")
            if len(fields) > 4 and after:
                found[_unescaped(fields[4])] = after.split(" ")[0]
    return found


def _unescaped(path: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, char)
    return path
