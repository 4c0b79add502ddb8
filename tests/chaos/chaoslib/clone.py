# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who works in a clone: issues numbers there, and brings them with git into the file that others write to."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from .processes import Process


class Clone:
    """A copy of the ledger in a directory of its own, and what was issued in it."""

    def __init__(self, ledger: Path, directory: Path, member: Callable[[str, str], Process]) -> None:
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

    def merge(self) -> None:
        """What git pull does with a file that is merged by union: a new file in place of the old one, without a lock.

        Nobody may write meanwhile; whoever wrote before and goes on after must notice.
        """
        self._issued += self._member.news()
        before = set(self._base.read_bytes().splitlines())
        ours = self._ours.read_bytes().splitlines()
        self._to_come = [line for line in ours if line not in before and b'"kind": "end"' not in line]
        ran = subprocess.run(
            ["git", "merge-file", "--union", "-p", str(self._ledger), str(self._base), str(self._ours)],
            check=True,
            capture_output=True,
        )
        self._merged.write_bytes(ran.stdout)
        self._ledger.unlink()
        shutil.copyfile(self._merged, self._ledger)

    def arrived(self) -> list[dict[str, Any]] | None:
        """What was issued in the clone and is in the ledger now, None if somebody wrote over it."""
        lines = set(self._ledger.read_bytes().splitlines())
        events, self._issued = self._issued, []
        if not all(line in lines for line in self._to_come):
            return None
        return [{**event, "at": time.monotonic()} for event in events]
