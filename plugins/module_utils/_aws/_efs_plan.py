# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what there is to what is to be done (private, pure; runs on the controller).

All that can be refused is refused here, before anything is sent that changes something.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_limits import ACCESS_POINTS, check_tag_count
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import NAME_TAG, Point
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Wanted

__all__ = ["Plan", "Step", "compare_by_key", "plan_absent", "plan_present"]

GONE_STATES = frozenset({"deleting", "deleted"})
_SHOWN = 3
_NEARLY_FULL = 0.9

if TYPE_CHECKING:
    # tags there are, tags wanted, whether to purge -> tags to set, names to take away
    CompareTags = Callable[[Mapping[str, str], Mapping[str, str], bool], "tuple[Mapping[str, str], Sequence[str]]"]


@dataclass(frozen=True)
class Step:
    """One access point: as it was, as it will be, and what has to be sent for that."""

    label: str
    before: Point | None
    after: Point | None
    create: bool = False
    delete: bool = False
    set_tags: Mapping[str, str] = field(default_factory=dict)
    remove_tags: Sequence[str] = ()

    @property
    def changes(self) -> bool:
        """Whether anything has to be done."""
        return self.create or self.delete or bool(self.set_tags) or bool(self.remove_tags)


@dataclass(frozen=True)
class Plan:
    """The steps in the order in which they were asked for."""

    steps: Sequence[Step]
    warnings: Sequence[str] = ()


def compare_by_key(
    there: Mapping[str, str], wanted: Mapping[str, str], purge: bool
) -> tuple[dict[str, str], Sequence[str]]:
    """Tags to set and names to take away; what begins with aws: belongs to AWS."""
    missing = {key: value for key, value in wanted.items() if there.get(key) != value}
    extra = sorted(key for key in there if key not in wanted and not key.startswith("aws:"))
    return missing, extra if purge else []


def plan_present(
    wanted: Sequence[Wanted],
    there: Sequence[Point],
    purge_tags: bool = True,
    quota: int = ACCESS_POINTS,
    compare_tags: CompareTags = compare_by_key,
) -> Plan:
    """Make what is missing, bring tags to what is wanted, and refuse what cannot be changed.

    :raises IdentityError: when an access point differs in what EFS never changes, or when there would be too many.
    """
    _refuse_doubles(wanted)
    living = [point for point in there if point.state not in GONE_STATES]
    warnings: list[str] = []
    steps = [_present(one, living, purge_tags, compare_tags, warnings) for one in wanted]
    differing = [reason for one, step in zip(wanted, steps) for reason in _differences(one, step)]
    if differing:
        raise IdentityError(
            f"EFS never changes an access point, and the one wanted differs: {in_one_sentence(differing, _SHOWN)}."
            " Nothing was changed. Ask for what is there, or make one under another name, move its clients there, and"
            " remove the old one with state=absent."
        )
    total = len(living) + sum(step.create for step in steps)
    if total > quota and any(step.create for step in steps):
        raise IdentityError(
            f"The file system has {len(living)} access points, and {total - len(living)} more would make {total}, above"
            f" its quota of {quota}: nothing was made. Remove some, take another file system, or have AWS raise the"
            " quota and say so with quota."
        )
    if any(step.create for step in steps) and total >= quota * _NEARLY_FULL:
        warnings.append(
            f"The file system has {total} of {quota} access points then: have AWS raise the quota before it is full."
        )
    return Plan(steps, warnings)


def plan_absent(wanted: Sequence[Wanted], there: Sequence[Point]) -> Plan:
    """Remove what is there. What is being removed already counts as gone."""
    living = [point for point in there if point.state not in GONE_STATES]
    steps = []
    for one in wanted:
        point = _find(one, living, [])
        steps.append(Step(one.label, point, None, delete=point is not None))
    return Plan(steps)


def _refuse_doubles(wanted: Sequence[Wanted]) -> None:
    seen: set[str] = set()
    for one in wanted:
        for key in {one.token, one.access_point_id} - {""}:
            if key in seen:
                raise IdentityError(f"The access point {quoted(one.label)} is asked for twice: leave one of them out.")
            seen.add(key)


def _present(one: Wanted, living: Sequence[Point], purge: bool, compare_tags: CompareTags, warnings: list[str]) -> Step:
    point = _find(one, living, warnings)
    if point is None:
        return _creation(one)
    if point.state == "error":
        raise IdentityError(
            f"The access point {quoted(one.label)} ({point.access_point_id}) is in the state error, in which nobody can"
            " use it: remove it with state=absent and make it again."
        )
    # who asks for it by its id or token says nothing of its name, by which others find it
    name = one.name or point.name
    named = {NAME_TAG: name} if name else {}
    tags = {**named, **(one.tags or {})}
    missing, extra = compare_tags(point.tags, tags, purge and one.tags is not None)
    kept = {key: value for key, value in point.tags.items() if key not in extra}
    after = dataclasses.replace(point, tags={**kept, **missing})
    check_tag_count(one.label, after.tags)
    return Step(one.label, point, after, set_tags=missing, remove_tags=extra)


def _creation(one: Wanted) -> Step:
    if one.access_point_id:
        raise IdentityError(
            f"The file system has no access point {one.access_point_id}: correct the id, or leave it out and give a"
            " name, and one is made."
        )
    if one.posix is None and one.path is None:
        raise IdentityError(
            f"The access point {quoted(one.label)} has neither a posix_user nor a root_directory, so that it would"
            " restrict nobody: give one of them. For the whole file system say root_directory={path: /}."
        )
    tags = {**(one.tags or {}), **({NAME_TAG: one.name} if one.name else {})}
    check_tag_count(one.label, tags)
    path = "/" if one.path is None else one.path
    after = Point("", "", one.token, "creating", "", one.posix, path, one.creation, tags)
    return Step(one.label, None, after, create=True)


def _find(one: Wanted, living: Sequence[Point], warnings: list[str]) -> Point | None:
    if one.access_point_id:
        return next((point for point in living if point.access_point_id == one.access_point_id), None)
    namesakes = [point for point in living if one.name and point.name == one.name]
    ids = ", ".join(sorted(point.access_point_id for point in namesakes))
    for point in living:
        if point.token == one.token:
            if any(namesake is not point for namesake in namesakes):
                warnings.append(
                    f"Other access points of the file system are called {quoted(one.name)} as well ({ids}); meant is"
                    f" {point.access_point_id}."
                )
            return point
    if len(namesakes) > 1:
        raise IdentityError(
            f"The file system has {len(namesakes)} access points called {quoted(one.name)} ({ids}): say which one is"
            " meant with access_point_id."
        )
    return namesakes[0] if namesakes else None


def _differences(one: Wanted, step: Step) -> list[str]:
    """What was asked for and cannot be had, a reason each."""
    point = step.before
    if point is None:
        return []
    name = f"{quoted(one.label)} ({point.access_point_id})"
    reasons = []
    if one.posix is not None and one.posix != point.posix:
        has = f"acts as {point.posix}" if point.posix else "has no POSIX user"
        reasons.append(f"{name} {has}, not as {one.posix}" if point.posix else f"{name} {has}, wanted is {one.posix}")
    if one.path is not None and one.path != point.path:
        reasons.append(f"{name} has the root directory {quoted(point.path)}, not {quoted(one.path)}")
    if one.creation is not None and one.creation != point.creation:
        has = f"makes its root directory as {point.creation}" if point.creation else "makes no root directory"
        reasons.append(f"{name} {has}, wanted is {one.creation}")
    return reasons
