# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed on hosts is pinned, with a hash, and for every Python alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.tests.fleet.fleetlib import wheels
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.spec import RELEASES

if TYPE_CHECKING:
    from pathlib import Path

PIN = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]* \\")
HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?")


@pytest.mark.parametrize("path", wheels.REQUIREMENTS, ids=lambda path: path.name)
def test_every_line_is_a_pin_or_a_hash(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pins = [line for line in lines if PIN.fullmatch(line)]
    assert pins
    assert len(pins) == len({line.partition("==")[0] for line in pins})
    assert [line for line in lines if line not in pins and not HASH.fullmatch(line)] == []


def test_every_release_has_a_python() -> None:
    assert set(wheels.PYTHONS) == set(RELEASES)
