# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook audit and the action accounts_audit: a real ledger, rosters, key stores, and answers of hosts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook, Validity, present, revoke
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import COLLECTION, Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._audit.fleet import (
    ALICE_KEY,
    BOB_KEY,
    EVENTS,
    REVOKED_KEY,
    ROSTER,
    STRANGER_KEY,
    alice,
    bob,
    host,
    key_file,
    local,
)

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-11-21T22:00:00Z"
EVIL = "{{ 7 * 7 }}\x1b[2J"


class Auditor(Controller):
    """A controller with the ledger and the roster of the lab, and three hosts that answered."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.ledger.write_bytes(format_ledger(Written(), EVENTS))
        (directory / "roster.yml").write_text(yaml.safe_dump(ROSTER))

    def audit(self, hosts: dict[str, Any], *arguments: str, **options: Any) -> tuple[dict[str, Any], str]:
        """What the module said, and what was printed."""
        task = {
            "labfleet.identity.accounts_audit": {
                "ledger": f"file:{self.ledger}",
                "profiles": [{"profile": "lab", "roster": "roster.yml"}],
                "hosts": "{{ lookup('ansible.builtin.file', 'hosts.json') | from_json }}",
                "assignments": {name: {"profile": "lab", "groups": ["research"]} for name in hosts},
                **options,
            },
            "register": "said",
            "ignore_errors": True,
            "run_once": True,
        }
        (self.directory / "hosts.json").write_text(json.dumps(hosts))
        said, printed = self.play([task], *arguments)
        return said["one"], printed


@pytest.fixture(name="auditor")
def _auditor(tmp_path: Path) -> Auditor:
    return Auditor(tmp_path)


def kinds(said: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["host"], one["account"], one["kind"]) for one in said["findings"]]


def test_an_audit_of_a_fleet(auditor: Auditor) -> None:
    """Pain 11: whoever should not be there, or has power that nobody gave, is named."""
    hosts = {
        "a": host(alice(), bob()),
        "b": host(alice(gecos=EVIL), bob(groups=("research", "sudo")), local("eve", 5900, gecos=EVIL)),
        "c": {"unreachable": True, "changed": False},
    }
    said, _printed = auditor.audit(hosts, export={"dest": "report.json"})
    assert kinds(said) == [
        ("b", "bob", "privileged"),
        ("b", "eve", "unknown_account"),
        ("c", "", "not_looked_at"),
    ]
    assert said["counts"] == {"critical": 0, "high": 3, "medium": 0, "low": 0}
    assert said["not_looked_at"] == ["c"]
    assert "\x1b" not in json.dumps(said, ensure_ascii=False)
    report = json.loads((auditor.directory / "report.json").read_text())
    assert report["findings"] == said["findings"]
    assert report["access"] == said["access"]
    assert (auditor.directory / "report.json").stat().st_mode & 0o777 == 0o600


def test_a_job_fails_when_it_is_so_bad(auditor: Auditor) -> None:
    hosts = {"a": host(alice(password="set"), bob())}
    said, _printed = auditor.audit(hosts, fail_on="medium", access=False)
    assert said["failed"]
    assert "1 findings are medium or worse, the first on a alice" in said["msg"]
    assert kinds(said) == [("a", "alice", "password_set")]
    assert said["access"] == []
    said, _printed = auditor.audit(hosts, fail_on="high")
    assert not said.get("failed")
    accepted = [{"host": "a", "account": "alice", "kind": "password_set", "reason": "until May"}]
    said, _printed = auditor.audit(hosts, fail_on="low", accepted=accepted)
    assert (said["accepted"], said["findings"]) == (1, [])


def test_a_report_is_not_written_in_check_mode(auditor: Auditor) -> None:
    auditor.audit({"a": host(alice(), bob())}, "--check", export={"dest": "report.json"})
    assert not (auditor.directory / "report.json").exists()


def test_keys_of_the_store_count_and_revoked_ones_do_not(auditor: Auditor) -> None:
    store = KeyStore(str(auditor.directory / "keys"), 10)

    def decide(book: KeyBook) -> KeyBook:
        for name, line in (("new", STRANGER_KEY), ("old", REVOKED_KEY)):
            book = present(book, "alice", name, parse_key_entry(line), Validity(), AT)
        return revoke(book, "alice", ["old"])

    store.commit("lab", decide)
    profiles = [{"profile": "lab", "roster": "roster.yml", "key_store": "keys"}]
    hers = key_file(ALICE_KEY, STRANGER_KEY, REVOKED_KEY)
    said, _printed = auditor.audit({"a": host(alice(key_file=hers), bob())}, profiles=profiles)
    assert kinds(said) == [("a", "alice", "revoked_key_present")]


def test_revoked_keys_can_be_named(auditor: Auditor) -> None:
    said, _printed = auditor.audit({"a": host(alice(), bob())}, revoked_keys=[BOB_KEY])
    assert ("a", "bob", "revoked_key_present") in kinds(said)


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({"profiles": "lab"}, "profiles is not a list"),
    ({"profiles": [{"profile": "lab", "rooster": []}]}, "unknown key 'rooster'"),
    ({"profiles": [{"profile": "lab"}, {"profile": "lab"}]}, "names a profile twice"),
    ({"profiles": [{"profile": "none"}]}, "has no profile 'none'"),
    ({"profiles": []}, "of which nothing is known"),
    ({"profiles": [{"profile": "lab", "roster": "nowhere.yml"}]}, "is not a file"),
    ({"assignments": {"a": "lab"}}, "is no mapping with at least 'profile'"),
    ({"assignments": {"a": {"profile": "lab", "groups": "x"}}}, "lists of a wrong form"),
    ({"assignments": []}, "assignments is not a mapping"),
    ({"hosts": []}, "hosts is"),
    ({"ledger": "file:none.jsonl"}, "There is no ledger"),
    ({"revoked_keys": ["x"]}, "is not an SSH public key"),
]


def test_what_makes_no_sense_is_refused_in_clear_words(auditor: Auditor) -> None:
    tasks = []
    for options, _message in NONSENSE:
        every = {
            "ledger": f"file:{auditor.ledger}",
            "profiles": [{"profile": "lab"}],
            "hosts": {"a": {}},
            "assignments": {"a": {"profile": "lab"}},
            **options,
        }
        once = {"register": "said", "ignore_errors": True, "run_once": True}
        tasks += [{"labfleet.identity.accounts_audit": every, **once}]
        tasks += [{"ansible.builtin.set_fact": {"messages": "{{ messages | default([]) + [said.msg] }}"}}]
    said, _printed = auditor.play([*tasks, {"ansible.builtin.set_fact": {"said": "{{ messages }}"}}])
    for told, (_options, message) in zip(said["one"], NONSENSE):
        assert message in told


def test_the_playbook_names_hosts_that_it_did_not_reach(auditor: Auditor) -> None:
    """Pain 12: a table that people read, and a host that is down is in it."""
    inventory = {
        "all": {
            "hosts": {
                "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                "down": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0},
            },
            "vars": {
                "ansible_become": False,
                "research_users_profile": "lab",
                "research_users_roster": str(auditor.directory / "roster.yml"),
                "research_users_ledger": f"file:{auditor.ledger}",
            },
        }
    }
    (auditor.directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    book = str(COLLECTION / "playbooks" / "audit.yml")
    ran = auditor.run("playbook", "-i", "hosts.yml", book, "-e", "export=report.json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 hosts, 1 of them not looked at" in ran.stdout
    assert "NOT LOOKED AT: down" in ran.stdout
    assert "wants alice (5238) here, who has no account" in ran.stdout
    assert "DEPRECATION" not in ran.stdout + ran.stderr
    ran = auditor.run("playbook", "-i", "hosts.yml", book, "-e", "fail_on=high")
    assert ran.returncode == 2
    assert "There are findings that are high or worse" in ran.stdout


def test_the_playbook_expects_what_site_makes(auditor: Auditor) -> None:
    """What the template of a host says, groups that everybody on a host is in, keys that a variable revokes."""
    (auditor.directory / "templates").mkdir()
    template = {
        "packages": ["no-such-package"],
        "system_users": [{"name": "svc", "uid": 1100}],
        "research_user": {"auto_create": False, "default_groups": ["imaging"]},
    }
    (auditor.directory / "templates" / "lab.yml").write_text(yaml.safe_dump(template))
    nowhere = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0}
    inventory = {
        "all": {
            "hosts": {
                "templated": {**nowhere, "template_name": "lab", "template_research_phase": "parallel"},
                "plain": {**nowhere, "research_users_groups": ["gpu"], "research_users_select": "@gpu"},
            },
            "vars": {
                "ansible_become": False,
                "template_directories": [str(auditor.directory / "templates")],
                "research_users_profile": "lab",
                "research_users_roster": str(auditor.directory / "roster.yml"),
                "research_users_ledger": f"file:{auditor.ledger}",
            },
        }
    }
    (auditor.directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    keep = {"keep": {"text": "{{ audit_assignment | to_json }}", "dest": "{{ inventory_hostname }}.json"}}
    book = [
        {"ansible.builtin.import_playbook": "labfleet.identity.audit"},
        {"hosts": "all", "gather_facts": False, "tasks": [keep]},
    ]
    (auditor.directory / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
    ran = auditor.run("playbook", "-i", "hosts.yml", "play.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 hosts, 2 of them not looked at" in ran.stdout
    templated, plain = (json.loads((auditor.directory / f"{host}.json").read_text()) for host in ("templated", "plain"))
    assert (templated["groups"], templated["select"]) == (["research", "imaging"], [])
    assert [user["name"] for user in templated["system_users"]] == ["svc"]
    assert (plain["groups"], plain["select"], plain["system_users"]) == (["research", "gpu"], "@gpu", [])
    ran = auditor.run("playbook", "-i", "hosts.yml", "play.yml", "-e", '{"ssh_access_revoked_keys": ["no key"]}')
    assert ran.returncode == 2
    assert "is not an SSH public key" in " ".join(ran.stdout.split())
