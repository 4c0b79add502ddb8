# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner decides about those who come and stay."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import Change, HomeJob, HomeState

from .build import HEADER, TODAY, done, fields, hers, host, is_empty, key, ours, plan_for, request, said

ALICE: dict[str, Any] = {"name": "alice", "uid": 5238}
RESEARCH = [{"name": "research", "gid": 4444}]
KEYS = HEADER + (key(1) + "\n").encode()


def test_a_new_user_is_made_whole() -> None:
    user = {
        **ALICE,
        "gecos": "Alice L\u00f6we",
        "groups": ["research", "video"],
        "keys": [key(1)],
        "expires": "2027-01-31",
    }
    plan, new = done(host(), [user], RESEARCH)
    home = "/home/alice"
    assert plan.changes == (
        Change("group", "research", "group", "absent", "gid 4444"),
        Change(
            "user", "alice", "account", "absent",
            "uid 5238, gid 5238, home /home/alice, shell /bin/bash, gecos Alice L\u00f6we, "
            "groups research,video, 1 keys",
        ),
    )  # fmt: skip
    assert fields(new, "passwd", "alice") == ["alice", "x", "5238", "5238", "Alice L\u00f6we", home, "/bin/bash"]
    assert fields(new, "shadow", "alice") == ["alice", "*", str(TODAY), "", "", "", "", "20849", ""]
    assert fields(new, "group", "alice") == ["alice", "x", "5238", ""]
    assert fields(new, "gshadow", "alice") == ["alice", "!", "", ""]
    assert fields(new, "group", "research") == ["research", "x", "4444", "alice"]
    assert fields(new, "gshadow", "research") == ["research", "!", "", "alice"]
    assert fields(new, "group", "video") == ["video", "x", "44", "alice"]
    assert fields(new, "gshadow", "video") == ["video", "*", "", "alice"]
    assert plan.homes == (HomeJob("alice", home, 5238, 5238, 0o700, True),)
    assert new.key_files == {"alice": KEYS}
    assert new.record.users == {"alice": ours(5238)}
    assert new.record.groups == {"research": ours(4444)}
    # it is ours before anything of it exists, and stays so
    assert (plan.record_first, plan.record_last) == (new.record, None)


def test_a_host_without_gshadow_is_not_given_one() -> None:
    _plan, new = done(host(gshadow=None), [{**ALICE, "groups": ["research"]}], RESEARCH)
    assert "gshadow" not in new.tables
    assert fields(new, "group", "research") == ["research", "x", "4444", "alice"]
    _plan, new = done(new, [{**ALICE, "state": "absent"}], RESEARCH)
    assert fields(new, "group", "research") == ["research", "x", "4444", ""]


def test_what_is_not_said_is_left_alone() -> None:
    state = hers(
        shadow=["alice:$y$hash:19000:0:99:7:14:20500:"],
        group=["alice:x:5238:", "research:x:4444:alice", "gpu:x:45:alice"],
        gshadow=["alice:!::", "research:!::alice", "gpu:!::alice"],
        groups={"research": ours(4444)},
        key_files={"alice": KEYS},
        homes={"/home/alice": HomeState("directory", 5238, 100, 0o755)},
    )
    assert is_empty(plan_for(request([ALICE], RESEARCH), state))
    assert is_empty(plan_for(request([ALICE]), state))


@pytest.mark.parametrize(
    ("there", "asked", "told"),
    [
        ({}, {"shell": "/bin/zsh"}, "shell /bin/bash -> /bin/zsh"),
        ({}, {"gecos": "Alice L\u00f6we"}, "gecos Alice -> Alice L\u00f6we"),
        ({}, {"gecos": ""}, "gecos Alice -> (none)"),
        ({}, {"home": "/efs/home/alice", "create_home": False}, "home /home/alice -> /efs/home/alice"),
        ({}, {"expires": "2027-01-31"}, "expires never -> day 20849"),
        ({"shadow": ["alice:*:19000:::::20849:"]}, {"expires": "never"}, "expires day 20849 -> never"),
        ({}, {"groups": ["video"]}, "groups +video"),
        ({}, {"keys": [key(1), key(2)]}, "keys +2 -0"),
        ({"key_files": {"alice": KEYS}}, {"keys": [key(2)]}, "keys +1 -1"),
        ({"key_files": {"alice": KEYS}}, {"keys": []}, "keys +0 -1"),
        ({"key_files": {"alice": HEADER + b"\xff by hand\n"}}, {"keys": [key(2)]}, "keys +1 -1"),
        ({"key_files": {"alice": KEYS.replace(b"#", b"# changed")}}, {"keys": [key(1)]}, "keys +0 -0"),
        ({"key_files": {"alice": b""}}, {"keys": []}, "keys +0 -0"),
        (
            {"passwd": ["alice:hash:5238:5238:Alice:/home/alice:/bin/bash"]},
            {},
            "password field not shadowed -> shadowed",
        ),
        ({"shadow": ["alice::19000::::::"]}, {}, "password empty -> none (keys only)"),
        ({"shadow": []}, {}, "shadow entry missing -> without a password"),
        ({"group": []}, {}, "private group missing -> gid 5238"),
        ({"homes": {}}, {}, "home directory missing -> 0700"),
        ({"users": {}}, {"adopt": True}, "managed by (none) -> research:lab"),
        ({"users": {"alice": ours(5238, owner="system")}}, {"adopt": True}, "managed by system -> research:lab"),
    ],
)
def test_each_difference_is_one_change(there: dict[str, Any], asked: dict[str, Any], told: str) -> None:
    plan, _new = done(hers(**there), [{**ALICE, **asked}])
    assert said(plan) == [("alice", told)]


def test_the_mode_of_homes_is_set_only_when_asked_for() -> None:
    state = hers(homes={"/home/alice": HomeState("directory", 5238, 5238, 0o755)})
    assert is_empty(plan_for(request([ALICE]), state))
    plan, _new = done(state, [ALICE], home_mode="0750")
    assert plan.homes == (HomeJob("alice", "/home/alice", 5238, 5238, 0o750, False),)
    assert said(plan) == [("alice", "home mode 0755 -> 0750")]
    plan, _new = done(host(), [ALICE], home_mode="0750")
    assert plan.homes == (HomeJob("alice", "/home/alice", 5238, 5238, 0o750, True),)


def test_an_adopted_account_keeps_its_password_and_its_groups() -> None:
    state = hers(users={}, shadow=["alice:$y$hash:19000:0:99999:7:::"], group=["alice:x:5238:", "gpu:x:45:alice"])
    _plan, new = done(state, [{**ALICE, "adopt": True}])
    assert fields(new, "shadow", "alice") == fields(state, "shadow", "alice")
    assert fields(new, "group", "gpu") == ["gpu", "x", "45", "alice"]


def test_local_ends_are_pinned_only_when_asked_for() -> None:
    state = host(login_defs=b"UID_MAX 60000\nGID_MAX 3999\n", adduser_conf=b"LAST_UID=59999\nLAST_GID=3999\n")
    assert is_empty(plan_for(request(), state))
    plan, new = done(state, [], pin_local_ids=True)
    assert new.login_defs == b"UID_MAX\t\t\t4999\nGID_MAX 3999\n"
    assert new.adduser_conf == b"LAST_UID=4999\nLAST_GID=3999\n"
    assert said(plan) == [("/etc/login.defs", "UID_MAX 60000 -> 4999"), ("/etc/adduser.conf", "LAST_UID 59999 -> 4999")]


def test_membership_is_exact_in_managed_groups_and_only_added_to_those_of_the_host() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:alice,local", "old:x:4445:alice", "gpu:x:45:alice", "tape2:x:46:"],
        gshadow=["alice:!::", "research:!::alice,local", "old:!::alice", "gpu:!::alice", "tape2:!::"],
        # 'old' has left the request and is ours still; 'theirs' is another owner's
        groups={"research": ours(4444), "old": ours(4445), "gone": ours(4446)},
    )
    plan, new = done(state, [{**ALICE, "groups": ["tape2"]}], RESEARCH)
    assert said(plan) == [("alice", "groups +tape2 -old -research")]
    for database in ("group", "gshadow"):
        members = {name: entry[3] for name, entry in new.tables[database].entries.items()}
        assert {name: members[name] for name in ("research", "old", "gpu", "tape2")} == {
            "research": "local", "old": "", "gpu": "alice", "tape2": "alice",
        }  # fmt: skip


def test_a_group_of_another_owner_is_a_group_of_the_host() -> None:
    state = hers(
        group=["alice:x:5238:", "theirs:x:4445:alice", "more:x:4446:"],
        gshadow=["alice:!::", "theirs:!::alice", "more:!::"],
        groups={"theirs": ours(4445, owner="system"), "more": ours(4446, owner="system")},
    )
    plan, new = done(state, [{**ALICE, "groups": ["more"]}])
    assert said(plan) == [("alice", "groups +more")]
    assert fields(new, "group", "theirs") == ["theirs", "x", "4445", "alice"]


def test_a_recorded_group_whose_number_changed_is_no_longer_ours() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:1005:alice"],
        gshadow=["alice:!::", "research:!::alice"],
        groups={"research": ours(4444)},
    )
    assert is_empty(plan_for(request([{**ALICE, "groups": []}]), state))


def test_people_the_request_does_not_name_stay_in_managed_groups() -> None:
    state = hers(group=["alice:x:5238:", "research:x:4444:bob,zoe"], groups={"research": ours(4444)})
    _plan, new = done(state, [{**ALICE, "groups": ["research"]}], RESEARCH)
    assert fields(new, "group", "research") == ["research", "x", "4444", "bob,zoe,alice"]
    assert fields(new, "gshadow", "research") == ["research", "!", "", "bob,zoe,alice"]


def test_a_name_that_a_list_has_twice_leaves_it_at_once() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:alice,bob,,alice"],
        gshadow=["alice:!::", "research:!::alice,bob,alice"],
        groups={"research": ours(4444)},
    )
    plan, new = done(state, [{**ALICE, "groups": []}], RESEARCH)
    assert said(plan) == [("alice", "groups -research")]
    assert fields(new, "group", "research") == ["research", "x", "4444", "bob"]
    assert fields(new, "gshadow", "research") == ["research", "!", "", "bob"]


def test_a_list_with_gaps_is_let_be() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:alice,,bob,"],
        gshadow=["alice:!::", "research:!::alice,bob"],
        groups={"research": ours(4444)},
    )
    assert is_empty(plan_for(request([{**ALICE, "groups": ["research"]}], RESEARCH), state))


@pytest.mark.parametrize("group", ["wheel:x:10:ubuntu,alice", "gpu:x:45:ubuntu,alice,alice"])
def test_a_new_account_is_in_no_group_of_an_earlier_one_of_its_name(group: str) -> None:
    name = group.split(":")[0]
    state = host(group=[group], gshadow=["%s:*:alice:ubuntu,alice" % name])
    plan, new = done(state, [ALICE])
    assert plan.warnings == ("alice: taken out of %s, where the name stood before the account was made" % name,)
    assert fields(new, "group", name) == [*group.split(":")[:3], "ubuntu"]
    assert fields(new, "gshadow", name) == [name, "*", "", "ubuntu"]
    # what a run that was killed has added already is asked for again
    plan, new = done(host(group=["gpu:x:45:alice"], gshadow=["gpu:!::"]), [{**ALICE, "groups": ["gpu"]}])
    assert plan.warnings == ()
    assert fields(new, "gshadow", "gpu") == ["gpu", "!", "", "alice"]


def test_adopting_a_group_is_a_change() -> None:
    state = hers(group=["alice:x:5238:", "research:x:4444:bob"], gshadow=["alice:!::", "research:!::bob"])
    plan, new = done(state, [ALICE], [{**RESEARCH[0], "adopt": True}])
    assert said(plan) == [("research", "managed by (none) -> research:lab")]
    assert new.record.groups == {"research": ours(4444)}
    assert new.tables["group"].text == state.tables["group"].text


@pytest.mark.parametrize("name", ["research", "alice"])
def test_a_missing_gshadow_entry_is_a_change(name: str) -> None:
    state = hers(group=["alice:x:5238:", "research:x:4444:bob"], groups={"research": ours(4444)}, gshadow=[])
    plan, new = done(state, [ALICE], RESEARCH)
    assert sorted(said(plan)) == [
        ("alice", "gshadow entry missing -> members (none)"),
        ("research", "gshadow entry missing -> members bob"),
    ]
    assert fields(new, "gshadow", name) == [name, "!", "", "bob" if name == "research" else ""]


def test_gshadow_follows_group_where_they_differ() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:bob,alice"],
        gshadow=["alice:!::", "research:!:bob:alice,zoe"],
        groups={"research": ours(4444)},
    )
    plan, new = done(state, [{**ALICE, "groups": ["research"]}], RESEARCH)
    assert said(plan) == [("research", "gshadow bob:alice,zoe -> bob:alice,bob")]
    assert fields(new, "gshadow", "research") == ["research", "!", "bob", "alice,bob"]
