# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What should be on every host, by the ledger and the rosters (private, pure; runs on the controller).

It is found by the functions that the role C(research_users) uses: an audit and a run cannot want different things.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import who
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    NumberWithheld,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import allocation_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Expected", "HostWanted", "Owner", "People", "Should", "expect"]


@dataclass(frozen=True)
class People:
    """The people of a profile: the roster, with the keys of the store in it."""

    profile: str
    roster: Roster


@dataclass(frozen=True)
class HostWanted:
    """What the variables of a host say of who goes there."""

    profile: str
    select: Any = "all"
    groups: tuple[str, ...] = ()
    home_base: str = "/home"
    sudo: frozenset[str] = frozenset()  # people who have rules of sudo
    passwords: frozenset[str] = frozenset()  # people who have a password
    # accounts that are not people's, as the role system_users has them
    system_users: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Should:
    """What an account of a host should be; None where nothing says so."""

    name: str
    uid: int
    profile: str = ""  # empty for a system user
    state: str = "present"
    selected: bool = True
    groups: frozenset[str] | None = None
    keys: frozenset[str] | None = None  # fingerprints
    sudo: bool = False
    password: bool = False
    former_names: tuple[str, ...] = ()

    @property
    def may_enter(self) -> bool:
        """Whether somebody is to get in."""
        return self.selected and self.state == "present"


@dataclass(frozen=True)
class Owner:
    """Who or what has a number by the ledger."""

    text: str  # in words
    person: Person | None = None
    names: tuple[str, ...] = ()  # every name that the person ever had
    number: int = -1  # that they have now
    kind: str = "person"  # person, group or withheld


@dataclass(frozen=True)
class Expected:
    """All that the findings are drawn from, beside what the hosts answered."""

    ledger: Ledger
    hosts: Mapping[str, Mapping[str, Should]] = field(default_factory=dict)  # by host and name
    former: Mapping[str, Mapping[str, Should]] = field(default_factory=dict)  # by host and a name they had before
    wanted: Mapping[str, HostWanted] = field(default_factory=dict)
    group_numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by profile and name
    keys: Mapping[str, str] = field(default_factory=dict)  # fingerprint: whose it is
    revoked: frozenset[str] = frozenset()
    not_issued: frozenset[tuple[str, str]] = frozenset()  # profile and username of those without a number

    def uid_bands(self) -> list[Band]:
        """The bands of all people."""
        return [profile.uid_band for profile in self.ledger.profiles.values()]

    def group_bands(self) -> list[Band]:
        """The bands of all shared groups."""
        return [profile.group_band for profile in self.ledger.profiles.values()]

    def should(self, host: str, name: str) -> Should | None:
        """What an account should be, by its name or by one that its person had before."""
        return self.hosts.get(host, {}).get(name) or self.former.get(host, {}).get(name)

    def groups_of(self, host: str) -> Mapping[str, int]:
        """The shared groups of the profile of a host, with their numbers."""
        wanted = self.wanted.get(host)
        return self.group_numbers.get(wanted.profile, {}) if wanted else {}

    def shared_groups(self, host: str) -> frozenset[str]:
        """The same, by name and as #NUMBER: this is how sudo calls them."""
        groups = self.groups_of(host)
        return frozenset(groups) | {f"#{number}" for number in groups.values()}

    def owner(self, number: int) -> Owner | None:
        """Who has a number by the ledger."""
        holder = self.ledger.numbers.get(number)
        if holder is None:
            return None
        if isinstance(holder, GroupIssued):
            return Owner(who(holder), kind="group")
        if isinstance(holder, NumberWithheld):
            return Owner(who(holder), kind="withheld")
        person = self.ledger.profile(holder.profile).person(holder.subject)
        if person is None:
            return Owner(who(holder))
        names = self.ledger.profile(person.profile).names_of(person)
        # a guest keeps the number that the other profile gave; a former number is nobody's present one
        number_now = person.uid if hasattr(holder, "was") else number
        return Owner(str(person), person, names, number_now)


def expect(
    ledger: Ledger,
    people: Iterable[People],
    hosts: Mapping[str, HostWanted],
    revoked: Iterable[str],
    stamp: Stamp,
) -> Expected:
    """What should be on every host.

    :param revoked: fingerprints of keys that must work nowhere.
    :param stamp: for numbers that are not issued yet; nothing of it is written.
    :raises IdentityError: a host is of a profile without a roster, or ledger and roster contradict each other.
    """
    identities: dict[str, list[dict[str, Any]]] = {}
    group_numbers: dict[str, dict[str, int]] = {}
    not_issued: set[tuple[str, str]] = set()
    keys: dict[str, str] = {}
    prints: dict[str, str] = {}
    for one in people:
        profile = ledger.profile(one.profile)
        groups = [group for host in hosts.values() if host.profile == one.profile for group in host.groups]
        wanted = Wanted(profile=one.profile, roster=one.roster, groups=tuple(dict.fromkeys(groups)))
        found = allocation_result("", wanted, Settled(allocate(ledger, wanted, stamp)))
        identities[one.profile] = [*found["identities"], *found["left"]]
        numbers = {name: issued.gid for name, issued in profile.groups.items()}
        group_numbers[one.profile] = {**numbers, **{group["name"]: group["gid"] for group in found["groups"]}}
        not_issued |= {(one.profile, new["name"]) for new in found["issued"] if new["kind"] == "user"}
        for identity in identities[one.profile]:
            for key in identity.get("public_keys") or ():
                keys[_fingerprint(key, prints)] = f"{identity['username']} ({profile.id})"
    desired = {host: _accounts(host, wanted, identities, prints) for host, wanted in sorted(hosts.items())}
    former = {
        host: {name: should for should in accounts.values() for name in should.former_names}
        for host, accounts in desired.items()
    }
    return Expected(ledger, desired, former, hosts, group_numbers, keys, frozenset(revoked), frozenset(not_issued))


def _accounts(
    host: str, wanted: HostWanted, identities: Mapping[str, list[dict[str, Any]]], prints: dict[str, str]
) -> dict[str, Should]:
    """What should be on one host, by name."""
    if wanted.profile not in identities:
        raise IdentityError(
            f"The host {quoted(host)} is of the profile {quoted(wanted.profile)}, of which nothing is known: give its"
            " roster under profiles."
        )
    accounts = {}
    people = host_accounts(identities[wanted.profile], wanted.select, wanted.home_base, "/bin/sh", list(wanted.groups))
    for raw in people:
        name = raw["name"]
        given = {"sudo": name in wanted.sudo, "password": name in wanted.passwords}
        accounts[name] = _should({**raw, **given}, wanted.profile, prints)
    for user in wanted.system_users:
        if isinstance(user.get("name"), str) and user["name"] not in accounts:
            accounts[user["name"]] = _should(user, "", prints)
    return accounts


def _should(raw: Mapping[str, Any], profile: str, prints: dict[str, str]) -> Should:
    keys, groups = raw.get("keys"), raw.get("groups")
    return Should(
        name=raw["name"],
        uid=raw["uid"] if isinstance(raw.get("uid"), int) else -1,
        profile=profile,
        state=raw.get("state", "present"),
        selected=raw.get("selected", True),
        groups=None if groups is None else frozenset(groups),
        keys=None if keys is None else frozenset(_fingerprint(key, prints) for key in keys),
        sudo=bool(raw.get("sudo")),
        password=bool(raw.get("password")) and raw["password"] != "*",
        former_names=tuple(raw.get("formerly") or ()),
    )


def _fingerprint(raw: Any, known: dict[str, str]) -> str:
    """The fingerprint of a key in a roster; the same line is read once."""
    if not isinstance(raw, str):
        return parse_key_entry(raw).key.fingerprint
    if raw not in known:
        known[raw] = parse_key_entry(raw).key.fingerprint
    return known[raw]
