# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._network_homes import network_homes

ALICE: dict[str, Any] = {
    "username": "alice",
    "uid": 5238,
    "gid": 5238,
    "state": "present",
    "groups": ["imaging"],
    "public_keys": ["ssh-ed25519 AAAA"],
}


def test_a_home_is_made_for_everybody_who_is_there_with_nothing_that_is_not_needed() -> None:
    people = [
        ALICE,
        {**ALICE, "username": "bob", "uid": 5831, "first_username": "robert", "home_mode": "0750"},
        {**ALICE, "username": "carol", "uid": 5404, "state": "disabled"},
        {**ALICE, "username": "david", "uid": 5900, "home": "/home/david"},
        {**ALICE, "username": "erin", "uid": 5111, "home": "/efs/home/erin-old"},
    ]
    found = network_homes(people, "/efs/home")
    assert found[0] == {"name": "alice", "uid": 5238, "gid": 5238, "home": "/efs/home/alice", "groups": ["imaging"]}
    assert [(one["name"], one["home"], one.get("home_mode")) for one in found[1:]] == [
        ("bob", "/efs/home/robert", "0750"),
        ("erin", "/efs/home/erin-old", None),
    ]


def test_what_are_no_identities_is_refused() -> None:
    with pytest.raises(IdentityError, match="not a list: give it uid_allocation's 'identities'"):
        network_homes("alice", "/efs/home")
