# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let calls of the operating system fail in this process, at random: errors, short writes, signals in between."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from typing import Any

# A full disk is a real one in a campaign, so that ENOSPC is not among them.
ERRORS = (errno.EIO, errno.EDQUOT, errno.ESTALE, errno.EROFS)
CALLS = ("open", "write", "pwrite", "ftruncate", "fsync", "fchmod", "fchown", "replace", "unlink", "fstat")
# Over a network a call can be done and its answer lost.
DONE_AND_FAILED = ("fsync", "replace", "unlink")
SIGNAL_EVERY = 0.004


class FailingCalls:
    """Which calls fail, and what was done so far."""

    def __init__(self, chance: random.Random, share: float) -> None:
        self._chance = chance
        self._share = share
        self.failed: list[str] = []
        self.signals = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Calls fail inside, and nowhere else."""
        reals = [(os, name, getattr(os, name)) for name in CALLS] + [(fcntl, "flock", fcntl.flock)]
        for module, name, real in reals:
            setattr(module, name, self._failing(name, real))
        try:
            yield
        finally:
            for module, name, real in reals:
                setattr(module, name, real)

    def send_signals(self) -> None:
        """Interrupt whatever the process does, all the time (EINTR)."""

        def count(_number: int, _frame: object) -> None:
            self.signals += 1

        signal.signal(signal.SIGALRM, count)
        signal.setitimer(signal.ITIMER_REAL, SIGNAL_EVERY, SIGNAL_EVERY)

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._chance.random() >= self._share:
                return real(*arguments, **options)
            if name == "write" and self._chance.random() < 0.5:
                self.failed.append("short write")
                return real(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
            error = errno.ENOLCK if name == "flock" else self._chance.choice(ERRORS)
            if name in DONE_AND_FAILED and self._chance.random() < 0.5:
                real(*arguments, **options)
                self.failed.append(f"{name} done, then {errno.errorcode[error]}")
            else:
                self.failed.append(f"{name} {errno.errorcode[error]}")
            raise OSError(error, os.strerror(error))

        return call
