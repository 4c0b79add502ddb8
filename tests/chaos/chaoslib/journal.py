# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A journal of one process: a line of JSON for everything that happens to it, in the order in which it happened.

Every line is one write(2) to a file opened for appending, so it survives the process, however that ends.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class Journal:
    """Where a process writes what happens."""

    def __init__(self, path: Path, writer: str) -> None:
        self._writer = writer
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # calls of os are made to fail in a writer, but not these
        self._write = os.write
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._write(self._descriptor, b"\n")  # the last process was killed in the middle of a line

    def note(self, event: str, **what: Any) -> None:
        """Write down that something happened, now."""
        line = {"at": time.monotonic(), "writer": self._writer, "event": event, **what}
        self._write(self._descriptor, json.dumps(line).encode("ascii") + b"\n")


class Follower:
    """Reads a journal while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.torn = 0

    def news(self) -> list[dict[str, Any]]:
        """What was written since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        found: list[dict[str, Any]] = []
        for line in data[:whole].splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                self.torn += 1  # nobody heard the end of this line, so it promised nothing
        return found
