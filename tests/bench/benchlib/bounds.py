# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures that the collection promises, and whether a run of the benchmark kept them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .stats import Case

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .stats import Summary

FASTER_THAN_LOOPS = 100


@dataclass(frozen=True)
class Bound:
    """At most LIMIT pings; or, compared with another contender, at least LIMIT times faster."""

    case: Case
    run: str
    limit: float
    than: str = ""

    def __str__(self) -> str:
        if self.than:
            return f"{self.case}, {self.run}: at least {self.limit:g} times faster than {self.than}"
        return f"{self.case}, {self.run}: at most {self.limit:g} pings"


@dataclass(frozen=True)
class Verdict:
    """A bound beside what was measured; None where it was not."""

    bound: Bound
    measured: float | None

    @property
    def held(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.bound.limit if self.bound.than else self.measured <= self.bound.limit


BOUNDS = (
    Bound(Case("accounts", 200, 1), "first", 2.0),
    Bound(Case("accounts", 200, 1), "no change", 1.4),
    Bound(Case("everything", 200, 1), "first", 2.0),
    Bound(Case("everything", 200, 1), "no change", 1.4),
    Bound(Case("accounts", 1000, 1), "first", 4.0),
    Bound(Case("accounts", 1000, 1), "no change", 2.0),
    Bound(Case("site", 200, 1), "first", 3.5),
    Bound(Case("site", 200, 1), "no change", 3.0),
    Bound(Case("accounts", 200, 1), "first", FASTER_THAN_LOOPS, than="loops"),
    Bound(Case("accounts", 200, 1), "no change", FASTER_THAN_LOOPS, than="loops"),
)


def judge(summaries: Iterable[Summary], bounds: Iterable[Bound] = BOUNDS) -> list[Verdict]:
    by_case = {(summary.case, summary.run): summary for summary in summaries}

    def measured(bound: Bound) -> float | None:
        ours = by_case.get((bound.case, bound.run))
        if ours is None:
            return None
        if not bound.than:
            return ours.ratio.middle
        theirs = by_case.get((Case(bound.than, bound.case.users, bound.case.hosts), bound.run))
        return None if theirs is None else theirs.wall.middle / ours.wall.middle

    return [Verdict(bound, measured(bound)) for bound in bounds]
