# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values out of what Ansible hands over (private; runs on the controller)."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["plain"]

MAXIMUM_DEPTH = 12


def plain(value: Any, _depth: int = 0) -> Any:
    """The value without tags and lazy containers, so that nothing in it is ever taken for a template again."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    if _depth > MAXIMUM_DEPTH:
        raise IdentityError(
            f"The data is nested more than {MAXIMUM_DEPTH} levels deep, which no roster needs: flatten it."
        )
    if isinstance(value, dict):
        return {plain(key, _depth + 1): plain(item, _depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, _depth + 1) for item in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.date(value.year, value.month, value.day)
    return value
