# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the hosts of a running fleet say to a ledger of it (private, pure; runs on the controller).

Every number of the profile's bands that any host shows is afterwards either its keeper's or nobody's: whoever got it
next would own the files that carry it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_clashes import Verdict, judge
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import Decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import (
    GROUP,
    USER,
    Fleet,
    Somebody,
    everybody,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import Surveys, shown
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import LONGEST_TEXT, check_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    NumberWithheld,
    ProfileRegistered,
    Renumbered,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Profile
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import Label
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Holder, Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Adoption", "Proposal", "adopt"]

SHOWN_PROBLEMS = 10


@dataclass(frozen=True)
class Proposal:
    """What is to be adopted, and into which profile. A band of None means: what the ledger has, or the default."""

    profile: str
    surveys: Surveys
    roster: Roster = field(default_factory=lambda: Roster(()))
    decisions: Decisions = field(default_factory=Decisions)
    uid_band: Band | None = None
    group_band: Band | None = None
    incomplete: bool = False  # go on although not everything is known of every host
    reason: str = ""


@dataclass(frozen=True)
class Adoption:
    """What becomes of everybody; events only when nothing is left to be decided, and else why there are none."""

    profile: Profile
    people: Sequence[Somebody]
    fleet: Fleet
    verdict: Verdict
    events: tuple[Event, ...] = ()
    numbers: Mapping[Label, int] = field(default_factory=dict)  # of everybody who has or gets one
    strangers: Mapping[int, Sequence[str]] = field(default_factory=dict)  # numbers that nobody gets, and where from
    refusal: str = ""


def adopt(ledger: Ledger, proposal: Proposal, stamp: Stamp) -> Adoption:
    """Propose the events that adopt a fleet.

    :raises IdentityError: the roster or a decision contradicts the ledger, or a band is full.
    """
    check_text("reason", proposal.reason, may_be_empty=True)
    # this also checks the bands, and every name of the roster against the ledger
    whole = Wanted(proposal.profile, proposal.roster, uid_band=proposal.uid_band, group_band=proposal.group_band)
    registration = [event for event in allocate(ledger, whole, stamp).events if isinstance(event, ProfileRegistered)]
    profile = Profile(registration[0]) if registration else ledger.profile(proposal.profile)
    people = everybody(ledger, profile, proposal.roster)
    fleet = Fleet(proposal.surveys, people)
    verdict = judge(ledger, profile, people, fleet, proposal.decisions)
    has = {one.label: one.has for one in people if one.has is not None}
    spent = _spent(ledger, profile, fleet, proposal.decisions, verdict)
    found = Adoption(profile, people, fleet, verdict, (), {**has, **verdict.keep}, spent, _refusal(proposal, verdict))
    if verdict.clashes:
        waiting = _waiting(fleet, verdict)
        return dataclasses.replace(found, strangers={key: spent[key] for key in spent if key not in waiting})
    groups = [
        GroupIssued(profile.id, label[1], number, stamp)
        for label, number in sorted(verdict.keep.items())
        if label[0] == GROUP
    ]
    draft = _draft(ledger, profile, groups, spent, stamp)
    allocation = allocate(draft, _wanted(profile.id, people, verdict), stamp)
    numbers = {
        **found.numbers,
        **{(USER, name): number for name, number in allocation.uids.items()},
        **{(GROUP, name): number for name, number in allocation.gids.items()},
    }
    renumbered = list(_renumbered(profile, people, fleet, numbers, proposal.reason, stamp))
    moved = {event.was for event in renumbered}
    strangers = {number: where for number, where in spent.items() if number not in moved}
    events = [*groups, *allocation.events, *renumbered]
    events += _withheld_elsewhere(ledger, profile, people, fleet, numbers, proposal.reason, stamp)
    events += [
        NumberWithheld(profile.id, number, proposal.reason or _evidence(where), stamp)
        for number, where in strangers.items()
    ]
    if events:
        events = [*registration, *events]
    return dataclasses.replace(
        found, numbers=numbers, strangers=strangers, events=() if found.refusal else tuple(events)
    )


def _refusal(proposal: Proposal, verdict: Verdict) -> str:
    """Why nothing may be adopted; empty when it may."""
    if verdict.clashes:
        clashes = in_one_sentence([clash.text for clash in verdict.clashes], SHOWN_PROBLEMS)
        many = len(verdict.clashes)
        return (
            f"Nothing is adopted before {'a clash is' if many == 1 else f'{many} clashes are'} settled: {clashes}; put"
            " an end to each on the hosts, or settle it with an entry in decisions."
        )
    gaps = proposal.surveys.gaps
    if gaps and not proposal.incomplete:
        told = in_one_sentence([f"{shown(host)}: {_plain(gaps[host][0])}" for host in sorted(gaps)], SHOWN_PROBLEMS)
        return (
            f"Nothing is adopted, because not everything is known of {len(gaps)} of {len(proposal.surveys.hosts)}"
            f" hosts ({told}): a number that is in use there could be given to somebody else; survey them again, or set"
            " incomplete if you know that they have no accounts and no homes of people."
        )
    return ""


def _spent(
    ledger: Ledger, profile: Profile, fleet: Fleet, decisions: Decisions, verdict: Verdict
) -> dict[int, Sequence[str]]:
    """The numbers of the bands that are seen somewhere, or withheld by a decision, and are nobody's in the ledger."""
    kept = set(verdict.keep.values())
    return {
        number: sorted(fleet.seen[number]) if number in fleet.seen else ["a decision"]
        for number in sorted({*fleet.seen, *decisions.withheld})
        if (number in profile.uid_band or number in profile.group_band)
        and number not in ledger.numbers
        and number not in kept
    }


def _waiting(fleet: Fleet, verdict: Verdict) -> set[int]:
    """The numbers of which nobody can say yet whose they are."""
    labels = {label for clash in verdict.clashes for label in clash.labels}
    numbers = {clash.number for clash in verdict.clashes if clash.number is not None}
    return numbers.union(*(fleet.numbers[label].keys() | fleet.homes[label].keys() for label in labels))


def _draft(
    ledger: Ledger, profile: Profile, groups: Sequence[GroupIssued], spent: Mapping[int, Sequence[str]], stamp: Stamp
) -> Ledger:
    """The ledger with the numbers that nobody new may get, and with the groups that keep theirs."""
    numbers: dict[int, Holder] = dict(ledger.numbers)
    numbers.update((number, NumberWithheld(profile.id, number, "", stamp)) for number in spent)
    numbers.update((event.gid, event) for event in groups)
    drafted = dataclasses.replace(profile, groups={**profile.groups, **{event.name: event for event in groups}})
    return dataclasses.replace(ledger, numbers=numbers, profiles={**ledger.profiles, profile.id: drafted})


def _wanted(profile: str, people: Sequence[Somebody], verdict: Verdict) -> Wanted:
    """Numbers for whoever keeps one and for whoever needs another one; the others are left to uid_allocation."""
    concerned = [one for one in people if one.label in verdict.keep or one.label in verdict.renumber]
    entries = [RosterEntry(one.name, one.subject) for one in concerned if one.kind == USER]
    groups = [one.name for one in concerned if one.kind == GROUP and one.label in verdict.renumber]
    uids = {name: number for (kind, name), number in sorted(verdict.keep.items()) if kind == USER}
    return Wanted(profile, Roster(tuple(entries)), tuple(groups), uids=uids)


def _renumbered(
    profile: Profile,
    people: Sequence[Somebody],
    fleet: Fleet,
    numbers: Mapping[Label, int],
    reason: str,
    stamp: Stamp,
) -> Iterator[Renumbered]:
    """What people had elsewhere, unless no host can tell their files from somebody else's."""
    for one in people:
        if one.kind != USER or one.guest or one.label not in numbers:
            continue
        for was in sorted(fleet.numbers[one.label]):
            if was != numbers[one.label] and was not in one.former and fleet.is_alone(one, was):
                yield Renumbered(profile.id, one.subject, was, numbers[one.label], reason, stamp)


def _withheld_elsewhere(
    ledger: Ledger,
    profile: Profile,
    people: Sequence[Somebody],
    fleet: Fleet,
    numbers: Mapping[Label, int],
    reason: str,
    stamp: Stamp,
) -> Iterator[NumberWithheld]:
    """Numbers that people of this profile shared with others, and that another profile could give out."""
    theirs = {
        was: one
        for one in people
        if one.kind == USER and not one.guest and one.label in numbers
        for was in fleet.numbers[one.label]
        if was != numbers[one.label] and not fleet.is_alone(one, was) and was not in ledger.numbers
    }
    for was in sorted(theirs):
        for other in ledger.profiles.values():
            if other.id != profile.id and was in other.uid_band:
                yield NumberWithheld(other.id, was, reason or _evidence(sorted(fleet.seen[was])), stamp)


def _evidence(where: Sequence[str]) -> str:
    more = f" and {len(where) - 1} more" if len(where) > 1 else ""
    return f"{where[0]}{more}"[:LONGEST_TEXT]


def _plain(text: str) -> str:
    """A text from a host as one printable line."""
    return ascii(text)[1:-1][:200]
