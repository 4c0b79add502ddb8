# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import GrantChanged
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import grant, revoke
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PERSON_ARGUMENTS, person

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change

ARGUMENTS = {
    **OPERATION_ARGUMENTS,
    **PERSON_ARGUMENTS,
    "into": {"type": "str", "required": True},
    "number": {"type": "str", "choices": ["own", "home"]},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(ControllerAction):
    """Let a person be used in another profile, or no longer."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Grant it or take it back."""
        profile, into, reason = arguments["profile"], arguments["into"], arguments["reason"]
        own_number = {"own": True, "home": False}.get(arguments["number"])
        uid: list[int] = []

        def decide(ledger: Ledger, stamp: Stamp) -> Change:
            who = person(arguments)
            if arguments["state"] == "present":
                change = grant(ledger, profile, who, into, own_number, reason, stamp)
            else:
                change = revoke(ledger, profile, who, into, reason, stamp)
            uid[:] = _numbers(ledger, change, into)
            return change

        result = self.change(arguments, decide)
        return {**result, "uid": uid[0]} if uid else result


def _numbers(ledger: Ledger, change: Change, into: str) -> list[int]:
    """The number of the person in the other profile, nothing when they never had one."""
    numbers = [event.uid for event in change.events if isinstance(event, GrantChanged)]
    numbers += [grant.uid for key, grant in ledger.profile(into).grants.items() if key in change.people]
    return numbers[:1]
