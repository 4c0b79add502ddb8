# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the table of a campaign on the server that the environment names, and begin a ledger in it.

python begin_table.py TABLE
"""

from __future__ import annotations

import sys

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import Settings, set_up

if __name__ == "__main__":
    set_up(sys.argv[1], Settings(), 60, check_mode=False)
