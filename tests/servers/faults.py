# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to a request on its way, and who decides what does."""

from __future__ import annotations

import enum
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Fault(enum.Enum):
    """One mishap. What the server did, and what the client hears of it."""

    DROP_REQUEST = "the server never gets it, and the connection breaks"
    DROP_RESPONSE = "the server does it, and the connection breaks before the answer"
    CUT_RESPONSE = "the server does it, and the connection breaks in the middle of the answer"
    TWICE = "the server gets it twice, and the answer is that to the second"
    LATE = "the connection breaks at once, and the server gets it a pause later"
    DELAY = "the server gets it a pause later, and the answer is good"
    HANG = "the server does it, and the answer is held back for a pause"
    THROTTLED = "the server refuses it, because too much is asked of the table"
    FAILED = "the server says that it failed, and did nothing"
    FAILED_AFTER = "the server says that it failed, but did it"
    UNAVAILABLE = "something on the way answers with a page of its own"


@dataclass(frozen=True)
class Refusal:
    """An error that the client gets in the name of the server, which does nothing."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Request:
    """One HTTP request, as the proxy got it."""

    number: int  # 1, 2, 3 ... in the order in which the proxy got them
    operation: str  # PutItem, Query ..., empty when it is none of DynamoDB
    body: bytes


class Scripted:
    """For each operation the mishaps of its first requests, one after the other; None lets one pass."""

    def __init__(self, script: Mapping[str, Sequence[Fault | None]]) -> None:
        self._waiting = {operation: list(faults) for operation, faults in script.items()}
        self._turn = threading.Lock()

    def __call__(self, request: Request) -> Fault | None:
        with self._turn:
            waiting = self._waiting.get(request.operation)
            return waiting.pop(0) if waiting else None

    @property
    def left(self) -> int:
        """How many of the mishaps were not needed."""
        return sum(map(len, self._waiting.values()))


class Mishaps:
    """A share of all requests meets one of these faults, by chance; the seed makes it the same chance again."""

    def __init__(self, seed: int, rate: float, faults: Sequence[Fault] = tuple(Fault)) -> None:
        self._chance = random.Random(seed)
        self._rate = rate
        self._faults = list(faults)
        self._turn = threading.Lock()

    def __call__(self, request: Request) -> Fault | None:
        del request
        with self._turn:
            return self._chance.choice(self._faults) if self._chance.random() < self._rate else None


if TYPE_CHECKING:
    Plan = Callable[[Request], "Fault | Refusal | None"]
