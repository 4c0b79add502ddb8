# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's list of users, which is no ledger, becomes part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Linked, UserIssued
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import merge
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_rows import read_rows, row_sides
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import GROUP_BAND, Band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    ledger_of,
    user,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_merge import (
    LAB,
    UUIDS,
    link,
    renamed,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import Merge

ALICE = user("alice", 5238, "a@x")


def taken(text: str, target: Sequence[Event] = (LAB,), decisions: Any = (), profile: str = "lab") -> Merge:
    sides = row_sides("users.csv", read_rows(text, "users.csv"), profile, None, LATER)
    return merge(Side("file:target", target, is_target=True), sides, parse_decisions(list(decisions)), LATER)


def test_rows_become_the_events_that_they_say() -> None:
    text = f"username,uid,subject,upstream,uuid\r\nzoe,5300,z@x,https://idp z,{UUIDS[0]}\r\n\r\nbob,5301,,,\r\n"
    assert set(taken(text).events) == {
        user("zoe", 5300, "z@x", stamp=LATER),
        user("bob", 5301, stamp=LATER),
        Linked("lab", "z@x", "https://idp z", UUIDS[0], LATER),
    }
    zoe = f'{{"username": "zoe", "uid": 5300, "subject": "z@x", "upstream": "https://idp z", "uuid": "{UUIDS[0]}"}}'
    assert set(taken(f'[{zoe}, {{"username": "bob", "uid": "5301"}}]').events) == set(taken(text).events)
    assert set(taken("\ufeff" + text).events) == set(taken(text).events)


def test_a_second_run_finds_everything() -> None:
    text = f"username,uid,upstream,uuid\nzoe,5300,u,{UUIDS[0]}\nbob,5301,,\n"
    target = [LAB, *taken(text).events]
    assert taken(text, target).events == ()


def test_what_the_ledger_knows_under_a_former_name_is_known() -> None:
    target = [LAB, ALICE, renamed("a@x", 1, "alicia"), state("a@x", 1, "retired"), link("a@x", "u"), link("a@x", "v")]
    for name in ("alice", "alicia"):
        assert taken(f"username,uid,subject,upstream\n{name},5238,a@x,u\n", target).events == ()
    new = taken(f"username,uid,subject,upstream,uuid\nalicia,5238,a@x,u,{UUIDS[0]}\n", target)
    assert new.events == (Linked("lab", "a@x", "", UUIDS[0], LATER),)
    ledger_of([*target, *new.events])


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ("bob,5238,", ["one_number"]),
        ("alice,5239,", ["one_name"]),
        ("alice,5239,a@x", ["one_person"]),
        ("alicia,5238,a@x", ["one_person"]),
        ("zoe,5300,\nbob,5300,", ["one_number"]),
        ("zoe,5300,\nzoe,5301,", ["one_person"]),
        ("zoe,1000,", ["outside_band"]),
        ("zoe,0,", ["outside_band"]),
        ("zoe,65534,", ["outside_band"]),
    ],
)
def test_what_a_row_contradicts_is_listed_and_never_guessed(rows: str, kinds: list[str]) -> None:
    done = taken(f"username,uid,subject\n{rows}\n", [LAB, ALICE, state("a@x", 1, "retired")])
    assert [conflict.kind for conflict in done.conflicts] == kinds
    assert {"users.csv row 1"} <= {it.ledger for it in done.conflicts[0].sides}
    assert done.events == ()


def test_a_number_outside_the_band_is_settled_by_a_decision() -> None:
    decision = {"person": {"profile": "lab", "subject": "zoe", "uid": 1000}, "become": {"uid": "new"}}
    done = taken("username,uid\nzoe,1000\n", decisions=[decision])
    zoe = next(event for event in done.events if isinstance(event, UserIssued))
    assert zoe.uid in Band(5000, 5999)
    assert [(it.was, it.number) for it in done.moved] == [(1000, zoe.uid)]
    again = taken("username,uid\nzoe,1000\n", [LAB, *done.events], [decision])
    assert (again.events, again.conflicts, again.moved) == ((), (), done.moved)


def test_a_profile_that_no_ledger_registers_needs_a_band() -> None:
    with pytest.raises(IdentityError, match="no ledger registers the profile other: give the uid_band"):
        taken("username,uid\nzoe,5300\n", profile="other")
    bands = Band(7000, 7999), GROUP_BAND
    sides = row_sides("users.csv", [(1, {"username": "zoe", "uid": 7300})], "other", bands, LATER)
    done = merge(Side("file:target", [LAB], is_target=True), sides, parse_decisions([]), LATER)
    ledger = ledger_of([LAB, *done.events])
    assert ledger.person("other", "zoe").uid == 7300
    again = merge(Side("file:target", [LAB, *done.events], is_target=True), sides, parse_decisions([]), LATER)
    assert again.events == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "its first row does not name the columns"),
        ("username\nzoe\n", "its first row does not name the columns"),
        ("username,uid,uid\nzoe,1,2\n", "its first row does not name the columns"),
        ("username,uid,home\nzoe,5300,/\n", "row 1 has the unknown column 'home'; the columns are username, uid"),
        ("username,uid\nzoe\n", "row 1 has 1 fields, not 2"),
        ('username,uid\n"zoe,5300\n', "neither CSV nor a list in JSON"),
        ("username,uid\n\0,5300\n", ""),
        ("[1]", "row 1 is 1, not a mapping"),
        ("[" * 100000, "neither CSV nor a list in JSON"),
        ('[{"username": "zoe", "username": "bob", "uid": 5300}]', "a row has one key twice"),
        ("username,uid\n,5300\n", "row 1: it has no username"),
        ("username,uid\nzoe,\n", "row 1: it has no uid"),
        ("username,uid\nroot,5300\n", "row 1: The username 'root' belongs to the system"),
        ("username,uid\nZoe,5300\n", "did you mean 'zoe'?"),
        ("username,uid\nzoe,-1\n", "the uid '-1' is not the number of a user"),
        ("username,uid\nzoe,99999999999\n", "is not the number of a user"),
        ("username,uid\nzoe,\u0665\n", "is not the number of a user"),
        ('[{"username": "zoe", "uid": true}]', "the uid True is not the number of a user"),
        ('[{"username": ["zoe"], "uid": 5300}]', "is not text"),
        ("username,uid,uuid\nzoe,5300,x\n", "The UUID 'x' is not of the form"),
        ("username,uid,upstream\nzoe,5300,a\x7fb\n", "The upstream identity"),
        ("username,uid\nZ,1\nY,2\n", "row 2: The username 'Y'"),
    ],
)
def test_rows_that_are_none_are_refused_in_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        taken(text)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()
