# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module run_as: the token stays here, the host learns whom it named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._portal._mapping import MAPPINGS, map_user
from ansible_collections.labfleet.identity.plugins.module_utils._portal._replay import UsedTokens
from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import Trust, read_token
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import MAY_BE_MISSING, parse_job
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import read_jwks
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._portal._mapping import Mapping
    from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import PortalUser

_FOR_THE_HOST: dict[str, Any] = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "environment": {"type": "dict", "default": {}},
    "chdir": {"type": "str"},
    "directories": {"type": "list", "elements": "str", "default": []},
    "shared_directories": {"type": "list", "elements": "str", "default": []},
    "hidden": {"type": "list", "elements": "str", "default": ["/efs", "/media", "/mnt", "/scratch", "/srv"]},
    "timeout": {"type": "int", "default": 600},
    "max_output": {"type": "int", "default": 1048576},
    "without": {"type": "list", "elements": "str", "choices": list(MAY_BE_MISSING), "default": []},
}
ARGUMENTS: dict[str, Any] = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "token": {"type": "str", "required": True},
    "trusted": {"type": "dict", "required": True},
    "audience": {"type": "str", "required": True},
    "roles": {"type": "list", "elements": "str", "required": True},
    "role_claim": {"type": "str", "default": "role"},
    "types": {"type": "list", "elements": "str", "default": ["JWT"]},
    "lifetime": {"type": "int", "default": 600},
    "leeway": {"type": "int", "default": 30},
    "used_tokens": {"type": "str", "required": True},
    "mapping": {"type": "str", "choices": list(MAPPINGS), "required": True},
    "username": {"type": "str"},
    "username_claim": {"type": "str", "default": "preferred_username"},
    "owner": {"type": "str"},
    **_FOR_THE_HOST,
}
_CHECKED: dict[str, Any] = {**ARGUMENTS, "token": {"type": "str", "required": True, "no_log": True}}


class ActionModule(ControllerAction):
    """Let a user of a portal run one command on a host."""

    _requires_connection = True
    arguments = _CHECKED

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the token here, then run the command there."""
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Verify, map, use the token up, write the ledger, run: in this order, and nothing after what fails."""
        now = int(time.time())
        user = read_token(arguments["token"], _trust(arguments), now)
        store, used, stamp = self.store(arguments), UsedTokens(arguments["used_tokens"]), stamp_now()
        wanted = {name: arguments[name] for name in _FOR_THE_HOST}

        def decide(ledger: Ledger) -> Mapping:
            mapping = map_user(
                ledger, arguments["profile"], user, arguments["mapping"], arguments["username"] or "", now, stamp
            )
            # what no host would take is refused before anything comes of it
            parse_job(_host_arguments(arguments, wanted, user, mapping))
            return mapping

        ledger = store.load()
        if ledger is None:
            raise IdentityError(f"There is no ledger {store.name} yet: correct the path, or issue numbers first.")
        decide(ledger)
        if self._task.check_mode:
            used.check_unused(user)
        else:
            used.use(user, now)
        settled = self.settle(store, decide)
        mapping = settled.decision
        change = change_result(store.name, mapping.events)
        told = {
            "ledger": store.name,
            "events": [event_record(event) for event in mapping.events],
            "identity": {"issuer": user.issuer, "subject": user.subject, "role": user.role},
            "mapping": arguments["mapping"],
        }
        result: dict[str, Any] = self._execute_module(
            module_name="labfleet.identity.run_as_unit",
            module_args=_host_arguments(arguments, wanted, user, mapping),
            task_vars=self._variables,
        )
        result.pop("invocation", None)
        if result.get("failed") and "unit" not in result and mapping.subject not in ("", mapping.account):
            # the account may be missing because the roster that brings it names somebody else
            result["msg"] = (
                f"{result.get('msg', 'The host ran nothing')}. In the roster {mapping.account} needs 'subject:"
                f" {mapping.subject}': without it the entry is another person's."
            )
        result.update(told)
        # a number that was issued stays issued, whatever the host says
        result["changed"] = bool(result.get("changed")) or bool(change["changed"])
        warnings = [*settled.warnings, *result.get("warnings", [])]
        return {**result, **({"warnings": warnings} if warnings else {}), "diff": change["diff"]}


def _trust(arguments: dict[str, Any]) -> Trust:
    keys = {}
    for issuer, path in arguments["trusted"].items():
        if not isinstance(issuer, str) or not isinstance(path, str):
            raise IdentityError(f"trusted has {quoted(issuer)}: write an issuer and the file of its public keys.")
        keys[issuer] = read_jwks(path)
    return Trust(
        keys=keys,
        audience=arguments["audience"],
        roles=arguments["roles"],
        role_claim=arguments["role_claim"],
        username_claim=arguments["username_claim"],
        types=arguments["types"],
        lifetime=arguments["lifetime"],
        leeway=arguments["leeway"],
    )


def _host_arguments(
    arguments: dict[str, Any], wanted: dict[str, Any], user: PortalUser, mapping: Mapping
) -> dict[str, Any]:
    """What the host is told: whom to run as, for whom, and what. Of the token, nothing."""
    return {
        **wanted,
        "account": mapping.account,
        "uid": mapping.uid,
        "owner": arguments["owner"] or f"research:{arguments['profile']}",
        "issuer": user.issuer,
        "subject": user.subject,
        "run": user.run,
        "identity": user.identity,
        "shared": mapping.shared,
    }
