# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key store on a disk: what is in it is checked, and a run that is killed anywhere leaves one that reads."""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh import _key_files
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import (
    KeyBook,
    Validity,
    deactivate,
    present,
    remove,
    revoke,
    rotate,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import LATER, NOW, entry, line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANY = Validity()


class Lab:
    """A store with one profile."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = KeyStore(str(directory), 1)

    def do(self, decide: Callable[[KeyBook], KeyBook]) -> KeyBook:
        return self.store.commit("lab", decide)[1]

    def add(self, username: str, name: str, number: int) -> KeyBook:
        return self.do(lambda book: present(book, username, name, entry(number, name), ANY, NOW))

    def rotate(self, number: int) -> KeyBook:
        return self.do(lambda book: rotate(book, "alice", "laptop", entry(number), ANY, LATER, NOW))

    def files(self) -> dict[str, str]:
        """Every file that is no note of the program itself."""
        return {
            str(path.relative_to(self.directory)): path.read_text()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def refusal(self) -> str:
        with pytest.raises(IdentityError) as caught:
            KeyStore(str(self.directory), 0.1).load("lab")
        message = str(caught.value)
        assert message.isascii()
        assert message.isprintable()
        return message


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    one = Lab(tmp_path / "keys")
    one.add("alice", "laptop", 1)
    one.add("alice", "desk", 2)
    one.add("bob", "laptop", 3)
    return one


def test_a_store_is_files_that_people_can_read(lab: Lab) -> None:
    files = lab.files()
    assert sorted(files) == [
        "lab/alice/desk.json",
        "lab/alice/desk.pub",
        "lab/alice/laptop.json",
        "lab/alice/laptop.pub",
        "lab/bob/laptop.json",
        "lab/bob/laptop.pub",
    ]
    assert files["lab/alice/laptop.pub"] == f"{line(1, 'laptop')}\n"
    assert json.loads(files["lab/alice/laptop.json"])["state"] == "active"
    for path in lab.directory.rglob("*.pub"):
        assert path.stat().st_mode & 0o777 == 0o644
    book = KeyStore(str(lab.directory), 1).load("lab")
    assert {(who, name) for who, name, _record in book.each()} == {
        ("alice", "laptop"),
        ("alice", "desk"),
        ("bob", "laptop"),
    }
    assert lab.store.profiles() == ["lab"]
    assert KeyStore(str(lab.directory), 1).load("other") == KeyBook()


def test_what_changes_nothing_writes_nothing(lab: Lab) -> None:
    before = {path: path.stat().st_mtime_ns for path in lab.directory.rglob("*.json")}
    mark = lab.store.mark("lab")
    lab.store.load("lab")
    assert lab.store.mark("lab") == mark
    lab.add("alice", "laptop", 1)
    assert {path: path.stat().st_mtime_ns for path in lab.directory.rglob("*.json")} == before
    lab.add("alice", "laptop-2", 9)
    assert lab.store.mark("lab") != mark


def test_check_mode_begins_no_store(tmp_path: Path) -> None:
    store = KeyStore(str(tmp_path / "keys"), 1)
    before, after = store.commit("lab", lambda book: present(book, "alice", "a", entry(1), ANY, NOW), write=False)
    assert (before, len(after.people)) == (KeyBook(), 1)
    with pytest.raises(IdentityError, match="has no key"):
        store.commit("lab", lambda book: deactivate(book, "alice", ["a"]))
    assert os.listdir(tmp_path) == []
    with pytest.raises(IdentityError, match="is no directory"):
        store.load("lab")
    with pytest.raises(IdentityError, match="does not exist: make it"):
        KeyStore(str(tmp_path / "no" / "keys"), 1).commit("lab", lambda book: book)


def test_who_has_no_key_any_more_stays_known(lab: Lab) -> None:
    lab.do(lambda book: deactivate(book, "bob", ["laptop"]))
    lab.do(lambda book: remove(book, "bob", "laptop", NOW))
    assert lab.store.load("lab").people["bob"] == {}
    # git keeps no empty directory, so it is not empty
    assert os.listdir(lab.directory / "lab" / "bob") == [".known"]


def link(path: Path) -> None:
    """Put a link to it in its place."""
    store = next(parent for parent in path.parents if parent.name == "keys")
    elsewhere = store.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def edit(path: Path, copy: Path, **changes: Any) -> None:
    copy.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def exchange(lab: Path) -> None:
    for name in ("laptop.pub", "laptop.json"):
        shutil.copy(lab / "bob" / name, lab / "alice" / name)


def double(alice: Path) -> None:
    shutil.copy(alice / "laptop.pub", alice / "stolen.pub")
    edit(alice / "laptop.json", alice / "stolen.json", state="revoked")


def in_place(path: Path, make: Callable[[Path], Any]) -> None:
    path.unlink()
    make(path)


HURT: dict[str, Callable[[Path], Any]] = {
    "pub missing": lambda lab: (lab / "alice/laptop.pub").unlink(),
    "json missing": lambda lab: (lab / "alice/laptop.json").unlink(),
    "another key": lambda lab: (lab / "alice/laptop.pub").write_text(line(8, "laptop")),
    "both files of another": exchange,
    "unknown field": lambda lab: edit(lab / "alice/laptop.json", lab / "alice/laptop.json", sudo=True),
    "odd file": lambda lab: (lab / "alice/laptop.pub~").write_text(""),
    "odd name": lambda lab: (lab / "alice/Laptop.pub").write_text(""),
    "odd person": lambda lab: (lab / "root").mkdir(),
    "file for a person": lambda lab: (lab / "carol").write_text(""),
    "link for a file": lambda lab: link(lab / "alice/laptop.pub"),
    "link for a person": lambda lab: link(lab / "alice"),
    "link for a profile": link,
    "fifo": lambda lab: in_place(lab / "alice/laptop.pub", os.mkfifo),
    "directory": lambda lab: in_place(lab / "alice/laptop.pub", os.mkdir),
    "huge": lambda lab: (lab / "alice/laptop.pub").write_bytes(b"x" * 100_000),
    "anybody may write a file": lambda lab: (lab / "alice/laptop.pub").chmod(0o666),
    "anybody may write for a person": lambda lab: (lab / "alice").chmod(0o777),
    "anybody may write": lambda lab: lab.parent.chmod(0o1777),
    "revoked elsewhere": lambda lab: double(lab / "alice"),
}


def damage(lab: Lab, kind: str) -> None:
    if kind in NOTES:
        (lab.directory / "lab" / ".pending").write_text(NOTES[kind])
    else:
        HURT[kind](lab.directory / "lab")


NOTES = {
    "no note": "{",
    "note of another format": '{"format": 2, "files": {}}',
    "note that leads out": '{"format": 1, "files": {"alice": {"../../x.pub": "x"}}}',
    "note of nobody": '{"format": 1, "files": {"../x": {"a.pub": "x"}}}',
    "note of another kind": '{"format": 1, "files": {"alice": {"a.sh": "x"}}}',
    "note without files": '{"format": 1, "files": []}',
    "note with numbers": '{"format": 1, "files": {"alice": {"a.pub": 7}}}',
}
DAMAGES = {
    "pub missing": "lab/alice/laptop.json in the key store",
    "json missing": "laptop.json beside it is missing",
    "another key": "but the key in its .pub has",
    "both files of another": "is there as alice/laptop and as bob/laptop",
    "unknown field": "does not know the field 'sudo'",
    "odd file": "it is no file of a key store",
    "odd name": "The key name 'Laptop' is not valid",
    "odd person": "'root' belongs to the system",
    "file for a person": "is no directory, or a link",
    "link for a file": "'laptop.pub' is a link",
    "link for a person": "is no directory, or a link",
    "link for a profile": "is no directory, or a link",
    "fifo": "is no file",
    "directory": "is no file",
    "huge": "too big for a key",
    "anybody may write a file": "can change 'laptop.pub'",
    "anybody may write for a person": "can put keys into",
    "anybody may write": "can put keys into",
    "revoked elsewhere": "is there as alice/laptop and as alice/stolen",
    **dict.fromkeys(NOTES, "lab/.pending in the key store"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_store_that_is_not_as_it_was_written_is_refused(lab: Lab, kind: str) -> None:
    damage(lab, kind)
    assert DAMAGES[kind] in lab.refusal()
    # and nothing is written into it either
    before = {path: path.lstat().st_mtime_ns for path in lab.directory.rglob("*") if path.name != ".lock"}
    with pytest.raises(IdentityError):
        lab.add("carol", "laptop", 9)
    assert {path: path.lstat().st_mtime_ns for path in lab.directory.rglob("*") if path.name != ".lock"} == before


def test_the_store_itself_may_be_reached_through_a_link(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(lab.directory)
    assert KeyStore(str(tmp_path / "link"), 1).path == str(lab.directory)


def test_who_reads_waits_for_who_writes(lab: Lab) -> None:
    def decide(book: KeyBook) -> KeyBook:
        with pytest.raises(IdentityError, match="is being written since more than"):
            KeyStore(str(lab.directory), 0.05).load("lab")
        with pytest.raises(IdentityError, match=r"The lock .* is held by"):
            KeyStore(str(lab.directory), 0.05).commit("lab", lambda other: other)
        return book

    lab.do(decide)


def test_who_may_not_lock_reads_again_until_nobody_writes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who can only read must not be able to hold up a writer, and sees nothing that is half written."""
    lab.add("alice", "laptop", 1)
    whole, real, reads = lab.store.load("lab"), os.open, []
    monkeypatch.setattr(os, "open", closed_lock(real))
    real_read = KeyStore._read

    def disturbed(store: KeyStore, *details: Any) -> KeyBook:
        """At first a writer begins meanwhile, and leaves half of it to be seen."""
        reads.append(1)
        if len(reads) < 3:
            os.utime(lab.directory / "lab", ns=(len(reads), len(reads)))
            if len(reads) == 1:
                raise IdentityError("half")
            return KeyBook()
        return real_read(store, *details)

    monkeypatch.setattr(KeyStore, "_read", disturbed)
    assert lab.store.load("lab") == whole
    assert len(reads) == 3
    (lab.directory / "lab" / "alice" / "laptop.json").unlink()
    with pytest.raises(IdentityError, match="beside it is missing"):
        lab.store.load("lab")


def test_who_may_not_lock_does_not_wait_for_ever(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.add("alice", "laptop", 1)
    monkeypatch.setattr(os, "open", closed_lock(os.open))
    marks = iter(range(10**6))
    monkeypatch.setattr(KeyStore, "mark", lambda _store, _profile: [[next(marks)]])
    with pytest.raises(IdentityError, match="is being written since more than"):
        KeyStore(str(lab.directory), 0.05).load("lab")


def closed_lock(real: Callable[..., int]) -> Callable[..., int]:
    """As for somebody whom the lock does not let in."""

    def closed(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(".lock"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **options)

    return closed


def test_writers_at_the_same_time_lose_nothing_of_each_other(lab: Lab) -> None:
    children = []
    for writer in range(3):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                one = Lab(lab.directory)
                one.store = KeyStore(str(lab.directory), 60)
                for number in range(4):
                    one.add(("alice", "bob")[number % 2], f"key{writer}-{number}", 100 + 10 * writer + number)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert len(list(lab.store.load("lab").each())) == 3 + 12


def test_the_team_that_may_write_in_the_store_may_write_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o2775)
    Lab(tmp_path / "keys").add("alice", "laptop", 1)
    assert (tmp_path / "keys/lab").stat().st_mode & 0o7777 == 0o2775
    assert (tmp_path / "keys/lab/alice").stat().st_mode & 0o7777 == 0o2775
    assert (tmp_path / "keys/lab/alice/laptop.pub").stat().st_mode & 0o7777 == 0o664


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works in somebody else's directory")
def test_what_root_writes_belongs_to_whose_directory_it_is(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    os.chown(tmp_path / "keys", 5001, 5002)
    Lab(tmp_path / "keys").add("alice", "laptop", 1)
    for path in ("lab", "lab/alice", "lab/alice/laptop.pub", "lab/alice/laptop.json"):
        status = (tmp_path / "keys" / path).stat()
        assert (status.st_uid, status.st_gid) == (5001, 5002)


CALLS = ("open", "mkdir", "write", "fsync", "fchmod", "rename", "unlink", "close", "pwrite", "listdir")
KILLED, DONE, SURVIVED, REFUSED = 77, 0, 5, 3


def interrupted(lab: Lab, do: Callable[[Lab], Any], at: int, stop: Callable[[], None]) -> int:
    """Do it in a child whose ``at``-th call of the system meets ``stop``; the child's exit status."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            count = 0

            def counted(real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*args: Any, **kwargs: Any) -> Any:
                    nonlocal count
                    count += 1
                    if count == at:
                        stop()
                    return real(*args, **kwargs)

                return call

            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            do(lab)
            status = DONE if count < at else SURVIVED
        except IdentityError:
            status = REFUSED
        finally:
            os._exit(status)
    return os.WEXITSTATUS(os.waitpid(child, 0)[1])


def kill() -> None:
    os._exit(KILLED)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


STORIES: dict[str, Callable[[Lab], Any]] = {
    "the first key": lambda lab: lab.add("alice", "laptop", 1),
    "another": lambda lab: lab.add("alice", "desk", 2),
    "a rotation": lambda lab: lab.rotate(4),
    "a revocation": lambda lab: lab.do(lambda book: revoke(book, "alice", ["laptop"])),
    "the last one goes": lambda lab: lab.do(lambda book: remove(book, "alice", "laptop", NOW)),
}


@pytest.mark.parametrize("stop", [kill, no_space])
@pytest.mark.parametrize("story", STORIES)
def test_stopped_at_any_call_a_change_is_made_or_not_made(tmp_path: Path, story: str, stop: Callable[[], None]) -> None:
    do = STORIES[story]

    def begin(name: str) -> Lab:
        lab = Lab(tmp_path / name)
        if story != "the first key":
            lab.add("alice", "laptop", 1)
        if story == "the last one goes":
            lab.do(lambda book: deactivate(book, "alice", ["laptop"]))
        return lab

    model = begin("model")
    before = model.store.load("lab") if story != "the first key" else KeyBook()
    after = do(model)
    wanted = model.files()
    seen = set()
    at = 0
    while True:
        at += 1
        lab = begin(f"at{at}")
        status = interrupted(lab, do, at, stop)
        if status == DONE:
            assert lab.files() == wanted
            break
        # the note in the lock file is for people, and may fail
        assert status in ((KILLED,) if stop is kill else (REFUSED, SURVIVED))
        found = lab.store.load("lab") if lab.directory.exists() else KeyBook()
        assert found in ((before, after) if status != SURVIVED else (after,))
        seen.add(found == after)
        # whoever comes next finishes it, and nothing half written is left
        do(lab)
        assert lab.files() == wanted
        assert lab.store.load("lab") == after
    assert at > 15
    assert seen == {True, False}


def test_what_was_left_is_finished_by_whoever_writes_next(lab: Lab) -> None:
    """The note of a killed run holds, also for who does something else."""
    for at in range(1, 100):
        interrupted(lab, lambda one: one.rotate(4), at, kill)
        if pending(lab):
            break
    assert pending(lab)
    assert lab.store.load("lab").people["alice"]["laptop"].entry == entry(4)
    lab.add("bob", "desk", 9)
    assert not pending(lab)
    assert lab.store.load("lab").people["alice"]["laptop"].entry == entry(4)
    assert sorted(name for name in lab.files() if "/." in name) == []


def pending(lab: Lab) -> bool:
    return (lab.directory / "lab" / _key_files.PENDING).exists()
