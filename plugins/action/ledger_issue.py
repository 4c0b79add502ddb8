# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import ACTIVE, RESERVED
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import allocation_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import named

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "usernames": {"type": "list", "elements": "str", "default": []},
    "people": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "username": {"type": "str", "required": True},
            "subject": {"type": "str"},
            "uid": {"type": "int"},
        },
    },
    "groups": {"type": "list", "elements": "str", "default": []},
    "band": {"type": "str"},
    "group_band": {"type": "str"},
    "state": {"type": "str", "choices": [ACTIVE, RESERVED], "default": ACTIVE},
}


class ActionModule(ControllerAction):
    """Give people and groups numbers."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Give all of them numbers, or nobody."""
        wanted = _wanted(arguments)
        found: list[Allocation] = []

        def decide(ledger: Ledger, stamp: Stamp) -> Change:
            found[:] = [allocate(ledger, wanted, stamp)]
            return Change(found[0].events)

        result = self.change(arguments, decide)
        (allocation,) = found
        kept_out = [
            f"{username} ({wanted.profile}) keeps {allocation.uids[username]} and gets a disabled account: {why}."
            for username, why in allocation.disabled.items()
        ]
        said = allocation_result(result["ledger"], wanted, Settled(allocation))
        return {
            **result,
            "warnings": [*result.get("warnings", ()), *kept_out],
            "issued": said["issued"],
            "numbers": {**allocation.uids, **allocation.gids},
            "profile": {name: said["profile"][name] for name in ("id", "uid_band", "group_band")},
        }


def _wanted(arguments: dict[str, Any]) -> Wanted:
    """Who and what needs numbers; the people as a roster names them."""
    people: list[dict[str, Any]] = [{"username": username} for username in named(arguments["usernames"])]
    people += [{"username": one["username"], "subject": one["subject"] or None} for one in arguments["people"]]
    return Wanted(
        profile=arguments["profile"],
        roster=parse_roster(people),
        groups=tuple(named(arguments["groups"])),
        uid_band=parse_band(arguments["band"]) if arguments["band"] else None,
        group_band=parse_band(arguments["group_band"]) if arguments["group_band"] else None,
        uids={one["username"]: one["uid"] for one in arguments["people"] if one["uid"] is not None},
        reserve=arguments["state"] == RESERVED,
    )
