# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to EFS (private; runs on the controller).

It gets a function that sends one request, and knows nothing of how a client is made or how often it tries.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_plan import GONE_STATES
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import read_point
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_plan import Plan, Step
    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Point

    # operation in the words of boto3, its parameters -> the answer
    Send = Callable[..., "Mapping[str, Any]"]

__all__ = ["Efs", "RefusedError"]

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0


class RefusedError(Exception):
    """An answer that is an error: its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Efs:
    """The access points of one file system; C(done) says what was sent, as sentences."""

    def __init__(self, send: Send, file_system_id: str, rest: Callable[[float], object] = time.sleep) -> None:
        self._send = send
        self._rest = rest
        self.file_system_id = file_system_id
        self.done: list[str] = []
        self.met_another_run = False

    def points(self) -> list[Point]:
        """All of them, however many pages that takes."""
        found: list[Point] = []
        token: dict[str, str] = {}
        while True:
            answer = self._send("describe_access_points", FileSystemId=self.file_system_id, **token)
            found += [read_point(point) for point in answer["AccessPoints"]]
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}

    def apply(self, plan: Plan) -> None:
        """Send what the plan says, one step after the other."""
        for step in plan.steps:
            if step.create and step.after:
                self._create(step.label, step.after)
            elif step.delete and step.before:
                self._delete(step.label, step.before)
            elif step.changes and step.before:
                self._tag(step, step.before)

    def _create(self, label: str, point: Point) -> None:
        root: dict[str, Any] = {"Path": point.path}
        if point.creation:
            root["CreationInfo"] = {
                "OwnerUid": point.creation.owner_uid,
                "OwnerGid": point.creation.owner_gid,
                "Permissions": point.creation.permissions,
            }
        user: dict[str, Any] = {}
        if point.posix:
            user["PosixUser"] = {"Uid": point.posix.uid, "Gid": point.posix.gid}
            if point.posix.secondary_gids:
                user["PosixUser"]["SecondaryGids"] = list(point.posix.secondary_gids)
        try:
            self._send(
                "create_access_point",
                ClientToken=point.token,
                FileSystemId=self.file_system_id,
                RootDirectory=root,
                Tags=_tag_list(point.tags),
                **user,
            )
        except RefusedError as refusal:
            # an answer that was lost, or another run at the same time; the caller looks whether it is what is wanted
            if refusal.code != "AccessPointAlreadyExists":
                raise
            self.met_another_run = True
            self.done.append(f"found {quoted(label)}, which was made meanwhile")
            return
        self.done.append(f"made {quoted(label)}")

    def _delete(self, label: str, point: Point) -> None:
        try:
            self._send("delete_access_point", AccessPointId=point.access_point_id)
        except RefusedError as refusal:
            if refusal.code != "AccessPointNotFound":
                raise
        self.done.append(f"removed {quoted(label)} ({point.access_point_id})")

    def _tag(self, step: Step, point: Point) -> None:
        if step.set_tags:
            self._send("tag_resource", ResourceId=point.access_point_id, Tags=_tag_list(step.set_tags))
        if step.remove_tags:
            self._send("untag_resource", ResourceId=point.access_point_id, TagKeys=list(step.remove_tags))
        self.done.append(f"tagged {quoted(step.label)} ({point.access_point_id})")

    def settled(self, is_settled: Callable[[list[Point]], bool], seconds: float, what: str) -> list[Point]:
        """All access points as soon as they are as they should be.

        :raises IdentityError: when they are not in time.
        """
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while True:
            points = self.points()
            if is_settled(points):
                return points
            if time.monotonic() >= deadline:
                states = sorted({point.state for point in points if point.state not in ("available",)})
                raise IdentityError(
                    f"After {seconds:g} s {what} (states: {', '.join(states) or 'none'}): run again later, or give more"
                    " time with wait_timeout."
                )
            self._rest(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(_LONGEST_PAUSE, pause * 2)

    def without_leavers(self, tokens: Sequence[str], seconds: float) -> list[Point]:
        """All of them, when none with such a token is on its way out, which would keep a new one from being made."""

        def nobody_leaves(points: list[Point]) -> bool:
            return not any(point.token in tokens and point.state in GONE_STATES for point in points)

        return self.settled(nobody_leaves, seconds, "an access point of the same name is still being removed")


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
