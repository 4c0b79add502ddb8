# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What contradicts what in a ledger, told by line (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    Renumbered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Holder

    AnyEvent = TypeVar("AnyEvent", bound=Event)
    Other = TypeVar("Other", bound=Event)

__all__ = ["Conflicts", "agree", "earlier", "place", "who"]

SHOWN_CONFLICTS = 10
_NOT_COMPARED = ("stamp", "reason")


class Conflicts:
    """The contradictions found so far, and where every event stands."""

    def __init__(self, events: Sequence[Event], lines: Sequence[int]) -> None:
        self._events = events
        self._lines = lines
        self._line_of: dict[int, int] = {}
        self.found: list[str] = []

    def add(self, conflict: str) -> None:
        """Note one, in words that go on from the name of the ledger."""
        self.found.append(conflict)

    def stop(self) -> None:
        """Refuse the ledger when there was any."""
        if self.found:
            raise IdentityError(in_one_sentence(self.found, SHOWN_CONFLICTS) + ".")

    def line(self, event: Event) -> int:
        """Where an event stands."""
        if not self._line_of:
            # events are told apart by identity, for two equal ones stand in two lines
            self._line_of = {id(known): line for known, line in zip(self._events, self._lines)}
        return self._line_of[id(event)]

    def lines(self, one: Event, two: Event) -> str:
        """Where two events stand."""
        first, second = sorted((self.line(one), self.line(two)))
        return f"line {first}" if first == second else f"lines {first} and {second}"

    def ordered(self, one: AnyEvent, two: Other) -> tuple[AnyEvent | Other, AnyEvent | Other]:
        """Two events as they stand in the ledger, so that a message is the same whoever found them."""
        return (one, two) if self.line(one) <= self.line(two) else (two, one)

    def two_owners(self, one: Holder, two: Holder, number: int) -> None:
        """One number was given to two."""
        one, two = self.ordered(one, two)
        self.add(
            f"{self.lines(one, two)} issue {number} twice, to {who(one)} and to {who(two)}: keep the line of"
            " whoever has files with this number already, delete the other one, and run again, which issues"
            " another number"
        )


def agree(one: Event, two: Event) -> bool:
    """Whether two events say the same, whenever, by whomever and for whatever reason they were written."""
    names: Sequence[str] = getattr(one, "__slots__", ())
    return one.__class__ is two.__class__ and all(
        getattr(one, name) == getattr(two, name) for name in names if name not in _NOT_COMPARED
    )


def earlier(one: AnyEvent, two: AnyEvent) -> AnyEvent:
    """Which of two events that say nearly the same counts, whichever of them is read first."""
    return min(one, two, key=place)


def place(event: Event) -> tuple[str, ...]:
    """Where an event stands among others of its kind, in whatever order they were read."""
    names: Sequence[str] = getattr(event, "__slots__", ())
    stamp = event.stamp
    return stamp.at, stamp.by, stamp.run, *(str(getattr(event, name)) for name in names if name != "stamp")


def who(event: Holder) -> str:
    """Whom or what a number was given to."""
    if isinstance(event, GroupIssued):
        return f"the group {event.name} ({event.profile}, {event.gid})"
    if isinstance(event, UserIssued):
        subject = "" if event.subject == event.username else f", subject {quoted(event.subject)}"
        return f"{event.username} ({event.profile}, {event.uid}{subject})"
    if isinstance(event, NumberWithheld):
        return f"nobody ({event.profile} withholds {event.number})"
    if isinstance(event, GrantChanged):
        return f"the guest {quoted(event.subject)} of {event.profile} ({event.into}, {event.uid})"
    if isinstance(event, Renumbered):
        return f"the subject {quoted(event.subject)} ({event.profile}, formerly {event.was})"
    raise TypeError(event)
