# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that is not as it was written stops every run, and stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_store import DynamoStore
from ansible_collections.labfleet.identity.tests.dynamodb.support import EVERY_SERVER, ONE_SERVER, Table, issue

if TYPE_CHECKING:
    from collections.abc import Callable


def four_segments(table: Table) -> dict[str, int]:
    issued: dict[str, int] = {}
    for name in ("alice", "bob", "carol", "dave"):
        issued.update(issue(table.ledger, [name]))
    return issued


def remove(*segments: int) -> Callable[[Table], None]:
    def do(table: Table) -> None:
        for segment in segments:
            table.remove(segment)

    return do


def edit(table: Table, segment: int, attribute: str, old: str, new: str) -> None:
    item = next(item for item in table.items() if item["segment"]["N"] == str(segment))
    kind, text = next(iter(item[attribute].items()))
    assert old in text
    table.put({**item, attribute: {kind: text.replace(old, new)}})


def move(table: Table, segment: int, to: int) -> None:
    item = next(item for item in table.items() if item["segment"]["N"] == str(segment))
    table.remove(segment)
    table.put({**item, "segment": {"N": str(to)}})


def repeat_last(table: Table) -> None:
    item = table.items()[-1]
    table.put({**item, "segment": {"N": "5"}})


def foreign_head(table: Table) -> None:
    table.put({"ledger": {"S": "ledger"}, "segment": {"N": "0"}, "owner": {"S": "terraform"}})


DAMAGE: dict[str, tuple[Callable[[Table], None], str]] = {
    "last segment removed": (remove(4), r"segment 4 is missing"),
    "two last removed": (remove(4, 3), r"segments 3 to 4 are missing"),
    "middle removed": (remove(2), r"segment 2 is missing"),
    "first removed": (remove(1), r"segment 1 is missing"),
    "all removed": (remove(1, 2, 3, 4), r"segments 1 to 4 are missing"),
    "moved away": (lambda table: move(table, 4, 9), r"segments 4 to 8 are missing"),
    "number edited": (lambda table: edit(table, 2, "lines", '"uid": 5587', '"uid": 5588'), r"segment 2 does not fit"),
    "count edited": (lambda table: edit(table, 3, "events", "1", "2"), r"segment 3 does not fit its checksum"),
    "total edited": (lambda table: edit(table, 3, "total", "4", "5"), r"segment 3 does not fit its checksum"),
    "segment put twice": (repeat_last, r"segment 5 does not fit its checksum"),
    "head removed": (remove(0), r"the table has no head"),
    "another program's head": (foreign_head, r"not the head of a ledger, so the table is used for something else"),
    "head of a newer format": (lambda table: edit(table, 0, "version", "1", "2"), r"knows version 1: .*upgrade"),
    "another ledger's head": (lambda table: edit(table, 0, "id", "-", "+"), r"segment 1 does not fit its checksum"),
    "head without a count": (lambda table: edit(table, 0, "segments", "4", "4.5"), r"its head was edited or damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_damage_is_named_and_nothing_is_issued(table: Table, damage: str) -> None:
    four_segments(table)
    do, told = DAMAGE[damage]
    do(table)
    before = table.items()
    for names in (["alice"], ["erin"]):
        with pytest.raises(IdentityError, match=told) as refusal:
            issue(table.ledger, names)
        assert str(refusal.value).startswith(f"The ledger {table.ledger} cannot be used and stays as it is: ")
    assert table.items() == before


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_the_known_failures_of_others_do_not_happen(table: Table) -> None:
    """A number is not issued again after a deletion, and not after a listing that lacks a part."""
    four_segments(table)
    table.remove(3)
    with pytest.raises(
        IdentityError, match=r"segment 3 is missing, so numbers that were issued could be given out again"
    ):
        issue(table.ledger, ["carol"])
    assert [segment["segment"]["N"] for segment in table.segments()] == ["1", "2", "4"]


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_damage_is_seen_by_whoever_had_read_the_ledger_before(table: Table) -> None:
    four_segments(table)
    store = DynamoStore(table.name, 5)
    store.load()
    table.remove(0)
    with pytest.raises(IdentityError, match=r"the table has no head"):
        store.load()


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_head_that_lags_behind_is_no_damage(table: Table) -> None:
    issued = four_segments(table)
    edit(table, 0, "segments", "4", "2")
    assert issue(table.ledger, ["erin", *issued]).items() >= issued.items()
    assert table.head()["segments"] == {"N": "5"}
