# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From events to a ledger, and what must be true of it (private, pure; runs on the controller).

The order of the events does not matter, so a merge of two branches means the same whichever way it was made. Events
that say the same (two branches issued the same number to the same person) agree; the earliest is the one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import check_group_band, check_uid_band

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar, Union

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    Issued = Union[UserIssued, GroupIssued]
    AnyEvent = TypeVar("AnyEvent", bound=Event)

__all__ = ["EMPTY_LEDGER", "Ledger", "Profile", "fold"]

SHOWN_CONFLICTS = 10


@dataclass(frozen=True)
class Profile:
    """One profile: its bands, and whom and what it has numbers for."""

    registered: ProfileRegistered
    by_subject: Mapping[str, UserIssued] = field(default_factory=dict)
    by_username: Mapping[str, UserIssued] = field(default_factory=dict)
    groups: Mapping[str, GroupIssued] = field(default_factory=dict)

    @property
    def uid_band(self) -> Band:
        """The numbers of its people."""
        return self.registered.uid_band

    @property
    def group_band(self) -> Band:
        """The numbers of its shared groups."""
        return self.registered.group_band


@dataclass(frozen=True)
class Ledger:
    """Every profile, and every number that was ever issued."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    numbers: Mapping[int, Issued] = field(default_factory=dict)


EMPTY_LEDGER = Ledger()


def fold(written: Written) -> Ledger:
    """The ledger that its events say.

    :raises IdentityError: names both lines of every conflict and what to do about it.
    """
    return _Fold(written).ledger()


class _Fold:
    """The work of fold(): events by what must be unique about them, and the conflicts found on the way."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._line_of: dict[int, int] = {}
        self._conflicts: list[str] = []
        self._registered: dict[str, ProfileRegistered] = {}
        self._subjects: dict[str, dict[str, UserIssued]] = {}
        self._usernames: dict[str, dict[str, UserIssued]] = {}
        self._groups: dict[str, dict[str, GroupIssued]] = {}
        self._numbers: dict[int, Issued] = {}

    def ledger(self) -> Ledger:
        for event in self._written.events:
            if isinstance(event, ProfileRegistered):
                self._register(event)
        self._stop()
        self._check_bands()
        self._stop()
        for event in self._written.events:
            if isinstance(event, UserIssued):
                self._user(event)
            elif isinstance(event, GroupIssued):
                self._group(event)
        self._check_names()
        self._stop()
        profiles = {
            name: Profile(event, self._subjects[name], self._usernames[name], self._groups[name])
            for name, event in self._registered.items()
        }
        return Ledger(profiles, self._numbers)

    def _register(self, event: ProfileRegistered) -> None:
        known = self._registered.get(event.profile)
        if known is None:
            self._subjects[event.profile] = {}
            self._usernames[event.profile] = {}
            self._groups[event.profile] = {}
        elif (known.uid_band, known.group_band) != (event.uid_band, event.group_band):
            one, two = self._ordered(known, event)
            self._conflicts.append(
                f"{self._lines(one, two)} register the profile {event.profile} with different bands ({_bands(one)}, and"
                f" {_bands(two)}): keep the line whose bands hosts use already, delete the other one and the"
                " numbers that lie in its bands, and run again"
            )
            return
        self._registered[event.profile] = event if known is None else _earlier(known, event)

    def _check_bands(self) -> None:
        for event in self._registered.values():
            try:
                check_uid_band(event.uid_band)
                check_group_band(event.group_band)
            except IdentityError as refusal:
                self._conflicts.append(f"line {self._line(event)} cannot be accepted: {str(refusal).rstrip('.')}")
        by_band = sorted(self._registered.values(), key=lambda event: event.uid_band.first)
        for one, two in zip(by_band, by_band[1:]):
            if one.uid_band.overlaps(two.uid_band):
                self._overlap(one, two, two.uid_band)
        for group_band, owner in {event.group_band: event for event in by_band}.items():
            for event in by_band:
                if group_band.overlaps(event.uid_band):
                    self._overlap(event, owner, group_band)

    def _overlap(self, one: ProfileRegistered, two: ProfileRegistered, band: Band) -> None:
        self._conflicts.append(
            f"{self._lines(one, two)} overlap: {one.uid_band} is the UID band of the profile {one.profile}, and"
            f" {band} a band of {two.profile}: keep the profile that hosts use already, delete the line and the"
            " numbers of the other, and run again, which gives it bands of its own"
        )

    def _user(self, event: UserIssued) -> None:
        if not self._belongs(event, event.uid, "UID"):
            return
        subjects, usernames = self._subjects[event.profile], self._usernames[event.profile]
        holder = self._numbers.setdefault(event.uid, event)
        same_subject = subjects.setdefault(event.subject, event)
        same_username = usernames.setdefault(event.username, event)
        if holder is event and same_subject is event and same_username is event:
            return
        if holder is not event and not _agree(holder, event):
            self._two_owners(holder, event, event.uid)
        elif same_subject is not event and not _agree(same_subject, event):
            one, two = self._ordered(same_subject, event)
            self._conflicts.append(
                f"{self._lines(one, two)} give one person of the profile {event.profile} (subject"
                f" {quoted(event.subject)}) two numbers or names, {_who(one)} and {_who(two)}: keep the line that hosts"
                " use already and delete the other one"
            )
        elif same_username is not event and not _agree(same_username, event):
            one, two = self._ordered(same_username, event)
            self._conflicts.append(
                f"{self._lines(one, two)} give the name {event.username} of the profile {event.profile} to two people,"
                f" {_who(one)} and {_who(two)}: keep the line of whoever has the name on hosts already, delete the"
                " other one, give that person another username in the roster, and run again"
            )
        else:
            first = _earlier(holder, event)
            self._numbers[event.uid] = subjects[event.subject] = usernames[event.username] = first

    def _group(self, event: GroupIssued) -> None:
        if not self._belongs(event, event.gid, "group"):
            return
        groups = self._groups[event.profile]
        holder = self._numbers.setdefault(event.gid, event)
        same_name = groups.setdefault(event.name, event)
        if holder is event and same_name is event:
            return
        if holder is not event and not _agree(holder, event):
            self._two_owners(holder, event, event.gid)
        elif same_name is not event and not _agree(same_name, event):
            one, two = self._ordered(same_name, event)
            self._conflicts.append(
                f"{self._lines(one, two)} give the group {event.name} of the profile {event.profile} two numbers,"
                f" {_number(one)} and {_number(two)}: keep the line that hosts use already and delete the other one"
            )
        else:
            self._numbers[event.gid] = groups[event.name] = _earlier(holder, event)

    def _two_owners(self, one: Issued, two: Issued, number: int) -> None:
        one, two = self._ordered(one, two)
        self._conflicts.append(
            f"{self._lines(one, two)} issue {number} twice, to {_who(one)} and to {_who(two)}: keep the line of"
            " whoever has files with this number already, delete the other one, and run again, which issues"
            " another number"
        )

    def _belongs(self, event: Issued, number: int, what: str) -> bool:
        """Whether the profile of the event is registered and the number lies in its band."""
        registered = self._registered.get(event.profile)
        if registered is None:
            self._conflicts.append(
                f"line {self._line(event)} issues {number} in the profile {event.profile}, which no line registers:"
                " take the file back from git or from a backup"
            )
            return False
        band = registered.uid_band if what == "UID" else registered.group_band
        if not band.first <= number <= band.last:
            self._conflicts.append(
                f"line {self._line(event)} issues {number}, which is outside the {what} band {band} of the profile"
                f" {event.profile}: take the file back from git or from a backup"
            )
            return False
        return True

    def _check_names(self) -> None:
        for profile, groups in self._groups.items():
            for name in groups.keys() & self._usernames[profile].keys():
                one, two = self._ordered(groups[name], self._usernames[profile][name])
                self._conflicts.append(
                    f"{self._lines(one, two)} call a person and a shared group of the profile {profile} {name}, but a"
                    " person's private group has their name: keep the line that hosts use already, delete the"
                    " other one, and use another name in the roster"
                )

    def _line(self, event: Event) -> int:
        if not self._line_of:
            # events are told apart by identity, for two equal ones stand in two lines
            self._line_of = {id(known): line for known, line in zip(self._written.events, self._written.lines)}
        return self._line_of[id(event)]

    def _lines(self, one: Event, two: Event) -> str:
        first, second = sorted((self._line(one), self._line(two)))
        return f"line {first}" if first == second else f"lines {first} and {second}"

    def _ordered(self, one: AnyEvent, two: AnyEvent) -> tuple[AnyEvent, AnyEvent]:
        return (one, two) if self._line(one) <= self._line(two) else (two, one)

    def _stop(self) -> None:
        if self._conflicts:
            raise IdentityError(in_one_sentence(self._conflicts, SHOWN_CONFLICTS) + ".")


def _agree(one: Event, two: Event) -> bool:
    """Whether two events say the same, whenever and by whomever they were written."""
    if isinstance(one, UserIssued) and isinstance(two, UserIssued):
        return (one.profile, one.subject, one.username, one.uid) == (two.profile, two.subject, two.username, two.uid)
    if isinstance(one, GroupIssued) and isinstance(two, GroupIssued):
        return (one.profile, one.name, one.gid) == (two.profile, two.name, two.gid)
    return False


def _earlier(one: Any, two: Any) -> Any:
    return min(one, two, key=lambda event: (event.at, event.by))


def _number(event: Issued) -> int:
    return event.uid if isinstance(event, UserIssued) else event.gid


def _who(event: Issued) -> str:
    if isinstance(event, GroupIssued):
        return f"the group {event.name} ({event.profile}, {event.gid})"
    subject = "" if event.subject == event.username else f", subject {quoted(event.subject)}"
    return f"{event.username} ({event.profile}, {event.uid}{subject})"


def _bands(event: ProfileRegistered) -> str:
    return f"{event.uid_band} with groups {event.group_band}"
