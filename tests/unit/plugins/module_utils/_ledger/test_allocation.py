# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which numbers are issued: laws that hold for every roster, and the cases a person would ask about."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER, fold
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    first_choice_uid,
    forbidden_owner,
    parse_band,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    issue,
    ledger_of,
    profile,
    roster,
    user,
    wanted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "first_choice_uid.json").read_text(encoding="utf-8"))
PEOPLE = [f"user{number}" for number in range(1, 201)]
GROUPS = ["research", "genomics", "imaging", "stats"]


def refusal(events: list[Event], asked: Wanted) -> str:
    with pytest.raises(IdentityError) as caught:
        allocate(ledger_of(events) if events else EMPTY_LEDGER, asked, STAMP)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_golden_numbers() -> None:
    allocation = issue([], ["alice", "bob"], name="personal-research", groups=("research",))[1]
    assert allocation.uids == {"alice": 5238, "bob": 5831}
    assert allocation.gids == {"research": 4265}
    allocation = issue([], ["alice"], "wide", name="lab-shared")[1]
    assert allocation.uids == {"alice": 82043}


def test_golden_collisions_are_settled_by_name() -> None:
    allocation = issue([], PEOPLE, name="lab-shared")[1]
    assert len(set(allocation.uids.values())) == 200
    for one, two, first in VECTORS["colliding_pairs_in_lab-shared_user1_to_user200"]:
        early, late = sorted((one, two))
        if not any(uid == first and name not in (one, two) for name, uid in allocation.uids.items()):
            assert allocation.uids[early] == first
        assert allocation.uids[late] > first


def test_two_hundred_names_in_two_orders_have_the_same_numbers() -> None:
    assert issue([], PEOPLE)[1].uids == issue([], reversed(PEOPLE))[1].uids


def named(first: int, band: str) -> Iterator[str]:
    """Names, without end, whose first choice in the band is this number."""
    return (
        name
        for name in map("x{}".format, itertools.count())
        if first_choice_uid("lab", name, parse_band(band)) == first
    )


def test_the_band_wraps_and_fills_to_the_last_number() -> None:
    band = "5990-5999"
    names = list(itertools.islice(named(5999, band), 11))
    events, allocation = issue([], names[:10], band)
    assert [allocation.uids[name] for name in sorted(names[:10])] == [5999, *range(5990, 5999)]
    message = refusal(events, wanted(names, band))
    assert "needs numbers for 1 more people, but its band 5990-5999 has 0 left of 10" in message
    assert "nothing was written" in message


def test_a_retired_number_is_not_issued_again() -> None:
    events, before = issue([], ["alice"])
    # whoever asks for the same number comes later, when alice is in no roster any more
    clash = next(named(before.uids["alice"], "5000-5999"))
    after = issue(events, [clash])[1]
    assert after.uids == {clash: before.uids["alice"] + 1}


def test_who_is_absent_gets_no_number_and_keeps_the_one_they_have() -> None:
    nobody = Wanted("lab", roster("alice", state="absent"))
    allocation = allocate(EMPTY_LEDGER, nobody, STAMP)
    assert allocation.uids == {}
    assert [type(event) for event in allocation.events] == [ProfileRegistered]
    events, issued = issue([], ["alice"])
    again = allocate(ledger_of(events), nobody, STAMP)
    assert (again.uids, again.events) == (issued.uids, ())
    disabled = allocate(EMPTY_LEDGER, Wanted("lab", roster("alice", state="disabled")), STAMP)
    assert disabled.uids == issued.uids


def test_groups_of_people_and_of_the_option_get_numbers() -> None:
    people = Roster((RosterEntry("alice", "alice", groups=("genomics",)), RosterEntry("bob", "bob", groups=("stats",))))
    allocation = allocate(EMPTY_LEDGER, Wanted("lab", people, ("research", "genomics")), STAMP)
    assert list(allocation.gids) == ["research", "genomics", "stats"]
    assert all(4000 <= gid <= 4999 for gid in allocation.gids.values())
    assert [type(event) for event in allocation.events] == [ProfileRegistered, *[GroupIssued] * 3, *[UserIssued] * 2]


@pytest.mark.parametrize(
    ("before", "asked", "band"),
    [
        ([], "", "5000-5999"),
        ([profile()], "", "6000-6999"),
        ([profile(), profile("b", "7000-7999")], "", "6000-6999"),
        ([profile("a", "5900-6100")], "", "7000-7999"),
        ([profile()], "wide", "65536-99999"),
        ([profile("a", "wide")], "", "5000-5999"),
    ],
)
def test_bands_of_new_profiles(before: list[Event], asked: str, band: str) -> None:
    allocation = allocate(ledger_of(before), wanted([], asked, "new"), STAMP)
    assert str(allocation.uid_band) == band
    assert str(allocation.group_band) == "4000-4999"


def test_default_bands_end_before_the_claimed_numbers() -> None:
    events: list[Event] = []
    for number in range(55):
        events, allocation = issue(events, [], name=f"p{number}")
        assert str(allocation.uid_band) == f"{5000 + number * 1000}-{5999 + number * 1000}"
    assert "name a band for it" in refusal(events, wanted([], name="one-more"))


@pytest.mark.parametrize(
    ("before", "asked", "reason"),
    [
        ([profile()], wanted([], "6000-6999"), "has the UID band 5000-5999 in the ledger, not 6000-6999"),
        (
            [profile()],
            Wanted("lab", roster(), (), None, parse_band("4000-4100")),
            "has the group band 4000-4999 in the ledger, not 4000-4100",
        ),
        ([profile()], wanted([], "5999-6100", "new"), "5999-6100 for the new profile new overlaps 5000-5999 of"),
        (
            [profile("a", "7000-7999", "6000-6100")],
            wanted([], "6100-6200", "new"),
            "6100-6200 for the new profile new overlaps 6000-6100 of the profile a",
        ),
        (
            [profile()],
            Wanted("new", roster(), (), None, parse_band("5000-5100")),
            "5000-5100 for the new profile new overlaps 5000-5999",
        ),
        (
            [],
            Wanted("new", roster(), (), parse_band("6000-6100"), parse_band("6100-6200")),
            "UID band 6000-6100 and the group band 6100-6200 of the profile new overlap",
        ),
        ([], wanted([], "60000-60600"), "numbers of systemd-homed"),
        ([], wanted([], "1000-2000"), "numbers of local users"),
        ([], Wanted("new", roster(), (), None, parse_band("1000-2000")), "group band 1000-2000 overlaps"),
        ([], wanted([], name="a:b"), "profile id 'a:b' is not valid"),
        ([], wanted([], groups=("docker",)), "'docker' belongs to the system"),
        ([], wanted(["alice"], groups=("alice",)), "the group alice has the name of a person"),
        ([profile(), user("alice", 5238)], wanted([], groups=("alice",)), "the group alice has the name of a person"),
        (
            [profile(), user("alice", 5238, "a@x")],
            Wanted("lab", Roster((RosterEntry("alicia", "a@x"),))),
            "the subject 'a@x' has 5238 as alice, and the roster calls them alicia",
        ),
        (
            [profile(), user("alice", 5238, "a@x")],
            Wanted("lab", Roster((RosterEntry("alice", "a@y"),))),
            "the username alice belongs to the subject 'a@x' with 5238, and the roster gives it to 'a@y'",
        ),
        (
            [profile(), user("alice", 5238, "a@x")],
            Wanted("lab", roster("alice", state="absent")),
            "the username alice belongs to the subject 'a@x'",
        ),
    ],
)
def test_what_is_refused(before: list[Event], asked: Wanted, reason: str) -> None:
    assert reason in refusal(before, asked)


def test_a_group_band_that_is_full_is_refused() -> None:
    asked = Wanted("lab", roster(), ("a", "b", "c"), None, parse_band("4000-4001"))
    assert "needs numbers for 3 more groups, but its band 4000-4001 has 2 left of 2" in refusal([], asked)


def test_a_name_that_became_a_group_is_no_persons_name() -> None:
    events = issue([], [], groups=("research",))[0]
    assert "research is the name of a shared group" in refusal(events, wanted(["research"]))


def test_a_hundred_thousand_people_and_their_exhaustion() -> None:
    names = [f"p{number}" for number in range(100_000)]
    band = "2000200000-2000299999"
    begin = time.process_time()
    allocation = allocate(EMPTY_LEDGER, wanted(names, band), STAMP)
    assert set(allocation.uids.values()) == set(range(2000200000, 2000300000))
    ledger = fold(parse_ledger(format_ledger(Written(), allocation.events)))
    again = allocate(ledger, wanted(names, band), STAMP)
    assert (again.uids, again.events) == (allocation.uids, ())
    # far above what it takes, far below what a quadratic search would
    assert time.process_time() - begin < 30
    assert "100000 more people, but its band 5000-5999 has 1000 left" in refusal([], wanted(names))


NAMES = st.lists(st.sampled_from(PEOPLE), max_size=40, unique=True)
BANDS = st.sampled_from(["5000-5039", "5000-5999", "65536-65600", "59960-60000", "65520-65533"])


@given(NAMES.flatmap(lambda names: st.tuples(st.just(names), st.permutations(names))), BANDS)
def test_a_batch_does_not_depend_on_its_order(both: tuple[list[str], list[str]], band: str) -> None:
    if len(both[0]) > parse_band(band).size:
        for names in both:
            assert f"its band {band} has" in refusal([], wanted(names, band))
    else:
        one, two = (issue([], names, band)[1] for names in both)
        assert one.uids == two.uids
        assert one.events == two.events


FLEET_BANDS = {"lab": "5000-5049", "other": "59960-60000"}


class Fleet(RuleBasedStateMachine):
    """Rosters come and go in two profiles; what is said of numbers must hold all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.ever: dict[tuple[str, str], int] = {}

    @rule(name=st.sampled_from(["lab", "other"]), names=NAMES, groups=st.lists(st.sampled_from(GROUPS), unique=True))
    def run(self, name: str, names: list[str], groups: list[str]) -> None:
        known = [person for kind, person in self.ever if kind == name]
        room = parse_band(FLEET_BANDS[name]).size - len(known)
        new = [person for person in names if (name, person) not in self.ever]
        if len(new) > room:
            message = refusal(self.events, wanted(names, FLEET_BANDS[name], name))
            assert f"for {len(new)} more people" in message
            assert f"has {room} left" in message
            return
        before = list(self.events)
        self.events, allocation = issue(self.events, names, FLEET_BANDS[name], name, tuple(groups))
        assert self.events[: len(before)] == before
        assert set(allocation.uids) == set(names)
        for person, uid in allocation.uids.items():
            assert self.ever.setdefault((name, person), uid) == uid
        for group, gid in allocation.gids.items():
            assert self.ever.setdefault((f"group of {name}", group), gid) == gid
        repeated = allocate(ledger_of(self.events), wanted(names, FLEET_BANDS[name], name, tuple(groups)), STAMP)
        assert (repeated.uids, repeated.gids, repeated.events) == (allocation.uids, allocation.gids, ())

    @invariant()
    def numbers_are_distinct_and_allowed(self) -> None:
        assert len(set(self.ever.values())) == len(self.ever)
        for (kind, _name), number in self.ever.items():
            assert forbidden_owner(number) is None
            assert number in parse_band(FLEET_BANDS.get(kind, "4000-4999"))

    @invariant()
    def the_ledger_says_what_was_issued(self) -> None:
        if self.events:
            assert set(ledger_of(self.events).numbers) == set(self.ever.values())


Fleet.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestFleet = Fleet.TestCase
