# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook from an empty account to a file system with access points, in a real ansible-playbook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from ansible_collections.labfleet.identity.tests.unit.efs.support import COLLECTION, client_of

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.tests.unit.efs.support import Aws, Controller

BOOK = str(COLLECTION / "playbooks" / "create_efs.yml")
SAID = "Say what becomes of the file system"
NEW = "Say which access points the new file system gets"
POINTS = "Have the access points"
LEAVERS = "Take those of people away who are disabled or gone"
CREATOR = "arn:aws:iam::123456789012:role/efs-creator"
NAME = "lab-homes"
NAMES = ["creator", "machines", "home-alice", "home-bob", "project-genomics"]


class Lab:
    """People with numbers, and a network for their file system."""

    def __init__(self, aws: Aws, controller: Controller) -> None:
        self.aws, self.controller = aws, controller
        ec2 = client_of(aws.url, "ec2")
        subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda subnet: str(subnet["AvailabilityZone"]))
        self.subnets = [subnet["SubnetId"] for subnet in subnets[:2]]
        vpc = subnets[0]["VpcId"]
        clients = ec2.create_security_group(
            GroupName=f"machines-{controller.directory.name}", Description="machines", VpcId=vpc
        )["GroupId"]
        self.numbers: dict[str, int] = {}
        self.given = {
            "ledger": "file:ledger.jsonl",
            "profile": "lab",
            "roster": "roster.yml",
            "file_system": NAME,
            "subnets": ",".join(self.subnets),
            "client_security_groups": clients,
            "projects": "genomics",
            "policies": "policies",  # beside what else is named on the command line
            "creator_role": CREATOR,
        }

    def issue(self, **states: str) -> None:
        """Who is in the lab; numbers for those who have none."""
        people = [{"username": name, "groups": ["genomics"], "state": state} for name, state in states.items()]
        (self.controller.directory / "roster.yml").write_text(yaml.safe_dump(people))
        options = {key: self.given[key] for key in ("ledger", "profile", "roster")}
        task = {"name": "issue", "labfleet.identity.uid_allocation": options}
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        (self.controller.directory / "issue.yml").write_text(yaml.safe_dump(play))
        found = self.controller.play("issue.yml")[1]["issue"]
        self.numbers = {person["username"]: person["uid"] for person in found["identities"]}
        self.numbers.update({group["name"]: group["gid"] for group in found["groups"]})

    def run(self, *arguments: str, **options: Any) -> dict[str, dict[str, Any]]:
        """What the tasks of the playbook say, when it comes to its end."""
        ended, results = self.controller.play(BOOK, *arguments, **{**self.given, **options})
        assert ended, self.controller.failures
        return results

    def refusal(self, **options: Any) -> str:
        """Why the playbook does not come to its end."""
        ended, results = self.controller.play(BOOK, **{**self.given, **options})
        assert not ended
        loop = results["Refuse what cannot work"]["results"]
        (told,) = [one["msg"] for one in loop if "Nothing was changed." in one.get("msg", "")]
        return str(told)

    def file_system(self) -> dict[str, Any]:
        """The file system as EFS has it, nothing if there is none."""
        found = self.aws.efs.describe_file_systems(CreationToken=NAME)["FileSystems"]
        return dict(found[0]) if found else {}

    def targets(self) -> list[str]:
        """The subnets from which it can be reached."""
        file_system = self.file_system()["FileSystemId"]
        found = self.aws.efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
        return sorted(target["SubnetId"] for target in found)


def changed(results: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, result in results.items() if result.get("changed")]


@pytest.fixture
def lab(aws: Aws, controller: Controller) -> Lab:
    return Lab(aws, controller)


def test_from_nothing_to_homes_and_on_when_somebody_leaves(lab: Lab) -> None:
    lab.issue(alice="present", bob="present")
    assert "Nobody could reach the file system" in lab.refusal(client_security_groups="")
    predicted = lab.run("--check")
    assert lab.file_system() == {}
    assert predicted[SAID]["msg"] == [
        f"the file system {NAME}, encrypted",
        *(f"a mount target in {subnet}" for subnet in lab.subnets),
    ]
    assert predicted[NEW]["msg"] == NAMES
    assert {SAID, NEW} <= set(changed(predicted))

    first = lab.run()
    there = lab.file_system()
    assert there["Encrypted"]
    assert lab.targets() == sorted(lab.subnets)
    check_access_points(lab, first)
    check_policies(lab)
    check_who_reaches_it(lab)
    assert changed(lab.run()) == []

    # a subnet that somebody forgot to name is not a wish to take its machines off the file system
    told = lab.refusal(subnets=lab.subnets[0])
    assert f"The mount targets in {lab.subnets[1]} would be removed" in told
    asked = lab.run("--check", subnets=lab.subnets[0], remove_mount_targets=True)
    assert asked[SAID]["msg"] == [f"no mount target any more in {lab.subnets[1]}"]
    assert lab.targets() == sorted(lab.subnets)

    lab.issue(alice="present", bob="disabled")
    assert changed(lab.run("--check")) == [LEAVERS]
    assert list(lab.aws.points()) == NAMES
    assert changed(lab.run()) == [LEAVERS]
    assert list(lab.aws.points()) == [name for name in NAMES if name != "home-bob"]


def check_access_points(lab: Lab, said: dict[str, dict[str, Any]]) -> None:
    lab.aws.file_system_id = lab.file_system()["FileSystemId"]
    points = lab.aws.points()
    assert list(points) == [point["name"] for point in said[POINTS]["access_points"]] == NAMES
    for name in ("alice", "bob"):
        number = lab.numbers[name]
        assert points[f"home-{name}"]["PosixUser"] == {"Uid": number, "Gid": number}
        assert points[f"home-{name}"]["RootDirectory"]["Path"] == f"/home/{name}"
    assert points["project-genomics"]["RootDirectory"] == {
        "Path": "/shared/genomics",
        "CreationInfo": {"OwnerUid": 0, "OwnerGid": lab.numbers["genomics"], "Permissions": "2770"},
    }
    told = said["Say what the hosts need to know"]["msg"]
    assert told["efs_file_system_id"] == lab.aws.file_system_id
    assert told["efs_region"] == "us-east-1"
    assert told["access_points"] == {name: point["AccessPointId"] for name, point in points.items()}


def check_policies(lab: Lab) -> None:
    points = lab.aws.points()
    of_all = json.loads((lab.controller.directory / "policies" / "file-system.json").read_text())
    (creator,) = [one for one in of_all["Statement"] if one["Effect"] == "Allow"]
    assert creator["Principal"] == {"AWS": CREATOR}
    assert points["creator"]["AccessPointArn"] in str(creator)
    of_role = json.loads((lab.controller.directory / "policies" / "role-of-machines.json").read_text())
    assert points["machines"]["AccessPointArn"] in str(of_role)
    assert "Root" not in str(of_role)
    # the server takes the document as it is
    text = json.dumps(of_all)
    lab.aws.efs.put_file_system_policy(FileSystemId=lab.aws.file_system_id, Policy=text)
    assert json.loads(lab.aws.efs.describe_file_system_policy(FileSystemId=lab.aws.file_system_id)["Policy"]) == of_all


def check_who_reaches_it(lab: Lab) -> None:
    targets = lab.aws.efs.describe_mount_targets(FileSystemId=lab.aws.file_system_id)["MountTargets"]
    groups = {
        tuple(lab.aws.efs.describe_mount_target_security_groups(MountTargetId=one["MountTargetId"])["SecurityGroups"])
        for one in targets
    }
    ((group,),) = groups
    (found,) = client_of(lab.aws.url, "ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
    (rule,) = found["IpPermissions"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 2049, 2049)
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [lab.given["client_security_groups"]]
    assert rule["IpRanges"] == []
    assert found["IpPermissionsEgress"] == []


def test_a_file_system_that_is_not_encrypted_is_refused(lab: Lab) -> None:
    lab.issue(alice="present")
    lab.given["file_system"] = "in-the-clear"
    made = lab.aws.efs.create_file_system(CreationToken="in-the-clear")["FileSystemId"]
    assert "is there and not encrypted, which nothing can change" in lab.refusal()
    assert lab.aws.efs.describe_mount_targets(FileSystemId=made)["MountTargets"] == []
    assert lab.aws.efs.describe_access_points(FileSystemId=made)["AccessPoints"] == []
