# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, and what it comes to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RUNS = ("first", "no change")


@dataclass(frozen=True)
class Case:
    """One way to make this many users on this many hosts."""

    contender: str
    users: int
    hosts: int

    def __str__(self) -> str:
        return f"{self.contender}, {self.users} users, {self.hosts} host{'s' if self.hosts > 1 else ''}"


@dataclass(frozen=True)
class Cost:
    """What one run cost; None where it could not be seen."""

    wall: float
    controller: float
    host: float | None
    executions: int


@dataclass(frozen=True)
class Sample:
    """One run of a case between two runs of the yardstick."""

    case: Case
    run: str
    cost: Cost
    ping_before: float
    ping_after: float

    @property
    def ratio(self) -> float:
        """How many bare pings this run took, as they were just before and just after it."""
        return self.cost.wall / ((self.ping_before + self.ping_after) / 2)


@dataclass(frozen=True)
class Spread:
    """Least, middle and most of a few figures."""

    least: float
    middle: float
    most: float


def spread(figures: Iterable[float]) -> Spread:
    ordered = sorted(figures)
    return Spread(ordered[0], median(ordered), ordered[-1])


def spread_of_known(figures: Iterable[float | None]) -> Spread | None:
    """The spread, unless any of the figures is missing."""
    known = list(figures)
    complete = [figure for figure in known if figure is not None]
    return spread(complete) if complete and len(complete) == len(known) else None


@dataclass(frozen=True)
class Summary:
    """All samples of one case and run, put together."""

    case: Case
    run: str
    repeats: int
    wall: Spread
    ratio: Spread
    controller: Spread
    host: Spread | None
    executions: Spread


def summarize(samples: Sequence[Sample]) -> list[Summary]:
    """One summary for each case and run, in the order in which they first appear."""
    together: dict[tuple[Case, str], list[Sample]] = {}
    for sample in samples:
        together.setdefault((sample.case, sample.run), []).append(sample)
    return [
        Summary(
            case=case,
            run=run,
            repeats=len(group),
            wall=spread(sample.cost.wall for sample in group),
            ratio=spread(sample.ratio for sample in group),
            controller=spread(sample.cost.controller for sample in group),
            host=spread_of_known(sample.cost.host for sample in group),
            executions=spread(sample.cost.executions for sample in group),
        )
        for (case, run), group in together.items()
    ]
