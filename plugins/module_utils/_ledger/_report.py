# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person or a playbook is told about a ledger (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import GroupIssued, UserIssued
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation, Left, Wanted
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import RosterEntry

__all__ = ["allocation_result", "change_result"]


def change_result(store: str, events: Sequence[Event], warnings: Sequence[str] = ()) -> dict[str, Any]:
    """What every module that adds to a ledger returns: whether it did, where, and the diff."""
    result: dict[str, Any] = {
        "changed": bool(events),
        "ledger": store,
        "diff": {
            "before_header": store,
            "after_header": store,
            "before": "",
            "after": "".join(f"{describe(event)}\n" for event in events),
        },
    }
    if warnings:
        result["warnings"] = list(warnings)
    return result


def allocation_result(store: str, wanted: Wanted, settled: Settled[Allocation]) -> dict[str, Any]:
    """The result of the module uid_allocation."""
    allocation = settled.decision
    kept_out = [
        f"{entry.username} ({wanted.profile}) is in the roster but gets a disabled account:"
        f" {allocation.disabled[entry.username]}."
        for entry in wanted.roster.entries
        if entry.state == "present" and entry.username in allocation.disabled
    ]
    return {
        **change_result(store, allocation.events, [*settled.warnings, *kept_out]),
        "identities": [
            _identity(entry, allocation) for entry in wanted.roster.entries if entry.username in allocation.uids
        ],
        "left": [_kept_out(left) for left in allocation.left],
        "groups": [{"name": name, "gid": gid} for name, gid in allocation.gids.items()],
        "issued": [issued for issued in map(_issued, allocation.events) if issued],
        "profile": {
            "id": wanted.profile,
            "uid_band": str(allocation.uid_band),
            "group_band": str(allocation.group_band),
            "guest_bands": [str(band) for band in allocation.guest_bands],
        },
    }


def _kept_out(left: Left) -> dict[str, Any]:
    person = left.person
    identity: dict[str, Any] = {
        "username": person.username,
        "uid": left.uid,
        "gid": left.uid,
        "subject": person.subject,
        "state": "disabled",
    }
    return {**identity, "former_usernames": list(left.former_names)} if left.former_names else identity


def _identity(entry: RosterEntry, allocation: Allocation) -> dict[str, Any]:
    uid = allocation.uids[entry.username]
    disabled = entry.username in allocation.disabled
    identity: dict[str, Any] = {
        "username": entry.username,
        "uid": uid,
        "gid": uid,
        "subject": entry.subject,
        "state": "disabled" if disabled and entry.state == "present" else entry.state,
    }
    for key in ("home_profile", "gecos", "shell", "home", "expires", "adopt"):
        value = getattr(entry, key)
        if value is not None:
            identity[key] = value
    if entry.username in allocation.names:
        names = allocation.names[entry.username]
        identity["first_username"] = names[0]
        identity["former_usernames"] = [name for name in names if name != entry.username]
    if entry.groups is not None:
        identity["groups"] = list(entry.groups)
    if entry.keys is not None:
        identity["public_keys"] = [key.as_data() for key in entry.keys]
    return {**identity, **entry.attributes}


def _issued(event: Event) -> dict[str, Any] | None:
    if isinstance(event, UserIssued):
        return {"kind": "user", "name": event.username, "number": event.uid}
    if isinstance(event, GroupIssued):
        return {"kind": "group", "name": event.name, "number": event.gid}
    return None
