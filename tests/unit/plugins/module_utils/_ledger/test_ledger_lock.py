# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a ledger file: who waits for whom, and what it remembers."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stores import refusal, run, uids

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534


def test_who_waits_too_long_is_told_for_whom(ledger: Path) -> None:
    run(ledger, "alice")
    lock = ledger.with_name("ledger.jsonl.lock")
    with lock.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run(ledger, "alice", lock_timeout=0).decision.uids == {"alice": 5361}
        message = refusal(lambda: run(ledger, "bob", lock_timeout=0))
        held.truncate(0)
        assert "held by 'another process'" in refusal(lambda: run(ledger, "bob", lock_timeout=0.05))
    assert f"The lock {lock} is held by" in message
    assert f"process {os.getpid()}, since 20" in message
    assert uids(ledger) == {"alice": 5361}
    run(ledger, "bob")


def test_a_lock_file_that_is_a_link_is_not_followed(ledger: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("keep")
    ledger.with_name("ledger.jsonl.lock").symlink_to(target)
    # what it remembers is not known, so a ledger that is not there may have been lost
    assert "could not be read" in refusal(lambda: run(ledger, "alice"))
    assert target.read_text() == "keep"
    assert not ledger.exists()


def test_a_lock_file_of_somebody_else_is_locked_all_the_same(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(ledger, "alice")
    lock = ledger.with_name("ledger.jsonl.lock")
    before = lock.read_bytes()
    real = os.open

    def read_only_lock(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if str(path) == str(lock) and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", str(lock))
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", read_only_lock)
    run(ledger, "bob")
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "is held by" in refusal(lambda: run(ledger, "carol", lock_timeout=0))
    assert lock.read_bytes() == before


def test_a_lock_file_that_was_removed_meanwhile_is_no_lock(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(ledger, "alice")
    lock = ledger.with_name("ledger.jsonl.lock")
    real = fcntl.flock
    removed: list[Path] = []

    def remove_first(descriptor: int, operation: int) -> None:
        if not removed:
            lock.unlink()
            removed.append(lock)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    run(ledger, "bob")
    assert removed
    assert json.loads(lock.read_text())["events"] == 3


def test_the_note_of_the_lock_file_is_never_shorter_than_it_was(ledger: Path) -> None:
    lock = ledger.with_name("ledger.jsonl.lock")
    run(ledger, "alice")
    length = lock.stat().st_size
    run(ledger, *(f"p{number}" for number in range(300)))
    assert lock.stat().st_size == length
    assert json.loads(lock.read_bytes())["events"] == 302


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_colleagues_who_share_the_directory_share_the_lock(ledger: Path) -> None:
    lock = ledger.with_name("ledger.jsonl.lock")
    before = os.umask(0o022)
    try:
        run(ledger, "alice")
        assert mode_of(lock) == 0o600
        ledger.parent.chmod(0o2775)
        run(ledger, "bob")
        assert mode_of(lock) == 0o660
        ledger.parent.chmod(0o755)
        run(ledger, "carol")
    finally:
        os.umask(before)
    assert mode_of(lock) == 0o600


def test_nobody_else_can_open_the_lock_and_an_old_one_is_closed(ledger: Path) -> None:
    """Whoever can read it could lock it, and hold up every writer, also one who revokes."""
    lock = ledger.with_name("ledger.jsonl.lock")
    before = os.umask(0)
    try:
        run(ledger, "alice")
        assert mode_of(lock) == 0o600
        lock.chmod(0o666)
        run(ledger, "bob")
        assert mode_of(lock) == 0o600
    finally:
        os.umask(before)


def test_a_file_with_another_name_keeps_its_mode(ledger: Path, tmp_path: Path) -> None:
    """Or a link could have somebody's own file closed or given away."""
    target = tmp_path / "somebody-s"
    target.touch()
    target.chmod(0o644)
    ledger.with_name("ledger.jsonl.lock").hardlink_to(target)
    run(ledger, "alice")
    assert mode_of(target) == 0o644


def as_nobody(do: Callable[[], object]) -> str:
    """What became of it, done by a user without any rights, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = "done"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            do()
        except (IdentityError, OSError) as error:
            text = str(error)
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root becomes another user")
def test_another_user_cannot_hold_up_a_writer_and_still_reads() -> None:
    with tempfile.TemporaryDirectory() as outside:
        place = Path(outside)
        place.chmod(0o755)
        ledger = place / "ledger.jsonl"
        lock = place / "ledger.jsonl.lock"
        run(ledger, "alice")
        ledger.chmod(0o644)
        assert "Permission denied" in as_nobody(lambda: fcntl.flock(os.open(lock, os.O_RDONLY), fcntl.LOCK_EX))
        assert as_nobody(lambda: open_store(f"file:{ledger}").load()) == "done"
        assert "may not be opened by you" in as_nobody(lambda: run(ledger, "bob"))
        # whoever may write in the directory is let in, also when root was there first
        for path in (place, ledger):
            os.chown(path, -1, NOBODY)
        place.chmod(0o775)
        run(ledger, "bob")
        assert as_nobody(lambda: run(ledger, "carol")) == "done"
        os.chown(place, NOBODY, 0)
        place.chmod(0o700)
        lock.unlink()
        run(ledger, "dan")
        assert (lock.stat().st_uid, mode_of(lock)) == (NOBODY, 0o600)
        assert as_nobody(lambda: run(ledger, "eve")) == "done"
