# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run other programs; a failure becomes one sentence with the last words of the program."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAST_WORDS = 3


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-_LAST_WORDS:]) or "it said nothing"


def attempt(argv: Sequence[str], *, timeout: float = 60, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end whatever comes; a time-out or a missing program is a result with return code 124 or 127."""
    try:
        return subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"no answer within {timeout:.0f} s")
    except FileNotFoundError:
        return subprocess.CompletedProcess(argv, 127, "", f"{argv[0]} is not installed")


def output_of(argv: Sequence[str], what: str, *, timeout: float = 60, stdin: str | None = None) -> str:
    """What the program wrote to standard output, without the blanks around it; WHAT names the step in the error."""
    done = attempt(argv, timeout=timeout, stdin=stdin)
    if done.returncode != 0:
        raise FleetError(f"{what} failed: {_last_words(done.stderr or done.stdout)}")
    return done.stdout.strip()


def run_logged(
    argv: Sequence[str],
    what: str,
    log: Path,
    *,
    timeout: float = 1200,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a long program with all it says in LOG."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+", encoding="utf-8", errors="replace") as stream:
        stream.write(f"$ {' '.join(argv)}\n")
        stream.flush()
        start = stream.tell()
        try:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                env=None if environment is None else dict(environment),
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise FleetError(f"{what} did not end within {timeout:.0f} s; the log is {log}") from error
        except FileNotFoundError as error:
            raise FleetError(f"{what} failed: {argv[0]} is not installed") from error
        if code != 0:
            stream.seek(start)
            raise FleetError(f"{what} failed: {_last_words(stream.read())}; the whole log is {log}")


def is_running(pid: int, *signs: bytes) -> bool:
    """Whether a process runs with all SIGNS in its command line: its id may be somebody else's by now."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return bool(command) and all(sign in command for sign in signs)


def stop_process(pid: int, *signs: bytes, what: str, timeout: float = 30) -> None:
    """End the process that is known by SIGNS, and wait until it is gone; anything else is left alone."""
    deadline = time.monotonic() + timeout
    if is_running(pid, *signs):
        os.kill(pid, signal.SIGTERM)
    while is_running(pid, *signs):
        with suppress(ChildProcessError):  # reaps it when this very process had started it
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            raise FleetError(f"{what} (process {pid}) does not stop within {timeout:.0f} s")
        time.sleep(0.1)
