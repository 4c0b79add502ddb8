# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened in a campaign, and whether it may have happened.

This is not the ledger's code and uses none of it. It knows what was promised to whom and when, what was seen when, and
what the books say at the end; and a few plain truths about numbers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

# Numbers that others claim on the hosts of a fleet: both ends belong to a range.
FORBIDDEN = (
    (0, 3999),
    (60001, 60705),
    (61184, 65519),
    (65534, 65535),
    (100000, 2000200000 - 1),
    (2147352576, 1 << 40),
)


class Owner(NamedTuple):
    """Who or what can have a number: a person by subject, a shared group by name."""

    profile: str
    kind: str  # user or group
    key: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key} of {self.profile}"


class Number(NamedTuple):
    """One number of one owner."""

    owner: Owner
    number: int


@dataclass(frozen=True)
class Entry:
    """A number as the books have it."""

    owner: Owner
    name: str
    number: int


@dataclass(frozen=True)
class Book:
    """A ledger as anybody can read it."""

    bands: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # by profile and kind
    entries: Sequence[Entry] = ()

    @property
    def numbers(self) -> set[Number]:
        """Every number with its owner."""
        return {Number(entry.owner, entry.number) for entry in self.entries}


@dataclass(frozen=True)
class Verdict:
    """How many owners were asked for and answered, and every fault that was found, as a sentence."""

    attempted: int
    acknowledged: int
    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()  # one number for two owners, or two numbers for one
    wrong: tuple[str, ...] = ()  # answers and entries that break another rule

    @property
    def good(self) -> bool:
        """Whether nothing at all was found."""
        return not (self.lost or self.duplicated or self.wrong)


def judge(history: Iterable[Mapping[str, Any]], book: Book) -> Verdict:
    """Find what must not have happened.

    :param history: events of these kinds, each with C(event), C(at) (seconds of one clock for all) and C(writer):
        C(begin) with C(attempt), C(profile) and C(asked), a list of [kind, key];
        C(told) with C(attempt) and C(told), a list of [kind, key, number];
        C(read) with C(began), and C(new) and C(gone), lists of [profile, kind, key, number] against the read before.
        All others are passed over.
    :param book: what the ledger is at the end.
    """
    events = sorted(history, key=lambda event: float(event["at"]))
    asked = _asked(events)
    told, wrong = _told(events, asked)
    lost = _missing_at_the_end(told, events, book) + _missing_in_a_read(told, events)
    every_number = {number for _at, number in told} | book.numbers | set(_seen(events))
    return Verdict(
        attempted=len({owner for batch in asked.values() for owner in batch}),
        acknowledged=len({number.owner for _at, number in told}),
        lost=tuple(dict.fromkeys(lost)),
        duplicated=tuple(_shared(every_number)),
        wrong=(*wrong, *_misplaced(book), *_repeated_names(book)),
    )


def _asked(events: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], list[Owner]]:
    return {
        (event["writer"], event["attempt"]): [Owner(event["profile"], kind, key) for kind, key in event["asked"]]
        for event in events
        if event["event"] == "begin"
    }


def _told(
    events: Iterable[Mapping[str, Any]], asked: Mapping[tuple[str, int], list[Owner]]
) -> tuple[list[tuple[float, Number]], list[str]]:
    """Every acknowledgement with its time, and answers that do not fit what was asked."""
    told: list[tuple[float, Number]] = []
    wrong: list[str] = []
    for event in events:
        if event["event"] != "told":
            continue
        attempt = f"attempt {event['attempt']} of {event['writer']}"
        owners = asked.get((event["writer"], event["attempt"]))
        if not owners:
            wrong.append(f"{attempt} was answered and never begun")
            continue
        answers = {Owner(owners[0].profile, kind, key): int(number) for kind, key, number in event["told"]}
        if answers.keys() != set(owners):
            wrong.append(f"{attempt} asked for {len(set(owners))} and was told {len(answers)}, or others")
        told += [(float(event["at"]), Number(owner, number)) for owner, number in answers.items()]
    return told, wrong


def _seen(events: Iterable[Mapping[str, Any]], what: str = "new") -> list[Number]:
    return [number for event in events if event["event"] == "read" for number in _numbers(event[what])]


def _numbers(listed: Iterable[Sequence[Any]]) -> list[Number]:
    return [Number(Owner(profile, kind, key), int(number)) for profile, kind, key, number in listed]


def _missing_at_the_end(
    told: Iterable[tuple[float, Number]], events: Sequence[Mapping[str, Any]], book: Book
) -> list[str]:
    kept = book.numbers
    lost = [
        f"{owner} was told {number}, which is not in the ledger at the end"
        for owner, number in dict.fromkeys(number for _at, number in told)
        if (owner, number) not in kept
    ]
    lost += [
        f"{owner} was seen with {number}, which is not in the ledger at the end"
        for owner, number in dict.fromkeys(_seen(events))
        if (owner, number) not in kept
    ]
    return lost + [f"{owner} was seen with {number}, and then it was gone" for owner, number in _seen(events, "gone")]


def _missing_in_a_read(told: Sequence[tuple[float, Number]], events: Iterable[Mapping[str, Any]]) -> list[str]:
    """What was acknowledged before a read began must be in it, whoever reads."""
    reads: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event["event"] == "read":
            reads[event["writer"]].append(event)
    lost: list[str] = []
    for reader, own in reads.items():
        seen: set[Number] = set()
        after = 0
        for read in sorted(own, key=lambda event: float(event["began"])):
            seen = (seen | set(_numbers(read["new"]))) - set(_numbers(read["gone"]))
            while after < len(told) and told[after][0] < float(read["began"]):
                owner, number = told[after][1]
                if (owner, number) not in seen:
                    lost.append(f"{owner} was told {number}, and {reader} began to read after that and did not see it")
                after += 1
    return lost


def _shared(numbers: Iterable[Number]) -> list[str]:
    by_number: dict[int, set[Owner]] = defaultdict(set)
    by_owner: dict[Owner, set[int]] = defaultdict(set)
    for owner, number in numbers:
        by_number[number].add(owner)
        by_owner[owner].add(number)
    found = [
        f"{number} went to {len(owners)} owners: {', '.join(sorted(map(str, owners)))}"
        for number, owners in sorted(by_number.items())
        if len(owners) > 1
    ]
    return found + [
        f"{owner} has {len(several)} numbers: {', '.join(map(str, sorted(several)))}"
        for owner, several in sorted(by_owner.items())
        if len(several) > 1
    ]


def _misplaced(book: Book) -> list[str]:
    wrong: list[str] = []
    for entry in book.entries:
        band = book.bands.get((entry.owner.profile, entry.owner.kind))
        if band is None:
            wrong.append(f"{entry.owner} has {entry.number} in a profile without bands")
        elif not band[0] <= entry.number <= band[1]:
            wrong.append(f"{entry.owner} has {entry.number}, outside the band {band[0]}-{band[1]}")
        if any(first <= entry.number <= last for first, last in FORBIDDEN):
            wrong.append(f"{entry.owner} has {entry.number}, which is forbidden")
    people = sorted((band, profile) for (profile, kind), band in book.bands.items() if kind == "user")
    for (one, its), (two, others) in zip(people, people[1:]):
        if two[0] <= one[1]:
            wrong.append(f"the bands of {its} and {others} overlap")
    return wrong


def _repeated_names(book: Book) -> list[str]:
    by_name: dict[tuple[str, str], set[Owner]] = defaultdict(set)
    for entry in book.entries:
        by_name[entry.owner.profile, entry.name].add(entry.owner)
    return [
        f"the name {name} in {profile} is that of {len(owners)} owners: {', '.join(sorted(map(str, owners)))}"
        for (profile, name), owners in sorted(by_name.items())
        if len(owners) > 1
    ]
