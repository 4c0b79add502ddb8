# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in a file: when it is begun, replaced, left alone and refused."""

from __future__ import annotations

import errno
import os
import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled, open_store, settle
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    profile,
    user,
    wanted,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stores import (
    names_beside,
    refusal,
    run,
    uids,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger


def test_a_ledger_is_begun_with_a_warning_and_found_again(ledger: Path) -> None:
    first = run(ledger, "alice")
    assert first.decision.uids == {"alice": 5361}
    assert "did not exist and was begun" in "".join(first.warnings)
    second = run(ledger, "alice", "bob")
    assert second.decision.uids == {"alice": 5361, "bob": 5587}
    assert second.warnings == []
    assert uids(ledger) == {"alice": 5361, "bob": 5587}
    assert names_beside(ledger) == ["ledger.jsonl", "ledger.jsonl.lock"]


def test_nothing_new_writes_nothing(ledger: Path) -> None:
    run(ledger, "alice", "bob")
    ledger.with_name("ledger.jsonl.lock").unlink()
    ledger.chmod(0o400)
    before = ledger.stat()
    settled = run(ledger, "bob")
    assert settled.decision.events == ()
    after = ledger.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    assert names_beside(ledger) == ["ledger.jsonl"]


def test_check_mode_says_the_same_and_writes_nothing(ledger: Path) -> None:
    said = run(ledger, "alice", "bob", write=False).decision
    assert names_beside(ledger) == []
    assert run(ledger, "alice", "bob").decision == said
    before = ledger.read_bytes()
    more = run(ledger, "alice", "carol", write=False).decision
    assert ledger.read_bytes() == before
    assert run(ledger, "alice", "carol").decision == more


def test_a_refused_roster_writes_nothing(ledger: Path) -> None:
    assert "more people" in refusal(lambda: run(ledger, *(f"p{number}" for number in range(100_000))))
    assert names_beside(ledger) == []
    run(ledger, "alice")
    before = ledger.read_bytes()
    assert "more people" in refusal(lambda: run(ledger, *(f"p{number}" for number in range(1001))))
    assert ledger.read_bytes() == before


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_mode_and_owner_stay(ledger: Path, mode: int) -> None:
    run(ledger, "alice")
    ledger.chmod(mode)
    if os.geteuid() == 0:
        os.chown(ledger, 12345, 23456)
    before = ledger.stat()
    run(ledger, "bob")
    after = ledger.stat()
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_a_new_ledger_has_the_mode_that_umask_gives(ledger: Path) -> None:
    before = os.umask(0o027)
    try:
        run(ledger, "alice")
    finally:
        os.umask(before)
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o640


@pytest.mark.parametrize(("member", "kept"), [(True, [(54321, 54322), (-1, 54322)]), (False, [])])
def test_the_group_stays_or_the_run_stops(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, member: bool, kept: list[tuple[int, int]]
) -> None:
    tried: list[tuple[int, int]] = []

    def fchown(_descriptor: int, uid: int, gid: int) -> None:
        tried.append((uid, gid))
        if uid != -1 or not member:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", fchown)
    colleagues = os.stat_result((0o100664, 1, 1, 1, 54321, 54322, 0, 0, 0, 0))
    store = FileStore(str(ledger), 5, "sam@controller")
    with ledger.open("wb") as file:
        if member:
            store.keep_owner(file.fileno(), colleagues)
            assert tried == kept
            assert stat.S_IMODE(ledger.stat().st_mode) == 0o664
        else:
            message = refusal(lambda: store.keep_owner(file.fileno(), colleagues))
            assert "belongs to the group 54322, which you are not in" in message


def test_a_link_to_the_ledger_stays_a_link(ledger: Path) -> None:
    run(ledger, "alice")
    link = ledger.parent.parent / "link.jsonl"
    link.symlink_to(ledger)
    run(link, "bob")
    assert link.is_symlink()
    assert uids(ledger) == uids(link) == {"alice": 5361, "bob": 5587}
    assert sorted(os.listdir(link.parent)) == ["inventory", "link.jsonl"]


def test_a_link_to_nowhere_is_no_new_ledger(ledger: Path) -> None:
    ledger.symlink_to(ledger.with_name("typo.jsonl"))
    assert "is a link to" in refusal(lambda: run(ledger, "alice"))
    assert names_beside(ledger) == ["ledger.jsonl"]


def test_a_missing_directory_is_a_wrong_path(tmp_path: Path) -> None:
    message = refusal(lambda: run(tmp_path / "inventroy" / "ledger.jsonl", "alice"))
    assert "inventroy of the ledger does not exist" in message
    assert os.listdir(tmp_path) == []


def test_a_mistyped_name_beside_the_ledger_is_noticed(ledger: Path) -> None:
    run(ledger, "alice")
    os.mkfifo(ledger.with_name("a-fifo"))
    ledger.with_name("a-directory").mkdir()
    message = refusal(lambda: run(ledger.with_name("leger.jsonl"), "alice"))
    assert "leger.jsonl, but ledger.jsonl beside it is one" in message
    assert "leger.jsonl" not in names_beside(ledger)


def test_a_ledger_that_was_lost_is_not_begun_again(ledger: Path) -> None:
    run(ledger, "alice", "bob")
    kept = ledger.read_bytes()
    ledger.unlink()
    for write in (True, False):
        with pytest.raises(IdentityError, match="is gone: it held 3 events"):
            run(ledger, "alice", write=write)
    assert names_beside(ledger) == ["ledger.jsonl.lock"]
    ledger.write_bytes(kept)
    assert run(ledger, "alice").decision.uids == {"alice": 5361}
    ledger.unlink()
    ledger.with_name("ledger.jsonl.lock").unlink()
    assert "was begun" in "".join(run(ledger, "alice").warnings)


def test_a_ledger_that_another_run_begins_meanwhile_is_not_gone(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def opened(path: Any, *arguments: Any, **options: Any) -> int:
        try:
            return real(path, *arguments, **options)
        except FileNotFoundError:
            monkeypatch.undo()
            run(ledger, "bob")
            raise

    monkeypatch.setattr(os, "open", opened)
    settled = run(ledger, "alice")
    assert os.open is real
    assert settled.warnings == []
    assert uids(ledger) == {"alice": 5361, "bob": 5587}


def test_nothing_is_issued_from_an_older_copy(ledger: Path) -> None:
    run(ledger, "alice")
    older = ledger.read_bytes()
    run(ledger, "bob", "carol")
    ledger.write_bytes(older)
    assert run(ledger, "alice").warnings == ()
    for write in (True, False):
        with pytest.raises(IdentityError, match="has 2 events, but had 4 when it was last written here"):
            run(ledger, "dave", write=write)
    assert ledger.read_bytes() == older
    ledger.with_name("ledger.jsonl.lock").unlink()
    assert run(ledger, "dave").warnings == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\0" * 512, "line 1 holds NUL bytes"),
        (format_ledger(Written(), [profile(), user("alice", 5361)])[:-30], "line 4 has no end"),
        (format_ledger(Written(), [profile(), user("alice", 5361)]).replace(b"5361", b"5362"), "line 3 does not fit"),
        (format_ledger(Written(), [profile(), user("a", 5361), user("b", 5361)]), "lines 3 and 4 issue 5361 twice"),
        (b"alice:5361\n", "line 1 is not the first line"),
    ],
)
def test_a_broken_ledger_stops_the_run_and_stays_as_it_is(ledger: Path, data: bytes, reason: str) -> None:
    ledger.write_bytes(data)
    for write in (True, False):
        with pytest.raises(IdentityError) as caught:
            run(ledger, "alice", write=write)
        assert f"The ledger {ledger} cannot be used and stays as it is: {reason}" in str(caught.value)
    assert ledger.read_bytes() == data
    assert names_beside(ledger) == ["ledger.jsonl"]


def test_what_is_no_file_is_refused(ledger: Path, tmp_path: Path) -> None:
    os.mkfifo(ledger)
    for path in (ledger, Path("/dev/null"), tmp_path):
        with pytest.raises(IdentityError, match="is not a file"):
            run(path, "alice")


@pytest.mark.parametrize(
    "text",
    ["", "ledger.jsonl", "file:", "file:dir/", "FILE:x", "http://x/y", "file:a\0b", "file", 7, None],
)
def test_other_stores_are_refused_in_a_sentence(text: Any) -> None:
    assert "write for example file:inventory/ledger.jsonl" in refusal(lambda: open_store(text))


def test_a_path_begins_where_one_is_or_at_home(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ledger.parent)
    monkeypatch.setenv("HOME", str(ledger.parent))
    assert open_store("file:ledger.jsonl").name == open_store("file:~/ledger.jsonl").name == f"file:{ledger}"


def test_what_git_brings_while_the_run_decides_is_not_lost(ledger: Path) -> None:
    run(ledger, "alice")
    store = open_store(f"file:{ledger}")
    brought: list[bytes] = []

    def decide(known: Ledger) -> Allocation:
        # it is called under the lock, and somebody who knows no lock writes right after
        decision = allocate(known, wanted(["bob"]), STAMP)
        brought.append(b"")
        if len(brought) == 1:
            os.unlink(ledger)
            ledger.write_bytes(format_ledger(Written(), [profile(), user("alice", 5361), user("carol", 5587)]))
        return decision

    settled = Settled(*store.commit(decide))
    assert len(brought) == 2
    # carol has what would have been bob's first choice
    assert settled.decision.uids == {"bob": 5588}
    assert uids(ledger) == {"alice": 5361, "carol": 5587, "bob": 5588}


def test_a_ledger_that_never_stands_still_is_given_up(ledger: Path) -> None:
    run(ledger, "alice")

    def decide(known: Ledger) -> Allocation:
        os.utime(ledger)
        return allocate(known, wanted(["bob"]), STAMP)

    store = open_store(f"file:{ledger}")
    assert "by a program that does not heed the lock" in refusal(lambda: store.commit(decide))
    assert uids(ledger) == {"alice": 5361}
    assert names_beside(ledger) == ["ledger.jsonl", "ledger.jsonl.lock"]


def test_the_disk_has_the_text_before_the_name_and_the_name_before_the_answer(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            value = real(*arguments, **options)
            at = os.readlink(f"/proc/self/fd/{arguments[0]}") if isinstance(arguments[0], int) else str(arguments[0])
            if not at.endswith(".lock"):
                done.append(f"{name} {os.path.basename(at)}")
            return value

        monkeypatch.setattr(os, name, call)

    for name in ("write", "fsync", "replace"):
        noting(name)
    run(ledger, "alice")
    assert done == [
        "write .ledger.jsonl.new",
        "fsync .ledger.jsonl.new",
        "replace .ledger.jsonl.new",
        "fsync inventory",
    ]


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "fchmod", "open"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_error_of_the_disk_is_a_refusal_and_the_next_run_goes_on(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: int
) -> None:
    run(ledger, "alice")
    before = ledger.read_bytes()
    real = getattr(os, call)
    failed: list[int] = []

    def failing(*arguments: Any, **options: Any) -> Any:
        # reading and the lock still work
        if failed or (call == "open" and not arguments[1] & os.O_EXCL):
            return real(*arguments, **options)
        failed.append(error)
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, call, failing)
    message = refusal(lambda: run(ledger, "bob"))
    monkeypatch.undo()
    assert failed
    assert f"The ledger {ledger} could not be written: {os.strerror(error)}" in message
    assert ledger.read_bytes() == before
    assert names_beside(ledger) == ["ledger.jsonl", "ledger.jsonl.lock"]
    assert run(ledger, "bob").decision.uids == {"bob": 5587}


def test_an_error_after_the_rename_is_not_an_acknowledgement(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(ledger, "alice")
    real = os.fsync

    def no_directories(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", no_directories)
    assert "No number of this run counts" in refusal(lambda: run(ledger, "bob"))
    monkeypatch.undo()
    assert run(ledger, "bob").decision.uids == {"bob": 5587}


def test_what_no_run_could_read_afterwards_is_never_written(ledger: Path) -> None:
    run(ledger, "alice")
    before = ledger.read_bytes()
    wrong = Allocation(parse_band("5000-5999"), parse_band("4000-4999"), events=(user("mallory", 5361),))
    for write in (True, False):
        message = refusal(partial(settle, open_store(f"file:{ledger}"), lambda _known: wrong, write))
        assert "What this run decided contradicts the ledger, so nothing was written." in message
        assert "issue 5361 twice" in message
    assert ledger.read_bytes() == before
