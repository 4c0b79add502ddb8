# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs a controller to issue numbers: an empty ledger and one with many people, in a file and in tables."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BenchError
from .stats import Spread, spread
from .workplace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fleetlib import Console

_BUILD = REPOSITORY / ".build"
_ISSUE = REPOSITORY / "tests" / "bench" / "ledgerside" / "issue.py"
_SET_UP = """
import sys
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import Settings, set_up
set_up(sys.argv[1], Settings(), 60, False)
"""
_FILE = "file"
SERVERS = ("moto", "ministack")


@dataclass(frozen=True)
class LedgerCase:
    """So many numbers issued at once from a ledger with so many people; 0 issued: only read."""

    store: str
    people: int
    issued: int


@dataclass(frozen=True)
class LedgerSummary:
    """What the runs of a case took; requests are counted in a run of their own, where there are any."""

    case: LedgerCase
    wall: Spread
    cpu: Spread
    yardsticks: Spread | None
    requests: int | None
    repeats: int


class _Place:
    """One store for the benchmark: it makes ledgers, and a process that issues from them."""

    def __init__(self, store: str, directory: Path, environment: dict[str, str], count: Callable[[], int]) -> None:
        self.store = store
        self._directory = directory
        self._environment = environment
        self._count = count
        self._made = 0

    def empty(self) -> str:
        self._made += 1
        if self.store == _FILE:
            place = self._directory / f"ledger-{self._made}"
            place.mkdir()
            return f"file:{place / 'ledger.jsonl'}"
        table = f"ledger-{self._made}"
        self._python("-c", _SET_UP, table)
        return f"dynamodb:{table}"

    def issue(self, ledger: str, count: int, prefix: str, numbers: int) -> dict[str, float]:
        said: dict[str, float] = json.loads(self._python(str(_ISSUE), ledger, str(count), prefix))
        if said["numbers"] != numbers:
            raise BenchError(f"{ledger} gave {said['numbers']:.0f} numbers where {numbers} were due")
        return said

    def requests(self) -> int:
        """How many requests the table had so far."""
        return self._count()

    def _python(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, *arguments], env=self._environment, check=False, capture_output=True, text=True
        )
        if ran.returncode != 0:
            raise BenchError(f"a controller failed: {ran.stderr.strip()[-300:]}")
        return ran.stdout


def measure_ledgers(
    sizes: Sequence[int], batches: Sequence[int], repeats: int, console: Console
) -> list[LedgerSummary]:
    """All cases, on every store."""
    subprocess.run([str(REPOSITORY / "scripts" / "tree")], check=True, capture_output=True)
    sys.path.insert(0, str(_BUILD))
    found: list[LedgerSummary] = []
    for store in (_FILE, *(f"DynamoDB ({name})" for name in SERVERS)):
        with _place(store) as place:
            for people in sizes:
                console.say(f"- ledger with {people} people, {store}")
                found += _cases(place, people, batches, repeats)
    return found


@contextlib.contextmanager
def _place(store: str) -> Iterator[_Place]:
    from ansible_collections.labfleet.identity.tests.servers import aws_environment, proxied, server

    directory = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
    try:
        if store == _FILE:
            yield _Place(store, directory, {"PYTHONPATH": str(_BUILD)}, lambda: 0)
            return
        name = store.partition("(")[2].rstrip(")")
        with server(name) as url, proxied(url, lambda _request: None) as proxy:
            environment = {**aws_environment(proxy.url), "PYTHONPATH": str(_BUILD)}
            yield _Place(store, directory, environment, lambda: proxy.requests)
    finally:
        shutil.rmtree(directory)


def _cases(place: _Place, people: int, batches: Sequence[int], repeats: int) -> list[LedgerSummary]:
    grown = place.empty() if people else ""
    if people:
        place.issue(grown, people, "old", people)
    here = people
    runs: dict[LedgerCase, list[tuple[dict[str, float], float | None, int]]] = {}
    for turn in range(repeats):
        for issued in (0, *batches) if people else batches:
            ledger = grown or place.empty()
            before, asked = _plain_reading(grown), place.requests()
            said = place.issue(ledger, issued, f"new{turn}x{issued}x", issued or here)
            requests = place.requests() - asked
            after = _plain_reading(grown)
            yardstick = (before + after) / 2 if before is not None and after is not None else None
            runs.setdefault(LedgerCase(place.store, people, issued), []).append((said, yardstick, requests))
            here += issued if people else 0
    return [
        LedgerSummary(
            case,
            spread(said["wall"] for said, _yardstick, _requests in samples),
            spread(said["cpu"] for said, _yardstick, _requests in samples),
            _ratios(samples),
            None if place.store == _FILE else round(spread(requests for _s, _y, requests in samples).middle),
            len(samples),
        )
        for case, samples in runs.items()
    ]


def _ratios(samples: Sequence[tuple[dict[str, float], float | None, int]]) -> Spread | None:
    known = [said["cpu"] / yardstick for said, yardstick, _requests in samples if yardstick is not None]
    return spread(known) if len(known) == len(samples) else None


def _plain_reading(ledger: str) -> float | None:
    """CPU seconds of what any reader of these lines has to do: read the file, hash every line, parse every line."""
    scheme, _colon, path = ledger.partition(":")
    if scheme != _FILE:
        return None
    start = time.process_time()
    for line in Path(path).read_bytes().splitlines():
        hashlib.sha256(line).hexdigest()
        json.loads(line)
    return time.process_time() - start
