# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of which nobody is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fake_sshd import FakeHost
from .keys import line

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    """A host with an sshd, on which the administrator who connects has the first key."""
    host = FakeHost(tmp_path)
    host.keys_of("admin", line(1, "admin@old"))
    return host
