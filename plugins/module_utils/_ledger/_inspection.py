# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger looked at from end to end, wherever it is kept (private; runs on the controller)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import UserIssued
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import Finding, lines_in_words
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._integrity import look_at_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invariants import broken_rules
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._lock import noted_events
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._smells import smells

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore

__all__ = ["Inspection", "inspect", "inspect_events"]

_SEE_WHY = "do what it says, and check again"


@dataclass(frozen=True)
class Inspection:
    """What was found, and in how much."""

    events: int
    people: int
    profiles: int
    problems: Sequence[Finding]
    warnings: Sequence[Finding]


def inspect(store: LedgerStore, now: datetime.datetime) -> Inspection:
    """Look at all of a ledger. What is wrong with it is a finding and no exception."""
    if isinstance(store, FileStore):
        path = store.name.partition(":")[2]
        try:
            data = _contents(path)
        except FileNotFoundError:
            return _inspect_loaded(store, now)
        except OSError as error:
            why = f"it cannot be read: {error.strerror}"
            return _nothing(Finding("a file that cannot be read", path, why, "correct the path or its rights"))
        return _inspect_file(path, data, now)
    return _inspect_loaded(store, now)


def inspect_events(events: Sequence[Event], lines: Sequence[int], now: datetime.datetime) -> Inspection:
    """Look at what events say together."""
    problems = broken_rules(events, lines)
    warnings: list[Finding] = []
    try:
        ledger = fold(Written(events, lines))
    except IdentityError as refusal:
        # every run stops at this, so it is a problem also if no rule here knows it
        if not problems:
            problems = [Finding("a contradiction", "the ledger", str(refusal).rstrip("."), _SEE_WHY)]
    else:
        warnings = smells(ledger, lines, now)
    people = {(event.profile, event.subject) for event in events if event.__class__ is UserIssued}
    profiles = {event.profile for event in events}
    return Inspection(len(events), len(people), len(profiles), problems, warnings)


def _contents(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no file")
        return file.read()


def _inspect_file(path: str, data: bytes, now: datetime.datetime) -> Inspection:
    """The text first; then what its whole lines say, also when others are damaged."""
    text = look_at_text(data)
    said = inspect_events(text.events, text.lines, now)
    return Inspection(
        said.events,
        said.people,
        said.profiles,
        [*text.problems, *said.problems],
        [*said.warnings, *_around(path, len(text.events), text.endings)],
    )


def _around(path: str, events: int, endings: Sequence[int]) -> list[Finding]:
    """What should be looked at in the file and beside it."""
    found = []
    if len(endings) > 1:
        why = f"a merge left {len(endings)} closing lines, which is normal until the next run that issues a number"
        found.append(Finding("several closing lines", lines_in_words(endings), why, "nothing needs to be done"))
    lock = f"{path}.lock"
    noted = noted_events(lock)
    if noted > events:
        found.append(
            Finding(
                "an older copy",
                lock,
                f"this machine wrote {noted} events, and the ledger has {events}",
                f"bring the newer copy back, or merge its branch; to go on from this one on purpose, remove {lock}",
            )
        )
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & stat.S_IWOTH:
        found.append(
            Finding("an open file", path, f"anybody on this machine can write it (mode {mode:04o})", "chmod o-w it")
        )
    return found


def _inspect_loaded(store: LedgerStore, now: datetime.datetime) -> Inspection:
    """A ledger whose store looks at its integrity itself when it is loaded."""
    try:
        ledger = store.load()
    except IdentityError as refusal:
        return _nothing(Finding("a ledger that cannot be loaded", store.name, str(refusal).rstrip("."), _SEE_WHY))
    if ledger is None:
        way_out = "correct the path; the first run of uid_allocation begins a ledger"
        return _nothing(Finding("no ledger", store.name, "there is none", way_out))
    return inspect_events(ledger.events, range(1, len(ledger.events) + 1), now)


def _nothing(problem: Finding) -> Inspection:
    return Inspection(0, 0, 0, [problem], [])
