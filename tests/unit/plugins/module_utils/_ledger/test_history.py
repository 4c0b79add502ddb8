# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who held what, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import (
    EVER,
    Histories,
    History,
    When,
    changes_of,
    holdings,
    parse_when,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import profile, user
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import (
    STORY,
    grant,
    ledger_with,
    on,
    redirect,
    rename,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import Period

ALICE = "lab", "a@x"


def history(events: Sequence[Event], key: tuple[str, str] = ALICE) -> History:
    ledger = ledger_with(events)
    return Histories(ledger, changes_of(ledger), {key}).of(key)


def told(periods: Sequence[Period]) -> list[tuple[str, str, str]]:
    return [(period.value, period.since[5:], period.until[5:]) for period in periods]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-09T14:30:00Z", "2026-03-09T14:30:00Z", "2026-03-09T14:30:00Z"),
        ("2026-03-09 14:30:00+00:00", "2026-03-09T14:30:00Z", "2026-03-09T14:30:00Z"),
        ("2026-03-09", "2026-03-09T00:00:00Z", "2026-03-09T23:59:59Z"),
        ("2026-03", "2026-03-01T00:00:00Z", "2026-03-31T23:59:59Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59Z"),
        ("2026", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"),
        ("0999-01", "0999-01-01T00:00:00Z", "0999-01-31T23:59:59Z"),
    ],
)
def test_times_are_read(text: str, first: str, last: str) -> None:
    assert parse_when(text) == When(first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "March",
        "2026-3",
        "2026-13",
        "2026-02-30",
        "2026-00",
        "0000",
        "2026-03-09T14:30:00",
        "2026-03-09 14:30:00+02:00",
        "2026-03-09T25:00:00Z",
        "2026-03-09T14:30:00Z\n",
        "\u0662\u0660\u0662\u0666",
        "-026",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is no time: write a moment in UTC like"):
        parse_when(text)


def test_a_thing_holds_until_its_next_revision() -> None:
    alice = history(STORY)
    assert told(alice.names) == [
        ("alice", "01-10T09:00:00Z", "03-10T09:00:00Z"),
        ("alicia", "03-10T09:00:00Z", ""),
    ]
    assert told(alice.states) == [
        ("active", "01-10T09:00:00Z", "03-20T09:00:00Z"),
        ("retired", "03-20T09:00:00Z", "04-02T09:00:00Z"),
        ("active", "04-02T09:00:00Z", ""),
    ]
    assert told(alice.grants["uni"]) == [
        ("granted", "02-01T09:00:00Z", "03-05T09:00:00Z"),
        ("revoked", "03-05T09:00:00Z", ""),
    ]
    erin = history(STORY, ("lab", "erin"))
    assert told(erin.states) == [("reserved", "06-01T09:00:00Z", "")]


@pytest.mark.parametrize(
    ("at", "name", "value"),
    [
        ("2026-01-10T08:59:59Z", "alice", ""),
        ("2026-01-10T09:00:00Z", "alice", "active"),
        ("2026-03-10T08:59:59Z", "alice", "active"),
        ("2026-03-10T09:00:00Z", "alicia", "active"),
        ("2026-03", "alicia", "retired"),
        ("2026-04-02T08:59:59Z", "alicia", "retired"),
        ("2026-04", "alicia", "active"),
    ],
)
def test_the_name_and_the_state_are_those_of_the_end_of_a_time(at: str, name: str, value: str) -> None:
    alice = history(STORY)
    assert (alice.name_at(parse_when(at)), alice.state_at(parse_when(at))) == (name, value)


def test_revisions_count_more_than_clocks() -> None:
    """The controller that wrote revision 2 is ten minutes slow."""
    events = [
        profile(stamp=on("01-01")),
        user("alice", 5238, "a@x", stamp=on("01-10")),
        state("a@x", 1, "retired", on("03-20", "12:00:00")),
        state("a@x", 2, "active", on("03-20", "11:50:00")),
        state("a@x", 3, "disabled", on("03-20", "12:00:00")),
    ]
    states = history(events).states
    assert told(states) == [
        ("active", "01-10T09:00:00Z", "03-20T11:50:00Z"),
        ("retired", "03-20T12:00:00Z", "03-20T12:00:00Z"),
        ("active", "03-20T11:50:00Z", "03-20T12:00:00Z"),
        ("disabled", "03-20T12:00:00Z", ""),
    ]
    # what was overtaken never held at a moment, but was seen on that day
    moment, day = parse_when("2026-03-20T12:00:00Z"), parse_when("2026-03-20")
    assert [period.value for period in states if period.holds_in(moment)] == ["disabled"]
    assert [period.value for period in states if period.holds_in(day)] == ["active", "retired", "active", "disabled"]


def test_without_a_time_the_last_revision_counts_even_with_a_clock_that_runs_ahead() -> None:
    events = [
        profile(stamp=on("01-01")),
        user("alice", 5238, "a@x", stamp=on("01-10")),
        state("a@x", 1, "retired", on("12-31")),
        state("a@x", 2, "active", on("02-01")),
    ]
    assert history(events).state_at(EVER) == "active"
    assert history(events).state_at(parse_when("2026-03")) == "active"
    assert history(events).state_at(parse_when("2027")) == "active"


def test_nothing_holds_before_the_number_was_issued() -> None:
    events = [
        profile(stamp=on("01-01")),
        user("alice", 5238, "a@x", stamp=on("03-10")),
        rename("a@x", 1, "alicia", on("03-01")),
    ]
    assert told(history(events).names) == [
        ("alice", "03-10T09:00:00Z", "03-10T09:00:00Z"),
        ("alicia", "03-10T09:00:00Z", ""),
    ]


def test_of_two_that_say_the_same_the_earlier_counts() -> None:
    events = [*STORY, state("a@x", 1, "retired", on("03-18"), "gone"), rename("a@x", 1, "alicia", on("03-11"))]
    alice = history(events)
    assert told(alice.states)[1] == ("retired", "03-18T09:00:00Z", "04-02T09:00:00Z")
    assert told(alice.names)[1] == ("alicia", "03-10T09:00:00Z", "")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            5238,
            [
                ("former", "lab", "bob", "", "03-15T09:00:00Z"),
                ("user", "lab", "a@x", "01-10T09:00:00Z", ""),
                ("guest", "uni", "a@x", "02-01T09:00:00Z", "03-05T09:00:00Z"),
            ],
        ),
        (5300, [("user", "lab", "bob", "03-15T09:00:00Z", "")]),
        # a number of their own stays theirs after the grant is gone
        (6001, [("guest", "uni", "carol", "02-02T09:00:00Z", "")]),
        (4265, [("group", "lab", "", "01-02T09:00:00Z", "")]),
        (5017, [("withheld", "lab", "", "02-04T09:00:00Z", "")]),
        (5239, []),
    ],
)
def test_who_ever_held_a_number(number: int, expected: list[tuple[str, ...]]) -> None:
    ledger = ledger_with(STORY)
    found = holdings(ledger, changes_of(ledger), number)
    assert [
        (held.kind, held.profile, (held.person or ("", ""))[1], held.since[5:], held.until[5:]) for held in found
    ] == expected


def test_redirects_are_followed_as_they_were() -> None:
    events = [*STORY, redirect("a@x", 1, "carol", on("06-01")), redirect("a@x", 2, "", on("07-01"))]
    ledger = ledger_with(events)
    histories = Histories(ledger, changes_of(ledger), ())
    for at, subject in (("2026-04", "dora"), ("2026-05", "a@x"), ("2026-06", "carol"), ("2026-07", "a@x")):
        assert histories.stands_for(("lab", "dora"), parse_when(at)) == ("lab", subject), at


def test_a_loop_that_only_clocks_make_ends() -> None:
    """First dora stood for alice, then alice for dora; but the clock that ended the first of it was ahead."""
    events = [
        *STORY,
        redirect("dora", 2, "", on("08-01")),
        redirect("a@x", 1, "dora", on("05-03")),
        state("a@x", 3, "retired", on("05-03")),
    ]
    ledger = ledger_with(events)
    histories = Histories(ledger, changes_of(ledger), ())
    assert histories.stands_for(("lab", "dora"), parse_when("2026-06")) in (("lab", "a@x"), ("lab", "dora"))
    assert histories.stands_for(("lab", "a@x"), EVER) == ("lab", "dora")


REVISIONS = st.lists(
    st.tuples(st.integers(1, 28), st.sampled_from(["active", "disabled", "retired"])), min_size=1, max_size=6
)


@given(REVISIONS, st.integers(1, 28))
def test_at_any_moment_there_is_one_state_and_it_is_the_highest_revision_written_by_then(
    revisions: list[tuple[int, str]], day: int
) -> None:
    events: list[Event] = [profile(stamp=on("01-01")), user("alice", 5238, "a@x", stamp=on("03-01"))]
    events += [
        state("a@x", rev, value, on(f"03-{written:02}")) for rev, (written, value) in enumerate(revisions, start=1)
    ]
    states = history(events).states
    moment = parse_when(f"2026-03-{day:02}T09:00:00Z")
    held = [period.value for period in states if period.holds_in(moment)]
    assert held == [[value for written, value in [(1, "active"), *revisions] if written <= day][-1]]
    assert states[-1].until == ""


@given(st.permutations(STORY), st.sampled_from([5238, 5300, 6001, 4265, 5017]))
def test_the_order_of_events_means_nothing(events: list[Event], number: int) -> None:
    known, other = ledger_with(STORY), ledger_with(events)
    assert holdings(known, changes_of(known), number) == holdings(other, changes_of(other), number)
    for key in (ALICE, ("lab", "carol"), ("lab", "dora"), ("lab", "erin"), ("lab", "bob")):
        assert history(events, key) == history(STORY, key)


def test_a_guest_who_came_twice_held_the_number_from_home_twice() -> None:
    events = [*STORY, grant("a@x", "uni", 3, "granted", 5238, on("06-01"))]
    ledger = ledger_with(events)
    found = [held for held in holdings(ledger, changes_of(ledger), 5238) if held.kind == "guest"]
    assert [(held.since[5:10], held.until[5:10]) for held in found] == [("02-01", "03-05"), ("06-01", "")]
