# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Linked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import link
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PERSON_ARGUMENTS, person

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    **PERSON_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "upstream": {"type": "str"},
    "prefix": {"type": "str"},
    "uuid": {"type": "str"},
}


class ActionModule(ControllerAction):
    """Note who a person is outside."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Link the person to an upstream identity, a UUID, or both."""
        profile, prefix, uuid = arguments["profile"], arguments["prefix"] or "", arguments["uuid"] or ""
        upstream = arguments["upstream"] or ""
        known: list[str] = []

        def decide(ledger: Ledger, stamp: Stamp) -> Change:
            change = link(ledger, profile, person(arguments), upstream, prefix, uuid, stamp)
            known[:] = _uuids(ledger, change)
            return change

        result = self.change(arguments, decide)
        return {**result, "uuid": known[0] if known else ""}


def _uuids(ledger: Ledger, change: Change) -> list[str]:
    """The UUID of the person, nothing when there is none."""
    links = [event for event in change.events if isinstance(event, Linked)]
    links += [event for key in change.people for event in ledger.links.get(key, ())]
    return [event.uuid for event in links if event.uuid][:1]
