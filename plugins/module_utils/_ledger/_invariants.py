# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a ledger, looked for event by event (private, pure; runs on the controller).

The fold that every run does stops at the first contradictions, because nothing may be built on them. This goes on, and
is code of its own: what one of the two overlooks, the other one sees.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    RESERVED,
    RETIRED,
    GrantChanged,
    GroupIssued,
    Invited,
    NumberWithheld,
    ProfileRegistered,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import BACK, Finding, Found
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invariants_of_links import (
    KEEP_RIGHT,
    content_of,
    grouped,
    look_at_invitations,
    look_at_links,
    of_kind,
    person_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    check_group_band,
    check_uid_band,
    forbidden_owner,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Revised
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    Key = tuple[str, str]  # profile and subject of a person
    AnyEvent = TypeVar("AnyEvent", bound=Event)
    AnyKey = TypeVar("AnyKey", bound=Hashable)

__all__ = ["broken_rules"]

_KEEP_ONE = "keep the line that hosts use already, delete the other one, and run again"


def broken_rules(events: Sequence[Event], lines: Sequence[int]) -> list[Finding]:
    """Everything in these events that no ledger may say, with the lines."""
    return _Rules(events, lines).broken()


class _Rules:
    """The work of broken_rules(): events by kind, and one method a rule."""

    def __init__(self, events: Sequence[Event], lines: Sequence[int]) -> None:
        self._found = Found(events, lines)
        self._events = events
        self._profiles = grouped(of_kind(events, ProfileRegistered), lambda event: event.profile)
        self._users = of_kind(events, UserIssued)
        self._groups = of_kind(events, GroupIssued)
        self._grants = of_kind(events, GrantChanged)
        self._people = grouped(self._users, person_of)
        self._states = _registers(of_kind(events, StateChanged))
        self._redirects = _registers(of_kind(events, Redirected))
        self._names = self._by_name()

    def broken(self) -> list[Finding]:
        self._profiles_are_one()
        self._bands_are_apart()
        self._everybody_is_known()
        self._numbers_lie_in_their_bands()
        self._numbers_have_one_owner()
        self._people_have_one_number()
        self._names_have_one_owner()
        self._guests_alias_nobody()
        self._revisions_follow_each_other()
        self._moves_lead_to_the_number()
        self._redirects_end()
        look_at_links(self._events, self._found)
        look_at_invitations(self._events, self._found)
        return self._found.findings

    def _by_name(self) -> Mapping[Key, list[UserIssued | Renamed]]:
        """Who ever had each name of each profile."""
        names: defaultdict[Key, list[UserIssued | Renamed]] = defaultdict(list)
        for user in self._users:
            names[user.profile, user.username].append(user)
        for renamed in of_kind(self._events, Renamed):
            names[renamed.profile, renamed.username].append(renamed)
        return names

    def _profiles_are_one(self) -> None:
        for name, registered in self._profiles.items():
            bands = grouped(registered, lambda event: (event.uid_band, event.group_band))
            if len(bands) > 1:
                told = " and ".join(f"{uids} with groups {gids}" for uids, gids in bands)
                self._found.add(
                    "a profile with different bands",
                    registered,
                    f"the profile {name} is registered with {told}",
                    "keep the line whose bands hosts use already, delete the other one and the numbers in its bands",
                )

    def _bands_are_apart(self) -> None:
        registered = [event for events in self._profiles.values() for event in events]
        for event in registered:
            for check, band in ((check_uid_band, event.uid_band), (check_group_band, event.group_band)):
                try:
                    check(band)
                except IdentityError as refusal:
                    self._found.add("a band that nobody may have", [event], str(refusal).rstrip("."), BACK)
            if event.uid_band.overlaps(event.group_band):
                self._overlap([event], f"the UID band and the group band of the profile {event.profile}")
        for one, two in combinations(_once_each(registered), 2):
            if one.profile != two.profile and one.uid_band.overlaps(two.uid_band):
                self._overlap([one, two], f"the UID bands of {one.profile} and {two.profile}")
            for uids, gids in ((one, two), (two, one)):
                if one.profile != two.profile and uids.uid_band.overlaps(gids.group_band):
                    self._overlap([uids, gids], f"the UID band of {uids.profile} and the group band of {gids.profile}")

    def _overlap(self, events: Iterable[Event], what: str) -> None:
        self._found.add(
            "bands that overlap",
            events,
            f"{what} have numbers in common",
            "keep the profile that hosts use already, delete the line and the numbers of the other one, and run again",
        )

    def _everybody_is_known(self) -> None:
        """No event is about a profile or a person that no other event brings."""
        unknown: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self._events:
            for profile, subject in _mentioned(event):
                if profile not in self._profiles:
                    unknown[f"the profile {quoted(profile)}"].append(event)
                elif subject is not None and (profile, subject) not in self._people:
                    unknown[f"the subject {quoted(subject)} of the profile {profile}"].append(event)
        for whom, events in unknown.items():
            self._found.add("somebody or something unknown", events, f"no line brings {whom} into the ledger", BACK)

    def _numbers_lie_in_their_bands(self) -> None:
        for event in self._events:
            number, bands = self._number_and_bands(event)
            owner = forbidden_owner(number) if bands else None
            if owner:
                self._found.add("a number that nobody may have", [event], f"{number} belongs to {owner}", BACK)
            if bands and not any(number in band for band in bands):
                told = " or ".join(map(str, bands))
                self._found.add("a number outside its band", [event], f"{number} does not lie in {told}", BACK)

    def _number_and_bands(self, event: Event) -> tuple[int, list[Band]]:
        """The number that an event gives away, and the bands in which it may lie; none when that is not known."""
        if isinstance(event, GrantChanged):
            if event.profile != event.into and event.uid in self._numbers_of(person_of(event)):
                return event.uid, []
            return event.uid, self._bands(event.into, groups=False)
        if isinstance(event, UserIssued):
            return event.uid, self._bands(event.profile, groups=False)
        if isinstance(event, GroupIssued):
            return event.gid, self._bands(event.profile, groups=True)
        if isinstance(event, NumberWithheld):
            return event.number, [band for groups in (False, True) for band in self._bands(event.profile, groups)]
        return 0, []

    def _bands(self, profile: str, groups: bool) -> list[Band]:
        registered = self._profiles.get(profile, [])
        return list(dict.fromkeys(event.group_band if groups else event.uid_band for event in registered))

    def _numbers_of(self, key: Key) -> set[int]:
        return {event.uid for event in self._people.get(key, ())}

    def _numbers_have_one_owner(self) -> None:
        """One number, one person, group or nobody, whether they are still here or not."""
        owners: defaultdict[int, dict[tuple[str, ...], list[Event]]] = defaultdict(dict)
        for event in self._events:
            number, owner = self._owner(event)
            if owner:
                owners[number].setdefault(owner, []).append(event)
        for number, by_owner in owners.items():
            if len(by_owner) > 1:
                self._found.add(
                    "one number, several owners",
                    [event for events in by_owner.values() for event in events],
                    f"{number} belongs to {' and to '.join(map(_in_words, by_owner))}",
                    "keep the line of whoever has files with this number, delete the other one, and run again",
                )

    def _owner(self, event: Event) -> tuple[int, tuple[str, ...]]:
        """To whom an event gives a number for good; nothing for one that gives none."""
        if isinstance(event, UserIssued):
            return event.uid, ("the subject", event.subject, event.profile)
        if isinstance(event, GroupIssued):
            return event.gid, ("the group", event.name, event.profile)
        if isinstance(event, NumberWithheld):
            return event.number, ("nobody",)
        if isinstance(event, GrantChanged) and self._number_and_bands(event)[1]:
            return event.uid, ("the guest", event.subject, event.profile, event.into)
        return 0, ()

    def _people_have_one_number(self) -> None:
        for (profile, subject), users in self._people.items():
            issued = dict.fromkeys(f"{user.username} with {user.uid}" for user in users)
            if len(issued) > 1:
                why = f"the subject {quoted(subject)} of {profile} is {' and '.join(issued)}"
                self._found.add("one person, several numbers or names", users, why, _KEEP_ONE)
        for (profile, name), groups in grouped(self._groups, lambda event: (event.profile, event.name)).items():
            gids = dict.fromkeys(str(group.gid) for group in groups)
            if len(gids) > 1:
                why = f"the group {name} of {profile} has {' and '.join(gids)}"
                self._found.add("one group, several numbers", groups, why, _KEEP_ONE)

    def _names_have_one_owner(self) -> None:
        for (profile, name), named in self._names.items():
            subjects = dict.fromkeys(quoted(event.subject) for event in named)
            if len({event.subject for event in named}) > 1:
                why = f"{name} of {profile} is or was the name of {' and of '.join(subjects)}"
                self._found.add("one name, several people", named, why, _KEEP_ONE)
        for group in self._groups:
            people = self._names.get((group.profile, group.name))
            if people:
                why = f"{group.name} of {group.profile} is a shared group and the private group of a person"
                self._found.add("one name, a person and a group", [group, *people], why, _KEEP_ONE)

    def _guests_alias_nobody(self) -> None:
        """A guest has one number, and a name that nobody else has or had there."""
        names_of: defaultdict[Key, set[str]] = defaultdict(set)
        for (_profile, name), named in self._names.items():
            for event in named:
                names_of[person_of(event)].add(name)
        groups = grouped(self._groups, lambda event: (event.profile, event.name))
        guests: defaultdict[Key, dict[Key, GrantChanged]] = defaultdict(dict)
        for grant in self._grants:
            if grant.profile == grant.into:
                why = f"the subject {quoted(grant.subject)} is a guest in their own profile {grant.into}"
                self._found.add("a guest at home", [grant], why, BACK)
            for name in names_of[person_of(grant)]:
                guests[grant.into, name].setdefault(person_of(grant), grant)
        for (into, name), by_guest in guests.items():
            strangers = [*self._names.get((into, name), ()), *groups.get((into, name), ())]
            if len(by_guest) > 1 or strangers:
                self._found.add(
                    "a guest with somebody else's name",
                    [*by_guest.values(), *strangers],
                    f"{name} in {into} would be {len(by_guest) + bool(strangers)} people or groups",
                    "delete the line of the grant, rename one of them, and grant it again",
                )
        for (profile, subject, into), granted in grouped(
            self._grants, lambda event: (event.profile, event.subject, event.into)
        ).items():
            uids = dict.fromkeys(str(event.uid) for event in granted)
            if len(uids) > 1:
                why = f"the subject {quoted(subject)} of {profile} has {' and '.join(uids)} in {into}"
                self._found.add("one guest, several numbers", granted, why, KEEP_RIGHT)

    def _revisions_follow_each_other(self) -> None:
        revised = [
            event for event in self._events if isinstance(event, (StateChanged, Renamed, GrantChanged, Redirected))
        ]
        for kind in (StateChanged, Renamed, GrantChanged, Redirected):
            register = _registers([event for event in revised if isinstance(event, kind)])
            for (profile, subject, into), revisions in register.items():
                whom = f"the subject {quoted(subject)} of {profile}" + (f" in {into}" if into else "")
                self._check_revisions(whom, revisions)

    def _check_revisions(self, whom: str, revisions: Mapping[int, Sequence[Revised]]) -> None:
        missing = set(range(1, max(revisions))) - revisions.keys()
        if missing:
            told = ", ".join(map(str, sorted(missing)[:5]))
            events = revisions[max(revisions)]
            self._found.add("a missing revision", events, f"revision {told} of {whom} is not there", BACK)
        for rev, events in revisions.items():
            if len({content_of(event) for event in events}) > 1:
                why = f"revision {rev} of {whom} says two different things"
                way_out = f"{KEEP_RIGHT}, with whatever followed it"
                self._found.add("two branches that changed the same thing", events, why, way_out)
            for event in events:
                if rev > 1 and isinstance(event, StateChanged) and event.state == RESERVED:
                    self._found.add("a reserve after use", [event], f"{whom} had the number in use before", BACK)

    def _moves_lead_to_the_number(self) -> None:
        for event in of_kind(self._events, Renumbered):
            uids = self._numbers_of(person_of(event))
            if uids and (event.uid not in uids or event.was in uids):
                told = " and ".join(map(str, sorted(uids)))
                why = f"{quoted(event.subject)} is moved from {event.was} to {event.uid}, but has {told}"
                self._found.add("a move to another number than the one issued", [event], why, BACK)

    def _redirects_end(self) -> None:
        """Whoever stands for somebody else is retired, and nobody for themselves in the end."""
        onward = {key[:2]: revisions[max(revisions)][0] for key, revisions in self._redirects.items()}
        leading = {key: event for key, event in onward.items() if event.to_profile}
        for key, event in leading.items():
            states = self._states.get((*key, ""), {})
            last = states[max(states)] if states else []
            if any(state.state != RETIRED for state in last) or not last:
                why = f"{quoted(event.subject)} of {event.profile} stands for somebody else and is not retired"
                self._found.add("a redirect of somebody who is here", [event, *last], why, KEEP_RIGHT)
        ended: set[Key] = set()
        for start in leading:
            path: list[Key] = []
            here = start
            while here in leading and here not in ended and here not in path:
                path.append(here)
                here = leading[here].to_profile, leading[here].to_subject
            if here in path:
                loop = path[path.index(here) :]
                told = " to ".join(f"{quoted(subject)} ({profile})" for profile, subject in [*loop, here])
                events = [leading[key] for key in loop]
                self._found.add(
                    "redirects in a loop",
                    events,
                    f"it goes from {told}",
                    "delete the line of the redirect that is wrong",
                )
            ended.update(path)


def _registers(events: Iterable[AnyEvent]) -> dict[tuple[str, str, str], dict[int, list[AnyEvent]]]:
    """Revisions, by what they are revisions of."""
    found: defaultdict[tuple[str, str, str], dict[int, list[AnyEvent]]] = defaultdict(dict)
    for event in events:
        key = event.profile, getattr(event, "subject", ""), getattr(event, "into", "")
        found[key].setdefault(getattr(event, "rev", 0), []).append(event)
    return dict(found)


def _in_words(owner: tuple[str, ...]) -> str:
    kind, *of = owner
    if not of:
        return kind
    return f"{kind} {quoted(of[0])} of {of[1]}" + (f" in {of[2]}" if len(of) > 2 else "")


def _once_each(registered: Iterable[ProfileRegistered]) -> list[ProfileRegistered]:
    """One registration for all that say the same."""
    return list({content_of(event): event for event in registered}.values())


def _mentioned(event: Event) -> list[tuple[str, str | None]]:
    """The profiles, and the people in them, that an event is about; None for no person."""
    if isinstance(event, ProfileRegistered):
        return []
    if isinstance(event, (UserIssued, GroupIssued, NumberWithheld, Invited, Uninvited)):
        return [(event.profile, None)]
    mentioned: list[tuple[str, str | None]] = [(event.profile, event.subject)]
    if isinstance(event, GrantChanged):
        mentioned.append((event.into, None))
    if isinstance(event, Redirected) and (event.to_profile or event.to_subject):
        mentioned.append((event.to_profile, event.to_subject))
    return mentioned
