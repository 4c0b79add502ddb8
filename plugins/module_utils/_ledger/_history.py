# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who held what, and when (private, pure; runs on the controller).

Something holds from its stamp on, until the first stamp of a later revision of it. The clocks of two controllers may
differ, so a later revision can have an earlier stamp: the revision decides what came last, and what was overtaken so
held for no time. Nothing about a person holds before their number was issued.
"""

from __future__ import annotations

import calendar
import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import earlier
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    GRANTED,
    RESERVED,
    GrantChanged,
    GroupIssued,
    Linked,
    NumberWithheld,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from typing import TypeVar, Union

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Revised
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

    Key = tuple[str, str]  # profile and subject of a person
    Register = dict[int, Revised]
    Beginning = Union[UserIssued, Revised]
    AnyEvent = TypeVar("AnyEvent", bound=Event)

__all__ = ["EVER", "Histories", "History", "Holding", "Period", "When", "changes_of", "holdings", "parse_when"]

# A stamp has always the same form, so that times compare as text.
_FORMS = (
    ("0000-00-00T00:00:00Z", "%Y-%m-%dT%H:%M:%SZ"),
    ("0000-00-00 00:00:00+00:00", "%Y-%m-%d %H:%M:%S+00:00"),  # what YAML makes of the one above
    ("0000-00-00", "%Y-%m-%d"),
    ("0000-00", "%Y-%m"),
    ("0000", "%Y"),
)


@dataclass(frozen=True)
class When:
    """A moment, or a stretch of time; both of its ends belong to it."""

    first: str
    last: str

    @property
    def end(self) -> When:
        """Its last moment; for all time that is when only the last revisions hold, whatever clocks said."""
        return When(self.last, self.last)


EVER = When("", "~")


def parse_when(text: str) -> When:
    """Read a time in UTC, a day, a month or a year.

    :raises IdentityError: it is none of them.
    """
    shape = "".join("0" if character in "0123456789" else character for character in text)
    for form, pattern in _FORMS:
        if shape == form:
            try:
                at = datetime.datetime.strptime(text, pattern).replace(tzinfo=datetime.timezone.utc)
            except ValueError:
                break
            return _stretch(at, shape)
    raise IdentityError(
        f"{quoted(text)} is no time: write a moment in UTC like 2026-03-09T14:30:00Z, a day like 2026-03-09, a month"
        " like 2026-03, or a year."
    )


def _stretch(at: datetime.datetime, shape: str) -> When:
    """The moment, or all of the day, the month or the year that begins with it."""
    month, day = at.month, at.day
    if len(shape) > len("0000-00-00"):
        return When(_stamped(at), _stamped(at))
    if shape == "0000":
        month = 12
    if len(shape) < len("0000-00-00"):
        day = calendar.monthrange(at.year, month)[1]
    return When(_stamped(at), _stamped(at.replace(month=month, day=day, hour=23, minute=59, second=59)))


def _stamped(at: datetime.datetime) -> str:
    # strftime does not pad the year to four digits everywhere
    return at.replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True)
class Period:
    """What held from one second until another one."""

    value: str
    since: str
    until: str  # the second in which something else began to hold; empty: it still holds
    event: Beginning  # that began it

    def holds_in(self, when: When) -> bool:
        """Whether it held at any moment of a time. What lasted less than a second counts in a stretch, as it was
        seen."""
        if self.since > when.last:
            return False
        if self.since == self.until:
            return when.first <= self.since and when.first != when.last
        return not self.until or self.until > when.first


@dataclass(frozen=True)
class History:
    """All that ever held about one person."""

    issued: UserIssued
    names: Sequence[Period]
    states: Sequence[Period]
    grants: Mapping[str, Sequence[Period]] = field(default_factory=dict)  # by the other profile
    redirects: Sequence[Period] = ()
    moves: Sequence[Renumbered] = ()
    links: Sequence[Linked] = ()

    def name_at(self, when: When) -> str:
        """The username at the end of a time; the first one for a time before the ledger knew them."""
        return _last(self.names, when, self.issued.username)

    def state_at(self, when: When) -> str:
        """The state at the end of a time; empty for a time before the ledger knew them."""
        return _last(self.states, when, "")


def _last(periods: Sequence[Period], when: When, otherwise: str) -> str:
    held = [period.value for period in periods if period.holds_in(when.end)]
    return held[-1] if held else otherwise


@dataclass
class _Told:
    """What the events say about one person, in whatever order they came."""

    names: Register = field(default_factory=dict)
    states: Register = field(default_factory=dict)
    redirects: Register = field(default_factory=dict)
    grants: dict[str, Register] = field(default_factory=dict)
    moves: list[Renumbered] = field(default_factory=list)
    links: list[Linked] = field(default_factory=list)


def changes_of(ledger: Ledger) -> list[Event]:
    """The events that are not the issue of a person's number, which nearly all are."""
    return [event for event in ledger.events if event.__class__ is not UserIssued]


class Histories:
    """The histories of people, made when they are asked for."""

    def __init__(self, ledger: Ledger, changes: Sequence[Event], wanted: Container[Key] | None = None) -> None:
        """Whoever is not wanted has only their redirects told; None wants everybody."""
        self._ledger = ledger
        self._told: dict[Key, _Told] = {}
        for event in changes:
            key = event.profile, getattr(event, "subject", "")
            if key[1] and (wanted is None or key in wanted or isinstance(event, Redirected)):
                _tell(self._told.setdefault(key, _Told()), event)

    def of(self, key: Key) -> History:
        """What held about a person, who must be in the ledger."""
        issued = self._ledger.profiles[key[0]].by_subject[key[1]]
        told = self._told.get(key)
        born = issued.stamp.at
        state = self._ledger.profiles[key[0]].states.get(key[1])
        if state is not None and state.rev == 0:
            # no event changed the state: the invitation was revoked
            told = told or _Told()
            told.states[0] = state
        if told is None:
            return History(issued, (Period(issued.username, born, "", issued),), (Period(ACTIVE, born, "", issued),))
        return History(
            issued,
            _periods(told.names, "username", born, Period(issued.username, born, "", issued)),
            _states(told.states, issued),
            {into: _periods(register, "grant", born) for into, register in sorted(told.grants.items())},
            _periods(told.redirects, "to_subject", born),
            _each_once(told.moves, lambda event: (event.was,)),
            _each_once(told.links, lambda event: (event.upstream, event.uuid)),
        )

    def stands_for(self, key: Key, when: When) -> Key:
        """Whom somebody stood for at the end of a time, after every redirect."""
        seen = {key}
        while key in self._told:
            held = [period for period in self.of(key).redirects if period.holds_in(when.end)]
            event = held[-1].event if held else None
            if not isinstance(event, Redirected) or not event.to_profile:
                break
            key = event.to_profile, event.to_subject
            # what several clocks say of one second may be a loop that never was
            if key in seen:
                break
            seen.add(key)
        return key


def _tell(told: _Told, event: Event) -> None:
    register: Register | None = None
    if isinstance(event, StateChanged):
        register = told.states
    elif isinstance(event, Renamed):
        register = told.names
    elif isinstance(event, Redirected):
        register = told.redirects
    elif isinstance(event, GrantChanged):
        register = told.grants.setdefault(event.into, {})
    elif isinstance(event, Renumbered):
        told.moves.append(event)
    elif isinstance(event, Linked):
        told.links.append(event)
    if register is not None and isinstance(event, (StateChanged, Renamed, Redirected, GrantChanged)):
        known = register.get(event.rev)
        register[event.rev] = event if known is None else earlier(known, event)


def _states(register: Register, issued: UserIssued) -> tuple[Period, ...]:
    """States begin with active, unless the number was issued in reserve."""
    born = issued.stamp.at
    first = register.get(1)
    is_reserve = isinstance(first, StateChanged) and first.state == RESERVED and first.stamp.at <= born
    return _periods(register, "state", born, None if is_reserve else Period(ACTIVE, born, "", issued))


def _periods(register: Register, value: str, born: str, first: Period | None = None) -> tuple[Period, ...]:
    """How long each revision held, in order; before the first one, what held from the beginning."""
    periods: list[Period] = []
    until = ""
    for rev in sorted(register, reverse=True):
        event = register[rev]
        since = max(event.stamp.at, born)
        periods.append(Period(getattr(event, value), since, max(until, since) if until else "", event))
        until = min(until, since) if until else since
    if first is not None:
        periods.append(Period(first.value, born, max(until, born) if until else "", first.event))
    return tuple(reversed(periods))


def _each_once(events: Sequence[AnyEvent], key: Callable[[AnyEvent], tuple[object, ...]]) -> tuple[AnyEvent, ...]:
    """Events in the order of time; of those that say the same the earliest."""
    found: dict[tuple[object, ...], AnyEvent] = {}
    for event in events:
        known = found.setdefault(key(event), event)
        found[key(event)] = earlier(known, event)
    return tuple(sorted(found.values(), key=lambda event: (event.stamp.at, *map(str, key(event)))))


@dataclass(frozen=True)
class Holding:
    """One number held by somebody or something."""

    kind: str  # user, guest, former, group or withheld
    profile: str  # in which it is theirs
    person: Key | None
    since: str  # empty: before the ledger knew
    until: str  # empty: for good
    event: Event


def holdings(ledger: Ledger, changes: Sequence[Event], number: int) -> list[Holding]:
    """Everybody and everything that ever held a number, whoever was first comes first."""
    holder = ledger.numbers.get(number)
    found: list[Holding] = []
    if isinstance(holder, UserIssued):
        person = holder.profile, holder.subject
        found.append(Holding("user", holder.profile, person, holder.stamp.at, "", holder))
    elif isinstance(holder, (GroupIssued, NumberWithheld)):
        kind = "group" if isinstance(holder, GroupIssued) else "withheld"
        found.append(Holding(kind, holder.profile, None, holder.stamp.at, "", holder))
    for move in _each_once(
        [event for event in changes if isinstance(event, Renumbered) and event.was == number],
        lambda event: (event.profile, event.subject),
    ):
        person = move.profile, move.subject
        found.append(Holding("former", move.profile, person, "", move.stamp.at, move))
    found += _guests(ledger, changes, number)
    return sorted(found, key=lambda held: (held.since, held.kind, held.profile, held.person or ("", "")))


def _guests(ledger: Ledger, changes: Sequence[Event], number: int) -> Iterator[Holding]:
    """Who held a number as a guest: a number of their own for good, the one from home while the grant held."""
    keys = {
        (event.profile, event.subject): event
        for event in changes
        if isinstance(event, GrantChanged) and event.uid == number
    }
    histories = Histories(ledger, changes, keys)
    for key in sorted(keys):
        for into, periods in histories.of(key).grants.items():
            granted = [
                period
                for period in periods
                if isinstance(period.event, GrantChanged) and period.event.uid == number and period.value == GRANTED
            ]
            if granted and ledger.profiles[key[0]].by_subject[key[1]].uid != number:
                first = min(granted, key=lambda period: period.since)
                yield Holding("guest", into, key, first.since, "", first.event)
            else:
                for period in granted:
                    yield Holding("guest", into, key, period.since, period.until, period.event)
