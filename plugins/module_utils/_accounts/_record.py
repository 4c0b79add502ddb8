# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts of a host are ours: the record the collection keeps there (private)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory, read_file
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import SYSTEM_BAND, Band

__all__ = [
    "MIGRATION_NAME",
    "RECORD_DIRECTORY",
    "RECORD_NAME",
    "Owned",
    "Record",
    "format_record",
    "parse_record",
    "read_record",
]

RECORD_DIRECTORY = "/var/lib/labfleet-identity"
RECORD_NAME = "accounts.json"
MIGRATION_NAME = "migration.json"  # how far a change of numbers is, in the same directory
_FORMAT = 1
_NUMBERS = Band(SYSTEM_BAND.first, 4294967294)
_STATES = ("present", "disabled")


@dataclass(frozen=True)
class Owned:
    """A user or group that the collection made, or adopted, for ``owner``."""

    number: int
    owner: str
    state: str = "present"


@dataclass(frozen=True)
class Record:
    """Users and groups by name."""

    users: dict[str, Owned]
    groups: dict[str, Owned]


def read_record(path: str) -> Record:
    """The record in a directory of root's; a host that was never managed has none.

    :raises IdentityError: it is damaged, or others than root can change it.
    """
    if not os.path.lexists(path):
        return parse_record(None)
    directory = open_trusted_directory(path)
    try:
        return parse_record(read_file(RECORD_NAME, dir_fd=directory))
    finally:
        os.close(directory)


def parse_record(data: bytes | None) -> Record:
    """Read the record; a host that was never managed has none.

    :raises IdentityError: it is damaged. What is ours is then unknown, and is not guessed.
    """
    if data is None:
        return Record({}, {})
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        if isinstance(raw["format"], bool) or raw["format"] != _FORMAT:
            raise ValueError("format %s" % ascii(raw["format"])[:40])
        return Record(_owned(raw["users"]), _owned(raw["groups"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IdentityError) as error:
        raise IdentityError(
            "%s/%s, the record of which accounts are ours, is damaged (%s): restore it from a backup, or move it away"
            " and give the accounts back by name with adopt" % (RECORD_DIRECTORY, RECORD_NAME, error)
        ) from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A mapping in which no name stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _owned(raw: dict[str, dict[str, object]]) -> dict[str, Owned]:
    owned = {}
    for name, entry in raw.items():
        number, owner, state = entry["number"], entry["owner"], entry["state"]
        # the name becomes a part of paths
        check_username(name)
        # no number of the system's own accounts was ever given by us, and all processes of such a number may be ended
        if not isinstance(number, int) or isinstance(number, bool) or number not in _NUMBERS:
            raise ValueError("number of %s" % name)
        if not isinstance(owner, str) or state not in _STATES:
            raise ValueError("entry of %s" % name)
        owned[name] = Owned(number, owner, str(state))
    return owned


def format_record(record: Record) -> bytes:
    """The record as JSON, one entry a line so that people can read and compare it."""
    parts = []
    for kind, entries in (("users", record.users), ("groups", record.groups)):
        lines = [
            "%s: %s" % (json.dumps(name), json.dumps({"number": own.number, "owner": own.owner, "state": own.state}))
            for name, own in sorted(entries.items())
        ]
        parts.append('"%s": {%s}' % (kind, "\n  " + ",\n  ".join(lines) + "\n" if lines else ""))
    return ('{"format": %d,\n%s\n}\n' % (_FORMAT, ",\n".join(parts))).encode("utf-8")
