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
from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stores import refusal, run, uids

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def test_colleagues_who_share_the_directory_share_the_note(ledger: Path) -> None:
    lock = ledger.with_name("ledger.jsonl.lock")
    before = os.umask(0o022)
    try:
        run(ledger, "alice")
        assert stat.S_IMODE(lock.stat().st_mode) == 0o644
        ledger.parent.chmod(0o2775)
        run(ledger, "bob")
    finally:
        os.umask(before)
    assert stat.S_IMODE(lock.stat().st_mode) == 0o664
