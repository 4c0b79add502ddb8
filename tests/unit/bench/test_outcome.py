# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a contender that did its work badly is found out."""

from __future__ import annotations

from typing import Any

import pytest
from benchlib.outcome import expected, problems, shorten
from benchlib.people import make_people

PEOPLE = make_people(3)


def good() -> dict[str, dict[str, Any]]:
    return {person.name: expected(person, person.uid) for person in PEOPLE}


def test_what_was_asked_for_is_no_problem() -> None:
    assert problems(PEOPLE, good(), numbers_given=True) == []


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("uid", 1),
        ("gid", 100),
        ("private_gid", None),
        ("gecos", ""),
        ("home", "/"),
        ("shell", "/bin/sh"),
        ("home_owner", [0, 0]),
        ("groups", ["research"]),
        ("keys", []),
        ("beside", ["sudo"]),
    ],
)
def test_every_attribute_counts(attribute: str, value: object) -> None:
    seen = good()
    seen["person0001"][attribute] = value
    (wrong,) = problems(PEOPLE, seen, numbers_given=True)
    assert wrong.startswith(f"person0001: {attribute} is {value!r}, not ")


def test_missing_and_unknown_people_are_named() -> None:
    seen = good()
    seen["mallory"] = seen.pop("person0002")
    assert problems(PEOPLE, seen, numbers_given=True) == [
        "mallory is there and nobody asked for it",
        "person0002 is missing",
    ]


def test_chosen_numbers_have_to_be_distinct_and_consistent() -> None:
    seen = {person.name: expected(person, 5000 + index) for index, person in enumerate(PEOPLE)}
    assert problems(PEOPLE, seen, numbers_given=False) == []
    seen["person0002"] = expected(PEOPLE[2], 5000)
    assert problems(PEOPLE, seen, numbers_given=False) == ["person0002 has the number 5000 of person0000"]


def test_many_problems_are_counted() -> None:
    assert shorten([str(number) for number in range(8)]) == "0; 1; 2; 3; 4, and 3 more"
