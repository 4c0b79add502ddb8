# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the campaign."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .campaign import Plan
from .disk import small_disk, take_away
from .file_campaign import FileCampaign
from .processes import environment, make_importable
from .report import figures, findings, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .campaign import Outcome

SEED = 5238
FULL = Plan(acknowledged=10_000, writers=6, seed=SEED, patience=1800, lock_timeout=2.0)
SHORT = Plan(acknowledged=5_000, writers=4, seed=SEED, patience=240, lock_timeout=0.5)
FAILING_CALLS = 0.01
SERVERS = ("moto", "ministack")
SLOWER = 6  # a store that is asked over a network waits longer for its turn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaigns that are asked for; 0 only if nothing was lost or duplicated, and every fault happened."""
    asked = _parser().parse_args(arguments)
    plan = SHORT if asked.short else FULL
    given = {"acknowledged": asked.acknowledged, "writers": asked.writers, "seed": asked.seed}
    plan = replace(plan, **{name: value for name, value in given.items() if value is not None})
    directory = Path(tempfile.mkdtemp(prefix="labfleet-chaos-"))
    variables = environment(make_importable(directory / "python"))
    outcomes: list[Outcome] = []
    if asked.store != "dynamodb":
        outcomes.append(file_campaign(plan, directory / "file", variables))
    if asked.store != "file":
        # what is imported there is of the collection
        sys.path.append(str(directory / "python"))
        from .dynamodb_campaign import ServerError, dynamodb_campaign

        for name in SERVERS[: 1 if asked.short else None]:
            slow = replace(plan, lock_timeout=plan.lock_timeout * SLOWER)
            try:
                outcomes.append(dynamodb_campaign(name, slow, directory / name, variables))
            except ServerError as error:
                sys.exit(f"chaos.py: {error}")
    print(json.dumps([figures(outcome) for outcome in outcomes]) if asked.json else table(outcomes))
    for outcome in outcomes:
        for line in findings(outcome):
            print(line, file=sys.stderr)
    if all(outcome.good for outcome in outcomes):
        shutil.rmtree(directory, ignore_errors=True)
        return 0
    print(f"The histories and journals are in {directory}.", file=sys.stderr)
    return 1


def file_campaign(plan: Plan, directory: Path, variables: Mapping[str, str]) -> Outcome:
    """The campaign against a file on a disk of its own."""
    disk = directory / "disk"
    disk.mkdir(parents=True)
    why_not = small_disk(disk)
    if why_not:
        print(f"NOTE: no disk was really full, because {why_not}.", file=sys.stderr)
    plan = replace(plan, failing=FAILING_CALLS)
    try:
        return FileCampaign(plan, directory, disk, not why_not, variables).run_all()
    finally:
        with suppress(OSError):
            shutil.copyfile(disk / "ledger.jsonl", directory / "ledger.jsonl")
        take_away(disk)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos.py", description="Issue numbers while everything goes wrong.")
    parser.add_argument("--short", action="store_true", help="a minute instead of many")
    parser.add_argument("--store", choices=("file", "dynamodb", "both"), default="both")
    parser.add_argument("--acknowledged", type=int, metavar="N", help="numbers to be acknowledged for each store")
    parser.add_argument("--writers", type=int, metavar="N", help="controllers at once")
    parser.add_argument("--seed", type=int, metavar="S", help="the same chance again")
    parser.add_argument("--json", action="store_true", help="figures for a program")
    return parser
