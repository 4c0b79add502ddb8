# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several ledgers become one (private, pure; runs on the controller).

A ledger is the set of its events, so a merge without contradictions is the union of these sets: whichever way it is
done, and however often, the outcome is the same. What contradicts is never guessed: people decide, and a decision makes
one side say something else before the union is taken. The target only grows, whatever is decided.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import event_line
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Redeemed,
    Renumbered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_conflicts import find_conflicts
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import SHOWN, Decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_order import in_order
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_renames import renames
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_rewrite import rewritten
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_rows import without_known_rows
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
    Settings,
    checksum,
    meaning,
    owner_of,
    register_of,
    registrations,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
        Conflict,
        Owner,
        Registrations,
        Said,
        Side,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Merge", "Moved", "merge"]

_TARGET = 0
# What a number hangs on can become something else, but never go.
_CANNOT_GO = (ProfileRegistered, UserIssued, GroupIssued, Renumbered)


@dataclass(frozen=True)
class Moved:
    """Whose files carry another number than the merged ledger says."""

    kind: str  # user, guest or group
    profile: str
    subject: str  # empty for a group
    name: str
    was: int
    number: int


@dataclass(frozen=True)
class Merge:
    """What the target gets, or what has to be decided before it gets anything."""

    events: tuple[Event, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    moved: tuple[Moved, ...] = ()
    left_out: tuple[NumberWithheld, ...] = ()  # in no band any more, so nobody of these profiles ever gets them
    bands: tuple[Band, ...] = ()  # of all sides


def merge(target: Side, sources: Sequence[Side], decisions: Decisions, stamp: Stamp) -> Merge:
    """What the target has to be given so that it says what all sides say.

    :param stamp: of what the merge itself adds, such as new numbers.
    :raises IdentityError: when a decision fits nothing or must not be.
    """
    sides = (target, *sources)
    problems: list[str] = []
    registered = registrations(sides)
    _check_same_profiles(registered, decisions, problems)
    names = renames(sides, registered, decisions, problems)
    _stop(problems)
    everything = [it for index, side in enumerate(sides) for it in rewritten(index, side, names, stamp)]
    said, left_out = _rehoused(without_known_rows(everything))
    ever = _ever(everything)
    _check_profiles(said, problems)
    _check_target_stays(said, target, problems)
    _check_chosen_numbers(ever, decisions, problems)
    settings = Settings({same.profile for same in decisions.same}, decisions.kept, _TARGET)
    _check_events(said, decisions, settings, problems)
    _stop(problems)
    if decisions.dropped:
        said = [it for it in said if checksum(it.origin) not in decisions.dropped]
    bands = tuple(event.uid_band for lines in registered.values() for _side, event in lines)
    conflicts = find_conflicts(said, settings)
    if conflicts:
        return Merge(conflicts=tuple(conflicts), bands=bands, left_out=left_out)
    ledger, events = _added(target, said, ever, stamp)
    return Merge(events, (), tuple(_moved(everything, ledger)), left_out, bands)


def _stop(problems: Sequence[str]) -> None:
    if problems:
        raise IdentityError(f"The ledgers cannot be merged in this way: {in_one_sentence(problems, SHOWN)}.")


def _check_same_profiles(registered: Registrations, decisions: Decisions, problems: list[str]) -> None:
    for same in decisions.same:
        if len({event for _side, event in registered.get(same.profile, ())}) < 2:
            problems.append(f"no two lines register the profile {same.profile}, so the decision {same} fits nothing")


def _check_profiles(said: Iterable[Said], problems: list[str]) -> None:
    """Refuse rows of a profile of which no ledger says the band."""
    known = {it.event.profile for it in said if isinstance(it.event, ProfileRegistered)}
    for profile in sorted({it.event.profile for it in said if isinstance(it.event, UserIssued)} - known):
        problems.append(f"no ledger registers the profile {profile}: give the uid_band of the database, or correct it")


def _check_target_stays(said: Iterable[Said], target: Side, problems: list[str]) -> None:
    """Refuse decisions about what is in the target already."""
    for it in said:
        if it.side == _TARGET and it.event != it.origin:
            problems.append(
                f"{describe(it.origin)} is in {target.name} already, which only grows, so it cannot become"
                f" {describe(it.event)}: decide about the other side, or merge into a new ledger"
            )


def _check_chosen_numbers(ever: Mapping[int, set[Owner]], decisions: Decisions, problems: list[str]) -> None:
    """Refuse to give anybody a number that somebody else has or ever had."""
    chosen: list[tuple[str, int, int | None, Owner]] = [
        (str(it), it.uid, it.new_uid, ("person", it.profile, it.new_subject)) for it in decisions.people
    ]
    chosen += [(str(it), it.gid, it.new_gid, ("group", it.profile, it.new_name)) for it in decisions.groups]
    for what, was, number, owner in chosen:
        others = sorted(ever.get(number, set()) - {owner}) if number is not None and number != was else []
        if others:
            problems.append(
                f"{what} cannot get {number}, which is or was that of {_named(others[0])}: name another one, or 'new'"
            )


def _check_events(said: Sequence[Said], decisions: Decisions, settings: Settings, problems: list[str]) -> None:
    """Refuse to leave out what contradicts nothing, what a number hangs on, and what is in the target."""
    if not decisions.events:
        return
    by_sum: defaultdict[str, list[Said]] = defaultdict(list)
    for it in said:
        by_sum[checksum(it.origin)].append(it)
    for unknown in sorted((decisions.dropped | decisions.kept) - by_sum.keys()):
        problems.append(f"no ledger has an event {unknown}, so the decision about it fits nothing")
    involved = _involved(by_sum, decisions.dropped, settings)
    remaining = {
        event.jti
        for checksum_, its in by_sum.items()
        if checksum_ not in decisions.dropped
        for event in [its[0].origin]
        if isinstance(event, Redeemed)
    }
    for dropped in sorted(decisions.dropped & by_sum.keys()):
        origin = by_sum[dropped][0].origin
        what = f"{describe(origin)} (event {dropped}) cannot be left out"
        if isinstance(origin, _CANNOT_GO):
            problems.append(f"{what}, because a number hangs on it: let it become something else")
        elif any(it.side == _TARGET for it in by_sum[dropped]):
            problems.append(f"{what}, because it is in the ledger already, which only grows")
        elif dropped not in involved:
            problems.append(f"{what}, because it contradicts nothing")
        elif isinstance(origin, Redeemed) and origin.jti not in remaining:
            problems.append(f"{what}, because the invitation could be used again then")


def _involved(by_sum: Mapping[str, Sequence[Said]], dropped: Collection[str], settings: Settings) -> set[str]:
    """Which lines to leave out contradict something, or would once others of them are left out."""
    involved: set[str] = set()
    while True:
        remaining = [it for line, its in by_sum.items() if line not in involved for it in its]
        found = {checksum(it.origin) for it in _contradicting(remaining, settings)} & set(dropped)
        if not found - involved:
            return involved
        involved |= found


def _contradicting(said: Sequence[Said], settings: Settings) -> Iterator[Said]:
    """What takes part in a contradiction, and the changes that follow such a one. What the target lives with by an
    earlier merge contradicts still, so that a second run takes the same decisions."""
    first: dict[tuple[str, ...], int] = {}
    for conflict in find_conflicts(said, dataclasses.replace(settings, kept=(), target=-1)):
        for it in conflict.sides:
            yield it
            rev = getattr(it.event, "rev", 0)
            if rev:
                key = register_of(it.event)
                first[key] = min(rev, first.get(key, rev))
    for it in said:
        if getattr(it.event, "rev", 0) >= first.get(register_of(it.event), 1 << 32):
            yield it


def _ever(said: Iterable[Said]) -> dict[int, set[Owner]]:
    """Whose every number is or was, on whatever side, in the names that they have in the merge."""
    found: defaultdict[int, set[Owner]] = defaultdict(set)
    for it in said:
        for event in (it.origin, it.event):
            if isinstance(event, (UserIssued, GrantChanged)):
                found[event.uid].add(owner_of(it.event))
            elif isinstance(event, GroupIssued):
                found[event.gid].add(owner_of(it.event))
            elif isinstance(event, NumberWithheld):
                found[event.number].add(owner_of(it.event))
            elif isinstance(event, Renumbered):
                found[event.was].add(owner_of(it.event))
    return found


def _rehoused(said: Iterable[Said]) -> tuple[list[Said], tuple[NumberWithheld, ...]]:
    """Withheld numbers in a profile that has them in a band now, and those for which there is none."""
    kept: list[Said] = []
    homeless: list[Said] = []
    bands: defaultdict[str, list[Band]] = defaultdict(list)
    for it in said:
        if isinstance(it.event, ProfileRegistered):
            bands[it.event.profile] += [it.event.uid_band, it.event.group_band]
        (homeless if isinstance(it.event, NumberWithheld) else kept).append(it)
    left_out = []
    for it in homeless:
        event = it.event
        if isinstance(event, NumberWithheld):
            homes = sorted(name for name, both in bands.items() if any(event.number in band for band in both))
            if not homes:
                left_out.append(event)
            elif event.profile in homes:
                kept.append(it)
            else:
                kept.append(dataclasses.replace(it, event=dataclasses.replace(event, profile=homes[0])))
    return kept, tuple(left_out)


def _added(
    target: Side, said: Sequence[Said], ever: Mapping[int, set[Owner]], stamp: Stamp
) -> tuple[Ledger, tuple[Event, ...]]:
    """The merged ledger, and the events of it that the target lacks. What the merge made itself counts where nobody
    says the same."""
    events = {it.event for it in said if not it.derived}
    meanings = {meaning(event) for event in events}
    for event in sorted({it.event for it in said if it.derived}, key=event_line):
        if meaning(event) not in meanings:
            meanings.add(meaning(event))
            events.add(event)
    ledger = _proved([*target.events, *(events - set(target.events))])
    spent = list(_spent(ledger, ever, stamp))
    if spent:
        ledger = _proved([*ledger.events, *spent])
    added = (events - set(target.events)) | set(spent)
    return ledger, in_order(added, ledger.events)


def _proved(events: Sequence[Event]) -> Ledger:
    """The ledger of all events, by the rules that every ledger is read by."""
    try:
        return fold(Written(events, range(1, len(events) + 1)))
    except IdentityError as refusal:
        raise IdentityError(f"The merge would not be a ledger, and nothing was written: {refusal}") from refusal


def _spent(ledger: Ledger, ever: Mapping[int, set[Owner]], stamp: Stamp) -> Iterator[Event]:
    """Keep from everybody the numbers that nobody has in the merge, but somebody had before it."""
    for number in sorted(ever.keys() - ledger.numbers.keys()):
        for kind, profile, *rest in sorted(ever[number]):
            here = ledger.profiles.get(profile)
            if kind == "person" and here is not None and rest[0] in here.by_subject:
                yield Renumbered(profile, rest[0], number, here.by_subject[rest[0]].uid, "before the merge", stamp)
                break
            if kind == "group" and here is not None and number in here.group_band:
                yield NumberWithheld(profile, number, f"the group {rest[0]} before the merge", stamp)
                break


def _moved(said: Iterable[Said], ledger: Ledger) -> Iterator[Moved]:
    """Whose number changed, each once."""
    found = set()
    for it in said:
        origin, event = it.origin, it.event
        if isinstance(origin, UserIssued) and isinstance(event, UserIssued) and origin.uid != event.uid:
            name = ledger.person(event.profile, subject=event.subject).username
            found.add(Moved("user", event.profile, event.subject, name, origin.uid, event.uid))
        elif isinstance(origin, GroupIssued) and isinstance(event, GroupIssued) and origin.gid != event.gid:
            found.add(Moved("group", event.profile, "", event.name, origin.gid, event.gid))
        elif isinstance(origin, GrantChanged) and isinstance(event, GrantChanged) and origin.uid != event.uid:
            person = ledger.person(event.profile, subject=event.subject)
            # whoever is a guest with the number that they have at home is moved there
            if event.uid != person.uid:
                found.add(Moved("guest", event.into, event.subject, person.username, origin.uid, event.uid))
    yield from sorted(found, key=lambda moved: (moved.kind, moved.profile, moved.was, moved.number))


def _named(owner: Owner) -> str:
    if owner[0] == "withheld":
        return "nobody, for it is withheld"
    return f"the {'group' if owner[0] == 'group' else 'subject'} {owner[2]} ({owner[1]})"
