# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The campaign against a ledger in a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .books import book_of_file
from .campaign import Campaign
from .clone import Clone
from .disk import Ballast
from .failing_calls import ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .campaign import Outcome, Plan
    from .processes import Process

FULL_FOR_AT_MOST = 3.0
ENOUGH_REFUSALS = 3
NO_SPACE = os.strerror(errno.ENOSPC)
# Between the last look at the file and its replacement lies a moment that no file system lets a program close. A merge
# that hits it is written over, which git shows as a change. So it may be rare, but it may be.
OVERWRITTEN_AT_MOST = 0.02


class FileCampaign(Campaign):
    """Controllers on one machine, or on a directory that they share."""

    label = "file"

    def __init__(self, plan: Plan, directory: Path, disk: Path, small: bool, variables: Mapping[str, str]) -> None:
        self.ledger = disk / "ledger.jsonl"
        super().__init__(f"file:{self.ledger}", plan, directory, variables)
        self._ballast = Ballast(disk)
        self._small = small
        self._no_space = 0
        self._clone_is_free = True
        self._clone = Clone(self.ledger, directory / "clone", self._member)
        self.expect("is held by", "did not exist and was begun")
        self.required |= {"stops_with_lock", "lock_refusals", "merges"}
        if plan.failing:
            self.required |= {"failing_calls", "signals"}
            self.expect(*(os.strerror(error) for error in (*ERRORS, errno.ENOLCK)))
        if small:
            self.required.add("full_disks")
            self.expect(NO_SPACE)

    def run_all(self) -> Outcome:
        """The campaign, judged from the file that it leaves."""
        outcome = self.run(lambda: book_of_file(self.ledger))
        overwritten, merges = self.counts["overwritten"], self.counts["merges"]
        if overwritten > 1 + OVERWRITTEN_AT_MOST * merges:
            outcome.complaints.append(f"{overwritten} of {merges} merges of git were written over")
        return outcome

    def schedule(self) -> None:
        """Everything that can happen to a file."""
        super().schedule()
        self.every(60, self._stop_the_holder)
        self.every(25, self.work_in_the_clone)
        if self._small:
            self.every(60, self._fill_the_disk)

    def clean_up(self) -> None:
        """Leave room for those who come after."""
        self._clone.end()
        if self._ballast.there:
            self._ballast.empty()

    def refused(self, message: str) -> None:
        """Which of the faults did it."""
        self._no_space += NO_SPACE in message
        self.counts["lock_refusals"] += "is held by" in message

    def _member(self, name: str, store: str) -> Process:
        return self.controller(name, store, self.reader_variables(), profiles=["away"], once=True, failing=0)

    # SIGSTOP while it holds the lock, for longer than the others wait

    def _stop_the_holder(self) -> None:
        holder = self._holder()
        if holder is None or holder.stopped or holder.held:
            self.after(0.003, self._stop_the_holder_again)
            return
        holder.stop()
        if self._holder() is not holder:
            holder.go_on()
            self.after(0.003, self._stop_the_holder_again)
            return
        holder.held = True
        self.note("stop", of=holder.name, lock=True)
        self.counts["stops_with_lock"] += 1

        def go_on() -> None:
            holder.held = False
            holder.go_on()

        self.after(self.plan.lock_timeout * 1.5, go_on)

    def _stop_the_holder_again(self) -> None:
        if not any(writer.held for writer in self.writers):
            self._stop_the_holder()

    def _holder(self) -> Process | None:
        """Which controller the kernel says has the lock."""
        try:
            inode = self.ledger.with_name(self.ledger.name + ".lock").stat().st_ino
        except FileNotFoundError:
            return None
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
                return next((writer for writer in self.writers if writer.pid == int(words[4])), None)
        return None

    # a disk without room

    def _fill_the_disk(self) -> None:
        if self._ballast.there:
            return
        self._ballast.fill()
        self.note("full disk")
        before = self._no_space
        self._look_at_the_full_disk(before, FULL_FOR_AT_MOST)

    def _look_at_the_full_disk(self, before: int, left: float) -> None:
        refused = self._no_space - before
        if refused < ENOUGH_REFUSALS and left > 0:
            self.after(0.05, lambda: self._look_at_the_full_disk(before, left - 0.05))
            return
        self._ballast.empty()
        self.note("room again", refused=refused)
        self.counts["full_disks"] += refused > 0

    # git

    def work_in_the_clone(self) -> None:
        """Somebody issues numbers elsewhere, and brings them here with git; one such person at a time."""
        if not self._ballast.there and self._clone_is_free and self._clone.pull():
            self._clone_is_free = False
            self._wait_for_the_clone()

    def _wait_for_the_clone(self) -> None:
        if not self._clone.is_done() or self._ballast.there:
            self.after(0.02, self._wait_for_the_clone)
            return
        # for a moment git leaves no file, which would be a fault of a controller: so the reader must not look then
        going = [process for process in (*self.writers, self.reader) if not process.stopped]
        for process in going:
            process.stop()
        self.note("merge", given_up=self._clone.merge())
        for process in going:
            process.go_on()
        self.counts["merges"] += 1
        self.after(0.3, self._look_what_arrived)

    def _look_what_arrived(self) -> None:
        events = self._clone.arrived()
        self._clone_is_free = True
        if events is None:
            self.counts["overwritten"] += 1
            return
        for event in events:
            self.take(event)
