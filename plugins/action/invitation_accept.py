# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module invitation_accept."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._accepting import (
    ancestors_by,
    check_key,
    chosen_username,
    needs_identity,
)
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._entering import Entry
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._roster_entries import (
    entry_of,
    roster_path,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._acceptance import Acceptance, accept
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import UserIssued
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import (
    check_identity,
    read_identity,
    upstream_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import check_issuer
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import verify_invitation
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._invitation_options import (
    LONGEST_ARGUMENT,
    longest_life,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import warnings_of_sharing
from ansible_collections.labfleet.identity.plugins.plugin_utils._roster_source import RosterSource
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import trusted_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import VerifiedInvitation

ARGUMENTS = {
    **LEDGER_ARGUMENTS,
    "profile": {"type": "str", "required": True},
    "issuer": {"type": "str", "required": True},
    "trusted": {"type": "dict", "required": True},
    "inviters": {"type": "list", "elements": "str"},
    "token": {"type": "str", "required": True},
    "key": {"type": "str", "required": True},
    "key_name": {"type": "str", "default": "invitation"},
    "key_store": {"type": "path", "required": True},
    "roster": {"type": "path", "required": True},
    "roles": {"type": "dict", "default": {}},
    "username": {"type": "str"},
    "gecos": {"type": "str"},
    "identity_directory": {"type": "path"},
    "identity_session": {"type": "str"},
    **LONGEST_ARGUMENT,
}
_CHECKED: dict[str, Any] = {**ARGUMENTS, "token": {"type": "str", "required": True, "no_log": True}}


class ActionModule(ControllerAction):
    """Verify, use up, issue a number; then the key, then the roster."""

    # the invitation is never part of a result or a message
    arguments = _CHECKED

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, or only say what would be done."""
        write, now, stamp = not self._task.check_mode, int(time.time()), stamp_now()
        verified = self._verified(arguments, now)
        key = parse_key_entry(arguments["key"])
        check_key(verified.claims, key)
        acceptance = _acceptance(arguments, verified, key.key.fingerprint, now)
        entry = _entry(arguments, verified, key, acceptance, stamp)
        store = self.store(arguments)

        def decide(ledger: Ledger) -> Change:
            return accept(ledger, acceptance, now, stamp)

        # the ledger says first what is wrong; then what cannot be entered is refused before anything is used up
        if decide(store.load() or EMPTY_LEDGER).events:
            entry.check(RosterSource(os.path.dirname(entry.roster), may_be_empty=True).data(self._loader))
        settled = self.settle(store, decide)
        events = settled.decision.events
        username, uid, names = _now_known(store, acceptance, events)
        entered = entry.make(username, names, not events, write)
        if write:
            _check_still_in(store, decide, entry, names)
        told = change_result(store.name, events, settled.warnings)
        if os.path.isdir(entry.keys.path):
            shared = warnings_of_sharing(entry.keys, entry.profile, entered.keys_before, entered.keys_after)
            told["warnings"] = [*told.get("warnings", ()), *shared]
        return {
            **told,
            "changed": bool(events) or entered.changed,
            "diff": [told["diff"], _roster_diff(entry.roster, entered.roster_before, entered.roster_after)],
            "events": [event_record(event) for event in events],
            "username": username,
            "uid": uid,
            "jti": acceptance.jti,
            "chain": list(acceptance.chain),
            "entry": {**entry.entry, "username": username},
            "policy": verified.claims["inv"].get("policy", {}),
            "message": [
                f"{username} is in the profile {arguments['profile']} with the number {uid}, on every host the same.",
                f"The entry is in {entry.roster}. Hosts know it after the next run of labfleet.identity.site.",
            ],
        }

    def _verified(self, arguments: dict[str, Any], now: int) -> VerifiedInvitation:
        """The invitation, if it counts and is one that can be accepted."""
        trusted = trusted_keys(arguments["trusted"])
        _check_own(arguments["issuer"], trusted)
        verified = verify_invitation(
            arguments["token"].strip(),
            trusted,
            arguments["profile"],
            now,
            longest_life=longest_life(arguments),
            roots=arguments["inviters"] or [arguments["issuer"]],
        )
        # whoever got one that was delegated from it has it as well, so that it must let nobody in
        if verified.claims["inv"].get("depth"):
            raise IdentityError(
                f"The invitation {verified.invitation.jti} is to be passed on and lets nobody in itself: accept one"
                " that was delegated from it."
            )
        return verified


def _check_own(issuer: str, trusted: Collection[str]) -> None:
    """Refuse a mistyped id: nothing would count as signed by us then, and nobody would look for it in our ledger."""
    if issuer not in trusted:
        raise IdentityError(
            f"The issuer {quoted(issuer)} is not among trusted ({', '.join(sorted(trusted))}): name this cluster as it"
            " is there, for what it signed must be in the ledger."
        )
    check_issuer(issuer)


def _check_still_in(store: LedgerStore, decide: Callable[[Ledger], Change], entry: Entry, names: Sequence[str]) -> None:
    """Close the key again when the invitation was revoked while it was being accepted."""
    try:
        decide(store.load() or EMPTY_LEDGER)
    except IdentityError:
        entry.close(names)
        raise


def _acceptance(arguments: dict[str, Any], verified: VerifiedInvitation, fingerprint: str, now: int) -> Acceptance:
    """What the ledger is asked for."""
    return Acceptance(
        profile=arguments["profile"],
        jti=verified.invitation.jti,
        issuer=verified.issuer,
        chain=verified.chain,
        username=chosen_username(verified.claims["inv"], arguments["username"] or ""),
        # a subject of its own: who accepts is nobody whom a roster names, whatever name they choose
        subject=f"invitation:{verified.invitation.jti}",
        key=fingerprint,
        upstream=_upstream(arguments, verified, now),
        own_issuer=verified.issuer == arguments["issuer"],
        own_ancestors=ancestors_by(verified.invitation, arguments["issuer"]),
    )


def _entry(
    arguments: dict[str, Any], verified: VerifiedInvitation, key: KeyEntry, acceptance: Acceptance, stamp: Stamp
) -> Entry:
    """What roster and key store are to say."""
    offered, gecos = verified.claims["inv"], arguments["gecos"] or ""
    return Entry(
        profile=acceptance.profile,
        entry=entry_of(acceptance.username, acceptance.subject, offered, arguments["roles"], gecos),
        key=key,
        key_name=arguments["key_name"],
        keys=KeyStore(arguments["key_store"], arguments["lock_timeout"]),
        roster=roster_path(arguments["roster"]),
        lock_timeout=arguments["lock_timeout"],
        at=stamp.at,
    )


def _now_known(store: LedgerStore, acceptance: Acceptance, events: Sequence[Event]) -> tuple[str, int, Sequence[str]]:
    """The name of today, which may be another one since, the number, and every name that they ever had."""
    profile = (store.load() or EMPTY_LEDGER).profile(acceptance.profile)
    person = profile.person(acceptance.subject)
    if person is not None:
        return person.username, person.uid, profile.names_of(person)
    # in check mode the number is not in the ledger yet
    (uid,) = (event.uid for event in events if isinstance(event, UserIssued))
    return acceptance.username, uid, (acceptance.username,)


def _upstream(arguments: dict[str, Any], verified: VerifiedInvitation, now: int) -> str:
    """Who accepts, where they are known; empty where nobody asked."""
    offered, session = verified.claims["inv"], arguments["identity_session"] or ""
    needed = needs_identity(offered)
    if not session:
        if needed:
            raise IdentityError(
                f"The invitation says who may accept it ({', '.join(needed)}): have the person log in with"
                " identity_login first, and give identity_directory and identity_session."
            )
        return ""
    if not arguments["identity_directory"]:
        raise IdentityError("An identity_session is found in a directory: give identity_directory too.")
    identity = read_identity(arguments["identity_directory"], session, now)
    check_identity(identity, offered, verified.invitation.jti)
    return upstream_of(identity)


def _roster_diff(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
