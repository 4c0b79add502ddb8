# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner decides about those who go, and about what a run that was killed left behind."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HostState
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .build import HEADER, NOLOGIN, TODAY, after, done, fields, hers, host, is_empty, key, ours, plan_for, request, said

ALICE: dict[str, Any] = {"name": "alice", "uid": 5238}
RESEARCH = [{"name": "research", "gid": 4444}]
KEYS = HEADER + (key(1) + "\n").encode()


def test_a_disabled_account_is_shut_in_every_way_and_stays() -> None:
    state = hers(key_files={"alice": KEYS}, busy={"alice": "2 processes, linger"})
    plan, new = done(state, [{**ALICE, "state": "disabled"}])
    assert said(plan) == [
        ("alice", "expires never -> day 1"),
        ("alice", "shell /bin/bash -> /usr/sbin/nologin"),
        ("alice", "keys +0 -1"),
        ("alice", "state present -> disabled"),
    ]
    assert fields(new, "passwd", "alice") == ["alice", "x", "5238", "5238", "Alice", "/home/alice", NOLOGIN]
    assert fields(new, "shadow", "alice") == ["alice", "*", "19000", "", "", "", "", "1", ""]
    assert new.key_files == {}
    assert plan.stop == (("alice", 5238),)
    assert new.record.users == {"alice": ours(5238, "disabled")}
    assert plan.homes == ()


def test_what_is_opened_by_hand_is_shut_again() -> None:
    state = hers(
        users={"alice": ours(5238, "disabled")},
        passwd=["alice:x:5238:5238:Alice:/home/alice:/usr/sbin/nologin"],
        shadow=["alice:*:19000:::::1:"],
    )
    wanted = [{**ALICE, "state": "disabled"}]
    assert is_empty(plan_for(request(wanted), state))
    opened = hers(users={"alice": ours(5238, "disabled")}, key_files={"alice": KEYS}, busy={"alice": "1 processes"})
    plan, new = done(opened, wanted)
    assert plan.stop == (("alice", 5238),)
    assert fields(new, "shadow", "alice") == fields(state, "shadow", "alice")
    # one that has only processes left is stopped once more, and that is a change
    left = dataclasses.replace(state, busy={"alice": "1 processes"})
    plan, _new = done(left, wanted)
    assert said(plan) == [("alice", "running 1 processes -> stopped"), ("alice", "state present -> disabled")]
    assert plan.stop == (("alice", 5238),)


@pytest.mark.parametrize(
    ("asked", "expires"), [({}, ""), ({"expires": "2027-01-31"}, "20849"), ({"expires": "never"}, "")]
)
def test_one_who_comes_back_gets_in_again(asked: dict[str, Any], expires: str) -> None:
    _plan, shut = done(hers(key_files={"alice": KEYS}), [{**ALICE, "state": "disabled"}])
    plan, new = done(shut, [{**ALICE, **asked, "keys": [key(1)]}])
    assert ("alice", "shell /usr/sbin/nologin -> /bin/bash") in said(plan)
    assert ("alice", "keys +1 -0") in said(plan)
    shadow = fields(new, "shadow", "alice")
    assert shadow is not None
    assert shadow[7] == expires
    assert new.record.users == {"alice": ours(5238)}
    assert plan.warnings == ()


def test_an_account_that_somebody_else_shut_is_not_opened_in_passing() -> None:
    state = hers(shadow=["alice:*:19000:::::1:"])
    plan = plan_for(request([ALICE]), state)
    assert plan.changes == ()
    assert plan.warnings == ("alice is expired on this host by somebody else: set expires to open it again",)
    plan, _new = done(state, [{**ALICE, "expires": "never"}])
    assert said(plan) == [("alice", "expires day 1 -> never")]


def test_one_who_was_never_there_needs_no_shutting() -> None:
    for state in ("disabled", "absent"):
        assert is_empty(plan_for(request([{**ALICE, "state": state}]), host()))


@pytest.mark.parametrize("state", ["disabled", "absent"])
def test_nobody_who_took_the_name_of_a_service_stops_what_shuts_others_out(state: str) -> None:
    """Somebody is invited and calls themselves splunk. Once they are out, hosts that have a splunk go on."""
    splunk = "splunk:x:998:998::/opt/splunk:/bin/bash"
    there = hers(passwd=["alice:x:5238:5238:Alice:/home/alice:/bin/bash", splunk], key_files={"alice": KEYS})
    mallory = {"name": "splunk", "uid": 5700, "state": state}
    plan, new = done(there, [mallory, {**ALICE, "state": "disabled"}])
    assert {name for name, _what in said(plan)} == {"alice"}
    assert fields(new, "passwd", "splunk") == splunk.split(":")
    assert plan.warnings == (
        "splunk is kept out; the account of that name here is a service's, with uid 998: it was left as it is",
    )


@pytest.mark.parametrize("uid", ["0", "1001", "5700", "-1", ""])
@pytest.mark.parametrize("state", ["disabled", "absent"])
def test_an_account_that_could_be_theirs_is_never_left_open_in_passing(state: str, uid: str) -> None:
    there = host(passwd=["mallory:x:%s:100::/home/mallory:/bin/bash" % uid])
    with pytest.raises(IdentityError, match="nothing was changed on this host: mallory: it "):
        plan_for(request([{"name": "mallory", "uid": 5700, "state": state}]), there)


def test_a_service_of_the_name_hides_no_account_with_the_number() -> None:
    there = host(passwd=["splunk:x:998:998::/opt/splunk:/bin/bash", "mallory:x:5700:100::/home/mallory:/bin/bash"])
    with pytest.raises(IdentityError, match="nothing was changed on this host: splunk: it "):
        plan_for(request([{"name": "splunk", "uid": 5700, "state": "disabled"}]), there)


def test_an_absent_account_is_gone_from_every_file_and_its_home_stays() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:bob,alice", "gpu:x:45:alice"],
        gshadow=["alice:!::", "research:!:alice:bob,alice", "gpu:!:alice,bob:"],
        groups={"research": ours(4444)},
        key_files={"alice": KEYS},
        busy={"alice": "1 processes"},
    )
    plan, new = done(state, [{**ALICE, "state": "absent"}])
    for database, table in new.tables.items():
        assert "alice" not in table.text, database
    assert fields(new, "group", "research") == ["research", "x", "4444", "bob"]
    assert fields(new, "gshadow", "research") == ["research", "!", "", "bob"]
    assert fields(new, "gshadow", "gpu") == ["gpu", "!", "bob", ""]
    assert new.key_files == {}
    assert plan.homes == ()
    assert plan.stop == (("alice", 5238),)
    assert ("alice", "account uid 5238, home /home/alice -> absent") in said(plan)
    # it is ours until the last of it is gone
    assert plan.record_first is None
    assert plan.record_last is not None
    assert plan.record_last.users == {}


def test_an_adopted_account_can_be_removed() -> None:
    plan, new = done(hers(users={}), [{**ALICE, "state": "absent", "adopt": True}])
    assert fields(new, "passwd", "alice") is None
    assert plan.record_first is not None
    assert plan.record_first.users == {"alice": ours(5238)}
    assert new.record.users == {}


@pytest.mark.parametrize(
    "more",
    [
        {"passwd": ["alice:x:5238:5238:::", "bob:x:5300:5238::/home/bob:/bin/sh"]},
        {"group": ["alice:x:5238:bob"], "gshadow": ["alice:!::bob"]},
    ],
)
def test_a_private_group_that_others_use_stays(more: dict[str, Any]) -> None:
    plan, new = done(hers(**more), [{**ALICE, "state": "absent"}])
    assert plan.warnings == ("group alice stays, because others use it",)
    group = fields(new, "group", "alice")
    assert group is not None
    assert group[2] == "5238"


ORPHANED: dict[str, Any] = {
    "users": {"alice": ours(5238), "bob": ours(5831, owner="system")},
    "key_files": {"alice": KEYS},
}


def test_orphans_are_reported_and_let_be() -> None:
    plan = plan_for(request(), hers(**ORPHANED))
    assert plan.orphans == ("alice",)
    assert is_empty(plan)


def test_orphans_are_shut_when_asked_for() -> None:
    plan, new = done(hers(**ORPHANED), [], orphans="disable")
    assert plan.orphans == ("alice",)
    assert new.record.users["alice"] == ours(5238, "disabled")
    shadow, passwd = fields(new, "shadow", "alice"), fields(new, "passwd", "alice")
    assert shadow is not None
    assert passwd is not None
    assert (shadow[7], passwd[6]) == ("1", NOLOGIN)
    assert plan_for(request(orphans="disable"), new).orphans == ("alice",)


def test_orphans_are_removed_when_asked_for_and_other_owners_keep_theirs() -> None:
    state = hers(
        **{
            **ORPHANED,
            "passwd": ["alice:x:5238:5238:Alice:/home/alice:/bin/bash", "bob:x:5831:5831::/home/bob:/bin/sh"],
        }
    )
    plan, new = done(state, [], orphans="absent")
    assert plan.orphans == ("alice",)
    assert fields(new, "passwd", "alice") is None
    assert fields(new, "passwd", "bob") == fields(state, "passwd", "bob")
    assert new.record.users == {"bob": ours(5831, owner="system")}


def test_a_record_of_what_is_long_gone_is_cleared_only_when_orphans_are_removed() -> None:
    state = host(users={"alice": ours(5238)})
    for orphans in ("report", "disable"):
        assert is_empty(plan_for(request(orphans=orphans), state))
    plan, new = done(state, [], orphans="absent")
    assert said(plan) == [("alice", "managed by research:lab -> (none)")]
    assert new.record.users == {}


@pytest.mark.parametrize("stage", range(5))
def test_a_creation_that_was_cut_short_is_completed(stage: int) -> None:
    user = {**ALICE, "groups": ["research", "video"], "keys": [key(1)]}
    wanted = request([user], RESEARCH)
    first = plan_for(wanted, host())
    whole = after(first, host())
    tables = {"group": whole.tables["group"], "gshadow": whole.tables["gshadow"], "shadow": whole.tables["shadow"]}
    kept = dict(list(tables.items())[:stage])
    state = HostState(
        **{
            **vars(host()),
            "record": whole.record,
            "tables": {**host().tables, **kept},
            "homes": whole.homes if stage else {},
            "key_files": whole.key_files if stage > 3 else {},
        }
    )
    plan = plan_for(wanted, state)
    assert ("alice", first.changes[-1].attribute) in [(change.name, change.attribute) for change in plan.changes]
    new = after(plan, state)
    for database, table in whole.tables.items():
        assert table.entries == new.tables[database].entries
    assert (new.key_files, new.record) == (whole.key_files, whole.record)
    assert is_empty(plan_for(wanted, new))


@pytest.mark.parametrize("stage", range(4))
def test_a_removal_that_was_cut_short_is_completed(stage: int) -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:bob,alice"],
        gshadow=["alice:!::", "research:!::bob,alice"],
        key_files={"alice": KEYS},
    )
    wanted = request([{**ALICE, "state": "absent"}])
    whole = after(plan_for(wanted, state), state)
    order = ("passwd", "shadow", "group", "gshadow")[: stage + 1]
    cut = HostState(**{**vars(state), "tables": {**state.tables, **{name: whole.tables[name] for name in order}}})
    for way in (wanted, request(orphans="absent")):
        new = after(plan_for(way, cut), cut)
        assert {name: table.text for name, table in new.tables.items()} == {
            name: table.text for name, table in whole.tables.items()
        }
        assert new.key_files == {}
        assert new.record == whole.record
        assert is_empty(plan_for(way, new))


def test_what_an_earlier_account_left_does_not_open_the_new_one() -> None:
    state = host(shadow=["alice:$y$old:19000:0:99999:7:::"], key_files={"alice": KEYS}, users={})
    plan, new = done(state, [ALICE])
    assert fields(new, "shadow", "alice") == ["alice", "*", str(TODAY), "", "", "", "", "", ""]
    assert new.key_files == {}
    assert [change.attribute for change in plan.changes] == ["account"]


def test_nothing_is_said_of_another_owner() -> None:
    state = hers(users={"alice": ours(5238, owner="system")})
    plan = plan_for(request(orphans="absent", owner="research:other"), state)
    assert is_empty(plan)
    assert plan.orphans == ()


def test_who_was_taken_out_of_a_group_leaves_it_also_where_they_are_no_longer_meant_to_be() -> None:
    """A host that selects by @imaging no longer selects whoever left imaging: there the group opens the files."""
    groups = [{"name": "imaging", "gid": 4100}, {"name": "research", "gid": 4444}]
    state = hers(group=["alice:x:5238:", "render:x:105:alice"], gshadow=["alice:!::", "render:!::alice"])
    _plan, full = done(state, [{**ALICE, "groups": ["imaging", "research"]}], groups)
    plan, left = done(full, [{**ALICE, "selected": False, "groups": ["research"]}], groups)
    assert said(plan) == [("alice", "groups -imaging")]
    assert fields(left, "group", "imaging") == ["imaging", "x", "4100", ""]
    assert fields(left, "gshadow", "imaging") == ["imaging", "!", "", ""]
    assert fields(left, "group", "research") == ["research", "x", "4444", "alice"]
    assert fields(left, "group", "render") == ["render", "x", "105", "alice"]
    # a group that nobody is in any more is named by nobody
    plan, left = done(full, [{**ALICE, "selected": False, "groups": ["research"]}], groups[1:])
    assert fields(left, "group", "imaging") == ["imaging", "x", "4100", ""]
    # and nobody gets into one who is not meant for the host, nor leaves any of which nothing is said
    assert is_empty(plan_for(request([{**ALICE, "selected": False, "groups": ["imaging", "research"]}], groups), full))
    assert is_empty(plan_for(request([{**ALICE, "selected": False}], groups), full))
    assert is_empty(plan_for(request([{**ALICE, "selected": False, "groups": ["imaging", "research"]}], groups), left))
