# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does about the servers of a host, on a host made of a directory: look, plan, do."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter import _run
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._environment import Pins
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import Server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes units")

PINS = Pins("jupyterlab==1 --hash=sha256:00\n", "/usr/bin/python3")
ALICE = Server("alice", Limits())
BOB = Server("bob", Limits(), token="canary-0123456789abcdef")


class Host:
    """Stands for systemd and pip; everything else are files below a directory."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.states: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.breaks = ""  # a unit that does not start
        self.broken = "failed"  # what systemd says of it then

    def __call__(self, command: list[str], _variables: dict[str, str]) -> tuple[int, str, str]:
        self.asked.append(command)
        if command[0] != "systemctl":
            return 0, "3 11 /usr/bin/python3.11\n" if "-c" in command else "", ""
        verb, units = command[1], [word for word in command[2:] if not word.startswith("--")]
        if verb == "show":
            blocks = ["Id=%s\nActiveState=%s" % (unit, self.states.get(unit, "inactive")) for unit in units]
            return 0, "\n\n".join(blocks) + "\n", ""
        if verb in ("restart", "stop"):
            for unit in units:
                self.states[unit] = "inactive" if verb == "stop" else self.broken if unit == self.breaks else "active"
        return (1, "", "a job failed") if verb == "restart" and self.breaks in units else (0, "", "")

    def run(self, *servers: Server, check: bool = False, restart: bool = True) -> _run.Plan:
        planned = _run.plan(servers, PINS, "lab1", restart, check, self)
        if not check and planned.changed:
            _run.apply(planned, PINS, self)
        return planned

    def file(self, path: str) -> Path:
        return self.top / path.lstrip("/")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    tmp_path.chmod(0o755)
    for name in ("etc/systemd/system", "etc/pam.d", "usr/local/bin", "opt", "run"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("UNITS", "WANTS", "DUE", "SHADOW", "TOKENS", "CONFIG", "PAM", "COMMAND"):
        monkeypatch.setattr(_run, name, "%s%s" % (tmp_path, getattr(_run, name)))
    moved = tuple(("%s%s" % (tmp_path, path), mode) for path, mode in _run._DIRECTORIES)
    monkeypatch.setattr(_run, "_DIRECTORIES", moved)
    place = str(tmp_path / "opt" / "jupyter")
    monkeypatch.setattr(_run, "PLACE", place)
    monkeypatch.setattr(_run, "_need_systemd", lambda: None)
    monkeypatch.setattr(_run, "environments", list)
    monkeypatch.setattr(_run, "is_complete", os.path.isdir)
    monkeypatch.setattr(_run, "build", lambda environment, _pins, _run: os.makedirs(environment))
    monkeypatch.setattr(_run, "locate", lambda _pins, _run, _check: os.path.join(place, "abc"))
    (tmp_path / "etc" / "shadow").write_text("alice:*:1:0:9:7:::\nbob:*:1:0:9:7:::\n")

    def account(name: str) -> pwd.struct_passwd:
        if name not in ("alice", "bob"):
            raise KeyError(name)
        return pwd.struct_passwd((name, "x", 5238, 5238, "", "/home/" + name, "/bin/bash"))

    monkeypatch.setattr(pwd, "getpwnam", account)
    return Host(tmp_path)


def everything_below(top: Path) -> dict[str, tuple[int, bytes]]:
    paths = sorted(path for path in top.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in paths}


def test_the_first_run_starts_and_the_second_has_nothing_to_do(host: Host) -> None:
    first = host.run(ALICE, BOB)
    assert (first.builds, first.started, first.restarted) == (True, ("alice", "bob"), ())
    assert host.states == {"jupyter-alice.service": "active", "jupyter-bob.service": "active"}
    assert host.file("/etc/systemd/system/multi-user.target.wants/jupyter-alice.service").is_symlink()
    before = everything_below(host.top)
    assert not host.run(ALICE, BOB).changed
    assert everything_below(host.top) == before


def test_check_mode_says_the_same_and_writes_nothing(host: Host) -> None:
    before = everything_below(host.top)
    predicted = host.run(ALICE, check=True)
    assert everything_below(host.top) == before
    done = host.run(ALICE)
    assert (predicted.builds, predicted.started, predicted.enabled) == (done.builds, done.started, done.enabled)
    assert [file.path for file in predicted.files] == [file.path for file in done.files]


def test_tokens_are_roots_alone_and_in_no_diff(host: Host) -> None:
    planned = host.run(ALICE, BOB)
    tokens = host.file("/etc/labfleet/jupyter/tokens")
    assert tokens.stat().st_mode & 0o777 == 0o700
    assert (tokens / "bob").read_text() == "canary-0123456789abcdef\n"
    made = (tokens / "alice").read_text().strip()
    assert len(made) == 48
    assert {path.stat().st_mode & 0o777 for path in tokens.iterdir()} == {0o600}
    shown = repr(_run.diffs(planned))
    assert "canary" not in shown
    assert made not in shown
    tokens.chmod(0o755)
    (tokens / "alice").chmod(0o644)
    assert host.run(ALICE, BOB).changed
    assert (tokens / "alice").stat().st_mode & 0o777 == 0o600
    assert tokens.stat().st_mode & 0o777 == 0o700


def test_what_changes_restarts_whom_it_concerns(host: Host) -> None:
    host.run(ALICE, BOB)
    assert host.run(Server("alice", Limits(memory=2**30)), BOB).restarted == ("alice",)
    assert host.run(Server("alice", Limits(memory=2**30)), Server("bob", Limits(), token="b" * 20)).restarted == (
        "bob",
    )


def test_a_restart_that_may_not_be_is_due_until_it_may(host: Host) -> None:
    host.run(ALICE)
    other = Server("alice", Limits(memory=2**30))
    first = host.run(other, restart=False)
    assert (first.changed, first.restarted, first.due) == (True, (), ("alice",))
    again = host.run(other, restart=False)
    assert (again.changed, again.due) == (False, ("alice",))
    assert host.run(other).restarted == ("alice",)
    assert not host.run(other).changed


def test_a_run_that_was_cut_short_is_completed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(ALICE)
    other = Server("alice", Limits(memory=2**30))

    def killed(*_words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_run, "_start", killed)
        with pytest.raises(KeyboardInterrupt):
            host.run(other)
    assert host.run(other).restarted == ("alice",)


def test_who_is_no_longer_listed_loses_unit_and_token(host: Host) -> None:
    host.run(ALICE, BOB)
    assert host.run(ALICE).stopped == ("jupyter-bob.service",)
    left = [path for path in everything_below(host.top) if "bob" in path]
    assert left == []
    assert host.states["jupyter-bob.service"] == "inactive"
    assert host.run().stopped == ("jupyter-alice.service",)
    assert not host.run().changed


def test_a_closed_account_has_no_running_server(host: Host) -> None:
    host.run(ALICE, BOB)
    host.file("/etc/shadow").write_text("alice:*:1:0:9:7::1:\nbob:*:1:0:9:7::99999:\n")
    closed = host.run(ALICE, BOB)
    assert (closed.closed, closed.halted) == (("alice",), ("jupyter-alice.service",))
    assert host.states["jupyter-alice.service"] == "inactive"
    again = host.run(ALICE, BOB)
    assert (again.changed, again.closed) == (False, ("alice",))
    host.file("/etc/shadow").write_text("alice:*:1:0:9:7:::\n")
    assert host.run(ALICE, BOB).started == ("alice",)


def test_a_server_that_does_not_start_is_named_after_everything_else_was_done(host: Host) -> None:
    old = host.file("/opt/jupyter/old")
    old.mkdir(parents=True)
    host.breaks = "jupyter-alice.service"
    planned = replace(_run.plan([ALICE, BOB], PINS, "lab1", True, False, host), pruned=(str(old),))
    silent = _run.apply(planned, PINS, host)
    assert list(silent) == ["alice"]
    assert silent["alice"].startswith("jupyter-alice.service did not start: see 'journalctl -u jupyter-alice'")
    assert host.states["jupyter-bob.service"] == "active"
    assert not old.exists()


@pytest.mark.parametrize("state", ["failed", "activating"])
def test_a_server_that_ended_and_one_that_is_tried_again_have_not_started(host: Host, state: str) -> None:
    host.breaks, host.broken = "jupyter-bob.service", state
    silent = _run.apply(_run.plan([ALICE, BOB], PINS, "lab1", True, False, host), PINS, host)
    assert list(silent) == ["bob"]


def test_a_server_whose_home_is_not_mounted_has_not_started(host: Host) -> None:
    host.breaks, host.broken = "jupyter-bob.service", "inactive"
    silent = _run.apply(_run.plan([ALICE, BOB], PINS, "lab1", True, False, host), PINS, host)
    assert list(silent) == ["bob"]


def test_a_server_that_was_not_restarted_is_still_due(host: Host) -> None:
    host.run(ALICE)
    host.breaks = "jupyter-alice.service"
    other = Server("alice", Limits(memory=2**30))
    assert host.run(other).restarted == ("alice",)
    host.breaks = ""
    assert host.run(other).started == ("alice",)
    assert not host.run(other).changed


def test_systemd_that_refuses_everything_is_quoted(host: Host) -> None:
    host.breaks, host.broken = "jupyter-alice.service", "active"
    with pytest.raises(IdentityError, match="systemctl restart failed: a job failed; mend that and run again"):
        host.run(ALICE)


def test_a_server_that_tries_again_and_again_is_told_and_let_be(host: Host) -> None:
    host.run(ALICE)
    host.states["jupyter-alice.service"] = "activating"
    planned = host.run(ALICE)
    assert (planned.changed, planned.failing) == (False, ("alice",))


def test_somebody_elses_unit_is_refused(host: Host) -> None:
    unit = host.file("/etc/systemd/system/jupyter-alice.service")
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(IdentityError, match=r"is not of labfleet\.identity"):
        host.run(ALICE)
    assert not host.run().changed
    assert not _run.plan_absence().changed
    assert unit.exists()


def test_an_account_that_is_missing_is_awaited_in_check_mode_alone(host: Host) -> None:
    nobody = Server("nobody-here", Limits())
    assert host.run(nobody, check=True).changed
    before = everything_below(host.top)
    with pytest.raises(IdentityError, match="there is no account nobody-here on this host"):
        host.run(nobody)
    assert everything_below(host.top) == before


def test_absence_leaves_nothing_and_says_so_once(host: Host) -> None:
    host.run(ALICE, BOB)
    gone = _run.plan_absence()
    assert gone.stopped == ("jupyter-alice.service", "jupyter-bob.service")
    _run.apply(gone, PINS, host)
    assert [path for path in everything_below(host.top) if "shadow" not in path] == []
    assert not _run.plan_absence().changed
