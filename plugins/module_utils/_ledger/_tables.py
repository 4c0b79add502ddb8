# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger says, in lines for a terminal (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

__all__ = ["in_a_terminal", "table"]

SHOWN_ROWS = 40
_LONGEST_CELL = 48
# The title of each column, and where its value is found.
_COLUMNS: dict[str, dict[str, str]] = {
    "holders": {
        "NUMBER": "number",
        "KIND": "kind",
        "NAME": "name",
        "PROFILE": "profile",
        "STATE": "state",
        "SINCE": "since",
        "UNTIL": "until",
        "BY": "by",
        "RUN": "run",
    },
    "people": {
        "USERNAME": "username",
        "UID": "uid",
        "PROFILE": "profile",
        "STATE": "state",
        "ISSUED": "issued_at",
        "SUBJECT": "subject",
    },
    "groups": {"GROUP": "name", "GID": "gid", "PROFILE": "profile", "ISSUED": "issued_at"},
    "withheld": {"WITHHELD": "number", "PROFILE": "profile", "SINCE": "issued_at", "REASON": "reason"},
    "profiles": {
        "PROFILE": "profile",
        "PEOPLE": "people",
        "UIDS": "uids.band",
        "USED": "uids.used",
        "LEFT": "uids.left",
        "GIDS": "gids.band",
        "LEFT FOR GROUPS": "gids.left",
    },
    "events": {"AT": "at", "EVENT": "summary", "PROFILE": "profile", "BY": "by", "RUN": "run", "REASON": "reason"},
}


def in_a_terminal(sections: Mapping[str, Sequence[Mapping[str, Any]]], is_narrow: bool) -> list[str]:
    """The sections of an answer as tables.

    :param is_narrow: whether certain people or a number were asked for: then events are shown and profiles are not.
    """
    left_out = "profiles" if is_narrow else "events"
    lines: list[str] = []
    for section, columns in _COLUMNS.items():
        rows = sections[section]
        if section == left_out or not rows:
            continue
        # of events the last ones count, of everything else the first
        some = rows[-SHOWN_ROWS:] if section == "events" else rows[:SHOWN_ROWS]
        lines += [""] if lines else []
        lines += table([[_at(row, path) for path in columns.values()] for row in some], list(columns))
        if len(rows) > len(some):
            lines.append(f"... and {len(rows) - len(some)} more in {section}: ask for less, or export them.")
    return lines or ["Nobody and nothing: the ledger holds nothing that was asked for."]


def table(rows: Iterable[Sequence[object]], titles: Sequence[str]) -> list[str]:
    """Lines with columns, for a terminal; nothing in them is anything but printable ASCII."""
    cells = [[*titles], *([_shown(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]


def _at(row: Mapping[str, Any], path: str) -> object:
    value: Any = row
    for name in path.split("."):
        value = value.get(name)
    return value


def _shown(value: object) -> str:
    # a look-alike letter must be seen for what it is, as in messages
    text = "" if value is None else ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 3]}..."
