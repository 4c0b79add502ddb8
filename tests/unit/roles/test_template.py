# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts get from the role and the tasks of site: the template speaks where the inventory says nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._templates._bind import PHASES, role_variables
from ansible_collections.labfleet.identity.plugins.module_utils._templates._schema import ROLE_BLOCKS, USER_KEYS
from ansible_collections.labfleet.identity.plugins.module_utils._templates._whole import system_band, whole
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller

COLLECTION = Path(__file__).resolve().parents[3]
TASKS = COLLECTION / "playbooks" / "tasks"

EVIL = "{{ lookup('ansible.builtin.pipe', 'touch pwned') }}"
TEMPLATE = (
    """
extends: python-ml
override: [packages, services]
system_users:
  - {name: researcher, gecos: "%s"}
research_user: {default_shell: /bin/sh, default_groups: [lab], shared_directories: [genomics]}
resource_limits: {users: {alice: {cores: 2}}}
"""
    % EVIL
)
OLD = "system_users: [{name: rstudio, uid: 1001, adopt: true}]\n"
NAMED = "extends: lab\njupyter: {users: [alice]}\n"
R = "extends: r-research\noverride: [packages, services]\n"
CLOSED = "research_user: {auto_create: false}\n"
TEMPLATES = {"lab": TEMPLATE, "old": OLD, "named": NAMED, "r-research": R, "closed": CLOSED}
PEOPLE = [
    {"username": "alice", "uid": 5238, "gid": 5238, "state": "present", "groups": ["ops"]},
    {"username": "bob", "uid": 5831, "gid": 5831, "state": "present"},
    {"username": "carol", "uid": 5404, "gid": 5404, "state": "disabled"},
    {"username": "dave", "uid": 5693, "gid": 5693, "state": "present", "groups": ["ops"]},
]
HOSTS: dict[str, dict[str, Any]] = {
    "plain": {"research_users_shell": "/bin/zsh"},
    "empty": {"template_name": ""},
    "old": {"template_name": "old"},
    "closed": {"template_name": "closed", "template_research_phase": "parallel"},
    "default": {"template_name": "lab"},
    "parallel": {"template_name": "lab", "template_research_phase": "parallel"},
    "asking": {
        "template_name": "lab",
        "template_research_phase": "opt_in",
        "template_research_opt_in": "@ops",
        "research_users_select": ["alice", "bob", "carol"],
    },
    "signing-in": {
        "template_name": "r-research",
        "template_install_packages": False,
        "template_research_phase": "parallel",
    },
    "named": {"template_name": "named", "template_research_phase": "parallel"},
    "own": {
        "template_name": "lab",
        "jupyter_users": ["bob"],
        "system_users_accounts": [],
        "research_users_shell": "/bin/zsh",
        "resource_limits_users": {"bob": {"cores": 1}},
    },
}


def bound_names(part: str = "variables") -> set[str]:
    """The variables that site gives to roles."""
    (tasks,) = list(yaml.safe_load_all((TASKS / f"template_{part}.yml").read_text(encoding="utf-8")))
    return set(tasks[-1]["ansible.builtin.set_fact"]) - {"template_bound"}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What every host has in the end, run twice in one playbook, as site imported twice is."""
    controller = Controller(tmp_path_factory.mktemp("site"))
    here = controller.directory
    (here / "templates").mkdir()
    for name, text in TEMPLATES.items():
        (here / "templates" / f"{name}.yml").write_text(text)
    common = {
        "template_directories": [str(here / "templates")],
        "__research_users_numbers": {"identities": PEOPLE},
        "ansible_python_interpreter": sys.executable,
    }
    (here / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": HOSTS, "vars": common}}))
    shown = {name: "{{ %s | default('(unset)') }}" % name for name in [*bound_names(), "template_service_users"]}
    site = [
        {"ansible.builtin.import_playbook": f"labfleet.identity.template_{part}"} for part in ("variables", "services")
    ]
    keep = {
        "ansible.builtin.copy": {
            "content": "{{ shown | to_json }}",
            "dest": str(here) + "/{{ inventory_hostname }}.json",
        },
        "check_mode": False,
        "vars": {"shown": shown},
    }
    book = [*site, *site, {"hosts": "all", "gather_facts": False, "tasks": [keep]}]
    (here / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
    options = ("-c", "local", "-e", "ansible_become=false", "--check")
    ran = controller.run("playbook", "-i", "hosts.yml", *options, "play.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not list(here.rglob("pwned"))
    assert "WARNING" not in ran.stdout + ran.stderr
    tasks = {line.split()[0]: line.split()[2] for line in ran.stdout.splitlines() if " ok=" in line}
    shown_by = {host: json.loads((here / f"{host}.json").read_text()) for host in HOSTS}
    return {host: {**shown_by[host], "tasks": tasks[host]} for host in HOSTS}


def set_on(said: Any, host: str) -> dict[str, Any]:
    return {name: value for name, value in said[host].items() if value != "(unset)" and name != "tasks"}


@pytest.mark.parametrize(("host", "variables"), [("plain", {"research_users_shell": "/bin/zsh"}), ("empty", {})])
def test_a_host_without_a_template_gets_nothing(said: Any, host: str, variables: dict[str, Any]) -> None:
    assert set_on(said, host) == variables
    assert said[host]["tasks"] == "ok=1"  # that which wrote this down


def test_a_template_without_the_block_is_its_system_users_and_no_more(said: Any) -> None:
    assert set_on(said, "old") == {
        "system_users_accounts": [{"name": "rstudio", "uid": 1001, "adopt": True}],
        "template_service_users": [],
    }


def test_a_template_speaks_where_the_inventory_says_nothing(said: Any) -> None:
    assert set_on(said, "default") == {
        "system_users_accounts": [{"name": "researcher", "uid": 1001, "gecos": EVIL, "adopt": True}],
        "research_users_shell": "/bin/sh",
        "research_users_groups": ["lab"],
        "research_users_shared_groups": ["genomics", "lab"],
        "efs_shared_groups": ["genomics"],
        "resource_limits_users": {"alice": {"cores": 2}},
        "template_service_users": ["alice", "bob", "dave"],
        "jupyter_users": ["alice", "bob", "dave"],
    }


def test_the_inventory_wins(said: Any) -> None:
    found = set_on(said, "own")
    assert found["system_users_accounts"] == []
    assert found["jupyter_users"] == ["bob"]
    assert found["research_users_shell"] == "/bin/zsh"
    assert found["resource_limits_users"] == {"bob": {"cores": 1}}
    assert found["efs_shared_groups"] == ["genomics"]


def test_nobody_is_selected_where_accounts_are_not_made_by_themselves(said: Any) -> None:
    assert set_on(said, "closed") == {"research_users_select": [], "template_service_users": []}


def test_services_stay_with_the_system_user_in_parallel(said: Any) -> None:
    assert said["parallel"]["template_service_users"] == ["researcher"]
    assert said["parallel"]["jupyter_users"] == ["researcher"]
    # whoever is in the private group of the system user, which is that user
    assert said["signing-in"]["rstudio_groups"] == ["rstudio"]
    assert said["signing-in"]["jupyter_users"] == "(unset)"


def test_a_template_can_name_who_runs_notebooks(said: Any) -> None:
    assert said["named"]["jupyter_users"] == ["alice"]


def test_who_asks_and_has_an_account_runs_services_too(said: Any) -> None:
    """alice is selected and in the group that asks; bob does not ask, carol is disabled, dave is not selected."""
    assert said["asking"]["template_service_users"] == ["researcher", "alice"]
    assert said["asking"]["jupyter_users"] == ["researcher", "alice"]
    assert said["asking"]["research_users_select"] == ["alice", "bob", "carol"]


def test_everything_that_a_template_can_say_reaches_a_role() -> None:
    everything = {
        "system_users": [{"name": "svc", "uid": 1100}],
        "system_groups": [{"name": "g", "gid": 1200}],
        "research_user": {
            "auto_create": False,
            "default_shell": "/bin/sh",
            "default_groups": ["lab"],
            "shared_directories": ["genomics"],
        },
        **{role: dict.fromkeys(keys, 1) for role, keys in ROLE_BLOCKS.items()},
    }
    template = whole(everything, system_band("1000-3999"))
    assert set().union(*(role_variables(template, phase) for phase in PHASES)) == bound_names()
    assert bound_names("services") <= bound_names()


@pytest.mark.parametrize("name", sorted(bound_names()))
def test_what_reaches_a_role_is_an_option_of_it(name: str) -> None:
    roles = [path.name for path in (COLLECTION / "roles").iterdir() if name.startswith(path.name + "_")]
    assert len(roles) == 1, "there is no role for %s" % name
    spec = yaml.safe_load((COLLECTION / "roles" / roles[0] / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    assert name in spec["argument_specs"]["main"]["options"]


def test_a_system_user_can_be_told_what_the_module_knows() -> None:
    text = (COLLECTION / "plugins" / "modules" / "accounts.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    known = set(documentation["options"]["users"]["suboptions"])
    # who a person is to the ledger is nothing of a system user; the password is known to be refused
    assert known - {"selected", "formerly"} == USER_KEYS
