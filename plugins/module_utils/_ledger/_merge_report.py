# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person or a playbook is told about a merge (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_choices import (
    conflict_records,
    decisions_template,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import Merge

__all__ = ["merge_result"]

SHOWN = 10
_TARGET = 0


def merge_result(store: str, merge: Merge, warnings: Sequence[str], applies: bool) -> dict[str, Any]:
    """The result of the module ledger_merge.

    :param applies: whether the merge is done, or would be outside check mode, and not only reported.
    """
    left_out = [
        f"The number {event.number}, which {event.profile} withheld, lies in no band any more and is not withheld: do"
        " not register a profile over it."
        for event in merge.left_out
    ]
    conflicts = conflict_records(merge.conflicts, merge.bands, _TARGET)
    result = {
        **change_result(store, merge.events, [*warnings, *left_out]),
        "conflicts": conflicts,
        "decisions_template": decisions_template(conflicts),
        "events": [event_record(event) for event in merge.events],
        "renumbered": [
            {
                "kind": moved.kind,
                "profile": moved.profile,
                "subject": moved.subject,
                "username": moved.name,
                "was": moved.was,
                "uid": moved.number,
            }
            for moved in merge.moved
        ],
    }
    if applies and conflicts:
        first = [record["conflict"] for record in conflicts if not record["after_profiles"]]
        more = len(conflicts) - len(first)
        later = f"; and {more} that may vanish when these are settled" if more else ""
        result["failed"] = True
        result["msg"] = (
            f"The ledgers contradict each other, and nothing was written: {in_one_sentence(first, SHOWN)}{later}; fill"
            " in decisions_template of the report, and give it as decisions."
        )
    if not applies:
        result["changed"] = False
    return result
