# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels out of a directory that others may write into, copied to where they cannot be exchanged any more (private)."""

from __future__ import annotations

import os
import re
import stat

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import write_all

__all__ = ["copy_wheels"]

MOST_NAMES = 20000
MOST_BYTES = 8 << 30
_CHUNK = 1 << 20
_PINNED = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")


def copy_wheels(directory: str, requirements: str, into: int) -> None:
    """Copy the wheels of what is pinned, and nothing else that lies there: pip would follow the links of a page.

    pip checks the hash of a file and then opens it again, so that the files must be out of everybody's reach by then.

    :param directory: where the wheels are; anybody may be able to write there.
    :param into: descriptor of a directory that only root can enter.
    :raises IdentityError: it cannot be read, holds something else in place of a wheel, or too much.
    """
    wanted = {_plain(name) for name in _PINNED.findall(requirements)}
    try:
        source = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise IdentityError(
            "wheels %s cannot be opened: %s; name the directory on the host that has the wheels"
            % (directory, os.strerror(error.errno or 0))
        ) from error
    try:
        left = MOST_BYTES
        for name in _names(source, directory):
            if name.endswith(".whl") and _plain(name.partition("-")[0]) in wanted:
                left = _copy(source, directory, name, into, left)
    finally:
        os.close(source)


def _plain(name: str) -> str:
    """A name as package indexes compare it."""
    return _SEPARATORS.sub("-", name).lower()


def _names(source: int, directory: str) -> list[str]:
    names: list[str] = []
    with os.scandir(source) as entries:
        for entry in entries:
            if len(names) >= MOST_NAMES:
                raise IdentityError(
                    "wheels %s has more than %d names: leave there only what requirements names"
                    % (directory, MOST_NAMES)
                )
            names.append(entry.name)
    return sorted(names)


def _copy(source: int, directory: str, name: str, into: int, left: int) -> int:
    """Copy one file, and say how many bytes more there may be."""
    try:
        old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    except OSError as error:
        raise _no_file(name, directory) from error
    try:
        if not stat.S_ISREG(os.fstat(old).st_mode):
            raise _no_file(name, directory)
        new = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=into)
        try:
            while True:
                chunk = os.read(old, _CHUNK)
                if not chunk:
                    return left
                left -= len(chunk)
                if left < 0:
                    raise IdentityError(
                        "the wheels in %s are more than %d bytes: leave there only what requirements names"
                        % (directory, MOST_BYTES)
                    )
                write_all(new, chunk)
        finally:
            os.close(new)
    finally:
        os.close(old)


def _no_file(name: str, directory: str) -> IdentityError:
    return IdentityError(
        "%s in wheels %s is no regular file: put the wheel itself there, root follows no links of others"
        % (quoted(name), directory)
    )
