# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller for tests: real playbooks of tasks that need no host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

COLLECTION = Path(__file__).resolve().parents[4]
HOSTS = ("one", "two", "three")
_KEEP = """
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        with open(self._task.args["dest"], "w", encoding="utf-8") as file:
            file.write(self._task.args["text"])
        return {"changed": True}
"""


class Controller:
    """A directory with an inventory of three hosts, in which ansible-playbook is started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ledger = directory / "ledger" / "ledger.jsonl"
        self.ledger.parent.mkdir()
        tree = directory / "tree" / "ansible_collections" / "labfleet"
        tree.mkdir(parents=True)
        (tree / "identity").symlink_to(COLLECTION)
        # writes what is to be kept without a Python for each host, which would take most of the time
        (directory / "action_plugins").mkdir()
        (directory / "action_plugins" / "keep.py").write_text(_KEEP)

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
            "keep": {"text": "{{ said | to_json }}", "dest": "{{ inventory_hostname }}.json"},
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
