# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of the accounts module: arguments in, one JSON answer out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.labfleet.identity.plugins.modules import accounts

ALICE = {"name": "alice", "uid": 5238}


def call(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    """Run the module in check mode on the machine the tests run on: it reads its account files and writes nothing."""
    check = {"_ansible_check_mode": True, "_ansible_diff": True}
    with patch_module_args({**check, **arguments}), pytest.raises(SystemExit):
        accounts.main()
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def test_a_request_is_answered_with_a_receipt_and_a_diff(capsys: pytest.CaptureFixture[str]) -> None:
    answer = call(capsys, users=[{**ALICE, "shell": "/bin/sh"}], owner="research:lab", band="5000-5999")
    assert answer["changed"]
    assert answer["receipt"]["created"] == ["alice"]
    assert answer["diff"]["before"] == "alice: account absent\n"
    assert "uid 5238, gid 5238, home /home/alice, shell /bin/sh, 0 keys" in answer["diff"]["after"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": [{**ALICE, "uid": 42}]}, "users[0] ('alice'): uid 42 is outside the band 5000-5999"),
        ({"users": [{**ALICE, "home": "/home/../root"}]}, "must be an absolute path"),
        ({"users": [ALICE], "band": "100000-200000"}, "subordinate ids"),
        ({"users": [ALICE], "home_mode": "0777"}, "would let others write"),
        ({"users": [ALICE], "orphans": "delete"}, "value of orphans must be one of"),
        ({"users": [{**ALICE, "password": "x"}]}, "password"),
    ],
)
def test_what_cannot_be_accepted_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], arguments: dict[str, Any], message: str
) -> None:
    answer = call(capsys, **{"owner": "research:lab", "band": "5000-5999", **arguments})
    assert answer["failed"]
    assert message in answer["msg"]
    assert "Traceback" not in json.dumps(answer)
