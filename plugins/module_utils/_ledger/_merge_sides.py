# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sides of a merge, and what each of them says (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import (
    CHECKSUM_DIGITS,
    event_line,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Renumbered,
    UserIssued,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any, Union

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

    Owner = tuple[str, ...]
    Registrations = dict[str, list[tuple[int, ProfileRegistered]]]
    Numbered = Union[UserIssued, GroupIssued, NumberWithheld, Renumbered, GrantChanged]

__all__ = [
    "Conflict",
    "Said",
    "Settings",
    "Side",
    "checksum",
    "conflict",
    "meaning",
    "owner_of",
    "register_of",
    "registrations",
    "separate_registrations",
]


@dataclass(frozen=True)
class Side:
    """One ledger, or one row of a list, that takes part in a merge."""

    name: str
    events: Sequence[Event]
    is_target: bool = False  # it only grows: nothing in it can become anything else
    is_ledger: bool = True  # what a list says was written by nobody at no time, so it counts where no ledger says it


@dataclass(frozen=True)
class Said:
    """What a side says, as it is in the merge and as the side has it."""

    event: Event
    origin: Event
    side: int
    ledger: str
    derived: bool = False  # made by the merge itself: it counts where nobody says the same


@dataclass(frozen=True)
class Conflict:
    """One contradiction: its kind, what it is about in words, and who says what."""

    kind: str
    about: str
    sides: tuple[Said, ...]


@dataclass(frozen=True)
class Settings:
    """What was decided that lets two things stand beside each other."""

    same_profiles: Collection[str] = ()
    kept: Collection[str] = ()
    target: int = -1  # the index of the side that is the target


def checksum(event: Event) -> str:
    """The checksum by which a line of a ledger is known."""
    return event_line(event)[-CHECKSUM_DIGITS - 2 : -2]


def meaning(event: Event) -> tuple[Any, ...]:
    """What an event says, whenever, by whomever and for whatever reason it was written."""
    slots: Sequence[str] = getattr(event, "__slots__", ())
    return (event.__class__, *(getattr(event, name) for name in slots if name not in ("stamp", "reason")))


def owner_of(event: Event) -> Owner:
    """Whose a number, a name or a line is: a person, a shared group, or nobody."""
    if isinstance(event, GroupIssued):
        return "group", event.profile, event.name
    if isinstance(event, NumberWithheld):
        return "withheld", str(event.number)
    return "person", event.profile, getattr(event, "subject", "")


def registrations(sides: Sequence[Side]) -> Registrations:
    """Every line that registers a profile, by the id, and the side it is on."""
    found: Registrations = {}
    for index, side in enumerate(sides):
        for event in side.events:
            if isinstance(event, ProfileRegistered) and side.is_ledger:
                found.setdefault(event.profile, []).append((index, event))
    return found


def separate_registrations(registered: Iterable[tuple[int, ProfileRegistered]]) -> list[list[ProfileRegistered]]:
    """Lines that register one profile, put together where ledgers have one in common: those are copies of one another,
    and the others were begun apart."""
    groups: list[tuple[set[int], set[ProfileRegistered]]] = []
    for index, event in registered:
        sides, events = {index}, {event}
        apart = []
        for other_sides, other_events in groups:
            if sides & other_sides or events & other_events:
                sides |= other_sides
                events |= other_events
            else:
                apart.append((other_sides, other_events))
        groups = [*apart, (sides, events)]
    ordered = [sorted(events, key=lambda event: (event.stamp.at, checksum(event))) for _sides, events in groups]
    return sorted(ordered, key=lambda events: (events[0].stamp.at, checksum(events[0])))


def register_of(event: Event) -> tuple[str, ...]:
    """Of what an event is a revision: of one thing of one person."""
    subject, into = str(getattr(event, "subject", "")), str(getattr(event, "into", ""))
    return event.__class__.__name__, event.profile, subject, into


def conflict(kind: str, about: str, said: Sequence[Said]) -> Conflict:
    return Conflict(
        kind, about, tuple(sorted(said, key=lambda it: (it.origin.stamp.at, checksum(it.origin), it.ledger)))
    )
