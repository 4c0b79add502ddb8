# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homes that all hosts share, and a user who is there before root: nobody gets what is somebody else's."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import Host, public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._storage.conftest import (
    ALICE,
    BOB,
    IMAGING,
    Lab,
    dead_server,
    keep_root_out,
    user,
)

from .intruder import attempts, exchange, meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

SECONDS = 0.7  # that a race is kept up at least
PEOPLE = user("alice", ALICE, groups=["imaging"])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    assert os.geteuid() == 0, "processes of other users attack here, which only root can start: run the tests as root"
    found = Lab(tmp_path)
    found.mount()
    yield found
    found.unmount()


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """What is root's, and alice's elsewhere: nobody asked to have it changed."""
    place = tmp_path / "precious"
    (place / "workshop").mkdir(parents=True, mode=0o711)
    (place / "shadow").write_text("root:$6$SENTINEL:20000::::::\n")
    (place / "shadow").chmod(0o600)
    os.chown(place / "workshop", ALICE, ALICE)
    return place


def look(place: Path) -> dict[str, tuple[int, int, int, int]]:
    found = {}
    for path in [place, *place.rglob("*")]:
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns)
    return found


def for_a_while(is_enough: Callable[[int], bool] = lambda number: number >= 4) -> Iterator[int]:
    """Numbers, until the time of a race is over and it has come to what it is about, however slow the machine is."""
    begin = time.monotonic()
    number = 0
    while time.monotonic() < begin + SECONDS or not is_enough(number):
        assert time.monotonic() < begin + 30, "what has to happen in this race did not come about"
        yield number
        number += 1


def test_what_a_user_cannot_even_try(lab: Lab) -> None:
    """The directories of the homes are root's: the system itself refuses."""
    lab.run(PEOPLE, shared_directories=["imaging"])
    said = attempts(
        lab.point,
        {
            "a home for somebody else": lambda: os.mkdir("home/carol"),
            "a link for a home": lambda: os.symlink("/etc", "home/carol"),
            "the marker": lambda: os.unlink(".labfleet-efs"),
            "another marker": lambda: os.rename("home/alice", ".labfleet-efs"),
            "the base": lambda: os.rename("home", "old"),
            "the own home": lambda: os.rename("home/alice", "home/carol"),
        },
    )
    assert set(said.values()) == {"EACCES"}


@pytest.mark.parametrize("what", ["a directory", "a link", "a file", "what it is called before"])
def test_who_is_there_first_where_everybody_makes_their_own(
    lab: Lab, precious: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Before a run: bob has the name of alice's home. Nothing of hers gets into it, and it is named with its owner."""
    keep_root_out(lab, monkeypatch)
    name = ".labfleet-new-alice-%s" % os.uname().nodename.split(".")[0] if what.startswith("what") else "alice"

    def squat() -> None:
        if what == "a link":
            os.symlink(precious, name)
        elif what == "a file":
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
        else:
            os.mkdir(name, 0o777)

    assert attempts(lab.homes, {"squat": squat}, uid=BOB) == {"squat": ""}
    before, outside = lab.everything(), look(precious)
    with pytest.raises(IdentityError, match=r"(?s)belongs to uid 5831|is not a directory \(a link or a file\)"):
        lab.run(PEOPLE)
    assert (lab.everything(), look(precious)) == (before, outside)


def test_a_race_for_a_name_where_everybody_makes_their_own(
    lab: Lab, precious: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During runs: bob makes and removes alice's home, a link in its place, and what it is called before."""
    keep_root_out(lab, monkeypatch)
    temporary = ".labfleet-new-alice-%s" % os.uname().nodename.split(".")[0]

    def attack() -> None:
        for name in ("alice", temporary):
            with contextlib.suppress(OSError):
                os.mkdir(name, 0o777)
            with contextlib.suppress(OSError):
                os.rmdir(name)
            with contextlib.suppress(OSError):
                os.symlink("../../precious", name)
            with contextlib.suppress(OSError):
                os.unlink(name)
        os.stat(".")

    outside = look(precious)
    outcomes: set[bool] = set()
    with meanwhile(lab.homes, attack, uid=BOB):
        for _number in for_a_while(lambda _number: len(outcomes) == 2):
            made = False
            with contextlib.suppress(IdentityError):
                made = bool(lab.run(PEOPLE)["made"])
            outcomes.add(made)
            home = lab.homes / "alice"
            if made:
                assert (home.lstat().st_uid, stat.S_IMODE(home.lstat().st_mode)) == (ALICE, 0o700)
                assert (home / ".config" / "note").read_text() == "hello\n"
                shutil.rmtree(home)
    assert look(precious) == outside
    assert os.listdir(precious / "workshop") == []


@pytest.mark.parametrize("kept_out", [False, True], ids=["root", "users"])
def test_a_home_that_changes_places_is_changed_itself_or_not_at_all(
    lab: Lab, precious: Path, monkeypatch: pytest.MonkeyPatch, kept_out: bool
) -> None:
    """During runs: a link to what is alice's elsewhere stands for her home while its mode is set."""
    if kept_out:
        keep_root_out(lab, monkeypatch)
    lab.run(PEOPLE)
    (lab.homes / "decoy").symlink_to(precious / "workshop")
    os.chown(lab.homes / "decoy", ALICE, ALICE, follow_symlinks=False)
    outside = look(precious)
    reached: list[int] = []
    # in a sticky directory she can do it herself, elsewhere root does it for her
    with meanwhile(lab.homes, lambda: exchange("alice", "decoy"), uid=ALICE if kept_out else 0):
        for number in for_a_while(lambda _number: len(reached) > 3):
            with contextlib.suppress(IdentityError):
                lab.run(PEOPLE, home_mode=("0700", "0750")[number % 2])
                reached.append(number)
    assert look(precious) == outside


def test_a_shared_directory_that_changes_places(lab: Lab, precious: Path) -> None:
    """During runs: a link to what is root's stands for a shared directory while group and mode are mended."""
    lab.run(PEOPLE, shared_directories=["imaging"])
    (lab.shared / "decoy").symlink_to(precious)
    outside = look(precious)
    reached: list[int] = []
    with meanwhile(lab.shared, lambda: exchange("imaging", "decoy"), uid=0):
        for number in for_a_while(lambda _number: len(reached) > 3):
            with contextlib.suppress(IdentityError):
                lab.run(PEOPLE, shared_directories=["imaging"], shared_mode=("2770", "2750")[number % 2])
                reached.append(number)
    assert look(precious) == outside


def test_a_marker_that_is_no_file(lab: Lab, precious: Path) -> None:
    """Before a run: root reads no file through a link, and waits for nobody to write into a pipe."""
    (lab.point / ".labfleet-efs").symlink_to(precious / "shadow")
    with pytest.raises(IdentityError, match="cannot be read") as refusal:
        lab.run(PEOPLE)
    assert "SENTINEL" not in str(refusal.value)
    (lab.point / ".labfleet-efs").unlink()
    os.mkfifo(lab.point / ".labfleet-efs")
    with pytest.raises(IdentityError, match="is not a regular file"):
        lab.run(PEOPLE, adopt=True)


def test_who_acts_as_a_user_has_their_rights_and_no_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What stands for the file server asks who comes: all numbers and groups are alice's, and there is no way back."""
    keep_root_out(lab, monkeypatch)
    mkdir = os.mkdir
    told = tmp_path / "told"
    told.touch()
    told.chmod(0o666)
    tmp_path.chmod(0o755)
    handle = os.open(told, os.O_WRONLY)

    def made(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        with contextlib.suppress(PermissionError):
            os.setresuid(0, 0, 0)
        os.write(handle, b"%r %r %r\n" % (os.getresuid(), os.getresgid(), sorted(os.getgroups())))
        mkdir(path, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", made)
    lab.run(PEOPLE)
    os.close(handle)
    numbers = ((ALICE,) * 3, (ALICE,) * 3, sorted((ALICE, IMAGING)))
    assert set(told.read_text().splitlines()) == {"%r %r %r" % numbers}


def test_no_account_waits_for_a_dead_file_server(tmp_path: Path) -> None:
    """Made, changed, closed, opened, removed, while nobody can so much as look at the home."""
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    host = Host(root)
    efs = root / "efs"
    efs.mkdir()
    alice = {**host.user("alice", ALICE), "home": str(efs / "home" / "alice"), "create_home": False}
    life: list[dict[str, Any]] = [
        {"keys": [public_key(1, "alice")]},
        {"gecos": "Alice", "home_mode": "0711", "limits": {"memory": "1G"}},
        {"state": "disabled"},
        {"gecos": "Alice Example"},
        {"state": "absent"},
    ]
    with dead_server(efs):
        begin = time.monotonic()
        for wanted in life:
            assert host.run([{**alice, **wanted}], check=True)["changed"]
            assert host.run([{**alice, **wanted}])["changed"]
        assert time.monotonic() - begin < 30
    assert host.entry("passwd", "alice") is None
    assert list(efs.iterdir()) == []
