# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress that a person can follow: what happens now, how long it took, where the log is."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

HEARTBEAT_SECONDS = 10.0


class Console:
    """Writes whole lines, from any thread, so that parallel steps stay readable."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._lock = threading.Lock()

    def say(self, line: str = "") -> None:
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Says that WHAT begins, every few seconds that it still runs, and how long it took."""
        self.say(f"- {what} ...")
        began = time.monotonic()
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                self.say(f"    still at it: {what} ({time.monotonic() - began:.0f} s)")

        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            yield
        except BaseException:
            self.say(f"  failed after {time.monotonic() - began:.1f} s: {what}")
            raise
        else:
            self.say(f"  done in {time.monotonic() - began:.1f} s: {what}")
        finally:
            done.set()
            heart.join()
