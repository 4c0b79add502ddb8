# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets with a mark in them: none of them is ever seen in what a run prints, logs, keeps or passes on."""

from __future__ import annotations

import json
import syslog
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.labfleet.identity.plugins.modules import accounts
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import public_key

from .private_host import PrivateHost, Seen

if TYPE_CHECKING:
    from pathlib import Path

MARK = "CANARY"
HASH = "$6$CANARYSALT$" + ("CANARYhash./" * 8)[:85] + "1"
# of the length that one of ed25519 has
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI%s\n-----END%s\n" % (
    "\nCANARYCANARY+CANARYCANARY/CANARYCANARY+CANARYCANARY/CANARYCANARY+CANAR" * 5,
    " OPENSSH PRIVATE KEY-----",
)
# what begins a text that is no key may be shown, to say what was put there
TOKEN = "ghp_0123456789ab-CANARYcanaryCANARYcanary"
KEY = public_key(1, "alice@laptop")
# everything that must be refused, each for the secret in it
REFUSED: list[dict[str, Any]] = [
    {"keys": [PRIVATE_KEY]},
    {"keys": [PRIVATE_KEY.replace("\n", " ")]},
    {"keys": [KEY, TOKEN]},
    {"keys": [{"key": PRIVATE_KEY}]},
    {"keys": PRIVATE_KEY},
    {"password": "CANARY in the clear"},
    {"password": PRIVATE_KEY},
    {"password": ["CANARY"]},
    {"passphrase": "CANARY"},
    {"password_hash": HASH},
    {"uid": HASH},
    {"state": HASH},
    {"gecos": PRIVATE_KEY},
]


@pytest.fixture
def private(tmp_path: Path) -> PrivateHost:
    return PrivateHost(tmp_path)


def no_canary(seen: Seen) -> None:
    found = {
        place: text[max(0, text.find(MARK) - 200) :][:300] for place, text in seen.everywhere.items() if MARK in text
    }
    assert not found


def accounts_task(private: PrivateHost, **user: Any) -> dict[str, Any]:
    entry = {"name": "alice", "uid": 5238, "home": str(private.homes / "alice"), "shell": "/bin/sh", **user}
    request = {"owner": "research:lab", "band": "5000-5999", "users": [entry]}
    return {"name": "Accounts", "labfleet.identity.accounts": request, "register": "said", "ignore_errors": True}


KEPT = {"name": "Keep", "ansible.builtin.set_fact": {"kept": "{{ said }}", "cacheable": True}}


def test_a_password_hash_is_in_shadow_and_nowhere_else(private: PrivateHost) -> None:
    """Pain 17: a hash is data, which is written as it is, and a second run has nothing to do."""
    first = accounts_task(private, password=HASH, keys=[KEY])
    other = accounts_task(private, password=HASH.replace("SALT", "SECOND"), keys=[KEY])
    predicted = {**first, "check_mode": True}
    asked = "{{ said.changed | ternary('it would change', 'it would not') }}"
    tasks = [predicted, KEPT, first, KEPT, first, {"ansible.builtin.debug": {"msg": asked}}, predicted, other, KEPT]
    seen = private.play(tasks, check_code=0)
    assert "it would not" in seen.printed
    assert "failed=0" in seen.printed
    assert "ignored=0" in seen.printed
    shadow = dict(line.split(":")[:2] for line in seen.host["/etc/shadow"].splitlines())
    assert shadow["alice"] == HASH.replace("SALT", "SECOND")
    assert KEY in seen.host["/etc/ssh/authorized_keys.d/alice"]
    assert "password" in seen.printed
    no_canary(seen)


def test_a_secret_in_the_wrong_place_is_refused_without_being_told(private: PrivateHost) -> None:
    tasks = [task for wrong in REFUSED for task in (accounts_task(private, **wrong), KEPT)]
    seen = private.play(tasks, check_code=0)
    assert f"ignored={len(REFUSED)}" in seen.printed
    assert "alice:" not in seen.host["/etc/passwd"]
    no_canary(seen)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a module tells syslog or the journal."""
    lines: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(syslog, "syslog", lambda _priority, line: lines.append(line))
    return lines


def told(capsys: pytest.CaptureFixture[str], arguments: dict[str, Any]) -> str:
    """What the module prints as its result, with everything that it may be asked to send back."""
    arguments = {**arguments, "_ansible_check_mode": True, "_ansible_diff": True, "_ansible_verbosity": 4}
    with patch_module_args({**arguments, "_ansible_inject_invocation": True}), pytest.raises(SystemExit):
        accounts.main()
    captured = capsys.readouterr()
    return captured.out + captured.err


DOCUMENTED = yaml.safe_load(accounts.DOCUMENTATION)["options"]
USER_OPTIONS = sorted(DOCUMENTED["users"]["suboptions"])
# an owner is a label, which is shown
OPTIONS = sorted(DOCUMENTED.keys() - {"users", "groups", "owner"})


@pytest.mark.parametrize("secret", [HASH, PRIVATE_KEY], ids=["hash", "key"])
@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_says_a_secret_that_was_given_to_it(
    capsys: pytest.CaptureFixture[str], logged: list[str], option: str, secret: str
) -> None:
    request: dict[str, Any] = {"owner": "research:lab", "band": "5000-5999", "users": [], option: secret}
    assert MARK not in told(capsys, request)
    assert not [line for line in logged if MARK in line]


@pytest.mark.parametrize("shape", ["text", "list", "mapping"])
@pytest.mark.parametrize("secret", [HASH, PRIVATE_KEY], ids=["hash", "key"])
@pytest.mark.parametrize("option", USER_OPTIONS)
def test_no_option_of_a_user_says_a_secret_that_was_given_to_it(
    capsys: pytest.CaptureFixture[str], logged: list[str], option: str, secret: str, shape: str
) -> None:
    value = {"text": secret, "list": [secret], "mapping": {secret: secret}}[shape]
    user = {"name": "alice", "uid": 5238, "shell": "/bin/sh", option: value}
    printed = told(capsys, {"owner": "research:lab", "band": "5000-5999", "users": [user]})
    if option == "gecos" and secret == HASH:
        # which is a comment like any other, and everybody can read passwd
        printed = json.loads(printed).get("msg", "")
    assert MARK not in printed
    assert not [line for line in logged if MARK in line]
