# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which ways sshd lets an account in, as sshd itself says (private). Nothing is changed.

sshd is asked about one account of each kind. Two accounts are of one kind when no Match line of the configuration can
tell them apart.
"""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import in_one_line
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Run = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["Asked", "ways_of_sshd"]

MOST_KINDS = 8
MOST_FILES = 100
_CENTRAL = "/etc/ssh/authorized_keys.d/"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@dataclass(frozen=True)
class Asked:
    """An account about which sshd is asked."""

    name: str
    uid: int
    home: str
    groups: tuple[str, ...]


def ways_of_sshd(accounts: Sequence[Asked], config: str, run: Run) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The ways in by the name of the account, and what is not known.

    :param config: the main configuration of sshd. Without it there is no sshd, and nobody gets in by it.
    :param run: runs a program; its answer is exit code, output and complaints.
    """
    if not os.path.lexists(config):
        return {}, []
    gaps: list[str] = []
    patterns = _patterns(config, gaps)
    kinds: dict[tuple[object, ...], list[Asked]] = {}
    for account in accounts:
        kinds.setdefault(_kind(account, patterns), []).append(account)
    ways: dict[str, dict[str, Any]] = {}
    for number, same in enumerate(kinds.values()):
        # the name becomes a part of what sshd is asked
        example = min((account.name for account in same if _PLAIN.issuperset(account.name)), default="")
        if not example or number >= MOST_KINDS:
            names = ", ".join(in_one_line(account.name, 40) for account in same[:3])
            gaps.append("sshd was not asked how %s get in: there are too many kinds of accounts" % names)
            continue
        code, out, err = run(
            ["sshd", "-T", "-C", "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" % example]
        )
        if code != 0:
            gaps.append("sshd does not say how people get in: %s" % in_one_line((err or out).strip(), 200))
            return ways, gaps
        settings: dict[str, list[str]] = {}
        for line in out.splitlines():
            keyword, _blank, rest = line.partition(" ")
            settings.setdefault(keyword.lower(), []).extend(rest.split())
        if settings.get("authorizedkeyscommand") == ["/usr/bin/cat", _CENTRAL + "%u"]:
            # so that sshd does not look into a home on a file server; it is the file that counts
            files = [pattern for pattern in settings.get("authorizedkeysfile", []) if pattern.lower() != "none"]
            settings.update(authorizedkeysfile=[*files, _CENTRAL + "%u"], authorizedkeyscommand=["none"])
        for account in same:
            ways[account.name] = _ways(account, settings)
        for gap in _elsewhere(settings):
            if gap not in gaps:
                gaps.append(gap)
    return ways, gaps


def _kind(account: Asked, patterns: Sequence[str]) -> tuple[object, ...]:
    """What Match lines can know of an account: which of their words fit its name and its groups."""
    return (
        account.uid == 0,
        tuple(pattern for pattern in patterns if fnmatch.fnmatchcase(account.name, pattern)),
        tuple(p for p in patterns if any(fnmatch.fnmatchcase(group, p) for group in account.groups)),
    )


def _patterns(config: str, gaps: list[str]) -> list[str]:
    """Every word of the Match lines, of this file and of all that it includes."""
    found: dict[str, None] = {}
    waiting = [config]
    read = 0
    while waiting and read < MOST_FILES:
        path = waiting.pop()
        read += 1
        try:
            data = read_file(path)
        except IdentityError as refusal:
            gaps.append(str(refusal))
            continue
        for line in (data or b"").decode("utf-8", "surrogateescape").split("\n"):
            words = line.replace('"', " ").replace("=", " ").replace("\t", " ").split()
            if words and words[0].lower() == "match":
                found.update((one.lstrip("!"), None) for word in words[1:] for one in word.split(",") if one)
            elif words and words[0].lower() == "include":
                waiting += [name for word in words[1:] for name in _included(word, os.path.dirname(config))]
    return list(found)


def _included(pattern: str, base: str) -> list[str]:
    directory, name = os.path.split(os.path.join(base, pattern))
    try:
        return [os.path.join(directory, one) for one in os.listdir(directory) if fnmatch.fnmatchcase(one, name)]
    except (OSError, ValueError):
        return []


def _ways(account: Asked, settings: Mapping[str, list[str]]) -> dict[str, Any]:
    """By which ways sshd lets this account in, when it is asked with the settings that are for it."""

    def first(name: str, default: str) -> str:
        return settings.get(name, [default])[0].lower()

    root = first("permitrootlogin", "prohibit-password") if account.uid == 0 else "yes"
    denied = root == "no" or _is_denied(account, settings)
    keys = not denied and first("pubkeyauthentication", "yes") == "yes"
    typed = first("kbdinteractiveauthentication", "no") == "yes" and first("usepam", "no") == "yes"
    files = [_expanded(pattern, account) for pattern in settings.get("authorizedkeysfile", [])] if keys else []
    home = account.home or "/"  # without a slash at its end it is empty
    return {
        "central_keys": _CENTRAL + account.name in files,
        "home_keys": [os.path.relpath(path, home) for path in files if path.startswith(account.home + "/")],
        "passwords": not denied and root == "yes" and (first("passwordauthentication", "yes") == "yes" or typed),
        "certificates": keys and first("trustedusercakeys", "none") != "none",
    }


def _expanded(pattern: str, account: Asked) -> str:
    """A file name of the configuration, for one account."""
    values = {"h": account.home, "u": account.name, "U": str(account.uid)}
    parts = pattern.split("%")
    path = parts.pop(0)
    while parts:
        part = parts.pop(0)
        if not part and parts:  # %% is one
            path += "%" + parts.pop(0)
        else:
            path += values.get(part[:1], "%" + part[:1]) + part[1:]
    return path if path.startswith("/") else account.home + "/" + path


def _is_denied(account: Asked, settings: Mapping[str, list[str]]) -> bool:
    """Whether a list of users or groups keeps an account out; where somebody comes from is not looked at."""

    def fits(setting: str, names: Sequence[str]) -> bool:
        words = [word.split("@")[0] for word in settings.get(setting, [])]
        return any(fnmatch.fnmatchcase(name, word) for word in words for name in names)

    return (
        fits("denyusers", [account.name])
        or fits("denygroups", account.groups)
        or ("allowusers" in settings and not fits("allowusers", [account.name]))
        or ("allowgroups" in settings and not fits("allowgroups", account.groups))
    )


def _elsewhere(settings: Mapping[str, list[str]]) -> list[str]:
    """Keys that sshd takes from places that nobody looks at here."""
    gaps = []
    for pattern in settings.get("authorizedkeysfile", []):
        looked_at = (_CENTRAL + "%u", ".ssh/authorized_keys", ".ssh/authorized_keys2", "none")
        if pattern.replace("%h/", "") not in looked_at:
            gaps.append("sshd also takes keys from %s, where nobody looked" % in_one_line(pattern))
    if settings.get("authorizedkeyscommand", ["none"])[0] != "none":
        gaps.append("sshd also takes keys from the program of AuthorizedKeysCommand, which was not asked")
    return gaps
