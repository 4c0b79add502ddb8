# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One controller that issues numbers to new people, and says as JSON what that took.

python issue.py LEDGER COUNT PREFIX   COUNT people called PREFIX1, PREFIX2 ...; 0: only read
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

# wide enough for more than a hundred thousand people
BAND = "2000200000-2147352575"


def main() -> None:
    ledger, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    names = [f"{prefix}{number}" for number in range(1, count + 1)]
    wanted = Wanted("bench", Roster(tuple(RosterEntry(name, name) for name in names)), (), parse_band(BAND))
    stamp = stamp_now()
    wall, cpu = time.perf_counter(), time.process_time()
    store = open_store(ledger)
    if count:
        settled = settle(store, lambda known: allocate(known, wanted, stamp), write=True)
        uids = settled.decision.uids
    else:
        loaded = store.load()
        uids = {} if loaded is None else dict.fromkeys(map(str, loaded.numbers), 0)
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    numbers = len(set(uids.values())) if count else len(uids)
    json.dump({**spent, "numbers": numbers}, sys.stdout)


if __name__ == "__main__":
    main()
