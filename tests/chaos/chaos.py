# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Let controllers issue numbers while everything goes wrong, and judge what they were told. See README.md."""

from __future__ import annotations

import sys

from chaoslib.cli import main

if __name__ == "__main__":
    sys.exit(main())
