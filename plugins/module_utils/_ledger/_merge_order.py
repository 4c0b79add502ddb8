# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a merge is written (private, pure; runs on the controller).

A table takes very many lines part by part, and a run can be cut off between two parts. So every part is a ledger, has
the state of people beside their number, and is finished by the same decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import event_line
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    RETIRED,
    GrantChanged,
    GroupIssued,
    Invited,
    Linked,
    NumberWithheld,
    ProfileRegistered,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import register_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

    Key = tuple[str, str]  # profile, subject

__all__ = ["in_order"]

_FIRST, _REVOKED, _REDIRECTED_TO, _BACK = 0, 1, 2, 3
_PLACES = {
    ProfileRegistered: _FIRST,
    Uninvited: _REVOKED,  # before whoever was invited, or a part would let people in whose invitation is revoked
    GroupIssued: 4,
    UserIssued: 5,
    StateChanged: 5,  # right behind whom it is about, or a part would have everybody active who is retired
    Redeemed: 5,  # the same, for those who are disabled because their invitation is revoked
    NumberWithheld: 6,
    GrantChanged: 7,
    Renumbered: 8,  # behind whoever has the former number now, a guest too, or it would be asked about
    Renamed: 9,
    Linked: 10,
    Redirected: 11,
    Invited: 12,  # behind the use of it
}


def in_order(added: Iterable[Event], ledger: Sequence[Event]) -> tuple[Event, ...]:
    """What a merge adds, each behind what it needs.

    :param ledger: all events of the ledger that comes of the merge.
    """
    return tuple(sorted(added, key=_Order(ledger).key))


class _Order:
    """The work of in_order(): who comes first.

    Whoever was retired and is back, or stood for somebody else, is written before all others, so that no part ends in
    between: a ledger in which somebody is still retired asks before another one brings them back.
    """

    def __init__(self, ledger: Sequence[Event]) -> None:
        self._retired: dict[Key, int] = {}  # the last revision in which they are
        self._redirected_to: set[Key] = set()
        last: dict[Key, int] = {}
        back: set[Key] = set()
        for event in ledger:
            if isinstance(event, StateChanged):
                key = event.profile, event.subject
                last[key] = max(event.rev, last.get(key, 0))
                if event.state == RETIRED:
                    self._retired[key] = max(event.rev, self._retired.get(key, 0))
            elif isinstance(event, Redirected) and not event.to_profile:
                back.add((event.profile, event.subject))
        back |= {key for key, rev in self._retired.items() if rev < last[key]}
        for event in ledger:
            if isinstance(event, Redirected) and event.to_profile and (event.profile, event.subject) in back:
                self._redirected_to.add((event.to_profile, event.to_subject))
        self._early = back | self._redirected_to

    def key(self, event: Event) -> tuple[int, str, str, int, tuple[str, ...], int, str, str]:
        """Where an event is written."""
        place, step, person = _PLACES[event.__class__], 0, ("", "")
        if isinstance(event, (UserIssued, StateChanged, Redirected, Redeemed)):
            who = event.profile, event.subject
            if who in self._early:
                is_needed = isinstance(event, UserIssued) and who in self._redirected_to
                place = _REDIRECTED_TO if is_needed else _BACK
            if place in (_BACK, _PLACES[UserIssued]):
                person, step = who, self._step(event)
        return place, *person, step, register_of(event), getattr(event, "rev", 0), event.stamp.at, event_line(event)

    def _step(self, event: Event) -> int:
        """A person stands for somebody else only while they are retired."""
        if isinstance(event, UserIssued):
            return 0
        if isinstance(event, Redeemed):
            return 1
        if isinstance(event, StateChanged):
            return 1 if event.rev <= self._retired.get((event.profile, event.subject), 0) else 3
        return 2
