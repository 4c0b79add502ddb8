# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module uid_allocation: it runs on the controller, without starting a Python for a host."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import allocation_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_merge import (
    MergedKeys,
    merge_keys,
    profiles_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._roster_source import RosterSource
from ansible_collections.labfleet.identity.plugins.plugin_utils._run_cache import kept_for_the_run

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "roster": {"type": "raw", "required": True},
    "band": {"type": "str"},
    "group_band": {"type": "str"},
    "groups": {"type": "list", "elements": "str", "default": []},
    "key_store": {"type": "str"},
}


class ActionModule(ControllerAction):
    """Find or issue the numbers of a roster, once for each host that asks; only the first finds something to issue."""

    arguments = ARGUMENTS
    own_rules = frozenset({"roster"})

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Give everybody in the roster their number."""
        store = self.store(arguments)
        # an empty path is what a role passes on that has no key store
        keys = KeyStore(arguments["key_store"], arguments["lock_timeout"]) if arguments["key_store"] else None
        roster = RosterSource(arguments["roster"])
        question = [
            {**arguments, "roster": roster.mark},
            [store.name, store.mark, self.marker_of_writes(), self._task.check_mode],
            [keys.path, keys.mark(arguments["profile"])] if keys else [],
        ]

        def find() -> tuple[dict[str, Any], dict[str, Any]]:
            wanted = Wanted(
                profile=arguments["profile"],
                roster=roster.read(self._loader),
                groups=tuple(arguments["groups"]),
                # an empty band is what a role passes on that leaves the choice to the ledger
                uid_band=parse_band(arguments["band"]) if arguments["band"] else None,
                group_band=parse_band(arguments["group_band"]) if arguments["group_band"] else None,
            )
            stamp = stamp_now()
            books = _books(keys, wanted) if keys else None
            merged = MergedKeys(wanted.roster)

            def decide(ledger: Ledger) -> Allocation:
                nonlocal merged
                allocation = allocate(ledger, wanted, stamp)
                if books is not None:
                    merged = merge_keys(wanted.roster, wanted.profile, books, stamp.at, allocation.names)
                return allocation

            settled = settle(store, decide, write=not self._task.check_mode)
            known = keys is None or os.path.isdir(os.path.join(keys.path, wanted.profile))
            if keys and not known:
                merged = dataclasses.replace(merged, warnings=(_no_keys(keys, wanted.profile), *merged.warnings))
            answer = _answer(store.name, wanted, settled, merged, known)
            if self._task.check_mode or not settled.decision.events:
                return answer, answer
            written = Settled(dataclasses.replace(settled.decision, events=()))
            return answer, _answer(store.name, wanted, written, merged, known)

        return kept_for_the_run(self.run_directory, question, find, arguments["lock_timeout"])


def _books(keys: KeyStore, wanted: Wanted) -> dict[str, KeyBook]:
    """The keys of everybody who may be on a host of this profile."""
    return {profile: keys.load(profile) for profile in profiles_of(wanted.roster, wanted.profile)}


def _no_keys(keys: KeyStore, profile: str) -> str:
    return (
        f"The key store {keys.path} has no directory {profile}, so nobody has keys of it, and hosts keep the revoked"
        " keys that they know of: if there were some, bring the directory back."
    )


def _answer(
    store: str, wanted: Wanted, settled: Settled[Allocation], merged: MergedKeys, known: bool
) -> dict[str, Any]:
    """The result, with the keys of the store; without a word on the revoked ones when nobody knows them."""
    answer = allocation_result(store, dataclasses.replace(wanted, roster=merged.roster), settled)
    if merged.warnings:
        answer["warnings"] = [*answer.get("warnings", ()), *merged.warnings]
    return {**answer, "revoked_keys": list(merged.revoked)} if known else answer
