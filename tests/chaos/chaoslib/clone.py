# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who works in a clone: issues numbers there, and brings them with git into the file that others write to."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any


class Member(Protocol):
    """Who issues numbers in a clone and writes down which, as a process of its own or otherwise."""

    def start(self) -> None:
        """Begin."""

    def news(self) -> list[dict[str, Any]]:
        """What was written down since the last call."""

    def ended(self) -> int | None:
        """The code with which it ended, None while it runs."""

    def complaints(self) -> str:
        """What it said before it ended."""

    def kill(self) -> None:
        """End it."""


class Clone:
    """A copy of the ledger in a directory of its own, and what was issued in it."""

    def __init__(self, ledger: Path, directory: Path, member: Callable[[str, str], Member]) -> None:
        self._ledger = ledger
        self._ours = directory / "ledger.jsonl"
        self._base = directory / "base.jsonl"
        self._merged = directory / "merged.jsonl"
        directory.mkdir()
        self._member = member("away", f"file:{self._ours}")
        self._issued: list[dict[str, Any]] = []
        self._to_come: list[bytes] = []

    def pull(self) -> bool:
        """Take the ledger as it is, and begin to issue numbers; False while there is none yet."""
        if not self._ledger.exists():
            return False
        shutil.copyfile(self._ledger, self._base)
        shutil.copyfile(self._base, self._ours)
        self._member.start()
        return True

    def is_done(self) -> bool:
        """Whether the numbers are issued."""
        code = self._member.ended()
        if code:
            raise RuntimeError(f"nothing could be issued in a clone: {self._member.complaints()[-500:]}")
        return code is not None

    def end(self) -> None:
        """Leave nothing running."""
        self._member.kill()

    def merge(self) -> int:
        """What git pull does with a file that is merged by union: a new file in place of the old one, without a lock.

        Nobody may write meanwhile; whoever wrote before and goes on after must notice. All groups share one band, so
        two branches can give one number to two of them. Then the line of the clone is deleted, as the refusal of such
        a ledger says. Returns how many such lines there were.
        """
        self._issued += self._member.news()
        ours, theirs = self._since_the_pull(self._ours), self._since_the_pull(self._ledger)
        ran = subprocess.run(
            ["git", "merge-file", "--union", "-p", str(self._ledger), str(self._base), str(self._ours)],
            check=True,
            capture_output=True,
        )
        twice = _gids(ours).keys() & _gids(theirs).keys()
        given_up = {line for gid, line in _gids(ours).items() if gid in twice}
        self._give_up(twice)
        self._to_come = [line for line in ours if line not in given_up]
        kept = [line for line in ran.stdout.splitlines(keepends=True) if line.rstrip(b"\n") not in given_up]
        self._merged.write_bytes(b"".join(kept))
        self._ledger.unlink()
        shutil.copyfile(self._merged, self._ledger)
        return len(given_up)

    def _since_the_pull(self, ledger: Path) -> list[bytes]:
        before = set(self._base.read_bytes().splitlines())
        lines = ledger.read_bytes().splitlines()
        return [line for line in lines if line not in before and b'"kind": "end"' not in line]

    def _give_up(self, gids: Iterable[int]) -> None:
        """What was told here of a number that is given up does not hold: whoever asked gets another one."""
        for event in self._issued:
            if "told" in event:
                event["told"] = [it for it in event["told"] if it[0] != "group" or it[2] not in gids]

    def arrived(self) -> list[dict[str, Any]] | None:
        """What was issued in the clone and is in the ledger now, None if somebody wrote over it."""
        lines = set(self._ledger.read_bytes().splitlines())
        events, self._issued = self._issued, []
        if not all(line in lines for line in self._to_come):
            return None
        return [{**event, "at": time.monotonic()} for event in events]


def _gids(lines: Iterable[bytes]) -> dict[int, bytes]:
    """The lines that issue numbers to groups, by number."""
    events = ((json.loads(line), line) for line in lines)
    return {event["gid"]: line for event, line in events if event["kind"] == "group"}
