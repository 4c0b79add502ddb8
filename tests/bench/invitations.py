# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how many invitations are signed, verified, issued and accepted. See docs/benchmarks_invitations.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fleet"))

from benchlib.errors import BenchError
from benchlib.invitations import measure_invitations, rates_page, rates_table
from benchlib.workplace import REPOSITORY

_PAGE = REPOSITORY / "docs" / "benchmarks_invitations.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="invitations.py", description="How many invitations a controller handles.")
    parser.add_argument("--smoke", action="store_true", help="a few of each, once: does it all work?")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks_invitations.md")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds")
    options = parser.parse_args()
    try:
        if options.smoke:
            rates = measure_invitations(20, (20,), 5, 1)
        else:
            rates = measure_invitations(2000, (200, 10_000), 20, options.repeats)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(rates_table(rates))
    if options.write and not options.smoke:
        _PAGE.write_text(rates_page(rates, options.repeats), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
