# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uid_allocation, the lookup and the filters inside a real ansible-playbook."""

from __future__ import annotations

import datetime
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import HOSTS, Controller

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz"
ROSTER = [
    {"username": "alice", "gecos": "{{ 7 * 7 }} {% raw %}", "groups": ["genomics"], "keys": [f"{KEY} alice@laptop"]},
    {"username": "bob", "state": "disabled", "subject": "bob@uni.example"},
    {"username": "carol", "state": "absent"},
]


class Allocator(Controller):
    """A controller with a roster."""

    def allocation(self, register: str = "said", **options: Any) -> dict[str, Any]:
        arguments = {"profile": "personal-research", "ledger": f"file:{self.ledger}", "roster": "roster.yml", **options}
        return {"labfleet.identity.uid_allocation": arguments, "register": register}


@pytest.fixture
def controller(tmp_path: Path) -> Allocator:
    (tmp_path / "roster.yml").write_text(yaml.safe_dump(ROSTER))
    return Allocator(tmp_path)


def test_hosts_that_ask_at_once_get_the_same_numbers(controller: Allocator) -> None:
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


def test_a_roster_in_a_playbook_a_lookup_and_the_filters(controller: Allocator) -> None:
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
            {
                "name": "alice",
                "uid": 5238,
                "gid": 5238,
                "selected": False,
                "expires": "2027-01-31",
                "groups": ["research", "genomics"],
            },
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


def test_a_key_with_options_comes_back_as_data(controller: Allocator) -> None:
    key = {"key": f"{KEY} alice@laptop", "expires": "2027-01-31", "restrict": True, "pty": True, "user_rc": False}
    said, _printed = controller.play([controller.allocation(roster=[{"username": "alice", "keys": [key]}])])
    assert said["one"]["identities"][0]["public_keys"] == [
        {"key": f"{KEY} alice@laptop", "restrict": True, "pty": True, "expires": "2027-01-31"}
    ]


def test_an_encrypted_roster_is_read(controller: Allocator) -> None:
    (controller.directory / "secret").write_text("correct horse")
    encrypted = controller.run("vault", "encrypt", "--vault-password-file", "secret", "roster.yml")
    assert encrypted.returncode == 0, encrypted.stderr
    assert b"alice" not in (controller.directory / "roster.yml").read_bytes()
    said, _printed = controller.play([controller.allocation()], "--vault-password-file", "secret")
    assert [identity["uid"] for identity in said["one"]["identities"]] == [5238, 5831]


def test_what_is_refused_is_said_and_nothing_is_written(controller: Allocator) -> None:
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
        "date": (
            {"roster": [{"username": "alice", datetime.date(2026, 1, 1): "x"}]},
            "entry 1 ('alice'): it has the unk",
        ),
        "nothing": ({"roster": None}, "missing required arguments: roster"),
        "unknown": ({"bogus": 1}, "uid_allocation has no option bogus"),
        "timeout": ({"lock_timeout": "soon"}, "lock_timeout"),
        "scheme": ({"ledger": "s3:table"}, "is neither of the form file:PATH nor"),
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


def test_one_run_looks_again_when_it_wrote_itself_or_the_files_changed(controller: Allocator) -> None:
    retire = {
        "labfleet.identity.ledger_retire": {
            "ledger": f"file:{controller.ledger}",
            "profile": "personal-research",
            "usernames": ["alice"],
        },
        "run_once": True,
    }
    roster = {
        "ansible.builtin.copy": {
            "content": '[{"username": "alice"}, {"username": "zoe"}]',
            "dest": str(controller.directory / "roster.yml"),
        },
        "run_once": True,
    }
    first, second, third = (controller.allocation(name) for name in ("first", "second", "third"))
    both = {"ansible.builtin.set_fact": {"said": "{{ {'first': first, 'second': second, 'third': third} }}"}}
    said, printed = controller.play([first, retire, second, roster, third, both])
    for host in HOSTS:
        assert [person["state"] for person in said[host]["first"]["identities"]] == ["present", "disabled"]
        assert [person["state"] for person in said[host]["second"]["identities"]] == ["disabled", "disabled"]
        assert [person["username"] for person in said[host]["third"]["identities"]] == ["alice", "zoe"]
    assert sum(said[host]["third"]["changed"] for host in HOSTS) == 1
    assert "alice (personal-research) is in the roster but gets a disabled account" in " ".join(printed.split())
