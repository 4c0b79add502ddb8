# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found, each as one line, and how long each part took."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fleetlib.errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleetlib.console import Console


class Report:
    """Goes on after a finding that is wrong, so that one run shows all of them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._times: list[tuple[str, float]] = []
        self._began = time.monotonic()
        self.right = 0
        self.wrong: list[str] = []

    def expect(self, holds: bool, what: str, seen: str = "") -> None:
        """WHAT should hold; SEEN says what there was instead."""
        if holds:
            self.right += 1
            self._console.say(f"    ok     {what}")
        else:
            self.wrong.append(what)
            self._console.say(f"    WRONG  {what}" + (f"; seen: {seen}" if seen else ""))

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            with self._console.step(what):
                yield
        finally:
            self._times.append((what, time.monotonic() - began))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part that cannot go on is a finding of its own."""
        with self.timed(f"part {name}"):
            try:
                yield
            except FleetError as error:
                self.expect(False, f"the part {name} comes to its end", str(error))

    def close(self) -> int:
        say = self._console.say
        say()
        for what, seconds in self._times:
            say(f"{seconds:7.1f} s  {what}")
        say(f"{time.monotonic() - self._began:7.1f} s  all of it")
        for what in self.wrong:
            say(f"WRONG: {what}")
        say(f"{self.right} as expected, {len(self.wrong)} wrong")
        return 1 if self.wrong or not self.right else 0
