# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others could put in the way of drop-ins, and what a run that is killed leaves to the next."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits import _unit_request
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._systemd import (
    Systemd,
    cpu_percent,
    pattern_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_files import (
    Places,
    Plan,
    apply,
    diffs,
    plan,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_report import report_units

if TYPE_CHECKING:
    from collections.abc import Iterator

DROPIN = "60-labfleet-limits.conf"
UNIT = "jupyter.service"
WANTED = {UNIT: {"memory": "1G", "cores": 1.5}}


class Host:
    """A host whose systemd answers as the real one did, and writes what set-property writes."""

    def __init__(self, root: Path) -> None:
        self.etc, self.control = root / "etc", root / "control"
        self.units = self.etc / "systemd" / "system"
        self.units.mkdir(parents=True)
        self.control.mkdir()
        self.places = Places(str(self.etc), str(root / "pending"))
        self.said: list[list[str]] = []
        self.running = UNIT + " loaded active running Jupyter\n"
        self.fails = ""
        self.systemd = Systemd(self.answer, "systemctl", str(self.control))

    def answer(self, command: list[str]) -> tuple[int, str, str]:
        self.said.append(command[1:])
        if command[1] == self.fails:
            return 1, "", "%s failed" % command[1]
        if command[1] == "list-units":
            return 0, self.running, ""
        if command[1] == "show" and "LoadState" in command[2]:
            return 0, "\n\n".join("LoadState=loaded\nActiveState=active" for _unit in command[4:]) + "\n", ""
        if command[1] == "show":
            return 0, "CPUQuotaPerSecUSec=1.500s\nMemoryMax=1073741824\nMemoryHigh=infinity\nTasksMax=4915\n", ""
        if command[1] == "set-property":
            folder = self.control / (command[4] + ".d")
            folder.mkdir(exist_ok=True)
            for assignment in command[5:]:
                (folder / ("50-%s.conf" % assignment.split("=")[0])).write_text(assignment)
        return 0, "", ""

    def plan(self, services: dict[str, Any] | None = None, users: dict[str, Any] | None = None) -> Plan:
        return plan(services or {}, users or {}, {"worker": 1500}.get, self.places)

    def run(
        self, services: dict[str, Any] | None = None, users: dict[str, Any] | None = None
    ) -> tuple[Plan, list[str]]:
        planned = self.plan(services, users)
        return planned, apply(planned, self.systemd, self.places) if planned.changed else []

    def verbs(self) -> list[str]:
        said, self.said = [command[0] for command in self.said], []
        return said

    def path(self, unit: str = UNIT) -> Path:
        return self.units / (unit + ".d") / DROPIN


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    old = os.umask(0o022)
    try:
        yield Host(tmp_path)
    finally:
        os.umask(old)


def test_what_runs_feels_it_and_nothing_outlives_the_drop_in(host: Host) -> None:
    planned, warnings = host.run(WANTED)
    assert (planned.changed, warnings) == (True, [])
    assert stat.S_IMODE(host.path().stat().st_mode) == 0o644
    assert b"MemoryMax=1073741824" in host.path().read_bytes()
    assert [
        "set-property", "--runtime", "--", UNIT, "MemoryMax=1073741824", "MemoryHigh=infinity", "TasksMax=4915",
        "CPUQuota=150%",
    ] in host.said  # fmt: skip
    assert host.verbs() == ["daemon-reload", "list-units", "show", "set-property", "daemon-reload"]
    assert list(host.control.iterdir()) == []
    assert not host.run(WANTED)[0].changed
    assert host.verbs() == []


def test_what_an_administrator_set_until_the_next_boot_stays(host: Host) -> None:
    by_hand = host.control / (UNIT + ".d") / "50-TasksMax.conf"
    by_hand.parent.mkdir()
    by_hand.write_text("mine")
    host.run(WANTED)
    assert list(by_hand.parent.iterdir()) == [by_hand]


def test_what_nobody_names_any_more_goes_and_what_others_wrote_stays(host: Host) -> None:
    other = host.units / "rstudio.service.d" / "override.conf"
    other.parent.mkdir()
    other.write_text("[Service]\n")
    host.run({**WANTED, "rstudio.service": {"tasks": 99}}, {"worker": {"tasks": 50, "sessions": 1}})
    pam = host.etc / "security" / "limits.d" / "labfleet-limits.conf"
    assert pam.exists()
    theirs = host.units / "a.service.d" / DROPIN
    theirs.parent.mkdir()
    theirs.write_text("# not ours\n")
    planned, _warnings = host.run({"rstudio.service": {"tasks": 99}})
    assert planned.units == [UNIT, "user-1500.slice"]
    assert sorted(path.name for path in host.units.iterdir()) == ["a.service.d", "rstudio.service.d"]
    assert not pam.exists()
    host.run()
    assert [path.name for path in other.parent.iterdir()] == ["override.conf"]
    assert theirs.exists()


def test_a_run_that_is_killed_is_completed_by_the_next(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_units: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(host.systemd, "put_in_force", killed)
    with pytest.raises(KeyboardInterrupt):
        host.run(WANTED)
    monkeypatch.undo()
    planned, _warnings = host.run(WANTED)
    assert planned.changed
    assert planned.write == {}
    assert "set-property" in host.verbs()
    assert not host.run(WANTED)[0].changed


def test_a_systemd_that_does_not_read_is_told_and_asked_again(host: Host) -> None:
    host.fails = "daemon-reload"
    with pytest.raises(IdentityError, match="daemon-reload failed; mend that and run again"):
        host.run(WANTED)
    host.fails = ""
    assert host.run(WANTED)[0].changed
    assert not host.run(WANTED)[0].changed


def test_a_unit_that_cannot_feel_it_is_told_of(host: Host) -> None:
    host.fails = "set-property"
    assert host.run(WANTED)[1] == [UNIT + " has its new limits when it starts next: set-property failed"]


def test_a_drop_in_that_others_can_change_is_written_anew(host: Host) -> None:
    host.run(WANTED)
    host.path().chmod(0o666)
    planned, _warnings = host.run(WANTED)
    assert planned.changed
    assert stat.S_IMODE(host.path().stat().st_mode) == 0o644


def test_a_directory_that_others_can_change_is_refused(host: Host) -> None:
    host.path().parent.mkdir()
    host.path().parent.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        host.run(WANTED)
    host.path().parent.rmdir()
    host.units.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        host.plan(WANTED)


@pytest.mark.parametrize("what", ["directory", "file"])
def test_a_link_is_not_followed(host: Host, what: str) -> None:
    elsewhere = host.etc / "elsewhere"
    elsewhere.mkdir()
    precious = elsewhere / DROPIN
    precious.write_text("precious")
    if what == "directory":
        host.path().parent.symlink_to(elsewhere)
    else:
        host.path().parent.mkdir()
        host.path().symlink_to(precious)
    assert host.plan().write == {}  # nothing of ours is there, so nothing goes
    with pytest.raises(IdentityError, match=r"nothing was done: jupyter\.service: "):
        host.run(WANTED)
    assert precious.read_text() == "precious"


def test_what_somebody_else_wrote_is_not_replaced(host: Host) -> None:
    host.path().parent.mkdir()
    host.path().write_text("[Service]\n")
    with pytest.raises(IdentityError, match="was written by somebody else"):
        host.plan(WANTED)


def test_limits_of_the_roster_are_not_said_twice(host: Host) -> None:
    folder = host.units / "user-1500.slice.d"
    folder.mkdir()
    (folder / "50-labfleet.conf").write_bytes(WRITTEN_BY + b"[Slice]\nTasksMax=40\n")
    with pytest.raises(IdentityError, match="those that accounts gives, as the roster says"):
        host.plan({}, {"worker": {"tasks": 50}})
    assert not host.plan({}, {"worker": {}}).changed


def test_what_is_pending_is_checked_again(host: Host) -> None:
    Path(host.places.pending).write_text("jupyter.service ssh.service ../x.service user-5238.slice user-.slice\n")
    assert host.plan().pending == ("jupyter.service", "user-5238.slice")


def test_where_systemd_did_not_boot_files_are_all(host: Host) -> None:
    silent = Systemd(host.answer, "")
    assert apply(host.plan(WANTED), silent, host.places) == []
    assert host.path().exists()
    units, warnings = report_units(host.plan(WANTED), silent)
    assert (units[0]["known"], units[0]["running"], warnings) == (None, None, [])
    assert host.said == []


def test_the_report_and_the_diff(host: Host) -> None:
    planned = host.plan({**WANTED, "a@.service": {"tasks": 99}})
    units, _warnings = report_units(planned, host.systemd)
    assert [(unit["unit"], unit["known"]) for unit in units] == [("a@.service", None), (UNIT, True)]
    assert units[1]["limits"] == ["CPUQuota=150%", "MemoryMax=1073741824"]
    assert [one["before"] for one in diffs(planned)] == ["", ""]
    assert "TasksMax=99" in diffs(planned)[0]["after"]


@pytest.mark.parametrize(
    ("span", "percent"),
    [("infinity", ""), ("200ms", "20%"), ("1.500s", "150%"), ("1.5s", "150%"), ("1min 30s", "9000%"),
     ("2min", "12000%"), ("", None), ("much", None), ("1.2.3s", None)],
)  # fmt: skip
def test_a_share_of_a_second(span: str, percent: str | None) -> None:
    assert cpu_percent(span) == percent


def test_which_units_a_drop_in_is_for() -> None:
    units = ["a.service", "a@.service", "a@b.service", "a-.service", "a.slice"]
    assert list(map(pattern_of, units)) == ["a.service", "a@*.service", "a@b.service", "a-*.service", "a.slice"]


def test_no_name_of_ours_is_read_as_that_of_accounts() -> None:
    assert _unit_request.DROPIN > _unit_request.SLICE_OF_ACCOUNTS  # what is read last wins
