# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_info."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export import csv_text, json_text, run_query
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file, parse_mode
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import EVER, parse_when
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._query import SECTIONS, Question, answer
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._tables import in_a_terminal
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import PEOPLE_ARGUMENTS

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    **PEOPLE_ARGUMENTS,
    "profile": {"type": "str"},
    "upstream": {"type": "str"},
    "prefix": {"type": "str"},
    "uid": {"type": "int"},
    "at": {"type": "str"},
    "query": {"type": "str"},
    "export": {
        "type": "dict",
        "options": {
            "dest": {"type": "str", "required": True},
            "format": {"type": "str", "choices": ["csv", "json"], "required": True},
            "content": {"type": "str", "choices": ["everything", *SECTIONS, "result"]},
            "mode": {"type": "str", "default": "0600"},
        },
    },
}
LONGEST_DIFF = 100_000


class ActionModule(ControllerAction):
    """Ask a ledger; it is never written."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer, and export the answer where that is wanted."""
        question = _question(arguments)
        store = self.store(arguments)
        ledger = store.load()
        if ledger is None:
            raise IdentityError(
                f"There is no ledger {store.name} yet: correct the path; the first run of uid_allocation begins one."
            )
        sections, warnings = answer(ledger, question)
        told: dict[str, Any] = {"changed": False, "ledger": store.name, **sections}
        if arguments["query"]:
            told["result"] = run_query(arguments["query"], sections)
        told["table"] = in_a_terminal(sections, question.names_people or question.uid is not None)
        if warnings:
            told["warnings"] = warnings
        if arguments["export"]:
            told.update(self._export(arguments["export"], told))
        return told

    def _export(self, wanted: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Write the file, or only say what would be written."""
        content = wanted["content"] or _usual_content(wanted["format"], told)
        if content == "result" and "result" not in told:
            raise IdentityError("The result of a query is to be exported, but there is no query: write one.")
        if content == "everything" and wanted["format"] == "csv":
            raise IdentityError(
                f"Everything is more than one table, so it cannot be CSV: name one of {', '.join(SECTIONS)}, or export"
                " it as json."
            )
        value = {name: told[name] for name in SECTIONS} if content == "everything" else told[content]
        text = csv_text(value) if wanted["format"] == "csv" else json_text(value)
        write = not self._task.check_mode
        changed, before = export_file(wanted["dest"], text, parse_mode(wanted["mode"]), write)
        header = f"{wanted['dest']} ({content})"
        return {
            "changed": changed,
            "diff": {
                "before_header": header,
                "after_header": header,
                "before": _shortened(before),
                "after": _shortened(text),
            },
        }


def _question(arguments: dict[str, Any]) -> Question:
    uid = arguments["uid"]
    if uid is not None and not 0 <= uid <= LARGEST_NUMBER:
        raise IdentityError(f"{uid} is not the number of a user or group: write one from 0 to {LARGEST_NUMBER}.")
    if arguments["prefix"] and not arguments["upstream"]:
        raise IdentityError("A prefix says how to find an upstream identity: give one with upstream, or leave it out.")
    return Question(
        profile=arguments["profile"] or "",
        usernames=arguments["usernames"],
        subjects=arguments["subjects"],
        upstream=arguments["upstream"] or "",
        prefix=arguments["prefix"] or "",
        uid=uid,
        when=parse_when(arguments["at"]) if arguments["at"] else EVER,
    )


def _usual_content(form: str, told: dict[str, Any]) -> str:
    """What is exported when nothing is said."""
    if "result" in told:
        return "result"
    if form == "json":
        return "everything"
    return "holders" if told["holders"] else "people"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DIFF else f"{text[:LONGEST_DIFF]}\n... {len(text)} characters\n"
