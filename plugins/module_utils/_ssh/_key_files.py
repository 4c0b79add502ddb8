# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a key store touches files: through no link, whole or not at all (private; runs on the controller)."""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import fsync_directory, read_file, write_all
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import NAME_LENGTH, check_key_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    # by username, then by file name; None for a file that is to go
    Files = Mapping[str, Mapping[str, "bytes | None"]]

__all__ = [
    "DIRECTORY",
    "KNOWN",
    "PENDING",
    "check_mode",
    "files_in",
    "forget",
    "is_directory",
    "make",
    "make_directory",
    "note",
    "open_below",
    "read_note",
    "visible",
]

FORMAT = 1
PENDING = ".pending"
KNOWN = ".known"  # keeps the directory of somebody without keys where git keeps no empty ones
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BELOW = DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LARGEST_FILE = 65536


def note(directory: int, files: Files) -> None:
    """Write down what is to be done. From here on it is done, whatever happens."""
    plain = {
        username: {name: None if data is None else data.decode("ascii") for name, data in mine.items()}
        for username, mine in files.items()
    }
    _replace(directory, PENDING, json.dumps({"format": FORMAT, "files": plain}).encode("ascii"))
    fsync_directory(directory)


def read_note(data: bytes) -> Files:
    """Read what was written down; nothing in it may lead out of the profile."""
    damaged = IdentityError("it is damaged: bring the profile's directory back from git or a backup, without this file")
    try:
        written = json.loads(data.decode("ascii"))
        if written["format"] != FORMAT:
            raise damaged
        files: dict[str, dict[str, bytes | None]] = {}
        for username, mine in written["files"].items():
            check_research_username(username)
            for name, text in mine.items():
                stem, _dot, kind = name.rpartition(".")
                if name != KNOWN:
                    check_key_name(stem, NAME_LENGTH)
                    if kind not in ("pub", "json"):
                        raise damaged
                files.setdefault(username, {})[name] = None if text is None else text.encode("ascii")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise damaged from None
    return files


def make(directory: int, files: Files) -> None:
    """Bring the files to what was written down; done again, it changes nothing."""
    for username, mine in files.items():
        with suppress(FileExistsError):
            make_directory(directory, username)
        below = open_below(directory, username, username)
        try:
            for name, data in mine.items():
                if data is None:
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=below)
                elif read_file(name, dir_fd=below) != data:
                    _replace(below, name, data)
            fsync_directory(below)
        finally:
            os.close(below)


def forget(directory: int) -> None:
    """Take the note away: what was written down is done."""
    os.unlink(PENDING, dir_fd=directory)
    fsync_directory(directory)


def _replace(directory: int, name: str, data: bytes) -> None:
    """Put a file in its place, whole or not at all. What a killed run left half written is overwritten."""
    temporary = f".{name.lstrip('.')}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        try:
            write_all(handle, data)
            _belong(handle, os.fstat(directory), 0o644)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise


def make_directory(above: int, name: str) -> None:
    """Make a directory that lets in whom the one above it lets in."""
    os.mkdir(name, 0o755, dir_fd=above)
    handle = os.open(name, _BELOW, dir_fd=above)
    try:
        _belong(handle, os.fstat(above), 0o755)
    finally:
        os.close(handle)
    fsync_directory(above)


def _belong(handle: int, above: os.stat_result, mode: int) -> None:
    """Let a new file belong to whom its directory belongs: to the one whose checkout root works in, to the team."""
    now = os.fstat(handle)
    if os.geteuid() == 0 and (now.st_uid, now.st_gid) != (above.st_uid, above.st_gid):
        os.fchown(handle, above.st_uid, above.st_gid)
    shared = above.st_mode & (stat.S_IWGRP | stat.S_ISGID if mode & stat.S_IXUSR else stat.S_IWGRP)
    os.fchmod(handle, mode | shared)


def open_below(above: int, name: str, shown: str) -> int:
    """A directory inside the store, which is never reached through a link."""
    try:
        directory = os.open(name, _BELOW, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise IdentityError(f"{shown} is no directory, or a link, and none is followed: move it away") from error
        raise
    try:
        check_mode(directory, shown)
    except BaseException:
        os.close(directory)
        raise
    return directory


def check_mode(directory: int, shown: str) -> None:
    """Refuse a directory into which anybody can put a key."""
    if os.fstat(directory).st_mode & stat.S_IWOTH:
        raise IdentityError(f"everybody on this machine can put keys into {shown}: chmod o-w it first")


def visible(directory: int) -> list[str]:
    """The names in a directory, without those that begin with a dot."""
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))


def is_directory(above: int, name: str) -> bool:
    """Whether this is a directory, and no link to one."""
    return stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


def files_in(directory: int) -> dict[str, bytes]:
    """The files in a directory that belong to keys, with what is in them."""
    return {name: _read(directory, name) for name in visible(directory)}


def _read(directory: int, name: str) -> bytes:
    try:
        handle = os.open(name, _FILE, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise IdentityError(f"{quoted(name)} is a link, and none is followed: move it away") from error
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
            raise IdentityError(f"{quoted(name)} is no file, or one too big for a key: move it away")
        if status.st_mode & stat.S_IWOTH:
            raise IdentityError(f"everybody on this machine can change {quoted(name)}: chmod o-w it first")
        return os.read(handle, _LARGEST_FILE + 1)
    finally:
        os.close(handle)
