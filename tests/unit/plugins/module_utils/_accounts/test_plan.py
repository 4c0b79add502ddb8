# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import SHOWN_PROBLEMS
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeState, HostState
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .build import HEADER, host, key, ours, plan_for, request

ALICE = {"name": "alice", "uid": 5238}
KEYS = HEADER + (key(1) + "\n").encode()
LINE = "alice:x:5238:5238::/home/alice:/bin/bash"
OPEN = "alice:*:19000::::::"
HERS: dict[str, Any] = {
    "passwd": [LINE],
    "group": ["alice:x:5238:"],
    "shadow": [OPEN],
    "gshadow": ["alice:!::"],
    "users": {"alice": ours(5238)},
    "homes": {"/home/alice": HomeState("directory", 5238, 5238, 0o700)},
}


def refusal(state: HostState, users: list[Any], groups: list[Any] | None = None, **more: Any) -> str:
    with pytest.raises(IdentityError) as caught:
        plan_for(request(users, groups or [], **more), state)
    message = str(caught.value)
    assert message.startswith("nothing was changed on this host: ")
    assert message.isprintable()
    return message


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    # numbers
    (
        {"passwd": ["local:x:5238:5238::/home/local:/bin/sh"]},
        ALICE,
        "alice: uid 5238 is taken on this host by local: the number stays hers or his; remove or migrate",
    ),
    ({"passwd": ["local:x:005238:1::/:/bin/sh"]}, ALICE, "uid 5238 is taken on this host by local"),
    ({"passwd": ["local:x:5238:1:"]}, ALICE, "uid 5238 is taken on this host by local"),
    ({"passwd": ["a:x:1:1:::", "a:x:5238:1:::"]}, ALICE, "uid 5238 is taken on this host by a"),
    ({"group": ["local:x:5238:"]}, ALICE, "alice: gid 5238 is taken on this host by group local"),
    ({"group": ["alice:x:1001:"]}, ALICE, "alice: group alice has gid 1001 on this host, not 5238"),
    ({"group": ["alice:x:5238:"]}, ALICE, "group alice exists on this host and was not made by this collection"),
    ({}, {**ALICE, "gid": 6000}, "its private group would have gid 6000, outside 5000-5999 and 4000-4999"),
    (
        {"passwd": [LINE.replace("5238:5238", "1001:1001")]},
        ALICE,
        "alice: it has uid 1001 on this host and should have 5238: numbers are never changed in passing; migrate",
    ),
    (
        {"passwd": [LINE.replace("5238:5238", "1001:1001")]},
        {**ALICE, "adopt": True},
        "alice: it has uid 1001 on this host and should have 5238",
    ),
    (
        {**HERS, "passwd": [LINE.replace("5238:5238", "5238:100")]},
        ALICE,
        "alice: it has primary gid 100 on this host and should have 5238: migrate it first",
    ),
    (
        {"passwd": [LINE], "group": ["genomics:x:5238:"], "users": {"alice": ours(5238)}},
        ALICE,
        "alice: gid 5238 of its private group is taken on this host by group genomics",
    ),
    # whose it is
    ({"passwd": [LINE]}, ALICE, "alice: it exists on this host and was not made by this collection: set adopt: true"),
    (
        {**HERS, "users": {"alice": ours(5238, owner="system")}},
        ALICE,
        "alice: it belongs to system on this host: name it there, or set adopt: true here",
    ),
    ({"passwd": [LINE]}, {**ALICE, "state": "absent"}, "alice: it exists on this host and was not made by this"),
    ({"passwd": [LINE]}, {**ALICE, "state": "disabled"}, "alice: it exists on this host and was not made by this"),
    # the directory service
    (
        {"directory_uids": {"alice": 70001}},
        ALICE,
        "alice: the name is known to this host's directory service with uid 70001: a local account would hide it",
    ),
    ({"directory_names": {5238: "zoe"}}, ALICE, "alice: uid 5238 is taken on this host by zoe"),
    ({"users": {"dave": ours(5238)}}, ALICE, "alice: uid 5238 is dave's on this host, whose account is gone: correct"),
    # homes
    (
        {"homes": {"/home/alice": HomeState("directory", 1000, 1000, 0o755)}},
        ALICE,
        "alice: home /home/alice belongs to uid 1000 (ubuntu), not to 5238: files are not given away",
    ),
    (
        {"homes": {"/home/alice": HomeState("directory", 7777, 1000, 0o755)}},
        ALICE,
        "home /home/alice belongs to uid 7777 (nobody known here), not to 5238",
    ),
    ({**HERS, "homes": {"/home/alice": HomeState("directory", 0, 0, 0o755)}}, ALICE, "belongs to uid 0 (root)"),
    ({"homes": {"/home/alice": HomeState("other", 5238, 5238, 0o777)}}, ALICE, "is not a directory (a link or a file)"),
    (
        {"homes": {"/home/alice": HomeState("missing", problem="directory /home does not exist")}},
        ALICE,
        "alice: its home cannot be made: directory /home does not exist",
    ),
    # shells
    ({}, {**ALICE, "shell": "/bin/fish"}, "alice: shell /bin/fish cannot be executed on this host: install it"),
    (HERS, {**ALICE, "shell": "/bin/fish"}, "alice: shell /bin/fish cannot be executed on this host"),
    # groups
    ({}, {**ALICE, "groups": ["gpu"]}, "alice: group gpu does not exist on this host: create it, or name it in groups"),
    ({}, {**ALICE, "groups": ["sudo"]}, "alice: whoever is in group sudo can become root: leave it out, or set"),
    (HERS, {**ALICE, "groups": ["docker"]}, "alice: whoever is in group docker can become root"),
    ({"group": ["toor:x:0:"]}, {**ALICE, "groups": ["toor"]}, "whoever is in group toor can become root"),
    ({"group": ["super:x:27:"]}, {**ALICE, "groups": ["super"]}, "whoever is in group super can become root"),
    ({}, {**ALICE, "groups": ["ubuntu"]}, "group ubuntu is the private group of the account of that name"),
    ({}, {**ALICE, "gid": 27, "group": "sudo"}, "whoever is in group sudo can become root"),
    ({}, {**ALICE, "gid": 0, "group": "root"}, "whoever is in group root can become root"),
    ({}, {**ALICE, "gid": 4004, "group": "gpu"}, "its primary group gpu does not exist"),
    ({}, {**ALICE, "gid": 45, "group": "video"}, "group video has gid 44 on this host, not 45"),
    # who is connected
    (
        {**HERS, "protected": frozenset(("alice",))},
        {**ALICE, "state": "disabled"},
        "alice: this run is connected as this user: it would lock itself out; remove it from another login",
    ),
    ({**HERS, "protected": frozenset(("alice",))}, {**ALICE, "state": "absent"}, "it would lock itself out"),
    (
        {**HERS, "protected": frozenset(("alice",)), "key_files": {"alice": KEYS}},
        {**ALICE, "keys": [{"key": key(1), "expires": "2024-10-03"}, {"key": key(2), "command": "/usr/bin/true"}]},
        "it would lock itself out",
    ),
]


@pytest.mark.parametrize(("there", "user", "reason"), REFUSED)
def test_what_cannot_be_done_safely_is_refused(there: dict[str, Any], user: dict[str, Any], reason: str) -> None:
    assert reason in refusal(host(**there), [user])


@pytest.mark.parametrize(
    ("there", "group", "reason"),
    [
        (
            {"group": ["research:x:1005:"]},
            {"name": "research", "gid": 4444},
            "group research has gid 1005 on this host and should have 4444: numbers are never changed in passing",
        ),
        (
            {"group": ["other:x:4444:"]},
            {"name": "research", "gid": 4444},
            "gid 4444 of group research is taken on this host by group other",
        ),
        ({"group": ["other:x:04444:"]}, {"name": "research", "gid": 4444}, "is taken on this host by group other"),
        (
            {"group": ["research:x:4444:"]},
            {"name": "research", "gid": 4444},
            "group research exists on this host and was not made by this collection: set adopt: true to take it over",
        ),
        (
            {"group": ["research:x:4444:"], "groups": {"research": ours(4444, owner="system")}},
            {"name": "research", "gid": 4444},
            "group research exists on this host and belongs to system",
        ),
        ({"group": ["research:x:1005:"]}, {"name": "research", "gid": 4444, "adopt": True}, "should have 4444"),
    ],
)
def test_a_group_that_is_not_ours_is_refused(there: dict[str, Any], group: dict[str, Any], reason: str) -> None:
    assert reason in refusal(host(**there), [], [group])


def test_two_new_users_cannot_take_one_number() -> None:
    users = [ALICE, {"name": "bob", "uid": 5831, "gid": 5238}]
    assert "bob: gid 5238 is taken on this host by group alice" in refusal(host(), users)
    groups = [{"name": "research", "gid": 4444}]
    users = [{"name": "bob", "uid": 5831, "gid": 4444}]
    assert "bob: gid 4444 is taken on this host by group research" in refusal(host(), users, groups)


def test_an_orphan_keeps_its_number() -> None:
    state = host(**HERS)
    message = refusal(state, [{"name": "zoe", "uid": 5238}], orphans="absent")
    assert "zoe: uid 5238 is taken on this host by alice" in message


@pytest.mark.parametrize("orphans", ["report", "disable", "absent"])
def test_an_orphan_whose_line_cannot_be_read_does_not_end_in_a_traceback(orphans: str) -> None:
    state = host(**{**HERS, "passwd": ["alice:x:5238:users::/home/alice:/bin/bash"]})
    if orphans == "report":
        assert plan_for(request(), state).orphans == ("alice",)
    else:
        assert "alice: it has primary gid users on this host and should have" in refusal(state, [], orphans=orphans)


def test_an_orphan_that_is_connected_is_not_shut_out() -> None:
    state = host(**{**HERS, "protected": frozenset(("alice",))})
    for orphans in ("disable", "absent"):
        assert "alice: this run is connected as this user" in refusal(state, [], orphans=orphans)


def many(count: int, expires: str = "") -> dict[str, Any]:
    """Accounts of ours: user0, user1 and so on."""
    names = ["user%d" % number for number in range(count)]
    return {
        "passwd": [
            "%s:x:%d:%d::/home/%s:/bin/sh" % (name, 5000 + at, 5000 + at, name) for at, name in enumerate(names)
        ],
        "group": ["%s:x:%d:" % (name, 5000 + at) for at, name in enumerate(names)],
        "shadow": ["%s:*:19000:::::%s:" % (name, expires) for name in names],
        "gshadow": ["%s:!::" % name for name in names],
        "users": {name: ours(5000 + at) for at, name in enumerate(names)},
    }


@pytest.mark.parametrize("state", ["disabled", "absent"])
@pytest.mark.parametrize("cap", [0, 1, 3])
def test_more_removals_than_the_cap_are_refused(state: str, cap: int) -> None:
    users = [{"name": "user%d" % at, "uid": 5000 + at, "state": state} for at in range(cap + 1)]
    message = refusal(host(**many(cap + 1)), users, removal_cap=cap)
    assert "this run would disable or remove %d accounts (user0" % (cap + 1) in message
    assert "more than removal_cap %d: check the roster, then raise it" % cap in message
    plan_for(request(users, removal_cap=cap + 1), host(**many(cap + 1)))
    # one that is shut already, or was never there, does not count
    plan_for(request(users, removal_cap=cap), host(**many(cap + 1, expires="1")))
    plan_for(request(users, removal_cap=cap), host())


@pytest.mark.parametrize("orphans", ["disable", "absent"])
def test_an_empty_roster_does_not_remove_everybody(orphans: str) -> None:
    message = refusal(host(**many(200)), [], orphans=orphans)
    assert "this run would disable or remove 200 accounts (user0, user1, user10, user100, user101, ...)" in message
    assert plan_for(request(), host(**many(200))).changes == ()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    users = [
        {**ALICE, "shell": "/bin/fish", "home": "/home/other"},
        {"name": "bob", "uid": 5831, "groups": ["sudo"]},
        {"name": "carol", "uid": 5404},
    ]
    state = host(
        passwd=["local:x:5238:1001::/home/local:/bin/sh"],
        homes={"/home/other": HomeState("other", 0, 0, 0o777)},
    )
    message = refusal(state, users, [{"name": "research", "gid": 4444}])
    for said in ("alice: uid 5238 is taken", "alice: shell /bin/fish", "alice: home /home/other", "bob: whoever is in"):
        assert said in message
    assert "carol" not in message


def test_of_very_many_problems_the_first_are_said_and_the_rest_is_counted() -> None:
    users = [{"name": "user%d" % number, "uid": 5000 + number, "shell": "/bin/fish"} for number in range(900)]
    message = refusal(host(), users)
    assert message.count("/bin/fish") == SHOWN_PROBLEMS
    assert message.endswith("; and %d more" % (900 - SHOWN_PROBLEMS))


def test_a_host_whose_local_numbers_begin_above_the_band_is_refused() -> None:
    message = refusal(host(login_defs=b"UID_MIN 10000\n"), [ALICE], pin_local_ids=True)
    assert "/etc/login.defs has UID_MIN 10000, above 4999" in message
    assert "/etc/login.defs is missing" in refusal(host(), [ALICE], pin_local_ids=True)
    plan_for(request([ALICE]), host(login_defs=b"UID_MIN 10000\n"))


def test_nobody_is_put_into_a_group_that_goes_in_the_same_run() -> None:
    users = [{**ALICE, "state": "absent"}, {"name": "bob", "uid": 5831, "groups": ["alice"]}]
    message = refusal(host(**HERS), users, allow_privileged_groups=True)
    assert "bob: group alice does not exist on this host" in message


def test_a_private_group_that_stood_before_its_account_is_made_is_private() -> None:
    users = [{**ALICE, "groups": ["bob"]}, {"name": "bob", "uid": 5831, "adopt": True}]
    assert "group bob is the private group of the account" in refusal(host(group=["bob:x:5831:"]), users)


def test_what_made_an_earlier_account_of_the_name_root_cannot_be_asked_for() -> None:
    state = host(group=["wheel:x:10:ubuntu,alice"], gshadow=["wheel:*::ubuntu,alice"])
    assert "alice: whoever is in group wheel can become root" in refusal(state, [{**ALICE, "groups": ["wheel"]}])


def test_who_is_connected_gets_other_keys_as_long_as_one_lets_them_in() -> None:
    keys = [{"key": key(1), "expires": "2024-10-03"}, {"key": key(2), "expires": "2024-10-05"}]
    state = host(**{**HERS, "protected": frozenset(("alice",)), "key_files": {"alice": KEYS}})
    assert plan_for(request([{**ALICE, "keys": keys}]), state).key_files
    # whoever comes in by another way than these keys loses none
    forced = HEADER + ('command="/usr/bin/true" ' + key(1) + "\n").encode()
    state = host(**{**HERS, "protected": frozenset(("alice",)), "key_files": {"alice": forced}})
    assert plan_for(request([{**ALICE, "keys": keys[:1]}]), state).key_files
