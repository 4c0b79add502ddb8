# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader of sudoers of our own, after sudoers(5), that knows nothing of how the lines are made."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

_TAG = re.compile(r"(NOPASSWD|PASSWD|NOEXEC|EXEC|SETENV|NOSETENV): ")


@dataclass(frozen=True)
class Line:
    """One user specification."""

    who: str
    users: tuple[str, ...]
    groups: tuple[str, ...]
    tags: tuple[str, ...]
    commands: tuple[str, ...]  # with the backslashes of sudoers still in them

    def allows(self, words: list[str]) -> bool:
        """Whether sudo would run these words, by any of the commands."""
        return any(_matches(command, words) for command in self.commands)


def read_sudoers(data: bytes) -> list[Line]:
    """Every line that is no comment; an AssertionError for what is no user specification on all hosts."""
    lines = []
    for text in data.decode("ascii").split("\n"):
        if text and not text.startswith("#"):
            lines.append(_line(text))
    return lines


def _split(text: str, separator: str) -> list[str]:
    """The pieces between separators that have no backslash in front."""
    pieces, current, at = [], "", 0
    while at < len(text):
        if text[at] == "\\":
            current += text[at : at + 2]
            at += 2
            continue
        if text[at] == separator:
            pieces.append(current)
            current = ""
        else:
            current += text[at]
        at += 1
    return [*pieces, current]


def _line(text: str) -> Line:
    found = re.fullmatch(r"(%?[A-Za-z_][A-Za-z0-9_.-]*) ALL=\(([^()]*)\) (.*)", text)
    assert found, text
    who, runas, rest = found.groups()
    users, _colon, groups = runas.partition(":")
    tags = []
    while (tag := _TAG.match(rest)) is not None:
        tags.append(tag.group(1))
        rest = rest[tag.end() :]
    commands = [command.strip(" ") for command in _split(rest, ",")]
    assert not any(re.search(r"(?<!\\)(?:\\\\)*[:=#]", command) for command in commands), text
    return Line(who, _names(users), _names(groups), tuple(tags), tuple(commands))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _matches(command: str, words: list[str]) -> bool:
    if command == "ALL":
        return True
    first, *rest = _split(command, " ")
    path = re.sub(r"\\(.)", r"\1", first)
    # no wildcard of a path reaches beyond a slash
    if path.count("/") != words[0].count("/") or not fnmatch.fnmatchcase(words[0], path):
        return False
    asked = " ".join(words[1:])
    if not rest:
        return True
    if rest == ['""']:
        return asked == ""
    pattern = " ".join(rest)
    assert not pattern.startswith("^"), "a regular expression"
    # the lexer keeps the backslash of a wildcard and takes away the others
    pattern = re.sub(
        r"\\([*?\[\]!^])|\\(.)", lambda match: match.group(0) if match.group(1) else match.group(2), pattern
    )
    return fnmatch.fnmatchcase(asked, _as_python(pattern))


def _as_python(pattern: str) -> str:
    """fnmatch of Python knows no backslash: what one escapes becomes a class of one."""
    return re.sub(
        r"\\(.)", lambda match: "[%s]" % match.group(1) if match.group(1) in "*?[" else match.group(1), pattern
    )
