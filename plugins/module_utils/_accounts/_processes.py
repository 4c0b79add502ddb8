# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, sessions and lingering managers of a user: find them, end them (private)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["busy_users", "stop_users"]

_POLITE_SECONDS = 2.0
_LAST_SECONDS = 15.0


def _processes(uids: Collection[int], proc: str) -> dict[int, list[int]]:
    """Process ids by the uid they run as (real, effective or saved). Zombies are over and do not count."""
    found: dict[int, list[int]] = {}
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            with open("%s/%s/status" % (proc, name), encoding="utf-8", errors="replace") as handle:
                lines = dict(line.split(":", 1) for line in handle if ":" in line)
        except OSError:  # it ended meanwhile
            continue
        if lines.get("State", "").strip().startswith("Z"):
            continue
        for uid in {int(word) for word in lines.get("Uid", "").split()}.intersection(uids):
            found.setdefault(uid, []).append(int(name))
    return found


def busy_users(users: Mapping[str, int], proc: str, linger: str) -> dict[str, str]:
    """What is still there of users that have to go.

    :param users: uid by name.
    :returns: by name, in words, for those of whom anything is there.
    """
    running = _processes(set(users.values()), proc)
    busy = {}
    for name, uid in users.items():
        parts = []
        if uid in running:
            parts.append("%d processes" % len(running[uid]))
        if os.path.lexists(os.path.join(linger, name)):
            parts.append("linger")
        if parts:
            busy[name] = ", ".join(parts)
    return busy


def stop_users(users: Collection[tuple[str, int]], proc: str, linger: str) -> None:
    """End the sessions, user units and processes of users, politely first.

    :raises IdentityError: something still runs as one of them at the end; it says what.
    """
    with_systemd = os.path.isdir("/run/systemd/system")
    for name, uid in users:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(linger, name))
        if with_systemd:
            # by number: the name may be gone already; a slice that does not exist is no error worth a word
            subprocess.run(
                ["systemctl", "stop", "--no-block", "user@%d.service" % uid, "user-%d.slice" % uid],
                check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
    uids = {uid for _name, uid in users}
    begin = time.monotonic()
    pause = 0.02
    while True:
        left = _processes(uids, proc)
        waited = time.monotonic() - begin
        if not left:
            return
        if waited > _LAST_SECONDS:
            names = ["%s (uid %d): %s" % (name, uid, left[uid]) for name, uid in users if uid in left]
            raise IdentityError(
                "accounts are closed, but processes would not end: %s; look for a unit that restarts them, then run"
                " again" % "; ".join(names)
            )
        for pids in left.values():
            for pid in pids:
                _signal(pid, signal.SIGTERM if waited < _POLITE_SECONDS else signal.SIGKILL)
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
