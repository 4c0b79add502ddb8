# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module accounts_audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._access import access
from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import parse_answers
from ansible_collections.labfleet.identity.plugins.module_utils._audit._audit_table import audit_table
from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import HostWanted, People, expect
from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import KINDS, SEVERITIES
from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import counts, find, records, sort_out
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export import json_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file, parse_mode
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_merge import merge_keys, profiles_of
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import (
    LEDGER_ARGUMENTS,
    ControllerAction,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._roster_source import RosterSource

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

ARGUMENTS: dict[str, Any] = {
    **LEDGER_ARGUMENTS,
    "profiles": {"type": "raw", "required": True},
    "hosts": {"type": "raw", "required": True},
    "assignments": {"type": "raw"},
    "admins": {"type": "list", "elements": "str", "default": []},
    "revoked_keys": {"type": "list", "elements": "str", "default": []},
    "accepted": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str"},
            "account": {"type": "str"},
            "kind": {"type": "str", "choices": list(KINDS)},
            "reason": {"type": "str"},
        },
    },
    "access": {"type": "bool", "default": True},
    "fail_on": {"type": "str", "choices": ["none", *SEVERITIES], "default": "none"},
    "export": {
        "type": "dict",
        "options": {
            "dest": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0600"},
        },
    },
}
_PROFILE_KEYS = ("profile", "roster", "key_store")
_ASSIGNMENT_KEYS = ("profile", "select", "groups", "home_base", "sudo", "passwords", "system_users")


class ActionModule(ControllerAction):
    """Say how hosts differ from the ledger and the rosters. Nothing is changed but the file of a report."""

    arguments = ARGUMENTS
    # what hosts and rosters say is data, read by rules of its own
    own_rules = frozenset({"hosts", "profiles", "assignments"})

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Compare, and write the report where that is wanted."""
        store = self.store(arguments)
        ledger = store.load()
        if ledger is None:
            raise IdentityError(
                f"There is no ledger {store.name} yet: correct the path; the first run of uid_allocation begins one."
            )
        answers = parse_answers(plain(arguments["hosts"]))
        revoked = {parse_public_key(line, revoked=True).fingerprint for line in arguments["revoked_keys"]}
        people, stamp = [], stamp_now()
        for raw in _mappings(plain(arguments["profiles"]), "profiles", _PROFILE_KEYS):
            one, its_revoked = self._people(raw, ledger, stamp.at, arguments["lock_timeout"])
            people.append(one)
            revoked |= its_revoked
        assignments = _assignments(plain(arguments.get("assignments")))
        expected = expect(ledger, people, assignments, revoked, stamp)
        result = sort_out(find(answers, expected, arguments["admins"]), arguments["accepted"])
        rows = access(answers, expected) if arguments["access"] else None
        told: dict[str, Any] = {
            "changed": False,
            "ledger": store.name,
            "findings": records(result.findings),
            "counts": counts(result.findings),
            "accepted": result.accepted,
            "not_looked_at": [answer.host for answer in answers if answer.unknown],
            "access": rows or [],
        }
        if arguments["export"]:
            told.update(self._export(arguments["export"], told))
        told["table"] = audit_table(answers, result, rows)
        if arguments["fail_on"] != "none" and result.worst(arguments["fail_on"]):
            worst = result.worst(arguments["fail_on"])
            first = f"{worst[0].host} {worst[0].account}".rstrip()
            told.update(
                failed=True,
                msg=f"{len(worst)} findings are {arguments['fail_on']} or worse, the first on {first}: {worst[0].text}"
                f" ({worst[0].what_to_do}).",
            )
        return told

    def _people(self, raw: dict[str, Any], ledger: Ledger, now: str, lock_timeout: int) -> tuple[People, set[str]]:
        """The people of a profile, with the keys of its store, and the fingerprints of its revoked keys."""
        profile = raw["profile"]
        roster = RosterSource(raw.get("roster") or []).read(self._loader)
        if not raw.get("key_store"):
            return People(profile, roster), set()
        store = KeyStore(str(raw["key_store"]), lock_timeout)
        homes = profiles_of(roster, profile)
        people = [(ledger.profile(home), person) for home in homes for person in ledger.profile(home).people()]
        names = {person.username: home.names_of(person) for home, person in people if len(home.names_of(person)) > 1}
        merged = merge_keys(roster, profile, {home: store.load(home) for home in homes}, now, names)
        revoked = {parse_public_key(line, revoked=True).fingerprint for line in merged.revoked}
        return People(profile, merged.roster), revoked

    def _export(self, wanted: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        """Write the report, or only say that it would be."""
        text = json_text({name: told[name] for name in ("findings", "counts", "accepted", "not_looked_at", "access")})
        changed, _before = export_file(wanted["dest"], text, parse_mode(wanted["mode"]), not self._task.check_mode)
        return {"changed": changed}


def _mappings(raw: Any, what: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """A list of mappings that have a profile and no other keys than these."""
    if not isinstance(raw, list) or not all(
        isinstance(one, dict) and isinstance(one.get("profile"), str) for one in raw
    ):
        raise IdentityError(f"{what} is not a list of mappings with at least 'profile': write [{{profile: lab}}].")
    for one in raw:
        _check_keys(one, what, keys)
    names = [one["profile"] for one in raw]
    if len(set(names)) != len(names):
        raise IdentityError(f"{what} names a profile twice: give each once.")
    return raw


def _check_keys(one: dict[str, Any], what: str, keys: tuple[str, ...]) -> None:
    unknown = [key for key in one if key not in keys]
    if unknown:
        raise IdentityError(f"{what} has the unknown key {quoted(unknown[0])}: known are {', '.join(keys)}.")


def _assignments(raw: Any) -> dict[str, HostWanted]:
    """Which people go on which host."""
    if raw in (None, ""):
        return {}
    if not isinstance(raw, dict):
        raise IdentityError("assignments is not a mapping: give one mapping with at least 'profile' by host.")
    found = {}
    for host, one in raw.items():
        what = f"The assignment of {quoted(host)}"
        if not isinstance(host, str) or not isinstance(one, dict) or not isinstance(one.get("profile"), str):
            raise IdentityError(f"{what} is no mapping with at least 'profile': write {{profile: lab}}.")
        _check_keys(one, what, _ASSIGNMENT_KEYS)
        names = [one.get(key) or [] for key in ("groups", "sudo", "passwords")]
        users = one.get("system_users") or []
        if not all(_is_list_of(value, str) for value in names) or not _is_list_of(users, dict):
            raise IdentityError(f"{what} has lists of a wrong form: give names, and system_users as the role has them.")
        select = "all" if one.get("select") is None else one["select"]
        base = one.get("home_base") or "/home"
        groups, sudo, passwords = names
        found[host] = HostWanted(
            one["profile"], select, tuple(groups), base, frozenset(sudo), frozenset(passwords), tuple(users)
        )
    return found


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)
