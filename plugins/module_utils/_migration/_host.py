# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account files and all else on a host that goes by numbers (private). The caller holds the locks."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from dataclasses import dataclass, replace

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import connecting_users
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import (
    RECORD_DIRECTORY,
    RECORD_NAME,
    Record,
    format_record,
    read_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import (
    Table,
    directory_sources,
    rewritten,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import Facts, new_tables
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    open_trusted_directory,
    read_file,
    replace_at,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import Plan
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import Request

__all__ = [
    "Host",
    "change_accounts",
    "change_at_jobs",
    "change_units",
    "check_accounts",
    "close_accounts",
    "former_state",
    "open_accounts",
    "read_facts",
]

_EXPIRY = 7  # the field of shadow
_CLOSED = "1"  # expired since 1970-01-02
_SHELL = 6


@dataclass(frozen=True)
class Host:
    """Where a host keeps things; tests put them somewhere else."""

    etc: str = "/etc"
    record: str = RECORD_DIRECTORY
    linger: str = "/var/lib/systemd/linger"
    proc: str = "/proc"
    units: str = "/etc/systemd/system"
    at_jobs: tuple[str, ...] = ("/var/spool/cron/atjobs", "/var/spool/at")


def read_facts(request: Request, host: Host) -> Facts:
    """The account files, the record, and what a directory service says of the numbers asked for."""
    etc = open_trusted_directory(host.etc)
    try:
        tables = _tables(etc, ("passwd", "group", "shadow"))
        nsswitch = read_file("nsswitch.conf", dir_fd=etc)
    finally:
        os.close(etc)
    uids = {number for user in request.users for number in (user.from_uid, user.to_uid) if number is not None}
    gids = {number for user in request.users for number in (user.from_gid, user.to_gid) if number is not None}
    gids.update(number for group in request.groups for number in (group.from_gid, group.to_gid) if number is not None)
    passwd = tables["passwd"].entries
    uids.update(int(passwd[user.name][2]) for user in request.users if user.name in passwd and passwd[user.name][2])
    return Facts(
        tables,
        read_record(host.record),
        _names(uids, directory_sources(nsswitch, "passwd"), lambda number: pwd.getpwuid(number).pw_name),
        _names(gids, directory_sources(nsswitch, "group"), lambda number: grp.getgrgid(number).gr_name),
        connecting_users(tables["passwd"].numbers),
    )


def _tables(etc: int, databases: Iterable[str]) -> dict[str, Table]:
    tables = {}
    for database in databases:
        data = read_file(database, dir_fd=etc)
        if data is None:
            raise IdentityError(
                "/etc/%s is missing on this host: restore it (a backup is /etc/%s-)" % ((database,) * 2)
            )
        tables[database] = Table(database, data)
    return tables


def _names(numbers: Iterable[int], sources: set[str], ask: Callable[[int], str]) -> dict[int, str]:
    """Whom a directory service has under these numbers; it is asked where there is one."""
    names = {}
    for number in numbers if sources else ():
        with contextlib.suppress(KeyError, OverflowError):
            names[number] = ask(number)
    return names


def former_state(plan: Plan, facts: Facts, host: Host) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """What is to be put back in the end: expiry and shell by name, and who lingers."""
    shadow, passwd = facts.tables["shadow"].entries, facts.tables["passwd"].entries
    closed = {name: [shadow[name][_EXPIRY], passwd[name][_SHELL]] for name in plan.users if name in shadow}
    lingering = tuple(name for name in plan.users if os.path.lexists(os.path.join(host.linger, name)))
    return closed, lingering


def close_accounts(names: Iterable[str], host: Host) -> None:
    """Let nobody in whose files are on the way: PAM refuses logins, cron jobs, at jobs and units of who expired."""
    _set_expiry(dict.fromkeys(names, _CLOSED), host)


def open_accounts(closed: dict[str, list[str]], lingering: Iterable[str], host: Host) -> None:
    """Put back what :func:`close_accounts` changed, but not for who was shut out meanwhile."""
    etc = open_trusted_directory(host.etc)
    try:
        tables = _tables(etc, ("passwd", "shadow"))
    finally:
        os.close(etc)
    passwd, shadow = tables["passwd"].entries, tables["shadow"].entries
    back = {
        name: expiry
        for name, (expiry, shell) in closed.items()
        if name in passwd and name in shadow and passwd[name][_SHELL] == shell and shadow[name][_EXPIRY] == _CLOSED
    }
    # first what needs an account that is still closed to be done: who is let in is let in last
    if lingering and os.path.isdir(host.linger):
        directory = open_trusted_directory(host.linger)
        try:
            for name in lingering:
                if name in back:
                    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                    os.close(os.open(name, flags, 0o644, dir_fd=directory))
        finally:
            os.close(directory)
    _set_expiry(back, host)


def _set_expiry(wanted: dict[str, str], host: Host) -> None:
    etc = open_trusted_directory(host.etc)
    try:
        shadow = _tables(etc, ("shadow",))["shadow"]
        changes: dict[str, list[str] | None] = {}
        for name, expiry in wanted.items():
            fields = shadow.entries.get(name)
            if fields is not None and fields[_EXPIRY] != expiry:
                changes[name] = [*fields[:_EXPIRY], expiry, *fields[_EXPIRY + 1 :]]
        if changes:
            replace_at(etc, "shadow", rewritten(shadow, changes), 0o600)
            fsync_directory(etc)
    finally:
        os.close(etc)


def check_accounts(plan: Plan, host: Host) -> None:
    """See whether :func:`change_accounts` could change them now.

    :raises IdentityError: somebody changed them meanwhile.
    """
    etc = open_trusted_directory(host.etc)
    try:
        new_tables(plan, _tables(etc, ("passwd", "group")))
    finally:
        os.close(etc)


def change_accounts(plan: Plan, host: Host) -> list[str]:
    """The new numbers in group, passwd, the record, and where subordinate ids go by number; the files that changed."""
    etc = open_trusted_directory(host.etc)
    changed = []
    try:
        tables = _tables(etc, ("passwd", "group"))
        for database, data in new_tables(plan, tables).items():
            replace_at(etc, database, data, 0o644, backup=database + "-")
            fsync_directory(etc)
            changed.append("/etc/" + database)
        for name in ("subuid", "subgid"):
            data = read_file(name, dir_fd=etc) or b""
            new = _by_name(data, plan)
            if new != data:
                replace_at(etc, name, new, 0o644, backup=name + "-")
                fsync_directory(etc)
                changed.append("/etc/" + name)
    finally:
        os.close(etc)
    record = read_record(host.record)
    new_record = Record(_renumbered(record.users, plan.users), _renumbered(record.groups, plan.groups))
    if new_record != record:
        directory = open_trusted_directory(host.record)
        try:
            replace_at(directory, RECORD_NAME, format_record(new_record), 0o644)
            fsync_directory(directory)
        finally:
            os.close(directory)
    return changed


def _renumbered(owned: dict[str, Owned], moves: dict[str, tuple[int, int]]) -> dict[str, Owned]:
    return {name: replace(own, number=moves[name][1]) if name in moves else own for name, own in owned.items()}


def _by_name(data: bytes, plan: Plan) -> bytes:
    """Lines of subuid that begin with an old number begin with the name: that may be done twice."""
    names = {b"%d" % old: name.encode("ascii") for name, (old, _new) in plan.users.items()}
    lines = []
    for line in data.split(b"\n"):
        owner, colon, rest = line.partition(b":")
        lines.append(names.get(owner, owner) + colon + rest)
    return b"\n".join(lines)


def change_units(plan: Plan, host: Host, aside: bool) -> None:
    """Limits of a user lie under the number of the user. They are put aside, and then under the new number.

    :param aside: the first half. When all of it is done, and remembered, comes the second one.
    """
    if not os.path.isdir(host.units):
        return
    directory = open_trusted_directory(host.units)
    try:
        for name, (old, new) in plan.users.items():
            ours = "labfleet-migrating-%s.slice.d" % name
            source, target = ("user-%d.slice.d" % old, ours) if aside else (ours, "user-%d.slice.d" % new)
            with contextlib.suppress(FileNotFoundError):
                if not aside and os.path.lexists(os.path.join(host.units, target)):
                    continue  # of somebody who had the number before: for a person to look at
                os.rename(source, target, src_dir_fd=directory, dst_dir_fd=directory)
        fsync_directory(directory)
    finally:
        os.close(directory)


def change_at_jobs(plan: Plan, host: Host) -> int:
    """A job of at names its owner in the first lines, and is refused when that is not who has the file."""
    owners = {new: name for name, (_old, new) in plan.users.items()}
    changed = 0
    for path in host.at_jobs:
        try:
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            for name in os.listdir(directory):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if status.st_uid not in owners or not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                    continue
                data = read_file(name, dir_fd=directory) or b""
                lines = data.split(b"\n", 2)
                words = lines[1].split(b"=") if len(lines) == 3 and lines[0].startswith(b"#!") else []
                if len(words) != 3 or words[0] != b"# atrun uid":
                    continue
                # the file is of at's own group: the group of the job is the owner's primary one
                group = plan.primary.get(owners[status.st_uid])
                gid = words[2] if group is None else b"%d" % group[1]
                lines[1] = b"# atrun uid=%d gid=%s" % (status.st_uid, gid)
                new = b"\n".join(lines)
                if new != data:
                    replace_at(directory, name, new, 0o700)
                    changed += 1
        finally:
            os.close(directory)
    return changed
