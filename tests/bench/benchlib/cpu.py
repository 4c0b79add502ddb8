# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU time that a run used outside its own process tree: in the hosts, and in SSH connections that outlive it.

Counted from the processes, not from cgroups: those look different on every engine, and a container can lose its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process, with the CPU ticks of itself and of the children that it has waited for."""

    parent: int
    ticks: int
    title: bytes


def processes(root: Path = _PROCESSES) -> dict[int, Process]:
    """All processes that this one can see."""
    found = {}
    for entry in root.iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
                _name, _end, fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
            except OSError:  # it has ended meanwhile
                continue
            _state, parent, *rest = fields.split()
            found[int(entry.name)] = Process(int(parent), sum(int(field) for field in rest[9:13]), title)
    return found


def tree_seconds(roots: Iterable[int], there: Mapping[int, Process]) -> float | None:
    """CPU seconds of these processes and all that descend from them, or None when one is not there."""
    children: dict[int, list[int]] = {}
    for pid, process in there.items():
        children.setdefault(process.parent, []).append(pid)
    waiting = list(roots)
    if any(pid not in there for pid in waiting):
        return None
    ticks = 0
    while waiting:
        pid = waiting.pop()
        ticks += there[pid].ticks
        waiting += children.get(pid, [])
    return _seconds(ticks)


def connection_seconds(sockets: Path, there: Mapping[int, Process]) -> float:
    """CPU seconds of the SSH connections that are kept open with their control sockets in SOCKETS."""
    beginning = b"ssh: " + os.fsencode(sockets)
    return _seconds(sum(each.ticks for each in there.values() if each.title.startswith(beginning)))


def _seconds(ticks: int) -> float:
    return ticks / os.sysconf("SC_CLK_TCK")
