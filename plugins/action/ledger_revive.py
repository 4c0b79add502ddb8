# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_revive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import ACTIVE
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import set_state
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PERSON_ARGUMENTS, person

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {**OPERATION_ARGUMENTS, **PERSON_ARGUMENTS}


class ActionModule(ControllerAction):
    """Let a person in again."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make the person active, if it is the same one."""
        profile, reason = arguments["profile"], arguments["reason"]
        return self.change(
            arguments, lambda ledger, stamp: set_state(ledger, profile, [person(arguments)], ACTIVE, reason, stamp)
        )
