# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attack: what somebody sends in place of an invitation or a key is a template that runs a program."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import line

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = {"identity_client_id": "client", "identity_directory": "logins", "identity_session": "0" * 32}
# {"alg":"EdDSA"} and {"jti":"one"}: a login does not look at the signature
LOOKS_LIKE_AN_INVITATION = "eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJvbmUifQ.AAAA"
PROGRAM = "from ansible.cli.playbook import main; main()"


class Lab(Controller):
    """A controller on which an invitation is accepted with the playbook; there are no hosts."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.proof = directory / "pwned"
        self.template = f"{{{{ lookup('ansible.builtin.pipe', 'touch {self.proof}') }}}}"
        (directory / "logins").mkdir(0o700)
        (directory / "bad").write_text(f"{self.template}\n")
        (directory / "good").write_text(f"{line(1)}\n")

    def paths(self, **files: str) -> dict[str, str]:
        """The variables that name these files."""
        return {name: str(self.directory / file) for name, file in files.items()}

    def give(self, **variables: str) -> None:
        """Write down the extra variables of a run."""
        given: dict[str, Any] = {
            "ledger": f"file:{self.ledger}",
            "profile": "lab",
            "issuer": "a",
            "trusted": {"a": "jwks.json"},
            "key_store": "keys",
            "roster": "rosters/invited.json",
            **variables,
        }
        (self.directory / "given.yml").write_text(json.dumps(given))

    def accept(self, typed: str = "", **variables: str) -> tuple[int, str]:
        """How the playbook ended and what it said; what is typed comes from a terminal."""
        self.give(**variables)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(self.directory / "tree")
        environment["ANSIBLE_HOME"] = str(self.directory / "home")
        terminal, end = pty.openpty()
        log = self.directory / "said.log"
        try:
            with log.open("wb") as stream:
                process = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, "labfleet.identity.accept_invitation", "-e", "@given.yml", "-vvvv"],
                    cwd=self.directory,
                    env=environment,
                    stdin=end,
                    stdout=stream,
                    stderr=stream,
                )
            # what was typed before the prompt is thrown away by it
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                os.write(terminal, f"{typed}\n".encode())
                time.sleep(0.2)
        finally:
            os.close(end)
            os.close(terminal)
        return process.wait(timeout=60), log.read_text()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.mark.parametrize(
    ("is_typed", "variables", "ends"),
    [
        (False, {"invitation_file": "bad", "public_key_file": "good"}, "jwks.json"),
        (False, {"invitation_file": "good", "public_key_file": "bad"}, "jwks.json"),
        (True, {"public_key_file": "good"}, "jwks.json"),
        (
            False,
            {"invitation_file": "good", "public_key_file": "good", "identity_answer_file": "bad"},
            "Find out who came back",
        ),
    ],
)
def test_what_others_wrote_is_never_run(lab: Lab, is_typed: bool, variables: dict[str, str], ends: str) -> None:
    paths = lab.paths(**variables)
    login = LOGIN if "identity_answer_file" in variables else {}
    code, said = lab.accept(lab.template if is_typed else "", **paths, **login)
    assert code != 0
    assert ends in said, said
    assert not lab.proof.exists(), said


def test_what_a_person_sends_is_asked_for_in_a_file(lab: Lab) -> None:
    """Who follows the message to the letter runs nothing of it."""
    (lab.directory / "invitation").write_text(f"{LOOKS_LIKE_AN_INVITATION}\n")
    login = {**LOGIN, "identity_session": "", "identity_auth_url": "https://login.example"}
    lab.give(**lab.paths(invitation_file="invitation", public_key_file="good"), **login)
    ran = lab.run("playbook", "labfleet.identity.accept_invitation", "-e", "@given.yml")
    said = " ".join(ran.stdout.split())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Log in at https://login.example/" in said
    assert re.search(r"go on with identity_session=[0-9a-f]{32} and identity_answer_file, the path of a file", said), (
        said
    )
    assert "Never give the address itself with -e" in said


@pytest.mark.parametrize("name", ["invitation_token", "identity_answer"])
def test_the_attack_works_where_it_is_warned_of(lab: Lab, name: str) -> None:
    """An extra variable is a template: this shows that the tests above could fail."""
    others = lab.paths(invitation_file="good") if name != "invitation_token" else {}
    lab.accept(**lab.paths(public_key_file="good"), **others, **(LOGIN if others else {}), **{name: lab.template})
    assert lab.proof.exists()
