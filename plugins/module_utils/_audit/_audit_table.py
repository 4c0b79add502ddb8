# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit in lines for a terminal, of printable ASCII alone (private, pure; runs on the controller)."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._access import cells
from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import counts
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import HostAnswer
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import Finding
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import Sorted

__all__ = ["audit_table"]

SHOWN_FINDINGS = 100
SHOWN_PEOPLE = 200
WIDTH = 100
_INDENT = "          "
_LEGEND = (
    "key: a key that root keeps; home key: one in the home; console: a password that sshd does not take;",
    "root: can become root; sudo: has rules of sudo; closed: has an account and no way in;",
    "-: no account; ?: not looked at",
)


def audit_table(answers: Sequence[HostAnswer], result: Sorted, access: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """The findings, the worst first, and who can reach what.

    :param access: None leaves that out.
    """
    unknown = [answer.host for answer in answers if answer.unknown]
    numbers = ", ".join(f"{count} {severity}" for severity, count in counts(result.findings).items())
    lines = [f"{len(answers)} hosts, {len(unknown)} of them not looked at; findings: {numbers}"]
    if result.accepted:
        lines.append(f"{result.accepted} findings are accepted and not shown")
    lines += textwrap.wrap(f"NOT LOOKED AT: {', '.join(_ascii(host) for host in unknown)}", WIDTH) if unknown else []
    for one in result.findings[:SHOWN_FINDINGS]:
        lines += ["", *_lines(one)]
    if len(result.findings) > SHOWN_FINDINGS:
        lines += ["", f"... and {len(result.findings) - SHOWN_FINDINGS} more findings: write all of them to a file."]
    if not result.findings:
        lines += ["", "Everything is as the ledger and the roster say."]
    return [*lines, *_matrix(answers, access)] if access else lines


def _lines(finding: Finding) -> Iterator[str]:
    """One finding: where it is and what, why, and the way out."""
    where = f"{_ascii(finding.host)}  {_ascii(finding.account)}" if finding.account else _ascii(finding.host)
    yield f"{finding.severity.upper():8}  {where}  {finding.kind}"
    yield from textwrap.wrap(_ascii(finding.text), WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    out = f"-> {_ascii(finding.what_to_do)}"
    yield from textwrap.wrap(out, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT + "   ")


def _matrix(answers: Sequence[HostAnswer], access: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Accounts by hosts, in as many tables as the width asks for."""
    shown = cells(access)
    people = {row["account"]: row["person"] for row in reversed(access)}
    names = sorted(people, key=lambda name: (not people[name], name))
    unknown = {answer.host for answer in answers if answer.unknown}
    hosts = [answer.host for answer in answers]
    yield from ("", "WHO CAN REACH WHAT")
    for block in _blocks(hosts, shown):
        rows = [
            [name, people[name], *("?" if host in unknown else shown.get((name, host), "-") for host in block)]
            for name in names[:SHOWN_PEOPLE]
        ]
        yield from table(rows, ["ACCOUNT", "PERSON", *block])
        if len(names) > SHOWN_PEOPLE:
            yield f"... and {len(names) - SHOWN_PEOPLE} more accounts: write all of them to a file."
        yield ""
    yield from _LEGEND


def _blocks(hosts: Sequence[str], shown: Mapping[tuple[str, str], str]) -> Iterator[list[str]]:
    """The hosts, as many at a time as a line has room for."""
    block: list[str] = []
    room = WIDTH - 40
    for host in hosts:
        width = 2 + max([len(host), *(len(text) for (_name, where), text in shown.items() if where == host)])
        if block and width > room:
            yield block
            block, room = [], WIDTH - 40
        block.append(host)
        room -= width
    if block:
        yield block


def _ascii(text: str) -> str:
    """A look-alike letter must be seen for what it is, and nothing may move the cursor."""
    return "".join(char if " " <= char <= "~" else ascii(char)[1:-1] for char in text)
