# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs for runs, and whose processes may be there beside one."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as import _host
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._host import (
    Lock,
    check_others,
    check_runs,
    forget_old_runs,
    has_others,
    need_systemd,
    prepare,
    python_of_host,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job, parse_job
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._run_as.test_request import GOOD

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "labfleet-run-%s.service" % ("f" * 32)
GROUPS = "9:name=systemd:/user.slice/user-5238.slice/%s\n1:cpu:/\n0::/user.slice/user-5238.slice/%s\n"


def job() -> Job:
    return parse_job({**GOOD, "shared": True})


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o755)
    place = tmp_path / "work"
    monkeypatch.setattr(_host, "WORK", str(place))
    monkeypatch.setattr(_host, "PAM", str(tmp_path / "pam"))
    return place


@pytest.mark.parametrize(
    ("groups", "unit"),
    [
        (GROUPS % (UNIT, UNIT), UNIT),
        (GROUPS % (UNIT, UNIT + "/below"), UNIT),
        (GROUPS % ("session-1.scope", "session-1.scope"), ""),
        (GROUPS % (UNIT, "session-1.scope"), ""),  # half a job is none
        (GROUPS % ("x/" + UNIT, "x/" + UNIT), ""),
        ("0::/system.slice/%s\n" % UNIT, ""),
        ("0::/user.slice/user-52380.slice/%s\n" % UNIT, ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_a_process_is_part_of_a_job_or_not(groups: str, unit: str) -> None:
    assert _host._unit_in(groups, 5238) == unit


@pytest.mark.parametrize(
    ("processes", "own_processes", "says"),
    [
        ([], False, ""),
        ([(7, UNIT)], True, ""),
        ([(7, UNIT)], False, "a job of another user runs as alice on this host"),
        ([(7, "")], True, "process 7 runs as alice outside of any job"),
        ([(7, "")], False, "process 7 runs as alice outside of any job"),
    ],
)
def test_who_may_run_beside_a_shared_account(
    work: Path, monkeypatch: pytest.MonkeyPatch, processes: list[tuple[int, str]], own_processes: bool, says: str
) -> None:
    (work / UNIT).mkdir(parents=True)
    (work / UNIT / "identity").write_text("c" * 32)
    monkeypatch.setattr(_host, "_processes", lambda _uid: iter(processes))
    if not says:
        check_others(job(), own_processes)
        return
    with pytest.raises(IdentityError, match=says):
        check_others(job(), own_processes)


ALONE = "process 7 runs as alice outside of any job, .* name other_processes in 'without'"


@pytest.mark.parametrize(
    ("processes", "own_processes", "without", "says", "found"),
    [
        ([], False, [], "", False),
        # a login: its root directory is a way out, for it belongs to the same number
        ([(7, "")], False, [], ALONE, False),
        ([(7, "")], False, ["metadata", "namespaces"], ALONE, False),
        ([(6, UNIT), (7, "")], False, [], ALONE, False),
        ([(7, "")], False, ["other_processes"], "", True),
        ([(7, "")], True, [], "", False),
        # a job of the same person by another portal
        ([(7, UNIT)], False, [], "", False),
    ],
)
def test_who_may_run_beside_a_person_s_job(
    monkeypatch: pytest.MonkeyPatch,
    processes: list[tuple[int, str]],
    own_processes: bool,
    without: list[str],
    says: str,
    found: bool,
) -> None:
    one = parse_job({**GOOD, "without": without})
    monkeypatch.setattr(_host, "_processes", lambda _uid: iter(processes))
    if not says:
        assert check_others(one, own_processes) is found
        return
    with pytest.raises(IdentityError, match=says):
        check_others(one, own_processes)


def test_a_login_is_seen_and_a_job_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_host, "_processes", lambda _uid: iter([(6, UNIT), (7, "")]))
    assert has_others(job())
    monkeypatch.setattr(_host, "_processes", lambda _uid: iter([(6, UNIT)]))
    assert not has_others(job())


def test_a_process_that_has_ended_is_none() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        deadline = time.monotonic() + 10
        while child in dict(_host._processes(os.getuid())) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert os.path.exists("/proc/%d" % child)
        assert child not in dict(_host._processes(os.getuid()))
    finally:
        os.waitpid(child, 0)


def test_jobs_of_the_same_user_run_beside_each_other(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / UNIT).mkdir(parents=True)
    (work / UNIT / "identity").write_text("b" * 32)
    monkeypatch.setattr(_host, "_processes", lambda _uid: iter([(7, UNIT)]))
    check_others(job(), False)


RUNS = "Id=%s\nSlice=user-%d.slice\nActiveState=%s\n"


@pytest.mark.parametrize(
    ("uid", "state", "identity", "refused"),
    [
        (5238, "active", "c", True),
        # the command is over, and what it left has some seconds yet: new processes all the time are never seen
        (5238, "deactivating", "c", True),
        (5238, "activating", "c", True),
        (5238, "active", "", True),  # whose it is cannot be found out any more
        (5238, "deactivating", "b", False),
        (5238, "failed", "c", False),
        (52380, "active", "c", False),
    ],
)
def test_a_unit_of_another_user_s_job_has_to_be_over(
    work: Path, uid: int, state: str, identity: str, refused: bool
) -> None:
    """Whatever a look at the processes finds."""
    (work / UNIT).mkdir(parents=True)
    if identity:
        (work / UNIT / "identity").write_text(identity * 32)
    own = RUNS % (job().unit, 5238, "active")

    def run(command: list[str]) -> tuple[int, str, str]:
        assert command[-1] == "labfleet-run-*.service"
        return 0, own + "\n" + RUNS % (UNIT, uid, state), ""

    if not refused:
        check_runs(job(), run)
        return
    with pytest.raises(IdentityError, match="a job of another user runs as alice on this host"):
        check_runs(job(), run)


def test_where_no_job_runs_nobody_is_refused() -> None:
    check_runs(job(), lambda _command: (0, "", ""))
    with pytest.raises(IdentityError, match="systemd does not say what runs: no bus"):
        check_runs(job(), lambda _command: (1, "", "no bus\n"))


def test_processes_are_found_by_their_number() -> None:
    found = dict(_host._processes(os.getuid()))
    assert found[os.getpid()] == ""


def test_a_lock_is_one_run_s(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert Lock(path).is_free()
    lock = Lock(path)
    lock.take()
    assert not Lock(path).is_free()
    waited: list[float] = []

    def wait() -> None:
        with Lock(path):
            waited.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    assert not waited
    lock.release()
    lock.release()
    thread.join(10)
    assert waited
    assert Lock(path).is_free()


def test_runs_that_are_over_are_forgotten_and_others_are_not(work: Path) -> None:
    states = {
        "labfleet-run-1.service": "failed",
        "labfleet-run-2.service": "active",
        "labfleet-run-3.service": "failed",
    }
    for name in (*states, "labfleet-run-4.service"):
        (work / name).mkdir(parents=True)
    for name in states:
        (work / name / "lock").touch()
    (work / "alice.lock").touch()
    asked: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str, str]:
        asked.append(command)
        return 0, states.get(command[-1], "inactive") + "\n", ""

    held = Lock(str(work / "labfleet-run-3.service" / "lock"))
    held.take()
    forget_old_runs(run)
    held.release()
    # the second one still runs, the third one is still waited for, the fourth one is only just being made
    assert sorted(os.listdir(work)) == [
        "alice.lock",
        "labfleet-run-2.service",
        "labfleet-run-3.service",
        "labfleet-run-4.service",
    ]
    assert ["systemctl", "reset-failed", "labfleet-run-1.service"] in asked


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root writes where root alone may")
def test_what_runs_need_is_written_once(work: Path, tmp_path: Path) -> None:
    wanted = [str(tmp_path / "pam"), str(work / "guard.py")]
    assert prepare(True) == wanted
    assert not work.exists()
    assert prepare(False) == wanted
    assert prepare(False) == prepare(True) == []
    compile((work / "guard.py").read_text(), "guard.py", "exec")
    (tmp_path / "pam").write_text("auth sufficient pam_permit.so\n")
    assert prepare(False) == wanted[:1]
    assert "pam_permit" not in (tmp_path / "pam").read_text()


def test_the_python_of_the_host_is_root_s() -> None:
    assert os.stat(python_of_host()).st_uid == 0


def test_an_old_systemd_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/run/systemd/system")
    assert need_systemd(lambda _command: (0, "systemd 257 (257.13-1)\n+PAM\n", "")) == 257
    answers = iter(("systemd 251 (x)\n", "", "systemd x\n"))
    for _answer in range(3):
        with pytest.raises(IdentityError, match="jobs need 252 or newer"):
            need_systemd(lambda _command: (0, next(answers), ""))


def test_a_host_without_systemd_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda _path: False)
    with pytest.raises(IdentityError, match="systemd does not run on this host"):
        need_systemd(lambda _command: (0, "systemd 257\n", ""))
