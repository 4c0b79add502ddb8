# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller does with a portal's token before any host hears of it, through real playbooks.

The host of these tests is this machine, which has no account that is ours: whatever reaches it is refused there.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet, key_set_text
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._portal import portals

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CANARY = "canary-5c1d0a"
# without systemd it says that first
REFUSED_THERE = ("systemd does not run on this host", "is no account that labfleet.identity made")


class Lab(Controller):
    """A controller that trusts a portal, and has a ledger with one person and one shared account."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        for name in ("portal", "other"):
            public = portals.pair(name)[1]
            (directory / f"{name}.json").write_bytes(key_set_text(KeySet({public.kid: public})))
        self.used = directory / "used"
        arguments = {"ledger": f"file:{self.ledger}", "profile": "lab"}
        issue = {
            "labfleet.identity.uid_allocation": {**arguments, "roster": [{"username": "alice"}, {"username": "jobs"}]}
        }
        link = {
            "labfleet.identity.ledger_link": {
                **arguments,
                "username": "alice",
                "upstream": f"{portals.PORTAL} 4711",
            }
        }
        self.play([{**issue, "register": "said"}, {**link, "run_once": True}])

    def token(self, key: str = "portal", **more: Any) -> str:
        now = int(time.time())
        return portals.token(key, iat=now, exp=now + 300, jti=f"{CANARY}-{more.pop('jti', 1)}", **more)

    def task(self, token: str, **more: Any) -> dict[str, Any]:
        options = {
            "ledger": f"file:{self.ledger}",
            "profile": "lab",
            "token": token,
            "trusted": {portals.PORTAL: "portal.json", portals.OTHER: "other.json"},
            "audience": portals.AUDIENCE,
            "roles": ["user"],
            "used_tokens": str(self.used),
            "mapping": "existing",
            "argv": ["id"],
            **more,
        }
        return {"labfleet.identity.run_as": options, "failed_when": False, "run_once": True}

    def results(self, tasks: list[dict[str, Any]], *arguments: str) -> tuple[list[dict[str, Any]], str]:
        """What every task returned, in one run."""
        registered = [f"said_{number}" for number in range(len(tasks))]
        together = {"ansible.builtin.set_fact": {"said": "{{ [" + ", ".join(registered) + "] }}"}}
        done = [{**task, "register": name} for task, name in zip(tasks, registered)]
        said, printed = self.play([*done, together], *arguments)
        results: list[dict[str, Any]] = said["one"]
        return results, printed

    def people(self) -> list[str]:
        events = [json.loads(line) for line in self.ledger.read_text().splitlines()[1:]]
        return [event["username"] for event in events if event.get("kind") == "user"]

    def playbook(self, job: dict[str, Any] | str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The playbook as an administrator starts it, with the file that the portal wrote."""
        settings = {
            "ledger": f"file:{self.ledger}",
            "profile": "lab",
            "portal_trusted": {portals.PORTAL: "portal.json"},
            "portal_audience": portals.AUDIENCE,
            "portal_roles": ["user"],
            "portal_used_tokens": str(self.used),
            "run_host": "one",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
        }
        (self.directory / "portal.yml").write_text(json.dumps(settings))
        (self.directory / "job.json").write_text(job if isinstance(job, str) else json.dumps(job))
        file = f"portal_job={self.directory}/job.json"
        return self.run(
            "playbook",
            "-i",
            "one,",
            "-c",
            "local",
            "-e",
            "@portal.yml",
            "-e",
            file,
            *arguments,
            "labfleet.identity.run_as",
        )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def reached_a_host(result: dict[str, Any]) -> bool:
    return any(text in result["msg"] for text in REFUSED_THERE)


def test_a_token_reaches_a_host_once(lab: Lab) -> None:
    token = lab.token()
    results, _printed = lab.results([lab.task(token), lab.task(token), lab.task(lab.token(jti=2))])
    assert reached_a_host(results[0])
    assert results[0]["identity"] == {"issuer": portals.PORTAL, "subject": "4711", "role": "user"}
    assert "was used already" in results[1]["msg"]
    assert reached_a_host(results[2])
    again, _printed = lab.results([lab.task(token)])
    assert "was used already" in again[0]["msg"]
    assert [result["changed"] for result in results] == [False, False, False]


def test_check_mode_uses_nothing_up_and_sees_what_was_used(lab: Lab) -> None:
    token = lab.token()
    checked, _printed = lab.results([lab.task(token), lab.task(token)], "--check")
    assert all(reached_a_host(result) for result in checked)
    assert not lab.used.exists()
    lab.results([lab.task(token)])
    checked, _printed = lab.results([lab.task(token)], "--check")
    assert "was used already" in checked[0]["msg"]


def test_what_is_refused_uses_no_token_up(lab: Lab) -> None:
    tasks = [
        lab.task(lab.token(jti=1), audience="another"),
        lab.task(lab.token(jti=2, role="guest")),
        lab.task(lab.token(jti=3, iss="https://evil.example")),
        lab.task(lab.token(jti=4, iss=portals.OTHER)),
        lab.task(lab.token("other", jti=5, iss=portals.OTHER)),
        lab.task(lab.token(jti=6), argv=["id", "a\nb", "x" * 100000]),
        lab.task(lab.token(jti=7), environment={"LD_PRELOAD": "/tmp/x.so"}),
        lab.task(lab.token(jti=8), directories=["/home/alice/../bob"]),
        lab.task(lab.token(jti=9), mapping="shared", username="alice"),
        lab.task(lab.token(jti=10), mapping="shared", username="jobs", without=["metadata"]),
        lab.task(lab.token(jti=11), trusted={portals.PORTAL: "missing.json"}),
        lab.task(lab.token(jti=12, sub="5"), mapping="create", username="root"),
        lab.task(lab.token(jti=13, sub="5"), mapping="create", username="alice"),
    ]
    says = [
        "is not for 'another'",
        "none of the roles user",
        "whose keys are not trusted here",
        "does not have here",
        "Nobody in the ledger is",
        "argv has more than",
        "LD_PRELOAD would change",
        "without . and ..",
        "so it is one person's account",
        "needs every protection",
        "cannot be read",
        "belongs to the system",
        "is or was that of alice",
    ]
    results, _printed = lab.results(tasks)
    for result, text in zip(results, says):
        assert text in result["msg"]
        assert not reached_a_host(result)
    assert not lab.used.exists()
    assert lab.people() == ["alice", "jobs"]


def test_a_new_person_is_in_the_ledger_also_when_the_host_has_no_account_yet(lab: Lab) -> None:
    checked, _printed = lab.results([lab.task(lab.token(sub="5"), mapping="create")], "--check")
    assert lab.people() == ["alice", "jobs"]
    results, _printed = lab.results([lab.task(lab.token(sub="5"), mapping="create")])
    kinds = [event["kind"] for event in results[0]["events"]]
    assert kinds == [event["kind"] for event in checked[0]["events"]] == ["user", "link"]
    assert (results[0]["changed"], lab.people()) == (True, ["alice", "jobs", "ann"])
    again, _printed = lab.results([lab.task(lab.token(sub="5", jti=2), mapping="create")])
    assert (again[0]["changed"], again[0]["events"]) == (False, [])
    subject = results[0]["events"][0]["subject"]
    assert all(f"In the roster ann needs 'subject: {subject}'" in said[0]["msg"] for said in (results, again))


def test_whoever_proposes_the_name_of_somebody_in_the_roster_does_not_become_them(lab: Lab) -> None:
    token = lab.token(sub="666", preferred_username="bob")
    bob = {"username": "bob"}
    issue = {"ledger": f"file:{lab.ledger}", "profile": "lab"}
    results, _printed = lab.results(
        [
            lab.task(token, mapping="create"),
            {"labfleet.identity.uid_allocation": {**issue, "roster": [bob]}, "failed_when": False},
        ]
    )
    created = results[0]["events"][0]
    assert reached_a_host(results[0])
    assert "the username bob belongs to the subject 'portal:" in results[1]["msg"]
    assert "a name is never given to somebody else" in results[1]["msg"]
    told = {**bob, "subject": created["subject"]}
    results, _printed = lab.results([{"labfleet.identity.uid_allocation": {**issue, "roster": [told]}}])
    assert [one["uid"] for one in results[0]["identities"]] == [created["uid"]]


def test_the_token_is_shown_nowhere(lab: Lab) -> None:
    """With everything that Ansible can say, for what works, what is refused, and what is no token."""
    good, bad = lab.token(), lab.token(jti=2, role="guest")
    (lab.directory / "tokens.json").write_text(json.dumps({"good": good, "bad": bad}))
    tasks = [
        lab.task("{{ good }}"),
        lab.task("{{ good }}"),
        lab.task("{{ bad }}"),
        lab.task("{{ bad[:-5] }}"),
        lab.task("{{ good }}", mapping="nonsense"),
        lab.task("{{ good }}", nonsense=True),
    ]
    results, printed = lab.results(tasks, "-vvvv", "--diff", "-e", "@tokens.json")
    said = printed + json.dumps(results)
    used = "".join(path.read_text() for path in lab.used.iterdir())
    for token in (good, bad):
        for part in (*token.split("."), CANARY):
            assert part not in said
            assert part not in used + lab.ledger.read_text()
    assert "was used already" in results[1]["msg"]
    assert "nonsense" in results[4]["msg"]


def test_what_a_portal_wrote_is_no_template(lab: Lab) -> None:
    """A template would run on the controller, with the rights of whoever runs Ansible."""
    made = lab.directory / "made"
    attack = f"{{{{ lookup('ansible.builtin.pipe', 'touch {made}') }}}}"
    # the attack is one: as an extra variable it works
    ran = lab.playbook({"token": "x", "argv": ["id"]}, "-e", json.dumps({"portal_audience": attack}))
    assert made.exists(), ran.stdout
    made.unlink()
    tokens = [lab.token(jti=number) for number in range(5)]
    jobs: list[tuple[Any, tuple[str, ...]]] = [
        ({"token": tokens[0], "argv": ["echo", attack], "environment": {"A": attack}}, REFUSED_THERE),
        ({"token": tokens[1], "argv": [attack], "directories": [attack], "timeout": attack}, ("directories has",)),
        ({"token": tokens[2], "argv": ["id"], attack: attack}, ("is no job",)),
        ({"token": tokens[3], "argv": attack}, ("is no job",)),
        (json.dumps({"token": tokens[4], "argv": [attack]})[:-1], ("from_json",)),
    ]
    for job, says in jobs:
        ran = lab.playbook(job, "-vvvv")
        printed = (ran.stdout + ran.stderr).replace("\n", " ")
        assert ran.returncode == 2, printed
        assert not made.exists(), job
        assert any(text in printed for text in says), printed
        assert not [part for token in tokens for part in token.split(".") if part in printed]
    assert len(list(lab.used.iterdir())) == 1


def test_the_playbook_takes_a_path_from_the_root_on(lab: Lab) -> None:
    ran = lab.playbook({}, "-e", "portal_job=job.json")
    assert "no absolute path" in ran.stdout
    assert ran.returncode == 2
