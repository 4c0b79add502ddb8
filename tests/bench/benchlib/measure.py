# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a contender once and say what that cost."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from .cpu import connection_seconds, processes, tree_seconds
from .stats import Cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A program that a contender starts on the controller; its standard input is a file."""

    argv: tuple[str, ...]
    stdin: Path | None = None


@dataclass(frozen=True)
class Surroundings:
    """Where runs take place: environment, working directory, and what is counted beside the process tree."""

    environment: Mapping[str, str]
    directory: Path
    sockets: Path
    executions: Path
    host_processes: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What a run cost and what it said."""

    cost: Cost
    returncode: int
    output: str


def run(commands: Sequence[Command], around: Surroundings) -> Outcome:
    """Start all COMMANDS at once and wait for the last of them."""
    around.executions.write_bytes(b"")
    before = processes()
    logs = [(around.directory / f"output-{number}").open("w+", encoding="utf-8") for number in range(len(commands))]
    began = time.monotonic()
    children = [_start(command, around, log) for command, log in zip(commands, logs, strict=True)]
    codes, cpu = [], 0.0
    for child in children:
        _pid, status, usage = os.wait4(child.pid, 0)
        # Popen must not wait for a process that wait4 has collected.
        child.returncode = os.waitstatus_to_exitcode(status)
        codes.append(child.returncode)
        cpu += usage.ru_utime + usage.ru_stime
    wall = time.monotonic() - began
    after = processes()
    cost = Cost(
        wall=wall,
        controller=cpu + connection_seconds(around.sockets, after) - connection_seconds(around.sockets, before),
        host=_difference(tree_seconds(around.host_processes, before), tree_seconds(around.host_processes, after)),
        executions=around.executions.stat().st_size,
    )
    return Outcome(cost, max(codes, key=abs), "".join(_text_of(log) for log in logs))


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _start(command: Command, around: Surroundings, log: IO[str]) -> subprocess.Popen[bytes]:
    stdin = subprocess.DEVNULL if command.stdin is None else os.open(command.stdin, os.O_RDONLY)
    try:
        return subprocess.Popen(
            command.argv,
            env=dict(around.environment),
            cwd=around.directory,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    finally:
        if command.stdin is not None:
            os.close(stdin)


def _text_of(log: IO[str]) -> str:
    with log:
        log.seek(0)
        return log.read()
