# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file server that does not answer: it is noticed, once, and nobody waits for it."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils import _silence
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding import (
    _evidence,
    _evidence_files,
    _home_run,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._disk_usage import Pace, measure
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_dropin import plan
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._offboarding.conftest import ALICE, Leaving
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.test_sshd_dropin import DROPIN, Sshd
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._storage.conftest import dead_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[Path]:
    """Where a dead server is mounted."""
    point = tmp_path / "efs"
    point.mkdir()
    with dead_server(point):
        yield point


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is enough to see that nobody answers."""
    for place in (_home_run, _evidence):
        monkeypatch.setattr(place, "Silence", lambda: Silence(patience=1))


def test_it_is_asked_once_and_by_whatever_link(dead: Path, tmp_path: Path) -> None:
    silence = Silence(patience=1)
    (tmp_path / "home").symlink_to("efs/home")
    begin = time.monotonic()
    for path in (dead, dead / "home" / "alice", tmp_path / "home" / "bob", tmp_path / "x" / ".." / "efs" / "y"):
        assert silence.of(str(path)) == str(dead)
    assert 0.9 < time.monotonic() - begin < 3
    for path in (tmp_path, tmp_path / "efs2", tmp_path / "missing" / "efs"):
        assert silence.of(str(path)) == ""


def test_one_that_answers_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_silence, "_REMOTE", frozenset(["tmpfs"]))
    (tmp_path / "efs").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "lab", str(tmp_path / "efs")], check=True)
    try:
        assert Silence(patience=5).of(str(tmp_path / "efs" / "home")) == ""
    finally:
        subprocess.run(["umount", str(tmp_path / "efs")], check=True)


def test_somebody_leaves_while_the_file_server_is_down(dead: Path, tmp_path: Path) -> None:
    """The home is told, not looked at; what would be done with it is refused."""
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    host = Leaving(root)
    host.accounts({"alice": (ALICE, "/usr/sbin/nologin", "1")})
    users = [{"name": "alice", "uid": ALICE, "home": str(dead / "home" / "alice")}]
    text = (host.etc / "passwd").read_text().replace("/home/alice", str(dead / "home" / "alice"))
    (host.etc / "passwd").write_text(text)
    begin = time.monotonic()
    told = host.run("kept", users=users)
    assert (told["changed"], told["homes"][0]["found"], told["homes"][0]["local"]) == (False, False, False)
    problem = "home %s/home/alice cannot be looked at: the file server of %s does not answer" % (dead, dead)
    assert told["warnings"] == ["alice: " + problem]
    for state in ("archived", "removed"):
        with pytest.raises(
            IdentityError, match=r"no home was touched: alice: .* does not answer; run again when it does"
        ):
            host.run(state, users=users, archive_first=True, network_file_system=True)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(("state", "holds"), [("kept", True), ("archived", False), ("removed", False)])
def test_a_receipt_says_what_it_could_not_see(dead: Path, state: str, holds: bool) -> None:
    person = _evidence_files.Person("alice", ALICE, str(dead / "home" / "alice"), "absent", state)
    step = _evidence._home(person, _evidence_files.Places())
    assert (step.holds, step.evidence) == (holds, "not looked at: the file server of %s does not answer" % dead)


def test_keys_in_homes_are_not_waited_for(dead: Path, tmp_path: Path) -> None:
    """The check that sshd locks nobody out looks into the homes of all accounts, but not into these."""
    (tmp_path / "etc").mkdir()
    sshd = Sshd(tmp_path / "etc")
    (tmp_path / "etc" / "passwd").write_text("bob:x:5831:5831::%s/home/bob:/bin/bash\n" % dead)
    begin = time.monotonic()
    assert plan(sshd.host(), str(sshd.path), DROPIN.format(etc=sshd.etc, comment="one"), []).changed
    assert time.monotonic() - begin < 15


def test_who_has_how_much_is_not_asked_of_it(dead: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(IdentityError, match="%s/home is on a file server that does not answer" % dead):
        measure([str(dead / "home")], Pace(0, 0), Silence(patience=1))
    assert time.monotonic() - begin < 5
