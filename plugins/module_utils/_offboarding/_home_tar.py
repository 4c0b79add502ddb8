# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a home as a tar archive of the pax format, from open directories (private).

Owners are numbers, names are not looked up. Files with holes are written without them, as GNU tar does (its sparse
format 1.0, which Python's tarfile reads as well). Extended attributes are written under the names that GNU tar uses.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_inventory import Inventory
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import shown, walk
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import Entry

__all__ = ["Written", "write_tar"]

_BLOCK = 512
_RECORD = 20 * _BLOCK
_CHUNK = 1 << 20
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_TYPES = {"link": tarfile.SYMTYPE, "fifo": tarfile.FIFOTYPE, "directory": tarfile.DIRTYPE}
_SHOWN = 50


@dataclass
class Written:
    """What came into an archive, and what did not."""

    inventory: Inventory
    left_out: list[str] = field(default_factory=list)  # with the reason
    changed: list[str] = field(default_factory=list)  # while they were read
    long_paths: int = 0

    def leave_out(self, path: str, reason: str) -> None:
        """Note it; the list is for people and ends at some length."""
        self._note(self.left_out, "%s: %s" % (shown(path), reason))

    def note_change(self, path: str, what: str) -> None:
        """Note that a file is not in the archive as it was at one moment."""
        self._note(self.changed, "%s: %s" % (shown(path), what))

    @staticmethod
    def _note(notes: list[str], text: str) -> None:
        if len(notes) < _SHOWN:
            notes.append(text)
        elif len(notes) == _SHOWN:
            notes.append("... and more")


def write_tar(top: int, name: str, before: Inventory, write: Callable[[bytes], object]) -> Written:
    """Write everything in a home, as a directory called ``name``.

    :param top: the open home.
    :param before: the inventory taken just before, for the names that files have here.
    :param write: takes the bytes of the archive.
    :raises IdentityError: a directory was moved, or something is closed to root.
    """
    written = Written(Inventory(before.uid))
    first_names: dict[tuple[int, int], str] = {}
    size = 0

    def put(data: bytes) -> None:
        nonlocal size
        size += len(data)
        write(data)

    for entry in walk(top):
        written.inventory.add(entry)
        _write_entry(entry, name, before, written, first_names, put)
    put(bytes(2 * _BLOCK))
    put(bytes(-size % _RECORD))
    return written


def _write_entry(
    entry: Entry,
    name: str,
    before: Inventory,
    written: Written,
    first_names: dict[tuple[int, int], str],
    put: Callable[[bytes], None],
) -> None:
    path = "%s/%s" % (name, entry.path) if entry.path else name
    if len(os.fsencode(path)) > 4000:
        written.long_paths += 1
    if entry.kind == "file":
        _write_file(entry, path, before, written, first_names, put)
    elif entry.kind == "mount":
        written.leave_out(entry.path, "another file system is mounted there")
    elif entry.kind == "socket":
        written.leave_out(entry.path, "a socket, which is nothing without its program")
    elif entry.kind == "gone":
        written.note_change(entry.path, "exchanged while the directory was read")
    else:
        info = _header(path, entry.status, _attributes(entry.handle) if entry.kind == "directory" else {})
        if entry.kind == "device":
            info.type = tarfile.CHRTYPE if stat.S_ISCHR(entry.status.st_mode) else tarfile.BLKTYPE
            info.devmajor, info.devminor = os.major(entry.status.st_rdev), os.minor(entry.status.st_rdev)
        else:
            info.type = _TYPES[entry.kind]
        if entry.kind == "link":
            try:
                info.linkname = os.readlink(entry.name, dir_fd=entry.handle)
            except OSError:
                written.note_change(entry.path, "exchanged while the directory was read")
                return
        put(_bytes_of(info))


def _header(path: str, status: os.stat_result, more: dict[str, str] | None = None) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.uid, info.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    # a floating point number has not enough digits
    info.pax_headers = {"mtime": "%d.%09d" % divmod(status.st_mtime_ns, 1000000000), **(more or {})}
    return info


def _bytes_of(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _attributes(handle: int) -> dict[str, str]:
    """Extended attributes as headers of the archive; a file system without them has none."""
    found: dict[str, str] = {}
    try:
        names = os.listxattr(handle)
    except OSError:
        return found
    for name in names:
        try:
            value = os.getxattr(handle, name)
        except OSError:
            continue
        key = name.replace("%", "%25").replace("=", "%3D")
        found["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
    return found


def _open_file(entry: Entry) -> int:
    try:
        return os.open(entry.name, _FILE | os.O_NOATIME, dir_fd=entry.handle)
    except PermissionError:  # a file server may not let root decide about times
        return os.open(entry.name, _FILE, dir_fd=entry.handle)


def _write_file(
    entry: Entry,
    path: str,
    before: Inventory,
    written: Written,
    first_names: dict[tuple[int, int], str],
    put: Callable[[bytes], None],
) -> None:
    """One regular file: what was opened counts, not what had the name before."""
    try:
        handle = _open_file(entry)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            written.note_change(entry.path, "exchanged before it could be opened")
            return
        raise IdentityError(
            "%s cannot be read: %s; on a file server that keeps root out, run where root is let in"
            % (shown(entry.path), os.strerror(error.errno or 0))
        ) from error
    try:
        status = os.fstat(handle)
        mark = (status.st_dev, status.st_ino)
        if not stat.S_ISREG(status.st_mode) or mark != (entry.status.st_dev, entry.status.st_ino):
            written.note_change(entry.path, "exchanged before it could be opened")
        elif mount_number(handle) != mount_number(entry.handle):
            written.leave_out(entry.path, "another file is mounted there")
        elif before.kept_elsewhere(status):
            written.leave_out(
                entry.path, "a file of uid %d with names outside this home, where it stays" % status.st_uid
            )
        elif mark in first_names:
            info = _header(path, status)
            info.type, info.linkname = tarfile.LNKTYPE, first_names[mark]
            put(_bytes_of(info))
        else:
            _write_content(handle, path, entry.path, status, written, put)
            if status.st_nlink > 1:
                first_names[mark] = path
    finally:
        os.close(handle)


def _write_content(
    handle: int, path: str, told: str, status: os.stat_result, written: Written, put: Callable[[bytes], None]
) -> None:
    headers = _attributes(handle)
    pieces = [(0, status.st_size)]
    table = b""
    stored = path
    if status.st_blocks * 512 < status.st_size:
        pieces = _pieces(handle, status.st_size)
        numbers = [len(pieces), *(number for piece in pieces for number in piece)]
        table = b"".join(b"%d\n" % number for number in numbers)
        table += bytes(-len(table) % _BLOCK)
        headers["GNU.sparse.major"], headers["GNU.sparse.minor"] = "1", "0"
        headers["GNU.sparse.name"], headers["GNU.sparse.realsize"] = path, "%d" % status.st_size
        folder, _slash, base = path.rpartition("/")
        stored = "%s/GNUSparseFile.0/%s" % (folder, base)
    length = sum(size for _begin, size in pieces)
    info = _header(stored, status, headers)
    info.size = len(table) + length
    put(_bytes_of(info))
    put(table)
    missing = 0
    for begin, size in pieces:
        os.lseek(handle, begin, os.SEEK_SET)
        missing += _copy(handle, size, put)
    put(bytes(-length % _BLOCK))
    after = os.fstat(handle)
    if missing:
        written.note_change(told, "became shorter while it was read, %d bytes are written as zeros" % missing)
    elif (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
        written.note_change(told, "was written to while it was read")


def _copy(handle: int, size: int, put: Callable[[bytes], None]) -> int:
    """Copy exactly so many bytes, zeros for what is not there any more; returns how many these are."""
    left = size
    while left:
        data = os.read(handle, min(left, _CHUNK))
        if not data:
            break
        put(data)
        left -= len(data)
    missing = left
    while left:
        data = bytes(min(left, _CHUNK))
        put(data)
        left -= len(data)
    return missing


def _pieces(handle: int, size: int) -> list[tuple[int, int]]:
    """Where a file with holes has content; its end is always told."""
    pieces = []
    position = 0
    try:
        while position < size:
            begin = os.lseek(handle, position, os.SEEK_DATA)
            end = min(os.lseek(handle, begin, os.SEEK_HOLE), size)
            if begin >= size:
                break
            pieces.append((begin, end - begin))
            position = end
    except OSError as error:
        if error.errno == errno.EINVAL:  # a file system that does not know of holes
            return [(0, size)]
        if error.errno != errno.ENXIO:  # nothing but a hole up to the end
            raise
    if not pieces or sum(pieces[-1]) < size:
        pieces.append((size, 0))
    return pieces
