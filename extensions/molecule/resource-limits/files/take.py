# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that takes more than it should: memory when told to, processor time, processes, or nothing."""

import os
import signal
import sys

KEPT = []


def take_memory(*_ignored: object) -> None:
    KEPT.append(b"x" * (200 << 20))


def take_tasks() -> None:
    for _number in range(60):
        if os.fork() == 0:
            signal.pause()
            os._exit(0)


signal.signal(signal.SIGUSR1, take_memory)
what = sys.argv[1]
if what == "memory":
    take_memory()
elif what == "tasks":
    take_tasks()
elif what == "cores":
    os.fork()
    while True:
        pass
while True:
    signal.pause()
