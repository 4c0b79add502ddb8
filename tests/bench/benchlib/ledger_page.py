# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the benchmark that is about the ledger, as text: for the terminal and for the documentation."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from .report import machine
from .table import figure, figures, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ledgers import LedgerSummary

# seconds of processor time, on the machine of the page
BOUND = 1.0
BOUND_PEOPLE, BOUND_ISSUED = 100_000, 200
_HEAD = ("store", "people in it", "issued", "wall s", "controller CPU s", "x plain reading", "requests", "n")
_NUMERIC = frozenset({1, 2, 3, 4, 5, 6, 7})
_PAGE = """\
<!--
Copyright (c) 2026, The labfleet.identity developers
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks of the ledger

The figures of one run on {date}. `make bench-ledger` measures anew and prints them,
`make bench-ledger ARGS=--write` writes this page.

{machine}

{bound}

{table}
## How to read it

- One controller, a new process each time, issues numbers to so many new people at once and waits until they are
  durable. *Issued 0* only reads and checks the ledger. Python's start and imports are not in it, boto3's are.
- *x plain reading* is the processor time divided by that of a loop that reads the file, hashes every line and parses
  every line as JSON, run just before and just after. On a busy machine trust this column more than the seconds.
- Shown is the median, with least and most in brackets; *n* is the number of runs.
- The tables are those of two simulators of DynamoDB on the same machine, which are much slower than the service at
  some requests and much nearer than it. What carries over is the processor time of the controller and the number of
  *requests*. A ledger of {people} people is read in pages of 1 MB.
- A run of `ansible-playbook` looks into the ledger once, however many hosts there are.
"""


def bound_sentence(summaries: Sequence[LedgerSummary]) -> str:
    """Whether a big ledger is read, checked and added to within the time that it may take."""
    for summary in summaries:
        case = summary.case
        if (case.store, case.people, case.issued) == ("file", BOUND_PEOPLE, BOUND_ISSUED):
            held = "held" if summary.cpu.middle <= BOUND else "NOT HELD"
            return (
                f"Bound: {BOUND_PEOPLE} people in a file are read, checked and added to ({BOUND_ISSUED} more) within"
                f" {BOUND:g} s of processor time: {figure(summary.cpu.middle)} s, {held}."
            )
    return "The bound was not measured."


def ledger_table(summaries: Sequence[LedgerSummary]) -> str:
    return markdown(
        _HEAD,
        [
            [
                summary.case.store,
                str(summary.case.people),
                str(summary.case.issued),
                figures(summary.wall),
                figures(summary.cpu),
                "-" if summary.yardsticks is None else figures(summary.yardsticks),
                "-" if summary.requests is None else str(summary.requests),
                str(summary.repeats),
            ]
            for summary in summaries
        ],
        _NUMERIC,
    )


def ledger_page(summaries: Sequence[LedgerSummary]) -> str:
    return _PAGE.format(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        machine=machine(),
        bound=bound_sentence(summaries),
        table=ledger_table(summaries),
        people=BOUND_PEOPLE,
    )
