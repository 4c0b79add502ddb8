# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uid_allocation, the lookup and the filters inside a real ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.action.uid_allocation import ARGUMENTS

COLLECTION = Path(__file__).resolve().parents[4]
HOSTS = ("one", "two", "three")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz"
ROSTER = [
    {"username": "alice", "gecos": "{{ 7 * 7 }} {% raw %}", "groups": ["genomics"], "keys": [f"{KEY} alice@laptop"]},
    {"username": "bob", "state": "disabled", "subject": "bob@uni.example"},
    {"username": "carol", "state": "absent"},
]


class Controller:
    """A directory with an inventory of three hosts, in which ansible-playbook is started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger = directory / "ledger" / "ledger.jsonl"
        self.ledger.parent.mkdir()
        tree = directory / "tree" / "ansible_collections" / "labfleet"
        tree.mkdir(parents=True)
        (tree / "identity").symlink_to(COLLECTION)
        (directory / "roster.yml").write_text(yaml.safe_dump(ROSTER))

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment.update(
            ANSIBLE_COLLECTIONS_PATH=str(self.directory / "tree"),
            ANSIBLE_HOME=str(self.directory / "home"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_DEPRECATION_WARNINGS="1",
        )
        return subprocess.run(
            [sys.executable, "-c", f"from ansible.cli.{program} import main; main()", *arguments],
            cwd=self.directory,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def play(self, tasks: list[dict[str, Any]], *arguments: str) -> tuple[dict[str, Any], str]:
        """What every host registered as 'said', by host; and what was printed."""
        keep = {
            "ansible.builtin.copy": {"content": "{{ said | to_json }}", "dest": "{{ inventory_hostname }}.json"},
            "check_mode": False,
            "diff": False,
        }
        book = [{"hosts": "all", "gather_facts": False, "tasks": [*tasks, keep]}]
        (self.directory / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
        inventory = f"{','.join(HOSTS)},"
        python = f"ansible_python_interpreter={sys.executable}"
        ran = self.run("playbook", "-i", inventory, "-c", "local", "-e", python, "play.yml", *arguments)
        printed = ran.stdout + ran.stderr
        assert ran.returncode == 0, printed
        assert "DEPRECATION" not in printed
        return {host: json.loads((self.directory / f"{host}.json").read_text()) for host in HOSTS}, printed

    def allocation(self, register: str = "said", **options: Any) -> dict[str, Any]:
        arguments = {"profile": "personal-research", "ledger": f"file:{self.ledger}", "roster": "roster.yml", **options}
        return {"labfleet.identity.uid_allocation": arguments, "register": register}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def test_hosts_that_ask_at_once_get_the_same_numbers(controller: Controller) -> None:
    tasks = [controller.allocation(groups=["research"])]
    expected = [
        {
            "username": "alice",
            "uid": 5238,
            "gid": 5238,
            "subject": "alice",
            "state": "present",
            "gecos": "{{ 7 * 7 }} {% raw %}",
            "groups": ["genomics"],
            "public_keys": [f"{KEY} alice@laptop"],
        },
        {"username": "bob", "uid": 5831, "gid": 5831, "subject": "bob@uni.example", "state": "disabled"},
    ]
    issued = [
        {"kind": "group", "name": "research", "number": 4265},
        {"kind": "group", "name": "genomics", "number": 4847},
        {"kind": "user", "name": "alice", "number": 5238},
        {"kind": "user", "name": "bob", "number": 5831},
    ]
    said, printed = controller.play(tasks, "--check", "--diff")
    for host in HOSTS:
        assert (said[host]["changed"], said[host]["identities"]) == (True, expected)
        assert said[host]["issued"] == issued
    assert "+user alice 5238" in printed
    assert os.listdir(controller.ledger.parent) == []

    said, printed = controller.play(tasks)
    assert sorted(said[host]["changed"] for host in HOSTS) == [False, False, True]
    for host in HOSTS:
        assert said[host]["identities"] == expected
        assert said[host]["groups"] == [{"name": "research", "gid": 4265}, {"name": "genomics", "gid": 4847}]
        assert said[host]["profile"] == {
            "id": "personal-research",
            "uid_band": "5000-5999",
            "group_band": "4000-4999",
            "guest_bands": [],
        }
        assert said[host]["ledger"] == f"file:{controller.ledger}"
        assert said[host]["issued"] == (issued if said[host]["changed"] else [])
    assert "did not exist and was begun" in printed

    before = controller.ledger.stat()
    said, printed = controller.play(tasks)
    assert not any(said[host]["changed"] for host in HOSTS)
    assert said["one"]["identities"] == expected
    assert controller.ledger.stat().st_mtime_ns == before.st_mtime_ns
    assert "WARNING" not in printed


def test_a_roster_in_a_playbook_a_lookup_and_the_filters(controller: Controller) -> None:
    roster = [{"username": "alice", "expires": "2027-01-31", "groups": ["genomics"]}, {"username": "bob"}]
    where = f"ledger='file:{controller.ledger}', profile='personal-research'"
    accounts = "numbers.identities | labfleet.identity.host_accounts('bob', groups=everywhere)"
    said, _printed = controller.play(
        [
            controller.allocation("numbers", roster={"users": roster}, band="", group_band=""),
            {
                "ansible.builtin.set_fact": {
                    "said": {
                        "looked_up": "{{ lookup('labfleet.identity.identity', 'alice', " + where + ").uid }}",
                        "first": "{{ 'alice' | labfleet.identity.first_choice_uid('personal-research') }}",
                        "accounts": "{{ " + accounts + " }}",
                    }
                },
                "vars": {"everywhere": ["research"]},
            },
        ]
    )
    assert said["two"] == {
        "looked_up": 5238,
        "first": 5238,
        "accounts": [
            {"name": "alice", "uid": 5238, "gid": 5238, "selected": False, "expires": "2027-01-31"},
            {
                "name": "bob",
                "uid": 5831,
                "gid": 5831,
                "home": "/home/bob",
                "shell": "/bin/bash",
                "state": "present",
                "groups": ["research"],
            },
        ],
    }


def test_an_encrypted_roster_is_read(controller: Controller) -> None:
    (controller.directory / "secret").write_text("correct horse")
    encrypted = controller.run("vault", "encrypt", "--vault-password-file", "secret", "roster.yml")
    assert encrypted.returncode == 0, encrypted.stderr
    assert b"alice" not in (controller.directory / "roster.yml").read_bytes()
    said, _printed = controller.play([controller.allocation()], "--vault-password-file", "secret")
    assert [identity["uid"] for identity in said["one"]["identities"]] == [5238, 5831]


def test_what_is_refused_is_said_and_nothing_is_written(controller: Controller) -> None:
    many = [{"username": f"p{number}"} for number in range(100_000)]
    (controller.directory / "many.json").write_text(json.dumps(many))
    (controller.directory / "hostile.json").write_text(
        json.dumps([*many, {"username": "root"}, {"username": "a:b\nc"}, {"username": "p7"}, {"username": "x" * 33}])
    )
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "many": ({"roster": "many.json"}, "needs numbers for 100000 more people, but its band 5000-5999 has 1000 left"),
        "hostile": (
            {"roster": "hostile.json"},
            "entry 100001 ('root'): The username 'root' belongs to the system",
        ),
        "missing": ({"roster": "rooster.yml"}, "rooster.yml is not a file"),
        "nothing": ({"roster": None}, "missing required arguments: roster"),
        "unknown": ({"bogus": 1}, "uid_allocation has no option bogus"),
        "timeout": ({"lock_timeout": "soon"}, "lock_timeout"),
        "scheme": ({"ledger": "dynamodb:table"}, "is not of the form file:PATH"),
        "band": ({"band": "60000-61000"}, "numbers of systemd-homed"),
        "profile": ({"profile": "a:b"}, "profile id 'a:b' is not valid"),
        "group": ({"groups": ["docker"]}, "'docker' belongs to the system"),
    }
    tasks = []
    for name, (options, _reason) in cases.items():
        tasks.append({**controller.allocation(f"said_{name}", **options), "failed_when": False, "run_once": True})
    together = "{{ dict(" + ", ".join(f"{name}=said_{name}" for name in cases) + ") }}"
    said, _printed = controller.play([*tasks, {"ansible.builtin.set_fact": {"said": together}}])
    for name, (_options, reason) in cases.items():
        assert reason in said["one"][name]["msg"], name
    for reason in (r"'a:b\nc'", "entry 8 has this username already", "33 characters"):
        assert reason in said["one"]["hostile"]["msg"]
    assert os.listdir(controller.ledger.parent) == []


def test_what_is_documented_is_what_is_accepted() -> None:
    source = (COLLECTION / "plugins" / "modules" / "uid_allocation.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    documented = {
        name: {key: value for key, value in option.items() if key != "description"}
        for name, option in documentation["options"].items()
    }
    assert documented == ARGUMENTS
