# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person or a playbook is told about a ledger (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import GroupIssued, UserIssued

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation, Wanted
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import RosterEntry

__all__ = ["allocation_result", "user_record"]


def allocation_result(store: str, wanted: Wanted, settled: Settled[Allocation]) -> dict[str, Any]:
    """The result of the module uid_allocation."""
    allocation = settled.decision
    result: dict[str, Any] = {
        "changed": bool(allocation.events),
        "identities": [
            _identity(entry, allocation.uids[entry.username])
            for entry in wanted.roster.entries
            if entry.username in allocation.uids
        ],
        "groups": [{"name": name, "gid": gid} for name, gid in allocation.gids.items()],
        "issued": [issued for issued in map(_issued, allocation.events) if issued],
        "profile": {
            "id": wanted.profile,
            "uid_band": str(allocation.uid_band),
            "group_band": str(allocation.group_band),
        },
        "ledger": store,
        "diff": {
            "before_header": store,
            "after_header": store,
            "before": "",
            "after": "".join(f"{_line(event)}\n" for event in allocation.events),
        },
    }
    if settled.warnings:
        result["warnings"] = list(settled.warnings)
    return result


def user_record(event: UserIssued) -> dict[str, Any]:
    """What the ledger says about one person."""
    return {
        "username": event.username,
        "uid": event.uid,
        "gid": event.uid,
        "subject": event.subject,
        "profile": event.profile,
        "issued_at": event.at,
        "issued_by": event.by,
    }


def _identity(entry: RosterEntry, uid: int) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "username": entry.username,
        "uid": uid,
        "gid": uid,
        "subject": entry.subject,
        "state": entry.state,
    }
    for key in ("gecos", "shell", "home", "expires", "adopt"):
        value = getattr(entry, key)
        if value is not None:
            identity[key] = value
    if entry.groups is not None:
        identity["groups"] = list(entry.groups)
    if entry.keys is not None:
        identity["public_keys"] = [key.line for key in entry.keys]
    return identity


def _issued(event: Event) -> dict[str, Any] | None:
    if isinstance(event, UserIssued):
        return {"kind": "user", "name": event.username, "number": event.uid}
    if isinstance(event, GroupIssued):
        return {"kind": "group", "name": event.name, "number": event.gid}
    return None


def _line(event: Event) -> str:
    if isinstance(event, UserIssued):
        return f"user {event.username} {event.uid}"
    if isinstance(event, GroupIssued):
        return f"group {event.name} {event.gid}"
    return f"profile {event.profile} {event.uid_band}, groups {event.group_band}"
