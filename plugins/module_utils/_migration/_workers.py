# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk all places at once with several processes that share the work (private).

A process that has directories left gives one away whenever another one waits. The work is over when as many parts are
done as were ever given out. Each process counts in a memory that all of them see, so that whoever started them can
tell how far they are.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import socket
import time

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Tally
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tree import Tree
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job

__all__ = ["walk"]

_SEEN, _CHANGED, _GIVEN, _DONE, _WAITING = range(5)  # what a process tells
_NUMBERS = 8  # of each process
_STOP = b"!"
_LONGEST = 60000  # of a part of the work, as a message
_SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG


def walk(
    roots: Sequence[Root], job: Job, processes: int, progress: Callable[[int, int], None], pause: float = 0.005
) -> Tally:
    """Do the job in all places.

    :param processes: how many share the work.
    :param progress: told again and again how many files were seen and how many changed.
    :raises IdentityError: a place cannot be walked, or a process was ended from outside.
    """
    memory = mmap.mmap(-1, processes * _NUMBERS * 8)
    numbers = memoryview(memory).cast("Q")
    parent_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    children: dict[int, int] = {}
    try:
        for index in range(len(roots)):
            parent_end.send(_message(index, []))
        for number in range(processes):
            reading, writing = os.pipe()
            parent = os.getpid()
            child = os.fork()
            if child == 0:
                os.close(reading)
                worker = _Worker(roots, job, (parent_end, child_end), numbers, number)
                _run_and_exit(worker, parent, writing)
            os.close(writing)
            children[child] = reading
        _wait(numbers, len(roots), children, progress, pause)
        for _child in children:
            parent_end.send(_STOP)
        tally = Tally()
        for reading in children.values():
            tally.add(_result(reading))
        return tally
    finally:
        for child, reading in children.items():
            os.close(reading)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        parent_end.close()
        child_end.close()
        numbers.release()
        memory.close()


def _message(index: int, names: Sequence[str]) -> bytes:
    return b"/".join((b"%d" % index, *(os.fsencode(name) for name in names)))


def _wait(
    numbers: memoryview[int], given: int, children: dict[int, int], progress: Callable[[int, int], None], pause: float
) -> None:
    """Until everything is done."""

    def total(what: int) -> int:
        return sum(numbers[what::_NUMBERS])

    while True:
        done = total(_DONE)  # first, because what is given out only grows
        if done == given + total(_GIVEN):
            progress(total(_SEEN), total(_CHANGED))
            return
        for child, reading in children.items():
            # it stays there until its result was read: one that is gone has failed
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                _result(reading)
                raise IdentityError("a process of the walk ended before it was done: run again to go on")
        progress(total(_SEEN), total(_CHANGED))
        time.sleep(pause)


def _result(reading: int) -> Tally:
    chunks = []
    while True:
        chunk = os.read(reading, 1 << 20)
        if not chunk:
            break
        chunks.append(chunk)
    try:
        data = json.loads(b"".join(chunks).decode("ascii"))
    except ValueError as error:
        raise IdentityError("a process of the walk was ended from outside: run again to go on") from error
    if "problem" in data:
        raise IdentityError(data["problem"])
    return Tally.from_data(data)


def _run_and_exit(worker: _Worker, parent: int, writing: int) -> None:
    """Work in the new process, and leave without a way back."""
    try:
        import ctypes

        # a walk without the run that began it would change files while the next run believes itself alone
        ctypes.CDLL(None).prctl(_SIGNAL_WHEN_PARENT_ENDS, signal.SIGKILL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        if os.getppid() == parent:
            try:
                result = worker.work().as_data()
            except IdentityError as refusal:
                result = {"problem": str(refusal)}
            except Exception as error:
                result = {"problem": "the walk failed (%s: %s): run again to go on" % (type(error).__name__, error)}
            write_all(writing, json.dumps(result).encode("ascii"))
    finally:
        os._exit(0)


class _Worker:
    """One of the processes."""

    def __init__(
        self,
        roots: Sequence[Root],
        job: Job,
        ends: tuple[socket.socket, socket.socket],
        numbers: memoryview[int],
        number: int,
    ) -> None:
        self._roots, self._job = roots, job
        self._giving, self._taking = ends
        self._numbers = numbers
        self._first = number * _NUMBERS
        self._tally = Tally()
        self._trees: dict[int, Tree] = {}
        self._part: tuple[int, Tree] | None = None

    def work(self) -> Tally:
        """Take parts of the work until there are no more."""
        numbers, first = self._numbers, self._first
        while True:
            numbers[first + _WAITING] = 1
            message = self._taking.recv(_LONGEST + 100)
            numbers[first + _WAITING] = 0
            if message in (_STOP, b""):
                return self._tally
            place, *names = message.split(b"/")
            index = int(place)
            if index not in self._trees:
                self._trees[index] = Tree(self._roots[index], index, self._job, self._tally)
            self._part = (index, self._trees[index])
            self._part[1].walk([os.fsdecode(name) for name in names], self._between)
            numbers[first + _DONE] += 1

    def _between(self) -> None:
        """After each directory: tell how far it is, and share when somebody waits."""
        numbers, first = self._numbers, self._first
        numbers[first + _SEEN] = self._tally.seen
        numbers[first + _CHANGED] = self._tally.changed
        if any(numbers[_WAITING::_NUMBERS]) and self._part is not None:
            index, tree = self._part
            names = tree.give_away()
            if not names:
                return
            numbers[first + _GIVEN] += 1
            message = _message(index, names)
            try:
                if len(message) > _LONGEST:
                    raise BlockingIOError
                self._giving.send(message, socket.MSG_DONTWAIT)
            except OSError:
                tree.take_back()
                numbers[first + _GIVEN] -= 1
