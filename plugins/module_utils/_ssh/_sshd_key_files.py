# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of keys that sshd's configuration names for everybody (private: no stable interface).

sshd reads them anew for every login. Where it cannot read ``RevokedKeys``, every key counts as revoked; so that file is
there, whole, before a configuration names it and for as long as one does.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import PublicKey

__all__ = [
    "CA_KEYS",
    "HEADER",
    "MODE",
    "REVOKED_KEYS",
    "KeyFilePlan",
    "blobs",
    "plan_files",
]

MODE = 0o644
HEADER = "# Written by labfleet.identity: what is changed here is lost.\n"
REVOKED_KEYS = "revoked_keys"
CA_KEYS = "user_ca_keys"
_SETTINGS = {REVOKED_KEYS: "revokedkeys", CA_KEYS: "trustedusercakeys"}
# what sshd's configuration would not take for the whole of one value, or would expand
_NOT_IN_PATHS = frozenset(" \t\n\r\"'\\%#")


@dataclass(frozen=True)
class KeyFilePlan:
    """One file as it is and as it will be; None where there is none."""

    path: str
    kind: str
    old: bytes | None
    new: bytes | None
    loose: str = ""  # who but root can change it, or why sshd could not read it

    @property
    def setting(self) -> str:
        """The keyword of sshd's configuration that names such a file."""
        return _SETTINGS[self.kind]

    @property
    def count(self) -> int:
        """How many keys there will be."""
        return len(blobs(self.new))

    @property
    def changed(self) -> bool:
        # a file without keys is as good as none: it is left where an sshd may still have its name in memory
        return bool(self.loose) or (self.old != self.new and bool(self.new is not None or blobs(self.old)))


def plan_files(entries: Iterable[Mapping[str, Any]]) -> tuple[KeyFilePlan, ...]:
    """Compare files with what is asked for.

    :param entries: ``path``, ``kind`` and ``keys``; keys are None to leave a file as it is, and empty for no file.
    :raises IdentityError: a path that sshd's configuration could not name, one that is there twice, no usable key,
        something else than a file in its place, or one that is to be left as it is and that sshd cannot read.
    """
    plans: dict[str, KeyFilePlan] = {}
    for entry in entries:
        path = entry["path"]
        if not path.startswith("/") or path != os.path.normpath(path) or not _NOT_IN_PATHS.isdisjoint(path):
            raise IdentityError(
                "the path %s of a file of keys is none that sshd's configuration can name: write an absolute one"
                " without blanks, quotes and %%" % ascii(path)
            )
        if path in plans:
            raise IdentityError(
                "two files of keys have the path %s: give each its own, or one with all the keys" % path
            )
        plans[path] = _plan_file(path, entry["kind"], entry["keys"])
    return tuple(plans.values())


def _plan_file(path: str, kind: str, keys: Sequence[Any] | None) -> KeyFilePlan:
    content = None if keys is None else _content(path, keys, kind == REVOKED_KEYS)
    old = read_file(path)
    if content is None:
        if old is not None and kind == REVOKED_KEYS:
            _check_readable(path, old)
        new = old
    else:
        new = content or None
    return KeyFilePlan(path, kind, old, new, "" if old is None else _loose(path))


def _content(path: str, keys: Sequence[Any], revoked: bool) -> bytes:
    """The text of a file with these keys, each once; empty for none."""
    found: dict[str, PublicKey] = {}
    if not keys:
        return b""
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key

    for number, line in enumerate(keys, 1):
        try:
            key = parse_public_key(line, revoked)
        except IdentityError as error:
            raise IdentityError("key %d for %s: %s" % (number, path, error)) from error
        known = found.get(key.blob)
        # the same key with two comments is one key, whatever the order of the list
        if known is None or key.line < known.line:
            found[key.blob] = key
    return (HEADER + "".join(sorted(key.line + "\n" for key in found.values()))).encode()


def _check_readable(path: str, data: bytes) -> None:
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key

    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                parse_public_key(line, revoked=True)
            except IdentityError as error:
                raise IdentityError(
                    "line %d of %s: %s; sshd may refuse every key because of it: give the list of revoked keys, and"
                    " the file is written anew" % (number, path, error)
                ) from error


def _loose(path: str) -> str:
    """What is wrong with the owner and the mode of a file; empty for nothing."""
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if (mode, status.st_uid, status.st_gid) == (MODE, 0, 0):
        return ""
    return "mode %04o, owner %d:%d" % (mode, status.st_uid, status.st_gid)


def blobs(data: bytes | None) -> frozenset[str]:
    """The keys in such a file, by their base64; comments differ, keys do not."""
    lines = (line.split() for line in (data or b"").decode(errors="replace").splitlines())
    return frozenset(fields[1] for fields in lines if len(fields) > 1 and not fields[0].startswith("#"))
