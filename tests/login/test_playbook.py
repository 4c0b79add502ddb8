# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both steps in a real ansible-playbook: what it says, what it keeps, and what is never seen."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._login._identity import check_identity, read_identity
from ansible_collections.labfleet.identity.tests.login.hostile import (
    ACCESS_TOKEN,
    CLIENT,
    OTHER_TOKEN,
    REFRESH_TOKEN,
    Reply,
    hostile,
)
from ansible_collections.labfleet.identity.tests.login.people import (
    ALICE,
    ALICE_ORCID,
    GLOBUS_LIKE,
    ORCID,
    SECRET,
    UNIVERSITY,
    invitation_token,
)
from ansible_collections.labfleet.identity.tests.servers.oidc_provider import REDIRECT_PATH, log_in
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

CODE = "CANARY-code-3b1f"
INVITATION = invitation_token("one")


class Logins(Controller):
    """A controller on which people log in, and everything that could be read of it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.printed = ""

    def tasks(self, *wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of some tasks, one after the other, whose secrets come from a file of variables."""
        (self.directory / "given.yml").write_text(yaml.safe_dump({"given": wanted}))
        numbered = list(enumerate(wanted))
        tasks: list[dict[str, Any]] = [
            {
                "name": f"Log in {number}",
                "labfleet.identity.identity_login": {
                    name: f"{{{{ given[{number}].{name} }}}}" for name in options if name != "check_mode"
                },
                "check_mode": options.get("check_mode", False),
                "register": f"said_{number}",
                "ignore_errors": True,
            }
            for number, options in numbered
        ]
        said = ", ".join(f"said_{number}" for number, _options in numbered)
        copy = {"content": f"{{{{ [{said}] | to_json }}}}", "dest": "said.json", "mode": "0600"}
        variables = {"ansible_python_interpreter": sys.executable}
        tasks.append({"name": "Keep", "ansible.builtin.copy": copy, "diff": False, "vars": variables})
        book = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
        (self.directory / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
        arguments = ("-i", "localhost,", "-c", "local", "-e", "@given.yml", "--diff", "-vvvv", "play.yml")
        ran = self.run("playbook", *arguments)
        self.printed += ran.stdout + ran.stderr
        assert ran.returncode == 0, ran.stdout + ran.stderr
        kept: list[dict[str, Any]] = json.loads((self.directory / "said.json").read_text())
        self.printed += json.dumps(kept)
        return kept


@pytest.fixture
def controller(tmp_path: Path) -> Logins:
    return Logins(tmp_path)


def test_from_an_address_to_a_verified_identity(controller: Logins, issuer: str) -> None:
    asked = {
        "state": "begun",
        "directory": "logins",
        "client_id": GLOBUS_LIKE,
        "auth_url": issuer,
        "orcid_provider": ORCID,
        "invitation": INVITATION,
        "client_secret": "",
    }
    predicted, begun = controller.tasks({**asked, "check_mode": True}, asked)
    assert predicted["changed"]
    assert "url" not in predicted
    assert begun["changed"]
    logins = controller.directory / "logins"
    assert [path.name for path in logins.iterdir()] == [f"{begun['session']}.session.json"]
    assert begun["url"].startswith(f"{issuer}/v2/oauth2/authorize?")
    kept = json.loads((logins / f"{begun['session']}.session.json").read_text())
    answer = log_in(begun["url"], ALICE)

    done = {"state": "completed", "directory": "logins", "session": begun["session"], "answer": answer}
    predicted, said, again = controller.tasks({**done, "check_mode": True}, done, done)
    assert predicted["changed"]
    assert {name: said[name] for name in ("subject", "identity_provider", "orcid", "email", "session", "changed")} == {
        "subject": ALICE,
        "identity_provider": UNIVERSITY,
        "orcid": ALICE_ORCID,
        "email": "alice@uni.example",
        "session": begun["session"],
        "changed": True,
    }
    assert "warnings" not in said
    (file,) = logins.iterdir()
    assert file.name == f"{begun['session']}.identity.json"
    assert again["failed"]
    assert f"There is no login with the session {begun['session']}" in again["msg"]

    identity = read_identity(str(logins), begun["session"], int(time.time()))
    check_identity(identity, {"idp": UNIVERSITY, "orcid": ALICE_ORCID}, "one")

    everything = controller.printed + file.read_text()
    code = answer.partition("code=")[2].partition("&")[0]
    for private in (kept["verifier"], code, "CANARY"):
        assert private not in everything
    assert kept["state"] in everything  # which the address has to have


def test_no_token_and_no_secret_is_ever_seen(controller: Logins) -> None:
    with hostile() as provider:
        begin = {"state": "begun", "directory": "logins", "client_id": CLIENT, "auth_url": provider.issuer}
        begun, other = controller.tasks({**begin, "client_secret": SECRET, "invitation": INVITATION}, begin)
        logins = controller.directory / "logins"
        kept = (logins / f"{begun['session']}.session.json").read_text()
        session = json.loads(kept)
        assert SECRET not in kept
        provider.claims["nonce"] = session["nonce"]
        provider.user["name"] = "CANARY-NAME"
        # a provider that says back what it was sent
        mirrored = json.dumps({"error": CODE, "error_description": f"{CODE} {session['verifier']} {SECRET}"}).encode()
        provider.replies["/v2/oauth2/token/revoke"] = Reply(mirrored, status=400)
        done = {
            "state": "completed",
            "directory": "logins",
            "session": begun["session"],
            "code": CODE,
            "returned_state": session["state"],
            "client_secret": SECRET,
        }
        wrong, said = controller.tasks({**done, "returned_state": "CANARY-state"}, done)
        assert "The state in the answer is not that of this login" in wrong["msg"]
        assert said["subject"] == "subject-1"
        assert "did not say that it forgot the tokens" in said["warnings"][0]

        provider.replies["/v2/oauth2/token"] = Reply(mirrored, status=400)
        state = json.loads((logins / f"{other['session']}.session.json").read_text())["state"]
        done.update(session=other["session"], returned_state=state, client_secret="")
        (refused,) = controller.tasks(done)
        (file,) = logins.iterdir()
        assert "refused a request (HTTP status 400)" in refused["msg"]

    everything = controller.printed + file.read_text()
    for private in (ACCESS_TOKEN, REFRESH_TOKEN, OTHER_TOKEN, SECRET, CODE, session["verifier"], INVITATION, "CANARY"):
        assert private not in everything


def test_what_cannot_work_is_said_in_one_sentence(controller: Logins) -> None:
    begin: dict[str, Any] = {"state": "begun", "directory": "logins", "client_id": CLIENT}
    complete: dict[str, Any] = {"state": "completed", "directory": "logins", "session": "0" * 32}
    address = f"https://auth.globus.org{REDIRECT_PATH}?code={CODE}&state=x"
    wrong = (
        ({**begin, "client_id": ""}, "A login needs a client_id"),
        ({**begin, "client_id": "a b"}, "The client_id is not an id"),
        ({**begin, "auth_url": "http://auth.globus.org"}, "is not encrypted"),
        ({**begin, "redirect_uri": "javascript:alert(1)"}, "is no address that can be used"),
        ({**begin, "client_secret": "CANARY two words"}, "The client_secret is not one that a provider gives"),
        ({**begin, "invitation": "CANARY"}, "The invitation is no token"),
        ({**begin, "code": CODE}, "With state begun, code says nothing"),
        ({**begin, "timeout": 0}, "The timeout is not from 1 to 300"),
        ({**begin, "directory": "/tmp"}, "can be changed by others"),
        ({**begin, "directory": "no/such/logins"}, "does not exist"),
        ({**complete, "invitation": INVITATION}, "With state completed, invitation says nothing"),
        ({**complete, "session": ""}, "its session is needed"),
        ({**complete}, "its answer is needed"),
        ({**complete, "code": CODE}, "its answer is needed"),
        ({**complete, "answer": address, "code": CODE}, "its answer is needed"),
        ({**complete, "answer": address}, "directory"),
        ({**complete, "answer": address, "secret": "CANARY"}, "has no option secret"),
        ({**complete, "directory": "mine", "session": "../" + "0" * 29, "answer": address}, "is not one that a login"),
        ({**complete, "directory": "mine", "answer": address}, "There is no login with the session"),
    )
    (controller.directory / "mine").mkdir(0o700)
    for (_options, why), said in zip(wrong, controller.tasks(*(options for options, _why in wrong))):
        assert said["failed"]
        assert why in said["msg"]
    assert not (controller.directory / "logins").exists()
    assert "CANARY" not in controller.printed
