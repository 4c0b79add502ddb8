# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a host: its accounts, how they get in and what they may do (private). Nothing is changed.

What cannot be read whole is a gap, in words; never a secret: no hash of a password, no value of an option of a key.
"""

from __future__ import annotations

import datetime
import os
import stat
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._account_files import (
    account_table,
    as_number,
    groups_of,
    known_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import connecting_users
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import RECORD_DIRECTORY
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table, directory_sources
from ansible_collections.labfleet.identity.plugins.module_utils._audit._homes import Resident, homes, read_capped
from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import in_one_line, key_lines
from ansible_collections.labfleet.identity.plugins.module_utils._audit._sshd_ways import Asked, ways_of_sshd
from ansible_collections.labfleet.identity.plugins.module_utils._audit._sudo_rules import sudo_rules
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory, read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["HostPlaces", "Looked", "host_facts"]

_SHORTEST_HASH = 13  # of a password, that of DES


@dataclass(frozen=True)
class HostPlaces:
    """Where a host keeps things; tests put them somewhere else."""

    etc: str = "/etc"
    keys: str = "/etc/ssh/authorized_keys.d"
    record: str = RECORD_DIRECTORY
    linger: str = "/var/lib/systemd/linger"
    crontabs: tuple[str, ...] = ("/var/spool/cron/crontabs", "/var/spool/cron")
    proc: str = "/proc"
    mountinfo: str = "/proc/self/mountinfo"


@dataclass(frozen=True)
class Looked:
    """What is to be looked at, and how long."""

    bands: tuple[Band, ...] = ()  # none: every account
    remote_homes: bool = False
    patience: float = 5.0
    timeout: float = 60.0
    files: bool = False
    roots: tuple[str, ...] = ()


def host_facts(
    looked: Looked, run: Callable[[list[str]], tuple[int, str, str]], places: HostPlaces | None = None
) -> dict[str, Any]:
    """What the host has.

    :param run: runs a program; its answer is exit code, output and complaints.
    :raises IdentityError: there is no passwd or group, or somebody else than root could change them.
    """
    places = places or HostPlaces()
    deadline = time.monotonic() + looked.timeout
    gaps: list[str] = []
    tables = _tables(places, gaps)
    record = known_record(places.record, gaps)
    groups, memberships = groups_of(tables["group"], gaps)
    names_of_groups = {group["gid"]: group["name"] for group in reversed(groups)}
    gids_of_groups = {group["name"]: group["gid"] for group in groups}
    accounts = _accounts(tables, memberships, names_of_groups, record, gaps)
    shown = [account for account in accounts if _is_wanted(account, looked)]
    _add_homes(shown, looked, gids_of_groups, places, deadline, gaps)
    central, strays = _central_keys(places.keys, {account["name"] for account in accounts}, gaps)
    asked = [Asked(one["name"], one["uid"], one["home"].rstrip("/"), tuple(one["groups"])) for one in shown]
    ways, unknown = ways_of_sshd(asked, os.path.join(places.etc, "ssh", "sshd_config"), run)
    _add_belongings(shown, central, ways, places, gaps)
    _add_subordinate_ids(shown, places.etc, gaps)
    rules, unread = sudo_rules(os.path.join(places.etc, "sudoers"))
    wanted_groups = {name for account in shown for name in account["groups"]}
    facts: dict[str, Any] = {
        "accounts": [{**one, "name": in_one_line(one["name"]), "home": in_one_line(one["home"], 300)} for one in shown],
        "groups": [
            {**one, "name": in_one_line(one["name"])}
            for one in groups
            if not looked.bands or one["name"] in wanted_groups or any(one["gid"] in band for band in looked.bands)
        ],
        "key_files_of_nobody": strays,
        "sudo": rules,
        "recorded": [
            {"name": name, "number": owned.number, "owner": owned.owner, "state": owned.state}
            for name, owned in sorted(record.users.items())
        ],
        "connecting": sorted(map(in_one_line, connecting_users(tables["passwd"].numbers, places.proc))),
    }
    if looked.files:
        facts["files"] = _files(looked, tables, names_of_groups, gaps)
    return {**facts, "gaps": [in_one_line(gap, 400) for gap in [*gaps, *unknown, *unread]]}


def _tables(places: HostPlaces, gaps: list[str]) -> dict[str, Table]:
    etc = open_trusted_directory(places.etc)
    try:
        files = {name: read_file(name, dir_fd=etc) for name in ("passwd", "group", "shadow", "nsswitch.conf")}
    finally:
        os.close(etc)
    tables = {name: account_table(name, files[name], gaps) for name in ("passwd", "group")}
    tables["shadow"] = Table("shadow", files["shadow"] or b"")
    if files["shadow"] is None:
        gaps.append("/etc/shadow is missing: who has a password or is expired is not known")
    for database in ("passwd", "group", "sudoers"):
        sources = directory_sources(files["nsswitch.conf"], database)
        if sources:
            gaps.append("%s of a directory service (%s) were not looked at" % (database, " ".join(sorted(sources))))
    return tables


def _accounts(
    tables: dict[str, Table],
    memberships: dict[str, list[str]],
    names_of_groups: dict[int, str],
    record: Record,
    gaps: list[str],
) -> list[dict[str, Any]]:
    """What the account files and the record say of every account."""
    today = int(time.time() // 86400)
    shadow = tables["shadow"].entries
    accounts = []
    for name, fields in tables["passwd"].entries.items():
        uid, gid = as_number(fields[2]), as_number(fields[3])
        if uid is None or gid is None:
            gaps.append("/etc/passwd has no number for %s: repair the line (vipw)" % ascii(name))
            continue
        hidden = shadow.get(name)
        expire = as_number(hidden[7]) if hidden and hidden[7] else None
        groups = list(dict.fromkeys([names_of_groups.get(gid, "#%d" % gid), *memberships.get(name, [])]))
        account: dict[str, Any] = {
            "name": name,
            "uid": uid,
            "gid": gid,
            "gecos": in_one_line(fields[4]),
            "home": fields[5],
            "shell": in_one_line(fields[6], 300),
            "groups": [in_one_line(group) for group in groups],
            # what stands in passwd itself counts, unless it says that shadow has it
            "password": _password(fields[1] if fields[1] != "x" else hidden[1] if hidden else "*"),
            "expires": _day(expire),
            # PAM heeds the expiry of those only whose password is in shadow
            "expired": fields[1] == "x" and expire is not None and today >= expire,
        }
        if name in record.users:
            owned = record.users[name]
            account["managed"] = {"owner": owned.owner, "number": owned.number, "state": owned.state}
        accounts.append(account)
    return accounts


def _password(field: str) -> str:
    """What the field of a password says, without saying the field."""
    if not field:
        return "empty"
    is_hash = len(field.lstrip("!*")) >= _SHORTEST_HASH
    if field[0] in "!*":
        return "locked" if is_hash else "none"
    return "set" if is_hash else "none"


def _day(days: int | None) -> str:
    try:
        return "" if days is None else (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()
    except OverflowError:
        return "9999-12-31"


def _is_wanted(account: dict[str, Any], looked: Looked) -> bool:
    """Whether an account is in the bands; ours and those of root's number always are of interest."""
    uid = account["uid"]
    return not looked.bands or uid == 0 or "managed" in account or any(uid in band for band in looked.bands)


def _add_homes(
    accounts: list[dict[str, Any]],
    looked: Looked,
    gids: dict[str, int],
    places: HostPlaces,
    deadline: float,
    gaps: list[str],
) -> None:
    residents = []
    for account in accounts:
        numbers = tuple(gids[name] for name in account["groups"] if name in gids)
        residents.append(Resident(account["uid"], account["gid"], numbers, account["home"]))
    found = homes(residents, places.mountinfo, looked.remote_homes, looked.patience, deadline)
    for account, home in zip(accounts, found):
        account["home_state"] = {"kind": "unread", **home}
        if "problem" in home:
            gaps.append("the home of %s: %s" % (in_one_line(account["name"], 40), home["problem"]))


def _central_keys(
    path: str, names: set[str], gaps: list[str]
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The key files that root keeps: by the name of the account, and those that no account has."""
    if not os.path.lexists(path):
        return {}, []
    files: dict[str, dict[str, Any]] = {}
    strays = []
    try:
        directory = open_trusted_directory(path)
    except IdentityError as refusal:
        gaps.append(str(refusal))
        return {}, []
    try:
        for name in sorted(os.listdir(directory)):
            if name[0] == ".":
                continue
            found = _central_key_file(directory, name)
            if "problem" in found:
                gaps.append("%s/%s: %s" % (path, in_one_line(name), found["problem"]))
            if found["more"]:
                gaps.append("%s/%s has %d keys that were left out" % (path, in_one_line(name), found["more"]))
            if name in names:
                files[name] = found
            else:
                strays.append({"name": in_one_line(name), **found})
    finally:
        os.close(directory)
    return files, strays


def _central_key_file(directory: int, name: str) -> dict[str, Any]:
    try:
        data, cut = read_capped(name, directory, os.O_NOFOLLOW)
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        return {"public_keys": [], "more": 0, "unreadable": 0, "problem": "it cannot be read: %s" % error.strerror}
    found: dict[str, Any] = key_lines(data)
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found["writable_by"] = "uid %d, mode %04o" % (status.st_uid, stat.S_IMODE(status.st_mode))
    return {**found, "problem": "it is too long to be read whole"} if cut else found


def _add_belongings(
    accounts: list[dict[str, Any]],
    central: dict[str, dict[str, Any]],
    ways: dict[str, dict[str, Any]],
    places: HostPlaces,
    gaps: list[str],
) -> None:
    """Keys, ways in, lingering managers, cron tables and processes."""
    lingering = _names_in(places.linger)
    with_crontab = frozenset().union(*(_names_in(path) for path in places.crontabs))
    processes = _processes(places.proc, gaps)
    for account in accounts:
        name = account["name"]
        if name in central:
            account["key_file"] = central[name]
        if name in ways:
            account["sshd"] = ways[name]
        account["linger"] = name in lingering
        account["crontab"] = name in with_crontab
        account["processes"] = processes.get(account["uid"], 0)


def _add_subordinate_ids(accounts: list[dict[str, Any]], etc: str, gaps: list[str]) -> None:
    """The ranges of further numbers that users may give away, in containers for example."""
    for database, key in (("subuid", "subuids"), ("subgid", "subgids")):
        ranges: dict[str, list[str]] = {}
        try:
            data = read_file(os.path.join(etc, database)) or b""
        except IdentityError as refusal:
            gaps.append(str(refusal))
            continue
        for line in data.decode("utf-8", "surrogateescape").split("\n"):
            fields = line.split(":")
            first, count = (as_number(fields[1]), as_number(fields[2])) if len(fields) == 3 else (None, None)
            if first is not None and count:
                ranges.setdefault(fields[0], []).append("%d-%d" % (first, first + count - 1))
        for account in accounts:
            # a line can name a number instead of a name
            account[key] = ranges.get(account["name"], []) + ranges.get(str(account["uid"]), [])


def _names_in(path: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(path))
    except OSError:
        return frozenset()


def _processes(proc: str, gaps: list[str]) -> dict[int, int]:
    """How many processes run by the real uid. The directory of one can say another: its program decides."""
    found: dict[int, int] = {}
    try:
        names = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError as error:
        gaps.append("processes were not counted: %s" % error.strerror)
        return found
    for name in names:
        try:
            handle = os.open("%s/%s/status" % (proc, name), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # it ended meanwhile
            continue
        try:
            text = os.read(handle, 2048)
        except OSError:
            continue
        finally:
            os.close(handle)
        words = text.partition(b"\nUid:")[2].split(None, 1)
        if words and words[0].isdigit():
            found[int(words[0])] = found.get(int(words[0]), 0) + 1
    return found


def _files(
    looked: Looked, tables: dict[str, Table], names_of_groups: dict[int, str], gaps: list[str]
) -> list[dict[str, Any]]:
    """Which numbers own files without anybody having them."""
    # only a host that is asked for it pays for these
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._survey import apart
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._file_owners import strangers_files

    uids = {as_number(fields[2]) for fields in tables["passwd"].entries.values()}
    known_uids = frozenset(uid for uid in uids if uid is not None)
    known_gids = frozenset(names_of_groups)
    found = []
    for root in dict.fromkeys(looked.roots):
        limit = time.monotonic() + looked.timeout
        walk = partial(strangers_files, root, known_uids, known_gids, limit)
        answer = apart(walk, "/", looked.timeout + looked.patience)
        if "problem" in answer:
            gaps.append("files in %s: %s" % (in_one_line(root), answer["problem"]))
            continue
        gaps += answer["gaps"]
        found.append({"root": in_one_line(root), "seen": answer["seen"], "numbers": answer["numbers"]})
    return found
