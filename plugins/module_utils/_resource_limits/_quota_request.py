# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of a file system: checked, and compared with what repquota tells (private, pure).

Sizes are in KiB here, as the quota tools take and tell them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import size_in_bytes
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping, Sequence

__all__ = [
    "KINDS",
    "Held",
    "Limit",
    "Report",
    "Wish",
    "grace_text",
    "over",
    "parse_grace",
    "parse_wishes",
    "plan_limits",
    "read_report",
    "setquota_lines",
    "told",
]

KINDS = {"user": "-u", "group": "-g", "project": "-P"}
_LARGEST_ID = 2**32 - 2
_MOST_KIB = 2**50
_MOST_FILES = 2**50
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_TWO_DAYS = 172800  # from here on repquota tells days
_SHOWN = 20


@dataclass(frozen=True)
class Limit:
    """What somebody may have; 0 is unlimited."""

    soft: int = 0  # KiB
    hard: int = 0
    files_soft: int = 0
    files_hard: int = 0


@dataclass(frozen=True)
class Held:
    """What somebody may have, and has."""

    limit: Limit = Limit()
    used: int = 0  # KiB
    files: int = 0


@dataclass(frozen=True)
class Wish:
    """What somebody should be allowed; None leaves a number as it is."""

    name: str
    number: int
    soft: int | None = None
    hard: int | None = None
    files_soft: int | None = None
    files_hard: int | None = None
    directory: str = ""


@dataclass(frozen=True)
class Report:
    """What the kernel keeps of one kind of quota on one file system."""

    held: dict[int, Held]
    grace: tuple[str, str]  # for sizes and for files, as repquota writes it


def parse_wishes(
    raw: Iterable[Mapping[str, Any]], kind: str, number_of: Callable[[str], int | None], block: int
) -> list[Wish]:
    """Check who should be allowed what.

    :param number_of: the number that the host knows a name by; None for none.
    :param block: the size of a block of the file system in KiB; XFS rounds up to whole ones.
    :raises IdentityError: names every entry that cannot be accepted.
    """
    wishes: list[Wish] = []
    problems: list[str] = []
    numbers: dict[int, str] = {}
    for entry in raw:
        name = entry["name"]
        try:
            wish = _parse_one(entry, kind, number_of, block)
            if wish.number in numbers:
                raise IdentityError("has the number %d of %s: name it once" % (wish.number, numbers[wish.number]))
            numbers[wish.number] = name
            wishes.append(wish)
        except IdentityError as error:
            problems.append("%s: %s" % (quoted(name), error))
    if problems:
        raise IdentityError("nothing was done: %s" % in_one_sentence(problems, _SHOWN))
    return wishes


def _parse_one(entry: Mapping[str, Any], kind: str, number_of: Callable[[str], int | None], block: int) -> Wish:
    name, number = entry["name"], entry.get("id")
    known = number_of(name) if kind != "project" else None
    if number is None:
        number = known
    elif known is not None and known != number:
        raise IdentityError("has the number %d on this host, not %d: mend that first" % (known, number))
    if number is None:
        raise IdentityError(
            "this host knows no %s of that name: say its id%s"
            % (kind, "" if kind == "project" else ", or leave it out here")
        )
    if not 0 < number <= _LARGEST_ID:
        raise IdentityError("number %d cannot have a quota: that of 0 would be everybody's" % number)
    directory = entry.get("directory") or ""
    if directory and kind != "project":
        raise IdentityError("directory is of projects: a %s is counted wherever the files are" % kind)
    wish = Wish(
        name,
        number,
        _size(entry, "soft", block),
        _size(entry, "hard", block),
        _count(entry, "files_soft"),
        _count(entry, "files_hard"),
        directory,
    )
    for soft, hard, what in (
        (wish.soft, wish.hard, "soft"),
        (wish.files_soft, wish.files_hard, "files_soft"),
    ):
        if soft and hard and soft > hard:
            raise IdentityError("%s is above the hard limit, so it would never count: lower it or leave it out" % what)
    return wish


def _size(entry: Mapping[str, Any], key: str, block: int) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    size = size_in_bytes(int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value)
    if size is None or (0 < size < 1024) or size > _MOST_KIB * 1024:
        raise IdentityError(
            "%s %s is no size such as 512M, 10G or a number of bytes from 1024 on; 0 means unlimited"
            % (key, quoted(value))
        )
    return -(-size // (1024 * block)) * block


def _count(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    if value is not None and not 0 <= value <= _MOST_FILES:
        raise IdentityError("%s %d is no number of files; 0 means unlimited" % (key, value))
    return int(value) if value is not None else None


def parse_grace(raw: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """For how long a soft limit may be passed, in seconds: for sizes and for files."""
    return _seconds(raw, "blocks"), _seconds(raw, "files")


def _seconds(raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    text = str(value) if not isinstance(value, bool) else ""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    seconds = 0
    if text.isascii() and digits.isdigit() and len(digits) <= 10 and unit in _SECONDS:
        seconds = int(digits) * _SECONDS[unit]
    if not 60 <= seconds < 2**31 or seconds % (60 if seconds < _TWO_DAYS else 86400):
        raise IdentityError(
            "grace: %s %s is no time such as 90min, 12h, 7d: whole minutes below two days, whole days from there on"
            % (key, quoted(value))
        )
    return seconds


def grace_text(seconds: int) -> str:
    """A time as repquota writes it."""
    if seconds >= _TWO_DAYS:
        return "%ddays" % (seconds // 86400)
    return "%02d:%02d" % (seconds // 3600, seconds % 3600 // 60)


def read_report(text: str) -> Report:
    """What ``repquota -n -v -p`` prints.

    :raises IdentityError: it printed something else.
    """
    held: dict[int, Held] = {}
    grace = ("", "")
    for line in text.splitlines():
        if line.startswith("Block grace time: "):
            left, _semicolon, right = line.partition("; ")
            grace = (left[len("Block grace time: ") :].strip(), right[len("Inode grace time: ") :].strip())
        elif line.startswith("#"):
            words = line.split()
            if len(words) != 10 or not all(word.lstrip("-").isdigit() for word in (words[0][1:], *words[2:])):
                raise IdentityError("repquota printed what is not understood: %s" % quoted(line))
            used, soft, hard, _grace, files, files_soft, files_hard = map(int, words[2:9])
            held[int(words[0][1:])] = Held(Limit(soft, hard, files_soft, files_hard), used, files)
    if not grace[0]:
        raise IdentityError("repquota printed what is not understood: %s" % quoted(text))
    return Report(held, grace)


def plan_limits(wishes: Iterable[Wish], held: Mapping[int, Held], lift_others: bool) -> dict[int, Limit]:
    """Which limits change, by number.

    :raises IdentityError: a soft limit would be above the hard one that is there.
    """
    changes: dict[int, Limit] = {}
    named = set()
    for wish in wishes:
        named.add(wish.number)
        old = held.get(wish.number, Held()).limit
        new = old
        for key in ("soft", "hard", "files_soft", "files_hard"):
            value = getattr(wish, key)
            if value is not None:
                new = replace(new, **{key: value})
        if (new.hard and new.soft > new.hard) or (new.files_hard and new.files_soft > new.files_hard):
            raise IdentityError(
                "nothing was done: %s: with what the file system has already the soft limit would be above the hard"
                " one: say both" % quoted(wish.name)
            )
        if new != old:
            changes[wish.number] = new
    if lift_others:
        for number, one in held.items():
            if number and number not in named and one.limit != Limit():
                changes[number] = Limit()
    return changes


def setquota_lines(changes: Mapping[int, Limit]) -> str:
    """What ``setquota --batch`` reads."""
    lines = [
        "%d %d %d %d %d" % (number, one.soft, one.hard, one.files_soft, one.files_hard)
        for number, one in sorted(changes.items())
    ]
    return "".join(line + "\n" for line in lines)


def told(limit: Limit) -> str:
    """A limit in words."""
    words = []
    for soft, hard, unit in ((limit.soft, limit.hard, " KiB"), (limit.files_soft, limit.files_hard, " files")):
        words += ["%d%s" % (hard, unit)] if hard else []
        words += ["%d%s for a while" % (soft, unit)] if soft else []
    return ", ".join(words) or "unlimited"


def over(wishes: Sequence[Wish], report: Report, changes: Mapping[int, Limit]) -> list[str]:
    """Who has more already than they will be allowed, in sentences."""
    found = []
    for wish in wishes:
        one = report.held.get(wish.number, Held())
        limit = changes.get(wish.number, one.limit)
        if wish.number in changes and (0 < limit.hard < one.used or 0 < limit.files_hard < one.files):
            found.append(
                "%s has %d KiB in %d files, more than is allowed now (%s), and cannot write any more"
                % (wish.name, one.used, one.files, told(limit))
            )
    return found
