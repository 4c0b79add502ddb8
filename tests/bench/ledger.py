# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure what it costs to issue numbers from a ledger. See docs/benchmarks_ledger.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fleet"))

from benchlib.errors import BenchError
from benchlib.ledger_page import BOUND_PEOPLE, bound_sentence, ledger_page, ledger_table
from benchlib.ledgers import measure_ledgers
from benchlib.workplace import REPOSITORY
from fleetlib import Console

_PAGE = REPOSITORY / "docs" / "benchmarks_ledger.md"
_BATCHES = (1, 200, 10_000)


def main() -> int:
    parser = argparse.ArgumentParser(prog="ledger.py", description="What it costs to issue numbers from a ledger.")
    parser.add_argument("--smoke", action="store_true", help="every store once with a few people: does it all work?")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks_ledger.md")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds")
    options = parser.parse_args()
    try:
        if options.smoke:
            summaries = measure_ledgers((0, 1000), (1, 20), 1, Console())
        else:
            summaries = measure_ledgers((0, BOUND_PEOPLE), _BATCHES, options.repeats, Console())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(ledger_table(summaries))
    if not options.smoke:
        print(bound_sentence(summaries))
        if options.write:
            _PAGE.write_text(ledger_page(summaries), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
