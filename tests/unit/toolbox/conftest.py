# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The toolbox is a program and no package: its files find each other by short names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TOOLBOX = Path(__file__).resolve().parents[3] / "scripts" / "toolbox"
sys.path.insert(0, str(TOOLBOX))


@pytest.fixture
def toolbox() -> Path:
    return TOOLBOX
