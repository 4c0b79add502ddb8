# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers that issue numbers while things go wrong, until enough was acknowledged and all of it happened."""

from __future__ import annotations

import heapq
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .history import judge
from .processes import CHAOS, controller, observer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from .history import Book, Verdict
    from .processes import Process

TICK = 0.01
LATEST = 0.1  # seconds after the beginning of a call when something happens
TOO_MANY = 20  # complaints, after which there is no more to learn
PEACE = 60  # seconds in which anybody must be answered when all is over


@dataclass(frozen=True)
class Plan:
    """How big a campaign is."""

    acknowledged: int
    writers: int
    seed: int
    patience: float  # seconds after which it is given up
    lock_timeout: float = 1.0
    failing: float = 0.0  # the share of system calls that fail in the controllers
    program: Path = CHAOS / "controller.py"


@dataclass
class Outcome:
    """What a campaign found."""

    label: str
    writers: int
    seconds: float
    counts: Counter[str]
    verdict: Verdict
    complaints: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all happened that was to happen, and nothing that must not."""
        return self.verdict.good and not self.complaints


class Campaign:
    """What all campaigns share: processes, a timetable of faults, a history, a judgement.

    A campaign says what its faults are by putting them on the timetable, and which of them must have happened.
    """

    label = ""
    calls_to_kill = 10

    def __init__(self, store: str, plan: Plan, directory: Path, variables: Mapping[str, str]) -> None:
        self.store = store
        self.plan = plan
        self.directory = directory
        self.variables = dict(variables)
        self.chance = random.Random(plan.seed)
        self.counts: Counter[str] = Counter()
        self.history: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self.required: set[str] = {"kills", "stops"}
        self._acknowledged: set[tuple[str, str, str]] = set()
        self._at_work: set[str] = set()
        self._asked: dict[tuple[str, int], str] = {}
        self._timetable: list[tuple[float, int, Callable[[], None]]] = []
        self._again: list[tuple[int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._expected: list[str] = []
        self.writers: list[Process] = []
        for number in range(1, plan.writers + 1):
            self.writers.append(self.controller(f"w{number}", store))
        self.reader = observer(self.store, directory, self.reader_variables())

    def reader_variables(self) -> dict[str, str]:
        """The environment of whoever reads, and not of those who suffer."""
        return self.variables

    def controller(self, name: str, store: str, variables: Mapping[str, str] | None = None, **settings: Any) -> Process:
        """A controller with the settings of this campaign."""
        defaults: dict[str, Any] = {
            "store": store,
            "profiles": ["lab", "uni"],
            "seed": self.plan.seed,
            "lock_timeout": self.plan.lock_timeout,
            "failing": self.plan.failing,
            "once": False,
            "past": [],
        }
        return controller(
            name, self.plan.program, {**defaults, **settings}, self.directory, variables or self.variables
        )

    def expect(self, *parts: str) -> None:
        """What a refusal may say. Any other one is a complaint about the campaign."""
        self._expected += parts

    # the timetable

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._timetable, (time.monotonic() + seconds, next(self._order), action))

    def every(self, calls: int, action: Callable[[], None]) -> None:
        """Do something again and again, on the average once in so many calls of controllers.

        How much goes wrong then depends on what is done, and not on how fast the machine is today.
        """
        self._again.append((calls, action))

    # what every campaign does

    def run(self, book: Callable[[], Book]) -> Outcome:
        """The whole campaign; book reads the ledger at the end."""
        began = time.monotonic()
        try:
            for process in (*self.writers, self.reader):
                process.start()
            self.schedule()
            while not self.is_over():
                if time.monotonic() - began > self.plan.patience:
                    self.complaints.append(
                        f"after {self.plan.patience:.0f} s {self.acknowledged} numbers were acknowledged of"
                        f" {self.plan.acknowledged}, and these faults had not happened:"
                        f" {', '.join(self._missing()) or 'none'}"
                    )
                    break
                while self._timetable and self._timetable[0][0] <= time.monotonic():
                    heapq.heappop(self._timetable)[2]()
                self.collect()
                time.sleep(TICK)
        finally:
            self.clean_up()
            for process in (*self.writers, self.reader):
                process.kill()
        self._end_in_peace()
        for process in (*self.writers, self.reader):
            if process.complaints():
                self.complaints.append(f"{process.name} said: {process.complaints()[-500:]}")
        self._write_history()
        verdict = judge(self.history, book())
        seconds = time.monotonic() - began
        return Outcome(self.label, len(self.writers), seconds, self.counts, verdict, self.complaints)

    def schedule(self) -> None:
        """Put the faults that every store meets on the timetable."""
        self.every(self.calls_to_kill, self.kill_one)
        self.every(10, self.stop_one)

    def clean_up(self) -> None:
        """End what a fault has begun."""

    def kill_one(self) -> None:
        """kill -9 at whatever it does, and begin it anew; but not before it did anything."""
        free = [writer for writer in self.writers if not writer.held and writer.name in self._at_work]
        if free:
            victim = self.chance.choice(free)
            victim.kill()
            self.note("kill", of=victim.name)
            self.counts["kills"] += 1
            self._at_work.discard(victim.name)
            victim.start()

    def stop_one(self) -> None:
        """SIGSTOP for a while."""
        free = [writer for writer in self.writers if not writer.held and not writer.stopped]
        if free:
            victim = self.chance.choice(free)
            victim.stop()
            self.note("stop", of=victim.name)
            self.counts["stops"] += 1
            self.after(self.chance.uniform(0.05, 0.5), victim.go_on)

    def note(self, event: str, **what: Any) -> None:
        """Write into the history what was done to the controllers."""
        self.history.append({"at": time.monotonic(), "writer": "", "event": event, **what})

    def collect(self) -> None:
        """Take what the processes wrote down into the history."""
        for process in (*self.writers, self.reader):
            self._take(process)
            code = process.ended()
            if code is not None:
                self.complaints.append(f"{process.name} ended by itself with code {code}")
                process.kill()
                process.start()

    def take(self, event: dict[str, Any]) -> None:
        """Enter into the history what a process wrote down."""
        self.history.append(event)
        self._count(event)

    def _take(self, process: Process) -> None:
        for event in process.news():
            self.take(event)

    def _count(self, event: dict[str, Any]) -> None:
        if event["event"] == "begin":
            self._asked[event["writer"], event["attempt"]] = event["profile"]
            self.counts["calls"] += 1
            self._at_work.add(event["writer"])
            for calls, action in self._again:
                if self.chance.random() < 1 / calls:
                    self.after(self.chance.uniform(0, LATEST), action)
        elif event["event"] == "told":
            profile = self._asked[event["writer"], event["attempt"]]
            self._acknowledged.update((profile, kind, key) for kind, key, _number in event["told"])
            self.complaints += [
                f"{event['writer']} was warned: {text}" for text in event["warnings"] if not self._is_expected(text)
            ]
        elif event["event"] == "refused":
            self.counts["refusals"] += 1
            self.refused(event["refused"])
            if not self._is_expected(event["refused"]):
                self.complaints.append(f"{event['writer']} was refused: {event['refused']}")
        elif event["event"] == "read":
            self.counts["reads"] += 1
        self.counts["failing_calls"] += len(event.get("failed", ()))
        self.counts["signals"] += event.get("signals", 0)

    def refused(self, message: str) -> None:
        """Learn from what a controller was told instead of numbers."""

    def _is_expected(self, text: str) -> bool:
        return any(part in text for part in self._expected)

    def _missing(self) -> list[str]:
        return sorted(name for name in self.required if not self.counts[name])

    @property
    def acknowledged(self) -> int:
        """How many have a number and were told."""
        return len(self._acknowledged)

    def is_over(self) -> bool:
        """Whether enough was acknowledged and all of it happened, or it is clear already that this is no good one."""
        enough = self.acknowledged >= self.plan.acknowledged and not self._missing()
        return enough or len(self.complaints) > TOO_MANY

    def _end_in_peace(self) -> None:
        """Whatever happened, nothing is broken: whoever asks next for everybody is told the same."""
        self.collect()
        for number, profile in enumerate(sorted({profile for profile, _kind, _key in self._acknowledged}), start=1):
            last = self.controller(
                f"last{number}",
                self.store,
                self.reader_variables(),
                past=[self._everybody(profile)],
                once=True,
                failing=0,
                lock_timeout=30,
            )
            last.start()
            refused, until = self.counts["refusals"], time.monotonic() + PEACE
            while last.ended() is None and self.counts["refusals"] == refused and time.monotonic() < until:
                self._take(last)
                time.sleep(TICK)
            self._take(last)
            if not last.is_good():
                self.complaints.append(f"{last.name} asked after all was over and was not answered")
                self.complaints += [last.complaints()[-500:]] if last.complaints() else []
            last.kill()

    def _everybody(self, profile: str) -> dict[str, Any]:
        """A batch of all who were ever acknowledged in a profile, as a controller remembers its last one."""
        people: dict[str, str] = {}
        groups: set[str] = set()
        for event in self.history:
            if event["event"] == "begin" and event["profile"] == profile:
                people.update(event["people"])
                groups.update(event["groups"])
        known = {(kind, key) for its, kind, key in self._acknowledged if its == profile}
        people = {name: subject for name, subject in people.items() if ("user", subject) in known}
        shared = [name for name in sorted(groups) if ("group", name) in known]
        return {"event": "begin", "attempt": 0, "own": 0, "profile": profile, "people": people, "groups": shared}

    def _write_history(self) -> None:
        self.history.sort(key=lambda event: float(event["at"]))
        with (self.directory / "history.jsonl").open("w") as file:
            file.writelines(json.dumps(event) + "\n" for event in self.history)
