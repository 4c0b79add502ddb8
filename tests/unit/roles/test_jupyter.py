# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role jupyter makes of the answer of its module: the role itself, with a stand-in for the module."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.roles.playbooks import ansible_playbook

ROLE = Path(__file__).parents[3] / "roles" / "jupyter"
TOKEN = "canary-0123456789abcdef"
MODULE = """\
import json
from ansible.module_utils.basic import AnsibleModule
names = "state users limits requirements wheels index_url python ssh_host restart answer".split()
spec = dict(((name, dict(type="raw")) for name in names), tokens=dict(type="dict", no_log=True))
module = AnsibleModule(spec)
answer = json.loads(%r)
module.fail_json(**answer) if "msg" in answer else module.exit_json(**answer)
"""
SENTENCE = "jupyter-alice.service did not start: look there"


def run(directory: Path, answer: dict[str, object], tokens: dict[str, str]) -> tuple[int, str]:
    collection = directory / "ansible_collections" / "labfleet" / "identity"
    (collection / "plugins" / "modules").mkdir(parents=True)
    (collection / "plugins" / "modules" / "jupyter_servers.py").write_text(MODULE % json.dumps(answer))
    shutil.copytree(str(ROLE), str(collection / "roles" / "jupyter"))
    variables = {"jupyter_users": ["alice", "bob"], "jupyter_tokens": tokens, "jupyter_packages": []}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {**variables, "ansible_python_interpreter": sys.executable},
        "roles": ["labfleet.identity.jupyter"],
    }
    (directory / "play.yml").write_text(yaml.safe_dump([play]))
    return ansible_playbook(directory, "-i", "localhost,", "-c", "local", "play.yml")


@pytest.mark.parametrize("tokens", [{}, {"bob": TOKEN}])
def test_whose_server_did_not_start_is_said_at_the_end(tmp_path: Path, tokens: dict[str, str]) -> None:
    answer = {"msg": "as below", "changed": True, "not_started": {"alice": SENTENCE}, "started": ["bob"]}
    code, said = run(tmp_path, answer, tokens)
    assert code == 2
    assert "%s. Everything else is done." % SENTENCE in said
    assert "changed=1" in said
    assert "failed=1" in said
    assert TOKEN not in said


def test_what_else_fails_fails_at_once(tmp_path: Path) -> None:
    code, said = run(tmp_path, {"msg": "pip failed"}, {})
    assert code == 2
    assert "pip failed" in said
    assert "Every server that should have started did" not in said


def test_when_all_start_nothing_fails(tmp_path: Path) -> None:
    code, said = run(tmp_path, {"changed": False, "not_started": {}}, {"bob": TOKEN})
    assert code == 0, said
