# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of links and of invitations, looked for event by event (private, pure; runs on the controller)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Invited, Linked, Redeemed
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence
    from typing import TypeVar

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import Found

    AnyEvent = TypeVar("AnyEvent", bound=Event)
    AnyKey = TypeVar("AnyKey", bound=Hashable)

__all__ = ["KEEP_RIGHT", "content_of", "grouped", "look_at_invitations", "look_at_links", "of_kind", "person_of"]

KEEP_RIGHT = "keep the line that holds and delete the other one"


def look_at_links(events: Sequence[Event], found: Found) -> None:
    """An identity outside, or a UUID, is one person's."""
    links = of_kind(events, Linked)
    with_uuid = [event for event in links if event.uuid]
    for upstream, linked in grouped([event for event in links if event.upstream], lambda it: it.upstream).items():
        if len({content_of(event) for event in linked}) > 1:
            why = f"{quoted(upstream)} means different people or UUIDs"
            found.add("one upstream identity, several people", linked, why, KEEP_RIGHT)
    for uuid, linked in grouped(with_uuid, lambda event: event.uuid).items():
        if len({person_of(event) for event in linked}) > 1:
            found.add("one UUID, several people", linked, f"{uuid} is that of several people", KEEP_RIGHT)
    for (profile, subject), linked in grouped(with_uuid, person_of).items():
        uuids = dict.fromkeys(event.uuid for event in linked)
        if len(uuids) > 1:
            why = f"the subject {quoted(subject)} of {profile} has {' and '.join(uuids)}"
            found.add("one person, several UUIDs", linked, why, KEEP_RIGHT)


def look_at_invitations(events: Sequence[Event], found: Found) -> None:
    """An invitation has one content, and is used by one person with one key."""
    for jti, invited in grouped(of_kind(events, Invited), lambda event: event.jti).items():
        if len({content_of(event) for event in invited}) > 1:
            why = f"{jti} was issued with different contents"
            found.add("one invitation, several contents", invited, why, KEEP_RIGHT)
    for jti, redeemed in grouped(of_kind(events, Redeemed), lambda event: event.jti).items():
        if len({content_of(event) for event in redeemed}) > 1:
            why = f"{jti} was redeemed for several people or in several ways"
            way_out = f"{KEEP_RIGHT}, and keep whoever was not meant out with ledger_disable"
            found.add("one invitation, several people", redeemed, why, way_out)


def of_kind(events: Iterable[Event], kind: type[AnyEvent]) -> list[AnyEvent]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def grouped(events: Iterable[AnyEvent], key: Callable[[AnyEvent], AnyKey]) -> dict[AnyKey, list[AnyEvent]]:
    """Events by what they have in common."""
    found: defaultdict[AnyKey, list[AnyEvent]] = defaultdict(list)
    for event in events:
        found[key(event)].append(event)
    return dict(found)


def person_of(event: Event) -> tuple[str, str]:
    """The profile and the subject that an event is about."""
    return event.profile, getattr(event, "subject", "")


def content_of(event: Event) -> tuple[object, ...]:
    """What an event says, whenever, by whomever and for whatever reason it was written."""
    names: Sequence[str] = getattr(event, "__slots__", ())
    return tuple(getattr(event, name) for name in names if name not in ("stamp", "reason"))
