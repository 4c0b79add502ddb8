# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for a template with all that it inherits, and the form in which it is handed out (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._templates._schema import RESEARCH_USER, ROLE_BLOCKS
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import SYSTEM_BAND, parse_band

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["system_band", "whole"]

_LISTS = ("packages", "services", "system_users", "system_groups", "shared_directories")


def system_band(text: Any) -> Band:
    """The numbers that system users may have, inside those that no person has."""
    band = parse_band(text)
    if band.first < SYSTEM_BAND.first or band.last > SYSTEM_BAND.last:
        raise IdentityError(f"The band {band} is not inside {SYSTEM_BAND}, the numbers of system users: narrow it.")
    return band


def whole(said: dict[str, Any], band: Band) -> dict[str, Any]:
    """A merged template with every key in its place and every default filled in.

    :param said: what the chain says together.
    :raises IdentityError: parts of it do not fit together.
    """
    result: dict[str, Any] = {"description": said.get("description", "")}
    result.update({key: said.get(key, []) for key in _LISTS})
    result.update({key: said.get(key, {}) for key in ("research_user", *ROLE_BLOCKS)})
    # a block may be there and say nothing: the template wants the role as it is
    result["roles"] = [role for role in ROLE_BLOCKS if role in said]
    result["services"] = [{"state": "started", "enabled": True, **service} for service in result["services"]]
    for directory in result["shared_directories"]:
        if "group" not in directory:
            raise IdentityError(f"shared_directories: {directory['path']}: there is no group: say who may write there")
    result["shared_directories"] = [{"mode": "2770", **entry} for entry in result["shared_directories"]]
    _check_numbers(result["system_users"], result["system_groups"], band)
    if "research_user" in said:
        result["research_user"] = _research_user(said["research_user"], result["system_users"])
    return result


def _check_numbers(users: list[dict[str, Any]], groups: list[dict[str, Any]], band: Band) -> None:
    """Each system user and each group has a number of its own, in the band."""
    uids: dict[int, str] = {}
    # the number of a private group is its user's
    gids: dict[int, str] = {}
    for user in users:
        name = user["name"]
        _take(uids, _in_band(user, "uid", f"system_users: {name}", band), name, "uid")
        if "group" not in user:
            gid = _in_band(user, "gid", f"system_users: {name}", band) if "gid" in user else user["uid"]
            _take(gids, gid, name, "gid")
    names = {user["name"] for user in users if "group" not in user}
    for group in groups:
        name = group["name"]
        if name in names:
            raise IdentityError(
                f"system_groups: {name} is the private group of the system user {name} already: name the group"
                f" otherwise, or give the user another one with 'group'"
            )
        _take(gids, _in_band(group, "gid", f"system_groups: {name}", band), name, "gid")


def _in_band(entry: dict[str, Any], key: str, where: str, band: Band) -> int:
    if key not in entry:
        raise IdentityError(
            f"{where}: there is no {key}: choose one of {band}, the same wherever this template is used"
        )
    number: int = entry[key]
    if number not in band:
        raise IdentityError(f"{where}: {key} {quoted(number)} is not one of {band}, the numbers of system users")
    return number


def _take(taken: dict[int, str], number: int, name: str, what: str) -> None:
    if number in taken:
        raise IdentityError(f"{quoted(taken[number])} and {quoted(name)} both have {what} {number}: give one another")
    taken[number] = name


def _research_user(block: dict[str, Any], users: list[dict[str, Any]]) -> dict[str, Any]:
    present = {user["name"] for user in users if user.get("state", "present") == "present"}
    result = {
        "auto_create": True,
        "primary_user": RESEARCH_USER,
        "system_user": "",
        "shared_directories": [],
        "default_shell": "",
        "default_groups": [],
        **block,
    }
    primary = result["primary_user"]
    if primary != RESEARCH_USER:
        if result["system_user"] not in ("", primary):
            raise IdentityError(
                f"research_user: services run as the primary_user {primary}, so the system_user"
                f" {result['system_user']} would run nothing: leave one out"
            )
        result["system_user"] = primary
    for key in ("primary_user", "system_user"):
        if result[key] not in ("", RESEARCH_USER) and result[key] not in present:
            known = ", ".join(sorted(present)) or "none"
            raise IdentityError(
                f"research_user: {key} {result[key]} is no system user that this template has (it has: {known}); the"
                f" people themselves are called {RESEARCH_USER}"
            )
    return result
