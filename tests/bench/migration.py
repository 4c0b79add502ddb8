# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure what it costs to give the files of many people other numbers. See docs/benchmarks_migration.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fleet"))

from benchlib.errors import BenchError
from benchlib.migration import Tree, measure_migration
from benchlib.migration_page import migration_page, migration_table
from benchlib.workplace import REPOSITORY
from fleetlib import Console

_PAGE = REPOSITORY / "docs" / "benchmarks_migration.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="migration.py", description="What it costs to give files other numbers.")
    parser.add_argument("--smoke", action="store_true", help="every way once with a few files: does it all work?")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks_migration.md")
    parser.add_argument("--files", type=int, default=1_000_000, metavar="N", help="files in the tree")
    parser.add_argument("--users", type=int, default=20, metavar="N", help="people who own them")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds")
    parser.add_argument(
        "--directory", type=Path, default=Path("/var/tmp"), help="where the tree is made, on a real disk"
    )
    options = parser.parse_args()
    tree = Tree(2000, 4) if options.smoke else Tree(options.files, options.users)
    try:
        summaries = measure_migration(tree, 1 if options.smoke else options.repeats, options.directory, Console())
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(migration_table(summaries))
    if options.write and not options.smoke:
        _PAGE.write_text(migration_page(tree, summaries), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
