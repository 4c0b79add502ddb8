# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People and projects become access points; those who left have none."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_people import access_points_of, leavers_of
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Numbers, read_wanted
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

PEOPLE: dict[str, Any] = {
    "identities": [
        {"username": "alice", "uid": 5238, "gid": 5238, "state": "present", "groups": ["genomics"]},
        {"username": "robert", "first_username": "bob", "uid": 5831, "gid": 5831, "state": "present"},
        {"username": "carol", "uid": 5001, "gid": 5001, "state": "present", "home": "/srv/carol"},
        {"username": "david", "uid": 5002, "gid": 5002, "state": "disabled"},
    ],
    "left": [{"username": "erin", "uid": 5003, "gid": 5003, "state": "disabled"}],
    "groups": [{"name": "genomics", "gid": 4265}],
    "issued": [],
    "profile": {"id": "lab", "uid_band": "5000-5999", "group_band": "4000-4999", "guest_bands": []},
}


def named(**options: Any) -> dict[str, dict[str, Any]]:
    return {point["name"]: point for point in access_points_of(PEOPLE, **options)}


def test_who_gets_which() -> None:
    points = named(projects=["genomics"], tags={"owner": "lab"})
    assert list(points) == ["creator", "machines", "home-alice", "home-bob", "project-genomics"]
    assert points["home-bob"] == {
        "name": "home-bob",
        "posix_user": {"uid": 5831, "gid": 5831},
        "root_directory": {
            "path": "/home/bob",
            "creation_info": {"owner_uid": 5831, "owner_gid": 5831, "permissions": "0700"},
        },
        "tags": {"owner": "lab", "labfleet:profile": "lab"},
    }
    assert points["project-genomics"]["root_directory"] == {
        "path": "/shared/genomics",
        "creation_info": {"owner_uid": 0, "owner_gid": 4265, "permissions": "2770"},
    }
    assert "posix_user" not in points["project-genomics"]
    assert points["machines"]["root_directory"] == {"path": "/"}


def test_the_module_takes_all_of_it() -> None:
    numbers = Numbers([parse_band("5000-5999")], parse_band("4000-4999"))
    asked = access_points_of(PEOPLE, projects=[{"name": "genomics", "user": "alice"}])
    wanted = [read_wanted("fs-01234567", one, numbers) for one in asked]
    assert [one.name for one in wanted] == [one["name"] for one in asked]


def test_a_project_may_act_as_somebody() -> None:
    points = named(projects=[{"name": "genomics", "user": "alice"}])
    assert points["project-genomics"]["posix_user"] == {"uid": 5238, "gid": 4265}


def test_only_those_selected_have_one() -> None:
    assert [name for name in named(select="@genomics") if name.startswith("home-")] == ["home-alice"]
    assert "home-carol" in named(mount_point="/srv")
    assert named(mount_point="/srv")["home-carol"]["root_directory"]["path"] == "/carol"


def test_who_left_has_none_any_more() -> None:
    assert leavers_of(PEOPLE) == [{"name": "home-david"}, {"name": "home-erin"}]
    assert leavers_of({**PEOPLE, "identities": [], "left": []}) == []
    # whoever is back is not removed
    back = [*PEOPLE["identities"], {**PEOPLE["left"][0], "state": "present"}]
    assert leavers_of({**PEOPLE, "identities": back}) == [{"name": "home-david"}]


def test_who_left_under_another_name_loses_that_of_their_home() -> None:
    """The roster, which knew the home, does not name them any more; it has the first of their names."""
    left = {"username": "rupert", "uid": 5004, "gid": 5004, "state": "disabled", "former_usernames": ["bobby", "rob"]}
    assert {"name": "home-bobby"} in leavers_of({**PEOPLE, "left": [left]})
    # whoever is here under another name keeps theirs
    assert {"name": "home-bob"} not in leavers_of({**PEOPLE, "left": [{**left, "former_usernames": ["bob"]}]})


def test_a_home_of_two_accounts_stays_with_whoever_is_here() -> None:
    """The second account of a person is closed, and its home is that of the first."""
    second = {"username": "asmith", "uid": 5005, "gid": 5005, "state": "disabled", "home": "/efs/home/alice"}
    people = {**PEOPLE, "identities": [*PEOPLE["identities"], second], "left": []}
    assert leavers_of(people) == [{"name": "home-david"}]
    assert not {point["name"] for point in leavers_of(people)} & {point["name"] for point in access_points_of(people)}


@pytest.mark.parametrize(
    ("people", "options", "reason"),
    [
        (PEOPLE["identities"], {}, "is not what uid_allocation returns"),
        ({**PEOPLE, "issued": [{"name": "zoe"}, {"name": "yan"}]}, {}, "'zoe' and 1 more has no number in the ledger"),
        (PEOPLE, {"projects": ["imaging"]}, r"'imaging' is no shared group with a number \(there are: genomics\)"),
        (PEOPLE, {"projects": "genomics"}, "projects is 'genomics', not a list"),
        (PEOPLE, {"projects": [{"group": "genomics"}]}, "write the name of a shared group"),
        (PEOPLE, {"projects": [{"name": "genomics", "user": "zoe"}]}, "is to act as 'zoe', who has no number"),
        (PEOPLE, {"tags": ["x"]}, "not a mapping"),
        (PEOPLE, {"select": "zoe"}, "who is not in the roster"),
    ],
)
def test_what_is_wrong_is_said(people: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        access_points_of(people, **options)
