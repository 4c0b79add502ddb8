# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts answered about their accounts, as values (private, pure; runs on the controller).

Whoever is root on a host can answer anything. What is not of the right form is no answer, and text is only shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import in_one_line
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["HostAccount", "HostAnswer", "Key", "KeyFile", "Recorded", "Rule", "Strangers", "parse_answers"]


@dataclass(frozen=True)
class Key:
    """A key that a file has."""

    fingerprint: str
    comment: str = ""
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.comment})" if self.comment else self.fingerprint


@dataclass(frozen=True)
class KeyFile:
    """A file of keys: ``name`` is that of an account, or the path from a home on."""

    name: str
    keys: tuple[Key, ...] = ()
    unseen: int = 0  # keys that were left out
    writable_by: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Sshd:
    """By which ways sshd lets an account in."""

    central_keys: bool = True
    home_keys: tuple[str, ...] = (".ssh/authorized_keys", ".ssh/authorized_keys2")
    passwords: bool = True
    certificates: bool = False


@dataclass(frozen=True)
class HostAccount:
    """An account of a host."""

    name: str
    uid: int
    gid: int = 0
    gecos: str = ""
    home: str = ""
    shell: str = ""
    groups: tuple[str, ...] = ()
    password: str = "none"
    expired: bool = False
    owner: str = ""  # for whom the collection manages it; empty when it does not
    home_kind: str = "directory"
    home_uid: int = -1
    home_mode: str = ""
    key_file: KeyFile | None = None
    home_key_files: tuple[KeyFile, ...] = ()
    # what is not known is taken for what lets in
    sshd: Sshd = Sshd()
    linger: bool = False
    crontab: bool = False
    processes: int = 0


@dataclass(frozen=True)
class Rule:
    """A rule of sudo."""

    who: tuple[str, ...]
    what: str
    file: str
    ours: bool = False


@dataclass(frozen=True)
class Strangers:
    """Files of a number that nobody has on the host."""

    root: str
    kind: str
    number: int
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """A user whom the record of the collection has."""

    name: str
    number: int
    owner: str
    state: str


@dataclass(frozen=True)
class HostAnswer:
    """What one host answered; ``unknown`` says why there is no answer."""

    host: str
    accounts: tuple[HostAccount, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    key_files_of_nobody: tuple[KeyFile, ...] = ()
    rules: tuple[Rule, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    connecting: tuple[str, ...] = ()
    strangers: tuple[Strangers, ...] = ()
    gaps: tuple[str, ...] = ()
    unknown: str = ""


def parse_answers(raw: Any) -> tuple[HostAnswer, ...]:
    """Read what the module accounts_info returned on every host, sorted by host.

    :param raw: a mapping from host to result, of plain types.
    :raises IdentityError: it is not such a mapping. What a host says never raises: it is then not looked at.
    """
    if not isinstance(raw, dict) or not all(isinstance(host, str) and host for host in raw):
        raise IdentityError(
            f"hosts is {quoted(raw)}, not a mapping: give what accounts_info returned on each host, by its name."
        )
    if not raw:
        raise IdentityError("hosts is empty, so nothing can be said of any host: run accounts_info on the hosts first.")
    return tuple(_answer(host, raw[host]) for host in sorted(raw))


def _answer(host: str, result: Any) -> HostAnswer:
    name = in_one_line(host)
    if not isinstance(result, dict) or ("info" not in result and "accounts" not in result):
        return HostAnswer(name, unknown=_why_nothing(result if isinstance(result, dict) else {}))
    try:
        return _parsed(name, result.get("info", result))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return HostAnswer(name, unknown="what it answered is not what accounts_info returns")


def _why_nothing(result: Mapping[str, Any]) -> str:
    if result.get("unreachable"):
        return "it could not be reached"
    if result.get("failed"):
        return f"accounts_info failed: {in_one_line(str(result.get('msg', 'for no reason given')), 300)}"
    return "it was not asked, or could not be reached"


def _parsed(host: str, info: dict[str, Any]) -> HostAnswer:
    files = [(_text(one["root"]), number) for one in info.get("files", []) for number in one["numbers"]]
    return HostAnswer(
        host,
        accounts=tuple(_account(raw) for raw in info["accounts"]),
        groups={_text(raw["name"]): _number(raw["gid"]) for raw in info["groups"]},
        key_files_of_nobody=tuple(_key_file(raw["name"], raw) for raw in info["key_files_of_nobody"]),
        rules=tuple(
            Rule(_texts(raw["who"]), _text(raw["what"], 200), _text(raw["file"]), raw["ours"] is True)
            for raw in info["sudo"]
        ),
        recorded=tuple(
            Recorded(_text(raw["name"]), _number(raw["number"]), _text(raw["owner"]), _text(raw["state"]))
            for raw in info["recorded"]
        ),
        connecting=_texts(info["connecting"]),
        strangers=tuple(
            Strangers(
                root, _text(raw["kind"]), _number(raw["number"]), _count(raw["count"]), _texts(raw["examples"], 300)[:3]
            )
            for root, raw in files
        ),
        gaps=_texts(info["gaps"], 400),
    )


def _account(raw: dict[str, Any]) -> HostAccount:
    home = raw["home_state"]
    sshd = raw.get("sshd")
    managed = raw.get("managed") or {}
    return HostAccount(
        name=_text(raw["name"]),
        uid=_number(raw["uid"]),
        gid=_number(raw["gid"]),
        gecos=_text(raw["gecos"]),
        home=_text(raw["home"], 300),
        shell=_text(raw["shell"], 300),
        groups=_texts(raw["groups"]),
        password=_text(raw["password"]),
        expired=_truth(raw["expired"]),
        owner=_text(managed.get("owner", "")),
        home_kind=_text(home["kind"]),
        home_uid=_number(home["uid"]) if "uid" in home else -1,
        home_mode=_mode(home["mode"]) if "mode" in home else "",
        key_file=_key_file(raw["name"], raw["key_file"]) if "key_file" in raw else None,
        home_key_files=tuple(_key_file(one["file"], one) for one in home.get("key_files", [])),
        sshd=Sshd()
        if sshd is None
        else Sshd(
            _truth(sshd["central_keys"]),
            _texts(sshd["home_keys"]),
            _truth(sshd["passwords"]),
            _truth(sshd["certificates"]),
        ),
        linger=_truth(raw["linger"]),
        crontab=_truth(raw["crontab"]),
        processes=_count(raw["processes"]),
    )


def _key_file(name: Any, raw: dict[str, Any]) -> KeyFile:
    # what could not be read at all has a problem and no keys
    keys = raw.get("public_keys", []) if "problem" in raw else raw["public_keys"]
    return KeyFile(
        _text(name),
        tuple(Key(_text(one["fingerprint"]), _text(one["comment"]), _texts(one["options"])) for one in keys),
        _count(raw.get("more", 0)),
        _text(raw.get("writable_by", "")),
        _text(raw.get("problem", "")),
    )


def _text(value: Any, longest: int = 120) -> str:
    if not isinstance(value, str):
        raise TypeError("text is wanted")
    return in_one_line(value, longest)


def _texts(value: Any, longest: int = 120) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is wanted")
    return tuple(_text(one, longest) for one in value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError("a number is wanted")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError("a number of things is wanted")
    return value


def _mode(value: Any) -> str:
    mode = _text(value)
    if len(mode) > 6 or not set(mode) <= set("01234567"):
        raise ValueError("a mode is wanted")
    return mode
