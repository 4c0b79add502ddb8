# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_check."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._inspection import inspect
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {**LEDGER_ARGUMENTS, "fail": {"type": "bool", "default": True}}


class ActionModule(ControllerAction):
    """Look at all of a ledger; it is never written."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Tell everything that is wrong, and fail when that is wanted."""
        store = self.store(arguments)
        seen = inspect(store, datetime.datetime.now(datetime.timezone.utc))
        people = "1 person" if seen.people == 1 else f"{seen.people or 'no'} people"
        holds = f"{_count(seen.events, 'event')} about {people} in {_count(seen.profiles, 'profile')}"
        counts = f"{_count(len(seen.problems), 'problem')}, {_count(len(seen.warnings), 'warning')}"
        result = {
            "changed": False,
            "ledger": store.name,
            "events": seen.events,
            "people": seen.people,
            "profiles": seen.profiles,
            "problems": [found.record() for found in seen.problems],
            "warnings_found": [found.record() for found in seen.warnings],
            "report": [
                f"{store.name} holds {holds}: {counts}",
                *(line for found in seen.problems for line in found.lines("PROBLEM at")),
                *(line for found in seen.warnings for line in found.lines("WARNING at")),
            ],
        }
        if seen.problems:
            result["msg"] = sentence(store.name, seen.problems)
            result["failed"] = arguments["fail"]
        return result


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number or 'no'} {what}s"
