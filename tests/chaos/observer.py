# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One reader of a campaign: reads the ledger again and again, and writes down what is new and what is gone.

python observer.py STORE JOURNAL
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chaoslib.books import TornBookError, book_of
from chaoslib.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chaoslib.history import Number

PAUSE = 0.1
SHARE = 1


def main(store: str, path: str) -> None:
    """Read until killed."""
    journal = Journal(Path(path), "observer")
    before: set[Number] = set()
    while True:
        began = time.monotonic()
        try:
            now = book_of(store).numbers
        except TornBookError as torn:
            journal.note("torn", why=str(torn))
        else:
            journal.note("read", began=began, new=_listed(now - before), gone=_listed(before - now))
            before = now
        # reading everything is work for a server too, which others wait for
        time.sleep(max(PAUSE, SHARE * (time.monotonic() - began)))


def _listed(numbers: Iterable[Number]) -> list[list[object]]:
    return [[*owner, number] for owner, number in sorted(numbers)]


if __name__ == "__main__":
    main(*sys.argv[1:])
