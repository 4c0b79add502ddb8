# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counting what a run costs, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from benchlib.cpu import connection_seconds, processes, tree_seconds
from benchlib.measure import Command, Surroundings, run

if TYPE_CHECKING:
    from pathlib import Path

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def around(directory: Path) -> Surroundings:
    return Surroundings(
        environment={"PATH": os.environ["PATH"], "COUNTER": str(directory / "executions")},
        directory=directory,
        sockets=directory / "sockets",
        executions=directory / "executions",
        host_processes=(os.getpid(),),
    )


def test_cpu_time_of_children_and_their_children_counts(tmp_path: Path) -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    outcome = run([Command((sys.executable, "-c", nested))], around(tmp_path))
    assert outcome.returncode == 0
    assert 0.3 <= outcome.cost.controller < 3


def test_commands_run_side_by_side_and_the_worst_return_code_is_told(tmp_path: Path) -> None:
    # Each of the two waits for the other: one after the other they would never end.
    meet = "touch $0; n=0; while [ ! -e $1 ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done; [ -e $1 ] && exit $2"
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    commands = [Command(("sh", "-c", meet, one, two, "0")), Command(("sh", "-c", meet, two, one, "3"))]
    assert run(commands, around(tmp_path)).returncode == 3


def test_standard_input_is_the_file_and_both_outputs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("echo out; echo err >&2; printf .. >>$COUNTER", encoding="utf-8")
    outcome = run([Command(("sh", "-s"), tmp_path / "script")], around(tmp_path))
    assert outcome.output == "out\nerr\n"
    assert outcome.cost.executions == 2


def test_a_host_is_all_processes_below_its_first() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"{BURN}\nprint('done', flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        there = processes()
        child.communicate(b"\n")
    alone = tree_seconds([child.pid], there)
    together = tree_seconds([os.getpid()], there)
    assert alone is not None
    assert together is not None
    assert 0.25 <= alone <= together


def test_a_host_that_is_gone_has_no_figure() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    assert tree_seconds([child.pid], processes()) is None


def test_only_connections_with_sockets_of_this_run_count(tmp_path: Path) -> None:
    there = processes()
    assert connection_seconds(tmp_path, there) == 0.0
    title = f"exec -a 'ssh: {tmp_path}/x [mux]' {sys.executable} -c \"$0\""
    with subprocess.Popen(
        ["bash", "-c", title, f"{BURN}\nprint('done', flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        seconds = connection_seconds(tmp_path, processes())
        child.communicate(b"\n")
    assert seconds == pytest.approx(0.3, abs=0.25)
    assert seconds > 0
