# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file to which a ledger is exported: replaced whole, through no link (private; runs on the controller).

Root writes only where nobody else can exchange a directory on the way. One exception is a directory like /tmp, whose
files are safe from others: there, as anywhere, what belongs to somebody else is not replaced.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    open_trusted_directory,
    read_file,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["export_file", "parse_mode"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def parse_mode(text: str) -> int:
    """Read a mode like C(0600)."""
    # YAML makes the number 384 of 0600 without quotes, and of 0644 one that looks like a mode and is another
    if len(text) != 4 or text[0] != "0" or not set(text) <= set("01234567"):
        raise IdentityError(f"The mode {quoted(text)} is not valid: write four octal digits in quotes, like '0600'.")
    return int(text, 8)


def export_file(dest: str, text: str, mode: int, write: bool) -> tuple[bool, str]:
    """Have the text in a file; whether that changes it, and what was in it before.

    :raises IdentityError: the file is a link, somebody else's, or in a directory that others can change.
    """
    path = os.path.abspath(os.path.expanduser(dest))
    data = text.encode("utf-8", "backslashreplace")
    if dest.endswith("/") or "\0" in dest or path == "/":
        raise IdentityError(f"The export {quoted(dest)} names no file: write the path of one.")
    with _explained(path):
        directory = _open_directory(os.path.dirname(path))
        try:
            name = os.path.basename(path)
            status = _check(directory, name, path)
            before = read_file(name, dir_fd=directory) if status else None
            if status and before == data and stat.S_IMODE(status.st_mode) == mode:
                return False, text
            if write:
                _replace(directory, name, data, mode)
            return True, (before or b"").decode("utf-8", "backslashreplace")
        finally:
            os.close(directory)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except IdentityError as refusal:
        raise IdentityError(f"The export {path} was not written: {refusal}") from refusal
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else ""
        raise IdentityError(
            f"The export {path} was not written: {reason or error}; mend that, or choose another path."
        ) from error


def _open_directory(path: str) -> int:
    """The directory of the file, in which nobody else can put something in our place."""
    status = os.stat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise IdentityError(f"{path} is no directory: correct the path.")
    is_shared = bool(status.st_mode & stat.S_IWOTH)
    if is_shared and not (status.st_mode & stat.S_ISVTX and status.st_uid in (0, os.geteuid())):
        raise IdentityError(f"anybody can put files into {path}, and take yours away: choose another directory.")
    if os.geteuid() != 0:
        return os.open(path, _DIRECTORY)
    if not is_shared:
        return open_trusted_directory(path)
    above = open_trusted_directory(os.path.dirname(path))
    try:
        directory = os.open(os.path.basename(path), _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    finally:
        os.close(above)
    if not os.path.samestat(os.fstat(directory), status):
        os.close(directory)
        raise IdentityError(f"{path} was exchanged meanwhile: choose another directory.")
    return directory


def _check(directory: int, name: str, path: str) -> os.stat_result | None:
    """What is there already, which must be a file of one's own."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        raise IdentityError("it is a link, and none is followed: remove it, or name the file itself.")
    if not stat.S_ISREG(status.st_mode):
        raise IdentityError("there is something that is no file: choose another path.")
    if status.st_nlink != 1:
        raise IdentityError(f"{path} is the same file as another one (a hard link): remove it, or choose another path.")
    if status.st_uid != os.geteuid():
        raise IdentityError(f"{path} belongs to uid {status.st_uid}: choose another path, or have it removed.")
    return status


def _replace(directory: int, name: str, data: bytes, mode: int) -> None:
    """Put a new file in the place of the old one; several runs at once do not meet."""
    temporary = f".{name}.{os.getpid()}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        try:
            write_all(handle, data)
            os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    fsync_directory(directory)
