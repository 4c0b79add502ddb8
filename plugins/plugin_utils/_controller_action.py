# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share that do their work in the controller's process (private: no stable interface)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import without_secrets
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark

if TYPE_CHECKING:
    from typing import Any, Callable, ClassVar

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import (
        AnyDecision,
        LedgerStore,
        Settled,
    )

__all__ = ["LEDGER_ARGUMENTS", "OPERATION_ARGUMENTS", "ControllerAction"]

_WRITES = "labfleet-writes"

LEDGER_ARGUMENTS: dict[str, Any] = {
    "ledger": {"type": "str", "required": True},
    "lock_timeout": {"type": "int", "default": 60},
}
OPERATION_ARGUMENTS: dict[str, Any] = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "reason": {"type": "str", "default": ""},
}


class ControllerAction(ActionBase):
    """An action without a connection: checked arguments in, a result or one clear sentence out."""

    TRANSFERS_FILES = False
    _requires_connection = False

    # what the module of the same name documents; further requirements as AnsibleModule has them
    arguments: ClassVar[dict[str, Any]] = {}
    requirements: ClassVar[dict[str, Any]] = {}
    # options that are checked by rules of their own, because the validator would copy all of them
    own_rules: ClassVar[frozenset[str]] = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments and do it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            return {**result, **self.perform(self._checked())}
        except IdentityError as error:
            return {**result, "failed": True, "msg": without_secrets(str(error))}

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it and return the result."""
        raise NotImplementedError

    def change(self, arguments: dict[str, Any], decide: Callable[[Ledger, Stamp], Change]) -> dict[str, Any]:
        """Let one operation add to the ledger, or only say what it would add."""
        store = self.store(arguments)
        stamp = stamp_now()
        settled = self.settle(store, lambda ledger: decide(ledger, stamp))
        events = settled.decision.events
        return {
            **change_result(store.name, events, settled.warnings),
            "events": [event_record(event) for event in events],
        }

    def settle(
        self, store: LedgerStore, decide: Callable[[Ledger], AnyDecision], write: bool = True
    ) -> Settled[AnyDecision]:
        """Settle a decision, never in check mode, and let the tasks that follow look into the ledger again."""
        writes = write and not self._task.check_mode
        settled = settle(store, decide, writes)
        if writes and settled.decision.events:
            with open(os.path.join(self.run_directory, _WRITES), "ab") as file:
                file.write(b".")
        return settled

    @property
    def run_directory(self) -> str:
        """The directory that ansible-playbook made for this run, which nobody else can read."""
        return str(vars(constants)["DEFAULT_LOCAL_TMP"])

    def marker_of_writes(self) -> list[int]:
        """What changes whenever this run writes to a ledger."""
        return file_mark(os.path.join(self.run_directory, _WRITES))

    def store(self, arguments: dict[str, Any]) -> LedgerStore:
        """The ledger that the task names."""
        return open_store(arguments["ledger"], arguments["lock_timeout"])

    def _checked(self) -> dict[str, Any]:
        given = dict(self._task.args)
        own = {name: given.pop(name) for name in self.own_rules & given.keys()}
        given.update({name: True for name, value in own.items() if value is not None})
        unknown = sorted(given.keys() - self.arguments.keys())
        if unknown:
            raise IdentityError(
                f"{self._task.action} has no option {', '.join(unknown)}: it has {', '.join(self.arguments)}."
            )
        validation = ArgumentSpecValidator(self.arguments, **self.requirements).validate(plain(given))
        if validation.error_messages:
            raise IdentityError("; ".join(validation.error_messages))
        return {**validation.validated_parameters, **own}
