# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as text: the same tables for the terminal and for the documentation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .bounds import Verdict
    from .stats import Spread, Summary

_HEAD = ("users", "hosts", "way", "run", "wall s", "x ping", "controller CPU s", "host CPU s", "remote executions", "n")
_NUMERIC = frozenset({0, 1, 4, 5, 6, 7, 8, 9})
_UNKNOWN = "-"
_YES_NO = {True: "held", False: "NOT HELD", None: "not measured"}


def figure(value: float) -> str:
    """Three digits that mean something."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def figures(spread: Spread) -> str:
    """The middle, and the range where there is one."""
    if spread.least == spread.most:
        return figure(spread.middle)
    return f"{figure(spread.middle)} ({figure(spread.least)}-{figure(spread.most)})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: frozenset[int] = frozenset()) -> str:
    """A table that reads well as plain text too."""
    widths = [max(3, *(len(row[column]) for row in (head, *rows))) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |\n"

    rule = [("-" * (width - 1) + ":") if column in numeric else "-" * width for column, width in enumerate(widths)]
    return line(head) + line(rule) + "".join(line(row) for row in rows)


def cost_table(summaries: Sequence[Summary]) -> str:
    """By size of the task, then by contender in the order in which they were measured."""
    order = {summary.case.contender: index for index, summary in reversed(list(enumerate(summaries)))}
    ranked = sorted(summaries, key=lambda each: (each.case.hosts, each.case.users, order[each.case.contender]))
    return markdown(_HEAD, [_row(summary) for summary in ranked], _NUMERIC)


def _row(summary: Summary) -> list[str]:
    return [
        str(summary.case.users),
        str(summary.case.hosts),
        summary.case.contender,
        summary.run,
        figures(summary.wall),
        figures(summary.ratio),
        figure(summary.controller.middle),
        _UNKNOWN if summary.host is None else figure(summary.host.middle),
        f"{summary.executions.middle:.0f}",
        str(summary.repeats),
    ]


def bounds_table(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [
            str(verdict.bound),
            _UNKNOWN if verdict.measured is None else figure(verdict.measured),
            _YES_NO[verdict.held],
        ]
        for verdict in verdicts
    ]
    return markdown(("bound", "measured", ""), rows, frozenset({1}))
