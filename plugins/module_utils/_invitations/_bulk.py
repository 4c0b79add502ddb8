# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations for many: a table in, and a row of a report for each of its lines out (private, pure; controller)."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

__all__ = ["COLUMNS", "LIST_COLUMNS", "Row", "begins_with", "read_table", "write_table"]

LIST_COLUMNS = ("groups", "institutions")
COLUMNS = (
    "name",
    "username",
    "role",
    *LIST_COLUMNS,
    "shell",
    "access_until",
    "orcid",
    "idp",
    "key",
    "valid_for",
)
MOST_ROWS = 100_000
LONGEST_CELL = 4096
# What a spreadsheet would take for a formula, also in the full width of East Asian keyboards. For one that divides by
# semicolons a cell begins after each of them, and what was quoted for commas no longer is.
_FORMULA = re.compile(r"(^|;)(?=[ \"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_HIDDEN = "\ufffd"


@dataclass(frozen=True)
class Row:
    """One line of the table: what it says of an invitation, or why it cannot be read."""

    line: int
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    refusal: str = ""


def read_table(text: str, source: str) -> list[Row]:
    """The rows of a CSV text with a header, its columns divided by commas or, as some spreadsheets write, semicolons.

    :raises IdentityError: the table as a whole cannot be read. A row that cannot be read has a refusal instead.
    """
    lines = text.splitlines()
    delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    header: list[str] = []
    try:
        for cells in reader:
            if not header:
                header = _header([cell.strip() for cell in cells], source)
            elif any(cell.strip() for cell in cells):
                rows.append(_row(reader.line_num, header, [cell.strip() for cell in cells]))
            if len(rows) > MOST_ROWS:
                raise IdentityError(f"The table {source} has more than {MOST_ROWS} rows: divide it.")
    except csv.Error as error:
        raise IdentityError(
            f"The table {source} cannot be read from line {reader.line_num} on: {error}; put quotes around cells that"
            " hold quotes, and double those."
        ) from error
    if not header:
        raise IdentityError(f"The table {source} is empty: its first line names the columns, and name is one of them.")
    return rows


def write_table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> str:
    """A CSV text that a spreadsheet shows and runs nothing of, whether it divides by commas or semicolons."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_harmless(str(cell)) for cell in row])
    return written.getvalue()


def begins_with(text: str, header: Sequence[str]) -> bool:
    """Whether a text is a table with this header, also when a spreadsheet has written it since."""
    first = text.splitlines()[0] if text else ""
    return [cell.strip('" ') for cell in first.lstrip("\ufeff").replace(";", ",").split(",")] == list(header)


def _harmless(cell: str) -> str:
    """A cell of one line, without what a terminal would obey, and with a C(') before each formula."""
    if not cell.isprintable():
        cell = "".join(letter if letter.isprintable() else _HIDDEN for letter in cell)
    return _FORMULA.sub(r"\1'", cell)


def _header(cells: Sequence[str], source: str) -> list[str]:
    unknown = [cell for cell in cells if cell not in COLUMNS]
    if unknown or len(set(cells)) != len(cells) or "name" not in cells:
        what = f"has the column {quoted(unknown[0])}" if unknown else "has no column name, or one column twice"
        raise IdentityError(f"The table {source} {what}: name each of its columns once, of {', '.join(COLUMNS)}.")
    return list(cells)


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    said = dict(zip(header, cells))
    name = said.pop("name", "")
    if len(cells) != len(header):
        return Row(line, name, refusal=f"It has {len(cells)} cells, and the header {len(header)}: correct the line.")
    too_long = [column for column, cell in {"name": name, **said}.items() if len(cell) > LONGEST_CELL]
    if too_long:
        return Row(line, name[:64], refusal=f"Its {too_long[0]} is longer than {LONGEST_CELL} characters: shorten it.")
    if not name:
        return Row(line, name, refusal="It has no name: write by what you will know the invitation again.")
    # an empty cell says nothing, so that what holds for everybody holds
    options: dict[str, Any] = {column: cell for column, cell in said.items() if cell}
    for column in LIST_COLUMNS:
        if column in options:
            options[column] = options[column].replace(";", " ").replace(",", " ").split()
    return Row(line, name, options)
