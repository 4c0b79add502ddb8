# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What campaigns found, for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .campaign import Outcome

# What a row is called, and the count behind it.
FAULTS = (
    ("killed (kill -9)", "kills"),
    ("stopped (SIGSTOP)", "stops"),
    ("stopped with the lock", "stops_with_lock"),
    ("disk full", "full_disks"),
    ("failing system calls", "failing_calls"),
    ("merges of git meanwhile", "merges"),
    ("requests dropped", "requests_dropped"),
    ("answers dropped", "answers_dropped"),
    ("requests twice or late", "requests_twice"),
    ("delayed", "delayed"),
    ("throttled, 5xx", "server_errors"),
)
SHOWN = 10


def figures(outcome: Outcome) -> dict[str, Any]:
    """Everything that was counted, by name."""
    verdict = outcome.verdict
    return {
        "store": outcome.label,
        "writers": outcome.writers,
        "seconds": round(outcome.seconds, 1),
        **{name: outcome.counts[name] for _row, name in FAULTS},
        "calls": outcome.counts["calls"],
        "refused": outcome.counts["refusals"],
        "reads": outcome.counts["reads"],
        "attempted": verdict.attempted,
        "acknowledged": verdict.acknowledged,
        "lost": len(verdict.lost),
        "duplicated": len(verdict.duplicated),
        "wrong": len(verdict.wrong),
        "good": outcome.good,
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """A column for each campaign."""
    columns = [figures(outcome) for outcome in outcomes]
    rows = [("store", "store"), ("writers", "writers"), *FAULTS, ("calls", "calls"), ("refused", "refused")]
    rows += [("reads by another program", "reads"), ("attempted", "attempted"), ("acknowledged", "acknowledged")]
    rows += [("lost", "lost"), ("duplicated", "duplicated"), ("seconds", "seconds")]
    if any(column["wrong"] for column in columns):
        rows.append(("otherwise wrong", "wrong"))
    width = max(len(title) for title, _name in rows)
    lines = []
    for title, name in rows:
        fault = any(name == known for _row, known in FAULTS)
        # a fault that a store cannot meet is no zero
        cells = ["-" if fault and not column[name] else str(column[name]) for column in columns]
        lines.append(title.ljust(width) + "".join(cell.rjust(22) for cell in cells))
    return "\n".join(lines)


def findings(outcome: Outcome) -> list[str]:
    """What is not as it must be, a line each; the first of each kind."""
    verdict = outcome.verdict
    kinds = (
        ("lost", verdict.lost),
        ("duplicated", verdict.duplicated),
        ("wrong", verdict.wrong),
        ("campaign", outcome.complaints),
    )
    lines = []
    for kind, found in kinds:
        lines += [f"{outcome.label}: {kind}: {sentence}" for sentence in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(f"{outcome.label}: {kind}: and {len(found) - SHOWN} more")
    return lines
