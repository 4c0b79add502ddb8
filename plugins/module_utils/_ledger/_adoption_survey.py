# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a fleet said about their accounts, as one value (private, pure; runs on the controller).

Everything in it was written by hosts, and so by whoever is root or has an account there: it is checked, and only shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["Account", "Entry", "Group", "Surveys", "first_of", "in_words", "parse_surveys", "shown"]

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@")


@dataclass(frozen=True)
class Account:
    """An account that a host has, or that a directory service told it of."""

    host: str
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True)
class Group:
    """A group that a host has."""

    host: str
    name: str
    gid: int


@dataclass(frozen=True)
class Entry:
    """An entry of a directory of homes."""

    host: str
    base: str
    name: str
    uid: int
    gid: int
    kind: str

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self.base.rstrip('/')}/{self.name}"


@dataclass(frozen=True)
class Surveys:
    """What all hosts said."""

    hosts: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    groups: tuple[Group, ...] = ()
    entries: tuple[Entry, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()  # host and number, of what is neither an account nor a group
    bases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # directory of homes, host: its state
    gaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what is not known of a host


def parse_surveys(raw: Any) -> Surveys:
    """Read what the module accounts_survey returned on every host, in whatever order.

    :param raw: a mapping from host to result, or a list of mappings with host and survey, of plain types.
    :raises IdentityError: a result is not one of that module.
    """
    reader = _Reader()
    given = _by_host(raw)
    for host in sorted(given):
        reader.host(host, given[host])
    return reader.surveys(tuple(sorted(given)))


def shown(text: str) -> str:
    """A name as it is when nothing in it can mislead, else quoted and escaped."""
    return text if text and len(text) <= 66 and _PLAIN.issuperset(text) else quoted(text)


def _by_host(raw: Any) -> dict[str, Any]:
    if isinstance(raw, list):
        pairs = [(one.get("host"), one) if isinstance(one, dict) else (None, one) for one in raw]
    elif isinstance(raw, dict):
        pairs = list(raw.items())
    else:
        pairs = [(None, raw)]
    found: dict[str, Any] = {}
    for host, result in pairs:
        if not isinstance(host, str) or not host:
            raise IdentityError(
                f"hosts has {quoted(host)} where the name of a host should be: give a mapping from each host to what"
                " accounts_survey returned there."
            )
        if host in found:
            raise IdentityError(f"hosts has {shown(host)} twice: give each host once.")
        found[host] = result
    if not found:
        raise IdentityError("hosts is empty, so nothing is known of any host: survey the hosts with accounts_survey.")
    return found


class _Reader:
    """Puts together what the hosts said."""

    def __init__(self) -> None:
        self._accounts: list[Account] = []
        self._groups: list[Group] = []
        self._entries: list[Entry] = []
        self._numbers: list[tuple[str, int]] = []
        self._bases: dict[str, dict[str, str]] = {}
        self._gaps: dict[str, tuple[str, ...]] = {}

    def surveys(self, hosts: tuple[str, ...]) -> Surveys:
        """All of it."""
        return Surveys(
            hosts,
            tuple(self._accounts),
            tuple(self._groups),
            tuple(self._entries),
            tuple(self._numbers),
            self._bases,
            self._gaps,
        )

    def host(self, host: str, result: Any) -> None:
        """Add the result of one host; a host without one has a gap that is all of it."""
        result = {} if result is None else result
        if isinstance(result, dict) and "survey" not in result and "accounts" not in result:
            self._gaps[host] = (_why_nothing(result),)
            return
        try:
            self._survey(host, result.get("survey", result))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IdentityError(
                f"What hosts has for {shown(host)} is not what accounts_survey returns"
                f" ({type(error).__name__} {ascii(str(error))[:80]}): register its result and pass that on."
            ) from error

    def _survey(self, host: str, survey: dict[str, Any]) -> None:
        for raw in survey["accounts"]:
            home = _text(raw["home"])
            self._accounts.append(Account(host, _text(raw["name"]), _number(raw["uid"]), _number(raw["gid"]), home))
        for raw in survey["directory_accounts"]:
            self._accounts.append(Account(host, _text(raw["name"]), _number(raw["uid"]), _number(raw["gid"]), ""))
        for raw in survey["groups"]:
            self._groups.append(Group(host, _text(raw["name"]), _number(raw["gid"])))
        self._numbers += [(host, _number(number)) for number in survey["other_numbers"]]
        gaps = [_text(gap) for gap in survey["gaps"]]
        for home in survey["homes"]:
            base, state = _text(home["base"]), _text(home["state"])
            self._bases.setdefault(base, {})[host] = state
            for raw in home["entries"]:
                name, kind = _text(raw["name"]), _text(raw.get("kind", "directory"))
                self._entries.append(Entry(host, base, name, _number(raw["uid"]), _number(raw["gid"]), kind))
            if state not in ("listed", "missing") and not gaps:
                gaps.append(f"{base} was not read whole")
        if gaps:
            self._gaps[host] = tuple(gaps)


def _why_nothing(result: Mapping[str, Any]) -> str:
    if result.get("unreachable"):
        return "it could not be reached"
    if result.get("failed"):
        return f"the survey failed: {result.get('msg', 'for no reason given')}"
    return "it was not surveyed"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is wanted, not {quoted(value)}")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError(f"a number is wanted, not {quoted(value)}")
    return value


def in_words(names: Iterable[str]) -> str:
    """Some names, the first in words and the others counted."""
    return first_of(shown(name) for name in set(names))


def first_of(texts: Iterable[str], most: int = 4) -> str:
    """Some texts that may be shown as they are, the first in words and the others counted."""
    listed = sorted(set(texts))
    more = len(listed) - most
    text = ", ".join(listed[:most])
    return f"{text} and {more} more" if more > 0 else text
