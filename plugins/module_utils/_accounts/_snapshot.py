# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a host has, once (private). Everything the planner may look at is in the answer."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings_files import read_belongings
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import busy_users, connecting_users
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import RECORD_DIRECTORY, read_record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._renames import former_names
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._spool import scheduled_jobs
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import (
    KEY_FILE_MODE,
    HomeState,
    HostState,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import (
    DATABASES,
    Table,
    directory_sources,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory, read_file

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request

__all__ = ["Places", "take_snapshot"]

_NOLOGIN = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false")


@dataclass(frozen=True)
class Places:
    """Where a host keeps things; tests put them somewhere else."""

    etc: str = "/etc"
    record: str = RECORD_DIRECTORY
    linger: str = "/var/lib/systemd/linger"
    proc: str = "/proc"
    spool: str = "/var/spool"
    utmp: str = "/run/utmp"
    visudo: str = ""  # where it is installed


def take_snapshot(request: Request, places: Places) -> HostState:
    """Read the account files and what belongs to the users asked for.

    :raises IdentityError: a file cannot be read safely, or shadow passwords are not in use.
    """
    etc = open_trusted_directory(places.etc)
    try:
        tables = {}
        for database in DATABASES:
            data = read_file(database, dir_fd=etc)
            if data is not None:
                tables[database] = Table(database, data)
            elif database != "gshadow":
                raise IdentityError(
                    "/etc/%s is missing on this host: restore it (a backup is /etc/%s-)" % (database, database)
                )
        login_defs = read_file("login.defs", dir_fd=etc) if request.pin_local_ids else None
        adduser_conf = read_file("adduser.conf", dir_fd=etc) if request.pin_local_ids else None
        nsswitch = read_file("nsswitch.conf", dir_fd=etc)
        subids = {name: read_file(name, dir_fd=etc) for name in ("subuid", "subgid")}
        aliases = read_file("aliases", dir_fd=etc)
    finally:
        os.close(etc)
    record = read_record(places.record)
    present = [user for user in request.users if user.state == "present"]
    leaving = {user.name: user.uid for user in request.users if user.state != "present"}
    orphans = {
        name: owned.number
        for name, owned in record.users.items()
        if owned.owner == request.owner and request.orphans != "report"
    }
    for user in present:
        orphans.pop(user.name, None)
    leaving.update(orphans)
    names = [user.name for user in request.users + request.unselected] + former_names(request) + list(orphans)
    new = [(user.name, user.uid) for user in present if user.name not in tables["passwd"].entries]
    uids, known = _ask_directory(new, nsswitch, "passwd")
    groups = [(user.group, user.gid) for user in present] + [(group.name, group.gid) for group in request.groups]
    groups = [group for group in groups if group[0] not in tables["group"].entries]
    gids, group_names = _ask_directory(groups, nsswitch, "group")
    key_files, loose = _read_key_files(request.keys_directory, names, tables["passwd"])
    files, loose_files = read_belongings(places.etc)
    return HostState(
        tables=tables,
        record=record,
        homes=_read_homes(
            {
                user.home: request.home_mode if user.home_mode is None else user.home_mode
                for user in present
                if user.create_home
            }
        ),
        key_files=key_files,
        loose_key_files=loose,
        shells=frozenset(shell for shell in {user.shell for user in present} if _is_program(shell)),
        nologin=next((path for path in _NOLOGIN if _is_program(path)), _NOLOGIN[0]),
        directory_uids=uids,
        directory_names=known,
        directory_gids=gids,
        directory_groups=group_names,
        busy=busy_users(leaving, places.proc, places.linger) if leaving else {},
        protected=connecting_users(tables["passwd"].numbers),
        login_defs=login_defs,
        adduser_conf=adduser_conf,
        today=int(time.time() // 86400),
        files=files,
        loose_files=loose_files,
        subids=subids,
        aliases=aliases,
        lingering=_lingering(places.linger),
        counts_logins=os.path.exists(places.utmp),
        jobs=scheduled_jobs(leaving, places.spool) if leaving else {},
    )


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _ask_directory(
    new: list[tuple[str, int]], nsswitch: bytes | None, database: str
) -> tuple[dict[str, int], dict[int, str]]:
    """Which of these names and numbers a directory knows although the host's own file does not."""
    numbers: dict[str, int] = {}
    names: dict[int, str] = {}
    if not new or not directory_sources(nsswitch, database):
        return numbers, names
    for name, number in new:
        # both kinds of entry begin with name, password, number
        with contextlib.suppress(KeyError):
            numbers[name] = int((pwd.getpwnam(name) if database == "passwd" else grp.getgrnam(name))[2])
        with contextlib.suppress(KeyError):
            names[number] = str((pwd.getpwuid(number) if database == "passwd" else grp.getgrgid(number))[0])
    return numbers, names


def _lingering(directory: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))
    except FileNotFoundError:
        return frozenset()


def _read_homes(modes: dict[str, int | None]) -> dict[str, HomeState]:
    """What stands at these paths; the modes are those that the homes should have."""
    homes = {}
    bases: dict[str, str] = {}
    for path, home_mode in modes.items():
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            homes[path] = HomeState("missing", problem=_base_problem(os.path.dirname(path), bases))
        except OSError as error:
            # its user can cause this: root is locked out of what a user mounts with FUSE
            homes[path] = HomeState("hidden", problem="home %s cannot be looked at: %s" % (path, error.strerror))
        else:
            kind = "directory" if stat.S_ISDIR(status.st_mode) else "other"
            mode = stat.S_IMODE(status.st_mode)
            problem = "" if home_mode in (None, mode) else _base_problem(os.path.dirname(path), bases)
            homes[path] = HomeState(kind, status.st_uid, status.st_gid, mode, problem)
    return homes


def _base_problem(base: str, known: dict[str, str]) -> str:
    if base not in known:
        try:
            os.close(open_trusted_directory(base))
            known[base] = ""
        except IdentityError as error:
            known[base] = str(error)
    return known[base]


def _read_key_files(path: str, names: list[str], passwd: Table) -> tuple[dict[str, bytes], frozenset[str]]:
    """The key files of these users, and of names that have no account; and which can be changed by others than root."""
    if not os.path.lexists(path):
        return {}, frozenset()
    files: dict[str, bytes] = {}
    loose = set()
    directory = open_trusted_directory(path)
    try:
        there = set(os.listdir(directory))
        for name in there.intersection(names):
            data = read_file(name, dir_fd=directory)
            if data is not None:
                files[name] = data
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if status.st_uid not in (0, os.geteuid()) or stat.S_IMODE(status.st_mode) != KEY_FILE_MODE:
                    loose.add(name)
        for name in there.difference(names, passwd.entries):
            if name[0] != ".":
                with contextlib.suppress(IdentityError):
                    files[name] = read_file(name, dir_fd=directory) or b""
    finally:
        os.close(directory)
    return files, frozenset(loose)
