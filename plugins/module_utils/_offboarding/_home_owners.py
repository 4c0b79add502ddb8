# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose home may be touched: who left, whose account is closed, and where the home is (private)."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import connecting_users, running
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    RESERVED_NAMES,
    check_username,
    is_system_path,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import SYSTEM_BAND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

__all__ = [
    "Account",
    "Leaver",
    "accounts_of",
    "check_home",
    "parse_leavers",
    "processes_of",
    "who_connects",
    "whose_home",
    "why_open",
]

_LARGEST = 4294967294
_SHOWN = 20


@dataclass(frozen=True)
class Leaver:
    """Somebody who left, and where their home is if the account does not say it."""

    name: str
    uid: int
    home: str


@dataclass(frozen=True)
class Account:
    """An account that a host has."""

    name: str
    uid: int
    home: str
    is_open: bool


def parse_leavers(raw: Iterable[Mapping[str, Any]]) -> tuple[Leaver, ...]:
    """Check the entries of ``users``, but not their homes: an account that is there says where its home is.

    :raises IdentityError: names every one that cannot be accepted.
    """
    leavers: dict[str, Leaver] = {}
    problems = []
    for entry in raw:
        try:
            leaver = Leaver(check_username(entry["name"]), int(entry["uid"]), entry["home"])
            if leaver.name in RESERVED_NAMES or leaver.name.startswith("systemd-"):
                raise IdentityError("this name belongs to the operating system")
            if not SYSTEM_BAND.first <= leaver.uid <= _LARGEST:
                raise IdentityError("uid %d is not that of a person" % leaver.uid)
            if leaver.name in leavers:
                raise IdentityError("named twice")
            leavers[leaver.name] = leaver
        except IdentityError as error:
            problems.append("%s: %s" % (ascii(str(entry["name"])[:40]), error))
    if problems:
        raise IdentityError("nothing was done: %s" % in_one_sentence(problems, _SHOWN))
    return tuple(leavers.values())


def check_home(path: str) -> None:
    """Refuse a path at which no home may be."""
    if not path.startswith("/") or path.startswith("//") or os.path.normpath(path) != path or "\0" in path:
        raise IdentityError("home %s must be an absolute path without '..' or double slashes" % ascii(path[:60]))
    if path == "/" or os.path.dirname(path) == "/" or is_system_path(path):
        raise IdentityError("home %s is not a directory of its own below a base such as /home" % ascii(path[:60]))


def accounts_of(etc: str, leavers: Iterable[Leaver]) -> dict[str, list[Account]]:
    """The accounts that have the name or the number of somebody, by name of that somebody."""
    ends = {fields[0]: fields[7] for fields in _lines(os.path.join(etc, "shadow")) if len(fields) > 7}
    accounts = []
    for fields in _lines(os.path.join(etc, "passwd")):
        if len(fields) == 7 and fields[2].isdigit():
            over = ends.get(fields[0], "")
            closed = over.isdigit() and int(over) <= time.time() // 86400
            # PAM heeds the expiry of those only whose password is in shadow
            closed = closed and fields[1] == "x" and os.path.basename(fields[6]) in ("nologin", "false")
            accounts.append(Account(fields[0], int(fields[2]), fields[5], not closed))
    found = {}
    for leaver in leavers:
        found[leaver.name] = [one for one in accounts if one.name == leaver.name or one.uid == leaver.uid]
        if not found[leaver.name] and etc == "/etc":
            found[leaver.name] = _in_directory(leaver)
    return found


def _lines(path: str) -> list[list[str]]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [line.rstrip("\n").split(":") for line in file]


def _in_directory(leaver: Leaver) -> list[Account]:
    """The accounts of a directory service, which knows by itself whom it lets in."""
    import pwd

    entries = []
    with contextlib.suppress(KeyError):
        entries.append(pwd.getpwnam(leaver.name))
    with contextlib.suppress(KeyError):
        entries.append(pwd.getpwuid(leaver.uid))
    return [Account(entry.pw_name, entry.pw_uid, entry.pw_dir, True) for entry in entries]


def processes_of(uid: int, proc: str) -> list[int]:
    """The processes that run as a user, in whatever way."""
    return [number for number, uids in running(proc) if uid in uids]


def why_open(leaver: Leaver, accounts: Iterable[Account], proc: str) -> str:
    """Why somebody may still write into their home; empty if nothing speaks for it."""
    for account in accounts:
        if account.is_open:
            return "the account %s (uid %d) is open on this host: close it first" % (account.name, account.uid)
    running = processes_of(leaver.uid, proc)
    if running:
        return "%d processes still run with uid %d: end them first" % (len(running), leaver.uid)
    return ""


def whose_home(path: str, etc: str, leaving: Collection[str]) -> str:
    """Another account of the host that lives in a directory or below it; empty for none."""
    for fields in _lines(os.path.join(etc, "passwd")):
        if len(fields) == 7 and fields[0] not in leaving:
            home = os.path.normpath(fields[5])
            if home == path or home.startswith(path + "/"):
                return fields[0]
    return ""


def who_connects(etc: str) -> frozenset[str]:
    """Who this run came in as."""
    accounts = (fields for fields in _lines(os.path.join(etc, "passwd")) if len(fields) == 7)
    return connecting_users((fields[0], fields[2]) for fields in accounts)
