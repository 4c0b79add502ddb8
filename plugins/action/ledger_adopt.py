# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_adopt."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption import Adoption, Proposal, adopt
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_report import (
    adoption_report,
    adoption_table,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import parse_surveys
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

ARGUMENTS: dict[str, Any] = {
    **OPERATION_ARGUMENTS,
    "hosts": {"type": "raw", "required": True},
    "roster": {"type": "raw"},
    "decisions": {"type": "raw"},
    "band": {"type": "str"},
    "group_band": {"type": "str"},
    "incomplete": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["report", "adopted"], "default": "report"},
}


class ActionModule(ControllerAction):
    """Propose a ledger for a fleet that runs already, or bring it about."""

    arguments = ARGUMENTS
    # what hosts and rosters say is data, read by rules of its own
    own_rules = frozenset({"hosts", "roster", "decisions"})

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Say what becomes of everybody, and adopt them when that is asked for."""
        adopts = arguments["state"] == "adopted"
        # an empty roster is what a playbook passes on that has none
        if adopts and arguments.get("roster") in (None, ""):
            raise IdentityError(
                "Nobody can be adopted without a roster, because nobody then is a person of this profile: give the"
                " roster that uid_allocation gets."
            )
        proposal = Proposal(
            profile=arguments["profile"],
            surveys=parse_surveys(plain(arguments["hosts"])),
            roster=parse_roster(self._data("roster", arguments.get("roster")) or []),
            decisions=parse_decisions(self._data("decisions", arguments.get("decisions"))),
            # an empty band is what a playbook passes on that leaves the choice to the ledger
            uid_band=parse_band(arguments["band"]) if arguments["band"] else None,
            group_band=parse_band(arguments["group_band"]) if arguments["group_band"] else None,
            incomplete=arguments["incomplete"],
            reason=arguments["reason"],
        )
        store, stamp = self.store(arguments), stamp_now()
        seen: list[Ledger] = []

        def decide(ledger: Ledger) -> Adoption:
            seen[:] = [ledger]
            return adopt(ledger, proposal, stamp)

        settled = self.settle(store, decide) if adopts else Settled(decide(store.load() or EMPTY_LEDGER))
        adoption = settled.decision
        if adopts and adoption.refusal:
            raise IdentityError(adoption.refusal)
        written = adoption.events if adopts else ()
        report = adoption_report(adoption, seen[0])
        return {
            **change_result(store.name, written, [*settled.warnings, *_warnings(proposal)]),
            "events": [event_record(event) for event in adoption.events],
            "report": report,
            "table": adoption_table(report),
        }

    def _data(self, what: str, given: Any) -> Any:
        """The value of an option that is data, or the path of a file with it."""
        if not isinstance(given, str) or not given:
            return plain(given) if given else None
        path = os.path.abspath(os.path.expanduser(plain(given)))
        if not os.path.isfile(path):
            raise IdentityError(f"{what} {path} is not a file: correct the path, or give the list itself.")
        # the loader of Ansible decrypts a file that ansible-vault encrypted; its text is never a template
        return read_roster_text(plain(self._loader.get_text_file_contents(path)), path, f"file of {what}")


def _warnings(proposal: Proposal) -> list[str]:
    gaps = proposal.surveys.gaps
    if not gaps or not proposal.incomplete:
        return []
    warning = (
        f"Not everything is known of {len(gaps)} of {len(proposal.surveys.hosts)} hosts, and incomplete is set: a"
        " number that is in use there and nowhere else can be given to somebody else, who then owns the files; survey"
        " these hosts before anybody gets an account on them."
    )
    return [warning]
