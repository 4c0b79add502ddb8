# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes of a user who has to go, found and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._processes import busy_users, stop_users

if TYPE_CHECKING:
    from collections.abc import Iterator

UID = 54321  # nobody on the machine has it
READY = "import os, sys, time\n%s\nsys.stdout.write('ready\\n'); sys.stdout.flush()\n%s\n"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    assert os.geteuid() == 0, "these tests run programs as another user: run them as root, for example in a container"
    programs: list[subprocess.Popen[bytes]] = []
    yield programs
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        program.wait()
        assert program.stdout is not None
        program.stdout.close()


def start(started: list[subprocess.Popen[bytes]], become: str, then: str = "time.sleep(60)") -> subprocess.Popen[bytes]:
    """A Python that becomes somebody, and does something until it is ended."""
    program = subprocess.Popen([sys.executable, "-c", READY % (become, then)], stdout=subprocess.PIPE)
    started.append(program)
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    return program


def run_command(command: list[str]) -> object:
    return subprocess.run(command, check=False, capture_output=True)


def busy(tmp_path: Path) -> dict[str, str]:
    return busy_users({"alice": UID}, "/proc", str(tmp_path))


def test_processes_and_linger_of_a_user_are_found_and_ended(
    started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "alice").touch()
    assert busy(tmp_path) == {"alice": "linger"}
    polite = start(started, f"os.setresuid({UID}, {UID}, {UID})")
    deaf = start(
        started, f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setresuid({UID}, {UID}, {UID})"
    )
    # a program that gives up the uid for a while can have it back
    saved = start(started, f"os.setresuid({UID + 1}, {UID + 1}, {UID})")
    assert busy(tmp_path) == {"alice": "3 processes, linger"}
    stop_users([("alice", UID)], "/proc", str(tmp_path), run_command)
    assert busy(tmp_path) == {}
    assert polite.wait(5) == -signal.SIGTERM
    assert saved.wait(5) == -signal.SIGTERM
    assert deaf.wait(5) == -signal.SIGKILL


def test_a_program_of_root_that_acts_for_a_user_for_a_moment_is_let_be(
    started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """As sshd does while it reads somebody's files, or a file server for every request."""
    acting = start(started, f"os.setresuid(0, {UID}, 0)")
    own = start(started, f"os.setresuid({UID}, {UID}, {UID})")
    assert busy(tmp_path) == {"alice": "1 processes"}
    stop_users([("alice", UID)], "/proc", str(tmp_path), run_command)
    assert own.wait(5) == -signal.SIGTERM
    assert acting.poll() is None


# a process that is another one all the time, hears no polite word, and shows that it lives
COMET = """
import ctypes, signal
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what the comet leaves behind is cleared away here
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork():
    sys.stdout.write('ready\\n'); sys.stdout.flush()
    time.sleep(60)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setresuid(%d, %d, %d)
while True:
    if os.fork():
        os._exit(0)
    os.utime(%r)
    time.sleep(0.001)
"""


def test_nobody_forks_away(started: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    alive = Path("/tmp") / ("labfleet-comet-%d" % os.getpid())
    alive.touch()
    try:
        os.chown(alive, UID, UID)
        start(started, COMET % (UID, UID, UID, str(alive)))
        time.sleep(0.1)
        assert alive.stat().st_mtime > time.time() - 0.1
        stop_users([("alice", UID)], "/proc", str(tmp_path), run_command)
        last = alive.stat().st_mtime_ns
        time.sleep(0.2)
        assert alive.stat().st_mtime_ns == last
    finally:
        alive.unlink()
