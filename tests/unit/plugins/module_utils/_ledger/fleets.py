# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets for the tests of adoption: what hosts say, and what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption import Adoption, Proposal, adopt
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import parse_surveys
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import STAMP, ledger_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

ROOT = "root:0"


def host(
    *accounts: str,
    groups: Sequence[str] = (),
    homes: Sequence[str] = (),
    directory: Sequence[str] = (),
    numbers: Sequence[int] = (),
    gaps: Sequence[str] = (),
    private: bool = True,
) -> dict[str, Any]:
    """What a host says: accounts as name:uid[:gid[:home]], groups as name:gid, homes as name:uid[:gid[:kind]]."""
    said = [_account(text) for text in (ROOT, *accounts)]
    own = [{"name": account["name"], "gid": account["gid"]} for account in said if private]
    return {
        "accounts": said,
        "groups": [*own, *({"name": text.split(":")[0], "gid": int(text.split(":")[1])} for text in groups)],
        "other_numbers": list(numbers),
        "homes": [{"base": "/home", "state": "listed", "entries": [_entry(text) for text in homes]}],
        "directory_accounts": [_account(text) for text in directory],
        "gaps": list(gaps),
    }


def _account(text: str) -> dict[str, Any]:
    name, uid, gid, home = [*text.split(":"), "", ""][:4]
    return {"name": name, "uid": int(uid), "gid": int(gid or uid), "home": home or f"/home/{name}"}


def _entry(text: str) -> dict[str, Any]:
    name, uid, gid, kind = [*text.split(":"), "", ""][:4]
    return {"name": name, "uid": int(uid), "gid": int(gid or uid), **({"kind": kind} if kind else {})}


def people(*usernames: str, groups: Sequence[str] = ()) -> Roster:
    return Roster(tuple(RosterEntry(name, name, groups=tuple(groups) or None) for name in usernames))


def proposal(
    hosts: dict[str, Any], roster: Roster, decisions: list[Any] | None = None, band: str = "", **more: Any
) -> Proposal:
    return Proposal(
        "lab",
        parse_surveys(hosts),
        roster,
        parse_decisions(decisions),
        uid_band=parse_band(band) if band else None,
        **more,
    )


def adopted(events: Sequence[Event], proposed: Proposal) -> tuple[list[Event], Adoption]:
    """All events after an adoption that was not refused, and the adoption."""
    adoption = adopt(ledger_of(events) if events else EMPTY_LEDGER, proposed, STAMP)
    return [*events, *adoption.events], adoption
