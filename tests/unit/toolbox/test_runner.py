# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

# A runner with steps of its own. It works in another process, for it takes over signals and everybody's children.
DRIVER = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import processes, runner
from steps import ALONE, HERE, HOSTS, Command, Step
here = Path(sys.argv[2])
runner.LOGS, runner.REPOSITORY = here, here
def sh(text):
    return Command(("sh", "-c", text), here)
processes.adopt_orphans()
signal.signal(signal.SIGINT, runner.interrupt)
run = runner.Run([%s], dict(os.environ))
try:
    run.go()
except runner.Interrupted:
    run.abandon()
for left in processes.end_descendants():
    print("left:", left)
sys.exit(runner.summary(run, 61))
"""


def start(toolbox: Path, directory: Path, steps: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DRIVER % steps, str(toolbox), str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_failed_step_stops_no_other_and_the_last_line_counts(toolbox: Path, tmp_path: Path) -> None:
    steps = """
        Step("one", (sh("echo first"), sh("exit 0"))),
        Step("two", (sh("echo the reason; exit 3"), sh("touch never"))),
        Step("three", (sh("exit 3"),), skip_code=3),
        Step("four", (sh("echo 'SKIPPED [1] needs root'"),), lane=HOSTS),
        Step("five", (sh("echo '==== 12 passed, 1 skipped in 0.12s ===='"),), lane=ALONE)
    """
    run = start(toolbox, tmp_path, steps)
    output = run.communicate(timeout=60)[0]
    assert run.returncode == 1
    assert output.splitlines()[-1] == "3 passed, 1 failed, 1 skipped"
    assert "       | the reason\n" in output
    # and once more at the end, which is all that some see of a long output
    assert "       | the reason\n" in output.partition("  failed two\n")[2]
    assert "       | SKIPPED [1] needs root\n" in output
    assert "(0m00s of CPU; 12 passed, 1 skipped)" in output
    assert "took   1m01s" in output
    assert not (tmp_path / "never").exists()


def test_a_step_says_what_its_processes_took(toolbox: Path, tmp_path: Path) -> None:
    busy = "%s -c 'import time; any(time.process_time() > 1 for _ in iter(int, 1))'" % sys.executable
    steps = f'Step("busy", (sh({busy + "; true"!r}), sh("sleep 1")))'
    output = start(toolbox, tmp_path, steps).communicate(timeout=60)[0]
    assert re.search(r"passed busy  \S+  \(0m01s of CPU\)$", output, re.MULTILINE)


def test_the_end_says_why_in_few_words(toolbox: Path, tmp_path: Path) -> None:
    said = "FAILED tests/test_a.py::test_b - assert 1 == 2"
    steps = 'Step("tests", (sh("seq 100; echo %r; seq 100; exit 1"),))' % said
    output = start(toolbox, tmp_path, steps).communicate(timeout=60)[0]
    name, reason, took, tally = output.splitlines()[-4:]
    assert name.endswith("  failed tests")
    assert reason == f"       | {said}"
    assert (took[10:], tally) == ("took   1m01s", "0 passed, 1 failed")


def test_a_step_that_does_not_end_is_ended_and_cleaned_up(toolbox: Path, tmp_path: Path) -> None:
    steps = 'Step("slow", (sh("sleep 600"),), limit_seconds=1, clean_up=(sh("touch cleaned"),))'
    run = start(toolbox, tmp_path, steps)
    output = run.communicate(timeout=60)[0]
    assert output.splitlines()[-1] == "0 passed, 1 failed"
    assert (tmp_path / "cleaned").exists()


def test_processes_that_slip_out_of_a_step_are_ended(toolbox: Path, tmp_path: Path) -> None:
    run = start(toolbox, tmp_path, 'Step("daemon", (sh("setsid sleep 601 & echo $! > pid"),))')
    output = run.communicate(timeout=60)[0]
    assert "left: " in output
    assert "sleep 601" in output
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_an_interrupt_ends_what_runs_and_cleans_up(toolbox: Path, tmp_path: Path) -> None:
    steps = """
        Step("long", (sh("echo $$ > pid; sleep 602"),), clean_up=(sh("touch cleaned"),)),
        Step("later", (sh("touch later"),))
    """
    run = start(toolbox, tmp_path, steps)
    pid = tmp_path / "pid"
    until = time.monotonic() + 30
    while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
        time.sleep(0.1)
    os.kill(run.pid, signal.SIGINT)
    run.communicate(timeout=60)
    assert not Path("/proc", pid.read_text().strip()).exists()
    assert (tmp_path / "cleaned").exists()
    assert not (tmp_path / "later").exists()
