# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting: a small EFS that takes its time. What is said over HTTP is tested against moto's server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Numbers, Wanted, read_wanted
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import Efs, RefusedError
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_run import Orders, remove, take_care
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

FILE_SYSTEM = "fs-01234567"
NUMBERS = Numbers([parse_band("5000-5999")], parse_band("4000-4999"))
WAITING = Orders(wait_seconds=60)


class SlowEfs:
    """Access points are creating, and deleting, for as many listings as C(slowness) says; an id is never used twice."""

    def __init__(self, slowness: int = 2, ends_as: str = "available", hidden: int = 0) -> None:
        self.points: list[dict[str, Any]] = []
        self.slowness, self.ends_as, self.hidden = slowness, ends_as, hidden
        self.made = 0
        self.rests: list[float] = []

    def efs(self) -> Efs:
        """What the code that is tested gets."""
        return Efs(self, FILE_SYSTEM, self.rests.append)

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self, operation)(parameters)
        return answer

    def describe_access_points(self, asked: dict[str, Any]) -> dict[str, Any]:
        """All that are listed already, and time goes by."""
        assert asked == {"FileSystemId": FILE_SYSTEM}
        shown = [dict(point) for point in self.points if point["hidden"] <= 0]
        for point in list(self.points):
            point["hidden"] -= 1
            point["left"] -= 1
            if point["left"] <= 0 and point["LifeCycleState"] == "creating":
                point["LifeCycleState"] = self.ends_as
            elif point["left"] <= 0 and point["LifeCycleState"] == "deleting":
                self.points.remove(point)
        return {"AccessPoints": shown}

    def create_access_point(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A new one, unless there is one with the token, on its way out or not."""
        if any(point["ClientToken"] == asked["ClientToken"] for point in self.points):
            raise RefusedError("AccessPointAlreadyExists")
        self.made += 1
        facts = {"AccessPointId": f"fsap-{self.made:08}", "LifeCycleState": "creating"}
        self.points.append({**asked, **facts, "left": self.slowness, "hidden": self.hidden})
        return {}

    def delete_access_point(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begin to remove one."""
        for point in self.points:
            if point["AccessPointId"] == asked["AccessPointId"]:
                point.update(LifeCycleState="deleting", left=self.slowness)
                return {}
        raise RefusedError("AccessPointNotFound")


def wanted(name: str = "home-alice") -> Wanted:
    return read_wanted(FILE_SYSTEM, {"name": name, "root_directory": {"path": "/home/alice"}}, NUMBERS)


def test_a_new_one_is_waited_for_until_it_is_available() -> None:
    slow = SlowEfs(slowness=4)
    outcome = take_care(slow.efs(), [wanted()], WAITING)
    assert [point.state for point in outcome.points] == ["available"]
    assert slow.rests == [0.25, 0.5, 1.0, 2.0]


def test_one_that_no_list_has_yet_is_waited_for() -> None:
    slow = SlowEfs(slowness=1, hidden=3)
    outcome = take_care(slow.efs(), [wanted()], WAITING)
    assert [point.access_point_id for point in outcome.points] == ["fsap-00000001"]
    assert slow.made == 1


def test_nobody_waits_who_does_not_want_to() -> None:
    slow = SlowEfs(hidden=9)
    outcome = take_care(slow.efs(), [wanted()], Orders())
    assert [point.state for point in outcome.points] == ["creating"]
    assert outcome.changed
    assert slow.rests == []


def test_one_on_its_way_out_is_waited_for_and_made_anew() -> None:
    slow = SlowEfs(slowness=3)
    take_care(slow.efs(), [wanted()], WAITING)
    slow.delete_access_point({"AccessPointId": "fsap-00000001"})
    assert take_care(slow.efs(), [wanted()], Orders(check_mode=True)).changed
    outcome = take_care(slow.efs(), [wanted()], WAITING)
    assert [point.access_point_id for point in outcome.points] == ["fsap-00000002"]


def test_a_removal_is_waited_for_and_finds_nothing_twice() -> None:
    slow = SlowEfs(slowness=3)
    take_care(slow.efs(), [wanted(), wanted("other")], WAITING)
    outcome = remove(slow.efs(), [wanted()], WAITING)
    assert outcome.changed
    assert [point["Tags"][0]["Value"] for point in slow.points] == ["other"]
    assert not remove(slow.efs(), [wanted()], WAITING).changed


def test_what_takes_too_long_is_said() -> None:
    slow = SlowEfs(slowness=10**9)
    with pytest.raises(
        IdentityError, match=r"After 0\.01 s a new access point is not available yet \(states: creating"
    ):
        take_care(slow.efs(), [wanted()], Orders(wait_seconds=0.01))
    with pytest.raises(IdentityError, match=r"an access point is still being removed \(states: deleting\)"):
        remove(slow.efs(), [wanted()], Orders(wait_seconds=0.01))
    with pytest.raises(IdentityError, match=r"an access point of the same name is still being removed"):
        take_care(slow.efs(), [wanted()], Orders(wait_seconds=0.01))
    assert slow.made == 1


def test_one_that_cannot_be_used_is_said() -> None:
    with pytest.raises(IdentityError, match=r"EFS made .*'home-alice' \(fsap-00000001\) with the state error"):
        take_care(SlowEfs(ends_as="error").efs(), [wanted()], WAITING)


def test_one_that_somebody_else_removed_meanwhile_is_gone() -> None:
    slow = SlowEfs(slowness=0)
    take_care(slow.efs(), [wanted()], WAITING)

    class Raced(SlowEfs):
        def delete_access_point(self, asked: dict[str, Any]) -> dict[str, Any]:
            self.points.clear()
            return super().delete_access_point(asked)

    raced = Raced(slowness=0)
    raced.points = slow.points
    assert remove(raced.efs(), [wanted()], WAITING).changed
