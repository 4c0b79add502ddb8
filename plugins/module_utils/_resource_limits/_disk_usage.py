# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses how much of a file system that has no quotas: one walk, and a table of it (private)."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import size_in_bytes
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_walk import DIRECTORY, shown, walk
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping

__all__ = ["Pace", "Usage", "measure", "parse_soft_limits", "report"]

_BLOCK = 512  # of st_blocks, whatever the file system's own is
_AT_ONCE = 200  # entries between two looks at the clock


@dataclass
class Usage:
    """What was found of somebody, or in a directory."""

    bytes: int = 0
    files: int = 0

    def add(self, status: os.stat_result) -> None:
        """Count one file, or a directory itself."""
        self.bytes += status.st_blocks * _BLOCK
        self.files += 1


@dataclass
class Home:
    """A directory that was measured."""

    path: str
    uid: int = -1
    usage: Usage = field(default_factory=Usage)
    problem: str = ""  # why it is not complete


class _TimeOverError(Exception):
    """The time that a run may take is over."""


class Pace:
    """How long a walk may take, and how fast it may go."""

    def __init__(
        self,
        seconds: int,
        rate: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """0 is without an end, or as fast as it goes."""
        self._clock, self._sleep, self._rate = clock, sleep, rate
        self._begin = clock()
        self._end = self._begin + seconds if seconds else float("inf")
        self._seen = 0

    def step(self) -> None:
        """One entry more."""
        self._seen += 1
        if self._seen % _AT_ONCE == 0:
            self.look()

    def look(self) -> None:
        """Wait if it goes too fast.

        :raises _TimeOverError: the time is over.
        """
        now = self._clock()
        if now >= self._end:
            raise _TimeOverError
        if self._rate:
            ahead = self._begin + self._seen / self._rate - now
            if ahead > 0:
                self._sleep(min(ahead, max(self._end - now, 0)))


def parse_soft_limits(everybody: Any, of_some: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
    """What everybody, and what some, should not have more than, in bytes; 0 is unlimited.

    :raises IdentityError: names the one that is no size.
    """
    return _size(everybody, "soft_limit"), {str(who): _size(value, str(who)) for who, value in of_some.items()}


def _size(raw: Any, who: str) -> int:
    if raw is None:
        return 0
    size = size_in_bytes(int(raw) if isinstance(raw, str) and raw.isdecimal() and len(raw) < 20 else raw)
    if size is None:
        raise IdentityError(
            "soft limit of %s: %s is no size such as 50G or a number of bytes; 0 means unlimited"
            % (quoted(who), quoted(raw))
        )
    return size


def measure(paths: Iterable[str], pace: Pace, silence: Silence | None = None) -> tuple[list[Home], dict[int, Usage]]:
    """Walk every directory in these, once.

    :param paths: directories that only root can change, such as that of the homes.
    :returns: the directories in the order of their names, and what everybody has in all of them together.
    :raises IdentityError: a path is not there, its file server does not answer, or others than root could exchange
        what is in it.
    """
    asked = silence or Silence()
    homes: list[Home] = []
    owners: dict[int, Usage] = {}
    linked: set[tuple[int, int]] = set()
    over = False
    for path in paths:
        dead = asked.of(path)
        if dead:
            raise IdentityError(
                "%s is on a file server that does not answer (%s): run again when it does" % (path, dead)
            )
        above = open_trusted_directory(path)
        try:
            for name in sorted(os.listdir(above)):
                home = _open_and_count(above, path, name, over, pace, owners, linked)
                if home is not None:
                    over = over or home.problem == _NO_TIME
                    homes.append(home)
        finally:
            os.close(above)
    return homes, owners


_NO_TIME = "the time was over"


def _open_and_count(
    above: int,
    path: str,
    name: str,
    over: bool,
    pace: Pace,
    owners: dict[int, Usage],
    linked: set[tuple[int, int]],
) -> Home | None:
    """One directory; None for what is none."""
    home = Home(os.path.join(path, name))
    try:
        top = os.open(name, DIRECTORY, dir_fd=above)
    except OSError as error:
        home.problem = os.strerror(error.errno or 0)
        return None if error.errno in (errno.ENOTDIR, errno.ELOOP) else home
    try:
        home.uid = os.fstat(top).st_uid
        if over:
            home.problem = _NO_TIME
        else:
            _count(top, home, pace, owners, linked)
    except _TimeOverError:
        home.problem = _NO_TIME
    except (IdentityError, OSError) as error:
        home.problem = str(error)
    finally:
        os.close(top)
    return home


def _count(top: int, home: Home, pace: Pace, owners: dict[int, Usage], linked: set[tuple[int, int]]) -> None:
    pace.look()
    for entry in walk(top):
        pace.step()
        if entry.kind in ("mount", "gone"):
            continue
        status = entry.status
        if status.st_nlink > 1 and entry.kind != "directory":
            mark = (status.st_dev, status.st_ino)
            if mark in linked:
                continue
            linked.add(mark)
        home.usage.add(status)
        owners.setdefault(status.st_uid, Usage()).add(status)


def report(
    homes: Iterable[Home],
    owners: Mapping[int, Usage],
    soft: tuple[int, Mapping[str, int]],
    name_of: Callable[[int], str],
) -> dict[str, Any]:
    """What the module returns."""
    everybody, of_some = soft
    told = []
    for uid, usage in sorted(owners.items(), key=lambda item: (-item[1].bytes, item[0])):
        name = name_of(uid)
        limit = of_some.get(name, of_some.get(str(uid), everybody if uid else 0))
        told.append(
            {
                "uid": uid,
                "name": name,
                "bytes": usage.bytes,
                "files": usage.files,
                "soft_limit": limit,
                "exceeded": 0 < limit < usage.bytes,
            }
        )
    directories = [
        {
            "path": shown(home.path),
            "uid": home.uid,
            "bytes": home.usage.bytes,
            "files": home.usage.files,
            "complete": not home.problem,
            "problem": home.problem,
        }
        for home in homes
    ]
    return {
        "owners": told,
        "directories": directories,
        "exceeded": [one["name"] or str(one["uid"]) for one in told if one["exceeded"]],
        "complete": all(one["complete"] for one in directories),
        "table": _table(told, directories),
    }


def _table(owners: Iterable[Mapping[str, Any]], directories: Iterable[Mapping[str, Any]]) -> list[str]:
    lines = ["%-20s %10s %9s %10s %10s" % ("who", "uid", "used", "files", "soft limit")]
    for one in owners:
        limit = human(one["soft_limit"]) if one["soft_limit"] else "-"
        line = "%-20s %10d %9s %10d %10s" % (shown(one["name"]), one["uid"], human(one["bytes"]), one["files"], limit)
        lines.append(line + (" exceeded" if one["exceeded"] else ""))
    lines += ["not complete: %s: %s" % (one["path"], one["problem"]) for one in directories if not one["complete"]]
    return lines


def human(size: int) -> str:
    """A size for people, in powers of 1024."""
    value = float(size)
    for unit in ("", "K", "M", "G", "T"):
        if value < 1024:
            return "%d" % value if not unit else "%.1f%s" % (value, unit)
        value /= 1024
    return "%.1fP" % value
