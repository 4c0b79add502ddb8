# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_withhold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import withhold
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

ARGUMENTS = {**OPERATION_ARGUMENTS, "numbers": {"type": "list", "elements": "str", "required": True}}
MOST_AT_ONCE = 100_000


class ActionModule(ControllerAction):
    """Keep numbers from everybody."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Withhold them all, or none."""
        profile, reason = arguments["profile"], arguments["reason"]
        numbers = _parsed(named(arguments["numbers"]))
        return self.change(arguments, lambda ledger, stamp: withhold(ledger, profile, numbers, reason, stamp))


def _parsed(texts: Sequence[str]) -> list[int]:
    """The numbers that were written one by one or as ranges."""
    bands = [_band(text) for text in texts]
    if not bands:
        raise IdentityError("No number is named: write for example numbers=5300-5310,5500.")
    total = sum(band.size for band in bands)
    if total > MOST_AT_ONCE:
        raise IdentityError(
            f"{total} numbers are named, but at most {MOST_AT_ONCE} can be withheld at once: write narrower ranges."
        )
    return [number for band in bands for number in range(band.first, band.last + 1)]


def _band(text: str) -> Band:
    """One number, or a range of them."""
    if text.isascii() and (text.isdecimal() or text.replace("-", "", 1).isdecimal()):
        return parse_band(text if "-" in text else f"{text}-{text}")
    raise IdentityError(f"{quoted(text)} is neither a number like 5300 nor a range like 5300-5310: correct it.")
