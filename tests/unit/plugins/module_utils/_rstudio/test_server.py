# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of RStudio Server on a host: what users and accidents can do to them. Molecule shows the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio import _server
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._files import (
    COOKIE_KEY,
    DROPIN,
    PAM,
    RSERVER_CONF,
    RSESSION_CONF,
)
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._server import (
    Host,
    Plan,
    apply,
    changed_files,
    diffs,
    plan,
)
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import Settings, parse_settings

from .test_settings import USUAL

if TYPE_CHECKING:
    Answer = tuple[int, str, str]


class Systemd:
    """Answers as systemctl and rserver do, and remembers what it was asked."""

    def __init__(self) -> None:
        self.unit = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
        self.asked: list[str] = []
        self.fails: dict[str, Answer] = {}

    def run(self, command: list[str]) -> Answer:
        word = command[1]
        if word == "show":
            return 0, self.unit, ""
        self.asked.append(word)
        return self.fails.get(word, (0, "", ""))


def no_warnings(_settings: Settings) -> list[str]:
    """As on a host that has all groups."""
    return []


@pytest.fixture
def systemd() -> Systemd:
    return Systemd()


@pytest.fixture
def host(tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host with the package on it."""
    for name in ("etc/pam.d", "etc/systemd/system", "usr/local", "usr/lib/rstudio-server/bin", "run"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/pam.d/common-account").touch()
    (tmp_path / "usr/lib/rstudio-server/bin/rserver").touch()
    monkeypatch.setattr(_server, "_check_user", str)
    monkeypatch.setattr(_server, "_missing_groups", no_warnings)
    return Host(run=systemd.run, systemctl="systemctl", root=str(tmp_path))


def wished(**wishes: Any) -> Settings:
    return parse_settings({**USUAL, **wishes})


def bring(host: Host, settings: Settings | None) -> Plan:
    planned = plan(host, settings)
    apply(host, planned)
    return planned


def below(host: Host, path: str) -> Path:
    return Path(host.root + path)


def test_a_second_run_has_nothing_to_do(host: Host, systemd: Systemd) -> None:
    assert bring(host, wished()).actions == ("daemon-reload", "restart")
    systemd.asked.clear()
    again = plan(host, wished())
    assert not again.changed
    assert systemd.asked == []


def test_only_what_the_server_reads_at_its_start_restarts_it(host: Host) -> None:
    bring(host, wished())
    assert plan(host, wished(session_minutes=5)).actions == ()
    assert changed_files(plan(host, wished(session_minutes=5))) == [RSESSION_CONF]
    assert plan(host, wished(port=9000)).actions == ("restart",)
    assert plan(host, wished(limits={"tasks": 64})).actions == ("daemon-reload", "restart")


def test_without_the_package_the_files_are_there_first(host: Host, systemd: Systemd) -> None:
    systemd.unit = "LoadState=not-found\nActiveState=inactive\n"
    below(host, host.rserver).unlink()
    bring(host, wished())
    assert systemd.asked == []
    assert "www-address=127.0.0.1" in below(host, RSERVER_CONF).read_text()
    assert "common-account" in below(host, PAM).read_text()


def test_a_server_that_refuses_its_configuration_keeps_the_old_one(host: Host, systemd: Systemd) -> None:
    bring(host, wished())
    before = below(host, RSERVER_CONF).read_text()
    systemd.fails["--test-config"] = (1, "", "unrecognised option 'www-port'")
    with pytest.raises(IdentityError, match="rserver would refuse its configuration: unrecognised option 'www-port'"):
        plan(host, wished(port=9000))
    assert below(host, RSERVER_CONF).read_text() == before


def test_a_server_that_does_not_start_gets_its_files_back(host: Host, systemd: Systemd) -> None:
    bring(host, wished())
    before = {path: below(host, path).read_text() for path in (RSERVER_CONF, DROPIN)}
    planned = plan(host, wished(port=9000, limits={"tasks": 64}))
    systemd.fails["restart"] = (1, "", "Job failed.")
    with pytest.raises(IdentityError, match=r"'systemctl restart rstudio-server.service' failed: Job failed"):
        apply(host, planned)
    assert {path: below(host, path).read_text() for path in before} == before
    systemd.fails.clear()
    assert "restart" in plan(host, wished()).actions, "a server whose restart failed is never taken for a good one"


def test_a_run_that_was_killed_before_the_restart_is_completed(host: Host) -> None:
    bring(host, wished())
    planned = plan(host, wished(port=9000))

    def killed(_command: list[str]) -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(Host(run=killed, systemctl="systemctl", root=host.root), planned)
    assert plan(host, wished(port=9000)).actions == ("restart",)


def test_a_link_is_not_followed(host: Host, tmp_path: Path) -> None:
    bring(host, wished())
    precious = tmp_path / "precious"
    precious.write_text("do not touch")
    below(host, RSERVER_CONF).unlink()
    below(host, RSERVER_CONF).symlink_to(precious)
    with pytest.raises(IdentityError):
        bring(host, wished())
    assert precious.read_text() == "do not touch"


def test_a_directory_that_others_can_change_is_not_written_into(host: Host) -> None:
    below(host, "/etc/rstudio").mkdir()
    below(host, "/etc/rstudio").chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        bring(host, wished())


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_key_that_others_could_read_is_made_anew(host: Host, mode: int) -> None:
    bring(host, wished())
    key = below(host, COOKIE_KEY)
    old = key.read_text()
    assert len(old) == 64
    key.chmod(mode)
    planned = bring(host, wished())
    assert planned.actions == ("restart",)
    assert "everybody has to sign in again" in planned.warnings[0]
    assert key.read_text() != old
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_too_short_is_made_anew(host: Host) -> None:
    bring(host, wished())
    below(host, COOKIE_KEY).write_text("0")
    assert plan(host, wished()).key == "make"


def test_the_key_is_in_no_diff(host: Host) -> None:
    planned = bring(host, wished())
    key = below(host, COOKIE_KEY).read_text()
    assert key not in str(diffs(planned))
    assert key not in str(diffs(plan(host, None)))


def test_what_was_there_before_comes_back(host: Host, systemd: Systemd) -> None:
    below(host, "/etc/rstudio").mkdir()
    below(host, RSERVER_CONF).write_text("www-port=80\n")
    bring(host, wished())
    bring(host, wished(port=9000))
    systemd.asked.clear()
    gone = bring(host, None)
    assert gone.actions == ("disable", "stop", "daemon-reload")
    assert systemd.asked == ["disable", "stop", "daemon-reload"]
    left = sorted(str(path.relative_to(host.root)) for path in Path(host.root).rglob("*") if path.is_file())
    assert left == ["etc/pam.d/common-account", "etc/rstudio/rserver.conf", "usr/lib/rstudio-server/bin/rserver"]
    assert below(host, RSERVER_CONF).read_text() == "www-port=80\n"
    systemd.unit = "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\nNeedDaemonReload=no\n"
    assert not plan(host, None).changed


def test_a_host_without_the_pam_of_debian_is_refused(host: Host) -> None:
    below(host, "/etc/pam.d/common-account").unlink()
    with pytest.raises(IdentityError, match="the role is for Debian and Ubuntu"):
        plan(host, wished())


def test_a_server_whose_user_is_missing_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(_server, "_missing_groups", no_warnings)
    with pytest.raises(IdentityError, match="RStudio Server would run as root, for this host has no user nobody-here"):
        plan(host, wished(server_user="nobody-here"))


def test_groups_that_nobody_knows_are_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(_server, "_check_user", str)
    assert plan(host, wished(groups=["no-such-group"])).warnings == (
        "nobody can sign in to RStudio yet: this host has no group no-such-group",
    )
    assert plan(host, wished(groups=["no-such-group", "root"])).warnings == ()


def test_nothing_is_written_for_others(host: Host) -> None:
    old = os.umask(0)
    try:
        bring(host, wished())
    finally:
        os.umask(old)
    for path in Path(host.root).rglob("*"):
        if path.is_file() and path.stat().st_size:
            assert not path.stat().st_mode & 0o022, path
