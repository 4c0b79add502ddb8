# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers of a migration: so that one which was cut off goes on, and so that people see how far it is.

(private)
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import MIGRATION_NAME
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import Plan
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
    read_file,
    replace_at,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root

__all__ = ["PROGRESS_NAME", "STEPS", "Progress", "State", "migration_lock", "read_state", "write_state"]

PROGRESS_NAME = "migration-progress.json"
_LOCK_NAME = "migration.lock"
_FORMAT = 1
_PATIENCE = 2.0  # seconds in which the processes of a run that was killed end
_MOVES = ("users", "groups", "primary")  # of a plan
# in this order; what is done in a step may be done twice
STEPS = ("close", "walk", "accounts", "units", "open", "finished")


@dataclass(frozen=True)
class State:
    """A migration that was begun."""

    plan: Plan
    roots: tuple[str, ...]
    exclude: tuple[str, ...]
    step: str = "close"
    phase: int = 0
    closed: dict[str, list[str]] = field(default_factory=dict)  # by name: the expiry and the shell that they had
    lingering: tuple[str, ...] = ()
    files: int = 0  # how many were counted before


def read_state(place: str) -> State | None:
    """The state on a host, None where nothing was ever migrated.

    :raises IdentityError: it is damaged.
    """
    if not os.path.lexists(place):
        return None
    directory = open_trusted_directory(place)
    try:
        data = read_file(MIGRATION_NAME, dir_fd=directory)
    finally:
        os.close(directory)
    if data is None:
        return None
    try:
        raw = json.loads(data.decode("utf-8"))
        if raw["format"] != _FORMAT or raw["step"] not in STEPS:
            raise ValueError("format")
        users, groups, primary = (
            {str(name): _pair(pair) for name, pair in raw["plan"][kind].items()} for kind in _MOVES
        )
        return State(
            Plan(users, groups, primary),
            tuple(raw["roots"]),
            tuple(raw["exclude"]),
            raw["step"],
            int(raw["phase"]),
            {str(name): [str(expiry), str(shell)] for name, (expiry, shell) in raw["closed"].items()},
            tuple(raw["lingering"]),
            int(raw["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IdentityError(
            "%s/%s, which says how far a migration is, is damaged (%s): restore it, or look which files and accounts"
            " have which numbers and move it away" % (place, MIGRATION_NAME, error)
        ) from error


def _pair(raw: Any) -> tuple[int, int]:
    old, new = raw
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in (old, new)):
        raise ValueError("numbers")
    return old, new


def write_state(place: str, state: State) -> None:
    """Remember, durably, before the next step begins."""
    raw = {"format": _FORMAT, **asdict(state)}
    raw["plan"] = {kind: getattr(state.plan, kind) for kind in _MOVES}
    directory = make_trusted_directory(place, 0o755)
    try:
        replace_at(directory, MIGRATION_NAME, (json.dumps(raw, indent=1) + "\n").encode("utf-8"), 0o600, keep=False)
        fsync_directory(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def migration_lock(place: str) -> Iterator[None]:
    """One migration at a time. The processes of a walk hold it as well, so that none is left when it is had.

    :raises IdentityError: another one runs.
    """
    directory = make_trusted_directory(place, 0o755)
    try:
        handle = os.open(_LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise IdentityError(
                        "another migration runs on this host: look at %s/%s, and run again when it is over"
                        % (place, PROGRESS_NAME)
                    ) from error
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


class Progress:
    """How far it is, in a file that anybody may look at while it runs, and that costs nothing."""

    def __init__(self, place: str, expected: int = 0, interval: float = 1.0) -> None:
        self.expected = expected
        self._place, self._interval = place, interval
        self._what, self._roots = "", ""
        self._begin = self._last = 0.0

    def begin(self, what: str, roots: list[Root]) -> None:
        """A new walk begins."""
        self._what, self._roots = what, ", ".join(root.path for root in roots)
        self._begin = time.monotonic()
        self._last = 0.0

    def __call__(self, seen: int, changed: int) -> None:
        """Tell how many files were seen and changed; most calls do nothing."""
        now = time.monotonic()
        if not self._place or now - self._last < self._interval:
            return
        self._last = now
        rate = seen / (now - self._begin) if now - self._begin > 0.1 else 0.0
        of = " of %d" % self.expected if self.expected else ""
        line = "%s: %d files seen%s, %d changed, %.0f files/s" % (self._what, seen, of, changed, rate)
        self._write({"line": line, "step": self._what, "roots": self._roots, "seen": seen, "changed": changed})

    def say(self, what: str) -> None:
        """Tell of a step that is no walk."""
        if self._place:
            self._write({"line": what, "step": what})

    def _write(self, told: dict[str, Any]) -> None:
        told["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        directory = make_trusted_directory(self._place, 0o755)
        try:
            replace_at(directory, PROGRESS_NAME, (json.dumps(told) + "\n").encode("ascii"), 0o644, sync=False)
        finally:
            os.close(directory)
