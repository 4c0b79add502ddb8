# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two controllers that redeem one invitation at once exactly one wins, in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import jti_of
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.races import (
    Tally,
    begin,
    judge,
    race,
    racers,
)

if TYPE_CHECKING:
    from pathlib import Path

RACES = 1000
IN_ONE_LEDGER = 50  # a ledger that grows takes longer to read, and what is raced for is always the same


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines()[1:]


def raced(directory: Path, races: int, fault: str = "") -> Tally:
    tally = Tally()
    with racers(fault) as running:
        for first in range(0, races, IN_ONE_LEDGER):
            labels = range(first, first + IN_ONE_LEDGER)
            place = directory / f"{fault or 'sound'}-{first}"
            place.mkdir()
            path = place / "ledger.jsonl"
            begin(f"file:{path}", labels)
            told = {jti_of(label): race(running, f"file:{path}", label) for label in labels}
            judge(tally, told, lines_of(path))
    print(f"file, {fault or 'as it is'}: {tally}")
    return tally


def test_of_two_who_redeem_one_invitation_at_once_exactly_one_wins(tmp_path: Path) -> None:
    tally = raced(tmp_path, RACES)
    assert (tally.attempted, tally.won, tally.lost) == (RACES, RACES, RACES)
    assert tally.both == tally.nobody == tally.wrong == tally.apart == 0
    # every loser had decided that the invitation was open, and decided again on what the winner wrote
    assert tally.again == RACES


@pytest.mark.parametrize("fault", ["no look", "no lock"])
def test_the_judge_finds_a_store_that_lets_both_in(tmp_path: Path, fault: str) -> None:
    tally = raced(tmp_path, IN_ONE_LEDGER, fault)
    assert tally.attempted == IN_ONE_LEDGER
    assert tally.both > 0
    assert tally.wrong >= tally.both


def test_one_person_at_two_controllers_is_let_in_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    begin(f"file:{path}", range(IN_ONE_LEDGER))
    with racers() as running:
        told = [race(running, f"file:{path}", label, is_one_person=True) for label in range(IN_ONE_LEDGER)]
    # neither is refused, and one of them had nothing to add
    assert all(one["refused"] == "" for both in told for one in both)
    assert all(sorted(one["events"] for one in both) == [0, 2] for both in told)
    events = [json.loads(line) for line in lines_of(path)]
    for kind in ("user", "redeem"):
        assert sum(event["kind"] == kind for event in events) == IN_ONE_LEDGER
