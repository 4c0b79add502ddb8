# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory where a file system is mounted: while nothing is, nobody may write into it (private).

A mount point that is still bare when a file server is down is the trap: homes would be made on the local disk, beneath
where the real ones appear a minute later. So the bare directory is closed (mode 0000) and, where the file system can,
made immutable, which holds for root as well.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory
from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import read_mount_point

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Places", "guard_mount_point", "unit_name"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONG = struct.calcsize("l")
_GET_FLAGS = (2 << 30) | (_LONG << 16) | (ord("f") << 8) | 1  # FS_IOC_GETFLAGS, as chattr uses it
_SET_FLAGS = (1 << 30) | (_LONG << 16) | (ord("f") << 8) | 2
_IMMUTABLE = 0x10
_CAN_SET_IMMUTABLE = 9  # the number of the capability
_UNIT_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.")


@dataclass(frozen=True)
class Places:
    """Where a host tells things; tests put them somewhere else."""

    mountinfo: str = "/proc/self/mountinfo"
    status: str = "/proc/self/status"
    helpers: tuple[str, ...] = ("/sbin", "/usr/sbin")
    automount: str = "/dev/autofs"
    dpkg: str = "/usr/bin/dpkg"


@dataclass(frozen=True)
class Bare:
    """What is at a mount point where nothing is mounted."""

    exists: bool
    closed: bool = False  # root's, with the mode 0000
    immutable: bool | None = None  # None: the file system does not know, or this host may not
    empty: bool = True


def guard_mount_point(path: str, present: bool, check: bool, places: Places | None = None) -> dict[str, Any]:
    """Close a bare mount point, or take away one that is not needed any more; and tell what the host can mount.

    :raises IdentityError: there are files in it.
    """
    places = places or Places()
    read_mount_point(path)
    mounted = _mounted(path, places.mountinfo)
    helpers = {
        name: any(os.path.exists(os.path.join(folder, "mount." + name)) for folder in places.helpers)
        for name in ("nfs4", "efs")
    }
    told = {
        "mounted": any(kind != "autofs" for kind in mounted),
        "automounted": "autofs" in mounted,
        "can_automount": os.path.exists(places.automount),
        "helpers": [name for name, there in helpers.items() if there],
        "unit": unit_name(path),
        "nfs_package": "nfs-common" if os.path.exists(places.dpkg) else "nfs-utils",
        "immutable": None,
    }
    actions: list[str] = []
    if not mounted:
        actions, told["immutable"] = _settle(path, present, check, places)
    return {"changed": bool(actions), "actions": actions, **told}


def unit_name(path: str) -> str:
    """What systemd calls the units of a path, without their kind."""
    text = path.strip("/")
    name = "".join(
        "-" if letter == "/" else letter if letter in _UNIT_LETTERS else "\\x%02x" % ord(letter) for letter in text
    )
    return "\\x2e" + name[1:] if name.startswith(".") else name


def _mounted(path: str, mountinfo: str) -> list[str]:
    """The types of what is mounted there. The directory itself is not touched: it may wait for a dead server."""
    kinds = []
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split(" ")
            if fields[4] == path:
                kinds.append(fields[fields.index("-", 6) + 1])
    return kinds


def _settle(path: str, present: bool, check: bool, places: Places) -> tuple[list[str], bool | None]:
    above = open_trusted_directory(os.path.dirname(path))
    name = os.path.basename(path)
    try:
        bare = _look(above, name, path, _may_set_immutable(places.status))
        if not bare.exists and not present:
            return [], None
        if not bare.empty:
            if not present:
                return [], bare.immutable
            raise IdentityError(
                "%s is not mounted and has files in it, which a mount would hide: move them away, or mount what should"
                " be there" % path
            )
        if not present and not bare.closed:
            return [], bare.immutable  # it was there before
        actions = _plan(bare) if present else ["removed"]
        immutable = bare.immutable
        if not check:
            immutable = _apply(above, name, actions, bare)
            if immutable is None and "made immutable" in actions:
                actions.remove("made immutable")  # the file system knows the flag and does not take it
        return actions, immutable
    finally:
        os.close(above)


def _plan(bare: Bare) -> list[str]:
    actions = [] if bare.exists else ["made"]
    if not bare.closed:
        actions.append("closed")
    # of a directory that is made it shows only then whether the file system can
    if bare.exists and bare.immutable is False:
        actions.append("made immutable")
    return actions


def _look(above: int, name: str, path: str, may: bool) -> Bare:
    try:
        handle = os.open(name, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        return Bare(exists=False)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise IdentityError("%s is no directory (a link or a file): move it away" % path) from error
        raise
    try:
        status = os.fstat(handle)
        closed = (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0)
        flags = _flags(handle)
        known = flags is not None and (may or bool(flags & _IMMUTABLE))
        immutable = bool((flags or 0) & _IMMUTABLE) if known else None
        return Bare(True, closed, immutable, not os.listdir(handle))
    finally:
        os.close(handle)


def _apply(above: int, name: str, actions: list[str], bare: Bare) -> bool | None:
    if "made" in actions:
        os.mkdir(name, 0, dir_fd=above)
    handle = os.open(name, _DIRECTORY, dir_fd=above)
    try:
        if "removed" in actions:
            if bare.immutable:
                _set_flags(handle, immutable=False)
            os.rmdir(name, dir_fd=above)
            return None
        if "closed" in actions:
            if bare.immutable:
                _set_flags(handle, immutable=False)
            os.fchown(handle, 0, 0)
            os.fchmod(handle, 0)
        try:
            return _set_flags(handle, immutable=True)
        except OSError as error:
            # what has no such flag, and a container, which may not
            if error.errno in (errno.EPERM, errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL):
                return None
            raise
    finally:
        os.close(handle)


def _flags(handle: int) -> int | None:
    answer = bytearray(_LONG)
    try:
        fcntl.ioctl(handle, _GET_FLAGS, answer)
    except OSError:
        return None
    return int(struct.unpack("i", bytes(answer[:4]))[0])


def _set_flags(handle: int, immutable: bool) -> bool:
    flags = _flags(handle)
    if flags is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    wanted = flags | _IMMUTABLE if immutable else flags & ~_IMMUTABLE
    if wanted != flags:
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("i", wanted) + bytes(_LONG - 4))
    return immutable


def _may_set_immutable(status: str) -> bool:
    with open(status, encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAN_SET_IMMUTABLE & 1)
    return False
