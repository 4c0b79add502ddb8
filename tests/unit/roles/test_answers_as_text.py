# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of surveys, -e NAME=VALUE and lines of an INI inventory are text: "false" is false, and a name is a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller

COLLECTION = Path(__file__).resolve().parents[3]
PEOPLE = ["al", "alice", "bob", "malice"]


def load(*parts: str) -> Any:
    return yaml.safe_load(COLLECTION.joinpath(*parts).read_text(encoding="utf-8"))


def variables(role: str) -> dict[str, Any]:
    """The defaults and the variables of a role."""
    paths = [COLLECTION / "roles" / role / part / "main.yml" for part in ("defaults", "vars")]
    return {name: value for path in paths if path.exists() for name, value in load(str(path)).items()}


def arguments(role: str, module: str) -> list[dict[str, Any]]:
    """What the tasks of a role give to a module."""
    name = "labfleet.identity.%s" % module
    return [task[name] for task in load("roles", role, "tasks", "main.yml") if name in task]


def made_of(tmp_path: Path, wanted: Any, given: dict[str, Any], answers: dict[str, str]) -> Any:
    """What Ansible makes of expressions with these variables, where somebody answers so."""
    extra = [word for name, value in answers.items() for word in ("-e", "%s='%s'" % (name, value))]
    said, _printed = Controller(tmp_path).play([{"ansible.builtin.set_fact": {"said": wanted}, "vars": given}], *extra)
    return said["one"]


@pytest.mark.parametrize(("answer", "lets_in"), [("false", False), ("no", False), ("true", True)])
def test_passwords_let_research_users_in_only_where_that_was_said(tmp_path: Path, answer: str, lets_in: bool) -> None:
    (task,) = [task for task in load("roles", "ssh_access", "tasks", "main.yml") if "vars" in task]
    content = task["labfleet.identity.sshd_dropin"]["content"]
    given = {**variables("ssh_access"), **task["vars"]}
    said = made_of(tmp_path, content, given, {"ssh_access_research_passwords": answer})
    assert ("    PasswordAuthentication no\n" not in said) == lets_in
    assert ("    KbdInteractiveAuthentication no\n" not in said) == lets_in


@pytest.mark.parametrize("answer", [False, True])
def test_homes_on_a_file_server_are_left_to_it(tmp_path: Path, answer: bool) -> None:
    (accounts,) = arguments("research_users", "accounts")
    alice = {"username": "alice", "uid": 5238, "gid": 5238}
    given = {**variables("research_users"), "__research_users_numbers": {"identities": [alice], "left": []}}
    given["__research_users_left"] = []
    (said,) = made_of(tmp_path, accounts["users"], given, {"research_users_make_homes": str(answer).lower()})
    assert said.get("create_home", True) == answer


@pytest.mark.parametrize("answer", [False, True])
def test_a_home_is_archived_first_unless_that_is_not_wanted(tmp_path: Path, answer: bool) -> None:
    (homes,) = [found for found in arguments("offboarding", "accounts_home") if "archive_first" in found]
    answers = {"offboarding_without_archive": str(answer).lower()}
    assert made_of(tmp_path, homes["archive_first"], variables("offboarding"), answers) is not answer


@pytest.mark.parametrize("answer", ["alice, bob", "alice\nbob\n", "alice bob"])
def test_people_who_leave_can_be_named_in_a_line(tmp_path: Path, answer: str) -> None:
    (homes,) = [found for found in arguments("offboarding", "accounts_home") if "closed_by_then" in found]
    caps = [accounts["removal_cap"] for accounts in arguments("offboarding", "accounts")]
    wanted = {"names": homes["closed_by_then"], "caps": caps}
    said = made_of(tmp_path, wanted, variables("offboarding"), {"offboarding_users": answer})
    assert said == {"names": ["alice", "bob"], "caps": [2, 2]}


@pytest.mark.parametrize(("answer", "meant"), [("malice", ["malice"]), ("alice, bob", ["alice", "bob"]), ("", [])])
def test_nobody_is_migrated_whose_name_is_a_part_of_another_one(tmp_path: Path, answer: str, meant: list[str]) -> None:
    _asks, play = load("playbooks", "migrate_uids.yml")
    (task,) = [task["labfleet.identity.accounts_migrate"] for task in play["tasks"] if "async" in task]
    people = [{"username": name, "uid": 5000 + number} for number, name in enumerate(PEOPLE)]
    groups = [{"name": name, "gid": 4000 + number} for number, name in enumerate(PEOPLE)]
    given = {**play["vars"], "migrate_numbers": {"people": people, "groups": groups}}
    said = made_of(tmp_path, {"users": task["users"], "groups": task["groups"]}, given, {"only": answer})
    assert {kind: [one["name"] for one in found] for kind, found in said.items()} == {"users": meant, "groups": meant}
