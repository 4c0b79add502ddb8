# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access points of a lab, out of the numbers that its ledger gave out (private, pure; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["CREATOR", "MACHINES", "access_points_of", "leavers_of"]

MACHINES = "machines"
CREATOR = "creator"
_HOME = "home-"
_PROJECT = "project-"


def access_points_of(
    people: Any,
    select: Any = "all",
    projects: Any = (),
    mount_point: str = "/efs",
    tags: Any = None,
    home_mode: str = "0700",
    shared_mode: str = "2770",
) -> list[dict[str, Any]]:
    """The C(access_points) of efs_access_point: two for machines, one a person, one a project.

    :param people: what uid_allocation returned.
    :param select: who gets one, as in host_accounts; nobody who is disabled or absent does.
    :param projects: names of shared groups, or mappings of C(name) and C(user).
    """
    profile, groups = _profile(people), _groups(people)
    marks = {**_mapping(tags, "tags"), "labfleet:profile": profile}
    base = mount_point.rstrip("/")
    whole = {"path": "/"}
    points: list[dict[str, Any]] = [{"name": name, "root_directory": whole} for name in (CREATOR, MACHINES)]
    for account in host_accounts(people["identities"], select, home_base=f"{base}/home"):
        home = account.get("home", "")
        if account.get("state") != "present" or not home.startswith(f"{base}/"):
            continue
        owner = {"owner_uid": account["uid"], "owner_gid": account["gid"], "permissions": home_mode}
        points.append(
            {
                "name": _HOME + _name_of_home(account),
                "posix_user": {"uid": account["uid"], "gid": account["gid"]},
                "root_directory": {"path": home[len(base) :], "creation_info": owner},
            }
        )
    numbers = {person["username"]: person["uid"] for person in people["identities"]}
    points += [_project(one, groups, numbers, shared_mode) for one in _list(projects, "projects")]
    return [{**point, "tags": marks} for point in points]


def leavers_of(people: Any, mount_point: str = "/efs") -> list[dict[str, Any]]:
    """The access points of those who are disabled or gone, by name; there is none for most of them."""
    _profile(people)
    base = mount_point.rstrip("/")
    accounts = host_accounts([*people["identities"], *people.get("left", [])], "all", home_base=f"{base}/home")
    present = [account for account in accounts if account["state"] == "present"]
    here = {account["name"] for account in present}
    # a home that somebody who is here has as well keeps its access point
    kept = {_name_of_home(account) for account in present if account["home"].startswith(f"{base}/")}
    names: list[str] = []
    for account in accounts:
        if account["name"] not in here:
            # of whom no roster speaks it is not known where the home is; it has the first of their names
            names += [_name_of_home(account), *account.get("formerly", ())]
    return [{"name": _HOME + name} for name in dict.fromkeys(names) if name not in kept]


def _name_of_home(account: Mapping[str, Any]) -> str:
    return str(account["home"]).rsplit("/", 1)[1]


def _project(one: Any, groups: Mapping[str, int], numbers: Mapping[str, int], shared_mode: str) -> dict[str, Any]:
    asked = {"name": one} if isinstance(one, str) else one
    if not isinstance(asked, dict) or not {"name"} <= asked.keys() <= {"name", "user"}:
        raise IdentityError(
            f"projects holds {quoted(one)}: write the name of a shared group, or a mapping of name and user."
        )
    name = asked["name"]
    if name not in groups:
        known = ", ".join(sorted(groups)) or "none"
        raise IdentityError(
            f"The project {quoted(name)} is no shared group with a number (there are: {known}): name it in"
            " shared_groups, or give somebody of the roster that group."
        )
    gid = groups[name]
    owner = {"owner_uid": 0, "owner_gid": gid, "permissions": shared_mode}
    point = {"name": f"{_PROJECT}{name}", "root_directory": {"path": f"/shared/{name}", "creation_info": owner}}
    if "user" not in asked:
        return point
    if asked["user"] not in numbers:
        raise IdentityError(
            f"The project {quoted(name)} is to act as {quoted(asked['user'])}, who has no number: put them into the"
            " roster, or leave user out."
        )
    return {**point, "posix_user": {"uid": numbers[asked["user"]], "gid": gid}}


def _profile(people: Any) -> str:
    if not isinstance(people, dict) or not {"identities", "groups", "profile"} <= people.keys():
        raise IdentityError(f"{quoted(people)} is not what uid_allocation returns: register it, and give the whole.")
    missing = [one["name"] for one in people.get("issued") or ()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise IdentityError(
            f"{quoted(missing[0])}{more} has no number in the ledger yet, and an access point never changes its number:"
            " run labfleet.identity.site or ledger_issue first."
        )
    return str(people["profile"]["id"])


def _groups(people: Mapping[str, Any]) -> dict[str, int]:
    return {group["name"]: group["gid"] for group in people["groups"]}


def _list(value: Any, what: str) -> Sequence[Any]:
    if value is None or isinstance(value, (list, tuple)):
        return value or ()
    raise IdentityError(f"{what} is {quoted(value)}, not a list: write one, even if it has one entry.")


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return dict(value or {})
    raise IdentityError(f"{what} is {quoted(value)}, not a mapping: write for example {{owner: research-computing}}.")
