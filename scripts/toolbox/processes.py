# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that the test runner started: wake up when one ends, end them all, find those that were left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 10
# An engine that a step started has its own end: it may serve containers of others by now.
SPARED = frozenset({"dockerd", "containerd", "containerd-shim", "docker-proxy"})


def adopt_orphans() -> None:
    """Have every descendant whose parent dies become a child of this process, so that none can slip away."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class ChildBell:
    """Rings when a child ends, so that nobody has to look every moment."""

    def __init__(self) -> None:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)

    def wait(self, seconds: float) -> None:
        if select.select([self._ear], [], [], seconds)[0]:
            self._ear.recv(4096)


def _status(pid: int) -> tuple[str, str, int] | None:
    """Name, state letter and parent of a process."""
    try:
        text = Path("/proc/%d/stat" % pid).read_text(errors="replace")
    except OSError:
        return None
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return name, rest[0], int(rest[1])


def descendants() -> Iterator[int]:
    """All living processes below this one, but for those of an engine."""
    children: dict[int, list[tuple[int, str, str]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            status = _status(int(entry.name))
            if status:
                name, state, parent = status
                children.setdefault(parent, []).append((int(entry.name), name, state))
    waiting = [os.getpid()]
    while waiting:
        for pid, name, state in children.get(waiting.pop(), []):
            if name.startswith(tuple(SPARED)):
                continue
            waiting.append(pid)
            if state != "Z":
                yield pid


def command_line(pid: int) -> str:
    try:
        text = Path("/proc/%d/cmdline" % pid).read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        text = ""
    return text.strip() or "process %d" % pid


def reap() -> None:
    """Take note of the adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_descendants() -> list[str]:
    """End every process below this one, kindly first; returns the command lines of what was there."""
    found = {pid: command_line(pid) for pid in descendants()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = list(descendants())
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < until:
            time.sleep(0.2)
            left = list(descendants())
        if not left:
            break
    reap()
    return sorted(found.values())
