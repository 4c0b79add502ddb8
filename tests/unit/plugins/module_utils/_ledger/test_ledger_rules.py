# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a ledger, and what is said when two branches disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import UserIssued
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    AT,
    BY,
    LATER,
    group,
    issue,
    ledger_of,
    profile,
    user,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger

OTHER = profile("other", "6000-6999")


def refusal(events: list[Event]) -> str:
    with pytest.raises(IdentityError) as caught:
        ledger_of(events)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_ledger_is_what_its_events_say() -> None:
    events = [profile(), OTHER, user("alice", 5238), user("alice", 6238, name="other"), group("research", 4265)]
    ledger = ledger_of(events)
    assert set(ledger.profiles) == {"lab", "other"}
    assert ledger.profiles["lab"].by_username["alice"] == user("alice", 5238)
    assert ledger.profiles["other"].by_subject["alice"] == user("alice", 6238, name="other")
    assert ledger.profiles["lab"].groups["research"] == group("research", 4265)
    assert set(ledger.numbers) == {5238, 6238, 4265}
    assert ledger_of([]).profiles == {}


@pytest.mark.parametrize(
    ("events", "reasons"),
    [
        (
            [profile(), user("alice", 5238), user("bob", 5238)],
            ["lines 3 and 4 issue 5238 twice, to alice (lab, 5238) and to bob (lab, 5238)", "delete the other one"],
        ),
        (
            [profile(), user("alice", 5238, "a@x"), user("alice", 5238, "a@y")],
            ["lines 3 and 4 issue 5238 twice", "subject 'a@x'", "subject 'a@y'"],
        ),
        (
            [profile(), user("alice", 5238), user("alice", 5239)],
            ["lines 3 and 4 give one person of the profile lab", "alice (lab, 5238) and alice (lab, 5239)"],
        ),
        (
            [profile(), user("alice", 5238, "a@x"), user("alicia", 5239, "a@x")],
            ["lines 3 and 4 give one person", "alice (lab, 5238, subject 'a@x') and alicia"],
        ),
        (
            [profile(), user("alice", 5238, "a@x"), user("alice", 5239, "a@y")],
            ["lines 3 and 4 give the name alice of the profile lab to two people"],
        ),
        (
            [profile(), group("research", 4265), group("genomics", 4265)],
            ["lines 3 and 4 issue 4265 twice, to the group research (lab, 4265) and to the group genomics"],
        ),
        (
            [profile(), OTHER, group("research", 4265), group("research", 4265, "other")],
            ["lines 4 and 5 issue 4265 twice", "(lab, 4265)", "(other, 4265)"],
        ),
        (
            [profile(), group("research", 4265), group("research", 4266)],
            ["lines 3 and 4 give the group research of the profile lab two numbers, 4265 and 4266"],
        ),
        (
            [profile(), user("alice", 5238), group("alice", 4265)],
            ["lines 3 and 4 call a person and a shared group of the profile lab alice"],
        ),
        ([user("alice", 5238)], ["line 2 issues 5238 in the profile lab, which no line registers"]),
        ([profile(), group("research", 4265, "x")], ["line 3 issues 4265 in the profile x, which no line registers"]),
        ([profile(), user("alice", 6238)], ["line 3 issues 6238, which is outside the UID band 5000-5999"]),
        ([profile(), user("root2", 0)], ["line 3 issues 0, which is outside the UID band"]),
        ([profile(), group("research", 5265)], ["line 3 issues 5265, which is outside the group band 4000-4999"]),
        (
            [profile(), profile("other", "5900-6900")],
            ["lines 2 and 3 overlap: 5000-5999 is the UID band of the profile lab, and 5900-6900"],
        ),
        (
            [profile(), profile("other", "7000-7999", "5000-5100")],
            ["lines 2 and 3 overlap: 5000-5999 is the UID band of the profile lab, and 5000-5100 a band of other"],
        ),
        ([profile("lab", "5000-5999", "5500-5600")], ["line 2 overlap"]),
        (
            [profile(), profile("lab", "6000-6999")],
            ["lines 2 and 3 register the profile lab with different bands (5000-5999", "6000-6999 with groups"],
        ),
        ([profile("lab", "5000-60001")], ["line 2 cannot be accepted", "systemd-homed"]),
        ([profile("lab", "100-200")], ["line 2 cannot be accepted", "the system's own accounts"]),
        ([profile("lab", "5000-5999", "1000-1999")], ["line 2 cannot be accepted", "local users and groups"]),
    ],
)
def test_conflicts_name_both_lines(events: list[Event], reasons: list[str]) -> None:
    message = refusal(events)
    for reason in reasons:
        assert reason in message


def test_several_conflicts_are_named_together_and_many_are_counted() -> None:
    events = [profile(), *(user(f"p{n}", 5000 + n) for n in range(15)), *(user(f"q{n}", 5000 + n) for n in range(15))]
    message = refusal(events)
    assert "lines 3 and 18 issue 5000 twice" in message
    assert "lines 12 and 27 issue 5009 twice" in message
    assert "5010" not in message
    assert message.endswith("; and 5 more.")


def test_groups_of_two_profiles_may_share_a_band() -> None:
    ledger = ledger_of([profile(), OTHER, group("research", 4265), group("research", 4266, "other")])
    assert ledger.profiles["other"].groups["research"] == group("research", 4266, "other")


def test_two_branches_that_say_the_same_agree_and_the_earliest_counts() -> None:
    first = [profile(), user("alice", 5238), group("research", 4265)]
    second = [profile(stamp=LATER), user("alice", 5238, stamp=LATER), group("research", 4265, stamp=LATER)]
    for events in ([*first, *second], [*second, *first], [*second, *first, *first]):
        ledger = ledger_of(events)
        assert (ledger.profiles["lab"].registered.stamp.at, ledger.profiles["lab"].registered.stamp.by) == (AT, BY)
        assert ledger.profiles["lab"].by_username["alice"] == user("alice", 5238)
        assert ledger.profiles["lab"].by_subject["alice"] == user("alice", 5238)
        assert ledger.profiles["lab"].groups["research"] == group("research", 4265)
        assert ledger.numbers[5238] == user("alice", 5238)
        assert ledger.numbers[4265] == group("research", 4265)


EVENTS = st.one_of(
    st.builds(
        user,
        st.sampled_from(["alice", "bob", "carol"]),
        st.sampled_from([5000, 5001, 6000, 6001]),
        st.sampled_from(["", "a@x", "b@x"]),
        st.sampled_from(["lab", "other"]),
    ),
    st.builds(
        group,
        st.sampled_from(["alice", "research", "genomics"]),
        st.sampled_from([4000, 4001, 5001]),
        st.sampled_from(["lab", "other", "x"]),
    ),
    st.builds(
        profile,
        st.sampled_from(["lab", "other"]),
        st.sampled_from(["5000-5999", "6000-6999", "5500-6500"]),
        st.just("4000-4999"),
    ),
)


@given(st.lists(EVENTS, max_size=8).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_the_order_of_events_means_nothing(both: tuple[list[Event], list[Event]]) -> None:
    outcomes: list[Ledger | None] = []
    for events in both:
        try:
            outcomes.append(ledger_of(events))
        except IdentityError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]
    if outcomes[0] is not None:
        numbers = [event.uid for event in set(both[0]) if isinstance(event, UserIssued)]
        assert len(numbers) == len(set(numbers))


@given(
    st.lists(st.sampled_from([f"p{n}" for n in range(30)]), unique=True),
    st.lists(st.sampled_from([f"p{n}" for n in range(30)]), unique=True),
)
def test_two_branches_merge_to_what_both_say_or_are_refused(ours: list[str], theirs: list[str]) -> None:
    base = issue([], ["zoe"], "5000-5039")[0]
    left = issue(base, ours)[0]
    right = issue(base, theirs)[0]
    merged = [*left, *right[len(base) :]]
    said: dict[int, set[str]] = {}
    has: dict[str, set[int]] = {}
    for event in cast("list[UserIssued]", merged[1:]):
        said.setdefault(event.uid, set()).add(event.username)
        has.setdefault(event.username, set()).add(event.uid)
    if all(len(names) == 1 for names in said.values()) and all(len(uids) == 1 for uids in has.values()):
        ledger = ledger_of(merged)
        assert {event.username for event in ledger.numbers.values() if isinstance(event, UserIssued)} == {
            "zoe",
            *ours,
            *theirs,
        }
        assert ledger == ledger_of([*right, *left[len(base) :]])
    else:
        assert "twice" in (message := refusal(merged)) or "one person" in message
