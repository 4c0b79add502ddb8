# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger says as JSON, as CSV, and by a query (private, pure; controller)."""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["csv_text", "defused", "json_text", "run_query"]

# What makes a spreadsheet take a text for a formula, also in the full width of East Asian keyboards; and the sign that
# takes it back, which is doubled so that nothing is lost.
_FORMULA = frozenset("=+-@\t\r\n'\uff1d\uff0b\uff0d\uff20")


def run_query(expression: str, data: Mapping[str, Any]) -> Any:
    """What a JMESPath expression finds in the data.

    :raises IdentityError: jmespath is missing, or the expression is wrong: where and why.
    """
    try:
        jmespath = importlib.import_module("jmespath")
    except ImportError as error:
        raise IdentityError(
            "The option query needs the Python library jmespath on the controller, which is not there: install it"
            " (pip install jmespath), or leave query out."
        ) from error
    try:
        return jmespath.search(expression, data)
    except RecursionError:
        reason = "it is nested too deep"
    except ValueError as error:  # of which every error of jmespath is one
        reason = _reason(error)
    raise IdentityError(
        f"The query {quoted(expression)} is no JMESPath that can be used here: {reason}; correct it"
        " (https://jmespath.org shows how it is written)."
    )


def _reason(error: ValueError) -> str:
    """Why jmespath refuses an expression, in one line and with the position where it knows one."""
    name = error.__class__.__name__
    position = getattr(error, "lex_position", None)
    at = "" if position is None else f" at position {position + 1}"
    if name == "IncompleteExpressionError":
        return f"it ends too early{at}"
    if name == "LexerError":
        return f"{_line(getattr(error, 'message', ''))}{at}"
    if name == "ParseError":
        return f"{quoted(getattr(error, 'token_value', ''))} is not expected{at}"
    if name == "JMESPathTypeError":
        return (
            f"the function {getattr(error, 'function_name', '')} got {quoted(getattr(error, 'current_value', None))},"
            f" which is {_line(getattr(error, 'actual_type', ''))}"
        )
    return _line(str(error)).rstrip(".") or "it cannot be read"


def _line(text: object) -> str:
    """A text of others as one line that is safe to show."""
    return ascii(" ".join(str(text).split())[:200])[1:-1]


def json_text(value: Any) -> str:
    """JSON for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def csv_text(value: Any) -> str:
    """CSV with a line of names on top: texts in quotes, and so that no spreadsheet runs them; numbers as they are.

    :raises IdentityError: the value is no table.
    """
    rows = _rows(value)
    names = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    if names:
        writer.writerow([defused(name) for name in names])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return written.getvalue()


def defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula: a ' comes before it where it would."""
    return f"'{text}" if _FORMULA.intersection((text[:1], text.lstrip()[:1])) else text


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = value if isinstance(value, list) else [value]
    if all(isinstance(row, dict) for row in rows):
        return rows
    if not any(isinstance(row, (dict, list)) for row in rows):
        return [{"value": row} for row in rows if row is not None]
    raise IdentityError(
        "What is to be exported is no table, so it cannot be CSV: write a query that gives a list of mappings, like"
        " people[].{name: username, uid: uid}, or export it as json."
    )


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    return defused(value if isinstance(value, str) else json.dumps(value))
