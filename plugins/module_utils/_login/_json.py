# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that can be read in one way only (private, pure; runs on the controller)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["is_a", "json_object"]


def json_object(data: bytes) -> dict[str, Any]:
    """The JSON object in some bytes.

    :raises ValueError: it is something else, names a key twice, or has a number that JSON does not know.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def is_a(value: object, kind: type) -> bool:
    """Whether a value is of this JSON type; for JSON, true is no number."""
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
