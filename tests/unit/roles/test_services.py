# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook services does when a role fails: the playbook itself, with stand-ins for the roles."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.roles.playbooks import ansible_playbook

PLAYBOOK = Path(__file__).parents[3] / "playbooks" / "services.yml"
ALL = ["resource_limits", "containers", "rstudio", "jupyter"]
SIGNS = {"resource_limits_users": {}, "containers_users": [], "rstudio_version": "1", "jupyter_users": []}
LAB1 = ["lab1 %s" % role for role in ALL]


def run(directory: Path, breaks: dict[str, list[str]], check: bool = False) -> tuple[int, list[str], str]:
    """Exit code, what ran to its end in this order, and what was said; lab1 has everything, lab2 containers alone."""
    collection = directory / "ansible_collections" / "labfleet" / "identity"
    for role in [*ALL, "efs"]:
        tasks = collection / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        line = "echo {{ inventory_hostname }} %s >>%s/log" % (role, directory)
        ends = {"ansible.builtin.shell": line, "check_mode": False, "become": False}
        fails = {"ansible.builtin.fail": {"msg": "%s broke" % role}, "when": "'%s' in breaks" % role}
        (tasks / "main.yml").write_text(yaml.safe_dump([fails, ends]))
    (collection / "roles" / "efs" / "tasks" / "homes.yml").write_text("[]")
    (collection / "playbooks").mkdir()
    shutil.copy(str(PLAYBOOK), str(collection / "playbooks"))
    hosts = {
        "lab1": {**SIGNS, "breaks": breaks.get("lab1", [])},
        "lab2": {"containers_users": [], "breaks": breaks.get("lab2", [])},
        "lab3": {},
    }
    common = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}))
    how = ["--check"] if check else []
    code, said = ansible_playbook(directory, *how, "-i", "hosts.yml", "labfleet.identity.services")
    log = directory / "log"
    return code, log.read_text().splitlines() if log.exists() else [], said


def test_limits_come_first_and_what_waits_for_people_last(tmp_path: Path) -> None:
    code, done, said = run(tmp_path, {})
    assert code == 0, said
    assert sorted(done, key=lambda line: (line.split()[0], done.index(line))) == [*LAB1, "lab2 containers"]
    assert "could not match supplied host pattern" not in said.lower()


@pytest.mark.parametrize(("role", "called"), [("resource_limits", "limits"), ("jupyter", "JupyterLab")])
def test_what_fails_holds_up_nothing_else_and_fails_the_run(tmp_path: Path, role: str, called: str) -> None:
    code, done, said = run(tmp_path, {"lab1": [role]})
    assert code == 2, said
    assert sorted(done) == sorted([line for line in LAB1 if line != "lab1 %s" % role] + ["lab2 containers"])
    assert "%s broke" % role in said
    assert "%s: what failed is said above. Everything else is done." % called in said


def test_everything_that_failed_is_named(tmp_path: Path) -> None:
    code, done, said = run(tmp_path, {"lab1": ALL, "lab2": ["containers"]}, check=True)
    assert (code, done) == (2, [])
    assert "limits, containers, RStudio Server, JupyterLab: what failed is said above." in said
    assert "msg: 'containers: what failed" in said or '"msg": "containers: what failed' in said
