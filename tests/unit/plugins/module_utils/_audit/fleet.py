# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for the tests of audits: its ledger, its roster, and hosts that say what accounts_info returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import parse_answers
from ansible_collections.labfleet.identity.plugins.module_utils._audit._expected import (
    Expected,
    HostWanted,
    People,
    expect,
)
from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import find, sort_out
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    RETIRED,
    NumberWithheld,
    Renumbered,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    group,
    ledger_of,
    profile,
    user,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import Finding

ALICE_KEY, BOB_KEY, STRANGER_KEY, REVOKED_KEY = (public_key(number, "of@somebody") for number in range(4))
EVENTS = [
    profile(),
    group("research", 4100),
    group("imaging", 4200),
    user("alice", 5238),
    user("bob", 5831),
    user("carol", 5404),
    user("rita", 5500),
    StateChanged("lab", "rita", 1, RETIRED, "", STAMP),
    user("dina", 5501),
    StateChanged("lab", "dina", 1, DISABLED, "", STAMP),
    NumberWithheld("lab", 5017, "files of strangers", STAMP),
    Renumbered("lab", "bob", 1001, 5831, "", STAMP),
]
ROSTER = [
    {"username": "alice", "groups": ["imaging"], "keys": [ALICE_KEY]},
    {"username": "bob", "keys": [BOB_KEY]},
    {"username": "carol", "state": "disabled"},
]
WAYS = {"central_keys": True, "home_keys": [], "passwords": False, "certificates": False}


def fingerprint(line: str) -> str:
    return parse_public_key(line).fingerprint


def key_file(*lines: str, **more: Any) -> dict[str, Any]:
    keys = [{"fingerprint": fingerprint(line), "type": "x", "comment": "c@d", "options": []} for line in lines]
    return {"public_keys": keys, "more": 0, "unreadable": 0, **more}


def account(name: str, uid: int, *keys: str, groups: tuple[str, ...] = ("research",), **more: Any) -> dict[str, Any]:
    """An account as it is when nothing is wrong with it."""
    said: dict[str, Any] = {
        "name": name,
        "uid": uid,
        "gid": uid,
        "gecos": "",
        "home": f"/home/{name}",
        "shell": "/bin/bash",
        "groups": [name, *groups],
        "password": "none",
        "expires": "",
        "expired": False,
        "managed": {"owner": "research:lab", "number": uid, "state": "present"},
        "home_state": {"kind": "directory", "uid": uid, "gid": uid, "mode": "0700"},
        "sshd": WAYS,
        "linger": False,
        "crontab": False,
        "processes": 0,
    }
    if keys:
        said["key_file"] = key_file(*keys)
    said.update(more)
    return {name: value for name, value in said.items() if value is not None}


def alice(**more: Any) -> dict[str, Any]:
    return account("alice", 5238, ALICE_KEY, **{"groups": ("imaging", "research"), **more})


def bob(**more: Any) -> dict[str, Any]:
    return account("bob", 5831, *more.pop("keys", (BOB_KEY,)), **more)


def local(name: str = "admin", uid: int = 1000, **more: Any) -> dict[str, Any]:
    return account(name, uid, **{"groups": (), "managed": None, **more})


def host(*accounts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a host says that has root and these accounts."""
    root = local("root", 0, home_state={"kind": "directory", "uid": 0, "gid": 0, "mode": "0700"})
    every = [root, *accounts]
    own = [{"name": one["name"], "gid": one["gid"]} for one in every]
    shared = [{"name": "research", "gid": 4100}, {"name": "imaging", "gid": 4200}, {"name": "sudo", "gid": 27}]
    recorded = [{"name": one["name"], **one["managed"]} for one in every if "managed" in one]
    said = {
        "accounts": every,
        "groups": [*own, *shared, {"name": "video", "gid": 44}, {"name": "docker", "gid": 999}],
        "key_files_of_nobody": [],
        "sudo": [],
        "recorded": recorded,
        "connecting": [],
        "gaps": [],
    }
    return {"info": {**said, **more}}


def expected(hosts: dict[str, Any], roster: list[Any] | None = None, **more: Any) -> Expected:
    people = People("lab", parse_roster(ROSTER if roster is None else roster))
    wanted = {name: HostWanted("lab", groups=("research",), **more) for name in hosts}
    return expect(ledger_of(EVENTS), [people], wanted, [fingerprint(REVOKED_KEY)], STAMP)


def audit(hosts: dict[str, Any], roster: list[Any] | None = None, **more: Any) -> tuple[Finding, ...]:
    """The findings on these hosts."""
    return sort_out(find(parse_answers(hosts), expected(hosts, roster, **more))).findings


def told(*accounts: dict[str, Any], roster: list[Any] | None = None, **more: Any) -> list[str]:
    """The findings on a host with these accounts, each as severity, kind and account."""
    found = audit({"gpu1": host(*accounts, **more)}, roster)
    return [f"{one.severity} {one.kind} {one.account}".rstrip() for one in found]
