# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file server is silent, then gone, then back."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..machines import KEYS, make_keys, on, output_on, ssh_argv
from ..people import GROUPS, write_roster
from ..play import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..lab import Lab
    from ..machines import Machine
    from ..report import Report

_ADMIN_SECONDS = 5
_ANSWER_SECONDS = 20
_HANGS_SECONDS = 10
_CACHE_SECONDS = 61
_BOOT_SECONDS = 90
_RECOVERY_SECONDS = 150
_ANSWER = "is on a file server that does not answer now"


@contextmanager
def _working(machine: Machine, user: str) -> Iterator[subprocess.Popen[str]]:
    """A session that is open all the time and writes into the home."""
    loop = "i=0; echo begin; while :; do i=$((i + 1)); echo $i >> work || exit 3; sleep 0.5; done"
    process = subprocess.Popen(
        [*ssh_argv(machine.name, user), loop], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is not None:
            process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def _best_login(name: str) -> float:
    """The machine that runs all these machines may be busy with something else for a moment."""
    best = float("inf")
    for _attempt in range(3):
        began = time.monotonic()
        if on(name, "id -un", user="admin", timeout=60).stdout.strip() == "admin":
            best = min(best, time.monotonic() - began)
        if best <= _ADMIN_SECONDS:
            break
    return best


def _answer_to_alice(name: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """What she is told, and after how long; she tries twice, for the same reason."""
    for _attempt in range(2):
        began = time.monotonic()
        answer = on(name, "true", user="alice", timeout=_ANSWER_SECONDS + 20)
        seconds = time.monotonic() - began
        if seconds <= _ANSWER_SECONDS:
            break
    return answer, seconds


def _expect_logins(lab: Lab, report: Report, when: str) -> None:
    for machine in lab.instances:
        seconds = _best_login(machine.name)
        report.expect(
            seconds <= _ADMIN_SECONDS,
            f"{when}: the administrator is in on {machine.name} within {_ADMIN_SECONDS} s ({seconds:.1f} s)",
        )
        answer, seconds = _answer_to_alice(machine.name)
        report.expect(
            answer.returncode == 255 and _ANSWER in answer.stderr and seconds <= _ANSWER_SECONDS,
            f"{when}: alice is told on {machine.name} that her home does not answer ({seconds:.1f} s)",
            f"{answer} after {seconds:.1f} s",
        )


def _expect_to_hang(report: Report) -> None:
    """What makes all of this hard, so that no test passes because the server was alive."""
    look = f"timeout --signal=KILL {_HANGS_SECONDS} ls /efs/home/alice; echo \\$?"
    looked = on("python", f'sudo sh -c "{look}"', timeout=60)
    report.expect(looked.stdout.strip() == "137", "whoever looks into the file system hangs", str(looked))


def _wait(report: Report, what: str, holds: Callable[[], bool], seconds: float = _RECOVERY_SECONDS) -> None:
    began = time.monotonic()
    while not (held := holds()) and time.monotonic() - began < seconds:
        time.sleep(1)
    report.expect(held, f"{what} ({time.monotonic() - began:.0f} s)")


def _lets_in(name: str, user: str) -> bool:
    return on(name, "ls ~", user=user, timeout=60).returncode == 0


def _change_accounts(report: Report) -> None:
    """A change of the roster, and somebody leaves, neither of which has anything to do with files."""
    if not (KEYS / "dave").exists():
        make_keys(["dave"])
    write_roster({**GROUPS, "dave": []})
    with report.timed("accounts, while the server is silent"):
        accounts = play("accounts.yml", timeout=120)
    report.expect(accounts.code == 0, "accounts are changed while the server is silent", accounts.tail())
    report.expect(
        all(on(name, "id dave").returncode == 0 for name in ("python", "r")), "and the new one is there on both"
    )
    with report.timed("offboarding, while the server is silent"):
        left = play(
            "offboard.yml", variables={"offboarding_users": ["carol"], "offboarding_state": "disabled"}, timeout=180
        )
    report.expect(left.code == 0, "carol is off-boarded while the server is silent", left.tail())
    closed = {name: output_on(name, "sudo getent shadow carol | cut -d: -f2,8") for name in ("python", "r")}
    report.expect(
        all(line.endswith(":1") for line in closed.values()), "and her account is closed on both", str(closed)
    )
    with report.timed("the role efs, while the server is silent"):
        mounted = play("mount.yml", timeout=180)
    report.expect(
        mounted.code not in (0, 124) and "did not answer for" in mounted.output,
        "the role efs ends with a sentence, and does not hang",
        mounted.tail(),
    )


def dead_server(lab: Lab, report: Report) -> None:
    with _working(lab.python, "alice") as session:
        output_on("r", "ls ~", user="alice")
        lab.server.freeze()
        try:
            frozen = time.monotonic()
            _expect_to_hang(report)
            _expect_logins(lab, report, "just frozen")
            # what a client remembers of a directory, it answers by itself for a minute
            time.sleep(max(0.0, _CACHE_SECONDS - (time.monotonic() - frozen)))
            lab.server.cut_off()
            _expect_logins(lab, report, "cut off")
            _boot_without_server(lab, report)
        finally:
            lab.server.reconnect()
            lab.server.thaw()
        _recover(lab, report, session)


def _boot_without_server(lab: Lab, report: Report) -> None:
    with report.timed("boot an instance without the server"):
        lab.r.crash()
        began = time.monotonic()
        lab.r.start(lab.disk)
        lab.r.wait_until_up()
        state = output_on("r", "systemctl is-system-running --wait", timeout=_BOOT_SECONDS)
        seconds = time.monotonic() - began
    report.expect(
        state == "running" and seconds <= _BOOT_SECONDS,
        f"an instance boots without the server ({seconds:.0f} s)",
        state,
    )
    _expect_logins(lab, report, "after a boot")


def _recover(lab: Lab, report: Report, session: subprocess.Popen[str]) -> None:
    with report.timed("everything recovers"):
        for machine in lab.instances:
            _wait(
                report,
                f"alice is let in again on {machine.name}",
                partial(_lets_in, machine.name, "alice"),
            )
        before = output_on("server", "sudo sed -n '$=' /srv/efs/home/alice/work")
        _wait(
            report,
            "her session on python goes on with its work",
            lambda: output_on("server", "sudo sed -n '$=' /srv/efs/home/alice/work") != before,
        )
    report.expect(session.poll() is None, "and lost nothing meanwhile", f"it ended with {session.poll()}")
    numbers = output_on("server", "sudo cat /srv/efs/home/alice/work").split()
    report.expect(numbers == [str(n + 1) for n in range(len(numbers))], "its file has every line", str(numbers[-5:]))


def changes_meanwhile(lab: Lab, report: Report) -> None:
    """Work of administrators that does not wait for the file server."""
    lab.server.freeze()
    try:
        _change_accounts(report)
    finally:
        lab.server.thaw()
    for machine in lab.instances:
        _wait(report, f"alice is let in again on {machine.name}", partial(_lets_in, machine.name, "alice"))
    with report.timed("run of the playbook after the recovery"):
        after = play("site.yml")
    report.expect(after.code == 0, "the playbook runs to its end again", after.tail())
