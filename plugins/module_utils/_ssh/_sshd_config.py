# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd's configuration says about drop-ins and key files (private, pure: no stable interface)."""

from __future__ import annotations

import fnmatch
import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "PASSWORD_SETTINGS",
    "Account",
    "complaint",
    "foreign_values",
    "global_value",
    "group_rules",
    "includes",
    "key_file_rules",
    "key_files",
    "key_files_of",
    "matched_groups",
    "parse_passwd",
    "parse_shadow",
    "password_opens",
    "reads_homes",
    "staged_config",
    "takes_passwords",
    "without_files",
    "words",
]

# With a file sshd looks into the home as well, wherever the file is; with a program that prints the file it does not.
_PRINTER = "/usr/bin/cat"
PASSWORD_SETTINGS = ("passwordauthentication", "kbdinteractiveauthentication")


@dataclass(frozen=True)
class Account:
    """The fields of a passwd line that say where somebody's keys are."""

    name: str
    uid: str
    home: str


def words(line: str) -> list[str]:
    """The words of a configuration line as sshd splits them, the keyword in lower case; [] for a comment."""
    body = line.strip()
    end = next((at for at, char in enumerate(body) if not char.isalnum()), len(body))
    keyword, rest = body[:end], body[end:].lstrip()
    if not keyword:
        return []
    if rest.startswith("="):
        rest = rest[1:]
    try:
        return [keyword.lower(), *shlex.split(rest, comments=True)]
    except ValueError:  # an open quote: sshd itself says so when it is asked
        return [keyword.lower(), rest]


def includes(config: str, path: str) -> bool:
    """Whether a main configuration reads ``path`` for every connection, i.e. before any Match line."""
    for line in config.splitlines():
        found = words(line)
        if found[:1] == ["match"]:
            return False
        if found[:1] == ["include"] and any(_names(pattern, path) for pattern in found[1:]):
            return True
    return False


def _names(pattern: str, path: str) -> bool:
    directory, name = os.path.split(os.path.normpath(os.path.join("/etc/ssh", pattern)))
    return directory == os.path.dirname(path) and fnmatch.fnmatchcase(os.path.basename(path), name)


def staged_config(config: str, directory: str, staged: str) -> str:
    """The same main configuration, reading the drop-ins of ``staged`` instead of those of ``directory``."""
    return "".join(_staged_line(line, directory, staged) + "\n" for line in config.splitlines())


def _staged_line(line: str, directory: str, staged: str) -> str:
    found = words(line)
    if found[:1] != ["include"]:
        return line
    patterns = [os.path.normpath(os.path.join("/etc/ssh", pattern)) for pattern in found[1:]]
    moved = [
        os.path.join(staged, os.path.basename(pattern)) if os.path.dirname(pattern) == directory else pattern
        for pattern in patterns
    ]
    return "Include " + " ".join('"%s"' % pattern for pattern in moved)


def key_file_rules(content: str) -> tuple[list[str] | None, list[list[str]]]:
    """The key files that a drop-in names: those for everybody (None: not set), and those of each Match block.

    A file that AuthorizedKeysCommand prints counts as one that AuthorizedKeysFile names before it in a Match block.
    """
    everybody: list[str] | None = None
    matched: list[list[str]] = []
    in_match = in_rule = False
    for line in content.splitlines():
        found = words(line)
        if found[:1] == ["match"]:
            in_match, in_rule = True, False
        elif found[:1] == ["authorizedkeysfile"]:
            if in_match:
                matched.append(found[1:])
                in_rule = True
            elif everybody is None:  # the first value wins
                everybody = found[1:]
        elif found[:1] == ["authorizedkeyscommand"] and in_rule:
            matched[-1].extend(_printed(found[1:]))
    return everybody, matched


def global_value(content: str, setting: str) -> list[str] | None:
    """The value that a drop-in sets for everybody, i.e. before any Match line; None when it does not."""
    for line in content.splitlines():
        found = words(line)
        if found[:1] == ["match"]:
            return None
        if found[:1] == [setting]:  # the first value wins
            return found[1:]
    return None


def without_files(content: str, paths: Iterable[str]) -> str:
    """A drop-in without the settings that name one of these files, which will not be there."""
    missing = frozenset(paths)
    settings = ("revokedkeys", "trustedusercakeys")
    if not missing:
        return content
    kept = []
    for line in content.splitlines(keepends=True):
        found = words(line)
        if not found or found[0] not in settings or missing.isdisjoint(found[1:]):
            kept.append(line)
    return "".join(kept)


def foreign_values(config: str, setting: str, ours: str) -> list[str]:
    """The values of a setting in a configuration that are not ours; for everybody ``none`` takes nothing away."""
    values, in_match = [], False
    for line in config.splitlines():
        found = words(line)
        in_match = in_match or found[:1] == ["match"]
        if found[:1] == [setting] and found[1:] != [ours] and (in_match or found[1:] != ["none"]):
            values.append(" ".join(found[1:]))
    return values


def group_rules(content: str) -> list[tuple[frozenset[str], dict[str, list[str]]]]:
    """What each Match that asks for groups alone sets, the first value of each keyword; in their order."""
    rules: list[tuple[frozenset[str], dict[str, list[str]]]] = []
    settings: dict[str, list[str]] = {}
    for line in content.splitlines():
        found = words(line)
        if found[:1] == ["match"]:
            settings = {}
            if len(found) == 3 and found[1].lower() == "group":
                rules.append((frozenset(found[2].split(",")), settings))
        elif found:
            settings.setdefault(found[0], found[1:])
    return rules


def matched_groups(content: str) -> frozenset[str]:
    """The groups that a drop-in has rules for."""
    groups: set[str] = set()
    for line in content.splitlines():
        found = words(line)
        if found[:1] == ["match"]:
            for criterion, value in zip(found[1::2], found[2::2]):
                if criterion.lower() == "group":
                    groups.update(value.split(","))
    return frozenset(groups)


def key_files(patterns: Iterable[str], account: Account) -> list[str]:
    """The files that sshd reads an account's keys from."""
    tokens = {"%%": "%", "%u": account.name, "%h": account.home, "%U": account.uid}
    files = []
    for pattern in patterns:
        if pattern.lower() == "none":
            continue
        name, at = "", 0
        while at < len(pattern):
            pair = pattern[at : at + 2]
            name += tokens.get(pair, pattern[at])
            at += 2 if pair in tokens else 1
        files.append(os.path.normpath(os.path.join(account.home, name)))
    return files


def key_files_of(settings: Mapping[str, list[str]], account: Account) -> list[str]:
    """The files that an account's keys come from, whoever reads them, by what sshd says of the account."""
    printed = _printed(settings.get("authorizedkeyscommand", []))
    return key_files([*settings.get("authorizedkeysfile", []), *printed], account)


def _printed(command: list[str]) -> list[str]:
    return command[1:] if command[:1] == [_PRINTER] else []


def complaint(answer: tuple[int, str, str]) -> str:
    """Why a command failed, in one line; "" when it did not."""
    code, out, err = answer
    if code == 0:
        return ""
    lines = [line.strip() for line in (err or out).splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "exit code %d" % code


def parse_passwd(text: str) -> list[Account]:
    """The accounts that could log in: those whose shell is not one that says no."""
    accounts = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and os.path.basename(fields[6]) not in ("nologin", "false"):
            accounts.append(Account(fields[0], fields[2], fields[5]))
    return accounts


def parse_shadow(text: str) -> frozenset[str]:
    """The accounts that have a password: neither none, nor one that is locked."""
    entries = (line.split(":") for line in text.splitlines())
    return frozenset(fields[0] for fields in entries if len(fields) > 1 and fields[1] and fields[1][0] not in "!*")


def takes_passwords(settings: Mapping[str, list[str]]) -> bool:
    """Whether sshd asks for passwords in one of its two ways; what it does not say it does."""
    return any(settings.get(name, ["yes"]) == ["yes"] for name in PASSWORD_SETTINGS)


def password_opens(account: Account, settings: Mapping[str, list[str]]) -> bool:
    """Whether a password would let this account in: root's does only where sshd says so, which is not its default."""
    return takes_passwords(settings) and (account.uid != "0" or settings.get("permitrootlogin") == ["yes"])


def reads_homes(patterns: Iterable[str]) -> bool:
    """Whether one of these key files lies where its user can write it."""
    return any(pattern.startswith("%h") or not pattern.startswith(("/", "none")) for pattern in patterns)
