# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command writes, kept up to a size (private)."""

from __future__ import annotations

import json
import os
import re
import select
import threading
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._run_as._guard import TRAILER_LENGTH

if TYPE_CHECKING:
    from typing import Callable

__all__ = ["Collector"]

_LONGEST_HEADER = 65536
_CHUNK = 65536
_PAUSE = 100  # milliseconds
_TRAILER = re.compile(rb"\0labfleet-run exit=([0-9]{3}) signal=([0-9]{3})\n")


class Collector(threading.Thread):
    """Reads a pipe to its end and keeps the beginning: who writes much is not held up, and fills nothing."""

    def __init__(self, path: str, limit: int, on_header: Callable[[], None] | None = None) -> None:
        """Make the pipe.

        :param limit: how many bytes are kept.
        :param on_header: called when the first line is there, which belongs to nobody's output. None: there is none.
        """
        threading.Thread.__init__(self, daemon=True)
        os.mkfifo(path, 0o600)
        # a writer of our own, or the pipe would seem to be at its end before the command opens it
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._limit = limit
        self._on_header = on_header
        self._header = bytearray()
        self._kept = bytearray()
        self._tail = b""
        self._size = 0
        self._is_over = threading.Event()
        self.missing: list[str] | None = None  # protections, as the first line says; None while there is none

    def run(self) -> None:
        """Read until the command is over and nothing is left."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while True:
            is_over = self._is_over.is_set()
            if poll.poll(0 if is_over else _PAUSE):
                try:
                    self._take(os.read(self._pipe, _CHUNK))
                except BlockingIOError:
                    continue
            elif is_over:
                return

    def finish(self) -> None:
        """Read what is left; nobody writes any more."""
        self._is_over.set()
        if self.is_alive():
            self.join()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def result(self, ended_well: bool) -> tuple[bytes, bool, tuple[int, int] | None]:
        """What was written, whether it was cut, and the exit code and signal at the end of it.

        :param ended_well: whether the first program of the run ended by itself: only then it wrote the end.
        """
        found = _TRAILER.fullmatch(self._tail) if ended_well and self._on_header else None
        size = self._size - (TRAILER_LENGTH if found else 0)
        ended = (int(found.group(1)), int(found.group(2))) if found else None
        return bytes(self._kept[: min(size, self._limit)]), size > self._limit, ended

    def _take(self, data: bytes) -> None:
        if self._on_header and self.missing is None:
            self._header += data
            line, newline, data = bytes(self._header).partition(b"\n")
            if not newline and len(line) <= _LONGEST_HEADER:
                return
            self.missing = _missing(line)
            self._on_header()
        self._size += len(data)
        self._tail = (self._tail + data)[-TRAILER_LENGTH:]
        # the end of the run may be a part of what is kept
        self._kept += data[: max(0, self._limit + TRAILER_LENGTH - len(self._kept))]


def _missing(line: bytes) -> list[str]:
    try:
        return [str(name) for name in json.loads(line.decode("ascii"))["missing"]]
    except (ValueError, LookupError, TypeError):
        return ["all"]
