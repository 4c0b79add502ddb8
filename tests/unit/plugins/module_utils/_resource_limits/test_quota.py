# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas, with what repquota 4.06 printed on ext4 and XFS. That they stop anybody is shown in tests/nfs/quota.yml."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits import _quota_host
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._quota_host import (
    FileSystem,
    Tools,
    find_file_system,
    set_quotas,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._quota_request import (
    Held,
    Limit,
    Wish,
    grace_text,
    parse_grace,
    plan_limits,
    read_report,
    setquota_lines,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXT4 = """*** Report for user quotas on device /dev/loop0
Block grace time: 02:00; Inode grace time: 00:01
                        Block limits                File limits
User            used    soft    hard  grace    used  soft  hard  grace
----------------------------------------------------------------------
#0        --      13       0       0      0       2     0     0      0
#5238     +-   10000    5000   10000 1795342468       1     0     0      0
#5831     --       0       0       0      0       0   100   200      0
#6000     --       0       1       2      0       0     3     4      0


"""
XFS = """*** Report for user quotas on device /dev/loop1
Block grace time: 24:00; Inode grace time: 2days
                        Block limits                File limits
User            used    soft    hard  grace    used  soft  hard  grace
----------------------------------------------------------------------
#0        --       0       0       0      0       3     0     0      0
#5238     +-    9664    5000   10000 1795420793       1     0     0      0
#5831     --       0       0       0      0       0   100   200      0
#6000     --       0       4       4      0       0     3     4      0

*** Status for user quotas on device /dev/loop1
Accounting: ON; Enforcement: ON
Inode: #131 (4 blocks, 4 extents)

"""
MOUNTS = """16 1 98:0 / / rw,relatime shared:1 - ext4 /dev/ubda rw
95 16 7:0 / /q rw,relatime shared:57 - ext4 /dev/loop0 rw,quota,usrquota,grpquota,prjquota
98 16 7:1 / /x rw,relatime shared:59 - xfs /dev/loop1 rw,attr2,inode64,logbufs=8,logbsize=32k,usrquota,prjquota
99 16 0:22 / /run rw,nosuid - tmpfs tmpfs rw
97 16 0:44 / /efs rw,relatime - nfs4 fs-0123.efs.eu-west-1.amazonaws.com:/ rw,vers=4.1
"""
ALL_ON = 0x3F


class Host:
    """Answers as the tools did."""

    def __init__(self, report: str = EXT4, flags: int = ALL_ON) -> None:
        self.report, self.flags = report, flags
        self.ran: list[tuple[list[str], str]] = []
        self.missing = ""
        self.refusal = ""

    def run(self, command: list[str], data: str) -> tuple[int, str, str]:
        self.ran.append((command, data))
        if self.refusal and command[0].endswith(self.refusal):
            return 1, "", "%s: Cannot write quota for 5238 on /dev/loop1: Read-only file system\n" % self.refusal
        return (0, self.report, "") if command[0] == "/sbin/repquota" else (0, "", "")

    def set(self, check: bool = False, system: FileSystem | None = None, **params: Any) -> dict[str, Any]:
        tools = Tools(
            self.run,
            lambda name: "" if name == self.missing else "/sbin/" + name,
            lambda _system, _kind: self.flags,
            {"alice": 5238, "bob": 5831, "root": 0}.get,
        )
        given_params = {"kind": "user", "quotas": [], "others": "keep", "grace": None, **params}
        return set_quotas(given_params, check, tools, system or FileSystem("/q", "ext4", "/dev/loop0", 4))

    def written(self) -> list[tuple[list[str], str]]:
        return [(command, data) for command, data in self.ran if command[0] == "/sbin/setquota"]


def test_what_repquota_prints() -> None:
    ext4, xfs = read_report(EXT4), read_report(XFS)
    assert ext4.grace == ("02:00", "00:01")
    assert xfs.grace == ("24:00", "2days")
    assert ext4.held[5238] == Held(Limit(5000, 10000), used=10000, files=1)
    assert xfs.held[5238] == Held(Limit(5000, 10000), used=9664, files=1)
    assert ext4.held[5831] == xfs.held[5831] == Held(Limit(files_soft=100, files_hard=200))
    assert sorted(ext4.held) == sorted(xfs.held) == [0, 5238, 5831, 6000]


@pytest.mark.parametrize(
    "text",
    ["", "garbage", EXT4.replace("Block grace", "Gnade"), EXT4.replace("10000 1795342468", "10000"),
     EXT4.replace("#5238 ", "#alice "), EXT4.replace(" 5000 ", " 5K ")],
)  # fmt: skip
def test_what_is_not_understood_is_not_guessed(text: str) -> None:
    with pytest.raises(IdentityError, match="repquota printed what is not understood"):
        read_report(text)


def test_one_call_for_everybody_and_none_when_nothing_changes() -> None:
    host = Host()
    quotas = [
        {"name": "alice", "soft": "9M", "hard": "10M"},
        {"name": "guest", "id": 7001, "hard": 10000, "files_hard": 9},
    ]
    result = host.set(quotas=quotas)
    # 10000 bytes are three blocks of 4 KiB
    lines = "5238 9216 10240 0 0\n7001 0 12 0 9\n"
    assert host.written() == [(["/sbin/setquota", "-u", "-b", "--", "/q"], lines)]
    assert result["changed"]
    assert [(one["name"], one["id"], one["hard"], one["used"], one["changed"]) for one in result["quotas"]] == [
        ("alice", 5238, 10485760, 10240000, True),
        ("guest", 7001, 12288, 0, True),
    ]
    assert result["diff"]["before"] == "alice (5238): 10000 KiB, 5000 KiB for a while\nguest (7001): unlimited\n"
    again = Host()
    assert not again.set(quotas=[{"name": "alice", "hard": "10240000"}, {"name": "bob", "files_soft": 100}])["changed"]
    assert again.written() == []


def test_check_mode_says_the_same_and_writes_nothing() -> None:
    quotas = [{"name": "alice", "hard": 0, "soft": 0}]
    check, run = Host(), Host()
    assert check.set(check=True, quotas=quotas) == run.set(quotas=quotas)
    assert check.written() == []
    assert run.written() == [(["/sbin/setquota", "-u", "-b", "--", "/q"], "5238 0 0 0 0\n")]


def test_who_has_more_already_is_told_of() -> None:
    result = Host().set(quotas=[{"name": "alice", "soft": 0, "hard": "5M"}])
    assert result["warnings"] == [
        "alice has 10000 KiB in 1 files, more than is allowed now (5120 KiB), and cannot write any more"
    ]


def test_others_are_let_be_unless_they_are_to_be_lifted() -> None:
    host = Host()
    result = host.set(quotas=[{"name": "alice"}], others="lift")
    assert result["lifted"] == [5831, 6000]
    assert host.written()[0][1] == "5831 0 0 0 0\n6000 0 0 0 0\n"


def test_grace() -> None:
    host = Host()
    assert not host.set(grace={"blocks": "2h", "files": None})["changed"]
    assert host.set(grace={"blocks": "7d", "files": None})["changed"]
    assert host.written() == [(["/sbin/setquota", "-u", "-t", "--", "604800", "60", "/q"], "")]


@given(
    st.one_of(st.integers(1, 2879).map(lambda minutes: minutes * 60), st.integers(2, 20000).map(lambda d: d * 86400))
)
def test_a_grace_that_is_accepted_is_told_as_it_was_said(seconds: int) -> None:
    assert parse_grace({"blocks": str(seconds)}) == (seconds, None)
    assert _quota_host._from_text(grace_text(seconds)) == seconds


@pytest.mark.parametrize("raw", ["", "0", "59", "90s", "49h30min", "3000min", "-1", True, "7 d", "9" * 12])
def test_a_grace_that_repquota_would_tell_otherwise_is_refused(raw: Any) -> None:
    with pytest.raises(IdentityError, match="is no time such as"):
        parse_grace({"files": raw})


REFUSED = [
    ({"name": "nobody-here"}, "this host knows no user of that name: say its id"),
    ({"name": "alice", "id": 9}, "has the number 5238 on this host, not 9"),
    ({"name": "root"}, "number 0 cannot have a quota"),
    ({"name": "guest", "id": 2**32 - 1}, "cannot have a quota"),
    ({"name": "guest", "id": -5}, "cannot have a quota"),
    ({"name": "alice", "hard": "10GB"}, "is no size"),
    ({"name": "alice", "hard": "1G\n0 0 0 0 0"}, "is no size"),
    ({"name": "alice", "hard": 10}, "is no size"),
    ({"name": "alice", "hard": -1}, "is no size"),
    ({"name": "alice", "hard": True}, "is no size"),
    ({"name": "alice", "hard": [1]}, "is no size"),
    ({"name": "alice", "hard": 2**70}, "is no size"),
    ({"name": "alice", "soft": "2G", "hard": "1G"}, "soft is above the hard limit"),
    ({"name": "alice", "files_soft": 5, "files_hard": 4}, "files_soft is above"),
    ({"name": "alice", "files_hard": -1}, "is no number of files"),
    ({"name": "alice", "soft": "1G"}, "the soft limit would be above the hard one: say both"),
    ({"name": "alice", "directory": "/q/a"}, "directory is of projects"),
]


@pytest.mark.parametrize(("entry", "reason"), REFUSED)
def test_what_is_refused(entry: Mapping[str, Any], reason: str) -> None:
    host = Host()
    with pytest.raises(IdentityError, match=r"^nothing was done: ") as refusal:
        host.set(quotas=[entry])
    assert reason in str(refusal.value)
    assert host.written() == []


def test_nobody_is_named_twice() -> None:
    with pytest.raises(IdentityError, match="has the number 5238 of alice: name it once"):
        Host().set(quotas=[{"name": "alice"}, {"name": "alicia", "id": 5238}])


@pytest.mark.parametrize(
    ("flags", "kind", "reason"),
    [
        (0, "user", "has no user quotas: mount it with the option usrquota"),
        (0x01, "user", "counts and does not enforce user quotas"),
        (0x03, "group", "has no group quotas: mount it with the option grpquota"),
        (0x0F, "project", "has no project quotas: mount it with the option prjquota"),
    ],
)
def test_quotas_that_stop_nobody_are_refused(flags: int, kind: str, reason: str) -> None:
    host = Host(flags=flags)
    with pytest.raises(IdentityError) as refusal:
        host.set(kind=kind)
    assert reason in str(refusal.value)
    assert host.ran == []


def test_missing_and_failing_tools() -> None:
    host = Host()
    host.missing = "setquota"
    with pytest.raises(IdentityError, match="this host has no setquota: install the package quota"):
        host.set()
    for program in ("repquota", "setquota"):
        host = Host()
        host.refusal = program
        with pytest.raises(IdentityError, match=r"%s refuses: .*Read-only file system" % program):
            host.set(quotas=[{"name": "alice", "hard": "1G"}])


def test_which_file_system_it_is() -> None:
    assert find_file_system("/q", MOUNTS) == FileSystem("/q", "ext4", "/dev/loop0", 1)
    assert find_file_system("/x/home/alice", MOUNTS) == FileSystem("/x", "xfs", "/dev/loop1", 1)
    assert find_file_system("/quite", MOUNTS).point == "/"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/efs/home", "whose server keeps the quotas, and EFS has none"),
        ("/run", "is on tmpfs, where no quotas are set"),
        ("q", "no plain absolute path|not a plain absolute path"),
        ("/q/../run", "not a plain absolute path"),
        ("//q", "not a plain absolute path"),
    ],
)
def test_where_there_are_none(path: str, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        find_file_system(path, MOUNTS)


def test_a_limit_that_is_left_out_stays() -> None:
    held = {5: Held(Limit(1, 2, 3, 4))}
    assert plan_limits([Wish("a", 5)], held, False) == {}
    assert plan_limits([Wish("a", 5, hard=0)], held, False) == {5: Limit(1, 0, 3, 4)}
    assert plan_limits([Wish("a", 5), Wish("b", 6, hard=0)], held, True) == {}


limits = st.builds(Limit, *[st.integers(0, 9)] * 4).filter(
    lambda one: (not one.hard or one.soft <= one.hard) and (not one.files_hard or one.files_soft <= one.files_hard)
)


@given(st.dictionaries(st.integers(1, 6), limits), st.dictionaries(st.integers(1, 6), limits), st.booleans())
def test_a_second_run_changes_nothing(has: dict[int, Limit], wants: dict[int, Limit], lift: bool) -> None:
    wishes = [Wish("u%d" % n, n, one.soft, one.hard, one.files_soft, one.files_hard) for n, one in wants.items()]
    held = {number: Held(one) for number, one in has.items()}
    changes = plan_limits(wishes, held, lift)
    after = {**held, **{number: replace(held.get(number, Held()), limit=one) for number, one in changes.items()}}
    assert plan_limits(wishes, after, lift) == {}
    assert all(after[number].limit == one for number, one in wants.items() if one != Limit() or number in after)
    assert len(setquota_lines(changes).splitlines()) == len(changes)


class Project:
    """A directory that keeps the attributes that the kernel of the tests' machine may not keep."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: dict[int, tuple[int, int]] = {}
        monkeypatch.setattr(_quota_host, "_attributes", self.get)
        monkeypatch.setattr(_quota_host, "_take_in", self.set)

    def get(self, handle: int) -> tuple[Any, ...]:
        flags, number = self.kept.get(os.fstat(handle).st_ino, (0, 0))
        return flags, 0, 0, number, 0, b""

    def set(self, handle: int, number: int) -> None:
        self.kept[os.fstat(handle).st_ino] = (0x200, number)


def test_the_directory_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(monkeypatch)
    directory = tmp_path / "imaging"
    system = FileSystem(str(tmp_path), "ext4", "/dev/loop0", 4)
    quotas = [{"name": "imaging", "id": 5238, "hard": "10240000", "directory": str(directory)}]

    def run(check: bool = False) -> dict[str, Any]:
        return Host().set(check=check, system=system, kind="project", quotas=quotas)

    with pytest.raises(IdentityError, match="is no directory"):
        run()
    (tmp_path / "elsewhere").mkdir()
    directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IdentityError, match="is no directory"):
        run()
    directory.unlink()
    directory.mkdir()
    assert run(check=True)["changed"]
    assert project.kept == {}
    assert run()["changed"]
    assert list(project.kept.values()) == [(0x200, 5238)]
    (directory / "file").touch()
    assert not run()["changed"]
    project.kept.clear()
    with pytest.raises(IdentityError, match="has files already, which would not be counted"):
        run()
    tmp_path.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others"):
        run()
