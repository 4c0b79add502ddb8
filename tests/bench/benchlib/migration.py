# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of many people, and the ways to give them other numbers."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BenchError
from .stats import Spread, spread
from .workplace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetlib import Console

_BUILD = REPOSITORY / ".build"
_WALK = REPOSITORY / "tests" / "bench" / "migration_walk.py"
_IN_A_DIRECTORY = 100
# what the files have by turns
_NUMBERS = (41000, 51000)
YARDSTICK = "`find -uid` and `chown`, once for each user"
WAYS = (
    YARDSTICK,
    "one `find` with all users in it",
    "one walk of ours, 1 process",
    "one walk of ours, 2 processes",
    "all of ours: count, change, look again; 1 process",
    "all of ours: count, change, look again; 2 processes",
)


@dataclass(frozen=True)
class Tree:
    """So many files of so many people."""

    files: int
    users: int


@dataclass(frozen=True)
class WaySummary:
    """What the runs of a way took, and how they compare with the yardstick of the same round."""

    way: str
    wall: Spread
    cpu: Spread
    wall_ratio: Spread
    cpu_ratio: Spread
    repeats: int


@dataclass(frozen=True)
class _Run:
    wall: float
    cpu: float


def measure_migration(tree: Tree, repeats: int, directory: Path, console: Console) -> list[WaySummary]:
    """Every way in every round, each beginning with the numbers that the one before it gave."""
    if os.geteuid() != 0:
        raise BenchError("files are given to other users: run it as root")
    subprocess.run([REPOSITORY / "scripts" / "tree"], check=True, stdout=subprocess.DEVNULL)
    root = Path(tempfile.mkdtemp(prefix="labfleet-migration-", dir=directory))
    runs: dict[str, list[_Run]] = {way: [] for way in WAYS}
    old, new = _NUMBERS
    try:
        with console.step(f"make {tree.files} files of {tree.users} users"):
            _make(root, tree, old)
        for number in range(repeats):
            for way in WAYS:
                with console.step(f"{way} (round {number + 1} of {repeats})"):
                    runs[way].append(_timed(_commands(way, root, tree, old, new)))
                _check(root, tree, new)
                old, new = new, old
    finally:
        shutil.rmtree(root)
    return [_summary(way, runs[way], runs[YARDSTICK]) for way in WAYS]


def _make(root: Path, tree: Tree, first: int) -> None:
    """A home for everybody, with directories of a hundred files."""
    root.chmod(0o755)
    for user in range(tree.users):
        home = root / f"user{user}"
        home.mkdir()
        number = first + user
        for index in range(user, tree.files, tree.users):
            place, name = divmod(index // tree.users, _IN_A_DIRECTORY)
            folder = f"{home}/folder{place}"
            if name == 0:
                os.mkdir(folder)
                os.chown(folder, number, number)
            handle = os.open(f"{folder}/file{name}", os.O_CREAT | os.O_WRONLY)
            os.fchown(handle, number, number)
            os.close(handle)
        os.chown(home, number, number)


def _commands(way: str, root: Path, tree: Tree, old: int, new: int) -> list[list[str]]:
    """The commands of a way, one after the other."""
    users = range(tree.users)
    if way == YARDSTICK:
        return [["find", str(root), *_give(old + user, new + user)] for user in users]
    if way == WAYS[1]:
        together = [word for user in users for word in ("-o", "(", *_give(old + user, new + user), ")")]
        return [["find", str(root), *together[1:]]]
    processes = "1" if way.endswith("1 process") else "2"
    how_much = "whole" if way.startswith("all") else "walk"
    return [[sys.executable, str(_WALK), str(root), str(old), str(new), str(tree.users), processes, how_much]]


def _give(old: int, new: int) -> list[str]:
    return ["-uid", str(old), "-exec", "chown", "-h", f"{new}:{new}", "{}", "+"]


def _timed(commands: Sequence[Sequence[str]]) -> _Run:
    environment = {**os.environ, "PYTHONPATH": str(_BUILD)}
    os.sync()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    for command in commands:
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"{command[0]} failed: {done.stderr[-500:]}")
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _check(root: Path, tree: Tree, first: int) -> None:
    """Everybody has as many files as before, under the new number."""
    listed = subprocess.run(["find", str(root), "-printf", "%U %G\n"], check=True, capture_output=True, text=True)
    owners = Counter(listed.stdout.split("\n")[:-1])
    del owners["0 0"]  # the root itself
    share = {tree.files // tree.users, -(-tree.files // tree.users)}
    for user in range(tree.users):
        number = first + user
        count = owners.pop(f"{number} {number}", 0)
        if count not in {files + -(-files // _IN_A_DIRECTORY) + 1 for files in share}:
            raise BenchError(f"{count} files belong to {number} after the run")
    if owners:
        raise BenchError(f"files were left behind: {owners.most_common(3)}")


def _summary(way: str, runs: Sequence[_Run], yardsticks: Sequence[_Run]) -> WaySummary:
    pairs = list(zip(runs, yardsticks, strict=True))
    return WaySummary(
        way,
        spread([run.wall for run in runs]),
        spread([run.cpu for run in runs]),
        spread([run.wall / other.wall for run, other in pairs]),
        spread([run.cpu / other.cpu for run, other in pairs]),
        len(runs),
    )
