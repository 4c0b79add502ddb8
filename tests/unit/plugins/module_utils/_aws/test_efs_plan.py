# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned, and what is never planned."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_plan import (
    Plan,
    plan_absent,
    plan_present,
)
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import (
    Creation,
    Numbers,
    Point,
    Posix,
    Wanted,
    read_point,
    read_wanted,
    token_for,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

FILE_SYSTEM = "fs-01234567"
NUMBERS = Numbers([parse_band("5000-5999")], parse_band("4000-4999"))


def wanted(**asked: Any) -> Wanted:
    return read_wanted(FILE_SYSTEM, {"name": "home-alice", "root_directory": {"path": "/home/alice"}, **asked}, NUMBERS)


def point(name: str = "home-alice", number: int = 1, **facts: Any) -> Point:
    made = Point(
        access_point_id=f"fsap-{number:08}",
        arn=f"arn:{number}",
        token=token_for(FILE_SYSTEM, name),
        state="available",
        owner_id="123456789012",
        posix=None,
        path="/home/alice",
        creation=None,
        tags={"Name": name},
    )
    return dataclasses.replace(made, **facts)


def after(plan: Plan, there: list[Point]) -> list[Point]:
    """What a file system would have when EFS had done what the plan says."""
    left = {one.access_point_id: one for one in there}
    for number, step in enumerate(plan.steps):
        if step.create and step.after:
            new = dataclasses.replace(step.after, access_point_id=f"fsap-new{number}", state="available")
            left[new.access_point_id] = new
        elif step.delete and step.before:
            del left[step.before.access_point_id]
        elif step.after:
            left[step.after.access_point_id] = step.after
    return list(left.values())


def test_the_token_is_the_same_in_every_run_and_another_elsewhere() -> None:
    tokens = {
        token_for(file_system, name) for file_system in ("fs-01234567", "fs-0123456") for name in ("a", "b", "7\na")
    }
    assert len(tokens) == 6
    assert token_for("fs-01234567", "home-alice") == "labfleet-595e140beedc5973be59fe846016bc8c569fc78b"


def test_a_group_list_has_no_order() -> None:
    asked = wanted(posix_user={"uid": 5238, "gid": 5238, "secondary_gids": [4265, 4001, 4265]})
    there = point(posix=Posix(5238, 5238, (4001, 4265)))
    assert not any(step.changes for step in plan_present([asked], [there]).steps)


def test_what_nobody_asked_for_is_not_compared() -> None:
    there = point(posix=Posix(1, 1), creation=Creation(0, 0, "0755"), tags={"Name": "home-alice", "theirs": "1"})
    asked = wanted(root_directory=None)
    assert not any(step.changes for step in plan_present([asked], [there]).steps)


@pytest.mark.parametrize("by", [{"access_point_id": "fsap-00000001"}, {"client_token": "by-hand"}])
def test_its_name_stays_whoever_purges_tags(by: dict[str, str]) -> None:
    """By the name the next run finds what it did not make itself."""
    there = point(token="by-hand", tags={"Name": "home-alice", "theirs": "1"})
    (step,) = plan_present([wanted(name="", tags={"a": "b"}, **by)], [there]).steps
    assert (step.set_tags, step.remove_tags) == ({"a": "b"}, ["theirs"])
    assert step.after is not None
    assert step.after.name == "home-alice"
    (step,) = plan_present([wanted(name="", tags={"Name": "home-al"}, **by)], [there]).steps
    assert (step.set_tags, step.remove_tags) == ({"Name": "home-al"}, ["theirs"])


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({"posix_user": {"uid": 5238, "gid": 5238}}, {"posix": None}),
        ({"posix_user": {"uid": 5238, "gid": 5238}}, {"posix": Posix(5238, 4265)}),
        ({"root_directory": {"path": "/"}}, {}),
    ],
)
def test_an_access_point_is_never_replaced(asked: dict[str, Any], there: dict[str, Any]) -> None:
    with pytest.raises(IdentityError, match=r"EFS never changes an access point.*\(fsap-00000001\).*Nothing was chang"):
        plan_present([wanted(**asked), wanted(name="other")], [point(**there)])


def test_many_differences_are_one_sentence() -> None:
    names = [f"home-{number}" for number in range(9)]
    there = [point(name, number, path="/") for number, name in enumerate(names)]
    with pytest.raises(IdentityError, match=r"and 6 more\. Nothing was changed"):
        plan_present([wanted(name=name) for name in names], there)


def test_one_on_its_way_out_is_not_there() -> None:
    leaving = point(state="deleting")
    assert plan_present([wanted()], [leaving]).steps[0].create
    assert not plan_absent([wanted()], [leaving]).steps[0].changes
    with pytest.raises(IdentityError, match=r"is in the state error.*state=absent"):
        plan_present([wanted()], [point(state="error")])
    assert plan_absent([wanted()], [point(state="error")]).steps[0].delete


def test_ten_thousand_are_enough() -> None:
    there = [point(f"home-{number}", number) for number in range(9_999)]
    (step,) = plan_present([wanted(name="last")], there).steps
    assert step.create
    with pytest.raises(
        IdentityError, match=r"has 9999 access points, and 2 more would make 10001, above its quota of 10000: nothing"
    ):
        plan_present([wanted(name="last"), wanted(name="one more")], there)
    full = [*there, point("last", 10_000)]
    assert not any(one.changes for one in plan_present([wanted(name="last")], full).steps)
    # those that leave make room
    assert plan_present([wanted(name="new")], [*there, point("last", 10_000, state="deleting")]).steps[0].create


def test_a_warning_comes_before_the_quota() -> None:
    there = [point(f"home-{number}", number) for number in range(8_998)]
    assert plan_present([wanted(name="a")], there).warnings == []
    (warning,) = plan_present([wanted(name="a"), wanted(name="b")], there).warnings
    assert "has 9000 of 10000 access points then" in warning


def test_the_same_one_twice_is_a_mistake() -> None:
    with pytest.raises(IdentityError, match=r"'home-alice' is asked for twice"):
        plan_present([wanted(), wanted(root_directory={"path": "/other"})], [])


def test_a_namesake_is_told_of_and_left_alone() -> None:
    hers, other = point(), point(number=2, token="by-hand", path="/elsewhere")
    plan = plan_present([wanted()], [other, hers])
    assert [step.before for step in plan.steps] == [hers]
    (warning,) = plan.warnings
    assert "are called 'home-alice' as well (fsap-00000001, fsap-00000002); meant is fsap-00000001" in warning


def test_an_id_is_never_made() -> None:
    with pytest.raises(IdentityError, match=r"has no access point fsap-99999999: correct the id"):
        plan_present([wanted(name=None, access_point_id="fsap-99999999")], [point()])


def test_a_name_is_needed_and_is_the_tag() -> None:
    with pytest.raises(IdentityError, match="has no name"):
        wanted(name="")
    with pytest.raises(IdentityError, match=r"is called 'home-alice', and its tag Name 'other'"):
        wanted(tags={"Name": "other"})
    assert wanted(tags={"a": "b"}).tags == {"a": "b", "Name": "home-alice"}


def test_an_answer_of_efs_is_read() -> None:
    assert read_point({"AccessPointId": "fsap-1"}).path == "/"
    answer = {
        "AccessPointId": "fsap-1",
        "PosixUser": {"Uid": 0, "Gid": 0, "SecondaryGids": [3, 2]},
        "RootDirectory": {"Path": "/x", "CreationInfo": {"OwnerUid": 0, "OwnerGid": 0, "Permissions": "755"}},
        "Tags": [{"Key": "Name", "Value": "x"}],
    }
    read = read_point(answer)
    assert (read.posix, read.creation, read.name) == (Posix(0, 0, (2, 3)), Creation(0, 0, "0755"), "x")


TAGS = st.dictionaries(st.sampled_from(["a", "b", "aws:c"]), st.sampled_from(["1", "2"]), max_size=3)
OURS = st.dictionaries(st.sampled_from(["a", "b", "d"]), st.sampled_from(["1", "2"]), max_size=3)


@given(st.lists(st.tuples(st.integers(0, 4), TAGS), max_size=4), st.none() | OURS, st.booleans())
def test_a_second_run_changes_nothing(made: list[tuple[int, dict[str, str]]], tags: Any, purge: bool) -> None:
    there = [
        point(f"home-{name}", number, tags={**theirs, "Name": f"home-{name}"})
        for number, (name, theirs) in enumerate({name: (name, tags) for name, tags in made}.values())
    ]
    asked = [wanted(name=f"home-{name}", tags=tags) for name in range(3)]
    plan = plan_present(asked, there, purge)
    now = after(plan, there)
    assert not any(step.changes for step in plan_present(asked, now, purge).steps)
    kept = {one.access_point_id: one for one in now}
    for one in there:
        # whatever is planned, nothing but tags is another afterwards, and those of AWS are not
        assert dataclasses.replace(kept[one.access_point_id], tags=one.tags) == one
        theirs = {key: value for key, value in one.tags.items() if key.startswith("aws:")}
        assert theirs.items() <= kept[one.access_point_id].tags.items()
    gone = after(plan_absent(asked, now), now)
    assert {one.name for one in gone} == {one.name for one in there} - {one.name for one in asked}
