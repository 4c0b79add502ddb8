# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acknowledged means durable, whatever kills the writer, and whoever writes at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CAMPAIGNS = Path(__file__).with_name("campaigns.py")


def campaign(name: str, directory: Path) -> dict[str, Any]:
    return reported([str(CAMPAIGNS), name, str(directory)])


def reported(command: list[str]) -> dict[str, Any]:
    ran = subprocess.run([sys.executable, *command], capture_output=True, check=False, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    print(ran.stdout, ran.stderr)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def test_a_writer_killed_at_any_system_call_loses_nothing(tmp_path: Path) -> None:
    report = campaign("kill", tmp_path)
    assert report["lost"] == report["damaged"] == report["left_over"] == 0
    # the campaign did reach both sides of the moment that counts
    assert report["points"] >= 60
    assert report["written"] >= 10
    assert report["not_written"] >= 30


def test_a_controller_killed_while_it_redeems_an_invitation_did_all_of_it_or_nothing(tmp_path: Path) -> None:
    report = reported([str(CAMPAIGNS.with_name("invitation_crashes.py")), str(tmp_path)])
    assert report["half"] == report["lost"] == report["taken"] == 0
    assert report["points"] >= 30
    assert report["written"] >= 5
    assert report["not_written"] >= 15
    assert report["again"] == report["written"] + report["not_written"]


def test_writers_that_race_and_die_never_share_a_number(tmp_path: Path) -> None:
    report = campaign("race", tmp_path)
    assert report["acknowledged"] >= 400
    assert report["killed"] >= 1
    assert report["lost"] == report["duplicated"] == 0
    # who was killed between the disk and the pipe has a number that nobody was told
    assert report["acknowledged"] <= report["in_ledger"] <= report["acknowledged"] + report["writers"]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    report = campaign("full", tmp_path)
    assert "could not be written: File too large" in report["said"]
    assert report["unchanged"]
    assert report["files"] == ["ledger.jsonl", "ledger.jsonl.lock"]
    assert set(report["afterwards"]) == {"alice", "bob"}
