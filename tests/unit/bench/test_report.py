# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that is written, as a whole."""

from __future__ import annotations

import os
import platform

from benchlib.report import page
from benchlib.stats import Case, Cost, Sample


def test_the_page_says_what_it_measured_what_not_and_nothing_about_the_machine_s_name() -> None:
    cost = Cost(wall=1.5, controller=1.0, host=None, executions=1)
    samples = [Sample(Case("accounts", 200, 1), "first", cost, 1.0, 1.0)]
    text = page(samples, budget=120, left_out=["loops, 1000 users, 1 host: too long"])
    assert "| accounts | first |" in text
    assert "- Not measured: loops, 1000 users, 1 host: too long.\n" in text
    assert "- **accounts**: " in text
    assert "- **newusers**: " not in text
    assert platform.node() not in text
    assert os.getcwd() not in text
    assert "{" not in text
