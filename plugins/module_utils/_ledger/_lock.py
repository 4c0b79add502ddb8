# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time: a lock file that also says who holds it and how much was written (private; controller).

Whoever can open a file can lock it, also one that they can only read, and hold up every writer. So it is its owner's,
and the group's where the group may write in the directory.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["LockFile", "locked", "noted_events"]

_OWNERS, _OWNERS_AND_GROUPS = 0o600, 0o660
_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.5
# Always as long, so that a new note lies where the old one lay: a full disk or a kill cannot leave it empty.
_NOTE_LENGTH = 512
_LONGEST_AUTHOR = 50  # characters, each of which may take six bytes of the note


class LockFile:
    """The lock, while it is held."""

    def __init__(self, descriptor: int, writable: bool, note: dict[str, Any]) -> None:
        self._descriptor = descriptor
        self._writable = writable
        self._note = note

    @property
    def events(self) -> int:
        """How many events the ledger had when a writer on this machine last wrote it."""
        return _events(self._note)

    def note_events(self, events: int) -> None:
        """Remember how many events the ledger has now."""
        self._note["events"] = events
        self._write()

    def note_holder(self, holder: str) -> None:
        """Say who holds the lock, for those who wait."""
        self._note["holder"] = holder
        self._write()

    def _write(self) -> None:
        if self._writable:
            text = json.dumps(self._note, sort_keys=True).encode("ascii")
            # The note helps people and is no part of the ledger: a full disk must not fail what is durable already.
            with suppress(OSError):
                os.pwrite(self._descriptor, text.ljust(_NOTE_LENGTH - 1) + b"\n", 0)


@contextmanager
def locked(path: str, timeout: float, author: str) -> Iterator[LockFile]:
    """Hold the lock file at this path.

    :raises IdentityError: when somebody else holds it for longer than the timeout.
    """
    deadline = time.monotonic() + timeout
    wait = _FIRST_WAIT
    while True:
        descriptor, writable = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                break
            wait = 0  # the file was replaced meanwhile: whoever comes next locks the new one
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = quoted(_note(descriptor).get("holder", "another process"))
                os.close(descriptor)
                raise IdentityError(
                    f"The lock {path} is held by {holder} since more than {timeout:g} s: wait until that run has"
                    " ended, or raise lock_timeout. The lock ends with its process, so never remove the file."
                ) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(wait)
        wait = min(max(wait, _FIRST_WAIT) * 2, _LONGEST_WAIT)
    try:
        lock = LockFile(descriptor, writable, _note(descriptor))
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        lock.note_holder(f"{author[:_LONGEST_AUTHOR]}, process {os.getpid()}, since {since}")
        yield lock
    finally:
        os.close(descriptor)


def noted_events(path: str) -> int:
    """How many events the ledger had when a writer on this machine last wrote it.

    :returns: 0 when none did, and for those who may not lock: they write nothing either.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, PermissionError):
        return 0
    try:
        return _events(_note(descriptor))
    finally:
        os.close(descriptor)


def _open(path: str) -> tuple[int, bool]:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_RDWR | os.O_CREAT, _OWNERS)
        _share(descriptor, path)
        return descriptor, True
    except PermissionError as error:
        # one that a colleague made and that is not closed yet: it can be locked without being written
        with suppress(PermissionError):
            return os.open(path, flags | os.O_RDONLY), False
        raise IdentityError(
            f"The lock {path} may not be opened by you ({error.strerror}): run as whoever owns it, or let the directory"
            " and the lock belong to a group of both of you, with g+rw."
        ) from None


def _share(descriptor: int, path: str) -> None:
    """Let those lock it who may write in the directory, and nobody else."""
    status, directory = os.fstat(descriptor), os.stat(os.path.dirname(path) or ".")
    # one with another name somewhere may be a file that somebody put here to have its mode changed
    if status.st_uid != os.geteuid() or status.st_nlink != 1:
        return
    by_group = bool(directory.st_mode & stat.S_IWGRP)
    owner = directory.st_uid if status.st_uid == 0 and directory.st_uid != 0 else -1
    # a file system that has no owners or modes is let be
    with suppress(OSError):
        if owner != -1 or (by_group and status.st_gid != directory.st_gid):
            os.fchown(descriptor, owner, directory.st_gid if by_group else -1)
    with suppress(OSError):
        shared = by_group and os.fstat(descriptor).st_gid == directory.st_gid
        wanted = _OWNERS_AND_GROUPS if shared else _OWNERS
        if stat.S_IMODE(status.st_mode) != wanted:
            os.fchmod(descriptor, wanted)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _note(descriptor: int) -> dict[str, Any]:
    try:
        note = json.loads(os.pread(descriptor, _NOTE_LENGTH, 0))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _events(note: dict[str, Any]) -> int:
    events = note.get("events")
    return events if isinstance(events, int) else 0
