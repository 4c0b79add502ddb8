# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sudo lets whom do on a host, by the files that it reads (private).

Only who is named and what is allowed is taken from them; a file that sudo reads and that cannot be read here is a gap.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import in_one_line
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory, read_file

if TYPE_CHECKING:
    from typing import Any

__all__ = ["OURS", "parse_sudoers", "sudo_rules"]

OURS = b"# Written by labfleet.identity: "
MOST_FILES = 500
MOST_RULES = 2000
_OTHER_ALIASES = ("Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias")
_INCLUDES = ("@include", "#include", "@includedir", "#includedir")


@dataclass
class _Reading:
    """What was found so far."""

    rules: list[dict[str, Any]] = field(default_factory=list)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)  # that were begun: a file can include itself


def sudo_rules(path: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The rules that sudo reads.

    :param path: C(/etc/sudoers); it is no gap when there is none.
    :returns: the rules (C(who), C(what), C(file), C(ours), C(password)), and what could not be read.
    """
    reading = _Reading()
    if os.path.lexists(path):
        _read(path, reading)
    for rule in reading.rules:
        rule["who"] = _resolved(rule["who"], reading.aliases)
    return reading.rules, reading.gaps


def _read(path: str, reading: _Reading) -> None:
    """One file, and those that it includes."""
    if path in reading.files or len(reading.files) > MOST_FILES:
        return
    reading.files.add(path)
    if len(reading.files) > MOST_FILES:
        reading.gaps.append("sudo reads more than %d files: the others were not read" % MOST_FILES)
        return
    try:
        directory = open_trusted_directory(os.path.dirname(path))
        try:
            data = read_file(os.path.basename(path), dir_fd=directory)
        finally:
            os.close(directory)
    except (IdentityError, OSError, ValueError) as error:
        reading.gaps.append("rules of sudo in %s were not read: %s" % (in_one_line(path), in_one_line(str(error), 300)))
        return
    if data is None:
        reading.gaps.append("sudo includes %s, which is not there" % in_one_line(path))
        return
    found, aliases, included = parse_sudoers(data)
    for who, what in found:
        if len(reading.rules) >= MOST_RULES:
            reading.gaps.append("sudo has more than %d rules: the others were left out" % MOST_RULES)
            break
        rule = {"who": who, "what": in_one_line(" ".join(what.split()), 200), "file": in_one_line(path)}
        reading.rules.append({**rule, "ours": data.startswith(OURS), "password": "NOPASSWD" not in what})
    for name, members in aliases.items():
        reading.aliases.setdefault(name, []).extend(members)
    for kind, name in included:
        target = os.path.join(os.path.dirname(path), name.replace("%h", os.uname().nodename.split(".")[0]))
        for one in _files_in(target, reading) if kind.endswith("dir") else [target]:
            _read(one, reading)


def _files_in(path: str, reading: _Reading) -> list[str]:
    """The files of a directory that sudo reads: those without a dot in their names, and with no tilde at the end."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        reading.gaps.append("rules of sudo in %s were not read: %s" % (in_one_line(path), in_one_line(str(error))))
        return []
    read = [os.path.join(path, name) for name in names if "." not in name and not name.endswith("~")]
    return [one for one in read if not os.path.isdir(one)]


def parse_sudoers(
    data: bytes,
) -> tuple[list[tuple[list[str], str]], dict[str, list[str]], list[tuple[str, str]]]:
    """The text of one file: its rules (who, and the rest of the line), its aliases of users, what it includes."""
    rules: list[tuple[list[str], str]] = []
    aliases: dict[str, list[str]] = {}
    included: list[tuple[str, str]] = []
    text = data.decode("utf-8", "surrogateescape").replace("\\\r\n", " ").replace("\\\n", " ")
    for raw in text.split("\n"):
        line = raw.strip()
        word, _blank, rest = line.replace("\t", " ").partition(" ")
        if word in _INCLUDES and rest.strip():
            included.append((word, _unquoted(rest.strip())))
            continue
        line = _without_comment(line)
        if not line or word.startswith("Defaults") or word in _OTHER_ALIASES:
            continue
        if word == "User_Alias":
            for part in line[len(word) :].split(":"):
                name, equals, members = part.partition("=")
                if equals:
                    aliases.setdefault(name.strip(), []).extend(_users(members)[0])
            continue
        who, what = _users(line)
        if who and what:
            rules.append((who, what))
    return rules, aliases, included


def _unquoted(path: str) -> str:
    return path.strip('"') if path[:1] == '"' else path.replace("\\ ", " ")


def _without_comment(line: str) -> str:
    """The line up to its comment; a # before a digit is a number, of a user or (%#) of a group."""
    quoted = False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == "#" and not quoted and line[at - 1 : at] != "\\" and not line[at + 1 : at + 2].isdigit():
            return line[:at].strip()
    return line


def _users(text: str) -> tuple[list[str], str]:
    """The list of users at the beginning of a text, and what follows it."""
    found: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t,":
            at += 1
        name, at = _name(text, at)
        if name:
            found.append(name)
        while at < len(text) and text[at] in " \t":
            at += 1
        if at >= len(text) or text[at] != ",":
            return found, text[at:]


def _name(text: str, at: int) -> tuple[str, int]:
    """One name from a place on, without its quotes and backslashes."""
    letters: list[str] = []
    quoted = False
    while at < len(text):
        char = text[at]
        if char == '"':
            quoted = not quoted
        elif char == "\\" and at + 1 < len(text):
            at += 1
            letters.append(text[at])
        elif not quoted and char in " \t,=:":
            break
        else:
            letters.append(char)
        at += 1
    return "".join(letters), at


def _resolved(who: list[str], aliases: dict[str, list[str]]) -> list[str]:
    """The users, groups and numbers that names and aliases of users stand for; whom a ! takes out is left out."""
    found: dict[str, None] = {}
    waiting = list(reversed(who))
    seen = set()
    while waiting:
        name = waiting.pop()
        if name in aliases and name != "ALL":
            if name not in seen:
                seen.add(name)
                waiting += reversed(aliases[name])
        elif name[:1] != "!":
            found[in_one_line(name)] = None
    return list(found)
