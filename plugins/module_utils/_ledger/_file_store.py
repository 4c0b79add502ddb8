# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in a file that people keep in git (private; runs on the controller).

A number is acknowledged only after the file that holds it, and the directory that holds the file, are on the disk. The
file is replaced as a whole, so whoever reads needs no lock and sees it as it was before or after, never in between.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    HEADER,
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import locked, noted_events
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import EMPTY_LEDGER, Ledger
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Decision

    AnyDecision = TypeVar("AnyDecision", bound=Decision)

__all__ = ["FileStore"]

ATTEMPTS = 20


@dataclass(frozen=True)
class _Image:
    """The file as it was read, None for one that is not there."""

    status: os.stat_result | None
    data: bytes
    written: Written
    ledger: Ledger


_NOTHING = _Image(None, b"", Written(), EMPTY_LEDGER)


class FileStore:
    """One ledger file, and its lock file beside it."""

    def __init__(self, path: str, lock_timeout: float, author: str) -> None:
        # a link is followed once and here, so that the file is replaced and not the link
        self._path = os.path.realpath(path)
        self._given = os.path.abspath(path)
        self._directory = os.path.dirname(self._path)
        self._lock_timeout = lock_timeout
        self._author = author
        self._image = _NOTHING

    @property
    def name(self) -> str:
        """The store as a person writes it."""
        return f"file:{self._path}"

    @property
    def mark(self) -> list[int]:
        """What changes when the file does."""
        return file_mark(self._path)

    def load(self) -> Ledger | None:
        """The checked ledger, None when there is no file yet."""
        with self._explained("read"):
            image = self._read()
        return None if image is _NOTHING else image.ledger

    def rehearse(self) -> None:
        """Refuse what a commit would refuse whatever is decided."""
        with self._explained("read"):
            self._check_is_not_older(self._image, noted_events(self._lock_path))

    def commit(self, decide: Callable[[Ledger], AnyDecision]) -> tuple[AnyDecision, list[str]]:
        """Add what is decided on the ledger as it is now, durably."""
        with self._explained("written"), locked(self._lock_path, self._lock_timeout, self._author) as lock:
            for _attempt in range(ATTEMPTS):
                image = self._read()
                decision = decide(image.ledger)
                if not decision.events:
                    return decision, []
                self._check_is_not_older(image, lock.events)
                if self._replace(image, format_ledger(image.written, decision.events)):
                    warnings = self._warnings(image)
                    lock.note_events(len(image.written.events) + len(decision.events))
                    return decision, warnings
        raise IdentityError(
            f"The ledger {self._path} was changed {ATTEMPTS} times by a program that does not heed the lock"
            f" {self._lock_path}: end that program, and run again."
        )

    @property
    def _lock_path(self) -> str:
        return f"{self._path}.lock"

    @contextmanager
    def _explained(self, participle: str) -> Iterator[None]:
        """Errors of the system as sentences."""
        try:
            yield
        except OSError as error:
            raise IdentityError(
                f"The ledger {self._path} could not be {participle}: {error.strerror or error}"
                f" ({error.filename or self._path}). No number of this run counts: mend that, and run again."
            ) from error

    def _read(self) -> _Image:
        descriptor = self._opened()
        if descriptor is None:
            return _NOTHING
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise IdentityError(f"The ledger {self._path} is not a file: correct the path.")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read()
        finally:
            os.close(descriptor)
        # reading under the lock again what was read before it costs next to nothing
        if self._image.status is not None and data == self._image.data:
            self._image = _Image(status, data, self._image.written, self._image.ledger)
            return self._image
        try:
            written = parse_ledger(data)
            ledger = fold(written)
        except IdentityError as refusal:
            raise IdentityError(f"The ledger {self._path} cannot be used and stays as it is: {refusal}") from refusal
        self._image = _Image(status, data, written, ledger)
        return self._image

    def _opened(self) -> int | None:
        """The file, None when there is none and one may be begun."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        with suppress(FileNotFoundError):
            return os.open(self._path, flags)
        # another run may begin it just now, and notes that when the file is there: so look for the note, then again
        noted = noted_events(self._lock_path)
        with suppress(FileNotFoundError):
            return os.open(self._path, flags)
        self._check_may_begin(noted)
        return None

    def _check_may_begin(self, noted: int) -> None:
        """Refuse to begin a new ledger where the path is likely wrong or the ledger was lost."""
        if os.path.islink(self._given):
            raise IdentityError(
                f"The ledger {self._given} is a link to {self._path}, which does not exist: correct the link."
            )
        if not os.path.isdir(self._directory):
            raise IdentityError(
                f"The directory {self._directory} of the ledger does not exist: make it for a new ledger, or"
                " correct the path."
            )
        if noted:
            raise IdentityError(
                f"The ledger {self._path} is gone: it held {noted} events when it was last written here. Take it"
                f" back from git or from a backup; to begin a new one on purpose remove {self._lock_path} too."
            )
        for name in sorted(os.listdir(self._directory)):
            if self._is_ledger(os.path.join(self._directory, name)):
                raise IdentityError(
                    f"There is no ledger {self._path}, but {name} beside it is one: correct the path, or begin the new"
                    " ledger in a directory of its own."
                )

    def _check_is_not_older(self, image: _Image, noted: int) -> None:
        """Refuse to add to a copy that lacks what was written here since: its numbers would be given out again."""
        events = len(image.written.events)
        if events < noted:
            raise IdentityError(
                f"The ledger {self._path} has {events} events, but had {noted} when it was last written here, so it is"
                " an older copy or another branch: bring the newer copy back, or merge its branch. To go on from this"
                f" one on purpose, remove {self._lock_path}; numbers issued since can be given out again then."
            )

    def _is_ledger(self, path: str) -> bool:
        if path == self._temporary:
            return False
        try:
            with open(
                path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY)
            ) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return False
                return file.read(len(HEADER)) == HEADER.encode("ascii")
        except OSError:
            return False

    @property
    def _temporary(self) -> str:
        # always the same name: it is written under the lock only, and what a killed run left is overwritten
        return os.path.join(self._directory, f".{os.path.basename(self._path)}.new")

    def _replace(self, image: _Image, data: bytes) -> bool:
        """Put the new text in place of the old one; False when the file is no longer what it was."""
        with suppress(FileNotFoundError):
            os.unlink(self._temporary)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._temporary, flags, 0o666 if image.status is None else 0o600)
        try:
            try:
                write_all(descriptor, data)
                if image.status is not None:
                    self.keep_owner(descriptor, image.status)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not self._is_still(image):
                os.unlink(self._temporary)
                return False
            os.replace(self._temporary, self._path)
        except BaseException:
            with suppress(OSError):
                os.unlink(self._temporary)
            raise
        self._sync_directory()
        return True

    def _is_still(self, image: _Image) -> bool:
        """Whether the file is the one that was read: git and editors do not heed the lock."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return image.status is None
        was = image.status
        return was is not None and (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == (
            was.st_dev,
            was.st_ino,
            was.st_size,
            was.st_mtime_ns,
        )

    def keep_owner(self, descriptor: int, was: os.stat_result) -> None:
        """Give the new file the owner and mode of the old one."""
        now = os.fstat(descriptor)
        if (now.st_uid, now.st_gid) != (was.st_uid, was.st_gid):
            try:
                os.fchown(descriptor, was.st_uid, was.st_gid)
            except PermissionError:
                # a colleague may own it now, but the group through which all of them reach it must stay
                try:
                    os.fchown(descriptor, -1, was.st_gid)
                except PermissionError:
                    raise IdentityError(
                        f"The ledger {self._path} belongs to the group {was.st_gid}, which you are not in, so it"
                        " could not be written without taking it from others: join that group."
                    ) from None
        os.fchmod(descriptor, stat.S_IMODE(was.st_mode))

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _warnings(self, image: _Image) -> list[str]:
        begun = (
            f"The ledger {self._path} did not exist and was begun. If people have numbers already, the path is wrong:"
            " remove the new file and its lock file, and correct the path."
        )
        return [begun] if image.status is None else []
