# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for Python on a bench host: runs the module that comes through standard input under a profiler."""

from __future__ import annotations

import cProfile
import sys

PROFILE = "/run/module.prof"


def main() -> None:
    code = compile(sys.stdin.buffer.read(), "module", "exec")
    names = {"__name__": "__main__"}
    profiler = cProfile.Profile()
    try:
        profiler.runcall(exec, code, names)
    finally:
        profiler.dump_stats(PROFILE)


if __name__ == "__main__":
    main()
