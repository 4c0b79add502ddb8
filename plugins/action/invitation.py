# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module invitation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import OPEN, Decision, decide
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._revoking import close_keys, named_jtis
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import uninvite
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._report import change_result
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused, read_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import verify_invitation
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    OPERATION_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._invitation_options import (
    ISSUER_ARGUMENTS,
    TERMS_ARGUMENTS,
    check_dest,
    longest_life,
    signed,
    signing_key,
    wish,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import shown_claims, trusted_keys

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change

_OWN_TERMS: dict[str, Any] = {
    "username": {"type": "str"},
    "username_fixed": {"type": "bool", "default": False},
    "orcid": {"type": "str"},
    "key": {"type": "str"},
    "depth": {"type": "int", "default": 0},
    "delegates": {"type": "list", "elements": "str"},
}
ARGUMENTS = {
    **OPERATION_ARGUMENTS,
    **ISSUER_ARGUMENTS,
    **TERMS_ARGUMENTS,
    **_OWN_TERMS,
    "name": {"type": "str"},
    "jti": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "revoked"], "default": "present"},
    "dest": {"type": "path"},
    "parent": {"type": "str"},
    "trusted": {"type": "dict"},
    "key_store": {"type": "path"},
    "revoke_keys": {"type": "bool", "default": False},
}
_SECRET: dict[str, Any] = {"type": "str", "no_log": True}
_MODE = 0o600
_CHECKED: dict[str, Any] = {**ARGUMENTS, "passphrase": _SECRET, "parent": _SECRET}


class ActionModule(ControllerAction):
    """Issue one invitation, or revoke it."""

    # neither the passphrase nor an invitation is ever part of a result or a message
    arguments = _CHECKED

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, or only say what would be done."""
        return self._revoke(arguments) if arguments["state"] == "revoked" else self._issue(arguments)

    def _issue(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name, dest = arguments["name"], arguments["dest"]
        if not name or not dest:
            raise IdentityError("Give the invitation a name by which you know it again, and dest, the file for it.")
        key, now, stamp = signing_key(arguments), int(time.time()), stamp_now()
        parent = (arguments["parent"] or "").strip()
        if parent:
            trusted, longest = trusted_keys(arguments["trusted"]), longest_life(arguments)
            verify_invitation(parent, trusted, arguments["profile"], now, longest_life=longest)
        wanted = wish(name, arguments, {term: arguments[term] for term in (*TERMS_ARGUMENTS, *_OWN_TERMS)}, now, parent)
        path = check_dest(dest, _MODE, _is_invitation)  # where nothing can be written, nothing is issued
        store = self.store(arguments)

        def decide_one(ledger: Ledger) -> Decision:
            decision = decide(ledger, arguments["profile"], [wanted], now, stamp)
            if decision.outcomes[0].refusal:
                raise IdentityError(decision.outcomes[0].refusal)
            return decision

        settled = self.settle(store, decide_one)
        outcome = settled.decision.outcomes[0]
        claims = dict(outcome.claims or {})
        ends = moment(claims["exp"])
        said = {
            "jti": outcome.jti,
            "invitation": {"name": name, "state": outcome.state, "expires": ends, "claims": shown_claims(claims)},
        }
        told = change_result(store.name, settled.decision.events, settled.warnings)
        told["events"] = [
            {name: value for name, value in event_record(event).items() if name != "claims"}
            for event in settled.decision.events
        ]
        if outcome.state != OPEN:
            return {**told, **said, "message": [f"The invitation {name} was accepted: see invitation_info."]}
        written, _before = export_file(dest, signed(outcome, key) + "\n", _MODE, write=not self._task.check_mode)
        can = "can be passed on, and not accepted itself" if arguments["depth"] else "can be accepted once"
        return {
            **told,
            **said,
            "changed": told["changed"] or written,
            "dest": path,
            "message": [f"The invitation {name} is in {path} and {can}, until {ends}. Send it to nobody else."],
        }

    def _revoke(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if not arguments["key_store"]:
            raise IdentityError("Whoever came in has keys, which are to be revoked too: give key_store.")
        profile, keys = arguments["profile"], KeyStore(arguments["key_store"], arguments["lock_timeout"])
        seen: list[tuple[Ledger, list[str], Change]] = []

        def decide_revocation(ledger: Ledger, stamp: Stamp) -> Change:
            jtis = named_jtis(ledger, profile, arguments["name"] or "", arguments["jti"] or "")
            change = uninvite(ledger, profile, jtis, arguments["reason"], stamp)
            seen[:] = [(ledger, jtis, change)]
            return change

        told = self.change(arguments, decide_revocation)
        ledger, jtis, change = seen[0]
        out, keys_changed, missing = close_keys(
            ledger, keys, change.people, jtis, for_ever=arguments["revoke_keys"], write=not self._task.check_mode
        )
        return {
            **told,
            **({"warnings": [*told.get("warnings", ()), *missing]} if missing else {}),
            "changed": told["changed"] or keys_changed,
            "jti": jtis[0],
            "revoked": out,
            "message": [
                f"Revoked for good: {', '.join(jtis)}.",
                f"Kept out by it: {', '.join(person['username'] for person in out) or 'nobody, for nobody came in'}.",
                "Hosts know it after the next run of labfleet.identity.site.",
            ],
        }


def _is_invitation(text: str) -> bool:
    """Whether this is what an earlier run wrote, for this person or another one."""
    try:
        read_compact(text.strip())
    except TokenRefused:
        return False
    return True
