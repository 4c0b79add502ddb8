# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module uid_allocation: it runs on the controller, without starting a Python for a host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import allocation_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster

ARGUMENTS = {
    "profile": {"type": "str", "required": True},
    "ledger": {"type": "str", "required": True},
    "roster": {"type": "raw", "required": True},
    "band": {"type": "str"},
    "group_band": {"type": "str"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "lock_timeout": {"type": "int", "default": 60},
}


class ActionModule(ActionBase):
    """Find or issue the numbers of a roster."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do it, once for each host that asks; only the first finds something to issue."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            return {**result, **self._allocate(self._arguments())}
        except IdentityError as error:
            return {**result, "failed": True, "msg": str(error)}

    def _arguments(self) -> dict[str, Any]:
        given = dict(self._task.args)
        # The roster is checked by its own rules: the validator would copy all of it.
        roster = given.pop("roster", None)
        if roster is not None:
            given["roster"] = True
        unknown = sorted(given.keys() - ARGUMENTS.keys())
        if unknown:
            raise IdentityError(f"uid_allocation has no option {', '.join(unknown)}: it has {', '.join(ARGUMENTS)}.")
        validation = ArgumentSpecValidator(ARGUMENTS).validate(plain(given))
        if validation.error_messages:
            raise IdentityError("; ".join(validation.error_messages))
        return {**validation.validated_parameters, "roster": roster}

    def _allocate(self, arguments: dict[str, Any]) -> dict[str, Any]:
        wanted = Wanted(
            profile=arguments["profile"],
            roster=self._roster(arguments["roster"]),
            groups=tuple(arguments["groups"]),
            # an empty band is what a role passes on that leaves the choice to the ledger
            uid_band=parse_band(arguments["band"]) if arguments["band"] else None,
            group_band=parse_band(arguments["group_band"]) if arguments["group_band"] else None,
        )
        stamp = stamp_now()
        store = open_store(arguments["ledger"], arguments["lock_timeout"])
        settled = settle(store, lambda ledger: allocate(ledger, wanted, stamp), write=not self._task.check_mode)
        return allocation_result(store.name, wanted, settled)

    def _roster(self, given: Any) -> Roster:
        if not isinstance(given, str):
            return parse_roster(plain(given))
        path = os.path.abspath(os.path.expanduser(plain(given)))
        if not os.path.isfile(path):
            raise IdentityError(
                f"The roster {path} is not a file: correct the path, or give the list of people itself."
            )
        # the loader of Ansible decrypts a file that ansible-vault encrypted; the text is data and never a template
        return parse_roster(read_roster_text(plain(self._loader.get_text_file_contents(path)), path))
