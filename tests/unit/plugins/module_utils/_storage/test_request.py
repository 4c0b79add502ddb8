# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked, refused or understood; and what groups a file server hears of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._storage._layout_plan import dropped_groups
from ansible_collections.labfleet.identity.plugins.module_utils._storage._mount_point import unit_name
from ansible_collections.labfleet.identity.plugins.module_utils._storage._request import parse_request

PARAMS: dict[str, Any] = {
    "mount_point": "/efs",
    "file_system_id": "fs-1",
    "sources": [],
    "file_system_types": ["nfs4"],
    "marker": ".labfleet-efs",
    "adopt": False,
    "create": True,
    "home_base": "home",
    "shared_base": "shared",
    "base_mode": "0755",
    "users": [],
    "shared_directories": [],
    "home_mode": "0700",
    "shared_mode": "2770",
    "skel": "/etc/skel",
    "timeout": 15,
}
ALICE = {"name": "alice", "uid": 5238}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"mount_point": "efs"}, "mount_point 'efs' is not a plain absolute path"),
        ({"mount_point": "/efs/"}, "is not a plain absolute path"),
        ({"mount_point": "/srv/../efs"}, "is not a plain absolute path"),
        ({"mount_point": "/efs data"}, "is not a plain absolute path"),
        ({"mount_point": "/"}, "mount_point '/' belongs to the system"),
        ({"mount_point": "/etc/efs"}, "belongs to the system"),
        ({"home_base": "home/people"}, "home_base 'home/people' is not the name of one thing"),
        ({"home_base": ".."}, "is not the name of one thing"),
        ({"marker": "a/b"}, "marker 'a/b' is not the name of one thing"),
        ({"shared_base": "home"}, "home_base and shared_base are both 'home'"),
        ({"file_system_id": "fs 1"}, "file_system_id 'fs 1' is not one word"),
        ({"file_system_id": ""}, "is not one word"),
        ({"timeout": 0}, "timeout 0 is no time"),
        ({"home_mode": "0777"}, "home_mode 0777 would let others write there"),
        ({"home_mode": "rwx"}, "home_mode 'rwx' is not an octal mode"),
        ({"shared_mode": "2777"}, "shared_mode 2777 would let others write there"),
        ({"base_mode": "75"}, "base_mode '75' is not an octal mode"),
        ({"base_mode": "0777"}, "base_mode 0777 lets users exchange each other's homes: give '0755', or '1777'"),
        ({"base_mode": "0775"}, "base_mode 0775 lets users exchange each other's homes"),
        ({"base_mode": "2757"}, "base_mode 2757 lets users exchange each other's homes"),
        ({"users": [{"name": "Alice", "uid": 5238}]}, "of users, entry 1 ('Alice'): The username 'Alice' is not valid"),
        ({"users": [{"name": "alice", "uid": 0}]}, "uid 0 is no number of a person or a shared group"),
        ({"users": [{"name": "alice", "uid": 5238, "gid": 27}]}, "gid 27 is no number of a person"),
        ({"users": [{**ALICE, "home": "/efs/alice"}]}, "home '/efs/alice' is on this file system and not directly in"),
        ({"users": [{**ALICE, "home": "/efs/home/a/b"}]}, "and not directly in /efs/home"),
        ({"users": [{**ALICE, "home": "/efs/home/.."}]}, "and not directly in /efs/home"),
        ({"users": [{**ALICE, "home_mode": "0722"}]}, "home_mode 0722 would let others write there"),
        ({"users": [ALICE, {**ALICE, "uid": 5239}]}, "users has 'alice' twice"),
        ({"users": [ALICE, {**ALICE, "name": "bob"}]}, "users has '5238' twice"),
        ({"shared_directories": ["../etc"]}, "The group name '../etc' is not valid"),
        ({"shared_directories": [{"group": "imaging", "name": "a/b"}]}, "name 'a/b' is not the name of one thing"),
        ({"shared_directories": [{"group": "imaging", "owner": "alice"}]}, "write the name of a group, or a mapping"),
        ({"shared_directories": [{"group": "imaging", "gid": 0}]}, "gid 0 is no number of a person or a shared group"),
        ({"shared_directories": ["imaging", {"group": "imaging"}]}, "shared_directories has 'imaging' twice"),
    ],
)
def test_what_cannot_be_right_is_refused_in_a_sentence(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        parse_request({**PARAMS, **wrong})
    assert reason in str(refusal.value)


@pytest.mark.parametrize("mode", ["0755", "755", "1777", "1775", "0711"])
def test_modes_in_which_everybody_keeps_their_home(mode: str) -> None:
    assert parse_request({**PARAMS, "base_mode": mode}).base_mode == int(mode, 8)


def test_everything_that_is_wrong_with_people_is_told_at_once() -> None:
    with pytest.raises(IdentityError, match=r"entry 1 \('A'\).*entry 2 \('B'\)"):
        parse_request({**PARAMS, "users": [{"name": "A", "uid": 5000}, {"name": "B", "uid": 5001}]})


def test_what_is_understood() -> None:
    request = parse_request(
        {
            **PARAMS,
            "home_mode": "",
            "users": [ALICE, {"name": "bob", "uid": 5831, "gid": 5000, "home": "/efs/home/rob", "home_mode": "0750"},
                      {"name": "carol", "uid": 5404, "home": "/home/carol"}],
            "shared_directories": ["imaging", {"group": "genomics", "name": "dna", "gid": 4002, "mode": "2775"}],
        }
    )  # fmt: skip
    # who has a local home is nobody's business here
    assert [(one.directory, one.uid, one.gid, one.mode) for one in request.people] == [
        ("alice", 5238, 5238, None),
        ("rob", 5831, 5000, 0o750),
    ]
    assert [(one.directory, one.group, one.gid, one.mode) for one in request.shared] == [
        ("imaging", "imaging", None, 0o2770),
        ("dna", "genomics", 4002, 0o2775),
    ]


@given(st.sets(st.integers(1000, 1100), max_size=30), st.integers(1000, 1100))
def test_a_server_hears_of_the_primary_group_and_of_sixteen(groups: set[int], primary: int) -> None:
    dropped = dropped_groups(groups, primary)
    heard = {*groups, primary} - set(dropped)
    assert primary in heard
    assert len(heard) <= 17
    assert not dropped or max(heard - {primary}) < min(dropped)
    assert bool(dropped) == (len(sorted({*groups, primary})[16:]) > (primary in sorted({*groups, primary})[16:]))


@pytest.mark.parametrize(
    ("path", "name"),
    [("/efs", "efs"), ("/srv/efs-lab", r"srv-efs\x2dlab"), ("/mnt/.lab_1", "mnt-.lab_1"), ("/.efs", r"\x2eefs")],
)
def test_units_are_called_as_systemd_does(path: str, name: str) -> None:
    assert unit_name(path) == name
