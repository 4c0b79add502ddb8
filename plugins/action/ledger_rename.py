# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_rename."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import rename
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PERSON_ARGUMENTS, person

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {
    **OPERATION_ARGUMENTS,
    **PERSON_ARGUMENTS,
    "new_username": {"type": "str", "required": True},
}


class ActionModule(ControllerAction):
    """Call a person otherwise."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Give the person the new username."""
        profile, reason, username = arguments["profile"], arguments["reason"], arguments["new_username"]
        return self.change(
            arguments, lambda ledger, stamp: rename(ledger, profile, person(arguments), username, reason, stamp)
        )
