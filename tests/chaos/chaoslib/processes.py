# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Controllers and readers, each a Python process of its own: begun, killed, stopped, and begun anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .journal import Follower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

CHAOS = Path(__file__).resolve().parent.parent
COLLECTION = CHAOS.parent.parent


def make_importable(directory: Path) -> Path:
    """A directory for PYTHONPATH in which the collection has its full name."""
    link = directory / "ansible_collections" / "labfleet" / "identity"
    link.parent.mkdir(parents=True)
    link.symlink_to(COLLECTION)
    return directory


def environment(importable: Path, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every process of a campaign gets; nothing is written into the checkout."""
    paths = [str(importable), str(CHAOS)]
    return {
        **(os.environ if inherited is None else inherited),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONPYCACHEPREFIX": str(importable / "pycache"),
    }


class Process:
    """A process with a journal; a later process of the same name writes on in it."""

    def __init__(self, name: str, arguments: Sequence[str], journal: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        self.journal = journal
        self._arguments = [sys.executable, *arguments]
        self._variables = dict(variables)
        self._follower = Follower(journal)
        self._complaints = journal.with_suffix(".stderr")
        self._running: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self.held = False  # somebody has plans with it: not to be killed meanwhile

    def start(self) -> None:
        """Begin, or begin anew."""
        with self._complaints.open("ab") as complaints:
            self._running = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                env=self._variables,
            )
        self.stopped = False

    @property
    def pid(self) -> int:
        """Its number, 0 when it does not run."""
        return self._running.pid if self._running is not None else 0

    def ended(self) -> int | None:
        """The code with which it ended by itself, None while it runs."""
        return None if self._running is None else self._running.poll()

    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.ended() == 0

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def stop(self) -> None:
        """SIGSTOP, and wait until it stands still, wherever it is."""
        if self._running is None:
            return
        os.kill(self.pid, signal.SIGSTOP)
        self.stopped = True
        while self._state() not in "TZX":
            time.sleep(0.0005)

    def go_on(self) -> None:
        """SIGCONT, if it was stopped and not killed since."""
        if self.stopped and self._running is not None:
            os.kill(self.pid, signal.SIGCONT)
        self.stopped = False

    def news(self) -> list[dict[str, Any]]:
        """What it wrote down since the last call."""
        return self._follower.news()

    def complaints(self) -> str:
        """What it said before it ended, which is nothing if all is well."""
        with suppress(FileNotFoundError):
            return self._complaints.read_text(errors="replace").strip()
        return ""

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return "X"


def controller(
    name: str, program: Path, settings: Mapping[str, Any], directory: Path, variables: Mapping[str, str]
) -> Process:
    """A controller that asks for numbers, as controller.py says."""
    journal = directory / f"{name}.jsonl"
    file = directory / f"{name}.settings.json"
    file.write_text(json.dumps({**settings, "name": name, "journal": str(journal)}))
    return Process(name, [str(program), str(file)], journal, variables)


def observer(store: str, directory: Path, variables: Mapping[str, str]) -> Process:
    """A reader that knows nothing of the collection."""
    journal = directory / "observer.jsonl"
    return Process("observer", [str(CHAOS / "observer.py"), store, str(journal)], journal, variables)
