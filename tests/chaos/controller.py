# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One controller of a campaign: asks for numbers as uid_allocation does, and writes down what it was told.

python controller.py SETTINGS.json

It runs until it is killed, or until one batch is answered if the settings say so.
"""

from __future__ import annotations

import functools
import json
import random
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from chaoslib.asks import BANDS, Asks, Batch
from chaoslib.failing_calls import FailingCalls
from chaoslib.journal import Follower, Journal

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

if TYPE_CHECKING:
    from typing import Any, Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore, Settled

LONGEST_PAUSE = 0.02
FRESH = 0.25  # how often a run begins with a new store instead of the one before


class Controller:
    """Asks, and writes down what it is told, which counts from the moment when it is written."""

    def __init__(self, settings: dict[str, Any], opened: Callable[[str, float], LedgerStore]) -> None:
        self._settings = settings
        self._opened = opened
        path = Path(settings["journal"])
        past = Follower(path).news()
        self._journal = Journal(path, settings["name"])
        # a process that was killed is followed by one with other luck
        self._chance = random.Random(f"{settings['seed']} {settings['name']} {len(past)}")
        self._asks = Asks(settings["name"], tuple(settings["profiles"]), self._chance)
        self._asks.remember([*settings["past"], *past])
        self._calls = FailingCalls(self._chance, settings["failing"])
        self._store: LedgerStore | None = None

    def run(self) -> None:
        """Ask until killed, or until one answer came."""
        if self._settings["failing"]:
            self._calls.send_signals()
        if self._settings["store"].startswith("dynamodb:"):
            _read_the_service_once()
        while True:
            batch = self._asks.next()
            if not self._ask(batch):
                self._asks.refused(batch)
                time.sleep(self._chance.uniform(0, LONGEST_PAUSE))
            elif self._settings["once"]:
                return

    def _ask(self, batch: Batch) -> bool:
        failed, signals = len(self._calls.failed), self._calls.signals
        people = {"profile": batch.profile, "people": batch.people, "groups": batch.groups, "own": self._asks.own}
        self._journal.note("begin", attempt=batch.attempt, asked=batch.asked, **people)
        answer: dict[str, Any] = {}
        try:
            with self._calls.at_work() if self._settings["failing"] else nullcontext():
                settled = self._settle(batch)
        except IdentityError as refusal:
            answer["refused"] = str(refusal)
        else:
            uids, gids = settled.decision.uids, settled.decision.gids
            answer["told"] = [["user", batch.people[name], uid] for name, uid in uids.items()]
            answer["told"] += [["group", name, gid] for name, gid in gids.items()]
            answer["warnings"] = list(settled.warnings)
        self._journal.note(
            "told" if "told" in answer else "refused",
            attempt=batch.attempt,
            failed=self._calls.failed[failed:],
            signals=self._calls.signals - signals,
            **answer,
        )
        return "told" in answer

    def _settle(self, batch: Batch) -> Settled[Allocation]:
        roster = Roster(tuple(RosterEntry(name, subject) for name, subject in batch.people.items()))
        wanted = Wanted(batch.profile, roster, batch.groups, parse_band(BANDS[batch.profile]))
        stamp = stamp_now()
        if self._store is None or self._chance.random() < FRESH:
            self._store = self._opened(self._settings["store"], self._settings["lock_timeout"])
        return settle(self._store, lambda ledger: allocate(ledger, wanted, stamp), write=True)


def _read_the_service_once() -> None:
    """Every client reads the description of DynamoDB, which takes longer than the requests of a batch."""
    import botocore.loaders

    mock.patch.object(botocore.loaders, "create_loader", functools.lru_cache(botocore.loaders.create_loader)).start()


if __name__ == "__main__":
    Controller(json.loads(Path(sys.argv[1]).read_text()), open_store).run()
