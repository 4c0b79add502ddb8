# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""--limit leaves out the controller, whose play Ansible passes over without a word: a run must not end well then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import jti_of, profile

if TYPE_CHECKING:
    from pathlib import Path

# whoever gets further than the refusal would ask this host
NOWHERE = "one ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_retries=0\n"


@pytest.mark.parametrize(
    ("playbook", "says"),
    [
        ("revoke", "Nothing was revoked: the run was limited"),
        ("accept_invitation", "Nothing was accepted: the run was limited"),
        ("audit", "Nothing was compared: the run was limited"),
    ],
)
def test_what_the_controller_was_to_do_is_missed(tmp_path: Path, playbook: str, says: str) -> None:
    controller = Controller(tmp_path)
    (tmp_path / "hosts").write_text(NOWHERE)
    given = {
        "ledger": f"file:{controller.ledger}",
        "profile": "lab",
        "key_store": "keys",
        "invitation_name": "heidi@uni.example",
        "fail_on": "low",
    }
    limited = ("-i", "hosts", "--limit", "one", "-e", json.dumps(given))
    ran = controller.run("playbook", *limited, f"labfleet.identity.{playbook}")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert says in " ".join(ran.stdout.split())
    assert "labfleet.identity.research_users" not in ran.stdout  # the hosts were not asked for something else instead


@pytest.mark.parametrize("limit", [[], ["--limit", "one,localhost"]])
def test_a_run_that_has_the_controller_goes_on_to_the_hosts(tmp_path: Path, limit: list[str]) -> None:
    controller = Controller(tmp_path)
    (tmp_path / "hosts").write_text(NOWHERE)
    controller.ledger.write_bytes(format_ledger(Written(), [profile()]))
    (tmp_path / "keys").mkdir()
    given = {
        "ledger": f"file:{controller.ledger}",
        "profile": "lab",
        "key_store": str(tmp_path / "keys"),
        "invitation_jti": jti_of("one"),
    }
    ran = controller.run("playbook", "-i", "hosts", *limit, "-e", json.dumps(given), "labfleet.identity.revoke")
    assert "TASK [labfleet.identity.research_users" in ran.stdout, ran.stdout + ran.stderr
    assert "Nothing was revoked" not in ran.stdout
