# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that a command sees, each looked at without following a link (private)."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import is_system_path, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import check_path
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    open_trusted_directory,
)
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence

if TYPE_CHECKING:
    from typing import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Account
    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job

__all__ = ["JOBS", "Mapped", "hidden_directories", "identity_of", "job_directory", "mapped_directories"]

JOBS = "/var/lib/labfleet/jobs"
# Some hold the sockets of programs that the user runs outside of jobs, which do there whatever the user says.
_ALWAYS_HIDDEN = ("/home", "/root", "/run/jupyter", "/run/rstudio-server", "/run/screen", "/run/user", JOBS)
# What the system keeps by number and lets its owner read: of a shared account that is everybody who uses it.
_KEPT_BY_NUMBER = (
    "/run/log/journal",
    "/var/crash",
    "/var/lib/apport/coredump",
    "/var/lib/systemd/coredump",
    "/var/log/journal",
    "/var/mail",
    "/var/spool/abrt",
    "/var/spool/mail",
)


@dataclass(frozen=True)
class Mapped:
    """A directory that is mapped, and what tells it from all others. One that is still to be made has no number."""

    path: str
    device: int = 0
    inode: int = 0


def mapped_directories(job: Job, account: Account, silence: Silence | None = None) -> list[Mapped]:
    """The directories of an account of one person: those that were named, or the home.

    :raises IdentityError: one is missing, a link, somebody else's, or where others could exchange it.
    """
    silence = silence or Silence()
    wanted = job.directories or (check_path(account.home, "the account %s" % account.name),)
    return [_mapped(path, job, account, silence) for path in wanted]


def _mapped(path: str, job: Job, account: Account, silence: Silence) -> Mapped:
    silent = silence.of(path)
    if silent:
        raise IdentityError("the file server of %s does not answer, and %s is there: mend it first" % (silent, path))
    if is_system_path(path):
        raise IdentityError("%s is where the system keeps its files: map a directory of people's" % path)
    parent, name = os.path.split(path)
    if os.path.realpath(parent) != parent:
        raise IdentityError(
            "%s is reached through a link: write its real path, %s" % (path, quoted(os.path.realpath(path)))
        )
    above = open_trusted_directory(parent)
    try:
        # root may not be let in where a file server takes it for nobody, and needs not be to see whose it is
        directory = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    except OSError as error:
        raise IdentityError("%s cannot be mapped: %s" % (path, os.strerror(error.errno or 0))) from error
    finally:
        os.close(above)
    try:
        status = os.fstat(directory)
    finally:
        os.close(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise IdentityError("%s is no directory: it cannot be mapped" % path)
    if path in job.shared_directories:
        if status.st_uid not in (0, account.uid) or status.st_mode & stat.S_IWOTH:
            raise IdentityError(
                "%s (owner %d, mode %04o) is no shared directory of root's that a group may write to: map another one"
                % (path, status.st_uid, stat.S_IMODE(status.st_mode))
            )
    elif status.st_uid != account.uid:
        raise IdentityError(
            "%s belongs to uid %d and not to %s: name it in shared_directories as well, if it is one"
            % (path, status.st_uid, account.name)
        )
    return Mapped(path, status.st_dev, status.st_ino)


def job_directory(job: Job, account: Account, make: bool, base: str = JOBS) -> Mapped:
    """The directory of one external identity below the jobs of a shared account, made by root.

    :param make: whether it is made where it is missing.
    :raises IdentityError: somebody put something else in its place.
    """
    place = os.path.join(base, account.name)
    path = os.path.join(place, job.identity)
    if make:
        os.close(make_trusted_directory(os.path.dirname(base), 0o755))
        for directory in (base, place):
            _make_for_root(directory)
    elif not os.path.isdir(place):
        return Mapped(path)
    above = open_trusted_directory(place)
    try:
        if make:
            _make_for(account, above, job.identity)
        status = os.stat(job.identity, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return Mapped(path)
    finally:
        os.close(above)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or stat.S_IMODE(status.st_mode) & 0o077:
        raise IdentityError(
            "%s is not a directory of %s alone (owner %d, mode %04o): see who changed it, and move it away"
            % (path, account.name, status.st_uid, stat.S_IMODE(status.st_mode))
        )
    return Mapped(path, status.st_dev, status.st_ino)


def _make_for_root(directory: str) -> None:
    """Not even the account gets in: a job that is handed the host's view of it would reach those of others."""
    handle = make_trusted_directory(directory, 0o700)
    try:
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def _make_for(account: Account, above: int, name: str) -> None:
    """Make a directory; its owner is changed on the descriptor of what was just made."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=above)
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        # an empty one of root's is left by a run that was cut short
        if os.fstat(directory).st_uid == 0 and not os.listdir(directory):
            os.fchmod(directory, 0o700)
            os.fchown(directory, account.uid, account.gid)
    finally:
        os.close(directory)


def hidden_directories(job: Job, account: Account, mapped: Sequence[Mapped]) -> list[str]:
    """Directories that the command sees empty, but for what is mapped; none of them lies in another."""
    home = account.home
    wanted = [*_ALWAYS_HIDDEN, *job.hidden, *(_KEPT_BY_NUMBER if job.shared else ())]
    if home.startswith("/") and home != "/" and os.path.isdir(home):
        parent = os.path.dirname(home)
        wanted.append(home if parent == "/" or is_system_path(home) else parent)
    real = {os.path.realpath(path) for path in wanted if os.path.isdir(path)} - {"/", *(one.path for one in mapped)}
    return sorted(path for path in real if not any(path.startswith(other + "/") for other in real))


def identity_of(path: str) -> list[int]:
    """What tells a file from all others; nothing for one that is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_dev, status.st_ino]
