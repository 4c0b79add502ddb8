# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How lines become items of a table, and how a change of any of them is noticed."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _dynamodb_segments as segments
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import (
    LARGEST_LINES,
    LARGEST_TRANSACTION,
    End,
    Head,
    head_item,
    missing_segments,
    number_of_item,
    pack,
    parse_head,
    parse_segment,
    segment_item,
    transactions,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import event_line
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import invited

if TYPE_CHECKING:
    from collections.abc import Sequence

START = End(0, 0, "the id of a ledger")
LINES = st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30), max_size=40)
Items = List[Dict[str, Any]]


def packed(lines: Sequence[str], end: End = START) -> list[segments.Segment]:
    commits = itertools.count(1)
    return pack(end, lines, lambda: f"commit {next(commits)}")


def read(items: Items, end: End = START) -> list[str]:
    """The lines of items, as a store reads them."""
    lines: list[str] = []
    for item in items:
        segment = parse_segment(end, item)
        lines += segment.lines
        end = segment.end
    return lines


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "LARGEST_LINES", 40)
    monkeypatch.setattr(segments, "LARGEST_TRANSACTION", 3)


@given(st.lists(LINES, max_size=4))
def test_what_was_packed_is_read(batches: list[list[str]]) -> None:
    items: Items = []
    end = START
    for lines in batches:
        for segment in packed(lines, end):
            items.append(segment_item(segment))
            end = segment.end
    assert read(items) == [line for lines in batches for line in lines]
    assert end.total == sum(map(len, batches))
    assert [number_of_item(item) for item in items] == list(range(1, len(items) + 1))
    assert missing_segments(START, list(range(1, len(items) + 1)), len(items)) == ""


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([39], [1]),
        ([19, 19], [2]),
        ([19, 20], [1, 1]),
        ([10, 10, 10, 10], [3, 1]),
        ([500, 1], [1, 1]),  # a line is never cut
    ],
)
def test_segments_are_as_full_as_may_be(lengths: list[int], sizes: list[int]) -> None:
    assert [len(segment.lines) for segment in packed(["x" * length for length in lengths])] == sizes


@pytest.mark.usefixtures("small")
def test_a_commit_is_one_transaction() -> None:
    groups = list(transactions(packed(["x" * 39] * 7)))
    assert [[segment.number for segment in group] for group in groups] == [[1, 2, 3], [4, 5, 6], [7]]
    assert [{segment.commit for segment in group} for group in groups] == [{"commit 1"}, {"commit 2"}, {"commit 3"}]


def test_a_full_transaction_keeps_the_limits_of_the_service() -> None:
    line = "x" * 255
    group = next(transactions(packed([line] * 20_000)))
    assert len(group) == LARGEST_TRANSACTION < 100
    sizes = [sum(len(value) for kind in segment_item(segment).values() for value in kind.values()) for segment in group]
    assert max(sizes) < 400 * 1024
    # with the names of attributes, and the head
    assert sum(sizes) + 1000 * (len(sizes) + 1) < 4 * 1024 * 1024
    assert LARGEST_LINES * 3 < 1024 * 1024


@pytest.mark.parametrize(
    "claims",
    [
        {"note": "x" * 8000},
        {"inv": {"groups": [f"g{number}" for number in range(1000)]}},
        {"note": '"' * 4000},
        {"note": "\u00e9" * 1300},
        {"note": "\U0001f600" * 650},
    ],
)
def test_a_transaction_of_claims_is_small_enough_as_json(claims: dict[str, Any]) -> None:
    """Claims are JSON in a line of JSON, which the request escapes again."""
    line = event_line(invited("one", "x" * 255, **claims))
    batch = next(iter(transactions(packed([line] * 1000))))
    assert len(batch) == LARGEST_TRANSACTION
    request = json.dumps([{"Put": {"TableName": "x" * 255, "Item": segment_item(segment)}} for segment in batch])
    assert len(request) < 4 * 1024 * 1024


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("attribute", ["lines", "events", "total", "chain"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_edited_segment_is_named(attribute: str, at: int) -> None:
    items: Items = [segment_item(segment) for segment in packed(["a line of text"] * 6)]
    kind, text = next(iter(items[at][attribute].items()))
    for edited in ({kind: text + "0"}, {kind: ""}, {"B": b"0"}, None):
        changed: Items = [dict(item) for item in items]
        if edited is None:
            del changed[at][attribute]
        else:
            changed[at][attribute] = edited
        with pytest.raises(IdentityError, match=rf"^segment {at + 1} does not fit its checksum"):
            read(changed)


@pytest.mark.usefixtures("small")
@given(st.data())
def test_no_other_order_is_read(data: st.DataObject) -> None:
    items: Items = [segment_item(segment) for segment in packed(["a line of text"] * 6)]
    order = data.draw(st.permutations(range(len(items))))
    if order == sorted(order):
        assert read(items)
        return
    moved = [{**items[old], "segment": {"N": str(number)}} for number, old in enumerate(order, start=1)]
    with pytest.raises(IdentityError, match="does not fit its checksum"):
        read(moved)


def test_a_segment_of_another_ledger_is_not_read() -> None:
    items: Items = [segment_item(segment) for segment in packed(["a line"], End(0, 0, "another id"))]
    with pytest.raises(IdentityError, match="segment 1 does not fit its checksum"):
        read(items)


@pytest.mark.parametrize(
    ("after", "numbers", "at_least", "missing"),
    [
        (0, [], 0, ""),
        (0, [], 1, "segment 1 is"),
        (0, [], 3, "segments 1 to 3 are"),
        (0, [1, 2, 3], 2, ""),
        (0, [1, 2, 3], 4, "segment 4 is"),
        (0, [1, 3], 3, "segment 2 is"),
        (0, [2], 0, "segment 1 is"),
        (0, [1, 5], 0, "segments 2 to 4 are"),
        (7, [], 7, ""),
        (7, [], 5, ""),
        (7, [8], 9, "segment 9 is"),
        (7, [9], 9, "segment 8 is"),
        (0, [-1, 1], 1, ""),  # what is no segment is found when it is read
    ],
)
def test_what_is_missing_is_named(after: int, numbers: list[int], at_least: int, missing: str) -> None:
    assert missing_segments(End(after, 0, ""), numbers, at_least) == missing


def test_a_head_is_read_as_it_was_written() -> None:
    head = Head("an id", 12, 345)
    assert parse_head(head_item(head)) == head


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": {"S": "terraform"}}, "used for something else"),
        ({"format": None}, "used for something else"),
        ({"version": {"N": "2"}}, "'2', but this collection knows version 1: .*upgrade the collection"),
        ({"version": {"S": "1"}}, "upgrade the collection"),
        ({"id": {"S": ""}}, "edited or damaged"),
        ({"id": None}, "edited or damaged"),
        ({"segments": {"N": "-1"}}, "edited or damaged"),
        ({"segments": {"N": "1E3"}}, "edited or damaged"),
        ({"events": {"S": "1"}}, "edited or damaged"),
        ({"events": {"N": "9" * 40}}, "edited or damaged"),
    ],
)
def test_another_head_is_refused(change: dict[str, Any], told: str) -> None:
    item = {**head_item(Head("an id")), **change}
    with pytest.raises(IdentityError, match=told):
        parse_head({name: value for name, value in item.items() if value is not None})
