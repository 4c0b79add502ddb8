# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of the controller that nobody else can look into, with one small file for each login (private).

What is in it is believed, so nobody else may ever have been able to write there: not into the directory, not into one
above it, and not into the file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._login._json import json_object
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
    replace_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["IDENTITY", "SESSION", "PrivateFiles", "check_session_id"]

SESSION, IDENTITY = ".session.json", ".identity.json"
_ID_DIGITS = 32
_HEXADECIMAL = frozenset("0123456789abcdef")
_LARGEST = 16384


def check_session_id(session: str) -> str:
    """Return the id of a login, or refuse it: it becomes the name of a file."""
    if not isinstance(session, str) or len(session) != _ID_DIGITS or not _HEXADECIMAL.issuperset(session):
        raise IdentityError(
            f"The session {quoted(session)} is not one that a login began with: copy its {_ID_DIGITS} digits again."
        )
    return session


class PrivateFiles:
    """The files of a directory, until it is closed."""

    def __init__(self, path: str, make: bool = False) -> None:
        """Open the directory.

        :param path: a relative one begins in the working directory.
        :param make: whether to make it, with its parent there, when it is missing.
        :raises IdentityError: others can look into it or change it.
        """
        self.path = _absolute(path)
        self._handle = make_trusted_directory(self.path, 0o700) if make else open_trusted_directory(self.path)
        status = os.fstat(self._handle)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            os.close(self._handle)
            raise IdentityError(
                f"The directory {self.path} is open to others than you (owner {status.st_uid}, mode"
                f" {stat.S_IMODE(status.st_mode):04o}), so what is in it cannot be believed: choose another, or make it"
                " yours alone with chmod 700 after a look at what is in it."
            )

    @classmethod
    def check(cls, path: str) -> None:
        """Refuse a directory that could not be used or made, and make nothing."""
        whole = _absolute(path)
        if os.path.lexists(whole):
            cls(whole).close()
        else:
            os.close(open_trusted_directory(os.path.dirname(whole)))

    def close(self) -> None:
        """Be done with the directory."""
        os.close(self._handle)

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a file that is there whole or not at all, and that only its owner can read."""
        import json

        data = json.dumps(value, sort_keys=True).encode()
        replace_at(self._handle, name, data, 0o600, os.geteuid(), os.getegid(), keep=False)
        fsync_directory(self._handle)

    def read(self, name: str) -> dict[str, Any] | None:
        """What is in a file, None when there is none.

        :raises IdentityError: it is a link, or somebody else could have written or read it, or it is not ours.
        """
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._handle)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IdentityError(self._not_ours(name, error.strerror or "it cannot be opened")) from None
        try:
            self._check_is_ours(name, os.fstat(handle))
            data = os.read(handle, _LARGEST + 1)
        finally:
            os.close(handle)
        try:
            if len(data) > _LARGEST:
                raise ValueError
            return json_object(data)
        except ValueError:
            raise IdentityError(self._not_ours(name, "it is not as this program writes it")) from None

    def take_away(self, name: str) -> bool:
        """Remove a file; of several who try this at once it is true for one alone."""
        try:
            os.unlink(name, dir_fd=self._handle)
        except FileNotFoundError:
            return False
        fsync_directory(self._handle)
        return True

    def sweep(self, ending: str, before: float) -> None:
        """Remove the files of one kind that were written before a moment, and what a killed run left of them."""
        for name in os.listdir(self._handle):
            bare = name[1 : -len(".labfleet")] if name.startswith(".") and name.endswith(".labfleet") else name
            if not bare.endswith(ending) or not _is_id(bare[: -len(ending)]):
                continue
            with contextlib.suppress(FileNotFoundError):  # another run sweeps, too
                if os.stat(name, dir_fd=self._handle, follow_symlinks=False).st_mtime < before:
                    os.unlink(name, dir_fd=self._handle)

    def _check_is_ours(self, name: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise IdentityError(self._not_ours(name, "it is no plain file with one name"))
        if status.st_uid != os.geteuid():
            raise IdentityError(self._not_ours(name, f"it belongs to uid {status.st_uid}"))
        if status.st_mode & 0o077:
            raise IdentityError(self._not_ours(name, f"others may use it, mode {stat.S_IMODE(status.st_mode):04o}"))

    def _not_ours(self, name: str, why: str) -> str:
        return f"The file {self.path}/{name} cannot be believed: {why}. Remove it, and begin the login again."


def _absolute(path: str) -> str:
    if not path or not path.isprintable():
        raise IdentityError(f"The directory {quoted(path)} is none: write the path of one of your own.")
    return os.path.abspath(os.path.expanduser(path))


def _is_id(text: str) -> bool:
    return len(text) == _ID_DIGITS and _HEXADECIMAL.issuperset(text)
