# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of things: every run stands between two bare pings, every case comes once in every round."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from . import bench_hosts
from .contenders import PING, make_ready, ping
from .errors import BenchError
from .measure import run
from .outcome import problems, shorten
from .stats import RUNS, Case, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetlib import Console

    from .contenders import Ready
    from .measure import Command, Outcome
    from .workplace import Workplace

_CHANGED = re.compile(r"\bchanged=(\d+)")
_LAST_LINES = 15


class Rounds:
    """Measures cases over and over on the same hosts, and keeps all samples."""

    def __init__(self, place: Workplace, console: Console) -> None:
        self.samples: list[Sample] = []
        self._place = place
        self._console = console
        self._spent: dict[Case, float] = {}

    def measure(self, cases: Sequence[Case], repeats: int, budget: float) -> None:
        """REPEATS rounds; a case that has taken BUDGET seconds already is left out of the rounds that follow."""
        ready = {case: make_ready(self._place, case) for case in cases}
        for hosts in sorted({case.hosts for case in cases}):
            self._ping(hosts)  # opens the connections
        self.samples.clear()
        for number in range(repeats):
            for case in cases:
                if self._spent.get(case, 0.0) < budget:
                    began = time.monotonic()
                    self._once(case, ready[case], f"round {number + 1} of {repeats}")
                    self._spent[case] = self._spent.get(case, 0.0) + time.monotonic() - began

    def _once(self, case: Case, ready: Ready, where: str) -> None:
        hosts = self._place.hosts(case.hosts)
        bench_hosts.restore(hosts)
        ready.forget()
        self._warm(ready)
        before = self._ping(case.hosts)
        seen = None
        for kind in RUNS:
            outcome = self._run(ready.commands, case.hosts, f"{case}, {kind}")
            after = self._ping(case.hosts)
            sample = Sample(case, kind, outcome.cost, before, after)
            self.samples.append(sample)
            self._console.say(f"- {where}: {case}, {kind}: {sample.cost.wall:.2f} s, {sample.ratio:.2f} x ping")
            before = after
            self._check_changes(case, kind, outcome)
            shown = bench_hosts.observe(hosts)
            for host, people in shown.items():
                wrong = problems(ready.people, people, numbers_given=ready.numbers_given)
                if wrong:
                    raise BenchError(f"{case}, {kind}, {host}: {shorten(wrong)}")
            if seen is not None and shown != seen:
                raise BenchError(f"{case}: the hosts differ after the run that had nothing to change")
            seen = shown

    def _warm(self, ready: Ready) -> None:
        """Open the connections of a contender that brings its own; Ansible's are open since the first ping."""
        for command in ready.commands:
            if command.stdin is not None:
                warm = type(command)((*command.argv[:-2], "true"))
                self._run((warm,), 1, "opening a connection")

    def _ping(self, hosts: int) -> float:
        outcome = self._run(ping(self._place, hosts), hosts, "ping")
        self.samples.append(Sample(Case(PING, 0, hosts), "", outcome.cost, outcome.cost.wall, outcome.cost.wall))
        return outcome.cost.wall

    def _run(self, commands: tuple[Command, ...], hosts: int, what: str) -> Outcome:
        outcome = run(commands, self._place.surroundings(hosts))
        if outcome.returncode != 0:
            last = "\n".join(outcome.output.splitlines()[-_LAST_LINES:])
            raise BenchError(f"{what} failed with return code {outcome.returncode}; its last words:\n{last}")
        return outcome

    def _check_changes(self, case: Case, kind: str, outcome: Outcome) -> None:
        """A first run has to say on every host that it changed something, the next one that it did not."""
        changes = [int(number) for number in _CHANGED.findall(outcome.output)]
        as_wanted = [number > 0 if kind == RUNS[0] else number == 0 for number in changes]
        if len(changes) != case.hosts or not all(as_wanted):
            raise BenchError(f"{case}, {kind}: the numbers of changes were {changes} on {case.hosts} hosts")
