# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of the accounts_migrate module: arguments in, one JSON answer out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.labfleet.identity.plugins.modules import accounts_migrate

if TYPE_CHECKING:
    from pathlib import Path

NOBODY_HERE = {"name": "labfleet-nobody-here", "to_uid": 45238}


def call(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    """Run the module in check mode on the machine the tests run on: it reads its account files and writes nothing."""
    check = {"_ansible_check_mode": True, "_ansible_diff": True}
    with patch_module_args({**check, **arguments}), pytest.raises(SystemExit):
        accounts_migrate.main()
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def test_who_has_no_account_is_passed_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answer = call(capsys, users=[NOBODY_HERE], roots=[str(tmp_path)])
    assert answer["changed"] is False
    assert answer["migration"]["state"] == "nothing"
    assert answer["migration"]["users"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"users": [{**NOBODY_HERE, "to_uid": 0}]}, "the number 0 belongs to the system's own accounts"),
        ({"users": [{"name": "root", "to_uid": 45238}]}, "root"),
        ({"users": [NOBODY_HERE], "processes": 0}, "processes must be between 1 and 32"),
        ({"users": [NOBODY_HERE], "state": "absent"}, "value of state must be one of"),
    ],
)
def test_what_cannot_be_accepted_is_refused_in_words(
    capsys: pytest.CaptureFixture[str], arguments: dict[str, Any], message: str
) -> None:
    answer = call(capsys, **arguments)
    assert answer["failed"]
    assert message in answer["msg"]
    assert "Traceback" not in json.dumps(answer)
