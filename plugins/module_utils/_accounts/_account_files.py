# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account files and the record of a host, read to be looked at (private). Nothing is changed.

What cannot be read whole is said in a list of gaps, never left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import parse_record, read_record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Record

__all__ = ["account_table", "as_number", "groups_of", "known_record", "shown"]

_LARGEST = 4294967295


def known_record(path: str, gaps: list[str]) -> Record:
    """Which accounts are ours by the record in a directory; none of them when it cannot be read, which is a gap."""
    try:
        return read_record(path)
    except IdentityError as refusal:
        gaps.append(str(refusal))
    return parse_record(None)


def account_table(database: str, data: bytes | None, gaps: list[str]) -> Table:
    """An account file; lines that may be entries to the system and are none to us are gaps.

    :raises IdentityError: there is no such file.
    """
    if data is None:
        raise IdentityError("/etc/%s is missing: restore it (a backup is /etc/%s-)" % (database, database))
    table = Table(database, data)
    for name, number in table.strays:
        gaps.append(
            "/etc/%s has a malformed line or a further one of %s (%s): repair it (vipw, vigr)"
            % (database, ascii(name)[:66], ascii(number)[:20])
        )
    if any(line[:1] in ("+", "-") for line in table.text.split("\n")):
        gaps.append("/etc/%s takes further lines from NIS, which are not read: remove the line" % database)
    return table


def groups_of(table: Table, gaps: list[str]) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The groups, each with its name and gid, and the names of those that list somebody as a member."""
    groups = []
    memberships: dict[str, list[str]] = {}
    for name, fields in table.entries.items():
        gid = as_number(fields[2])
        if gid is None:
            gaps.append("/etc/group has no number for %s: repair the line (vigr)" % ascii(name))
            continue
        groups.append({"name": shown(name), "gid": gid})
        for member in fields[3].split(","):
            if member:
                memberships.setdefault(member, []).append(shown(name))
    return groups, memberships


def as_number(text: str) -> int | None:
    """The number in a field of an account file."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= _LARGEST else None


def shown(text: str) -> str:
    """Text that JSON can carry: bytes that are not UTF-8 as \\xNN."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
