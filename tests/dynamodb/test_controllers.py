# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many controllers, each a process of its own, some of which are killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import LARGEST_TRANSACTION
from ansible_collections.labfleet.identity.tests.dynamodb.support import EVERY_SERVER, FULL_SERVERS, Table, issue
from ansible_collections.labfleet.identity.tests.servers import Fault, Mishaps, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTROLLER = Path(__file__).with_name("controller.py")


def controller(table: Table, lines: Sequence[str], band: str = "5000-5999") -> subprocess.Popen[str]:
    """A controller that works by itself; its environment is that of this process."""
    process = subprocess.Popen(
        [sys.executable, str(CONTROLLER), table.ledger, band, "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines))
    process.stdin.close()
    process.stdin = None
    return process


def said(process: subprocess.Popen[str]) -> list[tuple[str, int]]:
    """What a controller said that it issued."""
    printed, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    return [pair for line in printed.splitlines() for pair in json.loads(line).items()]


@pytest.mark.parametrize(
    ("table", "through_a_bad_network"), [("moto", False), *((name, True) for name in EVERY_SERVER)], indirect=["table"]
)
def test_controllers_at_once_never_share_a_number(table: Table, through_a_bad_network: bool) -> None:
    faults = [fault for fault in Fault if fault not in (Fault.HANG, Fault.DELAY)]
    plan = Mishaps(5238, 0.1, faults) if through_a_bad_network else None
    with table.through(plan, pause=0.1) as proxy:
        # every controller has people of its own, and some that all of them have
        work = [[f"c{number}-{line} shared-{line}" for line in range(8)] for number in range(5)]
        processes = [controller(table, lines) for lines in work]
        acknowledged = [pair for process in processes for pair in said(process)]
        proxy.settle()
    assert len(acknowledged) == 5 * 8 * 2
    found = table.users()
    assert len(found) == 5 * 8 + 8
    assert all(found[name] == uid for name, uid in acknowledged)
    assert table.head()["segments"]["N"] <= str(len(table.segments()))


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_what_a_dead_controller_asked_for_is_done_when_the_proxy_is_gone(table: Table) -> None:
    process: list[subprocess.Popen[str]] = []

    def plan(request: Request) -> Fault | None:
        if request.operation != "PutItem":
            return None
        process[0].kill()
        # the controller is gone long before the server has the request
        time.sleep(0.5)
        return Fault.DROP_RESPONSE

    with table.through(plan):
        process.append(controller(table, ["alice"]))
        assert process[0].communicate(timeout=120)[0] == ""
    assert table.users().keys() == {"alice"}


@pytest.mark.parametrize("kill_at", [1, 2])
@pytest.mark.parametrize("did_it", [False, True])
@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_a_controller_killed_in_a_big_batch_leaves_whole_transactions(table: Table, did_it: bool, kill_at: int) -> None:
    names = [f"{'z' * 20}-{number}" for number in range(20_000)]
    process: list[subprocess.Popen[str]] = []
    transactions = 0

    def plan(request: Request) -> Fault | None:
        nonlocal transactions
        if request.operation != "TransactWriteItems":
            return None
        transactions += 1
        if transactions < kill_at:
            return None
        process[0].kill()
        return Fault.DROP_RESPONSE if did_it else Fault.DROP_REQUEST

    with table.through(plan):
        process.append(controller(table, [" ".join(names)], band="wide"))
        printed, _complaint = process[0].communicate(timeout=120)
    assert printed == ""
    left = table.users()
    whole = kill_at - 1 + did_it
    if whole < 2:
        assert len(table.segments()) == whole * LARGEST_TRANSACTION
    assert (len(left) == len(names)) is (whole == 2)
    issued = issue(table.ledger, names, band="wide")
    assert issued.items() >= left.items()
    assert table.users() == issued
