# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break texts that the collection reads, for as long as you like.

tests/fuzz/fuzz.py --minutes 10 [--seed N] [NAME ...]

The properties are those of tests/unit/fuzz. The first text of each failure is printed; the exit code says whether
there was any.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import runpy
import sys
import time
import traceback
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
runpy.run_path(str(TESTS / "unit" / "conftest.py"))
PACKAGE = "ansible_collections.labfleet.identity.tests.unit.fuzz"


def main() -> int:
    properties = importlib.import_module(PACKAGE + ".properties")
    mutations = importlib.import_module(PACKAGE + ".mutations")
    parser = argparse.ArgumentParser(description="break texts that the collection reads")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("names", nargs="*", default=sorted(properties.PROPERTIES), metavar="NAME")
    arguments = parser.parse_args()
    source = random.Random(arguments.seed)
    print("seed %d" % arguments.seed, flush=True)
    tried = dict.fromkeys(arguments.names, 0)
    failures: dict[str, str] = {}
    end = time.monotonic() + arguments.minutes * 60
    while time.monotonic() < end:
        for name in arguments.names:
            text = mutations.mutated(source, properties.SEEDS[name])
            tried[name] += 1
            try:
                properties.check(name, text)
            except Exception:
                shown = traceback.format_exc()
                where = shown.rsplit("  File", 1)[-1]
                if "%s %s" % (name, where) not in failures:
                    failures["%s %s" % (name, where)] = shown
                    print("%s fails with %r\n%s" % (name, text, shown), flush=True)
    print("%d texts, %d kinds of failure" % (sum(tried.values()), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
