# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of efs_access_point from looking to looking again (private; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_limits import ACCESS_POINTS
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_plan import (
    GONE_STATES,
    compare_by_key,
    plan_absent,
    plan_present,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_plan import CompareTags, Plan
    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Point, Wanted
    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import Efs

__all__ = ["Orders", "Outcome", "remove", "shown", "shown_plan", "take_care"]


@dataclass(frozen=True)
class Orders:
    """How to go about it."""

    check_mode: bool = False
    wait_seconds: float = 0
    purge_tags: bool = True
    quota: int = ACCESS_POINTS
    compare_tags: CompareTags = compare_by_key


@dataclass(frozen=True)
class Outcome:
    """What the plan was, and the access points that are there now, or would be."""

    plan: Plan
    points: Sequence[Point]

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return any(step.changes for step in self.plan.steps)


def take_care(efs: Efs, wanted: Sequence[Wanted], orders: Orders) -> Outcome:
    """Have these access points.

    :raises IdentityError: for what is refused, before anything is sent; and for what EFS refuses.
    """

    def plan_for(points: Sequence[Point]) -> Plan:
        return plan_present(wanted, points, orders.purge_tags, orders.quota, orders.compare_tags)

    there = efs.points()
    plan = plan_for(there)
    if orders.check_mode or not any(step.changes for step in plan.steps):
        return Outcome(plan, [step.after for step in plan.steps if step.after])
    tokens = [step.after.token for step in plan.steps if step.create and step.after]
    if any(point.token in tokens for point in there):
        # one with this token is on its way out
        plan = plan_for(efs.without_leavers(tokens, orders.wait_seconds))
    efs.apply(plan)
    if not tokens:
        return Outcome(plan, [step.after for step in plan.steps if step.after])
    if orders.wait_seconds:
        there = efs.settled(_all_there(tokens), orders.wait_seconds, "a new access point is not available yet")
    else:
        there = efs.points()
    # whoever made one of them at the same moment may have wanted something else: then this refuses
    again = plan_for([*there, *_not_listed(plan, there)])
    if efs.met_another_run:
        efs.apply(again)
    return Outcome(plan, [step.after for step in again.steps if step.after])


def remove(efs: Efs, wanted: Sequence[Wanted], orders: Orders) -> Outcome:
    """Have these access points no more. What was written through them stays."""
    plan = plan_absent(wanted, efs.points())
    if not orders.check_mode:
        efs.apply(plan)
        ids = {step.before.access_point_id for step in plan.steps if step.delete and step.before}
        if ids and orders.wait_seconds:

            def all_gone(points: list[Point]) -> bool:
                return not any(point.access_point_id in ids for point in points)

            efs.settled(all_gone, orders.wait_seconds, "an access point is still being removed")
    return Outcome(plan, [])


def _all_there(tokens: Sequence[str]) -> Any:
    def are_available(points: list[Point]) -> bool:
        states = {point.token: point for point in points if point.token in tokens and point.state not in GONE_STATES}
        for point in states.values():
            if point.state == "error":
                raise IdentityError(
                    f"EFS made the access point {quoted(point.name or point.token)} ({point.access_point_id}) with the"
                    " state error, in which nobody can use it: remove it with state=absent and run again."
                )
        return all(token in states and states[token].state == "available" for token in tokens)

    return are_available


def _not_listed(plan: Plan, there: Sequence[Point]) -> list[Point]:
    """What was made a moment ago, and is in no list yet."""
    listed = {point.token for point in there}
    return [step.after for step in plan.steps if step.create and step.after and step.after.token not in listed]


def shown(point: Point, file_system_id: str) -> dict[str, Any]:
    """An access point as a person reads it."""
    root: dict[str, Any] = {"path": point.path}
    if point.creation:
        root["creation_info"] = {
            "owner_uid": point.creation.owner_uid,
            "owner_gid": point.creation.owner_gid,
            "permissions": point.creation.permissions,
        }
    answer: dict[str, Any] = {
        "name": point.name,
        "access_point_id": point.access_point_id,
        "access_point_arn": point.arn,
        "client_token": point.token,
        "file_system_id": file_system_id,
        "life_cycle_state": point.state,
        "owner_id": point.owner_id,
        "root_directory": root,
        "tags": dict(sorted(point.tags.items())),
    }
    if point.posix:
        answer["posix_user"] = {
            "uid": point.posix.uid,
            "gid": point.posix.gid,
            "secondary_gids": list(point.posix.secondary_gids),
        }
    return answer


def shown_plan(plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """What changes, before and after, for a diff."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for step in plan.steps:
        if step.changes:
            if step.before:
                before[step.label] = _for_diff(step.before)
            if step.after:
                after[step.label] = _for_diff(step.after)
    return before, after


def _for_diff(point: Point) -> dict[str, Any]:
    answer = shown(point, "")
    # what nobody decides would only be noise, and is not known before it is made
    return {key: answer[key] for key in ("posix_user", "root_directory", "tags") if key in answer}
