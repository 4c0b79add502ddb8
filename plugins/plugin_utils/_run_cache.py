# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host's task found out, kept for the other hosts of the same run (private: no stable interface).

Every host asks the same question in a process of its own. Kept is the answer, in the directory that ansible-playbook
makes for itself and takes away at its end, which nobody else can read. The first who asks finds the answer, the others
wait for it: a fleet costs one look into the ledger.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

__all__ = ["kept_for_the_run"]

_WAIT = 0.005


def kept_for_the_run(
    directory: str, question: Any, find: Callable[[], tuple[dict[str, Any], dict[str, Any]]], timeout: float
) -> dict[str, Any]:
    """The answer to a question that was found before in this run, or is found now.

    :param directory: that of the run.
    :param question: everything the answer depends on, of JSON's types.
    :param find: finds the answer for the one who asks first, and what the others are to be told.
    :param timeout: how many seconds to wait for somebody else who is finding it; then it is found here as well.
    """
    digest = hashlib.sha256(json.dumps(question, default=str).encode()).hexdigest()
    path = os.path.join(directory, f"labfleet-{digest[:40]}.json")
    kept = _read(path)
    if kept is not None:
        return kept
    with _turn(f"{path}.lock", timeout):
        kept = _read(path)
        if kept is not None:
            return kept
        answer, for_others = find()
        _write(path, for_others)
        return answer


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            kept: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    return kept


def _write(path: str, value: dict[str, Any]) -> None:
    """Keep the answer as a whole or not at all: without it the next one asks again."""
    fresh = f"{path}.{os.getpid()}"
    with suppress(OSError):
        with open(fresh, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(value, file)
        os.replace(fresh, path)


@contextmanager
def _turn(path: str, timeout: float) -> Iterator[None]:
    """Be the only one who looks for this answer, unless somebody else takes too long."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(_WAIT)
        yield
    finally:
        os.close(descriptor)
