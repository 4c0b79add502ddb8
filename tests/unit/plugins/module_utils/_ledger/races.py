# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers that redeem one invitation at once, again and again; also a controller, when it is run.

python races.py [FAULT]   reads a race a line, and says what became of it

Both controllers are processes that live for all races. Each loads the ledger, decides that the invitation is open, and
waits until the other one has decided so too: only then may they write. Who won is judged from what they said and from
the plain lines of the ledger, not by the code under test. A controller with a fault shows that the judge can see one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import runpy
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

runpy.run_path(str(Path(__file__).resolve().parents[3] / "conftest.py"))

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _dynamodb_store, _file_store
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import Dynamo, RequestError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import Verdict
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import Acceptance, accept, invite
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import LockFile, locked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    NOW,
    claims_of,
    jti_of,
    key_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore

    Racers = Sequence["subprocess.Popen[str]"]

LOCK_TIMEOUT = 60
RACERS = "ab"


@dataclasses.dataclass
class Tally:
    """What became of the races."""

    attempted: int = 0
    won: int = 0  # by exactly one, who is the one in the ledger, and the other one was refused and left nothing
    lost: int = 0  # controllers that were refused because the other one was first
    both: int = 0
    nobody: int = 0
    wrong: int = 0  # somebody was told to have won, and the ledger has another one, or the loser too
    apart: int = 0  # they did not begin with the same ledger, so it was no race
    again: int = 0  # decisions that were taken again on what the other one had written meanwhile
    refused_puts: int = 0  # writes that a table refused because the other one was there first

    def __str__(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in dataclasses.asdict(self).items())


# the two controllers


@contextmanager
def racers(fault: str = "", environment: Mapping[str, str] | None = None) -> Iterator[Racers]:
    """Two controllers, which end with the block."""
    command = [sys.executable, __file__, *([fault] if fault else [])]
    with contextlib.ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
            )
            for _racer in RACERS
        ]
        for process in processes:
            running.callback(process.terminate)
        yield processes


def begin(ledger: str, labels: Iterable[object]) -> None:
    """A ledger with an open invitation for each label."""
    wanted = Wanted("lab", Roster(()), (), parse_band("65536-99999"))
    settle(open_store(ledger, LOCK_TIMEOUT), lambda known: allocate(known, wanted, stamp_now()), write=True)
    rows = [(jti_of(label), f"race {label}", claims_of(label)) for label in labels]
    settle(open_store(ledger, LOCK_TIMEOUT), lambda known: invite(known, "lab", rows, NOW, stamp_now()), write=True)


def race(running: Racers, ledger: str, label: object, is_one_person: bool = False) -> list[dict[str, Any]]:
    """What each controller says of one race."""
    for racer, process in zip(RACERS, running):
        name = f"{'a' if is_one_person else racer}{label}"
        said = {"profile": "lab", "jti": jti_of(label), "issuer": "cluster-a", "username": name, "subject": name}
        _say(process, json.dumps({"ledger": ledger, "acceptance": {**said, "key": key_of(name)}}))
    begun = [_heard(process)["ready"] for process in running]
    for process in running:
        _say(process, "go")
    return [
        {**_heard(process), "begun": begun, "subject": f"{racer}{label}"} for racer, process in zip(RACERS, running)
    ]


def judge(tally: Tally, races: Mapping[str, Sequence[Mapping[str, Any]]], lines: Iterable[str]) -> None:
    """Add what became of races, by jti, of which the ledger has these lines."""
    events = [json.loads(line) for line in lines]
    numbers = [event["uid"] for event in events if event["kind"] == "user"]
    assert len(set(numbers)) == len(numbers), "a number was issued twice"
    people = {event["subject"] for event in events if event["kind"] == "user"}
    for jti, told in races.items():
        kept = [event["subject"] for event in events if event["kind"] == "redeem" and event["jti"] == jti]
        winners = [one["subject"] for one in told if one["events"]]
        losers = [one["subject"] for one in told if f"The invitation {jti} was used at " in one["refused"]]
        tally.attempted += 1
        tally.lost += len(losers)
        tally.both += len(winners) > 1 or len(kept) > 1
        tally.nobody += not winners or not kept
        is_right = winners == kept and len(losers) == 1 and not people & set(losers)
        tally.won += is_right and len(winners) == 1
        tally.wrong += not is_right
        tally.apart += len(set(told[0]["begun"])) != 1
        tally.again += sum(one["decided"] - 1 for one in told)
        tally.refused_puts += sum(one["refused_puts"] for one in told)


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    heard: dict[str, Any] = json.loads(process.stdout.readline())
    return heard


# one controller


class _Controller:
    """Races as it is told to."""

    def __init__(self, opened: Callable[[str], LedgerStore]) -> None:
        self._opened = opened
        self._stores: dict[str, LedgerStore] = {}
        self._decided = 0
        self._refused_puts = 0

    def run(self) -> None:
        with mock.patch.object(Dynamo, "request", self._counting(Dynamo.request)):
            for line in iter(sys.stdin.readline, ""):
                print(json.dumps(self._race(json.loads(line))), flush=True)

    def _counting(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def counted(dynamo: Dynamo, operation: str, **parameters: Any) -> Any:
            try:
                return request(dynamo, operation, **parameters)
            except RequestError as error:
                self._refused_puts += operation == "put_item" and error.verdict is Verdict.TAKEN
                raise

        return counted

    def _race(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["ledger"] not in self._stores:
            self._stores = {told["ledger"]: self._opened(told["ledger"])}
        acceptance = Acceptance(**told["acceptance"], chain=())
        self._decided = self._refused_puts = 0
        answer: dict[str, Any] = {"events": 0, "refused": ""}
        try:
            settled = settle(self._stores[told["ledger"]], lambda ledger: self._decide(ledger, acceptance), write=True)
            answer["events"] = len(settled.decision.events)
        except IdentityError as refusal:
            answer["refused"] = str(refusal)
        return {**answer, "decided": self._decided, "refused_puts": self._refused_puts}

    def _decide(self, ledger: Ledger, acceptance: Acceptance) -> Change:
        """Decide; the first time only when the other one has decided on the same ledger."""
        self._decided += 1
        change = accept(ledger, acceptance, NOW, stamp_now())
        if self._decided == 1:
            print(json.dumps({"ready": len(ledger.events)}), flush=True)
            sys.stdin.readline()
        return change


class _WithoutLook(FileStore):
    """Writes what it decided on what it knew, and looks at nothing again."""

    def commit(self, decide: Callable[[Ledger], Any]) -> tuple[Any, list[str]]:
        known = self._image
        with mock.patch.object(self, "_read", return_value=known):
            return super().commit(decide)

    def _is_still(self, image: object) -> bool:
        del image
        return True

    def _check_is_not_older(self, image: object, noted: int) -> None:
        del image, noted


class _WithoutLock(FileStore):
    """Lets everybody write at once, and takes its time."""

    @property
    def _temporary(self) -> str:
        return f"{self._path}.{os.getpid()}.new"

    def _is_still(self, image: object) -> bool:
        del image
        time.sleep(0.01)
        return True


@contextmanager
def _no_lock(path: str, timeout: float, author: str) -> Iterator[LockFile]:
    with locked(f"{path}.{os.getpid()}", timeout, author) as lock:
        yield lock


def _opened(ledger: str) -> LedgerStore:
    """The store of a ledger; every client reads the same description of the service, which takes long."""
    if ledger.startswith("dynamodb:"):
        import botocore.loaders
        import botocore.session

        loader = functools.lru_cache(maxsize=None)(botocore.loaders.create_loader)
        if not hasattr(botocore.session.create_loader, "cache_info"):
            mock.patch.object(botocore.session, "create_loader", loader).start()
    return open_store(ledger, LOCK_TIMEOUT)


def _with_fault(fault: str) -> Callable[[str], LedgerStore]:
    """How stores with a fault are opened."""
    if fault == "no condition":
        mock.patch.object(_dynamodb_store, "put_once", lambda item: {"Item": item}).start()
        return _opened
    if fault == "no lock":
        mock.patch.object(_file_store, "locked", _no_lock).start()
    broken = {"no look": _WithoutLook, "no lock": _WithoutLock}[fault]
    return lambda ledger: broken(ledger.partition(":")[2], LOCK_TIMEOUT, "sam@controller")


if __name__ == "__main__":
    _Controller(_with_fault(sys.argv[1]) if sys.argv[1:] else _opened).run()
