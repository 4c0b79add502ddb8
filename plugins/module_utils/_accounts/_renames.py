# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that get another name and stay whose they were: same number, same files, same home (private, pure).

A person who was renamed in the ledger is on the host under a former name. The account files are given the new name in
memory first, and the planner looks at these: so everything it knows of accounts holds for a renamed one as well.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import DATABASES, Table

if TYPE_CHECKING:
    from typing import Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request, UserSpec
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HostState

__all__ = ["Renaming", "former_names", "rename_accounts"]

_UID = 2
_LISTS = {"group": (3,), "gshadow": (2, 3)}  # which fields are lists of names


@dataclass(frozen=True)
class Renaming:
    """A host as it is with the new names, and what that takes."""

    state: HostState
    names: dict[str, str] = field(default_factory=dict)  # former name -> name
    key_files: tuple[str, ...] = ()  # of former names, to be removed when everything else is done
    stray_keys: tuple[str, ...] = ()  # new names under which a file lies that is not theirs
    stale: dict[str, str] = field(default_factory=dict)  # what a run that was killed left in the record, likewise
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def former_names(request: Request) -> list[str]:
    """Every name under which somebody asked for may be on the host."""
    return [name for user in request.users + request.unselected for name in user.formerly]


def rename_accounts(request: Request, state: HostState) -> Renaming:
    """Give our accounts that have a former name of somebody asked for the present one."""
    names: dict[str, str] = {}
    problems: list[str] = []
    for user in request.users + request.unselected:
        former = _name_here(request, state, user)
        if not former:
            continue
        problem = _problem(state, user, former)
        if problem:
            problems.append("%s: %s" % (user.name, problem))
        else:
            names[former] = user.name
    stale = _stale(request, state)
    if problems or not (names or stale):
        return Renaming(state, problems=tuple(problems))
    uids = {former: state.tables["passwd"].entries[former][_UID] for former in names}
    groups = {
        former: name
        for former, name in names.items()
        if state.tables["group"].entries.get(former, ["", "", uids[former]])[_UID] == uids[former]
    }
    # what stands under a new name was somebody else's, unless a run that was killed began to rename
    begun = {name: (own.number, own.owner) for name, own in state.record.users.items()}
    strange = {name for former, name in names.items() if begun.get(name) != begun[former]}
    tables = {
        database: _renamed(table, groups if database in ("group", "gshadow") else names, names, strange)
        for database, table in state.tables.items()
    }
    new = set(names.values())
    keys = {name: data for name, data in state.key_files.items() if name not in names and name not in new}
    keys.update((name, state.key_files[former]) for former, name in names.items() if former in state.key_files)
    loose = frozenset(names.get(name, name) for name in state.loose_key_files if name not in new)
    stray = tuple(sorted(name for name in new if name in state.key_files and name not in keys))
    owned = {names.get(name, name): own for name, own in state.record.users.items() if name not in stale}
    record = Record(owned, state.record.groups)
    there = tuple(sorted(name for name in names if name in state.key_files))
    renamed = dataclasses.replace(state, tables=tables, key_files=keys, loose_key_files=loose, record=record)
    return Renaming(renamed, names, there, stray, stale, warnings=tuple(_left_groups(state, strange)))


def _left_groups(state: HostState, strange: set[str]) -> Iterable[str]:
    """Say in which groups a new name stood because of somebody else, or of an earlier life."""
    for name in sorted(strange):
        groups = {
            group
            for database in ("group", "gshadow")
            if database in state.tables
            for group, fields in state.tables[database].entries.items()
            if any(name in fields[index].split(",") for index in _LISTS[database])
        }
        if groups:
            yield "%s: taken out of %s, where the name stood before the account had it" % (
                name,
                ", ".join(sorted(groups)),
            )


def _name_here(request: Request, state: HostState, user: UserSpec) -> str:
    """The former name under which this user's account is on the host; empty when there is none."""
    passwd = state.tables["passwd"].entries
    if user.name in passwd:
        return ""
    for former in user.formerly:
        fields, owned = passwd.get(former), state.record.users.get(former)
        # an account that is not ours, or has another number, is somebody else's, whatever its name
        ours = owned is not None and (owned.number, owned.owner) == (user.uid, request.owner)
        if ours and fields and fields[_UID] == str(user.uid):
            return former
    return ""


def _stale(request: Request, state: HostState) -> dict[str, str]:
    """Former names that only the record still has, by the present one."""
    passwd = state.tables["passwd"].entries
    return {
        former: user.name
        for user in request.users + request.unselected
        for former in user.formerly
        if user.name in passwd and former not in passwd
        if former in state.record.users and state.record.users[former].number == user.uid
    }


def _problem(state: HostState, user: UserSpec, former: str) -> str:
    """Why an account cannot be renamed."""
    if former in state.protected:
        return "its account %s is the one this run is connected as: rename it from another login" % former
    for database, table in state.tables.items():
        both = [name for name in (former, user.name) if name in table.entries]
        if len(both) == 2:
            return "it is %s on this host, and /etc/%s has entries of both names: remove the one that is wrong" % (
                former,
                database,
            )
        if any(name in (former, user.name) for name, _number in table.strays):
            return (
                "it is %s on this host, and /etc/%s has a malformed line of that name, or more than one: repair it"
                % (
                    former,
                    database,
                )
            )
    return ""


def _renamed(table: Table, names: dict[str, str], members: dict[str, str], strange: set[str]) -> Table:
    """The table with other names of entries, and of members where it has lists of them."""
    lists = _LISTS.get(table.database, ())
    lines = []
    for line in table.text.split("\n"):
        fields = line.split(":")
        if len(fields) == DATABASES[table.database] and table.entries.get(fields[0]) == fields:
            wanted = [names.get(fields[0], fields[0]), *fields[1:]]
            for index in lists:
                wanted[index] = _listed(fields[index], members, strange)
            lines.append(":".join(wanted))
        else:
            lines.append(line)
    return Table(table.database, "\n".join(lines).encode("utf-8", "surrogateescape"))


def _listed(text: str, members: dict[str, str], strange: set[str]) -> str:
    """A list in which people have their new names, and nobody is because of who had that name before."""
    names = text.split(",")
    if not any(name in members or name in strange for name in names):
        return text
    return ",".join(_unique(members.get(name, name) for name in names if name not in strange))


def _unique(names: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(names)
