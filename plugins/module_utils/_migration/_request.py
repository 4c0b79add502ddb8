# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration may be asked for (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import FIRST_ID, forbidden_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

__all__ = ["GroupWish", "Request", "UserWish", "old_number_problem", "parse_request"]

_LARGEST = 4294967294
_NOBODY = (65534, 65535)
_MOST_PROCESSES = 32


@dataclass(frozen=True)
class UserWish:
    """The numbers that an account is to have; None for an old one that is the host's to say."""

    name: str
    to_uid: int
    to_gid: int
    group: str
    from_uid: int | None = None
    from_gid: int | None = None


@dataclass(frozen=True)
class GroupWish:
    """The number that a group is to have."""

    name: str
    to_gid: int
    from_gid: int | None = None


@dataclass(frozen=True)
class Request:
    """The module's options, checked."""

    users: tuple[UserWish, ...]
    groups: tuple[GroupWish, ...]
    roots: tuple[str, ...]
    exclude: tuple[str, ...]
    network_file_systems: bool
    stop: bool
    processes: int
    lock_timeout: int


def parse_request(params: Mapping[str, Any]) -> Request:
    """Check the options.

    :raises IdentityError: with everything that is wrong with them.
    """
    problems: list[str] = []
    users = tuple(_user(raw, problems) for raw in params["users"])
    groups = tuple(GroupWish(raw["name"], raw["to_gid"], raw.get("from_gid")) for raw in params["groups"])
    for group in groups:
        _check(group.name, "group", group.to_gid, group.from_gid, problems)
    _refuse_twice([user.name for user in users], "user", problems)
    _refuse_twice([group.name for group in groups], "group", problems)
    _refuse_twice([user.to_uid for user in users], "uid", problems)
    gids = {(user.group, user.to_gid) for user in users} | {(group.name, group.to_gid) for group in groups}
    _refuse_twice([gid for _name, gid in sorted(gids)], "gid", problems)
    if not 1 <= params["processes"] <= _MOST_PROCESSES:
        problems.append("processes must be between 1 and %d" % _MOST_PROCESSES)
    if problems:
        raise IdentityError("the request cannot be carried out: " + in_one_sentence(problems, 10))
    return Request(
        users,
        groups,
        tuple(params["roots"]),
        tuple(params["exclude"]),
        params["network_file_systems"],
        params["stop"],
        params["processes"],
        params["lock_timeout"],
    )


def _user(raw: Mapping[str, Any], problems: list[str]) -> UserWish:
    to_gid = raw["to_uid"] if raw.get("to_gid") is None else raw["to_gid"]
    user = UserWish(
        raw["name"], raw["to_uid"], to_gid, raw.get("group") or raw["name"], raw.get("from_uid"), raw.get("from_gid")
    )
    _check(user.name, "user", user.to_uid, user.from_uid, problems)
    _check(user.group, "group", user.to_gid, user.from_gid, problems)
    return user


def _check(name: str, what: str, to: int, old: int | None, problems: list[str]) -> None:
    try:
        check_username(name)
    except IdentityError as error:
        problems.append(str(error))
        return
    owner = forbidden_owner(to)
    if owner is not None:
        problems.append("%s %s: the number %d belongs to %s" % (what, name, to, owner))
    if old is not None:
        problem = old_number_problem(old)
        if problem:
            problems.append("%s %s: %s" % (what, name, problem))


def old_number_problem(number: int) -> str:
    """Why files of a number are not to be given to somebody; empty when they may be."""
    if number in _NOBODY or not FIRST_ID <= number <= _LARGEST:
        return "files of %d are the system's, not somebody's: only numbers from %d up are migrated" % (number, FIRST_ID)
    return ""


def _refuse_twice(values: list[Any], what: str, problems: list[str]) -> None:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            problems.append("two entries have the %s %s: each may be there once" % (what, quoted(str(value))))
        seen.add(value)
