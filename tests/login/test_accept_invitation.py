# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who accepts an invitation that says who may, through the playbook, as two jobs that nobody sits at."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.tests.login.people import ALICE, ALICE_ORCID, BOB, GLOBUS_LIKE, ORCID
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import log_in
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import line

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "canary-77ab12 correct horse"


class Lab(Controller):
    """A controller on which invitations are issued and accepted with the playbooks."""

    def __init__(self, directory: Path, issuer: str) -> None:
        super().__init__(directory)
        os.chmod(directory, 0o755)
        (directory / "rosters").mkdir()
        self.printed = ""
        self.variables: dict[str, Any] = {
            "ledger": f"file:{self.ledger}",
            "profile": "lab",
            "issuer": "a",
            "signing_keys": "signing-keys",
            "signing_passphrase": PASSPHRASE,
            "trusted": {"a": "signing-keys/jwks.json"},
            "key_store": "keys",
            "roster": "rosters/invited.json",
            "identity_client_id": GLOBUS_LIKE,
            "identity_auth_url": issuer,
            "identity_directory": "logins",
            "identity_orcid_provider": ORCID,
        }

    def playbook(self, name: str, **variables: Any) -> tuple[int, str]:
        """How it ended and what it said. Without an inventory there are no hosts that could be told of it."""
        (self.directory / "given.yml").write_text(json.dumps({**self.variables, **variables}))
        ran = self.run("playbook", f"labfleet.identity.{name}", "-e", "@given.yml", "-vvvv", "--diff")
        self.printed += ran.stdout + ran.stderr
        return ran.returncode, ran.stdout + ran.stderr

    def invite(self, name: str, **terms: Any) -> str:
        offered = {f"invitation_{term}": value for term, value in terms.items()}
        code, said = self.playbook("invite", invitation_name=name, invitation_dest=f"{name}.token", **offered)
        assert code == 0, said
        return (self.directory / f"{name}.token").read_text().strip()

    def begin(self, token: str) -> tuple[str, str]:
        """The first job: where to log in, and the session."""
        code, said = self.playbook("accept_invitation", invitation_token=token, public_key=line(1))
        assert code == 0, said
        url, session = (
            re.search(r"Log in at (\S+)\"", said),
            re.search(r"identity_session=(\S+) and identity_answer_file", said),
        )
        assert url, said
        assert session, said
        return url[1], session[1]

    def finish(self, token: str, session: str, answer: str, **more: Any) -> tuple[int, str]:
        """The second job; what the person sent is in a file, for an extra variable would be a template."""
        path = self.directory / "answer"
        path.write_text(f"{answer}\n")
        given = {"identity_session": session, "identity_answer_file": str(path), "public_key": line(1), **more}
        return self.playbook("accept_invitation", invitation_token=token, **given)

    def people(self) -> list[str]:
        path = self.directory / "rosters" / "invited.json"
        return [entry["username"] for entry in json.loads(path.read_text())] if path.exists() else []


@pytest.fixture
def lab(tmp_path: Path, issuer: str) -> Lab:
    made = Lab(tmp_path, issuer)
    assert made.playbook("signing_key")[0] == 0
    assert made.playbook("ledger_issue", usernames=["someone"])[0] == 0
    return made


def test_only_who_was_meant_comes_in(lab: Lab) -> None:
    token = lab.invite("alice@uni", username="alice", orcid=ALICE_ORCID)
    other = lab.invite("other@uni", username="other", orcid=ALICE_ORCID)

    # bob has her invitation, and logs in as himself
    url, session = lab.begin(token)
    code, said = lab.finish(token, session, log_in(url, BOB))
    assert code != 0
    assert "ORCID" in said
    # a login for one invitation is none for another
    url, session = lab.begin(other)
    code, said = lab.finish(token, session, log_in(url, ALICE))
    assert code != 0
    # without a login there is no way
    code, said = lab.playbook("accept_invitation", invitation_token=token, public_key=line(1), identity_client_id="")
    assert code != 0
    assert "have the person log in with identity_login first" in said
    assert lab.people() == []

    url, session = lab.begin(token)
    answer = log_in(url, ALICE)
    code, said = lab.finish(token, session, answer)
    assert code == 0, said
    assert lab.people() == ["alice"]
    # she is somebody here now, whatever else she is invited as
    url, session = lab.begin(other)
    code, said = lab.finish(other, session, log_in(url, ALICE), key_name="second")
    assert code != 0
    assert "nobody has two accounts" in said

    code_of_answer = re.search(r"[?&]code=([^&]+)", answer)
    assert code_of_answer
    for secret in (token, other, token.rpartition(".")[2], code_of_answer[1], PASSPHRASE):
        assert secret not in lab.printed
