# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a run, from what systemd and the first program said of it."""

from __future__ import annotations

import os
import signal
import syslog
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as import _run
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Places
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import parse_job
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._run import in_words
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._run_as.test_request import GOOD

if TYPE_CHECKING:
    from pathlib import Path


class Heard:
    """Output that was collected."""

    def __init__(self, missing: list[str] | None, data: bytes = b"", ended: tuple[int, int] | None = None) -> None:
        self.missing = missing
        self._data = data
        self._ended = ended

    def result(self, ended_well: bool) -> tuple[bytes, bool, tuple[int, int] | None]:
        return self._data, False, self._ended if ended_well else None


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda _priority, line: lines.append(line))
    return lines


def result(code: int, state: str, stdout: Heard, complaint: str = "", **more: Any) -> dict[str, Any]:
    def run(_command: list[str]) -> tuple[int, str, str]:
        return 0, state, ""

    job = parse_job({**GOOD, **more})
    outputs: Any = [stdout, Heard(None, b"err\xff")]
    return _run._result(job, code, complaint, outputs, run)


def state(reason: str, kind: int, status: int) -> str:
    return "Result=%s\nExecMainCode=%d\nExecMainStatus=%d\n" % (reason, kind, status)


@pytest.mark.parametrize(
    ("code", "said", "ended", "rc", "name", "words"),
    [
        (0, "", None, 0, "", "the command ended with 0"),
        (3, state("exit-code", 1, 3), None, 3, "", "the command ended with 3"),
        (1, state("signal", 2, 9), None, 137, "SIGKILL", "the command ended with SIGKILL"),
        (1, state("core-dump", 3, 11), None, 139, "SIGSEGV", "the command ended with SIGSEGV"),
        (0, "", (0, 0), 0, "", "the command ended with 0"),
        (137, state("exit-code", 1, 137), (137, 0), 137, "", "the command ended with 137"),
        (137, state("exit-code", 1, 137), (0, 9), 137, "SIGKILL", "the command ended with SIGKILL"),
        (1, state("timeout", 2, 15), None, 143, "SIGTERM", "the command was ended: its time was over"),
        (1, state("timeout", 1, 0), (0, 0), 0, "", "the command was ended: its time was over"),
        # ended from outside: what looks like the end of the first program is the command's
        (1, state("signal", 2, 9), (0, 0), 137, "SIGKILL", "the command ended with SIGKILL"),
    ],
)
def test_how_a_command_ended(
    code: int, said: str, ended: tuple[int, int] | None, rc: int, name: str, words: str
) -> None:
    told = result(code, said, Heard([], b"out", ended))
    assert (told["rc"], told["signal"], told["stdout"], told["stderr"]) == (rc, name, "out", "err\ufffd")
    assert in_words(told) == words


@pytest.mark.parametrize(
    ("status", "complaint", "says"),
    [
        (224, "", "PAM lets nobody in by this account"),
        (226, "", "cannot set up its view of the file system"),
        (1, "Failed to start transient service unit: no\n", "Failed to start transient service unit: no"),
        (1, "", "systemd says no more"),
    ],
)
def test_a_unit_that_did_not_start_ran_nothing(status: int, complaint: str, says: str, log: list[str]) -> None:
    with pytest.raises(IdentityError, match="nothing was run as alice") as refusal:
        result(1, state("exit-code", 1, status), Heard(None), complaint)
    assert says in str(refusal.value)
    assert len(log) == 1
    assert "did not start: " + says in log[0]


@pytest.mark.parametrize("missing", [["slice"], ["metadata", "slice"], ["all"]])
def test_a_host_that_lacks_a_protection_ran_nothing(missing: list[str]) -> None:
    with pytest.raises(IdentityError, match="does not put in force: .*%s" % missing[-1]):
        result(125, state("exit-code", 1, 125), Heard(missing), without=["metadata"])


def test_what_may_be_missing_is_named() -> None:
    assert result(0, "", Heard(["metadata"], b""), without=["metadata"])["without"] == ["metadata"]
    with pytest.raises(IdentityError, match=r"metadata.*'without'"):
        result(125, state("exit-code", 1, 125), Heard(["metadata"]))


def test_the_log_has_one_line_and_no_argument(log: list[str]) -> None:
    job = parse_job({**GOOD, "argv": ["a\nb", "secret-argument"], "subject": "x'; as root, program"})
    _run.tell(job, "begins")
    assert len(log) == 1
    assert "\n" not in log[0]
    assert "secret-argument" not in log[0]
    assert '"x\'; as root, program"' in log[0]


def test_the_program_in_the_unit_is_started_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the start is waited for, PAM's helper keeps it from ever being over on systemd 252."""
    asked: list[list[str]] = []

    class Nothing:
        def start(self) -> None:
            pass

        finish = start

    def run(command: list[str]) -> tuple[int, str, str]:
        asked.append(command)
        return 0, "", ""

    account: Any = type("Account", (), {"name": "alice", "uid": 5238})()
    ready = _run.Ready(account, (), (), "/home/alice", 257, "/usr/bin/python3")
    monkeypatch.setattr(_run, "_result", lambda *_details: {"rc": 0, "signal": "", "timed_out": False})
    collectors: Any = [Nothing()]
    _run._started(parse_job({**GOOD, "argv": ["canary"]}), ready, "/run/x", collectors, run)
    assert asked[0][:5] == [
        "systemd-run",
        "--quiet",
        "--wait",
        "--service-type=simple",
        "--unit=labfleet-run-%s.service" % ("a" * 32),
    ]
    assert asked[0][-4:] == ["--", "/usr/bin/python3", "-I", "/run/labfleet-run/guard.py"]
    assert not [word for word in asked[0] if "canary" in word]


def test_whoever_is_told_to_end_ends_the_unit_first() -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str, str]:
        asked.append(command)
        if command[0] == "systemd-run":
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(5)  # the signal comes before this ends
        return 0, "", ""

    account: Any = type("Account", (), {"name": "alice", "uid": 5238})()
    ready = _run.Ready(account, (), (), "/home/alice", 257, "/usr/bin/python3")
    with pytest.raises(SystemExit):
        _run._started(parse_job(GOOD), ready, "/run/x", [], run)
    assert asked[-1] == ["systemctl", "stop", "labfleet-run-%s.service" % ("a" * 32)]


@pytest.mark.parametrize(
    ("version", "beside", "later", "without"),
    [
        (252, False, False, []),
        (252, True, True, ["other_processes"]),
        (252, False, True, ["other_processes"]),
        (257, False, True, []),
    ],
)
def test_what_was_in_reach_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, beside: bool, later: bool, without: list[str]
) -> None:
    """Of a person's job, too: who had logged in before, or did while it ran."""
    asked: list[bool] = []

    def check(_job: Any, own_processes: bool) -> bool:
        asked.append(own_processes)
        return beside

    account: Any = type("Account", (), {"name": "alice", "uid": 5238})()
    monkeypatch.setattr(_run, "WORK", str(tmp_path))
    monkeypatch.setattr(_run, "forget_old_runs", lambda _run: None)
    monkeypatch.setattr(_run, "check_others", check)
    monkeypatch.setattr(_run, "has_others", lambda _job: later)
    monkeypatch.setattr(_run, "_wanted", lambda *_details: {})
    monkeypatch.setattr(_run, "_started", lambda *_details: {"without": []})
    ready = _run.Ready(account, (), (), "/home/alice", version, "/usr/bin/python3")
    result = _run.run_job(parse_job(GOOD), ready, lambda _command: (0, "", ""))
    assert result["without"] == without
    assert asked == [version >= 257]


@pytest.mark.parametrize("make", [True, False])
def test_check_mode_foretells_that_somebody_is_logged_in(monkeypatch: pytest.MonkeyPatch, make: bool) -> None:
    """The run itself asks later, when its turn has come."""

    def refuse(_job: Any, own_processes: bool) -> bool:
        raise IdentityError("somebody is logged in" if not own_processes else "nobody asked")

    account: Any = type("Account", (), {"name": "alice", "uid": 5238, "home": "/home/alice"})()
    monkeypatch.setattr(_run, "need_systemd", lambda _run: 252)
    monkeypatch.setattr(_run, "find_account", lambda _job, _places: account)
    monkeypatch.setattr(_run, "mapped_directories", lambda _job, _account: [])
    monkeypatch.setattr(_run, "check_others", refuse)
    if make:
        _run.look(parse_job(GOOD), lambda _command: (0, "", ""), Places(), make)
        return
    with pytest.raises(IdentityError, match="somebody is logged in"):
        _run.look(parse_job(GOOD), lambda _command: (0, "", ""), Places(), make)


@pytest.mark.parametrize(("version", "shared", "asks"), [(252, True, True), (252, False, False), (257, True, False)])
def test_jobs_that_could_reach_each_other_are_asked_for_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, shared: bool, asks: bool
) -> None:
    account: Any = type("Account", (), {"name": "alice", "uid": 5238})()
    asked: list[str] = []
    monkeypatch.setattr(_run, "WORK", str(tmp_path))
    monkeypatch.setattr(_run, "forget_old_runs", lambda _run: None)
    monkeypatch.setattr(_run, "check_others", lambda *_details: False)
    monkeypatch.setattr(_run, "has_others", lambda _job: False)
    monkeypatch.setattr(_run, "check_runs", lambda *_details: asked.append("asked"))
    monkeypatch.setattr(_run, "_wanted", lambda *_details: {})

    def start(*_details: Any) -> dict[str, Any]:
        asked.append("started")
        return {"without": []}

    monkeypatch.setattr(_run, "_started", start)
    ready = _run.Ready(account, (), (), "/home/alice", version, "/usr/bin/python3")
    _run.run_job(parse_job({**GOOD, "shared": shared}), ready, lambda _command: (0, "", ""))
    assert asked == (["asked", "started"] if asks else ["started"])
