# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that a user left with cron and at: find them, remove them (private)."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["remove_jobs", "scheduled_jobs"]

# below the spool: where Debian and where Red Hat keep crontabs, and where jobs of at and what they printed are
_CRONTABS = ("cron/crontabs", "cron")
_AT_JOBS = ("cron/atjobs", "at", "cron/atspool", "at/spool")


def scheduled_jobs(users: Mapping[str, int], spool: str) -> dict[str, str]:
    """What cron and at would run for these users (uid by name), in words by name."""
    found: dict[str, list[str]] = {}
    names_of = {uid: name for name, uid in users.items()}
    for name, _directory, _entry in _crontabs(users, spool):
        found.setdefault(name, []).append("crontab")
    counted: dict[str, int] = {}
    for uid, _directory, _entry in _at_jobs(names_of, spool):
        counted[names_of[uid]] = counted.get(names_of[uid], 0) + 1
    for name, count in counted.items():
        found.setdefault(name, []).append("%d at jobs" % count)
    return {name: ", ".join(parts) for name, parts in found.items()}


def remove_jobs(users: Collection[tuple[str, int]], spool: str) -> None:
    """Take these users' jobs away; cron looks at the time of its directory and forgets them within a minute."""
    for _name, directory, entry in _crontabs({name for name, _uid in users}, spool):
        _unlink(directory, entry)
        os.utime(directory)
    for _uid, directory, entry in _at_jobs({uid for _name, uid in users}, spool):
        _unlink(directory, entry)


def _unlink(directory: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _open(spool: str, folder: str) -> int:
    """A directory of the spool; those of cron and at belong to them, and only their names are acted on; -1 for none."""
    try:
        return os.open(os.path.join(spool, folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return -1


def _crontabs(names: Collection[str], spool: str) -> Iterator[tuple[str, int, str]]:
    for folder in _CRONTABS:
        directory = _open(spool, folder)
        if directory < 0:
            continue
        try:
            entries = set(os.listdir(directory)).intersection(names)
            # below cron/ itself there are directories whose names a user may have
            for name in sorted(entries):
                status = _status(directory, name)
                if status is not None and not stat.S_ISDIR(status.st_mode):
                    yield name, directory, name
        finally:
            os.close(directory)


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:  # cron and at remove files, too
        return None


def _at_jobs(uids: Collection[int], spool: str) -> Iterator[tuple[int, int, str]]:
    for folder in _AT_JOBS:
        directory = _open(spool, folder)
        if directory < 0:
            continue
        try:
            for name in sorted(os.listdir(directory)):
                status = _status(directory, name)
                if status is not None and status.st_uid in uids and name[0] != ".":
                    yield status.st_uid, directory, name
        finally:
            os.close(directory)
