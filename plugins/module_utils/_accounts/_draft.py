# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan while it grows: what the steps of the planner add to (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import PRIVILEGED_GROUPS
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Change
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import SYSTEM_BAND

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import Request
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob, HostState
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table

__all__ = ["Draft", "members_of"]


def members_of(fields: list[str] | None) -> list[str]:
    """The member list of a group or gshadow entry."""
    return [name for name in fields[3].split(",") if name] if fields else []


def _holders(table: Table) -> dict[str, str]:
    """Who has which number; what a stray line says may count for the system, so that number is taken too."""
    return {number.strip().lstrip("0") or "0": name for name, number in [*table.strays, *table.numbers]}


def _is_daemon(uid: str) -> bool:
    return uid.isdigit() and int(uid) < SYSTEM_BAND.first


def _shown(text: str) -> str:
    """A text of the host, such as the room that a user sets with chfn, without control characters and broken UTF-8."""
    return text if text.isprintable() else ascii(text)[1:-1]


class Draft:
    """What is wanted, what is there, and everything decided so far.

    The indexes by number are kept up while entries are added, so that two new entries cannot take one number.
    """

    def __init__(self, request: Request, state: HostState) -> None:
        self.request = request
        self.state = state
        self.passwd = state.tables["passwd"].entries
        self.group = state.tables["group"].entries
        self.shadow = state.tables["shadow"].entries
        self.gshadow = state.tables["gshadow"].entries if "gshadow" in state.tables else None
        self.uid_names = _holders(state.tables["passwd"])
        self.gid_names = _holders(state.tables["group"])
        self.primary_gids: dict[str, int] = {}
        for fields in self.passwd.values():
            self.primary_gids[fields[3]] = self.primary_gids.get(fields[3], 0) + 1
        self.privileged_gids: set[str] | None = None
        self._memberships: dict[str, set[str]] | None = None
        self._names_of: dict[str, list[str]] | None = None
        self._managed: list[str] | None = None
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.changes: list[Change] = []
        self.closings: dict[str, dict[str, list[str] | None]] = {"passwd": {}, "shadow": {}, "gshadow": {}, "group": {}}
        self.edits: dict[str, dict[str, list[str] | None]] = {"group": {}, "gshadow": {}, "shadow": {}, "passwd": {}}
        self.members: dict[str, dict[str, None]] = {}  # in order, of the groups whose members may change
        self.homes: list[HomeJob] = []
        self.key_files: dict[str, bytes] = {}
        self.stop: list[tuple[str, int]] = []
        self.claims: dict[str, Owned] = {}
        self.group_claims: dict[str, Owned] = {}
        self.gone: set[str] = set()
        self.new: set[str] = set()
        self.orphans: list[str] = []
        self.files: dict[str, bytes] = {}  # path below /etc -> content; empty: remove
        self.parts: dict[str, dict[str, bytes]] = {}  # of files that users share: path -> name -> part
        self.texts: dict[str, bytes] = {}  # path -> content of configuration that is not ours alone
        self.subids: dict[str, tuple[int, ...]] = {}
        self.numbers: dict[str, int] = {}  # of those in subids
        self.aliases: dict[str, str] = {}
        self.linger: dict[str, bool] = {}
        self.jobs: list[tuple[str, int]] = []
        self.removed_now: list[str] = []  # accounts that work now and will not after this run

    def change(self, kind: str, name: str, attribute: str, before: str, after: str) -> None:
        """Write down one difference."""
        self.changes.append(Change(kind, name, attribute, _shown(before), _shown(after)))

    def claim(self, name: str, number: int, state: str = "present") -> None:
        """This user is ours from now on."""
        self.claims[name] = Owned(number, self.request.owner, state)

    def not_ours(self, name: str, adopt: bool) -> str:
        """Why an account that exists must not be touched; empty when it is ours or given to us by name."""
        owned = self.state.record.users.get(name)
        if adopt or (owned and owned.owner == self.request.owner):
            return ""
        if owned:
            return "it belongs to %s on this host: name it there, or set adopt: true here" % owned.owner
        return "it exists on this host and was not made by this collection: set adopt: true to take it over"

    def forbidden_group(self, group: str, name: str) -> str:
        """Why a user must not be put into a group of the host; empty when nothing speaks against it."""
        if self.request.allow_privileged_groups:
            return ""
        fields = self.group.get(group)
        gid = fields[2] if fields else ""
        if self._is_privileged(gid):
            return "whoever is in group %s can become root: leave it out, or set allow_privileged_groups" % group
        owner = self.edits["passwd"].get(group) or self.passwd.get(group)
        if group != name and owner and owner[3] == gid and not _is_daemon(owner[2]):
            return (
                "group %s is the private group of the account of that name, whose files it opens: leave it out, make a"
                " shared group, or set allow_privileged_groups" % group
            )
        return ""

    def _is_privileged(self, gid: str) -> bool:
        if self.privileged_gids is None:
            # a second name for the same number is the same group
            self.privileged_gids = {fields[2] for name, fields in self.group.items() if name in PRIVILEGED_GROUPS}
        return gid.strip("0") == "" or gid in self.privileged_gids

    def memberships(self, name: str) -> list[str]:
        """The groups whose lists of members or administrators name somebody."""
        if self._memberships is None:
            self._memberships = {}
            for table in (self.group, self.gshadow or {}):
                for group, fields in table.items():
                    administrators = fields[2].split(",") if table is self.gshadow else []
                    for member in {*members_of(fields), *administrators}:
                        self._memberships.setdefault(member, set()).add(group)
        return sorted(self._memberships.get(name, ()))

    def others_with(self, uid: int, name: str) -> list[str]:
        """Accounts that have the number of another one, and so everything that is that one's."""
        if self._names_of is None:
            self._names_of = {}
            for other, fields in self.passwd.items():
                self._names_of.setdefault(fields[2], []).append(other)
        return [other for other in self._names_of.get(str(uid), ()) if other != name]

    def left_over(self, name: str) -> bool:
        """Does anything of a user without a passwd entry stand in the other files?"""
        tables = [self.group, self.shadow] + ([self.gshadow] if self.gshadow is not None else [])
        return name in self.state.key_files or any(name in entries for entries in tables)

    def managed_groups(self) -> list[str]:
        """Shared groups whose members this owner speaks for: those asked for, and those once made and still there."""
        if self._managed is not None:
            return self._managed
        names = {group.name for group in self.request.groups}
        for name, owned in self.state.record.groups.items():
            if owned.owner == self.request.owner and self.group.get(name, ["", "", ""])[2] == str(owned.number):
                names.add(name)
        self._managed = sorted(names)
        return self._managed

    def members_now(self, group: str) -> dict[str, None]:
        """Members of a group as decided so far."""
        if group not in self.members:
            self.members[group] = dict.fromkeys(members_of(self.group.get(group)))
        return self.members[group]

    def leave_group(self, group: str, name: str) -> None:
        """Nobody of this name is a member, however often the list has it."""
        self.members_now(group).pop(name, None)

    def ensure_group(self, name: str, gid: int) -> bool:
        """The group stands in group and, where the host has it, in gshadow; says whether it is new."""
        fields = self.group.get(name)
        if fields is None:
            self.edits["group"][name] = [name, "x", str(gid), ""]
            self.gid_names[str(gid)] = name
        if self.gshadow is not None and name not in self.gshadow:
            self.edits["gshadow"][name] = [name, "!", "", fields[3] if fields else ""]
            if fields is not None:
                self.change("group", name, "gshadow entry", "missing", "members %s" % (fields[3] or "(none)"))
        return fields is None

    def drop_group(self, name: str) -> None:
        """The group is gone from group and gshadow."""
        if name in self.group:
            self.edits["group"][name] = None
        if self.gshadow is not None and name in self.gshadow:
            self.edits["gshadow"][name] = None
