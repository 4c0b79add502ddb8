# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two controllers that redeem one invitation at once exactly one wins, in a table."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import Acceptance, accept
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.tests.dynamodb.support import EVERY_SERVER, ONE_SERVER, Table
from ansible_collections.labfleet.identity.tests.dynamodb.support import begin as begin_table
from ansible_collections.labfleet.identity.tests.servers import Fault, Scripted
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import KEY, NOW, jti_of
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.races import (
    Tally,
    begin,
    judge,
    race,
    racers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RACES = {"moto": 100, "ministack": 300, "dynalite": 600}  # a thousand in all, most where an answer costs less
OF_A_FAULT = 30
IN_ONE_LEDGER = 100  # a ledger that grows takes longer to read, and what is raced for is always the same


def lines_of(table: Table) -> Iterator[str]:
    for segment in table.segments():
        yield from segment["lines"]["S"].split("\n")


def raced(table: Table, races: int, fault: str = "") -> Tally:
    tally = Tally()
    with racers(fault, os.environ) as running:
        for first in range(0, races, IN_ONE_LEDGER):
            labels = range(first, min(first + IN_ONE_LEDGER, races))
            fresh = begin_table(dataclasses.replace(table, name=f"{table.name}-{first}"))
            begin(fresh.ledger, labels)
            told = {jti_of(label): race(running, fresh.ledger, label) for label in labels}
            judge(tally, told, lines_of(fresh))
    print(f"{table.server}, {fault or 'as it is'}: {tally}")
    return tally


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_of_two_who_redeem_one_invitation_at_once_exactly_one_wins(table: Table) -> None:
    races = RACES[table.server]
    tally = raced(table, races)
    assert (tally.attempted, tally.won, tally.lost) == (races, races, races)
    assert tally.both == tally.nobody == tally.wrong == tally.apart == 0
    # every loser had decided that the invitation was open, was refused by the table, and decided again
    assert tally.again == tally.refused_puts == races


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_the_judge_finds_a_store_that_lets_both_in(table: Table) -> None:
    tally = raced(table, OF_A_FAULT, "no condition")
    assert tally.attempted == OF_A_FAULT
    assert tally.both > 0
    assert tally.wrong >= tally.both
    assert tally.refused_puts == 0


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_whatever_happens_to_a_request_an_invitation_is_used_once(table: Table, fault: Fault) -> None:
    begin(table.ledger, ["one", "two"])
    acceptance = Acceptance("lab", jti_of("one"), "cluster-a", (), "alice", "a@x", KEY)

    def accepted() -> int:
        store = open_store(table.ledger, 20)
        return len(
            settle(store, lambda ledger: accept(ledger, acceptance, NOW, stamp_now()), write=True).decision.events
        )

    with table.through(Scripted({"PutItem": [fault] * 3}), pause=0.02) as proxy:
        first = accepted()
        proxy.settle()
        assert proxy.counts[fault] >= 1
    assert (first, accepted()) == (2, 0)
    kinds = [json.loads(line)["kind"] for line in lines_of(table)]
    assert kinds == ["profile", "invite", "invite", "user", "redeem"]
