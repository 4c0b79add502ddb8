# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python3 scripts/toolbox NAME ...` runs the tool NAME; the symlinks beside this directory do just that."""

from __future__ import annotations

import sys

import environments
import runner
import tree

TOOLS = {"venv": environments.main, "tree": tree.main, "run_tests": runner.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TOOLS:
        sys.exit("Name one of the tools: %s" % ", ".join(TOOLS))
    sys.exit(TOOLS[sys.argv[1]](sys.argv[2:]))
