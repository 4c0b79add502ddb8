# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role offboarding, as far as it can be seen without a host that changes."""

from __future__ import annotations

import os
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
