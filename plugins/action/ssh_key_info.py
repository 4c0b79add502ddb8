# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ssh_key_info."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._tables import table
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import STATUSES
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import key_shown, parse_duration
from ansible_collections.labfleet.identity.plugins.plugin_utils._people import named

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS = {
    "store": {"type": "str", "required": True},
    "lock_timeout": {"type": "int", "default": 60},
    "profile": {"type": "str"},
    "usernames": {"type": "list", "elements": "str", "default": []},
    "status": {"type": "list", "elements": "str", "choices": list(STATUSES), "default": []},
    "expiring_within": {"type": "str"},
    "shared": {"type": "bool", "default": False},
}
_TITLES = ("PROFILE", "USERNAME", "KEY", "STATUS", "VALID FROM", "VALID UNTIL", "TYPE", "FINGERPRINT", "COMMENT")
_COLUMNS = ("profile", "username", "name", "status", "valid_from", "valid_until", "type", "fingerprint", "comment")


class ActionModule(ControllerAction):
    """Ask a key store; it is never written."""

    arguments = ARGUMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """List the keys that are asked for."""
        store = KeyStore(arguments["store"], arguments["lock_timeout"])
        now = _in_seconds(0)
        everything = [
            key_shown(profile, username, name, record, now)
            for profile in store.profiles()
            for username, name, record in store.load(profile).each()
        ]
        shared = _shared(everything)
        people = set(named(arguments["usernames"]))
        keys = [key for key in everything if arguments["profile"] in (None, "", key["profile"])]
        if people:
            keys = [key for key in keys if key["username"] in people]
        if arguments["status"]:
            keys = [key for key in keys if key["status"] in arguments["status"]]
        if arguments["expiring_within"]:
            until = _in_seconds(parse_duration("expiring_within", arguments["expiring_within"]))
            keys = [key for key in keys if key["status"] == "active" and (key["valid_until"] or "9999") <= until]
        if arguments["shared"]:
            keys = [key for key in keys if key["fingerprint"] in shared]
        return {
            "changed": False,
            "store": store.path,
            "ssh_keys": keys,
            "shared": [{"fingerprint": fingerprint, "places": where} for fingerprint, where in shared.items()],
            "table": table([[key[column] for column in _COLUMNS] for key in keys], _TITLES),
        }


def _in_seconds(seconds: int) -> str:
    return moment(time.time() + seconds)


def _shared(keys: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The keys that are in more than one profile, by fingerprint, and where."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key["fingerprint"], []).append(f"{key['profile']}/{key['username']}/{key['name']}")
    return {fingerprint: where for fingerprint, where in found.items() if len(where) > 1}
