# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo concludes from what the hosts say."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import first_choice_uid, parse_band
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.demo.account import PROFILE
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.demo.checks import check_numbers, same, table
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.demo.lab import (
    COLLIDING,
    EXPECTED,
    HOSTS,
    SELECTIONS,
    SOURCE,
    roster_with_keys,
)
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.errors import FleetError

PEOPLE = sorted({person for people in EXPECTED.values() for person in people})
RIGHT = {
    person: {host: 5000 + number for host in EXPECTED if person in EXPECTED[host]}
    for number, person in enumerate(PEOPLE)
}


def test_right_numbers_pass() -> None:
    check_numbers(RIGHT)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"alice": {**RIGHT["alice"], "base-1": 5999}}, "alice has more than one number"),
        ({"sam": dict.fromkeys(RIGHT["sam"], RIGHT["alice"]["base-1"])}, "share the number"),
        ({"clara": {"python-ml-1": 5900}}, "r-research-1 has accounts for alice, carol, sam instead of"),
        (
            {"bob": dict.fromkeys(EXPECTED, 5900)},
            "r-research-1 has accounts for alice, bob, carol, clara, sam instead of",
        ),
    ],
)
def test_wrong_numbers_are_refused(wrong: dict[str, dict[str, int]], reason: str) -> None:
    with pytest.raises(FleetError, match=reason):
        check_numbers({**RIGHT, **wrong})


def test_answers_that_differ_are_refused() -> None:
    assert same("the home", {"a": "/home/x", "b": "/home/x"}) == "/home/x"
    with pytest.raises(FleetError, match="the home should be the same everywhere: a says '/home/x', b says '/x'"):
        same("the home", {"a": "/home/x", "b": "/x"})


def test_the_table_tells_who_is_where() -> None:
    found = {"alice": {"h1": 5238, "base-1": 5238}, "bob": {"h1": 5831}}
    assert table(found, ["h1", "base-1"]) == [
        "person  h1    base-1",
        "alice   5238  5238",
        "bob     5831  -",
    ]


def test_the_two_who_collide_do_collide() -> None:
    band = parse_band("5000-5999")
    assert len({first_choice_uid(PROFILE, person, band) for person in COLLIDING}) == 1


def test_the_lab_speaks_of_its_own_people_and_hosts() -> None:
    roster = yaml.safe_load((SOURCE / "roster.yml").read_text(encoding="utf-8"))
    people = [person["username"] for person in roster]
    assert set(PEOPLE) < set(people)
    assert set(EXPECTED) == {host.name for host in HOSTS} > set(SELECTIONS)
    keyed = roster_with_keys(roster, {name: f"ssh-ed25519 {name}" for name in people})
    assert keyed[0] == {**roster[0], "keys": ["ssh-ed25519 alice"]}
