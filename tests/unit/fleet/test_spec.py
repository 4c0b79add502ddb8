# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts are named and described on the command line."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.tests.fleet.fleetlib.errors import FleetError
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.spec import HostSpec, check_name, parse_host


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("h1", HostSpec("h1", "bookworm", "base")),
        ("h1:trixie", HostSpec("h1", "trixie", "base")),
        ("ml-1:trixie:python-ml", HostSpec("ml-1", "trixie", "python-ml")),
    ],
)
def test_a_host_is_described_in_one_to_three_words(text: str, spec: HostSpec) -> None:
    assert parse_host(text) == spec


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("h1:", "'h1:'"),
        ("h1:trixie:base:more", "'h1:trixie:base:more'"),
        ("h1:sid", "'sid'"),
        ("h1:trixie:windows", "'windows'"),
        ("H1", "'H1'"),
        ("1h", "'1h'"),
        ("h_1", "'h_1'"),
        ("h" * 32, "'" + "h" * 32 + "'"),
        ("h1\n", "'h1\\n'"),
        ("--privileged", "'--privileged'"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(FleetError) as refused:
        parse_host(text)
    assert named in str(refused.value)


def test_a_name_of_31_characters_is_the_longest() -> None:
    assert check_name("f" * 31, "fleet") == "f" * 31
