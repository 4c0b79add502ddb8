# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of homes: whole, true, restorable by anybody who has tar, and nothing counts before it was read again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding import _home_archive, _home_tar

from .conftest import ALICE, BOB, Leaving

if TYPE_CHECKING:
    from collections.abc import Callable


def facts(top: Path) -> dict[str, tuple[object, ...]]:
    """What an archive has to bring back, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, directories, files in os.walk(os.fsencode(top)):
        for name in [b"", *directories, *files]:
            path = os.path.join(folder, name) if name else folder
            status = os.lstat(path)
            content: object = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = Path(os.fsdecode(path)).read_bytes()
            when = 0 if os.path.isdir(path) else status.st_mtime_ns
            key = os.path.relpath(path, os.fsencode(top)).decode("utf-8", "surrogateescape")
            found[key] = (status.st_mode, status.st_uid, status.st_gid, when, content)
    return found


def fill(host: Leaving) -> None:
    """One of everything that people have."""
    host.write("a/b/c/deep.txt", b"deep")
    host.write("empty", b"")
    host.write("with\nnewline and \xe4".encode("latin-1").decode("utf-8", "surrogateescape"), b"odd name")
    host.write("-rf", b"dash")
    host.write("n" * 250, b"long name")
    host.write("/".join(["d" * 100] * 6) + "/x", b"long path")
    host.write("tool", b"#!/bin/sh\n").chmod(0o4755)
    os.symlink("/etc/shadow", host.home / "link")
    os.link(host.home / "notes.txt", host.home / "a" / "same notes")
    os.mkfifo(host.home / "pipe")
    os.mknod(host.home / "null", 0o20600, os.makedev(1, 3))
    host.own()
    (host.home / "tool").chmod(0o4755)
    os.chown(host.write("shared by bob", b"bob's"), BOB, 70000000)
    os.utime(host.home / "notes.txt", ns=(0, 1234567890123456789))


def test_tar_brings_back_what_was_there_with_the_numbers(host: Leaving) -> None:
    """Pain 7: files keep the numbers of their owners, which no name is looked up for."""
    fill(host)
    before = facts(host.home)
    result = host.run("archived")
    archive = Path(result["homes"][0]["archive"]["path"])
    assert result["changed"]
    assert result["homes"][0]["archive"]["other_owners"] == {str(BOB): 1}
    assert facts(host.unpacked(archive)) == before
    same = host.root / "unpacked" / "alice"
    assert (same / "notes.txt").stat().st_ino == (same / "a" / "same notes").stat().st_ino
    with tarfile.open(archive) as tar:
        assert {member.uname for member in tar} == {""}
    assert facts(host.home) == before


def test_an_archive_is_roots_alone_and_its_checksum_is_that_of_sha256sum(host: Leaving) -> None:
    archive = host.archive()
    assert archive.name.startswith("alice-%d-2" % ALICE)
    assert archive.name.endswith("Z.tar")
    assert [oct(path.stat().st_mode & 0o777) for path in sorted(host.archives.iterdir())] == ["0o600"] * 3
    assert host.archives.stat().st_mode & 0o777 == 0o700
    check = ["sha256sum", "--check", "--strict", archive.name + ".sha256"]
    subprocess.run(check, cwd=host.archives, check=True, stdout=subprocess.DEVNULL)
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    assert subprocess.run(check, cwd=host.archives, check=False, capture_output=True).returncode == 1


def test_a_second_run_changes_nothing_and_check_mode_says_what_the_run_does(host: Leaving) -> None:
    assert host.run("archived", check=True)["homes"][0]["action"] == "archive"
    assert not host.archives.exists()
    first = host.run("archived")
    again = host.run("archived")
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["homes"][0]["archive"] == first["homes"][0]["archive"]
    host.write("later", b"new")
    host.own()
    assert host.run("archived", check=True)["changed"]
    assert host.run("archived")["changed"]


def test_a_damaged_archive_does_not_count(host: Leaving) -> None:
    archive = host.archive()
    with open(archive, "r+b") as file:
        file.seek(600)
        file.write(b"damage")
    with pytest.raises(IdentityError, match="no whole archive"):
        host.run("removed")
    assert host.home.is_dir()
    assert host.run("archived")["changed"]


def test_what_reads_otherwise_than_it_was_written_is_no_archive(host: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_home_archive, "_digest", lambda _handle: ("0" * 64, 1))
    with pytest.raises(IdentityError, match="reads otherwise than it was written"):
        host.run("archived")
    assert [name for name in os.listdir(host.archives) if not name.startswith(".")] == []


def test_holes_stay_holes_and_take_no_room(host: Leaving) -> None:
    with open(host.home / "sparse", "wb") as file:
        file.write(b"begin")
        file.seek(1 << 30)
        file.write(b"middle")
        file.truncate(1 << 32)
    with open(host.home / "hole", "wb") as file:
        file.truncate(1 << 40)
    host.own()
    archive = host.archive()
    assert archive.stat().st_size < 1 << 20
    home = host.unpacked(archive)
    assert (home / "sparse").stat().st_size == 1 << 32
    assert (home / "hole").stat().st_size == 1 << 40
    with open(home / "sparse", "rb") as file:
        assert file.read(6) == b"begin\0"
        file.seek((1 << 30) - 1)
        assert file.read(8) == b"\0middle\0"
    with tarfile.open(archive) as tar:
        assert tar.getmember("alice/hole").size == 1 << 40


def test_extended_attributes_are_kept(host: Leaving) -> None:
    try:
        os.setxattr(host.home / "notes.txt", "user.origin", b"\x00\xff=binary\n")
    except OSError:
        # a file system without them: on such a one the trusted ones of root may still be there
        os.setxattr(host.home / "notes.txt", "trusted.origin", b"\x00\xff=binary\n")
    names = os.listxattr(host.home / "notes.txt")
    home = host.unpacked(host.archive())
    assert names
    assert {name: os.getxattr(home / "notes.txt", name) for name in names} == {
        name: os.getxattr(host.home / "notes.txt", name) for name in names
    }


def test_what_an_archive_cannot_hold_is_told(host: Leaving) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(host.home / "agent.sock"))
    host.own()
    left_out = host.run("archived")["homes"][0]["archive"]["left_out"]
    assert left_out == ["agent.sock: a socket, which is nothing without its program"]


def test_gzip_on_request(host: Leaving) -> None:
    archive = Path(host.run("archived", compress=True)["homes"][0]["archive"]["path"])
    assert archive.name.endswith(".tar.gz")
    assert (host.unpacked(archive) / "notes.txt").read_bytes() == b"what alice knew\n"
    assert not host.run("archived", compress=True)["changed"]


def test_a_file_that_changes_while_it_is_read_is_told_and_does_not_let_the_home_go(
    host: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = host.write("growing", b"x" * 3000000)
    host.own()
    copy = _home_tar._copy

    def cut_while_reading(handle: int, size: int, put: Callable[[bytes], None]) -> int:
        if size == 3000000:
            os.truncate(victim, 1000)
        return copy(handle, size, put)

    monkeypatch.setattr(_home_tar, "_copy", cut_while_reading)
    result = host.run("archived")
    archive = result["homes"][0]["archive"]
    assert archive["changed_while_read"] == [
        "growing: became shorter while it was read, 2999000 bytes are written as zeros"
    ]
    assert "run again" in result["warnings"][0]
    with tarfile.open(archive["path"]) as tar:
        assert tar.getmember("alice/growing").size == 3000000
    with pytest.raises(IdentityError, match="no whole archive"):
        host.run("removed")
    monkeypatch.undo()
    assert host.run("archived")["changed"]
    assert host.run("removed")["changed"]


def test_room_is_looked_for_before(host: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    host.archives.mkdir(mode=0o700)
    monkeypatch.setattr(_home_archive, "_RESERVE", 1 << 60)
    for check in (True, False):
        with pytest.raises(IdentityError, match="make room"):
            host.run("archived", check=check)
    assert list(host.archives.iterdir()) == []


def test_others_cannot_read_archives(host: Leaving) -> None:
    host.archives.mkdir(mode=0o755)
    with pytest.raises(IdentityError, match="chmod 0700"):
        host.run("archived")


def test_notes_of_other_bytes_are_not_believed(host: Leaving) -> None:
    archive = host.archive()
    notes = Path(str(archive) + ".json")
    notes.write_text(json.dumps({**json.loads(notes.read_text()), "sha256": "0" * 64}))
    with pytest.raises(IdentityError, match="no whole archive"):
        host.run("removed")
