# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small campaign is good with the store as it is, and is not with a store that has a fault."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chaoslib.campaign import Outcome, Plan
from chaoslib.file_campaign import FileCampaign
from chaoslib.processes import environment, make_importable
from chaoslib.report import findings, table

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = Path(__file__).with_name("broken_controller.py")
PATIENCE = 180
CAMPAIGNS = 4


class UntilFound(FileCampaign):
    """Ends when something is found; whether every fault happened makes no difference."""

    def schedule(self) -> None:
        super().schedule()
        self.every(5, self.work_in_the_clone)

    def is_over(self) -> bool:
        found = len(self.complaints) > 3 or self.counts["overwritten"] >= 2
        return found or self.acknowledged >= self.plan.acknowledged


def small_campaign(directory: Path, kind: type[FileCampaign], plan: Plan, fault: str = "") -> Outcome:
    disk = directory / "disk"
    disk.mkdir()
    variables = environment(make_importable(directory / "python"), {**os.environ, "FAULT_OF_THE_STORE": fault})
    return kind(plan, directory, disk, False, variables).run_all()


def test_a_small_campaign_against_the_store_is_good(tmp_path: Path) -> None:
    plan = Plan(400, 3, seed=1, patience=PATIENCE, lock_timeout=0.3, failing=0.02)
    outcome = small_campaign(tmp_path, FileCampaign, plan)
    assert outcome.good, findings(outcome)
    assert outcome.verdict.acknowledged >= 400
    for fault in ("kills", "stops", "stops_with_lock", "lock_refusals", "merges", "failing_calls", "signals", "reads"):
        assert outcome.counts[fault] >= 1, fault
    printed = {line.split("  ")[0]: line.split()[-1] for line in table([outcome]).splitlines()}
    assert printed["lost"] == printed["duplicated"] == "0"
    assert int(printed["acknowledged"]) == outcome.verdict.acknowledged
    assert printed["disk full"] == "-"


@pytest.mark.parametrize(
    ("fault", "acknowledged", "is_found"),
    [
        ("lock", 800, lambda outcome: outcome.verdict.lost),
        ("haste", 2000, lambda outcome: outcome.verdict.lost),
        ("partial", 3000, lambda outcome: outcome.verdict.lost or outcome.verdict.duplicated),
        ("look", 1500, lambda outcome: outcome.verdict.lost or outcome.counts["overwritten"] >= 2),
    ],
)
def test_the_campaign_finds_a_store_with_a_fault(
    tmp_path: Path, fault: str, acknowledged: int, is_found: Callable[[Outcome], object]
) -> None:
    # a fault shows when two meet at the wrong moment, which on a busy machine they may not do at once
    for seed in range(1, CAMPAIGNS + 1):
        directory = tmp_path / str(seed)
        directory.mkdir()
        plan = Plan(acknowledged, 3, seed, patience=PATIENCE, lock_timeout=0.3, program=BROKEN)
        outcome = small_campaign(directory, UntilFound, plan, fault)
        print(table([outcome]), *findings(outcome), sep="\n")
        if is_found(outcome):
            break
    assert is_found(outcome)
    assert not outcome.good
    assert findings(outcome)


def test_a_campaign_in_which_nothing_happens_is_no_good_one(tmp_path: Path) -> None:
    class Harmless(FileCampaign):
        """No faults, and not much patience."""

        label = "harmless"

        def schedule(self) -> None:
            pass

    outcome = small_campaign(tmp_path, Harmless, Plan(20, 1, seed=1, patience=3))
    assert outcome.verdict.good
    assert not outcome.good
    assert (
        "these faults had not happened: kills, lock_refusals, merges, stops, stops_with_lock" in outcome.complaints[0]
    )
