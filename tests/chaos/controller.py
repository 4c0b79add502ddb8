# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One controller of a campaign: asks for numbers as uid_allocation does, and writes down what it was told.

python controller.py SETTINGS.json

It runs until it is killed, or until one batch is answered if the settings say so.
"""

from __future__ import annotations

import json
import random
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

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

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore

LONGEST_PAUSE = 0.02


def main(settings: dict[str, Any], opened: Callable[[str, float], LedgerStore] = open_store) -> None:
    """Ask until killed."""
    path = Path(settings["journal"])
    past = Follower(path).news()
    journal = Journal(path, settings["name"])
    # a process that was killed is followed by one with other luck
    chance = random.Random(f"{settings['seed']} {settings['name']} {len(past)}")
    asks = Asks(settings["name"], tuple(settings["profiles"]), chance)
    asks.remember([*settings["past"], *past])
    calls = FailingCalls(chance, settings["failing"])
    if settings["failing"]:
        calls.send_signals()
    while True:
        batch = asks.next()
        if not _ask(settings, batch, asks.own, journal, calls, opened):
            asks.refused(batch)
            time.sleep(chance.uniform(0, LONGEST_PAUSE))
        elif settings["once"]:
            return


def _ask(
    settings: dict[str, Any],
    batch: Batch,
    own: int,
    journal: Journal,
    calls: FailingCalls,
    opened: Callable[[str, float], LedgerStore],
) -> bool:
    """Whether the numbers of this batch were issued. What is told counts from the moment when it stands here."""
    roster = Roster(tuple(RosterEntry(name, subject) for name, subject in batch.people.items()))
    wanted = Wanted(batch.profile, roster, batch.groups, parse_band(BANDS[batch.profile]))
    stamp = stamp_now()
    before = len(calls.failed), calls.signals
    people = {"profile": batch.profile, "people": batch.people, "groups": batch.groups, "own": own}
    journal.note("begin", attempt=batch.attempt, asked=batch.asked, **people)
    answer: dict[str, Any] = {}
    try:
        with calls.at_work() if settings["failing"] else nullcontext():
            store = opened(settings["store"], settings["lock_timeout"])
            settled = settle(store, lambda ledger: allocate(ledger, wanted, stamp), write=True)
    except IdentityError as refusal:
        answer["refused"] = str(refusal)
    else:
        uids, gids = settled.decision.uids, settled.decision.gids
        answer["told"] = [["user", batch.people[name], uid] for name, uid in uids.items()]
        answer["told"] += [["group", name, gid] for name, gid in gids.items()]
        answer["warnings"] = list(settled.warnings)
    journal.note(
        "told" if "told" in answer else "refused",
        attempt=batch.attempt,
        failed=calls.failed[before[0] :],
        signals=calls.signals - before[1],
        **answer,
    )
    return "told" in answer


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
