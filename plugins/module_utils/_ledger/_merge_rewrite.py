# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sides of a merge say once everything has become what it is to be (private, pure; runs on the controller)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    Linked,
    ProfileRegistered,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_renames import Human, NewHuman
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_renames import Renames
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["rewritten"]

_LONGEST = 255
_ABOUT_PEOPLE = (UserIssued, Renumbered, StateChanged, Renamed, GrantChanged, Linked, Redirected, Redeemed)


def rewritten(index: int, side: Side, names: Renames, stamp: Stamp) -> Iterator[Said]:
    """Everything that a side says, with every name and number as it is in the merge."""
    return _Rewriting(index, side, names, stamp).said()


class _Rewriting:
    """The work of rewritten(): the people of one side, and what they are in the merge."""

    def __init__(self, index: int, side: Side, names: Renames, stamp: Stamp) -> None:
        self._index = index
        self._side = side
        self._names = names
        self._stamp = stamp
        # by the profile and the subject that the side knows: the former and the new
        self._people: dict[tuple[str, str], tuple[Human, NewHuman]] = {}

    def said(self) -> Iterator[Said]:
        for event in self._side.events:
            if isinstance(event, UserIssued):
                human = Human(self._profile(event.profile), event.subject, event.uid, event.username)
                new = self._names.people.get(human)
                if new is not None:
                    self._people[event.profile, event.subject] = human, new
        is_touched = self._people or self._names.groups or self._names.guests or self._has_moved
        for event in self._side.events:
            if is_touched:
                yield from self._became(event)
            else:
                yield Said(event, event, self._index, self._side.name, not self._side.is_ledger)

    @property
    def _has_moved(self) -> bool:
        return any(side == self._index for side, _profile in self._names.profiles)

    def _profile(self, profile: str) -> str:
        return self._names.profile(self._index, profile)

    def _subject(self, profile: str, subject: str) -> str:
        known = self._people.get((profile, subject))
        return known[1].subject if known else subject

    def _became(self, event: Event) -> Iterator[Said]:
        """An event as it is in the merge, and what has to be noted beside it."""
        if isinstance(event, UserIssued):
            yield from self._user(event)
        elif isinstance(event, GroupIssued):
            name, gid, _reason = self._names.groups.get(
                (self._profile(event.profile), event.name, event.gid), (event.name, event.gid, "")
            )
            yield self._said(event, dataclasses.replace(event, name=name, gid=gid), gid != event.gid)
        elif isinstance(event, ProfileRegistered):
            become = self._names.profiles.get((self._index, event.profile))
            band: Band = become.new_band if become else event.uid_band
            yield self._said(event, dataclasses.replace(event, uid_band=band), become is not None)
        elif isinstance(event, Renumbered):
            uid = self._uid(event.profile, event.subject, event.uid)
            # whoever gets a former number back has no longer another one than that
            if uid != event.was:
                yield self._said(event, dataclasses.replace(event, uid=uid))
        elif isinstance(event, GrantChanged):
            yield self._grant(event)
        elif isinstance(event, Renamed):
            known = self._people.get((event.profile, event.subject))
            same = known is not None and known[0].username == event.username
            username = known[1].username if known and same else event.username
            yield self._said(event, dataclasses.replace(event, username=username))
        elif isinstance(event, Redirected):
            to = (
                (self._profile(event.to_profile), self._subject(event.to_profile, event.to_subject))
                if event.to_profile
                else ("", "")
            )
            yield self._said(event, dataclasses.replace(event, to_profile=to[0], to_subject=to[1]))
        else:
            yield self._said(event, event)

    def _user(self, event: UserIssued) -> Iterator[Said]:
        known = self._people.get((event.profile, event.subject))
        if known is None:
            yield self._said(event, event)
            return
        new = known[1]
        issued = dataclasses.replace(event, username=new.username, uid=new.uid)
        yield self._said(event, issued, new.uid != event.uid)
        if new.uid != event.uid:
            reason = new.reason or f"{event.uid} was issued at {event.stamp.at} by {event.stamp.by}"[:_LONGEST]
            profile = self._profile(event.profile)
            spent = Renumbered(profile, new.subject, event.uid, new.uid, reason, self._stamp)
            yield Said(spent, event, self._index, self._side.name, True)

    def _uid(self, profile: str, subject: str, uid: int) -> int:
        known = self._people.get((profile, subject))
        return known[1].uid if known and known[0].uid == uid else uid

    def _grant(self, event: GrantChanged) -> Said:
        into, home = self._profile(event.into), self._profile(event.profile)
        uid = self._names.guests.get(
            (into, home, event.subject, event.uid), self._uid(event.profile, event.subject, event.uid)
        )
        return self._said(event, dataclasses.replace(event, into=into, uid=uid))

    def _said(self, origin: Event, event: Event, has_new_number: bool = False) -> Said:
        """An event with the profile and the subject that it has in the merge; a new number is issued now."""
        profile = self._profile(origin.profile)
        if isinstance(event, _ABOUT_PEOPLE):
            subject = self._subject(origin.profile, event.subject)
            if (profile, subject) != (event.profile, event.subject):
                event = dataclasses.replace(event, profile=profile, subject=subject)
        elif profile != event.profile:
            event = dataclasses.replace(event, profile=profile)
        derived = has_new_number or not self._side.is_ledger
        if has_new_number:
            event = dataclasses.replace(event, stamp=self._stamp)
        return Said(event, origin, self._index, self._side.name, derived)
