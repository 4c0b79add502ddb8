# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python controller.py LEDGER BAND LOCK_TIMEOUT < NAMES: a controller that issues numbers for the names of each line.

What is issued is said at once, as one line of JSON for each line of names.
"""

from __future__ import annotations

import json
import sys

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.tests.dynamodb.support import issue

if __name__ == "__main__":
    store = open_store(sys.argv[1], float(sys.argv[3]))
    for line in sys.stdin:
        names = line.split()
        issued = issue(store, names, band=sys.argv[2])
        print(json.dumps({name: issued[name] for name in names}), flush=True)
