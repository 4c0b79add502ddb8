# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module invitation_info."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import invitation_records
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._tables import table
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import named
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import shown_claims

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "states": {
        "type": "list",
        "elements": "str",
        "choices": ["open", "accepted", "revoked", "expired"],
        "default": [],
    },
}
_TITLES = ("NAME", "STATE", "EXPIRES", "ACCEPTED BY", "UID", "ISSUER", "JTI")


class ActionModule(ControllerAction):
    """Say which invitations there are."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read the ledger."""
        store = self.store(arguments)
        ledger = store.load() or EMPTY_LEDGER
        names, states = named(arguments["names"]), arguments["states"]
        records = [
            {**record, "claims": shown_claims(record["claims"])}
            for record in invitation_records(ledger, arguments["profile"], int(time.time()))
            if (not names or record["name"] in names) and (not states or record["state"] in states)
        ]
        return {
            "changed": False,
            "ledger": store.name,
            "invitations": records,
            "table": table([_row(record) for record in records], _TITLES),
        }


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    accepted = record["accepted"] or {}
    return (
        record["name"],
        record["state"],
        record["expires_at"],
        accepted.get("username", ""),
        accepted.get("uid", ""),
        record["issuer"],
        record["jti"],
    )
