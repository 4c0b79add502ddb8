# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From events to a ledger, and what must be true of it (private, pure; runs on the controller).

The order of the events does not matter, so a merge of two branches means the same whichever way it was made. Events
that say the same (two branches issued the same number to the same person) agree; the earliest is the one that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._changes import Changes
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import Conflicts, agree, earlier, who
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import (
    EMPTY_LEDGER,
    Ledger,
    Profile,
    number_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import check_group_band, check_uid_band

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Issued
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Holder
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["EMPTY_LEDGER", "Ledger", "Profile", "fold"]


def fold(written: Written) -> Ledger:
    """The ledger that its events say.

    :raises IdentityError: names both lines of every conflict and what to do about it.
    """
    return _Fold(written).ledger()


class _Fold:
    """The work of fold(): events by what must be unique about them, and the conflicts found on the way."""

    def __init__(self, written: Written) -> None:
        self._events = written.events
        self._conflicts = Conflicts(written.events, written.lines)
        self._registered: dict[str, ProfileRegistered] = {}
        self._subjects: dict[str, dict[str, UserIssued]] = {}
        self._usernames: dict[str, dict[str, UserIssued]] = {}
        self._groups: dict[str, dict[str, GroupIssued]] = {}
        self._numbers: dict[int, Holder] = {}

    def ledger(self) -> Ledger:
        for event in self._events:
            if isinstance(event, ProfileRegistered):
                self._register(event)
        self._conflicts.stop()
        self._check_bands()
        self._conflicts.stop()
        changes: list[Event] = []
        for event in self._events:
            if isinstance(event, UserIssued):
                self._user(event)
            elif isinstance(event, GroupIssued):
                self._group(event)
            elif not isinstance(event, ProfileRegistered):
                changes.append(event)
        self._conflicts.stop()
        profiles = {
            name: Profile(event, self._subjects[name], self._usernames[name], self._groups[name])
            for name, event in self._registered.items()
        }
        ledger = Ledger(profiles, self._numbers, events=self._events)
        if changes:
            ledger = Changes(ledger, self._usernames, self._numbers, self._conflicts).applied(changes)
        self._check_names()
        self._conflicts.stop()
        return ledger

    def _register(self, event: ProfileRegistered) -> None:
        known = self._registered.get(event.profile)
        if known is None:
            self._subjects[event.profile] = {}
            self._usernames[event.profile] = {}
            self._groups[event.profile] = {}
        elif (known.uid_band, known.group_band) != (event.uid_band, event.group_band):
            one, two = self._conflicts.ordered(known, event)
            self._conflicts.add(
                f"{self._conflicts.lines(one, two)} register the profile {event.profile} with different bands"
                f" ({_bands(one)}, and {_bands(two)}): keep the line whose bands hosts use already, delete the"
                " other one and the numbers that lie in its bands, and run again"
            )
            return
        self._registered[event.profile] = event if known is None else earlier(known, event)

    def _check_bands(self) -> None:
        for event in self._registered.values():
            try:
                check_uid_band(event.uid_band)
                check_group_band(event.group_band)
            except IdentityError as refusal:
                line = self._conflicts.line(event)
                self._conflicts.add(f"line {line} cannot be accepted: {str(refusal).rstrip('.')}")
        by_band = sorted(self._registered.values(), key=lambda event: event.uid_band.first)
        for one, two in zip(by_band, by_band[1:]):
            if one.uid_band.overlaps(two.uid_band):
                self._overlap(one, two, two.uid_band)
        for group_band, owner in {event.group_band: event for event in by_band}.items():
            for event in by_band:
                if group_band.overlaps(event.uid_band):
                    self._overlap(event, owner, group_band)

    def _overlap(self, one: ProfileRegistered, two: ProfileRegistered, band: Band) -> None:
        self._conflicts.add(
            f"{self._conflicts.lines(one, two)} overlap: {one.uid_band} is the UID band of the profile {one.profile},"
            f" and {band} a band of {two.profile}: keep the profile that hosts use already, delete the line and the"
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
        if holder is not event and not agree(holder, event):
            self._conflicts.two_owners(holder, event, event.uid)
        elif same_subject is not event and not agree(same_subject, event):
            one, two = self._conflicts.ordered(same_subject, event)
            self._conflicts.add(
                f"{self._conflicts.lines(one, two)} give one person of the profile {event.profile} (subject"
                f" {quoted(event.subject)}) two numbers or names, {who(one)} and {who(two)}: keep the line that hosts"
                " use already and delete the other one"
            )
        elif same_username is not event and not agree(same_username, event):
            one, two = self._conflicts.ordered(same_username, event)
            self._conflicts.add(
                f"{self._conflicts.lines(one, two)} give the name {event.username} of the profile {event.profile} to"
                f" two people, {who(one)} and {who(two)}: keep the line of whoever has the name on hosts already,"
                " delete the other one, give that person another username in the roster, and run again"
            )
        else:
            first = earlier(same_subject, event)
            self._numbers[event.uid] = subjects[event.subject] = usernames[event.username] = first

    def _group(self, event: GroupIssued) -> None:
        if not self._belongs(event, event.gid, "group"):
            return
        groups = self._groups[event.profile]
        holder = self._numbers.setdefault(event.gid, event)
        same_name = groups.setdefault(event.name, event)
        if holder is event and same_name is event:
            return
        if holder is not event and not agree(holder, event):
            self._conflicts.two_owners(holder, event, event.gid)
        elif same_name is not event and not agree(same_name, event):
            one, two = self._conflicts.ordered(same_name, event)
            self._conflicts.add(
                f"{self._conflicts.lines(one, two)} give the group {event.name} of the profile {event.profile}"
                f" two numbers, {number_of(one)} and {number_of(two)}: keep the line that hosts use already and"
                " delete the other one"
            )
        else:
            self._numbers[event.gid] = groups[event.name] = earlier(same_name, event)

    def _belongs(self, event: Issued, number: int, what: str) -> bool:
        """Whether the profile of the event is registered and the number lies in its band."""
        registered = self._registered.get(event.profile)
        if registered is None:
            self._conflicts.add(
                f"line {self._conflicts.line(event)} issues {number} in the profile {event.profile}, which no line"
                " registers: take the file back from git or from a backup"
            )
            return False
        band = registered.uid_band if what == "UID" else registered.group_band
        if not band.first <= number <= band.last:
            self._conflicts.add(
                f"line {self._conflicts.line(event)} issues {number}, which is outside the {what} band {band} of the"
                f" profile {event.profile}: take the file back from git or from a backup"
            )
            return False
        return True

    def _check_names(self) -> None:
        for profile, groups in self._groups.items():
            for name in groups.keys() & self._usernames[profile].keys():
                one, two = self._conflicts.ordered(groups[name], self._usernames[profile][name])
                self._conflicts.add(
                    f"{self._conflicts.lines(one, two)} call a person and a shared group of the profile {profile}"
                    f" {name}, but a person's private group has their name: keep the line that hosts use already,"
                    " delete the other one, and use another name in the roster"
                )


def _bands(event: ProfileRegistered) -> str:
    return f"{event.uid_band} with groups {event.group_band}"
