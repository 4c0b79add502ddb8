# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import stat
import struct
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    do_side_by_side,
    fsync_directory,
    open_trusted_directory,
    read_file,
    replace_at,
    replace_file,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOMEBODY = 54321  # a uid and gid that nothing on the machine has


@pytest.fixture
def as_root() -> None:
    """What these tests do with owners, only root may do; leaving them out would leave the promise untested."""
    assert os.geteuid() == 0, "this test gives files to other users, which only root may do: run the unit tests as root"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    """A descriptor of an empty trusted directory, which is ``tmp_path``."""
    handle = open_trusted_directory(str(tmp_path))
    yield handle
    os.close(handle)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_file_is_read_whole(tmp_path: Path, directory: int) -> None:
    data = os.urandom(300_000)
    (tmp_path / "file").write_bytes(data)
    assert read_file("file", dir_fd=directory) == data
    assert read_file(str(tmp_path / "file")) == data
    (tmp_path / "empty").write_bytes(b"")
    assert read_file("empty", dir_fd=directory) == b""
    assert read_file("missing", dir_fd=directory) is None
    # files that do not tell their size
    assert b"Name:" in (read_file("/proc/self/status") or b"")


def test_nothing_but_a_regular_file_is_read(tmp_path: Path, directory: int) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    before = open_files()
    for name in ("link", "dangling"):
        with pytest.raises(IdentityError, match=f"file {name} cannot be read"):
            read_file(name, dir_fd=directory)
    # a FIFO that nobody writes to must not hold the run up either
    for name in ("fifo", "directory"):
        with pytest.raises(IdentityError, match=f"{name} is not a regular file: move it away"):
            read_file(name, dir_fd=directory)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(IdentityError, match="socket cannot be read"):
            read_file("socket", dir_fd=directory)
    assert open_files() == before


def attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def test_a_new_file_has_the_mode_asked_for_whatever_the_umask(tmp_path: Path, directory: int) -> None:
    old = os.umask(0o077)
    try:
        replace_at(directory, "new", b"data", 0o644, os.geteuid(), os.getegid())
    finally:
        os.umask(old)
    assert (tmp_path / "new").read_bytes() == b"data"
    assert mode_of(tmp_path / "new") == 0o644
    assert os.listdir(tmp_path) == ["new"]


@pytest.mark.usefixtures("as_root")
def test_a_new_file_has_the_owner_asked_for(tmp_path: Path, directory: int) -> None:
    replace_at(directory, "new", b"data", 0o640, SOMEBODY, SOMEBODY + 1)
    status = (tmp_path / "new").stat()
    assert (status.st_uid, status.st_gid, mode_of(tmp_path / "new")) == (SOMEBODY, SOMEBODY + 1, 0o640)


@pytest.mark.usefixtures("as_root")
def test_a_file_that_is_replaced_keeps_owner_mode_and_extended_attributes(tmp_path: Path, directory: int) -> None:
    path = tmp_path / "shadow"
    path.write_text("old")
    os.chown(path, 0, SOMEBODY)
    path.chmod(0o2640)
    # a file system without such attributes has none before and after
    with contextlib.suppress(OSError):
        os.setxattr(path, "user.label", b"system_u:object_r:shadow_t:s0\x00")
    entries = ((1, 6, -1), (2, 4, SOMEBODY), (4, 4, -1), (16, 4, -1), (32, 0, -1))
    with contextlib.suppress(OSError):
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr(path, "system.posix_acl_access", acl)
    before = (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid, attributes(path))
    inode = path.stat().st_ino
    replace_at(directory, "shadow", b"new", 0o644, 0, 0)
    assert path.read_bytes() == b"new"
    assert (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid, attributes(path)) == before
    assert path.stat().st_ino != inode


def test_who_has_the_old_file_open_reads_it_to_the_end(tmp_path: Path, directory: int) -> None:
    (tmp_path / "passwd").write_bytes(b"old\n" * 10_000)
    with open(tmp_path / "passwd", "rb") as reader:
        assert reader.readline() == b"old\n"
        replace_at(directory, "passwd", b"new\n", 0o644, os.geteuid(), os.getegid())
        assert reader.read() == b"old\n" * 9_999
    assert (tmp_path / "passwd").read_bytes() == b"new\n"


def test_the_backup_has_the_content_that_was_replaced(tmp_path: Path, directory: int) -> None:
    own = (os.geteuid(), os.getegid())
    replace_at(directory, "passwd", b"first", 0o600, *own, backup="passwd-")
    assert not (tmp_path / "passwd-").exists()
    replace_at(directory, "passwd", b"second", 0o600, *own, backup="passwd-")
    assert (tmp_path / "passwd-").read_bytes() == b"first"
    assert mode_of(tmp_path / "passwd-") == 0o600
    (tmp_path / "passwd-").chmod(0o640)
    replace_at(directory, "passwd", b"third", 0o600, *own, backup="passwd-")
    assert [(tmp_path / name).read_bytes() for name in ("passwd-", "passwd")] == [b"second", b"third"]
    assert mode_of(tmp_path / "passwd-") == 0o640
    assert sorted(os.listdir(tmp_path)) == ["passwd", "passwd-"]


def test_what_a_killed_run_left_is_replaced(tmp_path: Path, directory: int) -> None:
    (tmp_path / ".passwd.labfleet").write_bytes(b"half of a fi")
    (tmp_path / ".passwd.labfleet").chmod(0o666)
    replace_at(directory, "passwd", b"new", 0o600, os.geteuid(), os.getegid())
    assert (tmp_path / "passwd").read_bytes() == b"new"
    assert mode_of(tmp_path / "passwd") == 0o600
    assert os.listdir(tmp_path) == ["passwd"]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path, directory: int) -> None:
    (tmp_path / "victim").write_text("victim")
    (tmp_path / ".passwd.labfleet").symlink_to("victim")
    replace_at(directory, "passwd", b"new", 0o600, os.geteuid(), os.getegid())
    assert (tmp_path / "victim").read_text() == "victim"
    assert not (tmp_path / "passwd").is_symlink()
    assert (tmp_path / "passwd").read_bytes() == b"new"
    # one that appears between clearing the place and taking it stops the run
    (tmp_path / ".passwd.labfleet").symlink_to("victim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", lambda *_name, **_directory: None)
        with pytest.raises(FileExistsError):
            replace_at(directory, "passwd", b"newer", 0o600, os.geteuid(), os.getegid())
    assert (tmp_path / "victim").read_text() == "victim"
    assert (tmp_path / "passwd").read_bytes() == b"new"


def test_a_link_in_the_place_of_the_file_is_neither_followed_nor_replaced(tmp_path: Path, directory: int) -> None:
    (tmp_path / "victim").write_text("victim")
    (tmp_path / "passwd").symlink_to("victim")
    with pytest.raises(OSError, match="symbolic links"):
        replace_at(directory, "passwd", b"new", 0o600, os.geteuid(), os.getegid())
    assert (tmp_path / "victim").read_text() == "victim"
    assert os.readlink(tmp_path / "passwd") == "victim"


CALLS = ("open", "fchmod", "write", "fsync", "rename")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, directory: int, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    (tmp_path / "passwd").write_bytes(b"old")
    (tmp_path / "passwd-").write_bytes(b"older")
    before = open_files()

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match=os.strerror(number)):
            replace_at(directory, "passwd", b"new", 0o644, os.geteuid(), os.getegid(), backup="passwd-")
    assert (tmp_path / "passwd").read_bytes() == b"old"
    assert (tmp_path / "passwd-").read_bytes() in (b"older", b"old")
    assert open_files() == before
    # and the next run is not held up by what stayed behind
    replace_at(directory, "passwd", b"new", 0o644, os.geteuid(), os.getegid(), backup="passwd-")
    assert [(tmp_path / name).read_bytes() for name in ("passwd-", "passwd")] == [b"old", b"new"]
    assert sorted(os.listdir(tmp_path)) == ["passwd", "passwd-"]


def test_a_real_limit_in_the_middle_of_a_write_leaves_the_file_as_it_was(tmp_path: Path, directory: int) -> None:
    (tmp_path / "passwd").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            replace_at(directory, "passwd", b"new" * 4096, 0o644, os.geteuid(), os.getegid())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "passwd").read_bytes() == b"old"


def test_everything_is_written_however_little_is_taken_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data[:7])))
    handle = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    try:
        write_all(handle, bytes(range(256)))
        write_all(handle, b"")
    finally:
        os.close(handle)
    assert (tmp_path / "file").read_bytes() == bytes(range(256))


def test_content_is_flushed_before_the_name_changes(
    tmp_path: Path, directory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def told(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            steps.append(name)
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    (tmp_path / "passwd").write_bytes(b"old")
    for name in ("fchmod", "write", "fsync", "rename"):
        told(name)
    replace_at(directory, "passwd", b"new", 0o644, os.geteuid(), os.getegid(), backup="passwd-")
    # the mode comes before the content, so that no secret is ever open to read; the backup is whole before the change
    assert steps == ["fchmod", "write", "fsync", "fchmod", "write", "fsync", "rename", "rename"]
    steps.clear()
    replace_at(directory, "passwd", b"newer", 0o644, os.geteuid(), os.getegid(), sync=False)
    assert steps == ["fchmod", "write", "rename"]


def test_a_file_system_that_cannot_flush_names_is_let_be(monkeypatch: pytest.MonkeyPatch, directory: int) -> None:
    fsync_directory(directory)

    def fail(number: int) -> None:
        def call(_handle: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", call)

    fail(errno.EINVAL)
    fsync_directory(directory)
    fail(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        fsync_directory(directory)


def test_a_file_is_replaced_by_path_only_in_a_trusted_directory(tmp_path: Path) -> None:
    uid, gid = os.geteuid(), os.getegid()
    replace_file(str(tmp_path / "file"), b"data", mode=0o600, uid=uid, gid=gid)
    assert (tmp_path / "file").read_bytes() == b"data"
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        replace_file(str(tmp_path / "open" / "file"), b"data", mode=0o600, uid=uid, gid=gid)
    assert os.listdir(tmp_path / "open") == []


@pytest.mark.usefixtures("as_root")
def test_a_link_that_somebody_can_exchange_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "root").symlink_to(tmp_path / "secret")
    (shared / "labs").symlink_to(tmp_path / "secret")
    os.chown(shared / "labs", SOMEBODY, SOMEBODY, follow_symlinks=False)
    os.close(open_trusted_directory(str(shared / "root")))
    before = open_files()
    for path in ("labs", "labs/below"):
        with pytest.raises(IdentityError, match="labs in the path .* is a link that belongs to uid %d" % SOMEBODY):
            open_trusted_directory(str(shared / path))
    assert open_files() == before


def test_links_of_root_lead_where_the_system_goes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "up").symlink_to("a/b/../../a")
    (tmp_path / "absolute").symlink_to(tmp_path / "up")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("up/b", "absolute/b", "absolute/./b/"):
        handle = open_trusted_directory(f"{tmp_path}/{name}")
        assert os.path.samestat(os.fstat(handle), (tmp_path / "a" / "b").stat())
        os.close(handle)
    with pytest.raises(IdentityError, match="loop cannot be opened as a directory"):
        open_trusted_directory(str(tmp_path / "loop"))


@pytest.mark.usefixtures("as_root")
def test_a_directory_that_an_acl_opens_is_not_trusted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    entries = ((1, 7, -1), (2, 7, SOMEBODY), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    os.setxattr(
        home,
        "system.posix_acl_access",
        struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries),
    )
    with pytest.raises(IdentityError, match="can be changed by others than root"):
        open_trusted_directory(str(home))


def test_many_things_are_all_done_and_a_few_in_their_order() -> None:
    for count in (0, 3, 31, 32, 1000):
        done: list[int] = []
        do_side_by_side(done.append, list(range(count)))
        assert sorted(done) == list(range(count))
        assert count > 31 or done == list(range(count))


@pytest.mark.parametrize("count", [3, 1000])
def test_what_happens_to_one_of_many_is_told_and_no_more_are_begun(count: int) -> None:
    begun: list[int] = []

    def fail(item: int) -> None:
        begun.append(item)
        raise OSError(errno.ENOSPC, "no room for %d" % item)

    with pytest.raises(OSError, match="no room for"):
        do_side_by_side(fail, list(range(count)))
    assert 1 <= len(begun) <= 4
