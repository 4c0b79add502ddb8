# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every token once: a file for each that was used, until it would have expired anyway (private; controller).

The ledger is no place for this. It forgets nothing, and a portal makes a token for every command. Whoever could write
in the directory, or move it away from one above, could use a token again: so nobody else may.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import PortalUser

__all__ = ["UsedTokens"]

_MARGIN = 600  # clocks of controllers may differ by so many seconds
_KEPT_WITHOUT_TIME = 7 * 86400  # a file that was cut short says no time
_LONGEST_TIME = 20


class UsedTokens:
    """A private directory of the controller."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))

    def check_unused(self, user: PortalUser) -> None:
        """Refuse a token that was used; nothing is written."""
        directory = self._open(make=False)
        if directory < 0:
            return
        try:
            with contextlib.suppress(FileNotFoundError):
                os.stat(self._name(user), dir_fd=directory, follow_symlinks=False)
                raise self._was_used(user)
        finally:
            os.close(directory)

    def use(self, user: PortalUser, now: int) -> None:
        """Use a token up, durably, before anything comes of it. Of several who try, one gets through.

        :raises IdentityError: it was used before, or this cannot be written down.
        """
        try:
            directory = self._open(make=True)
        except OSError as error:
            raise self._not_written(error) from None
        try:
            try:
                handle = os.open(
                    self._name(user),
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                    0o600,
                    dir_fd=directory,
                )
            except FileExistsError:
                raise self._was_used(user) from None
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(str(user.expires))
                file.flush()
                os.fsync(file.fileno())
            fsync_directory(directory)
            self._sweep(directory, now)
        except OSError as error:
            raise self._not_written(error) from None
        finally:
            os.close(directory)

    def _open(self, make: bool) -> int:
        """The directory; -1 when there is none and none is to be made."""
        if make:
            directory = make_trusted_directory(self._path, 0o700)
        elif os.path.lexists(self._path):
            directory = open_trusted_directory(self._path)
        else:
            # where it could not be made, nothing will be used either
            os.close(open_trusted_directory(os.path.dirname(self._path)))
            return -1
        status = os.fstat(directory)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            os.close(directory)
            raise IdentityError(
                f"{self._path} (owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}) is not private, and"
                " whoever removes a file in it can use a token again: chown it to whoever runs Ansible, and chmod it"
                " 0700."
            )
        return directory

    @staticmethod
    def _name(user: PortalUser) -> str:
        return hashlib.sha256(f"{user.issuer}\0{user.jti}".encode()).hexdigest()

    def _not_written(self, error: OSError) -> IdentityError:
        return IdentityError(
            f"It cannot be written down in {self._path} that the token is used ({error.strerror}), so it is not"
            " used: see whether the directory can be written to."
        )

    @staticmethod
    def _was_used(user: PortalUser) -> IdentityError:
        return IdentityError(
            f"The token of {quoted(user.upstream)} was used already, and each is for one run on one host: let the"
            " portal make a new one."
        )

    @staticmethod
    def _sweep(directory: int, now: int) -> None:
        """Remove what names tokens that have expired."""
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
                with os.fdopen(handle, "rb") as file:
                    text, status = file.read(_LONGEST_TIME), os.fstat(file.fileno())
                ends = int(text) + _MARGIN if text.isdigit() else int(status.st_mtime) + _KEPT_WITHOUT_TIME
                if ends < now:
                    os.unlink(name, dir_fd=directory)
