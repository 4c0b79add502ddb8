# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statistics, bounds and tables: from samples to what is printed."""

from __future__ import annotations

import pytest
from benchlib.bounds import BOUNDS, Bound, judge
from benchlib.stats import Case, Cost, Sample, Spread, spread, spread_of_known, summarize
from benchlib.table import bounds_table, cost_table, figure, figures, markdown

OURS = Case("accounts", 200, 1)
LOOPS = Case("loops", 200, 1)


def sample(case: Case, run: str, wall: float, before: float = 1.0, after: float = 1.0) -> Sample:
    return Sample(case, run, Cost(wall=wall, controller=wall / 2, host=0.25, executions=1), before, after)


def test_ratio_is_to_the_pings_on_both_sides() -> None:
    assert sample(OURS, "first", 3.0, before=1.0, after=2.0).ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2.0], Spread(2, 2, 2)), ([3.0, 1.0, 9.0], Spread(1, 3, 9)), ([1.0, 2.0, 4.0, 9.0], Spread(1, 3, 9))],
)
def test_spread(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


def test_spread_is_unknown_as_soon_as_one_figure_is() -> None:
    assert spread_of_known([1.0, None]) is None
    assert spread_of_known([]) is None
    assert spread_of_known([1.0, 3.0]) == Spread(1, 2, 3)


def test_summaries_keep_case_and_run_apart() -> None:
    samples = [
        sample(OURS, "first", 2),
        sample(OURS, "no change", 1),
        sample(OURS, "first", 4),
        sample(LOOPS, "first", 90),
    ]
    first, no_change, loops = summarize(samples)
    assert (first.repeats, first.wall) == (2, Spread(2, 3, 4))
    assert (no_change.repeats, no_change.run) == (1, "no change")
    assert loops.case == LOOPS


@pytest.mark.parametrize(
    ("wall", "held"),
    [(1.9, True), (2.0, True), (2.1, False)],
)
def test_a_bound_in_pings(wall: float, held: bool) -> None:
    (verdict,) = judge(summarize([sample(OURS, "first", wall)]), [Bound(OURS, "first", 2.0)])
    assert verdict.measured == pytest.approx(wall)
    assert verdict.held is held


@pytest.mark.parametrize(("loops", "held"), [(99.0, False), (100.0, True), (150.0, True)])
def test_a_bound_against_another_contender(loops: float, held: bool) -> None:
    samples = [sample(OURS, "first", 1.0), sample(LOOPS, "first", loops)]
    (verdict,) = judge(summarize(samples), [Bound(OURS, "first", 100, than="loops")])
    assert verdict.measured == pytest.approx(loops)
    assert verdict.held is held


def test_what_was_not_measured_is_neither_held_nor_broken() -> None:
    verdicts = judge(summarize([sample(OURS, "first", 1.0)]))
    assert [verdict.held for verdict in verdicts].count(None) == len(BOUNDS) - 1
    assert "not measured" in bounds_table(verdicts)
    assert "NOT HELD" not in bounds_table(verdicts)


def test_a_broken_bound_is_shouted() -> None:
    assert "NOT HELD" in bounds_table(judge(summarize([sample(OURS, "first", 2.01)])))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.00"),
        (1.234, "1.23"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.94, "99.9"),
        (99.96, "100"),
        (347.2, "347"),
    ],
)
def test_a_figure_has_three_digits(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_range_is_shown_only_where_there_is_one() -> None:
    assert figures(Spread(1, 1, 1)) == "1.00"
    assert figures(Spread(1, 2, 3)) == "2.00 (1.00-3.00)"


def test_table_columns_are_as_wide_as_their_widest_cell() -> None:
    text = markdown(("way", "n"), [("loops of modules", "1"), ("x", "10000")], frozenset({1}))
    assert text.splitlines() == [
        "| way              |     n |",
        "| ---------------- | ----: |",
        "| loops of modules |     1 |",
        "| x                | 10000 |",
    ]


def test_cost_table_is_ordered_by_hosts_users_and_first_appearance() -> None:
    cases = [Case("b", 200, 4), Case("b", 50, 1), Case("a", 50, 1), Case("a", 10, 1)]
    rows = cost_table(summarize([sample(case, "first", 1.0) for case in cases])).splitlines()[2:]
    assert [row.split("|")[1:4] for row in rows] == [
        ["    10 ", "     1 ", " a   "],
        ["    50 ", "     1 ", " b   "],
        ["    50 ", "     1 ", " a   "],
        ["   200 ", "     4 ", " b   "],
    ]
