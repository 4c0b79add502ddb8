# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of homes: made under another name, read again, and only then counted (private).

``NAME-UID-YYYYMMDDTHHMMSSZ.tar`` counts as an archive when the file beside it, with ``.sha256`` after its name, has its
checksum. That file is written last and is what ``sha256sum --check`` reads.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_tar import write_tar
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    read_file,
    replace_at,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_inventory import Inventory

__all__ = ["Archive", "archive_directory", "check_space", "find_archive", "make_archive"]

_RESERVE = 16 << 20
_CHUNK = 1 << 20
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Archive:
    """An archive that counts, and what was noted about it."""

    path: str
    sha256: str
    size: int
    notes: dict[str, Any]

    @property
    def is_whole(self) -> bool:
        """Whether nothing changed while it was written."""
        return not self.notes.get("changed_while_read", True)


@contextlib.contextmanager
def archive_directory(path: str, make: bool) -> Iterator[int]:
    """The open directory of archives, for one run at a time; -1 when it is not there and not to be made.

    :raises IdentityError: others than root could read or change it, or another run has it.
    """
    if not make and not os.path.lexists(path):
        yield -1
        return
    directory = make_trusted_directory(path, 0o700)
    try:
        mode = stat.S_IMODE(os.fstat(directory).st_mode)
        if mode & 0o077:
            raise IdentityError(
                "archives hold everything that was in a home, and others can read %s (mode %04o): chmod 0700 it"
                % (path, mode)
            )
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IdentityError("another run is at work in %s: run again when it is done" % path) from error
        yield directory
    finally:
        os.close(directory)


def check_space(directory: int, path: str, needed: int) -> None:
    """Refuse an archive for which there may be no room.

    :raises IdentityError: says how much is missing.
    """
    system = os.statvfs(directory)
    free = system.f_bavail * system.f_frsize
    if free < needed + _RESERVE:
        raise IdentityError(
            "%s has %d MB left and the archive may need %d: make room, or choose another archive_directory"
            % (path, free >> 20, (needed + _RESERVE) >> 20)
        )


def _stem(name: str, uid: int) -> str:
    return "%s-%d-" % (name, uid)


def find_archive(directory: int, path: str, name: str, uid: int) -> Archive | None:
    """The newest archive of somebody whose checksum is right, read again for that."""
    if directory < 0:
        return None
    stem = _stem(name, uid)
    names = {entry for entry in os.listdir(directory) if entry.startswith(stem)}
    for entry in sorted(names, reverse=True):
        stamp, _dot, kind = entry[len(stem) :].partition(".")
        if kind not in ("tar", "tar.gz") or len(stamp) != 16 or entry + ".sha256" not in names:
            continue
        wanted = (read_file(entry + ".sha256", dir_fd=directory) or b"").decode("ascii", "replace").split()
        try:
            handle = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            continue
        try:
            digest, size = _digest(handle)
        finally:
            os.close(handle)
        if wanted == [digest, entry]:
            return Archive(os.path.join(path, entry), digest, size, _notes(directory, entry, digest))
    return None


def _notes(directory: int, entry: str, digest: str) -> dict[str, Any]:
    """What was noted beside an archive; nothing when the notes are not about these bytes."""
    try:
        notes = json.loads((read_file(entry + ".json", dir_fd=directory) or b"{}").decode("utf-8"))
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) and notes.get("sha256") == digest else {}


def _digest(handle: int) -> tuple[str, int]:
    """The checksum of an open file, read from its beginning."""
    digest = hashlib.sha256()
    size = 0
    os.lseek(handle, 0, os.SEEK_SET)
    while True:
        data = os.read(handle, _CHUNK)
        if not data:
            return digest.hexdigest(), size
        digest.update(data)
        size += len(data)


class _Sink:
    """Takes the bytes of an archive, counts and sums them, and knows where they go."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        write_all(self.handle, data)
        self.digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""


def make_archive(
    directory: int, path: str, top: int, name: str, uid: int, before: Inventory, compress: bool
) -> Archive:
    """Write an archive of an open home, make it durable, read it again, and let it count.

    :param directory: the open directory of archives, at ``path``.
    :raises IdentityError: it could not be written, or is not what was written when it is read again.
    """
    check_space(directory, path, before.needed)
    temporary = ".%snew" % _stem(name, uid)
    with contextlib.suppress(FileNotFoundError):  # of a run that was killed
        os.unlink(temporary, dir_fd=directory)
    handle = os.open(temporary, _NEW, 0o600, dir_fd=directory)
    try:
        sink = _Sink(handle)
        if compress:
            import gzip

            with gzip.GzipFile("", "wb", 6, sink, 0) as packed:
                written = write_tar(top, name, before, packed.write)
        else:
            written = write_tar(top, name, before, sink.write)
        os.fsync(handle)
        with contextlib.suppress(OSError):  # so that what is read again comes from the disk
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        digest, size = _digest(handle)
        if digest != sink.digest.hexdigest():
            raise IdentityError("the archive of %s reads otherwise than it was written: look at the disk" % name)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise IdentityError("%s is full: make room, or choose another archive_directory" % path) from error
        raise
    finally:
        os.close(handle)
    notes = {
        "sha256": digest,
        "inventory": written.inventory.digest,
        "entries": written.inventory.entries,
        "other_owners": {str(owner): count for owner, count in sorted(written.inventory.other_owners.items())},
        "left_out": written.left_out,
        "changed_while_read": written.changed,
        "long_paths": written.long_paths,
    }
    final = _free_name(directory, _stem(name, uid), ".tar.gz" if compress else ".tar")
    replace_at(directory, final + ".json", (json.dumps(notes, indent=1) + "\n").encode("utf-8"), 0o600)
    os.rename(temporary, final, src_dir_fd=directory, dst_dir_fd=directory)
    fsync_directory(directory)
    replace_at(directory, final + ".sha256", ("%s  %s\n" % (digest, final)).encode("ascii"), 0o600)
    fsync_directory(directory)
    return Archive(os.path.join(path, final), digest, size, notes)


def _free_name(directory: int, stem: str, kind: str) -> str:
    """A name with the time, which no archive has yet."""
    while True:
        name = stem + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + kind
        try:
            os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return name
        time.sleep(0.2)
