# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a key store: STORE/PROFILE/USERNAME/NAME.pub and NAME.json (private; runs on the controller).

A change is first noted as a whole in one file, ``PROFILE/.pending``, and then made. Whoever comes after a run that was
killed in between finds the note: a reader reads the files as the note says, a writer finishes what was begun. So a
change of many files is made or not made, and a key never has one file without the other.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import locked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import author
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_profile_id,
    check_research_username,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark, read_file
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook, changed_keys
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_files import (
    DIRECTORY,
    KNOWN,
    PENDING,
    check_mode,
    files_in,
    forget,
    is_directory,
    make,
    make_directory,
    note,
    open_below,
    read_note,
    visible,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import (
    NAME_LENGTH,
    check_key_name,
    key_files,
    parse_key_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_files import Files
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import KeyRecord

__all__ = ["KeyStore"]

LOCK = ".lock"
_WAIT = 0.02


class KeyStore:
    """A directory of keys, and its lock file."""

    def __init__(self, path: str, lock_timeout: float) -> None:
        # a link is followed once and here; none is followed inside the store
        self._path = os.path.realpath(os.path.expanduser(path))
        self._lock = os.path.join(self._path, LOCK)
        self._timeout = lock_timeout

    @property
    def path(self) -> str:
        """The directory, absolute."""
        return self._path

    def mark(self, profile: str) -> list[list[int]]:
        """What changes whenever this program writes, or somebody comes or goes."""
        return [file_mark(self._lock), file_mark(os.path.join(self._path, profile))]

    def profiles(self) -> list[str]:
        """The profiles that have keys here."""
        with self._explained("read"), self._opened() as store:
            return sorted(name for name in visible(store) if is_directory(store, name) and _is_valid(name))

    def load(self, profile: str) -> KeyBook:
        """The keys of a profile, all of them checked; nobody's when it has none."""
        check_profile_id(profile)
        with self._explained("read"), self._opened() as store, self._shared() as is_still:
            return self._read(store, profile) if is_still else self._read_unlocked(store, profile)

    def commit(self, profile: str, decide: Callable[[KeyBook], KeyBook], write: bool = True) -> tuple[KeyBook, KeyBook]:
        """The book before and after what is decided; written durably unless it is only to be said."""
        check_profile_id(profile)
        if not write:
            before = self.load(profile) if os.path.isdir(self._path) else KeyBook()
            return before, _checked(decide(before))
        if not os.path.isdir(self._path):
            _checked(decide(KeyBook()))  # what is refused begins no store
            self._begin()
        with self._explained("written"), locked(self._lock, self._timeout, author()), self._opened() as store:
            before = self._read(store, profile)
            after = _checked(decide(before))
            files = _files_to_write(before, after)
            if not files and not os.path.lexists(os.path.join(self._path, profile, PENDING)):
                return before, after
            with self._made(store, profile) as directory:
                self._finish(directory, profile)
                if files:
                    note(directory, files)
                    make(directory, files)
                    forget(directory)
        return before, after

    def _begin(self) -> None:
        parent = os.path.dirname(self._path)
        if not os.path.isdir(parent):
            raise IdentityError(
                f"The directory {parent} of the key store does not exist: make it, or correct the path."
            )
        with self._explained("written"), suppress(FileExistsError):
            above = os.open(parent, DIRECTORY)
            try:
                make_directory(above, os.path.basename(self._path))
            finally:
                os.close(above)

    def _read(self, store: int, profile: str) -> KeyBook:
        try:
            directory = open_below(store, profile, f"{self._path}/{profile}")
        except FileNotFoundError:
            return KeyBook()
        try:
            people = {username: self._files_of(directory, profile, username) for username in visible(directory)}
            for username, files in self._pending(directory, profile).items():
                there = people.setdefault(username, {})
                for name, data in files.items():
                    if data is None:
                        there.pop(name, None)
                    elif not name.startswith("."):
                        there[name] = data
        finally:
            os.close(directory)
        book = KeyBook({name: self._keys(f"{profile}/{name}", files) for name, files in sorted(people.items())})
        with self._refusing(profile):
            book.owners()
        return book

    def _files_of(self, directory: int, profile: str, username: str) -> dict[str, bytes]:
        shown = f"{self._path}/{profile}/{quoted(username)[1:-1]}"
        with self._refusing(f"{profile}/{quoted(username)[1:-1]}"):
            check_research_username(username)
            try:
                below = open_below(directory, username, shown)
            except FileNotFoundError:
                return {}  # taken away meanwhile by somebody who heeds no lock
            try:
                return files_in(below)
            finally:
                os.close(below)

    def _keys(self, where: str, files: Mapping[str, bytes]) -> dict[str, KeyRecord]:
        """The keys that these files are."""
        keys = {}
        for file in sorted(files):
            name, _dot, kind = file.rpartition(".")
            with self._refusing(f"{where}/{quoted(file)[1:-1]}"):
                if kind not in ("pub", "json"):
                    raise IdentityError("it is no file of a key store, which has NAME.pub and NAME.json alone: move it")
                check_key_name(name, NAME_LENGTH)
                other = f"{name}.json" if kind == "pub" else f"{name}.pub"
                if other not in files:
                    raise IdentityError(
                        f"{other} beside it is missing: bring it back from git or a backup, or remove this file too and"
                        " add the key with ssh_key"
                    )
            if kind == "pub":
                with self._refusing(f"{where}/{name}"):
                    keys[name] = parse_key_files(files[file], files[other])
        return dict(sorted(keys.items()))

    def _pending(self, directory: int, profile: str) -> Files:
        """What a run that was killed had decided."""
        data = read_file(PENDING, dir_fd=directory)
        if data is None:
            return {}
        with self._refusing(f"{profile}/{PENDING}"):
            return read_note(data)

    def _finish(self, directory: int, profile: str) -> None:
        files = self._pending(directory, profile)
        if files:
            make(directory, files)
            forget(directory)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            store = os.open(self._path, DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            raise IdentityError(
                f"The key store {self._path} is no directory: correct the path; the first ssh_key makes it."
            ) from None
        try:
            check_mode(store, self._path)
            yield store
        finally:
            os.close(store)

    @contextmanager
    def _made(self, store: int, profile: str) -> Iterator[int]:
        """The directory of a profile, made when it is not there."""
        with suppress(FileExistsError):
            make_directory(store, profile)
        directory = open_below(store, profile, f"{self._path}/{profile}")
        try:
            yield directory
        finally:
            os.close(directory)

    def _read_unlocked(self, store: int, profile: str) -> KeyBook:
        """Read as somebody who may not hold up writers: again, until nobody wrote meanwhile."""
        deadline = time.monotonic() + self._timeout
        while True:
            before = self.mark(profile)
            try:
                book = self._read(store, profile)
            except IdentityError:
                if self.mark(profile) == before:
                    raise
            else:
                if self.mark(profile) == before:
                    return book
            if time.monotonic() >= deadline:
                raise self._is_being_written()
            time.sleep(_WAIT)

    def _is_being_written(self) -> IdentityError:
        return IdentityError(
            f"The key store {self._path} is being written since more than {self._timeout:g} s: wait until that run has"
            " ended, or raise lock_timeout."
        )

    @contextmanager
    def _shared(self) -> Iterator[bool]:
        """Read nothing that is half written: whether nobody writes now. Without a lock file nobody ever wrote here."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            yield True
            return
        except PermissionError:
            yield False
            return
        deadline = time.monotonic() + self._timeout
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise self._is_being_written() from None
                time.sleep(_WAIT)
            yield True
        finally:
            os.close(descriptor)

    @contextmanager
    def _refusing(self, where: str) -> Iterator[None]:
        """Say of which part of the store a refusal is."""
        try:
            yield
        except IdentityError as refusal:
            raise IdentityError(
                f"{where} in the key store {self._path} cannot be used, so nothing of it is:"
                f" {str(refusal).rstrip('.')}."
            ) from refusal

    @contextmanager
    def _explained(self, participle: str) -> Iterator[None]:
        """Errors of the system as sentences."""
        try:
            yield
        except OSError as error:
            raise IdentityError(
                f"The key store {self._path} could not be {participle}: {error.strerror or error}"
                f" ({error.filename or self._path}); mend that, and run again."
            ) from error


def _checked(book: KeyBook) -> KeyBook:
    book.owners()
    return book


def _files_to_write(before: KeyBook, after: KeyBook) -> dict[str, dict[str, bytes | None]]:
    files: dict[str, dict[str, bytes | None]] = {}
    for username, name, _old, new in changed_keys(before, after):
        mine = files.setdefault(username, {} if after.keys_of(username) else {KNOWN: b""})
        pub, meta = key_files(new) if new else (None, None)
        mine.update({f"{name}.pub": pub, f"{name}.json": meta})
    return files


def _is_valid(name: str) -> bool:
    try:
        check_profile_id(name)
    except IdentityError:
        return False
    return True
