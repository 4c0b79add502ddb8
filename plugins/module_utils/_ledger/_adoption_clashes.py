# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps which number when a fleet is adopted, and what a person has to decide (private, pure; controller).

A clash is what has to be decided by a person; nothing is guessed. Where nothing can be chosen, for example because a
number is in no band, nothing is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import NEW_NUMBER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import GROUP, USER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import (
    first_of,
    in_words,
    shown,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import Decisions
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_people import (
        Fleet,
        Label,
        Somebody,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Profile

__all__ = ["Clash", "Verdict", "judge"]


@dataclass(frozen=True)
class Clash:
    """What only a person can decide, in words, and the decisions that would settle it."""

    kind: str
    number: int | None
    labels: Sequence[Label]  # of the people and groups that wait for it
    text: str
    settle: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Verdict:
    """Who keeps a number and who gets another one, and the clashes that are open."""

    keep: Mapping[Label, int] = field(default_factory=dict)  # of those who have none in the ledger
    renumber: Mapping[Label, str] = field(default_factory=dict)  # who have none in the ledger, and why
    new: Sequence[Somebody] = ()  # whom no host knows
    clashes: Sequence[Clash] = ()


def judge(ledger: Ledger, profile: Profile, people: Sequence[Somebody], fleet: Fleet, decisions: Decisions) -> Verdict:
    """Say of everybody what becomes of their number.

    :raises IdentityError: a decision cannot be carried out.
    """
    return _Judge(ledger, profile, people, fleet, decisions).verdict()


class _Judge:
    """The work of judge()."""

    def __init__(
        self, ledger: Ledger, profile: Profile, people: Sequence[Somebody], fleet: Fleet, decisions: Decisions
    ) -> None:
        self._ledger = ledger
        self._profile = profile
        self._people = people
        self._known = {one.label: one for one in people}
        self._named = {(one.kind, name): one.label for one in people for name in one.names}
        self._fleet = fleet
        self._withheld = decisions.withheld
        self._decided: dict[Label, int] = {}
        for kind, decided in ((USER, decisions.users), (GROUP, decisions.groups)):
            for name, number in decided.items():
                self._decided[self._label(kind, name)] = number
        for number in decisions.withheld:
            self._check_withheld(number)

    def verdict(self) -> Verdict:
        clashes = list(self._number_clashes())
        keep: dict[Label, int] = {}
        renumber: dict[Label, str] = {}
        new = []
        for one in self._people:
            numbers, homes = self._numbers(one), self._homes(one)
            if one.label in self._decided:
                number = self._decided[one.label]
                self._check_decision(one, number)
            else:
                clashes += self._clashes_of(one)
                usable = sorted(number for number in numbers if self._usable(number, one))
                number = usable[0] if len(usable) == 1 else NEW_NUMBER
            if one.has is not None:
                continue
            if one.label not in self._decided and not numbers and not homes:
                new.append(one)
            elif number == NEW_NUMBER:
                renumber[one.label] = self._why_not(one, numbers)
            else:
                keep[one.label] = number
        return Verdict(keep, renumber, new, clashes)

    def _label(self, kind: str, name: str) -> Label:
        if (kind, name) in self._named:
            return self._named[kind, name]
        raise IdentityError(
            f"A decision is about the {'person' if kind == USER else 'group'} {quoted(name)}, whom neither the roster"
            f" nor the profile {self._profile.id} of the ledger knows: correct it."
        )

    def _numbers(self, one: Somebody) -> dict[int, set[str]]:
        """The numbers that somebody has on hosts, but for those that the ledger knows of."""
        return {number: hosts for number, hosts in self._fleet.numbers[one.label].items() if number not in one.former}

    def _homes(self, one: Somebody) -> dict[int, set[str]]:
        return {number: where for number, where in self._fleet.homes[one.label].items() if number not in one.former}

    def _usable(self, number: int, one: Somebody) -> bool:
        return number in one.band and number not in self._ledger.numbers and number not in self._withheld

    def _check_withheld(self, number: int) -> None:
        if number not in self._profile.uid_band and number not in self._profile.group_band:
            raise IdentityError(
                f"A decision withholds {number}, which is in no band of the profile {self._profile.id}"
                f" ({self._profile.uid_band}, groups {self._profile.group_band}), so nobody gets it: remove it."
            )
        for one in self._people:
            if one.has == number:
                raise IdentityError(
                    f"A decision withholds {number}, but the ledger has it for {one.name}, and it stays: remove it."
                )

    def _check_decision(self, one: Somebody, number: int) -> None:
        if number in (NEW_NUMBER, one.has):
            return
        if one.has is not None:
            raise IdentityError(
                f"A decision lets {one.name} keep {number}, but the ledger has {one.has} for them, which stays: write"
                f" 'keep: {one.has}' or 'renumber: true'."
            )
        if number not in one.band:
            raise IdentityError(
                f"A decision lets {one.name} keep {number}, which is outside the band {one.band}: write"
                " 'renumber: true', or adopt with a band that holds it."
            )
        if number not in self._numbers(one) and number not in self._homes(one):
            raise IdentityError(
                f"A decision lets {one.name} keep {number}, but no host has that number for them: correct it."
            )
        if number in self._ledger.numbers:
            raise IdentityError(
                f"A decision lets {one.name} keep {number}, but the ledger has that number for somebody else or"
                " withholds it: write 'renumber: true'."
            )

    def _why_not(self, one: Somebody, numbers: Mapping[int, set[str]]) -> str:
        if one.label in self._decided:
            return "decided"
        outside = sorted(number for number in numbers if number not in one.band)
        if len(outside) == len(numbers):
            return f"outside the band {one.band}"
        return "withheld"

    # -- one number, several names

    def _number_clashes(self) -> Iterator[Clash]:
        """Every number that somebody known and anybody else have, on one host or on two."""
        holders: dict[int, list[Somebody]] = {}
        for one in self._people:
            if one.has is not None:
                holders.setdefault(one.has, []).append(one)
        keepers: dict[int, list[Label]] = {}
        for label, number in self._decided.items():
            keepers.setdefault(number, []).append(label)
        for number in sorted(self._fleet.claims):
            held = holders.get(number, [])
            bands = self._profile.uid_band, self._profile.group_band
            if not held and not any(number in band for band in bands):
                continue
            claims = {
                label: hosts
                for label, hosts in self._fleet.claims[number].items()
                if label not in self._known or number not in self._known[label].former
            }
            labels = {*claims, *(one.label for one in held), *keepers.get(number, ())}
            open_ones = self._undecided(labels, {one.label for one in held})
            if len(labels) > 1 and open_ones and number not in self._withheld:
                yield self._shared_number(number, claims, held, open_ones)

    def _undecided(self, labels: set[Label], holders: set[Label]) -> list[Somebody]:
        """Who of those that share a number has no decision yet, and needs one."""
        waiting = {label for label in labels if label in self._known and label not in self._decided}
        # when all others are known and leave, the one who has the number in the ledger simply stays
        if waiting <= holders and all(label in self._known for label in labels):
            return []
        return [self._known[label] for label in sorted(waiting)]

    def _shared_number(
        self, number: int, claims: Mapping[Label, set[str]], held: Sequence[Somebody], open_ones: Sequence[Somebody]
    ) -> Clash:
        sides = [f"{_whom(label)} on {in_words(hosts)}" for label, hosts in sorted(claims.items())]
        sides += [f"{_whom(one.label)} in the ledger" for one in held]
        settle: list[dict[str, Any]] = []
        for one in open_ones:
            is_theirs = number in self._numbers(one) or number in self._homes(one)
            if one.has == number or (one.has is None and is_theirs and self._usable(number, one)):
                settle.append({one.option: one.name, "keep": number})
            settle.append({one.option: one.name, "renumber": True})
        if not held:
            settle.append({"uid": number, "withhold": True})
        labels = [one.label for one in open_ones]
        return Clash("shared_number", number, labels, f"{number} is the number of {'; '.join(sides)}", settle)

    # -- one person or group

    def _clashes_of(self, one: Somebody) -> Iterator[Clash]:
        numbers, homes = self._numbers(one), self._homes(one)
        ways = self._ways(one, [*numbers, *homes])
        if one.has is not None:
            yield from self._drift(one, numbers, ways)
        elif len(numbers) > 1 and any(self._usable(number, one) for number in numbers):
            yield Clash("two_numbers", None, [one.label], f"{_whom(one.label)} has {_list(numbers)}", ways)
        owners = {number: where for number, where in homes.items() if number not in numbers and number != one.has}
        if owners and (numbers or one.has is not None):
            has = _list(numbers) if numbers else f"{one.has} in the ledger"
            text = f"{_whom(one.label)} has {has}, but a home that belongs to {_owners(owners)}"
            yield Clash("home_owner", None, [one.label], text, ways)
        elif owners:
            text = f"{_whom(one.label)} has no account, but a home that belongs to {_owners(owners)}"
            yield Clash("home_without_account", None, [one.label], text, ways)
        if self._fleet.links[one.label]:
            text = f"the home of {one.name} is a link that is not root's: {first_of(self._fleet.links[one.label])}"
            yield Clash("home_is_a_link", None, [one.label], text, ways)
        for number in sorted(numbers):
            # a number that was given out again after somebody left, for example
            homes_of_others = self._fleet.other_homes[number]
            if homes_of_others and self._usable(number, one):
                text = f"{_whom(one.label)} has {number}, to which {first_of(homes_of_others)} belongs as well"
                yield Clash("other_home", number, [one.label], text, ways)
            # in a band this is a clash of the number already
            others = self._fleet.others(one, number)
            if others and number not in one.band:
                text = (
                    f"{_whom(one.label)} and {in_words(others)} have one number, {number}, on"
                    f" {in_words(host for hosts in others.values() for host in hosts)}, so their files cannot be told"
                    " apart"
                )
                yield Clash("shared_on_host", number, [one.label], text, ways)

    def _drift(self, one: Somebody, numbers: Mapping[int, set[str]], ways: list[dict[str, Any]]) -> Iterator[Clash]:
        others = {
            number: hosts for number, hosts in numbers.items() if number != one.has and number not in self._withheld
        }
        if one.kind == GROUP:
            # what was decided about a group leaves no trace but that its former number is withheld
            others = {number: hosts for number, hosts in others.items() if self._usable(number, one)}
        if others:
            text = f"{_whom(one.label)} has {one.has} in the ledger, but {_list(others)}"
            yield Clash("drift", None, [one.label], text, ways)

    def _ways(self, one: Somebody, numbers: Sequence[int]) -> list[dict[str, Any]]:
        ways: list[dict[str, Any]] = [
            {one.option: one.name, "keep": number}
            for number in sorted(set(numbers))
            if one.has is None and self._usable(number, one) and not self._fleet.claims[number].keys() - {one.label}
        ]
        return [*ways, {one.option: one.name, "renumber": True}]


def _whom(label: Label) -> str:
    return shown(label[1]) if label[0] == USER else f"the group {shown(label[1])}"


def _list(numbers: Mapping[int, set[str]]) -> str:
    return " and ".join(f"{number} on {in_words(hosts)}" for number, hosts in sorted(numbers.items()))


def _owners(homes: Mapping[int, set[str]]) -> str:
    return " and ".join(f"{number} ({first_of(where)})" for number, where in sorted(homes.items()))
