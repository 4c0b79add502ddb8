# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, sessions and lingering managers of a user: find them, end them (private)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

__all__ = ["busy_users", "connecting_users", "running", "set_lingering", "stop_users"]

_POLITE_SECONDS = 2.0
_LAST_SECONDS = 15.0
_HELPER_SECONDS = 1.0


def connecting_users(accounts: Iterable[tuple[str, str]], proc: str = "/proc") -> frozenset[str]:
    """Who this run came in as: the login behind sudo, and the user it runs as.

    :param accounts: names and uids as passwd has them.
    """
    uids = {str(os.getuid())}
    with contextlib.suppress(OSError, ValueError), open("%s/self/loginuid" % proc, encoding="ascii") as handle:
        uids.add(handle.read().strip())
    names = {name for name, uid in accounts if uid in uids}
    return frozenset({*names, os.environ.get("SUDO_USER", "")} - {""})


def running(proc: str) -> Iterator[tuple[int, list[int]]]:
    """Every process with the uids it has: real, effective, saved, of the file system. Zombies are over."""
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
        yield int(name), [int(word) for word in lines.get("Uid", "").split()]


def _processes(uids: Collection[int], proc: str) -> dict[int, list[int]]:
    """Process ids by the uid they run as, or can take again: the real or the saved one.

    A program of root's that acts for a user for a moment (sshd that reads a file, a file server) is not the user's.
    """
    found: dict[int, list[int]] = {}
    for number, real_effective_saved in running(proc):
        for uid in set(real_effective_saved[:3:2]).intersection(uids):
            found.setdefault(uid, []).append(number)
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


def set_lingering(wanted: Mapping[str, bool], linger: str, run_command: Callable[[list[str]], object]) -> None:
    """Let the managers of these users run on without a session, or not.

    The file in the directory is what counts; systemd-logind is asked so that it happens at once and not later.
    """
    running = bool(wanted) and os.path.isdir("/run/systemd/system")
    for name, lingers in wanted.items():
        if running:
            with contextlib.suppress(OSError):
                run_command(["loginctl", "enable-linger" if lingers else "disable-linger", name])
        path = os.path.join(linger, name)
        if lingers:
            os.makedirs(linger, mode=0o755, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def stop_users(
    users: Collection[tuple[str, int]], proc: str, linger: str, run_command: Callable[[list[str]], object]
) -> None:
    """End the sessions, user units and processes of users, politely first.

    :param run_command: runs a program; what it answers does not matter, because what is left is looked at.
    :raises IdentityError: something still runs as one of them at the end; it says what.
    """
    with_systemd = os.path.isdir("/run/systemd/system")
    for name, uid in users:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(linger, name))
        if with_systemd:
            # by number: the name may be gone already; a slice that does not exist is no error worth a word
            with contextlib.suppress(OSError):
                run_command(["systemctl", "stop", "--no-block", "user@%d.service" % uid, "user-%d.slice" % uid])
    if not os.path.exists(os.path.join(proc, "self")):
        return  # without a real /proc nothing is known, and nothing is to be ended
    uids = {uid for _name, uid in users}
    begin = time.monotonic()
    pause = 0.02
    left = _processes(uids, proc)
    while left and time.monotonic() - begin < _POLITE_SECONDS:
        for uid in left:
            _signal(uid, signal.SIGTERM)
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
        left = _processes(uids, proc)
    pause = 0.02
    while True:
        for uid in uids:  # also when nothing was seen: who forks all the time is not
            _signal(uid, signal.SIGKILL)
        left = _processes(uids, proc)
        if not left:
            return
        if time.monotonic() - begin > _LAST_SECONDS:
            names = ["%s (uid %d): %s" % (name, uid, left[uid]) for name, uid in users if uid in left]
            raise IdentityError(
                "accounts are closed, but processes would not end: %s; look for a unit that restarts them, then run"
                " again" % "; ".join(names)
            )
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _signal(uid: int, number: int) -> None:
    """Signal all processes of a user in one step: none forks away, and no id can be another process's by then."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresuid(uid, uid, uid)
            os.kill(-1, number)
        finally:
            os._exit(0)
    end = time.monotonic() + _HELPER_SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:  # the user can stop a process that runs as the user
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.001)
