# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do many things of which any may never answer, each in turn, in a process that can be given up (private)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

__all__ = ["one_by_one", "until_silence"]


def one_by_one(
    look: Callable[[Any], dict[str, Any]], items: Sequence[Any], patience: float, deadline: float
) -> list[dict[str, Any]]:
    """The answers to all items, in their order; what does not answer is given up, and the others are looked at.

    :param look: looks at one item, in a process of its own, for nothing else can be given up.
    :param patience: how many seconds one item may take.
    :param deadline: when nothing more is looked at, on the monotonic clock.
    :returns: C(problem) says why there is no answer.
    """
    answers: list[dict[str, Any]] = []
    while len(answers) < len(items):
        if time.monotonic() > deadline:
            answers.append({"problem": "there was no time left to look"})
            continue
        answers += until_silence(look, items[len(answers) :], patience, deadline)
        if len(answers) < len(items):
            answers.append({"problem": "no answer within %g seconds" % patience})
    return answers


def until_silence(
    look: Callable[[Any], dict[str, Any]], items: Sequence[Any], patience: float, deadline: float
) -> list[dict[str, Any]]:
    """The answers up to the first item that does not answer. One process looks at all of them."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_exit(look, items, writing)
    os.close(writing)
    lines = b""
    try:
        while lines.count(b"\n") < len(items):
            left = min(patience, deadline - time.monotonic())
            if left <= 0 or not select.select([reading], [], [], left)[0]:
                break
            chunk = os.read(reading, 1 << 20)
            if not chunk:
                break
            lines += chunk
    finally:
        os.close(reading)
        _end(child)
    return [dict(json.loads(line.decode("utf-8"))) for line in lines.split(b"\n")[:-1]]


def _end(child: int) -> None:
    """End a process. One that waits for a dead file server ends by itself one day: nobody waits for it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    for _attempt in range(100):
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.002)


def _answer_and_exit(look: Callable[[Any], dict[str, Any]], items: Sequence[Any], writing: int) -> None:
    """Look at everything in the new process, and leave without a way back."""
    try:
        # who waits for the output of the module must not wait for a process that hangs
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        for item in items:
            try:
                answer = look(item)
            except OSError as error:
                answer = {"problem": "it cannot be looked at: %s" % (error.strerror or "unknown")}
            except Exception as error:
                answer = {"problem": "it cannot be looked at: %s" % type(error).__name__}
            line = memoryview(json.dumps(answer).encode("ascii") + b"\n")
            while line:
                line = line[os.write(writing, line) :]
    finally:
        os._exit(0)
