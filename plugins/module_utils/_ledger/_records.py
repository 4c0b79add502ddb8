# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events and people as plain data, and as words (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import KIND_OF, fields_of
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GRANTED,
    GrantChanged,
    GroupIssued,
    Invited,
    Linked,
    NumberWithheld,
    ProfileRegistered,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person

__all__ = ["describe", "event_record", "person_record"]


def event_record(event: Event) -> dict[str, Any]:
    """An event as a mapping: its kind, what it says, and who wrote it when."""
    said = {name: getattr(event, name) for name in fields_of(event)}
    plain = {name: value if isinstance(value, int) else str(value) for name, value in said.items()}
    stamp = event.stamp
    return {"kind": KIND_OF[event.__class__], **plain, "at": stamp.at, "by": stamp.by, "run": stamp.run}


def person_record(ledger: Ledger, person: Person) -> dict[str, Any]:
    """What the ledger says about one person now."""
    links = ledger.links.get(person.key, ())
    stamp = person.issued.stamp
    record: dict[str, Any] = {
        "username": person.username,
        "uid": person.uid,
        "gid": person.uid,
        "subject": person.subject,
        "profile": person.profile,
        "state": person.state,
        "issued_at": stamp.at,
        "issued_by": stamp.by,
        "upstreams": list(dict.fromkeys(link.upstream for link in links if link.upstream)),
        "uuid": next((link.uuid for link in links if link.uuid), ""),
    }
    present = ledger.present(person.key)
    if present.key != person.key:
        record["redirected_to"] = {"profile": present.profile, "subject": present.subject, "uid": present.uid}
    return record


def describe(event: Event) -> str:
    """What an event does, in one short line for a diff."""
    if isinstance(event, UserIssued):
        return f"user {event.username} {event.uid}"
    if isinstance(event, GroupIssued):
        return f"group {event.name} {event.gid}"
    if isinstance(event, ProfileRegistered):
        return f"profile {event.profile} {event.uid_band}, groups {event.group_band}"
    if isinstance(event, NumberWithheld):
        return f"withhold {event.number} ({event.profile})"
    if isinstance(event, Invited):
        return f"invite {quoted(event.name)} ({event.profile}, {event.jti})"
    if isinstance(event, Uninvited):
        return f"revoke the invitation {event.jti} ({event.profile})"
    return f"{_about(event)} ({event.profile}, subject {quoted(event.subject)})"


def _about(event: Event) -> str:
    if isinstance(event, StateChanged):
        return f"state {event.state}"
    if isinstance(event, Renamed):
        return f"rename to {event.username}"
    if isinstance(event, Renumbered):
        return f"number {event.was} becomes {event.uid}"
    if isinstance(event, GrantChanged):
        return f"{'grant' if event.grant == GRANTED else 'revoke'} {event.uid} in {event.into}"
    if isinstance(event, Linked):
        return f"link {quoted(event.upstream)} {event.uuid}".rstrip()
    if isinstance(event, Redirected):
        to = f"redirect to {quoted(event.to_subject)} ({event.to_profile})"
        return to if event.to_profile else "no longer redirect"
    return f"redeem {getattr(event, 'jti', '')}"
