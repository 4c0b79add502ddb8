# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody would try with their home before, during and after they left: a link, a mount, a race, a kill."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils import _open_mount
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding import (
    _home_archive,
    _home_removal,
    _home_run,
    _home_walk,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_removal import leaving_name

from .conftest import ALICE, BOB, Leaving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = b"root:$6$canary$hash:20000::::::\n"


@pytest.fixture
def secret(host: Leaving) -> Path:
    """A file of root's that nobody else may read, outside the home, in a directory."""
    (host.root / "precious").mkdir(mode=0o700)
    path = host.root / "precious" / "shadow"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def mounted(host: Leaving, secret: Path) -> Iterator[Path]:
    """Somebody else's directory, bound into the home: the same file system and device."""
    point = host.home / "mnt"
    point.mkdir()
    host.own()
    subprocess.run(["mount", "--bind", str(secret.parent), str(point)], check=True)
    yield point
    subprocess.run(["umount", "--lazy", str(point)], check=True)


def test_a_link_is_archived_as_a_link_and_removed_as_a_link(host: Leaving, secret: Path) -> None:
    """Pain 14: root follows no link that a user made."""
    os.symlink(secret, host.home / "file")
    os.symlink(secret.parent, host.home / "directory")
    host.own()
    archive = host.archive()
    assert SECRET not in archive.read_bytes()
    host.run("removed")
    assert secret.read_bytes() == SECRET
    assert not host.home.exists()


def test_a_hard_link_to_a_file_of_roots_is_left_where_it_is(host: Leaving, secret: Path) -> None:
    """Pain 14: nor does a hard link bring somebody else's content into an archive."""
    os.link(secret, host.home / "mine")
    archive = host.run("archived")["homes"][0]["archive"]
    assert SECRET not in Path(archive["path"]).read_bytes()
    assert archive["left_out"] == ["mine: a file of uid 0 with names outside this home, where it stays"]
    host.run("removed")
    assert secret.read_bytes() == SECRET


def test_files_of_other_people_are_in_the_archive_and_not_lost_without_one(host: Leaving) -> None:
    os.chown(host.write("from bob", b"of bob"), BOB, BOB)
    os.link(host.home / "from bob", host.home / "twice")
    with pytest.raises(IdentityError, match=r"files of other people \(2 of uid 5831\)"):
        host.run("removed", without_archive=True)
    assert (host.unpacked(host.archive()) / "twice").stat().st_uid == BOB
    assert host.run("removed")["changed"]


def test_a_mount_in_the_home_is_not_archived_and_stops_the_removal(host: Leaving, mounted: Path) -> None:
    archive = host.run("archived")["homes"][0]["archive"]
    assert archive["left_out"] == ["mnt: another file system is mounted there"]
    assert SECRET not in Path(archive["path"]).read_bytes()
    with pytest.raises(IdentityError, match="mounted at mnt"):
        host.run("removed")
    assert (mounted / "shadow").read_bytes() == SECRET
    assert (host.home / "notes.txt").exists()


def test_a_file_that_is_mounted_on_a_file_is_not_archived(host: Leaving, secret: Path) -> None:
    point = host.write("point", b"")
    host.own()
    subprocess.run(["mount", "--bind", str(secret), str(point)], check=True)
    try:
        archive = host.run("archived")["homes"][0]["archive"]
        assert archive["left_out"] == ["point: another file is mounted there"]
        assert SECRET not in Path(archive["path"]).read_bytes()
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


def test_a_mount_that_appears_during_the_removal_is_not_entered(
    host: Leaving, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host.home / "mnt").mkdir()
    host.own()
    host.archive()
    point = host.base / leaving_name("alice", ALICE) / "mnt"
    empty = _home_removal._empty

    def mount_first(top: int) -> int:
        subprocess.run(["mount", "--bind", str(secret.parent), str(point)], check=True)
        return empty(top)

    monkeypatch.setattr(_home_removal, "_empty", mount_first)
    try:
        with pytest.raises(IdentityError, match="mounted at mnt"):
            host.run("removed")
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)
    assert secret.read_bytes() == SECRET
    monkeypatch.undo()
    assert host.run("removed")["homes"][0]["cut_short"]
    assert os.listdir(host.base) == []


def test_a_home_that_is_a_mount_is_archived_and_not_removed(host: Leaving) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(host.home)], check=True)
    try:
        host.write("inside", b"data")
        host.own()
        host.archive()
        with pytest.raises(IdentityError, match="a mount of its own"):
            host.run("removed")
        assert (host.home / "inside").read_bytes() == b"data"
    finally:
        subprocess.run(["umount", "--lazy", str(host.home)], check=True)


def test_nothing_is_removed_from_a_file_system_that_others_may_have(
    host: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_open_mount, "_LOCAL", frozenset(("ext4",)) - {_file_system(host.base)})
    host.archive()
    told = host.run("kept")["homes"][0]
    assert (told["local"], bool(told["shared_as"])) == (False, True)
    for check in (True, False):
        with pytest.raises(IdentityError, match="network_file_system: true"):
            host.run("removed", check=check)
    assert host.home.is_dir()
    assert host.run("removed", network_file_system=True)["changed"]


def _file_system(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY)
    try:
        return _open_mount.mount_of(handle).file_system
    finally:
        os.close(handle)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "9p", "afs", "gpfs"])
def test_file_systems_that_others_may_have(kind: str) -> None:
    assert not _open_mount.Mount("1", kind, "server:/export", "/", "/home").is_local


def test_a_path_longer_than_the_system_takes(host: Leaving) -> None:
    """Nesting deeper than PATH_MAX is archived, and removed, with a few open directories."""
    here = os.open(host.home, os.O_RDONLY)
    for _level in range(600):
        os.mkdir("d" * 20, dir_fd=here)
        below = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    handle = os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(handle, b"found")
    os.close(handle)
    os.close(here)
    host.own()
    archive = host.run("archived")["homes"][0]["archive"]
    assert archive["long_paths"] > 300
    with tarfile.open(archive["path"]) as tar:
        bottom = [member for member in tar if member.name.endswith("/bottom")]
        content = tar.extractfile(bottom[0])
        assert content is not None
        assert content.read() == b"found"
    assert host.run("removed")["changed"]
    assert os.listdir(host.base) == []


def _swap_for_ever(home: Path, target: Path, ready: int) -> None:
    """What a process of the user's does: exchange directories for a link as fast as it can."""
    swap = ctypes.CDLL(None).renameat2
    os.chdir(home)
    os.setgroups([])
    os.setresgid(ALICE, ALICE, ALICE)
    os.setresuid(ALICE, ALICE, ALICE)
    os.symlink(target, "evil")
    os.write(ready, b".")
    while True:
        swap(-100, b"tree", -100, b"evil", 2)
        swap(-100, b"tree/sub", -100, b"evil", 2)


@contextlib.contextmanager
def _swapping(host: Leaving, target: Path) -> Iterator[None]:
    """Such a process, beside what is tested."""
    (host.home / "tree" / "sub").mkdir(parents=True)
    for number in range(20):
        host.write("tree/file%d" % number, b"mine")
        host.write("tree/sub/file%d" % number, b"mine")
    host.own()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _swap_for_ever(host.home, target, writing)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"."
        yield
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_race_of_links_against_the_archive_is_lost(host: Leaving, secret: Path) -> None:
    """Pain 14: while a process swaps directories for links, nothing outside is read."""
    secret.parent.chmod(0o755)
    with _swapping(host, secret.parent):
        end = time.monotonic() + 1.5
        archives = 0
        while time.monotonic() < end:
            with contextlib.suppress(IdentityError):  # a directory was moved, which is told
                archives += bool(host.run("archived")["homes"][0]["archive"])
                for path in host.archives.iterdir():
                    assert SECRET not in path.read_bytes()
                    path.unlink()
    assert archives
    assert host.run("archived")["changed"]


def test_a_race_of_links_against_the_removal_is_lost(host: Leaving, secret: Path) -> None:
    """Pain 14: while a process swaps directories for links, nothing outside is removed."""
    secret.parent.chmod(0o777)
    for _round in range(4):
        host.home.mkdir(exist_ok=True)
        host.write("notes.txt", b"again")
        with _swapping(host, secret.parent):
            for _attempt in range(20):
                with contextlib.suppress(IdentityError):
                    host.run("removed", without_archive=True)
                if not host.home.exists() and not host.other_names():
                    break
        host.run("removed", without_archive=True)
        assert os.listdir(host.base) == []
        assert secret.read_bytes() == SECRET


def test_a_directory_that_is_moved_while_one_is_in_it_stops_the_run(host: Leaving) -> None:
    host.write("tree/sub/file", b"x")
    (host.home / "elsewhere").mkdir()
    host.own()
    top = os.open(host.home, os.O_RDONLY)
    descent = _home_walk.Descent(top)
    try:
        descent.enter("tree")
        descent.enter("sub")
        os.rename(host.home / "tree" / "sub", host.home / "elsewhere" / "sub")
        with pytest.raises(IdentityError, match="was moved while it was looked at"):
            descent.leave()
    finally:
        descent.close()
        os.close(top)


def test_a_home_that_is_a_link_or_somebody_elses_is_refused(host: Leaving, secret: Path) -> None:
    """Pain 7: the home of somebody else who has the path now is not touched."""
    real = host.base / "real"
    host.home.rename(real)
    os.symlink(real, host.home)
    for state in ("archived", "removed"):
        with pytest.raises(IdentityError, match="if it is a link"):
            host.run(state)
    host.home.unlink()
    real.rename(host.home)
    os.chown(host.home, BOB, BOB)
    for state in ("archived", "removed"):
        with pytest.raises(IdentityError, match="belongs to uid 5831"):
            host.run(state, without_archive=True)
    assert (host.home / "notes.txt").exists()
    assert secret.exists()


def _link(host: Leaving) -> None:
    host.home.rename(host.base / "real")
    os.symlink(host.base / "real", host.home)


def _of_bob(host: Leaving) -> None:
    os.chown(host.home, BOB, BOB)


def _root_is_home(host: Leaving) -> None:
    passwd = host.etc / "passwd"
    passwd.write_text(passwd.read_text() + "alice:x:%d:%d::/:/bin/bash\n" % (ALICE, ALICE))


def _open_archives(host: Leaving) -> None:
    host.archives.mkdir(mode=0o755)


@pytest.mark.parametrize("spoil", [_link, _of_bob, _root_is_home, _open_archives])
def test_no_home_keeps_an_account_open(host: Leaving, spoil: Callable[[Leaving], None]) -> None:
    """The role looks at homes before it closes accounts: a failure there would let somebody in for longer."""
    spoil(host)
    answer = host.run("kept")
    assert answer["homes"][0]["action"] == "none"
    home = "/" if spoil is _root_is_home else str(host.home)
    assert answer["homes"][0]["user"] == {"name": "alice", "uid": ALICE, "home": home}
    assert len(answer["warnings"]) == (spoil is not _open_archives)
    with pytest.raises(IdentityError):
        host.run("archived")


def test_a_home_that_cannot_be_looked_at_is_not_taken_for_none(host: Leaving) -> None:
    """A file system that is broken (a stale handle, a FUSE that ended) answers with errors of its own."""
    os.symlink("loop", host.base / "loop")
    users = [{"name": "alice", "uid": ALICE, "home": str(host.base / "loop" / "homes" / "alice")}]
    for state in ("archived", "removed"):
        with pytest.raises(IdentityError, match="Too many levels of symbolic links"):
            host.run(state, users=users, without_archive=True)
    assert "Too many levels" in host.run("kept", users=users)["warnings"][0]


@pytest.mark.parametrize("below", ["", "/bob", "/a/./b/"])
def test_a_home_in_which_somebody_else_lives_stays(host: Leaving, below: str) -> None:
    passwd = host.etc / "passwd"
    passwd.write_text(passwd.read_text() + "bob:x:%d:%d::%s%s:/bin/bash\n" % (BOB, BOB, host.home, below))
    for more in ({"archive_first": True}, {"without_archive": True}):
        with pytest.raises(IdentityError, match=r"bob lives in home .* as well"):
            host.run("removed", **more)
    assert (host.home / "notes.txt").exists()
    host.archive()


def test_a_home_that_changes_after_it_was_archived_stays(host: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody of the group, or a service, may write where the person cannot any more."""
    make_archive = _home_archive.make_archive

    def then_bob_writes(*args: Any) -> Any:
        archive = make_archive(*args)
        host.write("from bob", b"the only copy\n")
        return archive

    monkeypatch.setattr(_home_run, "make_archive", then_bob_writes)
    with pytest.raises(IdentityError, match="changed after it was archived"):
        host.run("removed", archive_first=True)
    assert (host.home / "from bob").read_bytes() == b"the only copy\n"
    monkeypatch.undo()
    assert host.run("removed", archive_first=True)["homes"][0]["action"] == "remove"
    assert not host.home.exists()


@pytest.mark.parametrize(("uid", "mode"), [(ALICE, 0o755), (0, 0o777), (0, 0o1777), (0, 0o775)])
def test_a_parent_that_others_can_change_is_refused(host: Leaving, uid: int, mode: int) -> None:
    os.chown(host.base, uid, 100)
    host.base.chmod(mode)
    with pytest.raises(IdentityError, match=r"belongs to uid|can be changed by others"):
        host.run("removed", without_archive=True)
    assert (host.home / "notes.txt").exists()


@pytest.mark.parametrize("home", ["/", "/home", "/etc/alice", "/usr/local/alice", "home/alice", "/home/../etc/x"])
def test_no_path_of_the_systems(host: Leaving, home: str) -> None:
    users = [{"name": "alice", "uid": ALICE, "home": home}]
    with pytest.raises(IdentityError, match="home"):
        host.run("removed", users=users, without_archive=True)


@pytest.mark.parametrize("name", ["root", "admin", "ubuntu", "systemd-network", "../alice", ""])
def test_no_name_of_the_systems(host: Leaving, name: str) -> None:
    users = [{"name": name, "uid": ALICE, "home": str(host.home)}]
    with pytest.raises(IdentityError):
        host.run("removed", users=users, without_archive=True)


def test_an_open_account_keeps_its_home(host: Leaving) -> None:
    """Pain 10: the home goes after the account, never before."""
    for name, uid in (("alice", ALICE), ("alice", BOB), ("carol", ALICE)):
        for shell, end in (("/bin/bash", ""), ("/bin/bash", "1"), ("/usr/sbin/nologin", ""), ("/bin/sh", "99999")):
            host.accounts({name: (uid, shell, end)})
            with pytest.raises(IdentityError, match="is open on this host"):
                host.run("removed", without_archive=True)
    host.accounts({"alice": (ALICE, "/usr/sbin/nologin", "1")})
    passwd = host.etc / "passwd"
    passwd.write_text(passwd.read_text().replace("alice:x:", "alice:*:"))  # so that PAM heeds no expiry
    with pytest.raises(IdentityError, match="is open on this host"):
        host.run("removed", without_archive=True)
    host.accounts({"alice": (ALICE, "/usr/sbin/nologin", "1")})
    Path(host.proc / "77").mkdir()
    (host.proc / "77" / "status").write_text("State:\tS (sleeping)\nUid:\t0\t%d\t0\t0\n" % ALICE)
    with pytest.raises(IdentityError, match="still run with uid 5238"):
        host.run("removed", without_archive=True)
    (host.proc / "77" / "status").write_text("State:\tZ (zombie)\nUid:\t%d\t0\t0\t0\n" % ALICE)
    users = [{"name": "alice", "uid": ALICE, "home": str(host.home)}]
    host.accounts({"alice": (ALICE, "/usr/sbin/nologin", "1")})
    (host.etc / "passwd").write_text("alice:x:%d:1::%s:/usr/sbin/nologin\n" % (ALICE, host.home))
    assert host.run("removed", users=users, without_archive=True)["changed"]


def test_check_mode_believes_that_an_account_will_be_closed_and_the_run_looks(host: Leaving) -> None:
    host.accounts({"alice": (ALICE, "/bin/bash", "")})
    (host.etc / "passwd").write_text("alice:x:%d:1::%s:/bin/bash\n" % (ALICE, host.home))
    assert host.run("archived", check=True, closed_by_then=["alice"])["changed"]
    with pytest.raises(IdentityError, match="is open"):
        host.run("archived", closed_by_then=["alice"])


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_removal_that_is_killed_is_finished_by_the_next_run(
    host: Leaving, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        host.write("tree%d/file" % (number % 5), b"x")
        host.write("tree%d/file%d" % (number % 5, number), b"x")
    host.own()
    host.archive()
    child = os.fork()
    if child == 0:
        calls = 0
        unlink = os.unlink

        def deadly(path: str, *, dir_fd: int) -> None:
            nonlocal calls
            calls += 1
            if calls == after:
                os.kill(os.getpid(), signal.SIGKILL)
            unlink(path, dir_fd=dir_fd)

        monkeypatch.setattr(os, "unlink", deadly)
        host.run("removed")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert not host.home.exists()
    assert host.other_names() == [leaving_name("alice", ALICE)]
    assert host.run("removed", check=True)["homes"][0]["action"] == "remove"
    result = host.run("removed")
    assert (result["changed"], result["homes"][0]["cut_short"]) == (True, True)
    assert os.listdir(host.base) == []
    assert not host.run("removed")["changed"]


def test_an_archive_that_is_killed_is_none_and_the_next_run_makes_one(
    host: Leaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(os, "posix_fadvise", lambda *_args: os.kill(os.getpid(), signal.SIGKILL))
        host.run("archived")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with pytest.raises(IdentityError, match="no whole archive"):
        host.run("removed")
    assert host.archive().exists()
    assert not [name for name in os.listdir(host.archives) if name.startswith(".")]


def test_what_changed_since_the_archive_keeps_the_home(host: Leaving) -> None:
    host.archive()
    host.write("after", b"new")
    host.own()
    with pytest.raises(IdentityError, match=r"no whole archive of home .* as it is now"):
        host.run("removed")
    assert (host.home / "after").exists()


def test_an_immutable_file_is_named(host: Leaving) -> None:
    host.write("fixed", b"x")
    host.own()
    fixed = host.home / "fixed"
    subprocess.run(["chattr", "+i", str(fixed)], check=True)
    host.archive()
    try:
        with pytest.raises(IdentityError, match="fixed in the home cannot be removed: it may be immutable"):
            host.run("removed")
    finally:
        subprocess.run(["chattr", "-i", str(host.base / leaving_name("alice", ALICE) / "fixed")], check=True)
    assert host.run("removed")["changed"]


def test_archive_and_removal_in_one_call(host: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = host.run("removed", check=True, archive_first=True)["homes"][0]
    assert (asked["action"], host.archives.exists()) == ("remove", False)
    with monkeypatch.context() as patch:
        patch.setattr(_home_archive.Archive, "is_whole", False)
        with pytest.raises(IdentityError, match="so it stays"):
            host.run("removed", archive_first=True)
        assert (host.home / "notes.txt").exists()
    done = host.run("removed", archive_first=True)["homes"][0]
    assert (done["action"], host.home.exists()) == ("remove", False)
    assert (host.unpacked(Path(done["archive"]["path"])) / "notes.txt").read_bytes() == b"what alice knew\n"
    assert not host.run("removed", archive_first=True)["changed"]
