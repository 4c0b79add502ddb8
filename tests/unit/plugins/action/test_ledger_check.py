# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger checked in a real ansible-playbook; what is found is tested at the functions behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.tests.unit.plugins.action.controllers import Controller
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import user
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import STORY, on

if TYPE_CHECKING:
    from pathlib import Path

TWICE = user("zoe", 5238, stamp=on("07-01"))
LINE = len(STORY) + 2


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def checked(controller: Controller, *flags: str, **options: Any) -> tuple[dict[str, Any], str]:
    task = {
        "labfleet.identity.ledger_check": {"ledger": f"file:{controller.ledger}", **options},
        "register": "said",
        "run_once": True,
        "ignore_errors": True,
    }
    said, printed = controller.play([task], *flags)
    told: dict[str, Any] = said["one"]
    return told, printed


def test_a_sound_ledger_passes_and_stays_as_it_is(controller: Controller) -> None:
    controller.ledger.write_bytes(format_ledger(Written(), STORY))
    before = controller.ledger.stat()
    said, _printed = checked(controller, "--check")
    assert (said["changed"], said["failed"], said["problems"], said["warnings_found"]) == (False, False, [], [])
    assert (said["events"], said["people"], said["profiles"]) == (len(STORY), 5, 2)
    assert said["report"] == [
        f"file:{controller.ledger} holds {len(STORY)} events about 5 people in 2 profiles: no problems, no warnings"
    ]
    after = controller.ledger.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in controller.ledger.parent.iterdir()] == [controller.ledger.name]


def test_a_broken_ledger_fails_and_tells_all_of_it(controller: Controller) -> None:
    data = format_ledger(Written(), [*STORY, TWICE]).replace(b'"username": "carol"', b'"username": "karol"')
    controller.ledger.write_bytes(data)
    said, printed = checked(controller)
    assert said["failed"] is True
    assert said["msg"].startswith(
        f"The ledger file:{controller.ledger} has 4 problems: line 13: it was edited or damaged"
    )
    assert "karol" not in printed
    assert said["problems"][3] == {
        "what": "one number, several owners",
        "where": f"lines 5 and {LINE}",
        "why": "5238 belongs to the subject 'a@x' of lab and to the subject 'zoe' of lab",
        "way_out": "keep the line of whoever has files with this number, delete the other one, and run again",
    }
    assert f"PROBLEM at lines 5 and {LINE}: one number, several owners" in said["report"]
    assert "has 4 problems" in printed
    only_told, _printed = checked(controller, fail=False)
    assert only_told["failed"] is False
    assert only_told["problems"] == said["problems"]
    assert controller.ledger.read_bytes() == data


def test_a_warning_alone_does_not_fail(controller: Controller) -> None:
    controller.ledger.write_bytes(format_ledger(Written(), [*STORY, user("ubuntu", 5900, stamp=on("07-01"))]))
    said, _printed = checked(controller)
    assert said["failed"] is False
    assert [found["what"] for found in said["warnings_found"]] == ["a name of the system"]
    assert f"WARNING at line {LINE}: a name of the system" in said["report"]


def test_the_playbook_ends_with_what_is_wrong(controller: Controller) -> None:
    book = ("labfleet.identity.ledger_check", "-e", f"ledger=file:{controller.ledger}")
    controller.ledger.write_bytes(format_ledger(Written(), STORY))
    ran = controller.run("playbook", *book)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no problems, no warnings" in ran.stdout
    controller.ledger.write_bytes(format_ledger(Written(), [*STORY, TWICE]))
    ran = controller.run("playbook", *book)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "has a problem: lines 5 and" in ran.stdout + ran.stderr
    assert "keep the line of whoever has files with this number" in ran.stdout
    controller.ledger.unlink()
    ran = controller.run("playbook", *book)
    assert ran.returncode == 2
    assert "there is none" in ran.stdout + ran.stderr
