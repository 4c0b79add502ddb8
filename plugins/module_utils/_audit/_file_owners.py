# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which numbers own files on a host without anybody having them (private). Nothing is changed.

One walk by directory descriptors: no link is followed, no other file system is entered, and what is moved away under
the walk leads nowhere else.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import in_one_line

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

__all__ = ["strangers_files"]

EXAMPLES = 3
DEEPEST = 200  # directories within each other, each of which is open
MOST_NUMBERS = 200
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class _Walk:
    """How far a walk is."""

    root: str
    device: int
    known: tuple[Collection[int], Collection[int]]  # numbers of users, and of groups
    deadline: float
    seen: int = 0
    # kind ("uid", "gid") and number: how many files, and some of their paths
    found: dict[tuple[str, int], tuple[int, list[str]]] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)


def strangers_files(root: str, uids: Collection[int], gids: Collection[int], deadline: float) -> dict[str, Any]:
    """The files below a directory whose owner or group is nobody's number.

    :param uids: numbers that users have.
    :param gids: numbers that groups have.
    :param deadline: when the walk stops, on the monotonic clock.
    :returns: C(seen), how many files were looked at; C(numbers), each with C(kind), C(number), C(count) and
        C(examples); C(gaps).
    """
    try:
        top = os.open(root, _DIRECTORY)
    except FileNotFoundError:
        return {"seen": 0, "numbers": [], "gaps": []}
    except OSError as error:
        return {"seen": 0, "numbers": [], "gaps": ["%s: %s" % (in_one_line(root), error.strerror)]}
    walk = _Walk(root, os.fstat(top).st_dev, (uids, gids), deadline)
    _down(walk, top)
    numbers = [
        {"kind": kind, "number": number, "count": count, "examples": sorted(examples)}
        for (kind, number), (count, examples) in sorted(walk.found.items())
    ]
    gaps = ["%s: %s (%d)" % (in_one_line(root), gap, count) for gap, count in sorted(walk.gaps.items())]
    return {"seen": walk.seen, "numbers": numbers, "gaps": gaps}


def _down(walk: _Walk, top: int) -> None:
    """Everything below an open directory, which is closed at the end."""
    # the open directories from the top on, each with the directories in it that wait
    path: list[tuple[int, str, list[str]]] = [(top, "", _look(walk, top, []))]
    try:
        while path:
            handle, _name, waiting = path[-1]
            if not waiting:
                os.close(path.pop()[0])
                continue
            if time.monotonic() > walk.deadline:
                walk.gaps["there was no time left for all of it"] = 1
                return
            name = waiting.pop()
            try:
                below = os.open(name, _DIRECTORY, dir_fd=handle)
            except FileNotFoundError:  # removed since it was listed
                continue
            except OSError:
                _count(walk, "directories that root cannot open")
                continue
            names = [one for _handle, one, _waiting in path[1:]] + [name]
            if os.fstat(below).st_dev != walk.device:
                os.close(below)
            elif len(path) >= DEEPEST:
                _count(walk, "directories deeper than %d levels" % DEEPEST)
                os.close(below)
            else:
                path.append((below, name, _look(walk, below, names)))
    finally:
        for handle, _name, _waiting in path:
            os.close(handle)


def _look(walk: _Walk, directory: int, names: list[str]) -> list[str]:
    """Count the entries of an open directory; the names of the directories in it."""
    below: list[str] = []
    uids, gids = walk.known
    try:
        with os.scandir(directory) as listing:
            for entry in listing:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    _count(walk, "files that root cannot see")
                    continue
                if status.st_dev != walk.device:
                    continue
                walk.seen += 1
                if status.st_uid not in uids:
                    _note(walk, "uid", status.st_uid, names, entry.name)
                if status.st_gid not in gids:
                    _note(walk, "gid", status.st_gid, names, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
    except OSError:
        _count(walk, "directories that root cannot list")
    return below


def _note(walk: _Walk, kind: str, number: int, names: list[str], name: str) -> None:
    if (kind, number) not in walk.found and len(walk.found) >= MOST_NUMBERS:
        _count(walk, "files of more than %d numbers" % MOST_NUMBERS)
        return
    count, examples = walk.found.get((kind, number), (0, []))
    if len(examples) < EXAMPLES:
        examples = [*examples, in_one_line(os.path.join(walk.root, *names, name), 300)]
    walk.found[kind, number] = count + 1, examples


def _count(walk: _Walk, gap: str) -> None:
    walk.gaps[gap] = walk.gaps.get(gap, 0) + 1
