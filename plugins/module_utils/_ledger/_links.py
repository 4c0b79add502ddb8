# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a person is outside, and who stands for whom (private, pure; runs on the controller).

A person is looked up by the upstream identity first and by the UUID that follows from it second, so an account that
existed before the federation keeps the UUID that it had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import (
    check_federated_uuid,
    check_prefix,
    check_upstream,
    federated_uuid,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import check_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    RETIRED,
    Linked,
    Redirected,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change, Who
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person

__all__ = ["find_linked", "link", "redirect", "take_redirect_back"]


def link(ledger: Ledger, profile: str, who: Who, upstream: str, prefix: str, uuid: str, stamp: Stamp) -> Change:
    """Note what a login authority calls a person, and their UUID in the federation.

    :param upstream: the upstream identity; empty for somebody of whom only the UUID is known.
    :param prefix: the cluster that the UUID is computed for; empty for none.
    :param uuid: the UUID that the person has already; empty for the computed one.
    """
    person = who.of(ledger, profile)
    if not upstream and not uuid:
        raise IdentityError(f"Nothing is said about {person}: give an upstream identity, a UUID, or both.")
    if prefix:
        check_prefix(prefix)
    if upstream:
        _check_is_theirs(ledger, person, ledger.upstreams.get(check_upstream(upstream)), "upstream identity", upstream)
    known = [linked.uuid for linked in ledger.links.get(person.key, ()) if linked.uuid]
    if uuid and known and check_federated_uuid(uuid) not in known:
        raise IdentityError(f"{person} has the UUID {known[0]} already, and it stays: leave {quoted(uuid)} out.")
    if known:
        chosen = known[0]
    elif uuid:
        chosen = check_federated_uuid(uuid)
    else:
        chosen = federated_uuid(upstream, prefix) if prefix else ""
    if chosen:
        _check_is_theirs(ledger, person, ledger.uuids.get(chosen), "UUID", chosen)
    new_upstream = "" if upstream in ledger.upstreams else upstream
    new_uuid = "" if chosen in ledger.uuids and not new_upstream else chosen
    if not new_upstream and not new_uuid:
        return Change((), (person.key,))
    return Change((Linked(profile, person.subject, new_upstream, new_uuid, stamp),), (person.key,))


def find_linked(ledger: Ledger, upstream: str, prefix: str = "") -> Person | None:
    """The person whom an upstream identity means now, after every redirect; None when nobody is known by it.

    :raises IdentityError: when the UUID that follows from it is that of another upstream identity.
    """
    linked = ledger.upstreams.get(check_upstream(upstream))
    if linked is None and prefix:
        uuid = federated_uuid(upstream, prefix)
        linked = ledger.uuids.get(uuid)
        known = ledger.links.get((linked.profile, linked.subject), ()) if linked else ()
        others = [event.upstream for event in known if event.upstream]
        if others:
            raise IdentityError(
                f"The upstream identities {quoted(upstream)} and {quoted(others[0])} have one UUID, {uuid}: two people"
                " would be one; ask the login authority which of them is right."
            )
    return None if linked is None else ledger.present((linked.profile, linked.subject))


def redirect(ledger: Ledger, profile: str, who: Who, to_profile: str, to_who: Who, reason: str, stamp: Stamp) -> Change:
    """Let one identity stand for another one, which is retired by that: the merge of two accounts of one person."""
    check_text("reason", reason, may_be_empty=True)
    person, target = who.of(ledger, profile), to_who.of(ledger, to_profile)
    last = ledger.redirects.get(person.key)
    if last is not None and (last.to_profile, last.to_subject) == target.key:
        return Change((), (person.key, target.key))
    if _leads_through(ledger, target.key, person.key):
        raise IdentityError(
            f"{target} leads to {person} already, so the two would lead to each other: name the one that is to stay as"
            " the target."
        )
    rev = last.rev + 1 if last else 1
    events: list[Event] = [Redirected(profile, person.subject, rev, *target.key, reason, stamp)]
    if person.state != RETIRED:
        state = ledger.profile(profile).states.get(person.subject)
        events.append(
            StateChanged(profile, person.subject, state.rev + 1 if state else 1, RETIRED, reason or "merged", stamp)
        )
    return Change(tuple(events), (person.key, target.key))


def take_redirect_back(ledger: Ledger, profile: str, who: Who, reason: str, stamp: Stamp) -> Change:
    """Let an identity stand for itself again. It stays retired until it is revived."""
    check_text("reason", reason, may_be_empty=True)
    person = who.of(ledger, profile)
    last = ledger.redirects.get(person.key)
    if last is None or not last.to_profile:
        return Change((), (person.key,))
    return Change((Redirected(profile, person.subject, last.rev + 1, "", "", reason, stamp),), (person.key,))


def _leads_through(ledger: Ledger, start: tuple[str, str], key: tuple[str, str]) -> bool:
    """Whether somebody is, or leads to, this one; on the way too, for the redirect on the way is to change."""
    while start != key and start in ledger.redirects and ledger.redirects[start].to_profile:
        start = ledger.redirects[start].to_profile, ledger.redirects[start].to_subject
    return start == key


def _check_is_theirs(ledger: Ledger, person: Person, linked: Linked | None, what: str, text: str) -> None:
    if linked is not None and (linked.profile, linked.subject) != person.key:
        other = ledger.profile(linked.profile).person(linked.subject)
        raise IdentityError(
            f"The {what} {quoted(text)} is that of {other}, so it cannot be that of {person}: if they are one person,"
            " merge them with ledger_redirect or use ledger_grant, else correct it."
        )
