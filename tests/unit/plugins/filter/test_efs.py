# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters for EFS as Ansible sees them; what they do is tested at the functions behind them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleTemplatePluginError
from ansible.template import trust_as_template

from ansible_collections.labfleet.identity.plugins.filter import efs_access_points, efs_policy

POLICY = efs_policy.FilterModule().filters()["efs_policy"]
POINTS = efs_access_points.FilterModule().filters()["efs_access_points"]
ARN = "arn:aws:elasticfilesystem:eu-central-1:123456789012"
FILE_SYSTEM = f"{ARN}:file-system/fs-0123456789abcdef0"
POINT = f"{ARN}:access-point/fsap-0123456789abcdef0"
ROLE = "arn:aws:iam::123456789012:role/efs-creator"
PEOPLE = {
    "identities": [{"username": "alice", "uid": 5238, "gid": 5238}],
    "groups": [],
    "profile": {"id": "personal-research"},
}


def sids(policy: dict[str, Any]) -> list[str]:
    return [statement["Sid"] for statement in policy["Statement"]]


def test_one_filter_makes_both_policies() -> None:
    tagged = trust_as_template(FILE_SYSTEM)
    denied = ["DenyWithoutTls", "DenyWithoutAccessPoint"]
    assert sids(POLICY(tagged)) == [*denied, "DenyRoot"]
    assert sids(POLICY(tagged, creator_role=ROLE, creator_access_point=POINT)) == [
        *denied,
        "DenyRootElsewhere",
        "Creator",
    ]
    clients = [{"role": ROLE, "access_points": [POINT]}]
    assert sids(POLICY(FILE_SYSTEM, clients=clients)) == [*denied, "DenyRoot", "Client1"]
    assert POLICY(FILE_SYSTEM, access_points=[POINT], write=False)["Statement"][0]["Action"] == [
        "elasticfilesystem:ClientMount"
    ]


def test_what_the_documentation_shows() -> None:
    assert POLICY(FILE_SYSTEM, access_points=[POINT]) == yaml.safe_load(efs_policy.RETURN)["_value"]["sample"]
    assert POINTS(PEOPLE)[1:] == yaml.safe_load(efs_access_points.RETURN)["_value"]["sample"]


def test_they_fail_as_filters_do() -> None:
    with pytest.raises(AnsibleTemplatePluginError, match="is not the ARN of an EFS file system"):
        POLICY("fs-01234567")
    with pytest.raises(AnsibleTemplatePluginError, match="make two policies"):
        POLICY(FILE_SYSTEM, ROLE, POINT, access_points=[POINT])
    with pytest.raises(AnsibleTemplatePluginError, match="is not what uid_allocation returns"):
        POINTS([])


@pytest.mark.parametrize("write", ["false", "no", "", 0, 1, None])
def test_nobody_may_write_by_a_word_for_no(write: Any) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=r"write is .*, neither true nor false"):
        POLICY(FILE_SYSTEM, access_points=[POINT], write=write)


@pytest.mark.parametrize("clients", [None, 5, {"role": ROLE, "access_points": [POINT]}])
def test_clients_are_a_list(clients: Any) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=r"clients is .*, not a list"):
        POLICY(FILE_SYSTEM, clients=clients)


def test_leavers() -> None:
    gone = {**PEOPLE, "identities": [], "left": [{"username": "erin", "uid": 5003, "gid": 5003, "state": "disabled"}]}
    assert POINTS(gone, leavers=True) == [{"name": "home-erin"}]
