# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role offboarding, on a host of which nothing changes, or which is another one below /etc and /var/lib."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from .controllers import Controller

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root looks at accounts")

PERSON = {
    "labfleet.identity.uid_allocation": {
        "ledger": "file:ledger/ledger.jsonl",
        "profile": "lab",
        "roster": [{"username": "alice", "subject": "alice@university.example"}],
    },
    "check_mode": False,
}


@pytest.mark.parametrize("came_in_as", ["alice", "dora"])
def test_who_runs_it_is_not_kept_out_in_the_ledger_before_a_host_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, came_in_as: str
) -> None:
    """By a name that no variable says: that of the command line or the configuration. One host cannot be reached."""
    controller = Controller(tmp_path)
    monkeypatch.setenv("SUDO_USER", came_in_as)
    asked = {"profile": "lab", "users": ["alice"], "ledger": f"file:{controller.ledger}"}
    role = {
        "role": "labfleet.identity.offboarding",
        "vars": {f"offboarding_{name}": value for name, value in asked.items()},
    }
    book = [{"hosts": "all", "gather_facts": False, "pre_tasks": [PERSON], "roles": [role]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
    python = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    (tmp_path / "hosts").write_text(f"away ansible_host=127.0.0.1 ansible_port=1\nhere {python}\n")
    printed = controller.run("playbook", "-i", "hosts", "--check", "play.yml").stdout
    assert ("Nobody was touched: this run came in as alice" in printed) == (came_in_as == "alice")
    assert ("Keep them out in the ledger" in printed) == (came_in_as != "alice")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host whose account files and state are in a directory; whatever is called sees them in their places."""
    shutil.copytree("/etc", tmp_path / "host" / "etc", symlinks=True)
    (tmp_path / "host" / "lib" / "systemd").mkdir(parents=True)
    there = f"mount --bind {tmp_path}/host/etc /etc && mount --bind {tmp_path}/host/lib /var/lib"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec unshare --mount sh -c \'{there} && exec {sys.executable} "$@"\' sh "$@"\n')
    python.chmod(0o755)
    (tmp_path / "hosts").write_text(
        f"here ansible_connection=local ansible_python_interpreter={sys.executable} ansible_remote_tmp={tmp_path}/tmp\n"
    )
    monkeypatch.setattr(sys, "executable", str(python))
    return tmp_path / "host"


def test_a_home_that_only_the_account_tells_of_is_not_forgotten_when_a_run_fails(tmp_path: Path, host: Path) -> None:
    """Pain 10: the next run would find nothing where homes usually are, and call that archived."""
    controller = Controller(tmp_path)
    home = tmp_path / "scratch" / "alice"
    asked = {
        "profile": "lab",
        "users": ["alice"],
        "ledger": f"file:{controller.ledger}",
        "home": "archived",
        "receipt_path": str(tmp_path / "receipt.json"),
    }
    alice = {"name": "alice", "uid": "{{ one.uid }}", "gid": "{{ one.uid }}", "home": str(home)}
    account = {
        "labfleet.identity.accounts": {
            "owner": "research:lab",
            "band": "5000-5999",
            "group_band": "4000-4999",
            "users": [alice],
        },
        "vars": {"one": "{{ numbers.identities[0] }}"},
    }
    made = [{"hosts": "all", "gather_facts": False, "tasks": [{**PERSON, "register": "numbers"}, account]}]
    role = {
        "role": "labfleet.identity.offboarding",
        "vars": {f"offboarding_{name}": value for name, value in asked.items()},
    }
    (tmp_path / "made.yml").write_text(yaml.safe_dump(made, sort_keys=False))
    (tmp_path / "leaves.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "roles": [role]}]))
    home.parent.mkdir(mode=0o755)
    ran = controller.run("playbook", "-i", "hosts", "made.yml")
    assert home.is_dir(), ran.stdout
    archives = host / "lib" / "labfleet-homes"
    archives.mkdir()
    archives.chmod(0o755)
    ran = controller.run("playbook", "-i", "hosts", "leaves.yml")
    assert "others can read /var/lib/labfleet-homes" in ran.stdout
    (closed,) = [line for line in (host / "etc" / "passwd").read_text().splitlines() if line.startswith("alice:")]
    assert closed.endswith("nologin")
    archives.chmod(0o700)
    ran = controller.run("playbook", "-i", "hosts", "leaves.yml")
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert receipt["complete"], ran.stdout
    (archived,) = [step for step in receipt["hosts"]["here"][0]["steps"] if step["step"] == "home archived"]
    assert archived["evidence"].startswith("/var/lib/labfleet-homes/alice-")
    assert "alice" not in (host / "etc" / "passwd").read_text()
