# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the checks and tests of this checkout, or those that are named, and say with one line how it went.

Nothing has to be there but Python, git and, for the hosts in Docker, the right to use or install an engine. Three steps
run side by side: two that compute, and one that waits for hosts. What a step prints goes to .build/logs/STEP.log and
is shown only if it fails. A step that fails does not stop the others.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import environments
import tree
from places import LOGS, REPOSITORY
from processes import ChildBell, adopt_orphans, end_descendants
from steps import ALONE, ANSIBLE_TEST, HERE, HOSTS, IMAGES, all_steps, base_variables, fleet

if TYPE_CHECKING:
    from steps import Command, Step

SIDE_BY_SIDE = 3
SHOWN_LINES = 40
ERRORS = re.compile(r"ERROR|FATAL|FAILED|fatal:|failed:")
REASONS = re.compile(r"FAILED |ERROR |\[ERROR\]|fatal:")
SHOWN_REASONS = 5
REASON_WIDTH = 240
PULSE_SECONDS = 60
# What a step says about something that it could not do is shown even if it passes: nothing is left out in silence.
NOTES = re.compile(r"^(?:SKIPPED \[\d+\]|WARNING: (?:Skipping|Required program)|NOTE:).*$", re.MULTILINE)
TALLY = re.compile(r"^=* ?(\d+ (?:passed|failed)[^=\n]*?) in [\d.]+s", re.MULTILINE)


def say(text: str) -> None:
    print("%s  %s" % (time.strftime("%H:%M:%S"), text), flush=True)


def duration(seconds: float) -> str:
    return "%dm%02ds" % divmod(round(seconds), 60)


def telling_lines(text: str) -> list[str]:
    """The end of what a step printed, and before it the errors that stand further up."""
    lines = [line for line in text.splitlines() if not line.startswith("WARNING: Location")]
    end = lines[-SHOWN_LINES:]
    above = [line for line in lines[:-SHOWN_LINES] if ERRORS.match(line)]
    return [*above[:SHOWN_LINES], "[...]", *end] if above else end


def reasons(text: str) -> list[str]:
    """The lines that say why a step failed, as few and as short as somebody who sees the end alone needs them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = list(dict.fromkeys(line for line in lines if REASONS.match(line)))
    return [line[:REASON_WIDTH] for line in found[:SHOWN_REASONS] or lines[-SHOWN_REASONS:]]


class Interrupted(KeyboardInterrupt):
    """Somebody wants this run to end."""


class Job:
    """A step that runs: its commands one after the other, until one fails."""

    def __init__(self, step: Step, variables: dict[str, str]) -> None:
        self.step = step
        self.started = time.monotonic()
        self.cpu_seconds = 0.0  # of its own processes; what containers do is not among it
        self.log = LOGS / (step.name.replace(":", "-") + ".log")
        self._variables = variables
        self._stream = self.log.open("wb")
        self._todo = list(step.commands)
        self._process = self._start(self._todo.pop(0))
        self._first = True
        self._late = False

    def _start(self, command: Command) -> subprocess.Popen[bytes]:
        self._stream.write(("+ %s\n" % " ".join(command.arguments)).encode())
        self._stream.flush()
        return subprocess.Popen(
            command.arguments,
            cwd=command.directory,
            env={**self._variables, **dict(command.variables)},
            stdin=subprocess.DEVNULL,
            stdout=self._stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def result(self) -> str:
        """Empty while the step runs, then `passed`, `failed` or `skipped`."""
        code = self._poll()
        if code is None:
            if not self._late and time.monotonic() - self.started > self.step.limit_seconds:
                self._late = True
                self._stream.write(b"\nended, because it took longer than %d s\n" % self.step.limit_seconds)
                self.end()
            return ""
        if code == 0 and self._todo and not self._late:
            self._process = self._start(self._todo.pop(0))
            self._first = False
            return ""
        self._stream.close()
        if code == self.step.skip_code and self._first:
            return "skipped"
        return "failed" if code or self._late else "passed"

    def _poll(self) -> int | None:
        """As `Popen.poll`, and counts what the process took."""
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_seconds += usage.ru_utime + usage.ru_stime
        return self._process.returncode

    def end(self) -> None:
        """End the process group of the step: first as Ctrl-C would, then for good."""
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(timeout=30)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue

    def text(self) -> str:
        return self.log.read_text(errors="replace")


class Run:
    """All the steps of one call."""

    def __init__(self, steps: list[Step], variables: dict[str, str]) -> None:
        self._waiting = list(steps)
        self._variables = variables
        self._running: dict[str, Job] = {}
        self._bell = ChildBell()
        self._pulse = time.monotonic()
        self.results: dict[str, str] = {}
        self.reasons: dict[str, list[str]] = {}

    def go(self) -> None:
        while self._waiting or self._running:
            self._begin()
            self._bell.wait(1.0)
            for name, job in list(self._running.items()):
                result = job.result()
                if result:
                    del self._running[name]
                    self._report(job, result)
            if time.monotonic() - self._pulse > PULSE_SECONDS:
                self._pulse = time.monotonic()
                say(".....  " + ", ".join("%s %s" % (job.step.name, self._age(job)) for job in self._running.values()))

    def _begin(self) -> None:
        for lane in (HOSTS, HERE, ANSIBLE_TEST, ALONE):
            for step in [step for step in self._waiting if step.lane == lane]:
                if len(self._running) >= SIDE_BY_SIDE or self._is_taken(step):
                    break
                self._waiting.remove(step)
                say("begin  %s" % step.name)
                self._running[step.name] = Job(step, self._variables)

    def _is_taken(self, step: Step) -> bool:
        """Whether the lane of a step takes no further one now."""
        running = [job.step for job in self._running.values()]
        if step.lane == ALONE:
            return bool(running) or any(waiting.lane != ALONE for waiting in self._waiting)
        in_lane = [other for other in running if other.lane == step.lane]
        if step.lane != HOSTS or any(other.name == IMAGES for other in in_lane):
            return bool(in_lane)
        # scenarios have hosts of their own, so they take the room of lanes that have nothing left to do
        return len(in_lane) > sum(1 for lane in (HERE, ANSIBLE_TEST) if self._is_idle(lane, running))

    def _is_idle(self, lane: str, running: list[Step]) -> bool:
        """Whether nothing of a lane runs or waits."""
        return not any(step.lane == lane for step in (*running, *self._waiting))

    @staticmethod
    def _age(job: Job) -> str:
        return duration(time.monotonic() - job.started)

    def _report(self, job: Job, result: str) -> None:
        self.results[job.step.name] = result
        text = job.text()
        tally = TALLY.findall(text)
        told = ["%s of CPU" % duration(job.cpu_seconds), *tally[-1:]]
        say("%-6s %s  %s  (%s)" % (result, job.step.name, self._age(job), "; ".join(told)))
        if result == "passed":
            for note in dict.fromkeys(NOTES.findall(text)):
                print("       | " + note, flush=True)
        else:
            print("\n".join("       | " + line for line in telling_lines(text)))
            print("       | (the whole output: %s)" % job.log.relative_to(REPOSITORY), flush=True)
        if result == "failed":
            self.reasons[job.step.name] = reasons(text)
            self._clean_up(job)

    def _clean_up(self, job: Job) -> None:
        for command in job.step.clean_up:
            with job.log.open("ab") as stream:
                subprocess.run(
                    command.arguments,
                    cwd=command.directory,
                    env={**self._variables, **dict(command.variables)},
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    check=False,
                )

    def abandon(self) -> None:
        """End what runs and take away what it had made."""
        for job in self._running.values():
            say("ending %s" % job.step.name)
            job.end()
        for job in self._running.values():
            self._clean_up(job)


def choose(names: list[str]) -> list[Step]:
    steps = all_steps()
    known = {step.name for step in steps} | {step.group for step in steps if step.group}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(
            "scripts/run_tests: no step or group %s; there are: %s" % (", ".join(unknown), ", ".join(sorted(known)))
        )
    return [step for step in steps if not names or step.name in names or step.group in names]


def interrupt(_number: int, _frame: object) -> None:
    raise Interrupted


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/run_tests", description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a step or a group of steps; without one, all of them")
    parser.add_argument("--list", action="store_true", help="print the names of the steps")
    asked = parser.parse_args(arguments)
    if not asked.names:
        # other interpreters take a share of the unit tests in a whole run, and all of them in a run of their own
        os.environ.setdefault("LABFLEET_SHARE", "4")
    try:
        steps = choose(asked.names)
    except environments.VenvError as problem:
        sys.exit("scripts/run_tests: %s" % problem)
    if asked.list:
        print("\n".join("%-24s %s" % (step.name, step.group) for step in steps))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    adopt_orphans()
    started = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    if environments.main(["main"]) != 0 or tree.main([]) != 0:
        return 1
    run = Run(steps, base_variables())
    try:
        run.go()
    except Interrupted:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        run.abandon()
        say("ended early, at your wish")
        return 130
    finally:
        finish(steps)
    return summary(run, time.monotonic() - started)


def finish(steps: list[Step]) -> None:
    """Leave nothing running: not the engine if it was started here, and no process that a step forgot."""
    if any(step.lane in (HOSTS, ALONE) for step in steps):
        command = fleet("engine", "stop")
        subprocess.run(command.arguments, cwd=command.directory, env=base_variables(), check=False)
    for left in end_descendants():
        say("note:  ended what a step had left running: %s" % left)


def summary(run: Run, seconds: float) -> int:
    count = {result: list(run.results.values()).count(result) for result in ("passed", "failed", "skipped")}
    for name, result in run.results.items():
        if result != "passed":
            say("%-6s %s" % (result, name))
            # once more, since of a long output the end is what is kept
            print("".join("       | %s\n" % line for line in run.reasons.get(name, ())), end="", flush=True)
    say("took   %s" % duration(seconds))
    print(
        "%d passed, %d failed" % (count["passed"], count["failed"])
        + (", %d skipped" % count["skipped"]) * bool(count["skipped"])
    )
    return 1 if count["failed"] or not count["passed"] else 0
