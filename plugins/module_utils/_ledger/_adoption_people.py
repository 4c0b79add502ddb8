# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom an adoption is about, and what the fleet says of each of them (private, pure; runs on the controller)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import shown
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Renumbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import Surveys
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Profile
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    Label = tuple[str, str]  # user or group, and a name

__all__ = ["GROUP", "USER", "Fleet", "Somebody", "everybody"]

USER, GROUP = "user", "group"


@dataclass(frozen=True)
class Somebody:
    """A person, or a shared group, that has a number in the ledger or is to get one."""

    kind: str
    name: str
    band: Band
    names: frozenset[str]  # every name that is or was theirs
    has: int | None = None  # in the ledger
    former: frozenset[int] = frozenset()  # numbers that the ledger knows they had on hosts
    subject: str = ""
    guest: bool = False

    @property
    def label(self) -> Label:
        """What this one is told apart by."""
        return self.kind, self.name

    @property
    def option(self) -> str:
        """What a decision calls this one."""
        return "username" if self.kind == USER else "group"


def everybody(ledger: Ledger, profile: Profile, roster: Roster) -> list[Somebody]:
    """The people of the roster and of the ledger, guests too, and the shared groups of both."""
    found: dict[tuple[str, str], Somebody] = {}
    former: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for event in ledger.events:
        if isinstance(event, Renumbered):
            former[event.profile, event.subject].add(event.was)
    for person in profile.people():
        found[person.key] = Somebody(
            USER,
            person.username,
            profile.uid_band,
            frozenset(profile.names_of(person)),
            person.uid,
            frozenset(former[person.key]),
            person.subject,
        )
    for key, grant in profile.grants.items():
        guest = ledger.profile(key[0]).person(key[1])
        names = {name for name, whose in profile.guests.items() if whose == key}
        if guest is not None:
            found[key] = Somebody(
                USER,
                guest.username,
                profile.uid_band,
                frozenset(names),
                grant.uid,
                frozenset(former[key]),
                key[1],
                guest=True,
            )
    for entry in roster.entries:
        key = profile.id, entry.subject
        if entry.home_profile is None and key not in found:
            found[key] = Somebody(
                USER,
                entry.username,
                profile.uid_band,
                frozenset({entry.username}),
                subject=entry.subject,
            )
    groups = [
        Somebody(
            GROUP,
            name,
            profile.group_band,
            frozenset({name}),
            profile.groups[name].gid if name in profile.groups else None,
        )
        for name in sorted({*profile.groups, *roster.group_names})
    ]
    return [*sorted(found.values(), key=lambda somebody: somebody.name), *groups]


class Fleet:
    """What the hosts say, by name and by number.

    A claim is a name under which a number is in use. The owner of a home claims nothing: it says which number the files
    of a name have, and that number may be anybody's.
    """

    def __init__(self, surveys: Surveys, people: list[Somebody]) -> None:
        self.surveys = surveys
        self._users = {name: one for one in people if one.kind == USER for name in one.names}
        self._groups = {one.name: one for one in people if one.kind == GROUP}
        # of a person or group: number -> hosts
        self.numbers: defaultdict[Label, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        # of a person: owner of a home -> where
        self.homes: defaultdict[Label, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        # of a person: homes that are links of somebody, whose owner therefore says nothing
        self.links: defaultdict[Label, set[str]] = defaultdict(set)
        # owner -> homes whose name means nobody known
        self.other_homes: defaultdict[int, set[str]] = defaultdict(set)
        # number -> who claims it -> hosts
        self.claims: defaultdict[int, defaultdict[Label, set[str]]] = defaultdict(lambda: defaultdict(set))
        # number -> in words, where it was seen
        self.seen: defaultdict[int, set[str]] = defaultdict(set)
        # host and number -> who has an account with it there
        self._together: defaultdict[tuple[str, int], set[Label]] = defaultdict(set)
        self._account_names = {account.name for account in surveys.accounts}
        self._read_accounts()
        self._read_groups()
        self._read_entries()
        for host, number in surveys.numbers:
            self.seen[number].add(f"a line or the record of {shown(host)}")

    def others(self, somebody: Somebody, number: int) -> Mapping[str, list[str]]:
        """Who else has an account with a number on a host where somebody has it: host by name."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for host in sorted(self.numbers[somebody.label].get(number, ())):
            for _kind, name in self._together[host, number] - {somebody.label}:
                found[name].append(host)
        return found

    def is_alone(self, somebody: Somebody, number: int) -> bool:
        """Whether on some host nobody else has the number that somebody has there."""
        hosts = self.numbers[somebody.label].get(number, ())
        return any(self._together[host, number] == {somebody.label} for host in hosts)

    def _label(self, kind: str, name: str) -> Label:
        known = (self._users if kind == USER else self._groups).get(name)
        return known.label if known else (kind, name)

    def _read_accounts(self) -> None:
        for account in self.surveys.accounts:
            label = self._label(USER, account.name)
            self.numbers[label][account.uid].add(account.host)
            self.claims[account.uid][label].add(account.host)
            self._together[account.host, account.uid].add(label)
            self.seen[account.uid].add(f"account {shown(account.name)} on {shown(account.host)}")
            if account.gid != account.uid:
                self.seen[account.gid].add(f"primary group of {shown(account.name)} on {shown(account.host)}")

    def _read_groups(self) -> None:
        have = set()
        for group in self.surveys.groups:
            have.add((group.host, group.gid))
            # a group that is called like an account is the private one of that account
            is_private = group.name in self._users or (
                group.name not in self._groups and group.name in self._account_names
            )
            label = self._label(USER if is_private else GROUP, group.name)
            if label[0] == GROUP:
                self.numbers[label][group.gid].add(group.host)
            self.claims[group.gid][label].add(group.host)
            if label not in self._together[group.host, group.gid]:
                self.seen[group.gid].add(f"group {shown(group.name)} on {shown(group.host)}")
        for account in self.surveys.accounts:
            if (account.host, account.gid) not in have:
                self.claims[account.gid][self._label(USER, account.name)].add(account.host)

    def _read_entries(self) -> None:
        paths = {(account.host, account.home): account.name for account in self.surveys.accounts}
        for entry in self.surveys.entries:
            where = f"{shown(entry.path)} on {shown(entry.host)}"
            evidence = f"owner of {where}"
            self.seen[entry.uid].add(evidence)
            self.seen[entry.gid].add(evidence)
            whose = self._whose(entry.name, paths.get((entry.host, entry.path)))
            if not whose and entry.kind == "directory":
                self.other_homes[entry.uid].add(where)
            for label in whose:
                if entry.kind == "directory":
                    self.homes[label][entry.uid].add(where)
                elif entry.uid != 0:  # the links of root are those of the administrators
                    self.links[label].add(where)

    def _whose(self, *names: str | None) -> list[Label]:
        """The people whom the name of an entry, or an account whose home it is, means."""
        return sorted({one.label for one in (self._users.get(name) for name in names if name) if one})
