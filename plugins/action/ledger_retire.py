# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_retire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import RETIRED
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import set_state
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PEOPLE_ARGUMENTS, people

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {**OPERATION_ARGUMENTS, **PEOPLE_ARGUMENTS}


class ActionModule(ControllerAction):
    """Note that people left."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Retire them all, or nobody."""
        profile, reason = arguments["profile"], arguments["reason"]
        named = people(arguments)
        return self.change(arguments, lambda ledger, stamp: set_state(ledger, profile, named, RETIRED, reason, stamp))
