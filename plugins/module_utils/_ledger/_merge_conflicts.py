# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What contradicts what when ledgers are put together: every contradiction, with all its sides (private, pure)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Renamed,
    Renumbered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_changes import (
    changed_conflicts,
    differing,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
    checksum,
    conflict,
    meaning,
    owner_of,
    separate_registrations,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_research_username,
    check_shared_group_name,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Conflict, Said, Settings
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["find_conflicts"]


def find_conflicts(said: Iterable[Said], settings: Settings) -> list[Conflict]:
    """Everything that keeps what the sides say from being one ledger, in an order that does not depend on theirs."""
    of: defaultdict[type, list[Said]] = defaultdict(list)
    for it in said:
        of[it.event.__class__].append(it)
    found = [*_Finder(of, settings).conflicts(), *changed_conflicts(of, settings)]
    return sorted(found, key=lambda conflict: (_ORDER.index(conflict.kind), conflict.about))


_ORDER = (
    "profile_twice",
    "profile_bands",
    "bands_overlap",
    "one_number",
    "outside_band",
    "former_number",
    "one_person",
    "one_group",
    "one_name",
    "reserved_name",
    "two_changes",
    "missing_change",
    "revival",
    "one_upstream",
    "one_uuid",
    "redirect_loop",
    "redirect_active",
    "guest_number",
    "one_content",
    "one_invitation",
)


class _Finder:
    """The work of find_conflicts(): what is said, by its kind."""

    def __init__(self, of: Mapping[type, list[Said]], settings: Settings) -> None:
        self._settings = settings
        self._of = of
        self._bands: dict[str, list[tuple[Band, Band]]] = {}
        self._homes: dict[tuple[str, str], set[int]] = {}
        for it in self._of[ProfileRegistered]:
            if isinstance(it.event, ProfileRegistered):
                self._bands.setdefault(it.event.profile, []).append((it.event.uid_band, it.event.group_band))
        for it in self._of[UserIssued]:
            if isinstance(it.event, UserIssued):
                self._homes.setdefault((it.event.profile, it.event.subject), set()).add(it.event.uid)

    def conflicts(self) -> Iterator[Conflict]:
        yield from self._profiles()
        yield from self._overlaps()
        yield from self._numbers()
        yield from self._outside()
        yield from self._former_numbers()
        yield from differing(self._of[UserIssued], "one_person", lambda it: (it.profile, getattr(it, "subject", "")))
        yield from differing(self._of[GroupIssued], "one_group", lambda it: (it.profile, getattr(it, "name", "")))
        yield from self._names()
        yield from self._reserved_names()

    def _profiles(self) -> Iterator[Conflict]:
        """Profiles of one id that have different bands, or that were begun apart."""
        by_id: defaultdict[str, list[Said]] = defaultdict(list)
        for it in self._of[ProfileRegistered]:
            by_id[it.event.profile].append(it)
        for profile, said in by_id.items():
            if len({meaning(it.event) for it in said}) > 1:
                yield conflict("profile_bands", f"the profile {profile} has different bands", said)
                continue
            lines = [(it.side, it.event) for it in said if isinstance(it.event, ProfileRegistered) and not it.derived]
            if profile not in self._settings.same_profiles and len(separate_registrations(lines)) > 1:
                yield conflict("profile_twice", f"the profile {profile} was begun in several ledgers apart", said)

    def _overlaps(self) -> Iterator[Conflict]:
        """Bands of two profiles that have numbers in common."""
        bands: dict[tuple[str, Band, Band], list[Said]] = {}
        for it in self._of[ProfileRegistered]:
            event = it.event
            if isinstance(event, ProfileRegistered):
                bands.setdefault((event.profile, event.uid_band, event.group_band), []).append(it)
        keys = sorted(bands, key=lambda key: (key[0], key[1].first, key[1].last, key[2].first))
        for index, one in enumerate(keys):
            if one[1].overlaps(one[2]):
                yield conflict("bands_overlap", f"the UID band {one[1]} of {one[0]} and its group band", bands[one])
            for two in keys[index + 1 :]:
                if one[0] != two[0] and (one[1].overlaps(two[1]) or one[1].overlaps(two[2]) or one[2].overlaps(two[1])):
                    about = f"the bands of {one[0]} ({one[1]}) and {two[0]} ({two[1]}) overlap"
                    yield conflict("bands_overlap", about, [*bands[one], *bands[two]])

    def _held(self) -> Iterator[tuple[int, Said]]:
        """Every number that somebody has, or that is withheld."""
        for kind in (UserIssued, GroupIssued, NumberWithheld):
            for it in self._of[kind]:
                yield _number(it.event), it
        for it in self._of[GrantChanged]:
            event = it.event
            if isinstance(event, GrantChanged) and event.uid not in self._homes.get((event.profile, event.subject), ()):
                yield event.uid, it

    def _numbers(self) -> Iterator[Conflict]:
        """Numbers that two have."""
        first: dict[int, object] = {}
        twice: dict[int, list[Said]] = {}
        for number, it in self._held():
            owner = _holder(it.event)
            if first.setdefault(number, owner) != owner:
                twice[number] = []
        for number, it in self._held() if twice else ():
            if number in twice:
                twice[number].append(it)
        for number, said in twice.items():
            yield conflict("one_number", f"{number} was given to several", said)

    def _outside(self) -> Iterator[Conflict]:
        """Numbers outside the band of their profile."""
        outside: dict[tuple[object, ...], list[Said]] = {}
        for number, it in self._held():
            event = it.event
            profile = event.into if isinstance(event, GrantChanged) else event.profile
            bands = self._bands.get(profile, ())
            # a withheld number is at home in whichever profile has it in a band
            is_inside = any(number in (both[1] if isinstance(event, GroupIssued) else both[0]) for both in bands)
            if not is_inside and not isinstance(event, NumberWithheld):
                outside.setdefault((profile, number, *owner_of(event)), []).append(it)
        for key, said in outside.items():
            yield conflict("outside_band", f"{key[1]} lies outside the band of the profile {key[0]}", said)

    def _former_numbers(self) -> Iterator[Conflict]:
        """Numbers that somebody has now and somebody else had before, where not all who know the one know the other."""
        former: defaultdict[int, list[Said]] = defaultdict(list)
        for it in self._of[Renumbered]:
            if isinstance(it.event, Renumbered):
                former[it.event.was].append(it)
        if not former:
            return
        held: defaultdict[int, list[Said]] = defaultdict(list)
        for number, it in self._held():
            if number in former and not isinstance(it.event, NumberWithheld):
                held[number].append(it)
        for number, holders in held.items():
            sides = {it.side for it in holders}
            owners = {owner_of(it.event) for it in holders}
            if self._settings.target in sides:
                owners |= {owner_of(it.event) for it in former[number] if it.side == self._settings.target}
            # a ledger that gives the number to nobody any more, whatever another one lives with
            strange = [
                it
                for it in former[number]
                if not it.derived
                and it.side not in sides
                and owner_of(it.event) not in owners
                and checksum(it.origin) not in self._settings.kept
            ]
            if strange:
                yield conflict("former_number", f"{number} was another one's before", [*strange, *holders])

    def _names(self) -> Iterator[Conflict]:
        """Names that two ever had in one profile, guests among them."""
        names: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        first: dict[tuple[str, str], object] = {}
        twice: dict[tuple[str, str], list[Said]] = {}
        for kind in (UserIssued, Renamed):
            for it in self._of[kind]:
                names[it.event.profile, getattr(it.event, "subject", "")].add(getattr(it.event, "username", ""))
        for key, it in self._named(names):
            owner = owner_of(it.event)
            if first.setdefault(key, owner) != owner:
                twice[key] = []
        for key, it in self._named(names) if twice else ():
            if key in twice:
                twice[key].append(it)
        for (profile, name), said in twice.items():
            yield conflict("one_name", f"the name {name} of the profile {profile} was given to several", said)

    def _named(self, names: Mapping[tuple[str, str], Collection[str]]) -> Iterator[tuple[tuple[str, str], Said]]:
        """Every name by profile, and who says it."""
        for kind in (UserIssued, Renamed):
            for it in self._of[kind]:
                yield (it.event.profile, getattr(it.event, "username", "")), it
        for it in self._of[GroupIssued]:
            yield (it.event.profile, getattr(it.event, "name", "")), it
        for it in self._of[GrantChanged]:
            event = it.event
            if isinstance(event, GrantChanged):
                for name in names[event.profile, event.subject]:
                    yield (event.into, name), it

    def _reserved_names(self) -> Iterator[Conflict]:
        """Names of the system that a ledger gives to people or groups."""
        found: dict[tuple[object, ...], list[Said]] = {}
        for kind in (UserIssued, Renamed, GroupIssued):
            for it in self._of[kind]:
                name = str(getattr(it.event, "name" if kind is GroupIssued else "username"))
                if _is_reserved(name, kind is GroupIssued):
                    found.setdefault((name, *owner_of(it.event)), []).append(it)
        for key, said in found.items():
            if any(it.side == self._settings.target or checksum(it.origin) in self._settings.kept for it in said):
                continue
            yield conflict("reserved_name", f"the name {key[0]} belongs to the system", said)


def _number(event: Event) -> int:
    for name in ("uid", "gid", "number"):
        number = getattr(event, name, None)
        if isinstance(number, int):
            return number
    raise TypeError(event)


def _holder(event: Event) -> tuple[object, ...]:
    """Who has a number: a guest's own number is not the one of the same person at home."""
    into = event.into if isinstance(event, GrantChanged) else ""
    return (*owner_of(event), into)


def _is_reserved(name: str, is_group: bool) -> bool:
    try:
        (check_shared_group_name if is_group else check_research_username)(name)
    except IdentityError:
        return True
    return False
