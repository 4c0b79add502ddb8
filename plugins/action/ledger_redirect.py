# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_redirect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import redirect, take_redirect_back
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Who
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
    "to_profile": {"type": "str"},
    "to_username": {"type": "str"},
    "to_subject": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(ControllerAction):
    """Merge two identities of one person, or take that back."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Redirect the one to the other, or no longer."""
        profile, reason = arguments["profile"], arguments["reason"]
        to_profile = arguments["to_profile"] or profile
        target = person(arguments, "to_username", "to_subject")
        if arguments["state"] == "absent":
            return self.change(
                arguments, lambda ledger, stamp: take_redirect_back(ledger, profile, person(arguments), reason, stamp)
            )
        if target == Who():
            raise IdentityError("Nobody is named whom the person leads to: give to_username or to_subject.")
        return self.change(
            arguments,
            lambda ledger, stamp: redirect(ledger, profile, person(arguments), to_profile, target, reason, stamp),
        )
