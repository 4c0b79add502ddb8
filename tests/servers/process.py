# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a server on a free port of loopback, wait until it answers, and end it whatever happens to its starter."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START_SECONDS = 60
END_SECONDS = 10
ATTEMPTS = 3
_LAST_LINES = 8


class ServerError(Exception):
    """Why a server cannot be had, in one sentence."""


@contextmanager
def serving(name: str, command_at: Callable[[int], list[str]], variables: Mapping[str, str]) -> Iterator[int]:
    """The port of the server; C(command_at) is its command line for a port, and variables are all it gets."""
    with tempfile.TemporaryDirectory(prefix=f"labfleet-{name}-") as directory:
        process, port = _start(name, command_at, {**variables, "TMPDIR": directory}, Path(directory))
        try:
            yield port
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(
    name: str, command_at: Callable[[int], list[str]], variables: Mapping[str, str], directory: Path
) -> tuple[subprocess.Popen[bytes], int]:
    for _attempt in range(ATTEMPTS):
        # another process may take the port before the server does: then the server ends, and another port is tried
        port = _free_port()
        with (directory / "log").open("wb") as log:
            process = _popen(
                [sys.executable, str(Path(__file__).with_name("tethered.py")), *command_at(port)],
                variables,
                directory,
                log,
            )
        if _answers(process, port):
            return process, port
        if process.poll() is None:
            process.kill()
        process.wait()
    lines = (directory / "log").read_text(encoding="utf-8", errors="replace").split("\n")
    said = " / ".join([line.strip() for line in lines if line.strip()][-_LAST_LINES:]) or "nothing"
    raise ServerError(f"The server {name} does not answer on loopback; the last that it said: {said}")


def _popen(
    command: list[str], variables: Mapping[str, str], directory: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=directory,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            # whatever answers may be somebody else's server, if ours found the port taken
            time.sleep(0.05)
            return process.poll() is None
        finally:
            connection.close()
    return False
