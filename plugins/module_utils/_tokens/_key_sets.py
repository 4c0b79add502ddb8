# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public keys of one issuer: a JWK set in a file (private; runs on the controller)."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import TokenRefused, read_object
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    PublicKey,
    SigningKey,
    check_kid,
    jwk_of,
    parse_jwk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KeySet", "PublicKey", "SigningKey", "key_set_text", "parse_jwks", "read_jwks"]

LARGEST_FILE = 262144
RETIRED = "labfleet_retired"


@dataclass(frozen=True)
class KeySet:
    """The public keys of one issuer by their ids, and the ids of those that nobody may ever trust again."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()

    @property
    def in_use(self) -> PublicKey | None:
        """The key that signs now, None when there is not exactly one."""
        using = [key for key in self.keys.values() if key.use_until is None]
        return using[0] if len(using) == 1 else None


def parse_jwks(data: bytes) -> KeySet:
    """Read a JWK set. Keys of kinds that sign no token here are left out, for nothing ever verifies with them.

    :raises IdentityError: it is no JWK set, has no key that verifies, or one that must not be trusted.
    """
    if len(data) > LARGEST_FILE:
        raise IdentityError(f"it has more than {LARGEST_FILE} bytes: it is no set of public keys")
    try:
        raw = read_object(data, "key set", canonical=False)
    except TokenRefused:
        raise IdentityError("it is no JSON object, or has a name twice: copy it again") from None
    entries, gone = raw.get("keys"), raw.get(RETIRED, [])
    if not isinstance(entries, list) or not isinstance(gone, list):
        raise IdentityError("it is no JWK set, which has a list named keys: copy it again")
    retired = frozenset(check_kid(kid) for kid in gone)
    keys: dict[str, PublicKey] = {}
    for entry in entries:
        key = parse_jwk(entry)
        if key is None:
            continue
        if key.kid in keys:
            raise IdentityError(f"it has two keys with the id {quoted(key.kid)}: nobody knows which one is meant")
        if key.kid in retired:
            raise IdentityError(f"its key {quoted(key.kid)} is retired and must not come back: take it out")
        keys[key.kid] = key
    if not keys:
        raise IdentityError("it has no key of Ed25519 (EdDSA) or RSA (RS256) that verifies: copy it again")
    return KeySet(keys, retired)


def read_jwks(path: str) -> KeySet:
    """The public keys in a file.

    :raises IdentityError: it cannot be read, is a link, everybody may change it, or see :func:`parse_jwks`.
    """
    place = os.path.abspath(os.path.expanduser(path))
    try:
        status, data = _read(place)
    except IdentityError as refusal:
        raise IdentityError(f"The public keys {place} cannot be trusted: {refusal}.") from None
    except OSError as error:
        raise IdentityError(
            f"The public keys {place} cannot be read: {error.strerror}; correct the path, or copy them there."
        ) from None
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise IdentityError(
            f"Others can change the public keys {place}, so nobody can trust them: have the file be yours, and chmod"
            " go-w it."
        )
    try:
        return parse_jwks(data)
    except IdentityError as refusal:
        raise IdentityError(f"The public keys {place} cannot be used: {refusal}.") from None


def _read(place: str) -> tuple[os.stat_result, bytes]:
    """What is known of a file, and what is in it."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    # who can change the directory can exchange the file, or have a link there lead to the keys of another issuer
    directory = open_trusted_directory(os.path.dirname(place))
    try:
        handle = os.open(os.path.basename(place), flags, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise IdentityError("it is a link, so name the file that it leads to") from None
        raise
    finally:
        os.close(directory)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise IdentityError("it is no file, so correct the path")
        with open(handle, "rb", closefd=False) as file:
            return status, file.read(LARGEST_FILE + 1)
    finally:
        os.close(handle)


def key_set_text(keys: KeySet) -> bytes:
    """The file of a key set, the same for the same keys."""
    import json

    told: dict[str, object] = {"keys": [jwk_of(key) for key in keys.keys.values()]}
    if keys.retired:
        told[RETIRED] = sorted(keys.retired)
    return (json.dumps(told, sort_keys=True, indent=2) + "\n").encode("ascii")
