# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to people after their number was issued, and what must be true of it (private, pure; controller).

Whatever has revisions is told by its last one. Every revision from 1 on must be there, so that none is lost unseen, and
two different events with one revision are two branches that contradict each other.

Whether an invitation is revoked has no revisions, because it is for good: of two branches one of which accepted it and
the other revoked it, both hold, and whoever accepted it is disabled until somebody says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import agree, earlier, place, who
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    RESERVED,
    RETIRED,
    GrantChanged,
    Invited,
    Linked,
    NumberWithheld,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    Uninvited,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeVar

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import Conflicts
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, UserIssued
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Holder, Ledger

    AnyRevised = TypeVar("AnyRevised", StateChanged, Renamed, GrantChanged, Redirected)
    AnyEvent = TypeVar("AnyEvent", bound=Event)

__all__ = ["Changes"]

_BACK = "take the ledger back from a backup"
_ONE_LINE = "keep the line that holds and delete the other one"
_ONE_PERSON = f"{_ONE_LINE}, and keep whoever was not meant out with ledger_disable"


class Changes:
    """Adds to a ledger what happened to its people."""

    def __init__(
        self,
        ledger: Ledger,
        usernames: Mapping[str, dict[str, UserIssued]],
        numbers: dict[int, Holder],
        conflicts: Conflicts,
    ) -> None:
        """The usernames of each profile and the numbers are the ledger's own, and are added to."""
        self._ledger = ledger
        self._usernames = usernames
        self._numbers = numbers
        self._conflicts = conflicts

    def applied(self, events: Iterable[Event]) -> Ledger:
        """The ledger with all of it; what contradicts is among the conflicts then."""
        known = [event for event in events if self._is_about_somebody(event)]
        self._conflicts.stop()
        states = self._last(event for event in known if isinstance(event, StateChanged))
        every_name = self._names(event for event in known if isinstance(event, Renamed))
        names = self._last(event for event in known if isinstance(event, Renamed))
        grants = self._last(event for event in known if isinstance(event, GrantChanged))
        redirects = self._last(event for event in known if isinstance(event, Redirected))
        self._conflicts.stop()
        guests = self._grants([event for event in known if isinstance(event, GrantChanged)], every_name)
        self._spent_numbers(known)
        self._redirects(redirects.values(), states)
        links = [event for event in known if isinstance(event, Linked)]
        upstreams = self._once(
            ((event.upstream, event) for event in links if event.upstream), "link the upstream identity"
        )
        invitations = self._once(
            ((event.jti, event) for event in known if isinstance(event, Invited)), "issue the invitation"
        )
        redeemed = self._once(
            ((event.jti, event) for event in known if isinstance(event, Redeemed)), "redeem the invitation", _ONE_PERSON
        )
        uninvited = _earliest(event for event in known if isinstance(event, Uninvited))
        # what a line says of somebody's state counts more than what follows from a revoked invitation
        changed = [*_kept_out(redeemed.values(), uninvited), *states.values()]
        profiles = {
            name: dataclasses.replace(
                profile,
                states={event.subject: event for event in changed if event.profile == name},
                names={event.subject: event for event in names.values() if event.profile == name},
                every_name={key[1]: every for key, every in every_name.items() if key[0] == name},
                grants={(event.profile, event.subject): event for event in grants.values() if event.into == name},
                guests=guests[name],
            )
            for name, profile in self._ledger.profiles.items()
        }
        return dataclasses.replace(
            self._ledger,
            profiles=profiles,
            upstreams=upstreams,
            uuids=self._uuids(links),
            links=_by_person(links),
            redirects={(event.profile, event.subject): event for event in redirects.values()},
            invitations=invitations,
            uninvited=uninvited,
            redeemed=redeemed,
        )

    def _is_about_somebody(self, event: Event) -> bool:
        """Whether the profiles and the people of an event are in the ledger."""
        wanted: list[tuple[str, str]] = [(event.profile, getattr(event, "subject", ""))]
        if isinstance(event, GrantChanged):
            wanted.append((event.into, ""))
        if isinstance(event, Redirected) and (event.to_profile or event.to_subject):
            wanted.append((event.to_profile, event.to_subject or "\0"))
        for profile, subject in wanted:
            here = self._ledger.profiles.get(profile)
            if here is None or (subject and subject not in here.by_subject):
                missing = f"the subject {quoted(subject)} of " if here is not None else ""
                self._conflicts.add(
                    f"line {self._conflicts.line(event)} is about {missing}the profile {quoted(profile)}, which no line"
                    f" brings into the ledger: {_BACK}"
                )
                return False
        return True

    def _last(self, events: Iterable[AnyRevised]) -> dict[tuple[str, str, str], AnyRevised]:
        """The last revision of each thing that has revisions, by person and, for a grant, the other profile."""
        registers: defaultdict[tuple[str, str, str], dict[int, AnyRevised]] = defaultdict(dict)
        for event in events:
            into = event.into if isinstance(event, GrantChanged) else ""
            revisions = registers[event.profile, event.subject, into]
            known = revisions.setdefault(event.rev, event)
            if known is event:
                continue
            if agree(known, event):
                revisions[event.rev] = earlier(known, event)
            else:
                self._conflicts.add(
                    f"{self._conflicts.lines(known, event)} change the same thing of the subject"
                    f" {quoted(event.subject)} ({event.profile}) in two ways: {_ONE_LINE}, with whatever followed it"
                )
        for revisions in registers.values():
            last = max(revisions)
            if last != len(revisions):
                self._conflicts.add(
                    f"line {self._conflicts.line(revisions[last])} is revision {last} of something of the subject"
                    f" {quoted(revisions[last].subject)}, but there are {len(revisions)} of them: {_BACK}"
                )
            for revision, event in revisions.items():
                if revision > 1 and isinstance(event, StateChanged) and event.state == RESERVED:
                    self._conflicts.add(
                        f"line {self._conflicts.line(event)} reserves a number that was in use: {_BACK}"
                    )
        return {key: revisions[max(revisions)] for key, revisions in registers.items()}

    def _names(self, events: Iterable[Renamed]) -> dict[tuple[str, str], tuple[str, ...]]:
        """Give people the names that they ever had; every name of each who was renamed, the first one first."""
        later: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        renamed: dict[tuple[str, str], Renamed] = {}
        for event in events:
            person = self._ledger.profiles[event.profile].by_subject[event.subject]
            holder = self._usernames[event.profile].setdefault(event.username, person)
            later[event.profile, event.subject].add(event.username)
            first = renamed.setdefault((event.profile, event.username), event)
            if holder.subject != event.subject:
                # the line that brought the name, and not the one that issued a number to whoever has it now
                line = holder if holder.username == event.username else first
                self._conflicts.add(
                    f"{self._conflicts.lines(line, event)} give the name {event.username} of the profile"
                    f" {event.profile} to two people, {who(holder)} and the subject {quoted(event.subject)}:"
                    " keep the line of whoever has the name on hosts already, and delete the other one"
                )
        first_names = {key: self._ledger.profiles[key[0]].by_subject[key[1]].username for key in later}
        return {key: (name, *sorted(later[key] - {name})) for key, name in first_names.items()}

    def _grants(
        self, events: Sequence[GrantChanged], every_name: Mapping[tuple[str, str], tuple[str, ...]]
    ) -> dict[str, dict[str, tuple[str, str]]]:
        """Whom grants ever brought into each profile, by every name; their own numbers there become theirs."""
        guests: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in self._ledger.profiles}
        first: dict[tuple[str, str, str], GrantChanged] = {}
        for event in events:
            self._grant_number(event)
            other = first.setdefault(_guest(event), event)
            if other.uid != event.uid:
                self._conflicts.add(
                    f"{self._conflicts.lines(other, event)} grant two numbers in the profile {event.into}"
                    f" to the subject {quoted(event.subject)} ({event.profile}): {_ONE_LINE}"
                )
            key, into = (event.profile, event.subject), self._ledger.profiles[event.into]
            home = self._ledger.profiles[event.profile].by_subject[event.subject]
            for name in every_name.get(key, (home.username,)):
                there: Event | None = into.by_username.get(name) or into.groups.get(name)
                if there is not None or guests[event.into].setdefault(name, key) != key:
                    line = self._conflicts.line(there) if there else 0
                    self._conflicts.add(
                        f"line {self._conflicts.line(event)} lets {name} of the profile {event.profile} into"
                        f" {event.into}, where {f'line {line} gives' if line else 'another grant gives'} the name to"
                        " somebody else: delete the line, rename one of the two, and grant it again"
                    )
        return guests

    def _grant_number(self, event: GrantChanged) -> None:
        """Let the number of a grant be the guest's for good, unless it is the one that they have at home."""
        home = self._ledger.profiles[event.profile].by_subject[event.subject]
        if event.uid == home.uid and event.profile != event.into:
            return
        if event.profile == event.into or event.uid not in self._ledger.profiles[event.into].uid_band:
            self._conflicts.add(
                f"line {self._conflicts.line(event)} grants {event.uid} in the profile {event.into}, which is neither"
                f" the number of {who(home)} nor in the band of another profile: {_BACK}"
            )
            return
        holder = self._numbers.setdefault(event.uid, event)
        if holder is event:
            return
        if isinstance(holder, GrantChanged) and _guest(holder) == _guest(event):
            if holder.rev > event.rev or agree(holder, event):
                self._numbers[event.uid] = earlier(holder, event) if holder.rev == event.rev else event
        else:
            self._conflicts.two_owners(holder, event, event.uid)

    def _spent_numbers(self, events: Iterable[Event]) -> None:
        """Keep numbers from everybody: those that are withheld, then those that people had elsewhere."""
        former = []
        for event in events:
            if isinstance(event, Renumbered):
                former.append(event)
            elif isinstance(event, NumberWithheld):
                profile = self._ledger.profiles[event.profile]
                if event.number not in profile.uid_band and event.number not in profile.group_band:
                    self._conflicts.add(
                        f"line {self._conflicts.line(event)} withholds {event.number}, which is in no band of the"
                        f" profile {event.profile}: {_BACK}"
                    )
                    continue
                holder = self._numbers.setdefault(event.number, event)
                if isinstance(holder, NumberWithheld):
                    self._numbers[event.number] = earlier(holder, event)
                else:
                    self._conflicts.two_owners(holder, event, event.number)
        for event in former:
            issued = self._ledger.profiles[event.profile].by_subject[event.subject]
            if event.uid != issued.uid or event.was == issued.uid:
                self._conflicts.add(
                    f"line {self._conflicts.line(event)} moves the subject {quoted(event.subject)} from {event.was} to"
                    f" {event.uid}, but line {self._conflicts.line(issued)} gives them {issued.uid}: {_BACK}"
                )
            holder = self._numbers.setdefault(event.was, event)
            if isinstance(holder, Renumbered):
                # the number may have been two people's in two places: which one is noted must not depend on the order
                self._numbers[event.was] = earlier(holder, event)

    def _once(self, keyed: Iterable[tuple[str, AnyEvent]], what: str, way_out: str = _ONE_LINE) -> dict[str, AnyEvent]:
        """Events by what only one person may have."""
        found: dict[str, AnyEvent] = {}
        for key, event in keyed:
            known = found.setdefault(key, event)
            if known is event:
                continue
            if agree(known, event):
                found[key] = earlier(known, event)
            else:
                self._conflicts.add(
                    f"{self._conflicts.lines(known, event)} both {what} {quoted(key)}, for different people or in"
                    f" different ways: {way_out}"
                )
        return found

    def _uuids(self, links: Iterable[Linked]) -> dict[str, Linked]:
        """Who has which UUID: each is one person's, and each person has one."""
        found: dict[str, Linked] = {}
        of_person: dict[tuple[str, str], Linked] = {}
        for event in links:
            if not event.uuid:
                continue
            known = found.setdefault(event.uuid, event)
            before = of_person.setdefault((event.profile, event.subject), event)
            if (known.profile, known.subject) != (event.profile, event.subject) or before.uuid != event.uuid:
                other = known if before.uuid == event.uuid else before
                self._conflicts.add(
                    f"{self._conflicts.lines(other, event)} give one UUID to two people, or two to one"
                    f" ({quoted(event.uuid)}): {_ONE_LINE}"
                )
            found[event.uuid] = earlier(known, event)
        return found

    def _redirects(self, last: Iterable[Redirected], states: Mapping[tuple[str, str, str], StateChanged]) -> None:
        """Refuse redirects of people who are not retired, and those that lead back to where they began."""
        onward = {(event.profile, event.subject): event for event in last if event.to_profile}
        for key, event in onward.items():
            changed = states.get((*key, ""))
            if changed is None or changed.state != RETIRED:
                which = f"line {self._conflicts.line(changed)} has them" if changed else "they are"
                self._conflicts.add(
                    f"line {self._conflicts.line(event)} lets the subject {quoted(event.subject)} ({event.profile})"
                    f" stand for somebody else, but {which} {changed.state if changed else ACTIVE}: {_ONE_LINE}"
                )
        done: set[tuple[str, str]] = set()
        for start in sorted(onward):
            path: dict[tuple[str, str], None] = {}
            here = start
            while here in onward and here not in done and here not in path:
                path[here] = None
                here = onward[here].to_profile, onward[here].to_subject
            if here in path:
                loop = " to ".join(f"{quoted(subject)} ({profile})" for profile, subject in [*path, here])
                lines = ", ".join(f"line {line}" for line in sorted(self._conflicts.line(onward[key]) for key in path))
                self._conflicts.add(
                    f"the redirects lead in a loop, {loop} ({lines}): delete the line of the redirect that is wrong"
                )
            done.update(path)


def _earliest(events: Iterable[Uninvited]) -> dict[str, Uninvited]:
    """Who revoked an invitation first, in whatever order and however often it was done."""
    found: dict[str, Uninvited] = {}
    for event in events:
        found[event.jti] = earlier(found.get(event.jti, event), event)
    return found


def _kept_out(redeemed: Iterable[Redeemed], uninvited: Mapping[str, Uninvited]) -> Iterator[StateChanged]:
    """Those whose invitation, or one that it was delegated from, is revoked."""
    first: dict[tuple[str, str], Uninvited] = {}
    for event in redeemed if uninvited else ():
        key = event.profile, event.subject
        for jti in (event.jti, *event.chain.split()):
            revoked = uninvited.get(jti)
            if revoked is not None:
                first[key] = earlier(first.get(key, revoked), revoked)
    for (profile, subject), revoked in first.items():
        reason = revoked.reason or "the invitation was revoked"
        yield StateChanged(profile, subject, 0, DISABLED, reason, revoked.stamp)


def _by_person(links: Iterable[Linked]) -> dict[tuple[str, str], list[Linked]]:
    found: defaultdict[tuple[str, str], list[Linked]] = defaultdict(list)
    for event in sorted(links, key=place):
        found[event.profile, event.subject].append(event)
    return dict(found)


def _guest(event: GrantChanged) -> tuple[str, str, str]:
    return event.profile, event.subject, event.into
