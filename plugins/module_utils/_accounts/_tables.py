# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of passwd, group, shadow and gshadow, kept byte for byte where it is not ours (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

__all__ = ["DATABASES", "Table", "directory_sources", "rewritten"]

# name of the file -> number of fields of an entry
DATABASES = {"group": 4, "gshadow": 4, "shadow": 9, "passwd": 7}
# sources of nsswitch.conf that read the files we read ourselves, or know only numbers outside every band
_OWN_SOURCES = frozenset(("files", "compat", "systemd", "db"))


class Table:
    """One account file: its text and its entries by name.

    ``entries`` maps a name to its fields, of the first line where there are more, as the system reads it. Comments,
    blank lines, NIS lines and lines with another number of fields are no entries: they stay in the text as they are.
    ``strays`` (name, third field) are lines that are no entries for us and may be some for the system: further ones
    of a name, and malformed ones, for it is content with fewer fields and with blanks in front.
    """

    __slots__ = ("database", "entries", "strays", "text")

    def __init__(self, database: str, data: bytes) -> None:
        self.database = database
        # surrogateescape keeps every byte that is not UTF-8
        self.text = data.decode("utf-8", "surrogateescape")
        self.entries: dict[str, list[str]] = {}
        self.strays: list[tuple[str, str]] = []
        count = DATABASES[database]
        for line in self.text.split("\n"):
            fields = line.split(":")
            if len(fields) == count and line[0] not in "#+- \t" and fields[0] not in self.entries:
                self.entries[fields[0]] = fields
            elif len(fields) > 2 and line[0] not in "#+-":
                self.strays.append((fields[0].strip(), fields[2]))

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """Names and numbers of the entries of passwd or group."""
        return [(name, fields[2]) for name, fields in self.entries.items()]


def rewritten(table: Table, changes: dict[str, list[str] | None]) -> bytes:
    """The file's new content.

    :param changes: new fields by name, None to drop the entry. A name the file does not have is appended, before
        the first NIS line: what comes after such a line is the directory's.
    :raises IdentityError: a name that is to change stands in the file twice, or in a malformed line.
    """
    twice = sorted({name for name, _number in table.strays if name in changes})
    if twice:
        raise IdentityError(
            "/etc/%s has a malformed line of %s, or more than one: which counts is a guess; repair it (vipw, vigr) and"
            " run again" % (table.database, ", ".join(twice))
        )
    old = table.text.split("\n")
    tail = old.pop() if old else ""
    if tail:  # no newline at the end of the last line
        old.append(tail)
    count = DATABASES[table.database]
    lines: list[str] = []
    nis = -1
    for line in old:
        if line and line[0] in "+-" and nis < 0:
            nis = len(lines)
        name = line.split(":", 1)[0]
        if name in changes and name in table.entries and line.count(":") == count - 1:
            fields = changes[name]
            if fields is not None:
                lines.append(":".join(fields))
        else:
            lines.append(line)
    new = [":".join(fields) for name, fields in changes.items() if fields is not None and name not in table.entries]
    if nis < 0:
        nis = len(lines)
    lines[nis:nis] = new
    return ("\n".join(lines) + "\n" if lines else "").encode("utf-8", "surrogateescape")


def directory_sources(nsswitch: bytes | None, database: str) -> set[str]:
    """The directory services that nsswitch.conf names for passwd or group."""
    for line in (nsswitch or b"").decode("utf-8", "replace").split("\n"):
        wanted, _colon, rest = line.split("#")[0].partition(":")
        if wanted.strip() == database:
            return {word for word in rest.split() if not word.startswith("[")} - _OWN_SOURCES
    return set()
