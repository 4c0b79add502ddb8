# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ledger_adopt: real surveys of three systems, and a real ledger."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import COLLECTION, Controller

if TYPE_CHECKING:
    from pathlib import Path

ROSTER = [
    {"username": "alice", "groups": ["genomics"]},
    {"username": "bob"},
    {"username": "carol"},
    {"username": "dora"},
]
# what the hosts have: name, uid and gid, gecos
EVERYWHERE = [("root", 0, 0, "root"), ("ubuntu", 1000, 1000, "Ubuntu"), ("alice", 5300, 5300, "{{ 7 * 7 }} {% raw %}")]
HOSTS = {
    "web1": [*EVERYWHERE, ("bob", 1001, 1001, "Bob"), ("mallory", 5400, 5400, "")],
    "web2": [*EVERYWHERE, ("bob", 1002, 1002, "Bob"), ("carol", 5310, 5310, "")],
    "web3": [*EVERYWHERE, ("carol", 5311, 5311, "")],
}
HOMES = {"web1": {"alice": 5300, "old{{ 1 + 1 }}": 5500}, "web2": {"carol": 5310}, "web3": {}}
DECISIONS = [{"username": "carol", "keep": 5310}]


class Fleet(Controller):
    """A controller with three systems, each below a directory of its own, and a roster."""

    def __init__(self, directory: Path) -> None:
        assert os.geteuid() == 0, "homes get real owners here: run the unit tests as root"
        super().__init__(directory)
        (directory / "roster.yml").write_text(yaml.safe_dump(ROSTER))
        (directory / "decisions.yml").write_text(yaml.safe_dump(DECISIONS))
        inventory: dict[str, Any] = {"all": {"hosts": {}}}
        for host, accounts in HOSTS.items():
            root = directory / "systems" / host
            (root / "etc").mkdir(parents=True)
            lines = [f"{name}:x:{uid}:{gid}:{gecos}:/home/{name}:/bin/sh\n" for name, uid, gid, gecos in accounts]
            (root / "etc" / "passwd").write_text("".join(lines))
            groups = [f"{name}:x:{gid}:\n" for name, _uid, gid, _gecos in accounts]
            (root / "etc" / "group").write_text("".join([*groups, "genomics:x:4300:alice\n"]))
            for name, uid in HOMES[host].items():
                (root / "home" / name).mkdir(parents=True)
                os.chown(root / "home" / name, uid, uid)
            inventory["all"]["hosts"][host] = {
                "survey_root": str(root),
                "ansible_connection": "local",
                "ansible_become": False,
                "ansible_python_interpreter": sys.executable,
            }
        (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def adopt(self, *arguments: str, limit: str = "") -> tuple[int, str]:
        """The exit code and what was printed."""
        ran = self.run(
            "playbook",
            *("-i", "hosts.yml", *(["-l", limit] if limit else [])),
            *("-e", f"ledger=file:{self.ledger}", "-e", "profile=lab", "-e", "roster=roster.yml"),
            *arguments,
            str(COLLECTION / "playbooks" / "ledger_adopt.yml"),
        )
        assert "DEPRECATION" not in ran.stdout + ran.stderr
        return ran.returncode, ran.stdout + ran.stderr

    def written(self) -> list[str]:
        """What the ledger says, one event a line."""
        found = []
        for line in self.ledger.read_text().splitlines()[1:-1]:
            event = json.loads(line)
            about = event.get("username") or event.get("name") or event.get("subject") or ""
            number = event.get("uid") or event.get("gid") or event.get("number") or event["uid_band"]
            found.append(f"{event['kind']} {about} {event.get('was', '')} {number}")
            found[-1] = " ".join(found[-1].split())
        return found


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_report_decide_adopt_and_adopt_again(fleet: Fleet) -> None:
    code, printed = fleet.adopt()
    assert code == 0, printed
    assert "keep      alice            5300     web1, web2, web3" in printed
    assert "was 1001 on web1; was 1002 on web2" in printed
    assert "CLASH     carol                     carol has 5310 on web2 and 5311 on web3" in printed
    assert "settle with {username: carol, keep: 5310}" in printed
    assert "'/home/old{{ 1 + 1 }}' on web1" in printed
    # of what waits for a decision nobody says that it is a stranger's
    assert ("5500     owner of" in printed, "5310     account" in printed) == (True, False)
    assert os.listdir(fleet.ledger.parent) == []

    code, printed = fleet.adopt("-e", "state=adopted")
    assert code == 2
    assert "Nothing is adopted before a clash is settled: carol has 5310 on web2 and 5311 on web3" in printed
    assert os.listdir(fleet.ledger.parent) == []

    decided = ["-e", "decisions=decisions.yml", "-e", "state=adopted"]
    code, printed = fleet.adopt(*decided, "--check", "--diff")
    assert (code, "+user carol 5310" in printed, "changed=1" in printed) == (0, True, True), printed
    assert os.listdir(fleet.ledger.parent) == []

    code, printed = fleet.adopt(*decided)
    assert (code, "changed=1" in printed) == (0, True), printed
    bob = FileStore(str(fleet.ledger), 1, "test").load()
    assert bob is not None
    number = bob.person("lab", "bob").uid
    written = [
        "profile 5000-5999",
        "group genomics 4300",
        "user alice 5300",
        "user carol 5310",
        f"user bob {number}",
        f"renumber bob 1001 {number}",
        f"renumber bob 1002 {number}",
        "renumber carol 5311 5310",
        "withhold 5400",
        "withhold 5500",
    ]
    assert fleet.written() == written

    before = fleet.ledger.read_bytes()
    code, printed = fleet.adopt("-e", "state=adopted")  # what was decided once needs no decision any more
    assert (code, "changed=0" in printed, "changed=1" in printed) == (0, True, False), printed
    assert fleet.ledger.read_bytes() == before


def test_a_host_that_is_not_reached_or_not_read_is_not_forgotten(fleet: Fleet) -> None:
    shutil.rmtree(fleet.directory / "systems" / "web2" / "etc")
    code, printed = fleet.adopt("-e", "state=adopted", limit="web1,web2,localhost")
    assert code == 2
    assert "not everything is known of 2 of 3 hosts (web2: the survey failed: the accounts of this host" in printed
    assert "directory /etc does not exist" in printed
    assert "web3: it was not surveyed)" in printed
    assert os.listdir(fleet.ledger.parent) == []
    code, printed = fleet.adopt("-e", "state=adopted", "-e", "incomplete=true", limit="web1,web2,localhost")
    assert "2 of 3 hosts, and incomplete is set" in " ".join(printed.split())
    assert "user alice 5300" in fleet.written()


def test_what_is_refused_is_said_and_what_hosts_say_is_no_template(fleet: Fleet) -> None:
    (fleet.directory / "broken.yml").write_text("- {username: carol, keep: 5310}\n- [")
    account = {"name": "{{ lookup('pipe', 'id') }}", "uid": 5400, "gid": 5400, "home": "{{ 7 * 7 }}"}
    survey: dict[str, Any] = {"accounts": [account], "groups": [], "other_numbers": [], "homes": []}
    survey.update(directory_accounts=[], gaps=[])
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "roster": ({"state": "adopted", "roster": ""}, "Nobody can be adopted without a roster"),
        "broken": ({"decisions": "broken.yml"}, "The file of decisions"),
        "missing": ({"decisions": "decisions.yaml"}, "decisions.yaml is not a file"),
        "band": ({"band": "60000-61000"}, "numbers of systemd-homed"),
        "state": ({"state": "adopt"}, "value of state must be one of"),
        "hosts": ({"hosts": "web1"}, "where the name of a host should be"),
        "none": ({"hosts": None}, "missing required arguments: hosts"),
        "reason": ({"reason": "two\nlines"}, "is not one line of at most 255"),
        "people": ({"roster": ""}, ""),
    }
    tasks = []
    for name, (options, _reason) in cases.items():
        arguments = {"ledger": f"file:{fleet.ledger}", "profile": "lab", "roster": "roster.yml", **options}
        arguments.setdefault("hosts", "{{ hosts }}")
        tasks.append(
            {
                "labfleet.identity.ledger_adopt": arguments,
                "register": f"said_{name}",
                "failed_when": False,
                "run_once": True,
            }
        )
    # as a module returns it: read from a file that no template engine has seen
    (fleet.directory / "hosts.json").write_text(json.dumps({"web1": survey}))
    read = {"ansible.builtin.slurp": {"src": str(fleet.directory / "hosts.json")}, "register": "file"}
    fact = {"ansible.builtin.set_fact": {"hosts": "{{ file.content | b64decode | from_json }}"}}
    together = "{{ dict(" + ", ".join(f"{name}=said_{name}" for name in cases) + ") }}"
    said, _printed = fleet.play([read, fact, *tasks, {"ansible.builtin.set_fact": {"said": together}}])
    for name, (_options, reason) in cases.items():
        assert reason in said["one"][name].get("msg", ""), name
    report = said["one"]["people"]["report"]
    assert report["strangers"] == [{"number": 5400, "seen": ["account \"{{ lookup('pipe', 'id') }}\" on web1"]}]
    assert (said["one"]["people"]["changed"], len(said["one"]["people"]["events"])) == (False, 2)
    assert os.listdir(fleet.ledger.parent) == []
