# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses how much: what du says, whatever users put in the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import walk
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits import _disk_usage
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._disk_usage import (
    Pace,
    human,
    measure,
    parse_soft_limits,
    report,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE, BOB = 5238, 5831
NAMES = {ALICE: "alice", BOB: "bob", 0: "root"}


def of(raw: tuple[Any, dict[int, Any]], limit: Any = 0, limits: dict[str, Any] | None = None) -> dict[str, Any]:
    return report(raw[0], raw[1], parse_soft_limits(limit, limits or {}), lambda uid: NAMES.get(uid, ""))


def du(path: Path, *more: str) -> int:
    out = subprocess.run(["du", "-s", *more, str(path)], check=True, capture_output=True, text=True).stdout
    return int(out.split()[0])


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Path]:
    assert os.geteuid() == 0, "homes of other users are made here, which only root can: run the tests as root"
    old = os.umask(0o022)
    base = tmp_path / "home"
    for name, uid in (("alice", ALICE), ("bob", BOB)):
        (base / name / "deep" / "deeper").mkdir(parents=True)
        (base / name / "deep" / "data").write_bytes(b"x" * 300000)
        for path in (base / name, *(base / name).rglob("*")):
            os.chown(path, uid, uid)
    try:
        yield base
    finally:
        os.umask(old)


def give(path: Path, uid: int) -> Path:
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


def test_it_says_what_du_says(homes: Path) -> None:
    sparse = homes / "alice" / "sparse"
    with sparse.open("wb") as file:
        file.truncate(2**30)
        file.write(b"x")
    give(sparse, ALICE)
    os.mkfifo(homes / "alice" / "fifo")
    result = of(measure([str(homes)], Pace(0, 0)))
    assert [Path(one["path"]).name for one in result["directories"]] == ["alice", "bob"]
    for one in result["directories"]:
        assert one["bytes"] == du(Path(one["path"]), "--block-size=1")
        assert one["files"] == du(Path(one["path"]), "--inodes")
    assert result["complete"]
    assert sum(one["bytes"] for one in result["owners"]) == sum(one["bytes"] for one in result["directories"])


def test_a_file_with_several_names_counts_once_and_for_its_owner(homes: Path) -> None:
    os.link(homes / "alice" / "deep" / "data", homes / "alice" / "again")
    os.link(homes / "alice" / "deep" / "data", homes / "bob" / "theirs")
    result = of(measure([str(homes)], Pace(0, 0)))
    assert (
        sum(one["bytes"] for one in result["directories"])
        == du(homes, "--block-size=1") - os.stat(homes).st_blocks * 512
    )
    by_name = {one["name"]: one for one in result["owners"]}
    assert by_name["alice"]["bytes"] == by_name["bob"]["bytes"]


def test_who_hides_files_with_others_is_found(homes: Path) -> None:
    big = homes / "bob" / "deep" / "of-alice"
    big.write_bytes(b"x" * 2000000)
    give(big, ALICE)
    result = of(measure([str(homes)], Pace(0, 0)), "1M")
    assert result["exceeded"] == ["alice"]
    assert result["owners"][0]["name"] == "alice"
    assert result["owners"][0]["soft_limit"] == 1048576
    assert any(line.startswith("alice ") and line.endswith(" exceeded") for line in result["table"])


def test_no_link_is_followed(homes: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "big").write_bytes(b"x" * 5000000)
    before = of(measure([str(homes)], Pace(0, 0)))["owners"]
    give(homes / "alice" / "deep" / "deeper", ALICE).rmdir()
    os.symlink(secret, homes / "alice" / "deep" / "deeper")
    os.symlink(secret, homes / "carol")  # a home that is a link is none
    after = of(measure([str(homes)], Pace(0, 0)))
    assert len(after["directories"]) == 2
    assert max(one["bytes"] for one in after["owners"]) <= max(one["bytes"] for one in before)


def test_a_directory_that_others_can_change_is_refused(homes: Path) -> None:
    homes.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        measure([str(homes)], Pace(0, 0))
    homes.chmod(0o755)
    with pytest.raises(IdentityError, match="does not exist"):
        measure([str(homes / "nowhere")], Pace(0, 0))


def test_a_home_that_cannot_be_walked_does_not_stop_the_others(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def some(top: int) -> Any:
        if os.fstat(top).st_uid == ALICE:
            raise IdentityError("x cannot be opened: Permission denied")
        return walk(top)

    monkeypatch.setattr(_disk_usage, "walk", some)
    result = of(measure([str(homes)], Pace(0, 0)))
    assert [one["complete"] for one in result["directories"]] == [False, True]
    assert not result["complete"]
    assert result["table"][-1].endswith("/alice: x cannot be opened: Permission denied")


class Clock:
    """A clock that a test turns, and that sleeping turns."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step, self.slept = 0.0, step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_the_time_ends_it_and_says_so(homes: Path) -> None:
    clock = Clock(step=6)
    result = of(measure([str(homes)], Pace(10, 0, clock, clock.sleep)))
    assert [(one["complete"], one["problem"]) for one in result["directories"]] == [
        (True, ""),
        (False, "the time was over"),
    ]
    assert not result["complete"]


def steps(pace: Pace) -> None:
    for _number in range(1000):
        pace.step()


def test_it_goes_no_faster_than_it_may() -> None:
    clock = Clock()
    pace = Pace(0, 100, clock, clock.sleep)
    steps(pace)
    assert clock.slept == pytest.approx(10)
    slow = Clock()
    pace = Pace(2, 100, slow, slow.sleep)
    with pytest.raises(_disk_usage._TimeOverError):
        steps(pace)
    assert slow.now == pytest.approx(2)


def test_whose_limit_counts(homes: Path) -> None:
    raw = measure([str(homes)], Pace(0, 0))
    assert of(raw, "10K")["exceeded"] == ["alice", "bob"]
    assert of(raw, "10K", {"alice": 0})["exceeded"] == ["bob"]
    assert of(raw, 0, {str(BOB): "10K"})["exceeded"] == ["bob"]
    assert of(raw)["exceeded"] == []
    os.chown(homes / "bob", 0, 0)
    os.chown(homes / "bob" / "deep" / "data", 0, 0)
    assert "root" not in of(measure([str(homes)], Pace(0, 0)), 1024)["exceeded"]


@pytest.mark.parametrize("raw", ["10GB", -1, True, [], "x"])
def test_what_is_no_size(raw: Any) -> None:
    with pytest.raises(IdentityError, match=r"soft limit of 'alice': .* is no size"):
        parse_soft_limits(0, {"alice": raw})


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (1023, "1023"), (1536, "1.5K"), (2**30, "1.0G"), (2**60, "1024.0P")]
)
def test_a_size_for_people(size: int, text: str) -> None:
    assert human(size) == text


def test_a_name_that_somebody_chose_is_shown_in_ascii(homes: Path) -> None:
    (homes / "a\n\x1b[31mb").mkdir()
    result = of(measure([str(homes)], Pace(0, 0)))
    assert all(line.isprintable() for line in result["table"])
    assert all(one["path"].isprintable() for one in result["directories"])
