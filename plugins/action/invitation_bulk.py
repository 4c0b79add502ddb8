# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module invitation_bulk."""

from __future__ import annotations

import collections
import functools
import os
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._bulk import (
    Row,
    begins_with,
    read_table,
    write_table,
)
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import (
    ACCEPTED,
    Decision,
    Outcome,
    decide,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import stamp_now
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._invitation_options import (
    ISSUER_ARGUMENTS,
    TERMS_ARGUMENTS,
    check_dest,
    signed,
    signing_key,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import Wish
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

ARGUMENTS = {
    **OPERATION_ARGUMENTS,
    **ISSUER_ARGUMENTS,
    **TERMS_ARGUMENTS,
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "report": {"type": "path", "required": True},
    "strict": {"type": "bool", "default": False},
}
_CHECKED: dict[str, Any] = {**ARGUMENTS, "passphrase": {"type": "str", "no_log": True}}
_STATUSES = ("issued", "kept", "accepted", "refused")
_TOKENS = ("name", "token")
_REPORT = ("line", "name", "status", "jti", "expires", "reason")
_SHOWN = 20
_LARGEST_TABLE = 64 * 1024**2


class ActionModule(ControllerAction):
    """Issue an invitation for every row of a table."""

    # neither the passphrase nor an invitation is ever part of a result or a message
    arguments = _CHECKED

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Issue what can be, in one step, and report on everything."""
        write, now, stamp = not self._task.check_mode, int(time.time()), stamp_now()
        key = signing_key(arguments)
        rows, wishes = self._wishes(arguments, now)
        # where nothing can be written, nothing is issued
        dest, report = (
            check_dest(arguments[name], mode, functools.partial(begins_with, header=header))
            for name, mode, header in (("dest", 0o600, _TOKENS), ("report", 0o640, _REPORT))
        )
        if os.path.realpath(dest) == os.path.realpath(report):
            raise IdentityError(
                "The report is to be shown and the invitations are not: give dest and report two files."
            )
        store = self.store(arguments)

        def decide_all(ledger: Ledger) -> Decision:
            return decide(ledger, arguments["profile"], wishes, now, stamp)

        settled = self.settle(store, decide_all)
        outcomes = _in_order(rows, settled.decision.outcomes)
        tokens = [(outcome.name, signed(outcome, key)) for outcome in outcomes if _status(outcome) in _STATUSES[:2]]
        changed = [
            export_file(dest, write_table(tokens, _TOKENS), 0o600, write)[0],
            export_file(report, write_table(map(_line, rows, outcomes), _REPORT), 0o640, write)[0],
        ]
        counts = {**dict.fromkeys(_STATUSES, 0), **collections.Counter(map(_status, outcomes))}
        counted = ", ".join(f"{count} {status}" for status, count in counts.items())
        told: dict[str, Any] = {
            **change_result(store.name, settled.decision.events, settled.warnings),
            "counts": counts,
            "refused": [
                {"line": row.line, "name": row.name, "reason": outcome.refusal}
                for row, outcome in zip(rows, outcomes)
                if outcome.refusal
            ][:_SHOWN],
            "report": report,
            "dest": dest,
            "message": [f"{counted}: see {report}. The invitations are in {dest}, each for one person."],
        }
        told["changed"] = told["changed"] or any(changed)
        if arguments["strict"] and counts["refused"]:
            told.update(failed=True, msg=f"Not every row could be issued: {counted}; see {report}.")
        return told

    def _wishes(self, arguments: dict[str, Any], now: int) -> tuple[list[Row], list[Wish]]:
        """The rows of the table, and what those ask for that can be read; the others have a refusal."""
        everybody = {term: arguments[term] for term in TERMS_ARGUMENTS}
        rows: list[Row] = []
        wishes: list[Wish] = []
        for row in read_table(_text(arguments["src"]), arguments["src"]):
            read = row
            if not row.refusal:
                try:
                    own = {**arguments, "valid_for": row.options.get("valid_for") or arguments["valid_for"]}
                    wishes.append(wish(row.name, own, {**everybody, **row.options}, now))
                except IdentityError as refusal:
                    read = Row(row.line, row.name, refusal=str(refusal))
            rows.append(read)
        if not rows:
            raise IdentityError(f"The table {arguments['src']} has a header and no rows: write one for each person.")
        return rows, wishes


def _in_order(rows: Sequence[Row], decided: Sequence[Outcome]) -> list[Outcome]:
    """One outcome for each row: what was decided, or why nothing could be."""
    waiting = iter(decided)
    return [Outcome(row.name, refusal=row.refusal) if row.refusal else next(waiting) for row in rows]


def _status(outcome: Outcome) -> str:
    if outcome.refusal:
        return "refused"
    if outcome.state == ACCEPTED:
        return "accepted"
    return "issued" if outcome.is_new else "kept"


def _line(row: Row, outcome: Outcome) -> tuple[object, ...]:
    ends = moment(outcome.claims["exp"]) if outcome.claims else ""
    return row.line, row.name, _status(outcome), outcome.jti, ends, outcome.refusal


def _text(path: str) -> str:
    """The text of the table; spreadsheets put a mark before it."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST_TABLE + 1)
    except OSError as error:
        raise IdentityError(f"The table {path} cannot be read: {error.strerror}; correct src.") from error
    if len(data) > _LARGEST_TABLE:
        raise IdentityError(f"The table {path} is larger than {_LARGEST_TABLE // 1024**2} MiB: divide it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IdentityError(
            f"The table {path} is not UTF-8 from byte {error.start} on: save it as CSV in UTF-8."
        ) from None
