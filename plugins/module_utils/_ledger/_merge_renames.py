# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From decisions to what becomes what, side by side (private, pure; runs on the controller).

Profiles become first. People and groups are named by the profile that they have then, and by the number that they had.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import choose_numbers
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Renumbered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import NEW_NUMBER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
    checksum,
    separate_registrations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import (
        Decisions,
        ProfileBecomes,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Registrations, Side
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    GroupKey = tuple[str, str, int]  # profile, name, gid
    NewGroup = tuple[str, int, str]  # name, gid, reason
    GuestKey = tuple[str, str, str, int]  # profile, home profile, subject, the guest's own number

__all__ = ["Human", "NewHuman", "Renames", "renames"]


@dataclass(frozen=True)
class Human:
    """A person as a side has them, in the profile that they have in the merge."""

    profile: str
    subject: str
    uid: int
    username: str


@dataclass(frozen=True)
class NewHuman:
    """What a person is in the merge."""

    subject: str
    username: str
    uid: int
    reason: str = ""


@dataclass(frozen=True)
class Renames:
    """What becomes what."""

    profiles: Mapping[tuple[int, str], ProfileBecomes] = field(default_factory=dict)  # by side and former id
    people: Mapping[Human, NewHuman] = field(default_factory=dict)
    groups: Mapping[GroupKey, NewGroup] = field(default_factory=dict)
    guests: Mapping[GuestKey, int] = field(default_factory=dict)

    def profile(self, side: int, profile: str) -> str:
        """The id of a profile in the merge."""
        become = self.profiles.get((side, profile))
        return become.new_profile if become else profile


def renames(sides: Sequence[Side], registered: Registrations, decisions: Decisions, problems: list[str]) -> Renames:
    """What becomes what; decisions that fit nothing are noted as problems."""
    return _Renames(sides, decisions, _profiles(registered, decisions, problems), problems).renames()


def _profiles(
    registered: Registrations, decisions: Decisions, problems: list[str]
) -> dict[tuple[int, str], ProfileBecomes]:
    """Which decision is about a profile, on which side."""
    found: dict[tuple[int, str], ProfileBecomes] = {}
    for decision in decisions.profiles:
        lines = [
            (side, event)
            for side, event in registered.get(decision.profile, ())
            if event.uid_band == decision.uid_band
            and (not decision.registered or checksum(event) == decision.registered)
        ]
        if not lines:
            problems.append(f"no ledger registers {decision}, so the decision about it fits nothing")
        elif len(separate_registrations(lines)) > 1:
            sums = ", ".join(sorted({checksum(event) for _side, event in lines}))
            problems.append(f"{decision} was registered more than once: say which is meant by 'registered', of {sums}")
        elif {found.setdefault((side, decision.profile), decision) for side, _event in lines} != {decision}:
            problems.append(f"there are two decisions about {decision}: keep one")
    return found


class _Renames:
    """The work of renames(): what every side has, and what it is to be."""

    def __init__(
        self,
        sides: Sequence[Side],
        decisions: Decisions,
        profiles: Mapping[tuple[int, str], ProfileBecomes],
        problems: list[str],
    ) -> None:
        self._sides = sides
        self._decisions = decisions
        self._problems = problems
        self._names = Renames(profiles)
        self._moved: dict[str, ProfileBecomes] = {become.new_profile: become for become in profiles.values()}
        self._bands: dict[str, tuple[Band, Band]] = {}
        self._people: dict[Human, None] = {}
        self._groups: dict[GroupKey, None] = {}
        self._guests: dict[GuestKey, None] = {}
        self._taken: set[int] = set()
        self._renumbered: dict[tuple[str, str, int], int] = {}  # by the target
        self._granted: dict[tuple[str, str, str], int] = {}  # by the target
        self._target_people: dict[tuple[str, str], int] = {}
        self._target_groups: dict[tuple[str, str], int] = {}
        for index, side in enumerate(sides):
            for event in side.events:
                self._note(index, event)
        for profile, become in self._moved.items():
            if profile in self._bands:
                self._bands[profile] = become.new_band, self._bands[profile][1]

    def renames(self) -> Renames:
        groups = self._new_groups()
        people = self._decided_people()
        asked: dict[Human, NewHuman] = {}
        for human in self._people:
            new = people.get(human, NewHuman(human.subject, human.username, human.uid))
            if new.uid not in (human.uid, NEW_NUMBER):
                continue
            # the target remembers which number an earlier merge chose
            kept = self._renumbered.get((human.profile, new.subject, human.uid))
            if kept is not None:
                people[human] = dataclasses.replace(new, uid=kept)
            elif new.uid == NEW_NUMBER or self._must_move(human):
                people[human] = asked[human] = dataclasses.replace(new, uid=human.uid)
        guests = self._choose(people, asked)
        return Renames(self._names.profiles, people, groups, guests)

    def _note(self, index: int, event: Event) -> None:
        profile = self._names.profile(index, event.profile)
        is_target = self._sides[index].is_target
        if isinstance(event, UserIssued):
            self._people[Human(profile, event.subject, event.uid, event.username)] = None
            self._taken.add(event.uid)
            if is_target:
                self._target_people[profile, event.subject] = event.uid
        elif isinstance(event, GroupIssued):
            self._groups[profile, event.name, event.gid] = None
            self._taken.add(event.gid)
            if is_target:
                self._target_groups[profile, event.name] = event.gid
        elif isinstance(event, NumberWithheld):
            self._taken.add(event.number)
        elif isinstance(event, ProfileRegistered):
            bands = event.uid_band, event.group_band
            # where they differ, that contradicts, and no number of any of them is chosen in the end
            self._bands[profile] = min(self._bands.get(profile, bands), bands, key=str)
        elif isinstance(event, Renumbered):
            self._taken.add(event.was)
            if is_target:
                self._renumbered[profile, event.subject, event.was] = event.uid
        elif isinstance(event, GrantChanged):
            into = self._names.profile(index, event.into)
            self._taken.add(event.uid)
            self._guests[into, profile, event.subject, event.uid] = None
            if is_target:
                self._granted[into, profile, event.subject] = event.uid

    def _must_move(self, human: Human) -> bool:
        become = self._moved.get(human.profile)
        return become is not None and human.uid not in become.new_band

    def _decided_people(self) -> dict[Human, NewHuman]:
        """What people become by decisions."""
        found: dict[Human, NewHuman] = {}
        for decision in self._decisions.people:
            fitting = [
                human
                for human in self._people
                if (human.profile, human.subject, human.uid) == (decision.profile, decision.subject, decision.uid)
                and decision.username in ("", human.username)
            ]
            if not fitting:
                self._problems.append(f"no side has {decision}, so the decision about them fits nothing")
            elif len(fitting) > 1:
                names = " and ".join(sorted(human.username for human in fitting))
                self._problems.append(f"{decision} is called {names}: say which is meant by 'username'")
            for human in fitting[:1]:
                uid = human.uid if decision.new_uid is None else decision.new_uid
                found[human] = NewHuman(
                    decision.new_subject, decision.new_username or human.username, uid, decision.reason
                )
                self._taken.add(uid)
        return found

    def _new_groups(self) -> dict[GroupKey, NewGroup]:
        """What shared groups become."""
        found: dict[GroupKey, NewGroup] = {}
        asked: dict[str, dict[str, GroupKey]] = {}
        for decision in self._decisions.groups:
            key = decision.profile, decision.name, decision.gid
            if key not in self._groups:
                self._problems.append(f"no side has {decision}, so the decision about it fits nothing")
                continue
            gid = decision.gid if decision.new_gid is None else decision.new_gid
            if gid == NEW_NUMBER:
                # the target remembers which number an earlier merge chose
                gid = self._target_groups.get((decision.profile, decision.new_name), NEW_NUMBER)
                if gid in (NEW_NUMBER, decision.gid):
                    gid = decision.gid
                    asked.setdefault(decision.profile, {})[decision.new_name] = key
            found[key] = decision.new_name, gid, decision.reason
            self._taken.add(gid)
        for profile, keys in sorted(asked.items()):
            band = self._bands[profile][1]
            for name, gid in choose_numbers(band, self._taken, profile, keys, "groups").items():
                found[keys[name]] = name, gid, found[keys[name]][2]
                self._taken.add(gid)
        return found

    def _choose(self, people: dict[Human, NewHuman], asked: Mapping[Human, NewHuman]) -> dict[GuestKey, int]:
        """Choose numbers for all who need one, profile by profile, the guests among them."""
        guests: dict[GuestKey, int] = {}
        wanted: dict[str, list[tuple[str, Human | GuestKey]]] = {}
        for human, new in asked.items():
            wanted.setdefault(human.profile, []).append((new.username, human))
        subjects: dict[tuple[str, str], set[str]] = {}
        for human, new in people.items():
            subjects.setdefault((human.profile, human.subject), set()).add(new.subject)
        for key, name in self._moving_guests():
            into, home, subject, _uid = key
            became = (subject, *sorted(subjects.get((home, subject), ())))
            kept = [(into, home, who) for who in became if (into, home, who) in self._granted]
            if kept:
                guests[key] = self._granted[kept[0]]
            else:
                wanted.setdefault(into, []).append((name, key))
        # what a merge that was cut off gave to the same person is theirs, and is found again in the same way
        own = {self._target_people.get((human.profile, new.subject)) for human, new in asked.items()}
        taken = self._taken - {uid for uid in own if uid is not None}
        for profile, asking in sorted(wanted.items(), key=lambda item: item[0]):
            # two of one name contradict each other: who is who has to be decided before they get numbers
            often = Counter(name for name, _key in asking)
            alone = {name: key for name, key in asking if often[name] == 1}
            for name, uid in choose_numbers(self._bands[profile][0], taken, profile, alone, "people").items():
                chosen_for = alone[name]
                if isinstance(chosen_for, Human):
                    people[chosen_for] = dataclasses.replace(people[chosen_for], uid=uid)
                else:
                    guests[chosen_for] = uid
        return guests

    def _moving_guests(self) -> Iterator[tuple[GuestKey, str]]:
        """Guests whose own number lies in a band that its profile gives up, and what they are called."""
        # whom sides call differently has one of the names, whatever order the sides come in
        humans = sorted(self._people, key=lambda human: (human.uid, human.username))
        names = {(human.profile, human.subject): human.username for human in humans}
        homes = {(human.profile, human.subject, human.uid) for human in self._people}
        for key in self._guests:
            into, home, subject, uid = key
            become = self._moved.get(into)
            if become is not None and uid not in become.new_band and (home, subject, uid) not in homes:
                yield key, names.get((home, subject), subject)
