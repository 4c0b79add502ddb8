# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing keys and signed invitations, through a real playbook that shows all it can."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "canary-51f0aa correct horse", "canary-77b1c2 battery staple"


def task(passphrase: str, **options: Any) -> dict[str, Any]:
    return {
        "labfleet.identity.token_key": {"path": "signing", "passphrase": "{{ %s }}" % passphrase, **options},
        "run_once": True,
        "failed_when": False,
    }


def results(controller: Controller, tasks: list[dict[str, Any]], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """What every task returned, in one run."""
    registered = [f"said_{number}" for number in range(len(tasks))]
    together = {"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(registered) + "] }}"}}
    done = [{**one, "register": name} for one, name in zip(tasks, registered)]
    said, printed = controller.play([*done, together], *arguments)
    told: list[dict[str, Any]] = said["one"]
    return told, printed


def test_what_is_foretold_is_done_once_and_no_secret_is_shown(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    # the passphrases come from a file, as they would from a vault
    (tmp_path / "secrets.yml").write_text(json.dumps({"old": OLD, "new": NEW}))
    in_use = "{{ said_1.kid }}"
    claims = {
        "iss": "cluster-a",
        "aud": "lab",
        "iat": "{{ now(utc=true).timestamp() | int }}",
        "nbf": "{{ claims.iat }}",
        "exp": "{{ claims.iat + 3600 }}",
        "inv": {"role": "guest"},
    }
    verified = "token | labfleet.identity.verify_invitation({'cluster-a': 'signing/jwks.json'}, 'lab')"
    signed = {
        "ansible.builtin.set_fact": {
            "seen": "{{ (%s).claims == (token | labfleet.identity.invitation_claims).claims }}" % verified
        },
        "vars": {
            "claims": claims,
            "token": "{{ claims | labfleet.identity.sign_invitation('signing', old) }}",
        },
        "run_once": True,
    }
    wrong = {
        "ansible.builtin.debug": {"msg": "{{ claims | labfleet.identity.sign_invitation('signing', new) }}"},
        "vars": {"claims": {**claims, "exp": "{{ claims.iat + 60 }}"}},
        "ignore_errors": True,
        "run_once": True,
    }
    tasks = [
        {**task("old"), "check_mode": True},
        task("old"),
        task("old"),
        task("new"),
        signed,
        wrong,
        {**task("old", state="rotated", kid=in_use), "check_mode": True},
        task("old", state="rotated", kid=in_use),
        task("old", state="rotated", kid=in_use),
        task("old", state="rotated", older_than="90d"),
        {**task("new", state="retired", kid="{{ said_7.kid }}"), "check_mode": True},
        task("new", state="retired", kid="{{ said_7.kid }}"),
        task("new", state="retired", kid="{{ said_7.kid }}"),
        task("new", state="retired"),
        task("new", kid="x"),
        task("new", state="rotated", bits=2048),
        task("new", state="rotated", overlap="long"),
    ]
    said, printed = results(controller, tasks, "-e", "@secrets.yml", "-vvvv", "--diff")
    foretold, made, same, refused, seen, failed, will_rotate, rotated, again, young, *rest = said
    will_retire, retired, still, nameless, useless, weak, vague = rest
    assert [one["changed"] for one in (foretold, made, same)] == [True, True, False]
    assert foretold["kid"] == "(not made yet)"
    assert "has another passphrase" in refused["msg"]
    assert seen["ansible_facts"] == {"seen": True}
    assert "has another passphrase" in failed["msg"]
    assert [one["changed"] for one in (will_rotate, rotated, again, young)] == [True, True, False, False]
    assert [key["state"] for key in rotated["token_keys"]] == ["in_use", "rotated_out"]
    assert will_rotate["diff"]["before"] == rotated["diff"]["before"]
    assert rotated["diff"]["before"].count("private half of") == 1
    assert [one["changed"] for one in (will_retire, retired, still)] == [True, True, False]
    assert retired["retired"] == [rotated["kid"]]
    assert [key["kid"] for key in retired["token_keys"]] == [retired["kid"], made["kid"]]
    told = [one["msg"] for one in (nameless, useless, weak, vague)]
    for words, message in zip(("No key is named", "kid says nothing", "2048 bits", "no duration"), told):
        assert words in message
    directory = tmp_path / "signing"
    assert sorted(os.listdir(directory)) == sorted([".lock", "jwks.json", f"{retired['kid']}.pem"])
    assert oct(os.stat(directory / "jwks.json").st_mode)[-3:] == "644"
    private = (directory / f"{retired['kid']}.pem").read_text().splitlines()
    everything = printed + json.dumps(said)
    for secret in (OLD, NEW, *private):
        assert secret not in everything
    assert "PRIVATE KEY" not in everything
    # what a token begins with: it was a variable of a task, and is shown nowhere
    assert "eyJhbGciOiJFZERTQS" not in everything
