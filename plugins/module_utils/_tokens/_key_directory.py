# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one cluster: DIRECTORY/KID.pem, private and encrypted, and DIRECTORY/jwks.json (private; controller).

jwks.json says which key is in use. A new private key is whole on the disk before jwks.json names it, and an old one is
removed after jwks.json says that it signs no more. So whenever a run is killed there is a key in use, with both halves;
the next run removes what is left over, or takes it into use where there is no jwks.json yet.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import locked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import author
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
    read_file,
    replace_at,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import (
    KeySet,
    SigningKey,
    key_set_text,
    parse_jwks,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    LEAST_RSA_BITS,
    generate_key,
    signing_key,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._private_keys import encrypted_pem, read_pem
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import with_new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import Private, PublicKey
    from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import Decision

__all__ = ["Changed", "KeyDirectory"]

PUBLIC = "jwks.json"
LOCK = ".lock"
_KID = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_KID_LENGTH = 43  # a SHA-256 in base64url
_LARGEST_FILE = 65536


@dataclass(frozen=True)
class Changed:
    """The keys before and after, whether one is new, and the ids whose private halves are removed."""

    before: KeySet
    after: KeySet
    needs_key: bool
    removed: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """What is there, what is decided, a key to be used instead of a new one, and what is to be removed."""

    before: KeySet
    decision: Decision
    adopted: Private | None = field(repr=False)
    removed: tuple[str, ...]


class KeyDirectory:
    """The directory with the keys of one cluster."""

    def __init__(self, path: str, lock_timeout: float = 60) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))
        self._timeout = lock_timeout

    @property
    def path(self) -> str:
        """The directory, absolute."""
        return self._path

    @property
    def public_path(self) -> str:
        """The file that others get."""
        return os.path.join(self._path, PUBLIC)

    def load(self, passphrase: str) -> SigningKey:
        """The key in use.

        :raises IdentityError: there is none, or not with this passphrase.
        """
        with self._explained("read"), self._opened(open_trusted_directory(self._path)) as directory:
            keys = self._key_set(directory)
            while True:
                try:
                    return self._load(directory, keys, passphrase)
                except IdentityError:
                    # it may have been rotated meanwhile, and jwks.json names another one now
                    before, keys = keys, self._key_set(directory)
                    if keys == before:
                        raise

    def change(
        self,
        decide: Callable[[KeySet], Decision],
        passphrase: str,
        now: int,
        algorithm: str | None = None,
        bits: int = LEAST_RSA_BITS,
        write: bool = True,
    ) -> Changed:
        """Make what is decided true, or only say what would be.

        :param algorithm: that of a new key. None: that of the key in use, or EdDSA.
        """
        if not os.path.isdir(self._path):
            decision = decide(KeySet())  # what is refused begins no directory
            if not write:
                with self._explained("written"), self._opened(open_trusted_directory(os.path.dirname(self._path))):
                    return Changed(KeySet(), decision.keys, decision.needs_key, ())
        if not write:
            with self._explained("read"), self._opened(open_trusted_directory(self._path)) as directory:
                plan = self._planned(directory, decide, passphrase)
                return Changed(plan.before, plan.decision.keys, plan.decision.needs_key, plan.removed)
        with self._explained("written"), self._opened(make_trusted_directory(self._path, 0o755)) as directory:
            with locked(os.path.join(self._path, LOCK), self._timeout, author()):
                plan = self._planned(directory, decide, passphrase)
                after = plan.decision.keys
                if plan.decision.needs_key:
                    kind = algorithm or (plan.before.in_use.algorithm if plan.before.in_use else "EdDSA")
                    public = self._new_key(directory, plan.adopted or generate_key(kind, bits), passphrase)
                    after = with_new_key(after, replace(public, made=now))
                if after != plan.before:
                    self._write(directory, PUBLIC, key_set_text(after), 0o644)
                for name in self._left_over(directory, after):
                    os.unlink(name, dir_fd=directory)
                fsync_directory(directory)
            return Changed(plan.before, after, plan.decision.needs_key, plan.removed)

    def key_set(self) -> KeySet:
        """The public keys; none when there is no directory yet."""
        if not os.path.isdir(self._path):
            return KeySet()
        with self._explained("read"), self._opened(open_trusted_directory(self._path)) as directory:
            return self._key_set(directory)

    def _planned(self, directory: int, decide: Callable[[KeySet], Decision], passphrase: str) -> _Plan:
        before = self._key_set(directory)
        decision = decide(before)
        if not decision.needs_key:
            self._load(directory, before, passphrase)
        there = [kid for kid in map(_kid, sorted(os.listdir(directory))) if kid]
        if there and not before.keys:
            return _Plan(before, decision, self._adopted(directory, there, passphrase), ())
        using = decision.keys.in_use.kid if decision.keys.in_use and not decision.needs_key else ""
        return _Plan(before, decision, None, tuple(kid for kid in there if kid != using))

    def _adopted(self, directory: int, kids: list[str], passphrase: str) -> Private:
        """The private key of a run that was killed before it could write jwks.json, or whose jwks.json is lost."""
        path = os.path.join(self._path, f"{kids[0]}.pem")
        try:
            if len(kids) == 1:
                private = read_pem(read_file(f"{kids[0]}.pem", dir_fd=directory) or b"", passphrase)
                if signing_key(private)[0].kid == kids[0]:
                    return private
            refusal = "it is not the only one, or not the one of its name"
        except IdentityError as problem:
            refusal = str(problem)
        raise IdentityError(
            f"There is a private key {path}, but no {PUBLIC} that says what it is for, and {refusal}. Bring {PUBLIC}"
            " back from a backup, or move the private key away."
        )

    def _new_key(self, directory: int, private: Private, passphrase: str) -> PublicKey:
        """Write the private half of a key, if it is not there."""
        public = signing_key(private)[1]
        if read_file(f"{public.kid}.pem", dir_fd=directory) is None:
            self._write(directory, f"{public.kid}.pem", encrypted_pem(private, passphrase), 0o600)
        return public

    def _key_set(self, directory: int) -> KeySet:
        data = read_file(PUBLIC, dir_fd=directory)
        if data is None:
            return KeySet()
        try:
            return parse_jwks(data)
        except IdentityError as refusal:
            raise IdentityError(f"The public keys {self.public_path} cannot be used: {refusal}.") from None

    def _load(self, directory: int, keys: KeySet, passphrase: str) -> SigningKey:
        if keys.in_use is None:
            raise IdentityError(
                f"There is no key in use in {self._path}: make one with token_key, or correct the path."
            )
        name = f"{keys.in_use.thumbprint}.pem"
        path = os.path.join(self._path, name)
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            raise IdentityError(
                f"The private key {path} is missing: bring it back from a backup, or have another one made with"
                f" token_key, state retired and kid {keys.in_use.kid}."
            ) from None
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_size > _LARGEST_FILE:
            raise IdentityError(
                f"The private key {path} is no file that its owner alone can read: see who could, and retire it."
            )
        data = read_file(name, dir_fd=directory)
        try:
            found, _public = signing_key(read_pem(data or b"", passphrase))
        except IdentityError as refusal:
            raise IdentityError(f"The private key {path} cannot be used: {refusal}.") from None
        if found.kid != keys.in_use.kid:
            raise IdentityError(f"The private key {path} is not the one of its name: bring it back from a backup.")
        return found

    def _write(self, directory: int, name: str, data: bytes, mode: int) -> None:
        """Put a file in its place, whole and durably."""
        replace_at(directory, name, data, mode, os.geteuid(), os.getegid(), keep=False)
        fsync_directory(directory)

    def _left_over(self, directory: int, keys: KeySet) -> list[str]:
        """Private halves that sign no more, and files that were never finished."""
        using = keys.in_use.kid if keys.in_use else ""
        return sorted(name for name in os.listdir(directory) if _kid(name) not in ("", using) or _is_unfinished(name))

    @contextmanager
    def _opened(self, directory: int) -> Iterator[int]:
        try:
            yield directory
        finally:
            os.close(directory)

    @contextmanager
    def _explained(self, participle: str) -> Iterator[None]:
        """Errors of the system as sentences."""
        try:
            yield
        except OSError as error:
            raise IdentityError(
                f"The signing keys in {self._path} could not be {participle}: {error.strerror or error}; mend that, and"
                " run again."
            ) from None


def _kid(name: str) -> str:
    """The key whose private half has this name, empty when it is none."""
    kid = name[: -len(".pem")] if name.endswith(".pem") else ""
    return kid if len(kid) == _KID_LENGTH and _KID.issuperset(kid) else ""


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") and name.endswith(".pem.labfleet") and bool(_kid(name[1 : -len(".labfleet")]))
