# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user has on a host besides the account: one file for each kind (private: no stable interface)."""

from __future__ import annotations

__all__ = ["WRITTEN_BY"]

# how every file begins that holds nothing but what we write
WRITTEN_BY = b"# Written by labfleet.identity: what is changed here is lost.\n"
