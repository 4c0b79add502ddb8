# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes that issue numbers and are killed while they do; started by test_ledger_crash.py.

python campaigns.py kill DIRECTORY   a writer for every fault point, killed before or after a system call it makes
python campaigns.py race DIRECTORY   several writers at once, some of which are killed at random
python campaigns.py full DIRECTORY   a writer whose file cannot grow, as on a full disk

What happened is printed as JSON. It is judged from what was acknowledged through a pipe and from the plain JSON in the
file, not by the code under test.
"""

from __future__ import annotations

import json
import os
import random
import resource
import runpy
import shutil
import signal
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

runpy.run_path(str(Path(__file__).resolve().parents[3] / "conftest.py"))

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

CALLS = ("open", "write", "pwrite", "ftruncate", "fsync", "fchmod", "fchown", "replace", "unlink", "close")
WRITERS = 6
ENOUGH = 400
PATIENCE = 120


def issue(path: Path, names: list[str]) -> dict[str, int]:
    """Numbers for these names, as uid_allocation would issue them."""
    stamp = stamp_now()
    wanted = Wanted("lab", Roster(tuple(RosterEntry(name, name) for name in names)))
    settled = settle(open_store(f"file:{path}"), lambda ledger: allocate(ledger, wanted, stamp), write=True)
    return dict(settled.decision.uids)


def users(path: Path) -> dict[str, int]:
    """What the file says, read without the collection."""
    found: dict[str, int] = {}
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        event = json.loads(line)
        if event["kind"] == "user":
            assert event["username"] not in found, f"{event['username']} twice"
            assert event["uid"] not in found.values(), f"{event['uid']} twice"
            found[event["username"]] = event["uid"]
    return found


@contextmanager
def fault_point(at: int = 0, when: str = "") -> Iterator[list[str]]:
    """Note the system calls of this process, and kill it at one of them."""
    calls: list[str] = []

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            here = len(calls) == at
            if here and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if here and when == "half" and name == "write":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            value = real(*arguments, **options)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
            return value

        return call

    reals = {name: getattr(os, name) for name in CALLS}
    for name, real in reals.items():
        setattr(os, name, watched(name, real))
    try:
        yield calls
    finally:
        for name, real in reals.items():
            setattr(os, name, real)


def in_child(work: Callable[[], str]) -> tuple[int, str]:
    """Run work in a process of its own: the signal that killed it, and what it said at the end."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.write(writing, work().encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _pid, status = os.waitpid(process, 0)
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), said


def kill_campaign(directory: Path) -> dict[str, int]:
    report = {"points": 0, "acknowledged": 0, "written": 0, "not_written": 0, "lost": 0, "damaged": 0, "left_over": 0}
    for state in ("new", "used"):
        base = directory / state
        base.mkdir()
        if state == "used":
            issue(base / "ledger.jsonl", ["alice", "bob"])
        before = users(base / "ledger.jsonl") if state == "used" else {}
        for at in range(1, _calls_of_one_writer(base) + 1):
            for when in ("before", "half", "after"):
                _one_kill(base, before, at, when, report)
    return report


def _calls_of_one_writer(base: Path) -> int:
    trial = base.with_name("trial")
    shutil.copytree(base, trial)
    with fault_point() as calls:
        issue(trial / "ledger.jsonl", ["carol"])
    shutil.rmtree(trial)
    return len(calls)


def _one_kill(base: Path, before: dict[str, int], at: int, when: str, report: dict[str, int]) -> None:
    place = base.with_name("place")
    shutil.copytree(base, place)
    ledger = place / "ledger.jsonl"

    def writer() -> str:
        with fault_point(at, when):
            uids = issue(ledger, ["carol"])
        return json.dumps(uids)

    killed, said = in_child(writer)
    acknowledged: dict[str, int] = json.loads(said) if said else {}
    report["points"] += killed == signal.SIGKILL
    report["acknowledged"] += bool(acknowledged)
    try:
        found = users(ledger) if ledger.exists() else {}
        report["written" if "carol" in found else "not_written"] += 1
        recovered = json.loads(in_child(lambda: json.dumps(issue(ledger, ["carol", "dave"])))[1])
        final = users(ledger)
    except (ValueError, AssertionError, IdentityError, OSError) as error:
        print(f"{base.name} {at} {when}: {error!r}", file=sys.stderr)
        report["damaged"] += 1
    else:
        for promised in (before, acknowledged, found, recovered):
            report["lost"] += any(final.get(name) != uid for name, uid in promised.items())
        report["left_over"] += {path.name for path in place.iterdir()} != {"ledger.jsonl", "ledger.jsonl.lock"}
    shutil.rmtree(place)


def race_campaign(directory: Path) -> dict[str, int]:
    ledger = directory / "ledger.jsonl"
    reading, writing = os.pipe()
    chance = random.Random(5238)
    alive: set[int] = set()
    started = 0
    killed = 0
    said = b""
    end = time.monotonic() + PATIENCE
    os.set_blocking(reading, False)
    while said.count(b"\n") < ENOUGH and time.monotonic() < end:
        while len(alive) < WRITERS:
            started += 1
            process = os.fork()
            if process == 0:
                _write_without_end(ledger, writing, f"w{started}")
            alive.add(process)
        time.sleep(0.05)
        with suppress(BlockingIOError):
            said += os.read(reading, 1 << 20)
        if chance.random() < 0.25:
            victim = chance.choice(sorted(alive))
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)
            alive.remove(victim)
            killed += 1
    for process in alive:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    os.close(writing)
    os.set_blocking(reading, True)
    with os.fdopen(reading, "rb") as pipe:
        said += pipe.read()
    return _judge(ledger, said, {"writers": started, "killed": killed})


def _write_without_end(ledger: Path, writing: int, prefix: str) -> None:
    try:
        for number in range(10_000):
            name = f"{prefix}-{number}"
            uids = issue(ledger, [name])
            os.write(writing, f"{name} {uids[name]}\n".encode())
    finally:
        os._exit(1)


def _judge(ledger: Path, said: bytes, report: dict[str, int]) -> dict[str, int]:
    found = users(ledger)
    acknowledged = [line.split() for line in said.decode().splitlines()]
    numbers = [int(uid) for _name, uid in acknowledged]
    report["acknowledged"] = len(acknowledged)
    report["lost"] = sum(found.get(name) != int(uid) for name, uid in acknowledged)
    report["duplicated"] = len(numbers) - len(set(numbers))
    report["in_ledger"] = len(found)
    return report


def full_campaign(directory: Path) -> dict[str, Any]:
    ledger = directory / "ledger.jsonl"
    issue(ledger, ["alice"])
    before = ledger.read_bytes()

    def writer() -> str:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, len(before) + 50))
        try:
            issue(ledger, ["bob"])
        except IdentityError as error:
            return str(error)
        return "issued"

    _killed, said = in_child(writer)
    return {
        "said": said,
        "unchanged": ledger.read_bytes() == before,
        "files": sorted(path.name for path in directory.iterdir()),
        "afterwards": issue(ledger, ["alice", "bob"]),
    }


if __name__ == "__main__":
    campaign = {"kill": kill_campaign, "race": race_campaign, "full": full_campaign}[sys.argv[1]]
    print(json.dumps(campaign(Path(sys.argv[2]))))
