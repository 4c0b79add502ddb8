# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a ledger: whom and what it knows, now or then, and the audit trail (private, pure; controller)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import KIND_OF
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GRANTED,
    REVOKED,
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Redirected,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import (
    EVER,
    Histories,
    When,
    changes_of,
    holdings,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import find_linked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe, event_record
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import Holding, Period
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Profile
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    Key = tuple[str, str]  # profile and subject of a person

__all__ = ["SECTIONS", "Question", "answer"]

# What an answer consists of, in the order in which it is shown.
SECTIONS = ("holders", "people", "groups", "withheld", "profiles", "events")


@dataclass(frozen=True)
class Question:
    """What somebody wants to know. People who are named in several ways are all meant; the rest narrows it down."""

    profile: str = ""
    usernames: Sequence[str] = ()
    subjects: Sequence[str] = ()
    upstream: str = ""
    prefix: str = ""
    uid: int | None = None
    when: When = EVER

    @property
    def names_people(self) -> bool:
        """Whether only certain people are meant."""
        return bool(self.usernames or self.subjects or self.upstream)


def answer(ledger: Ledger, question: Question) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """What the ledger says, as lists of plain records, and warnings about what it does not know."""
    return _Answer(ledger, question).sections()


class _Answer:
    """The work of answer()."""

    def __init__(self, ledger: Ledger, question: Question) -> None:
        self._ledger = ledger
        self._question = question
        self._when = question.when
        self._changes = changes_of(ledger)
        profiles = [ledger.profile(question.profile)] if question.profile else ledger.profiles.values()
        self._scope: list[Profile] = sorted(profiles, key=lambda profile: profile.id)
        self._holdings = self._held() if question.uid is not None else []
        self._asked_names: dict[Key, set[str]] = {}  # of people who are asked for by name alone
        self.warnings: list[str] = []

    def sections(self) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
        keys = self._keys()
        # everybody of a ledger is told faster without asking of each whether they are wanted
        is_everybody = self._question.uid is None and not self._question.names_people
        histories = Histories(self._ledger, self._changes, None if is_everybody else keys)
        told = {key: self._person(key, histories) for key in keys}
        people = [record for record in told.values() if record]
        known = {key for key, record in told.items() if record} | {
            held.person for held in self._holdings if held.person
        }
        return {
            "holders": [self._holder(held, histories) for held in self._holdings],
            "people": sorted(people, key=lambda record: (record["profile"], record["username"])),
            "groups": [*self._groups()],
            "withheld": [*self._withheld()],
            "profiles": [*self._profiles()],
            "events": [*self._events(None if is_everybody else known)],
        }, self.warnings

    # who is meant

    def _held(self) -> list[Holding]:
        """Who held the number at any moment of the time."""
        scope = {profile.id for profile in self._scope}
        when = self._when
        return [
            held
            for held in holdings(self._ledger, self._changes, self._question.uid or 0)
            if held.profile in scope and held.since <= when.last and (not held.until or held.until > when.first)
        ]

    def _keys(self) -> set[Key]:
        question = self._question
        holders = {held.person for held in self._holdings if held.person}
        if not question.names_people and question.uid is not None:
            return holders
        if not question.names_people:
            keys = {(profile.id, subject) for profile in self._scope for subject in profile.by_subject}
            return keys.union(*(profile.grants for profile in self._scope))
        for name in question.usernames:
            for key in self._named("username", name, _called):
                self._asked_names.setdefault(key, set()).add(name)
        keys = {key for subject in question.subjects for key in self._named("subject", subject, _with_subject)}
        keys |= self._linked()
        # who is asked for in another way too is meant whatever they were called
        self._asked_names = {key: names for key, names in self._asked_names.items() if key not in keys}
        keys |= self._asked_names.keys()
        return keys if question.uid is None else keys & holders

    def _linked(self) -> set[Key]:
        question = self._question
        person = find_linked(self._ledger, question.upstream, question.prefix) if question.upstream else None
        if question.upstream and person is None:
            self.warnings.append(f"The ledger knows nobody by the upstream identity {quoted(question.upstream)}.")
        return {person.key} if person else set()

    def _named(self, what: str, name: str, find: Callable[[Profile, str], Sequence[Key]]) -> list[Key]:
        """People at home in the profiles or guests there."""
        found = [key for profile in self._scope for key in find(profile, name)]
        if not found:
            where = f"the profile {self._question.profile}" if self._question.profile else "the ledger"
            self.warnings.append(f"Nobody in {where} has or had the {what} {quoted(name)}.")
        return found

    # records

    def _holder(self, held: Holding, histories: Histories) -> dict[str, Any]:
        name, subject, home, state = getattr(held.event, "name", ""), "", "", ""
        if held.person is not None:
            home, subject = held.person
            history = histories.of(held.person)
            name, state = history.name_at(self._when), history.state_at(self._when)
            grants = history.grants.get(held.profile, ())
            if held.kind == "guest" and not any(
                period.value == GRANTED and period.holds_in(self._when.end) for period in grants
            ):
                state = REVOKED
        stamp = held.event.stamp
        return {
            "number": self._question.uid,
            "kind": held.kind,
            "name": name,
            "profile": held.profile,
            "subject": subject,
            "home_profile": home,
            "state": state,
            "since": held.since or None,
            "until": held.until or None,
            "by": stamp.by,
            "run": stamp.run,
            "reason": getattr(held.event, "reason", ""),
        }

    def _person(self, key: Key, histories: Histories) -> dict[str, Any]:
        """The record of a person; an empty one for somebody who is not meant at that time."""
        history, when = histories.of(key), self._when
        issued, stamp = history.issued, history.issued.stamp
        names = [period for period in history.names if period.holds_in(when)]
        asked = self._asked_names.get(key)
        if stamp.at > when.last or (asked and asked.isdisjoint(period.value for period in names)):
            return {}
        grants = [
            {"into": into, "uid": getattr(period.event, "uid", 0), "grant": period.value, **_lasting(period)}
            for into, periods in history.grants.items()
            for period in periods
            if period.holds_in(when)
        ]
        into = [grant["into"] for grant in grants if grant["grant"] == GRANTED]
        if self._question.profile not in ("", key[0], *into):
            return {}
        links = [link for link in history.links if link.stamp.at <= when.last]
        record: dict[str, Any] = {
            "username": history.name_at(when),
            "uid": issued.uid,
            "gid": issued.uid,
            "subject": issued.subject,
            "profile": issued.profile,
            "state": history.state_at(when),
            **_issued(issued),
            "upstreams": [link.upstream for link in links if link.upstream],
            "uuid": next((link.uuid for link in links if link.uuid), ""),
            "names": [{"username": period.value, **_lasting(period)} for period in names],
            "states": [
                {"state": period.value, **_lasting(period)} for period in history.states if period.holds_in(when)
            ],
            "former_uids": [{"uid": move.was, "until": move.stamp.at, "reason": move.reason} for move in history.moves],
            "grants": grants,
        }
        present = histories.stands_for(key, when)
        if present != key:
            uid = self._ledger.profiles[present[0]].by_subject[present[1]].uid
            record["redirected_to"] = {"profile": present[0], "subject": present[1], "uid": uid}
        return record

    def _groups(self) -> Iterator[dict[str, Any]]:
        for profile in self._scope if not self._question.names_people else ():
            for group in sorted(profile.groups.values(), key=lambda group: group.name):
                if group.stamp.at <= self._when.last and self._question.uid in (None, group.gid):
                    yield {"name": group.name, "gid": group.gid, "profile": group.profile, **_issued(group)}

    def _withheld(self) -> Iterator[dict[str, Any]]:
        scope = {profile.id for profile in self._scope} if not self._question.names_people else ()
        for number, event in sorted(self._ledger.numbers.items(), key=itemgetter(0)):
            if (
                isinstance(event, NumberWithheld)
                and event.profile in scope
                and event.stamp.at <= self._when.last
                and self._question.uid in (None, number)
            ):
                yield {"number": number, "profile": event.profile, "reason": event.reason, **_issued(event)}

    def _profiles(self) -> Iterator[dict[str, Any]]:
        when = self._when
        used = sorted(number for number, holder in self._ledger.numbers.items() if holder.stamp.at <= when.last)
        for profile in self._scope:
            if profile.registered.stamp.at <= when.last:
                people = sum(issued.stamp.at <= when.last for issued in profile.by_subject.values())
                yield {
                    "profile": profile.id,
                    "people": people,
                    "uids": _room(profile.uid_band, used),
                    "gids": _room(profile.group_band, used),
                    **_issued(profile.registered),
                }

    # the audit trail

    def _events(self, keys: set[Key] | None) -> Iterator[dict[str, Any]]:
        """What was written about those and that which are meant, up to the end of the time; None means everybody."""
        events: Sequence[Event] = self._ledger.events
        if keys is not None:
            invited = self._invitations_of(keys)
            # of the many events that issue a number, only those of the people who are meant are looked at
            events = [
                event
                for event in events
                if (
                    (event.profile, event.subject) in keys
                    if isinstance(event, UserIssued)
                    else self._is_meant(event, keys) or getattr(event, "jti", "") in invited
                )
            ]
        elif self._question.profile:
            events = [event for event in events if _concerns(event, self._question.profile)]
        for event in in_order([event for event in events if event.stamp.at <= self._when.last]):
            yield {**event_record(event), "summary": describe(event)}

    def _invitations_of(self, keys: set[Key]) -> set[str]:
        """The invitations through which people came, also those from which these were delegated."""
        used = (event for event in self._ledger.redeemed.values() if (event.profile, event.subject) in keys)
        return {jti for event in used for jti in (event.jti, *event.chain.split())}

    def _is_meant(self, event: Event, keys: set[Key]) -> bool:
        if (event.profile, getattr(event, "subject", "")) in keys:
            return True
        if isinstance(event, Redirected) and (event.to_profile, event.to_subject) in keys:
            return True
        number = getattr(event, "gid", getattr(event, "number", None))
        is_asked = number is not None and number == self._question.uid and not self._question.names_people
        return is_asked and self._question.profile in ("", event.profile)


def _called(profile: Profile, name: str) -> list[Key]:
    issued = profile.by_username.get(name)
    if issued is not None:
        return [(issued.profile, issued.subject)]
    return [profile.guests[name]] if name in profile.guests else []


def _with_subject(profile: Profile, subject: str) -> list[Key]:
    return (
        [(profile.id, subject)]
        if subject in profile.by_subject
        else [key for key in profile.grants if key[1] == subject]
    )


def _concerns(event: Event, profile: str) -> bool:
    return profile in (event.profile, getattr(event, "into", ""), getattr(event, "to_profile", ""))


def in_order(events: Sequence[Event]) -> list[Event]:
    """Events by time, but never a revision before an earlier one of the same thing, whatever the clocks said."""
    registers: defaultdict[tuple[object, ...], list[tuple[int, str, int]]] = defaultdict(list)
    for event in events:
        rev = getattr(event, "rev", 0)
        if rev:
            thing = event.__class__, event.profile, getattr(event, "subject", ""), getattr(event, "into", "")
            registers[thing].append((rev, event.stamp.at, id(event)))
    shown: dict[int, str] = {}
    for revisions in registers.values():
        latest = ""
        for _rev, at, event_id in sorted(revisions):
            latest = max(latest, at)
            shown[event_id] = latest
    return sorted(events, key=lambda event: (shown.get(id(event), event.stamp.at), *_within_a_second(event)))


def _within_a_second(event: Event) -> tuple[Any, ...]:
    """What decides the order of events of one second, so that it never depends on the order of lines."""
    stamp = event.stamp
    if isinstance(event, UserIssued):
        return 2, event.profile, event.username, "", 0, stamp.at, stamp.by, stamp.run, event.subject
    rank = 0 if isinstance(event, ProfileRegistered) else 1 if isinstance(event, GroupIssued) else 3
    said = describe(event)
    whom = getattr(event, "subject", "")
    return rank, event.profile, whom, _kind(event), getattr(event, "rev", 0), stamp.at, stamp.by, stamp.run, said


def _kind(event: Event) -> str:
    """What the line of an event calls it, and for a grant where it leads."""
    return KIND_OF[event.__class__] + getattr(event, "into", "")


def _lasting(period: Period) -> dict[str, Any]:
    return {"since": period.since, "until": period.until or None}


def _issued(event: Event) -> dict[str, Any]:
    return {"issued_at": event.stamp.at, "issued_by": event.stamp.by, "issued_run": event.stamp.run}


def _room(band: Band, used: Sequence[int]) -> dict[str, Any]:
    """How many numbers of a band were given away for good, of all that were, in order."""
    count = bisect_right(used, band.last) - bisect_left(used, band.first)
    return {"band": str(band), "size": band.size, "used": count, "left": band.size - count}
