# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of a ledger finds, and how it is told (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import in_one_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

__all__ = ["BACK", "Finding", "Found", "lines_in_words", "sentence"]

BACK = "take the ledger back from git or from a backup"
SHOWN_LINES = 8
SHOWN_FINDINGS = 3


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that smells."""

    what: str
    where: str
    why: str
    way_out: str

    def record(self) -> dict[str, str]:
        """As plain data."""
        return {"what": self.what, "where": self.where, "why": self.why, "way_out": self.way_out}

    def lines(self, title: str) -> list[str]:
        """As lines for a terminal."""
        return [f"{title} {self.where}: {self.what}", f"  {self.why}", f"  -> {self.way_out}"]


class Found:
    """The findings so far, and where every event stands."""

    def __init__(self, events: Sequence[Event], lines: Sequence[int]) -> None:
        # events are told apart by identity, for two equal ones stand in two lines
        self._line_of = {id(event): line for event, line in zip(events, lines)}
        self.findings: list[Finding] = []

    def add(self, what: str, events: Iterable[Event], why: str, way_out: str) -> None:
        """Note one that is about these events."""
        self.findings.append(Finding(what, self.where(events), why, way_out))

    def where(self, events: Iterable[Event]) -> str:
        """The lines of events."""
        return lines_in_words(self._line_of[id(event)] for event in events)


def lines_in_words(lines: Iterable[int]) -> str:
    """Like C(line 3), C(lines 3 and 7) or C(lines 3-9, 12 and 20)."""
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:SHOWN_LINES]]
    if len(ranges) > SHOWN_LINES:
        told.append(f"{sum(last - first + 1 for first, last in ranges[SHOWN_LINES:])} more")
    if len(told) == 1:
        return f"line {told[0]}" if "-" not in told[0] else f"lines {told[0]}"
    return f"lines {', '.join(told[:-1])} and {told[-1]}"


def sentence(name: str, problems: Sequence[Finding]) -> str:
    """How many problems there are and the first of them."""
    count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
    told = in_one_sentence([f"{found.where}: {found.why} ({found.way_out})" for found in problems], SHOWN_FINDINGS)
    return f"The ledger {name} has {count}: {told}."
