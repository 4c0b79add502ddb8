# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ssh_key."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import moment
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import (
    ALWAYS,
    KeyBook,
    Validity,
    deactivate,
    present,
    remove,
    revoke,
    revoke_unknown,
    rotate,
    take_over,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_import import parse_authorized_keys
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import check_key_name, moment_text
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import ControllerAction
from ansible_collections.labfleet.identity.plugins.plugin_utils._key_pair import (
    check_passphrase,
    make_key_pair,
    private_key_path,
    read_key_pair,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import (
    changes_shown,
    key_shown,
    parse_duration,
    warnings_of_sharing,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Decide = Callable[[KeyBook], KeyBook]

ARGUMENTS = {
    "store": {"type": "str", "required": True},
    "lock_timeout": {"type": "int", "default": 60},
    "profile": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "name": {"type": "str"},
    "all_keys": {"type": "bool", "default": False},
    "state": {
        "type": "str",
        "choices": ["present", "rotated", "inactive", "revoked", "absent"],
        "default": "present",
    },
    "key": {"type": "raw"},
    "valid_from": {"type": "raw"},
    "valid_until": {"type": "raw"},
    "overlap": {"type": "str", "default": "7d"},
    "import_from": {"type": "str"},
    "generate": {"type": "bool", "default": False},
    "private_key_path": {"type": "str"},
    "passphrase": {"type": "str"},
}
_CHECKED: dict[str, Any] = {**ARGUMENTS, "passphrase": {"type": "str", "no_log": True}}
_REQUIREMENTS: dict[str, Any] = {
    "required_if": [["generate", True, ["private_key_path", "passphrase"]]],
}
# what may be given with which state, besides what may be always
_ALLOWED = {
    "present": {"name", "key", "valid_from", "valid_until", "import_from", "generate"},
    "rotated": {"name", "key", "valid_from", "valid_until", "generate"},
    "inactive": {"name", "all_keys"},
    "revoked": {"name", "all_keys", "key"},
    "absent": {"name"},
}
_EXCLUSIVE = (("name", "all_keys"), ("name", "import_from"), ("key", "import_from"), ("generate", "import_from"))
_UNSET = "(not made yet)"
# stands for a pair that check mode does not make: no private half gives this public one
_STAND_IN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


class ActionModule(ControllerAction):
    """Change one person's keys in a key store."""

    # nothing of the passphrase is ever part of a result, a message or an argument of a program
    arguments = _CHECKED
    requirements = _REQUIREMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, or only say what would be done."""
        _check_options(arguments)
        username, profile = check_research_username(arguments["username"]), arguments["profile"]
        store = KeyStore(arguments["store"], arguments["lock_timeout"])
        now = moment(time.time())
        made = ""
        if arguments["generate"]:
            entry, made = self._pair(arguments, store, now)
            decide = _of_one(arguments, entry, now)
        else:
            decide = _decision(arguments, now)
        before, after = store.commit(profile, decide, write=not self._task.check_mode)
        told = {
            "changed": before != after,
            "store": store.path,
            "ssh_keys": [key_shown(profile, username, name, one, now) for name, one in after.keys_of(username).items()],
            "diff": changes_shown(f"{store.path}/{profile}", before, after),
        }
        if made:
            told["private_key"] = made
        warnings = warnings_of_sharing(store, profile, before, after) if os.path.isdir(store.path) else []
        if warnings:
            told["warnings"] = warnings
        return _without_stand_in(told)

    def _pair(self, arguments: dict[str, Any], store: KeyStore, now: str) -> tuple[KeyEntry | None, str]:
        """The public half of the pair that is asked for, made when it is not there; and where a new private half is."""
        path = private_key_path(arguments["private_key_path"])
        passphrase = check_passphrase(arguments["passphrase"])
        options = arguments["key"] or {}
        if not isinstance(options, dict) or "key" in options:
            raise IdentityError("With generate, key is a mapping of options alone: the key itself is made.")
        stand_in = parse_key_entry({**options, "key": _STAND_IN})
        username, name = arguments["username"], check_key_name(arguments["name"])
        book = store.load(arguments["profile"]) if os.path.isdir(store.path) else KeyBook()
        there = book.keys_of(username).get(name)
        if arguments["state"] == "present" and there is not None:
            return (parse_key_entry({**options, "key": there.entry.key.line}) if options else None), ""
        # what would be refused is refused before a private key is made
        _of_one(arguments, stand_in, now)(book)
        public = read_key_pair(path, passphrase)
        if public is not None:
            if there is not None and there.blob == public.blob and not options:
                return there.entry, ""
            return parse_key_entry({**options, "key": public.line}), ""
        if self._task.check_mode:
            return stand_in, path
        public = make_key_pair(path, passphrase, f"{username}-{name}")
        return parse_key_entry({**options, "key": public.line}), path


def _check_options(arguments: dict[str, Any]) -> None:
    """Refuse what would be ignored, and what is not complete."""
    state, allowed = arguments["state"], _ALLOWED[arguments["state"]]
    for option in ("name", "all_keys", "key", "valid_from", "valid_until", "import_from", "generate"):
        if arguments[option] and option not in allowed:
            raise IdentityError(f"With state {state}, {option} says nothing: leave it out.")
    for one, other in (
        ("name", "all_keys"),
        ("name", "import_from"),
        ("key", "import_from"),
        ("generate", "import_from"),
    ):
        if arguments[one] and arguments[other]:
            raise IdentityError(f"The options {one} and {other} exclude each other: give one of them.")
    if not arguments["generate"] and (arguments["private_key_path"] or arguments["passphrase"]):
        raise IdentityError("A private_key_path and a passphrase are for generate: set it to true, or leave them out.")
    if state == "rotated" and arguments["key"] is None and not arguments["generate"]:
        raise IdentityError(
            "With state rotated a new key is needed: give it with key, or have a pair made with generate."
        )
    if not (arguments["name"] or arguments["all_keys"] or arguments["import_from"]):
        raise IdentityError("No key is named: give its name.")


def _decision(arguments: dict[str, Any], now: str) -> Decide:
    """What is to be done with the keys as they are found."""
    username, name, state = arguments["username"], arguments["name"], arguments["state"]
    if arguments["import_from"]:
        return _import(arguments, now)
    if name:
        check_key_name(name, longest=63)
    if state in ("present", "rotated"):
        return _of_one(arguments, None if arguments["key"] is None else _entry(arguments["key"]), now)
    if state == "absent":
        return lambda book: remove(book, username, name, now)
    if state == "revoked" and arguments["key"] is not None:
        entry = _entry(arguments["key"], revoked=True)
        return lambda book: revoke_unknown(book, username, check_key_name(name), entry, now)
    change = deactivate if state == "inactive" else revoke

    def of_some(book: KeyBook) -> KeyBook:
        return change(book, username, [name] if name else list(book.keys_of(username)))

    return of_some


def _of_one(arguments: dict[str, Any], entry: KeyEntry | None, now: str) -> Decide:
    """Add, renew or replace one key."""
    username, name = arguments["username"], arguments["name"]
    validity = Validity(_limit("valid_from", arguments), _limit("valid_until", arguments))
    if arguments["state"] == "rotated" and entry is not None:
        overlap = moment(time.time() + parse_duration("overlap", arguments["overlap"]))
        return lambda book: rotate(book, username, name, entry, validity, overlap, now)

    def have(book: KeyBook) -> KeyBook:
        if name not in book.keys_of(username):
            check_key_name(name)
        return present(book, username, name, entry, validity, now)

    return have


def _import(arguments: dict[str, Any], now: str) -> Decide:
    """Take over an authorized_keys file."""
    path = os.path.abspath(os.path.expanduser(arguments["import_from"]))
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise IdentityError(f"The file {path} cannot be read: {error.strerror}; correct import_from.") from error
    try:
        found = parse_authorized_keys(text)
    except IdentityError as refusal:
        raise IdentityError(f"Of {path} {refusal}.") from refusal
    return lambda book: take_over(book, arguments["username"], found, now)


def _entry(raw: Any, revoked: bool = False) -> KeyEntry:
    if isinstance(raw, dict) and raw.get("expires") is not None:
        raise IdentityError("A key of the store has no expires: give valid_until.")
    return parse_key_entry(raw, revoked)


def _limit(option: str, arguments: dict[str, Any]) -> str | None:
    # empty text is what a survey passes on that was left empty
    given = arguments[option]
    return None if given in (None, "") else ALWAYS if given == ALWAYS else moment_text(option, given)


def _without_stand_in(told: dict[str, Any]) -> dict[str, Any]:
    """In check mode nobody knows the key that the run will make."""
    stand_in = parse_key_entry(_STAND_IN).key
    for key in told["ssh_keys"]:
        if key["fingerprint"] == stand_in.fingerprint:
            key.update(fingerprint=_UNSET, public_key=_UNSET)
    told["diff"]["after"] = told["diff"]["after"].replace(stand_in.fingerprint, _UNSET)
    return told
