# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules against moto's server, over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._aws import _aws_module
from ansible_collections.labfleet.identity.tests.servers import ACCESS_KEY, SECRET_KEY, Fault, Refusal
from ansible_collections.labfleet.identity.tests.unit.efs.support import Aws

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.tests.servers import Request

HOME: dict[str, Any] = {
    "name": "home-alice",
    "posix_user": {"uid": 5238, "gid": 5238, "secondary_gids": [4265, 4001]},
    "root_directory": {
        "path": "/home/alice",
        "creation_info": {"owner_uid": 5238, "owner_gid": 5238, "permissions": "0700"},
    },
    "tags": {"owner": "lab"},
}


def names(count: int) -> list[dict[str, Any]]:
    return [{"name": f"home-{number:02}", "root_directory": {"path": f"/home/{number:02}"}} for number in range(count)]


def test_check_do_check_again_do_again_change_remove(aws: Aws) -> None:
    said = [aws.run(check, **HOME) for check in (True, False, True, False)]
    assert [answer["changed"] for answer in said] == [True, True, False, False]
    assert said[0]["diff"] == said[1]["diff"]
    assert said[0]["done"] == said[2]["done"] == said[3]["done"] == []
    assert said[1]["done"] == ["made 'home-alice'"]
    (point,) = aws.points().values()
    assert point["PosixUser"] == {"Uid": 5238, "Gid": 5238, "SecondaryGids": [4001, 4265]}
    assert point["RootDirectory"] == {
        "Path": "/home/alice",
        "CreationInfo": {"OwnerUid": 5238, "OwnerGid": 5238, "Permissions": "0700"},
    }
    made = said[3]["access_point"]
    assert made == said[1]["access_point"] == said[3]["access_points"][0]
    assert (made["access_point_id"], made["access_point_arn"]) == (point["AccessPointId"], point["AccessPointArn"])
    # what check mode said is what it became, but for what only EFS knows
    known = ("name", "client_token", "file_system_id", "posix_user", "root_directory", "tags")
    assert {key: said[0]["access_point"][key] for key in known} == {key: made[key] for key in known}

    for check in (True, False):
        gone = aws.run(check, name="home-alice", state="absent")
        assert gone["changed"]
        assert list(gone["diff"]["before"]) == ["home-alice"]
        assert gone["diff"]["after"] == {}
        assert bool(aws.points()) == check
    assert not aws.run(name="home-alice", state="absent")["changed"]


def test_tags_follow_and_others_go_only_when_asked_for(aws: Aws) -> None:
    aws.run(**HOME)
    (point,) = aws.points().values()
    aws.efs.tag_resource(ResourceId=point["AccessPointId"], Tags=[{"Key": "theirs", "Value": "1"}])

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in aws.points()["home-alice"]["Tags"]}

    unset = {key: value for key, value in HOME.items() if key != "tags"}
    assert not aws.run(**unset)["changed"]
    kept = aws.run(**{**HOME, "tags": {"owner": "grant 7"}, "purge_tags": False})
    assert kept["diff"]["before"]["home-alice"]["tags"]["owner"] == "lab"
    assert tags() == kept["access_point"]["tags"] == {"Name": "home-alice", "owner": "grant 7", "theirs": "1"}
    predicted = aws.run(True, **{**HOME, "tags": {}})
    purged = aws.run(**{**HOME, "tags": {}})
    assert predicted["diff"] == purged["diff"]
    assert tags() == purged["access_point"]["tags"] == {"Name": "home-alice"}
    assert purged["done"] == [f"tagged 'home-alice' ({point['AccessPointId']})"]
    assert not aws.run(**{**HOME, "tags": {}})["changed"]


IMMUTABLE: dict[str, tuple[dict[str, Any], str]] = {
    "user": (
        {"posix_user": {"uid": 5331, "gid": 5331}},
        "acts as uid 5238, gid 5238, gids 4001, 4265, not as uid 5331",
    ),
    "groups": ({"posix_user": {"uid": 5238, "gid": 5238}}, "gids 4001, 4265, not as uid 5238, gid 5238"),
    "path": ({"root_directory": {"path": "/home/bob"}}, "has the root directory '/home/alice', not '/home/bob'"),
    "creation": (
        {
            "root_directory": {
                "path": "/home/alice",
                "creation_info": {"owner_uid": 5238, "owner_gid": 5238, "permissions": "0750"},
            }
        },
        "makes its root directory as 5238:5238 0700, wanted is 5238:5238 0750",
    ),
}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("what", IMMUTABLE)
def test_what_differs_is_refused_and_stays(aws: Aws, what: str, check: bool) -> None:
    aws.run(**HOME)
    before = aws.points()
    options, told = IMMUTABLE[what]
    second = {"name": "home-bob", "root_directory": {"path": "/home/bob"}}
    refused = aws.run(check, access_points=[second, {**HOME, **options}])
    assert refused["failed"]
    assert told in refused["msg"]
    assert "EFS never changes an access point" in refused["msg"]
    assert refused["done"] == []
    assert aws.points() == before


def test_more_than_a_page_is_read_and_planned_at_once(aws: Aws) -> None:
    first = aws.run(access_points=names(9))
    assert len(first["done"]) == 9
    with aws.through(lambda _request: None) as proxy:
        again = aws.run(access_points=names(11))
        # three pages of four, two new ones, and three pages to see that they are there
        assert proxy.requests == 3 + 2 + 3
    assert again["done"] == ["made 'home-09'", "made 'home-10'"]
    assert list(aws.points()) == [f"home-{number:02}" for number in range(11)]
    assert [point["name"] for point in again["access_points"]] == [f"home-{number:02}" for number in range(11)]
    info = aws.info()
    assert info["count"] == 11
    assert info["access_points"] == again["access_points"]
    assert [point["name"] for point in aws.info(name="home-10")["access_points"]] == ["home-10"]


def test_info_finds_by_what_was_asked(aws: Aws) -> None:
    aws.run(access_points=[HOME, *names(5)])
    point_id = aws.points()["home-alice"]["AccessPointId"]
    for asked in (
        {"uid": 5238},
        {"path": "/home/alice"},
        {"tags": {"owner": "lab"}},
        {"access_point_id": point_id},
        {"name": "home-alice", "uid": 5238},
    ):
        answer = aws.info(**asked)
        assert [point["name"] for point in answer["access_points"]] == ["home-alice"]
        assert not answer["changed"]
    for nothing in ({"uid": 0}, {"tags": {"owner": "lab", "other": "x"}}, {"name": "home-alice", "path": "/"}):
        assert aws.info(**nothing)["access_points"] == []


@pytest.mark.parametrize("fault", [Fault.DROP_RESPONSE, Fault.FAILED_AFTER, Fault.TWICE])
def test_an_answer_that_is_lost_makes_no_second_one(aws: Aws, fault: Fault) -> None:
    met: list[int] = []

    def plan(request: Request) -> Fault | None:
        if b"ClientToken" in request.body and not met:
            met.append(request.number)
            return fault
        return None

    with aws.through(plan) as proxy:
        if fault is Fault.DROP_RESPONSE:
            # amazon.aws repeats what the service refused; what the network lost, botocore does
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("AWS_MAX_ATTEMPTS", "3")
                answer = aws.run(**HOME)
        else:
            answer = aws.run(**HOME)
        assert proxy.counts[fault] == 1
    assert answer["changed"]
    assert answer["done"] == ["found 'home-alice', which was made meanwhile"]
    assert list(aws.points()) == ["home-alice"]


def test_a_busy_service_is_asked_again(aws: Aws) -> None:
    left = {"list": ["ThrottlingException", "RequestLimitExceeded"], "create": ["InternalServerError"]}

    def plan(request: Request) -> Refusal | None:
        codes = left["create" if request.body else "list"]
        return Refusal(429, codes.pop(), "Rate exceeded") if codes else None

    with aws.through(plan):
        answer = aws.run(**HOME)
    assert left == {"list": [], "create": []}
    assert answer["done"] == ["made 'home-alice'"]


def test_runs_at_the_same_time_make_one(aws: Aws) -> None:
    together = threading.Barrier(2)
    waited: set[int] = set()

    def plan(request: Request) -> None:
        # both have looked, and found nothing, before one of them makes it
        if b"ClientToken" in request.body and len(waited) < 2:
            waited.add(request.number)
            together.wait(20)

    program = (
        "import json, sys\n"
        "from ansible_collections.labfleet.identity.tests.unit.efs.support import answer_of\n"
        "from ansible_collections.labfleet.identity.plugins.modules import efs_access_point\n"
        "print(json.dumps(answer_of(efs_access_point, False, **json.loads(sys.argv[1]))))"
    )
    with aws.through(plan):
        options = json.dumps({"file_system_id": aws.file_system_id, **HOME})
        runs = [
            subprocess.Popen([sys.executable, "-c", program, options], stdout=subprocess.PIPE, text=True)
            for _run in range(2)
        ]
        answers = [json.loads(run.communicate(timeout=60)[0]) for run in runs]
    assert len(waited) == 2
    assert [answer.get("failed", False) for answer in answers] == [False, False]
    ids = {answer["access_point"]["access_point_id"] for answer in answers}
    assert ids == {aws.points()["home-alice"]["AccessPointId"]}
    told = sorted(answer["done"][0] for answer in answers)
    assert told == ["found 'home-alice', which was made meanwhile", "made 'home-alice'"]


def test_another_run_that_made_something_else_is_not_taken_for_this_one(aws: Aws) -> None:
    token = aws.run(True, **HOME)["access_point"]["client_token"]
    theirs = {"Uid": 5999, "Gid": 5999}

    def plan(request: Request) -> None:
        if b"ClientToken" in request.body and not aws.points():
            aws.make("home-alice", token, PosixUser=theirs, RootDirectory={"Path": "/home/alice"})

    with aws.through(plan):
        refused = aws.run(**HOME)
    assert refused["failed"]
    assert "acts as uid 5999, gid 5999, not as uid 5238" in refused["msg"]
    assert aws.points()["home-alice"]["PosixUser"] == theirs


def test_one_that_somebody_made_by_hand_is_known_by_its_name(aws: Aws) -> None:
    options: dict[str, Any] = {"PosixUser": {"Uid": 5238, "Gid": 5238}, "RootDirectory": {"Path": "/home/alice"}}
    theirs = aws.make("home-alice", **options)
    asked: dict[str, Any] = {
        "name": "home-alice",
        "posix_user": {"uid": 5238, "gid": 5238},
        "root_directory": {"path": "/home/alice"},
    }
    assert aws.run(**asked)["access_point"]["access_point_id"] == theirs
    other = aws.efs.create_access_point(
        FileSystemId=aws.file_system_id,
        ClientToken="second",
        Tags=[{"Key": "Name", "Value": "home-alice"}],
        **options,
    )["AccessPointId"]
    refused = aws.run(**asked)
    assert "has 2 access points called 'home-alice'" in refused["msg"]
    refused = aws.run(name="home-alice", state="absent")
    assert "say which one is meant with access_point_id" in refused["msg"]
    assert aws.run(access_point_id=other, state="absent")["done"] == [f"removed '{other}' ({other})"]
    assert aws.points()["home-alice"]["AccessPointId"] == theirs


def test_another_file_system_is_another_matter(aws: Aws) -> None:
    other = Aws(aws.url, "another")
    aws.run(**HOME)
    assert other.points() == {}
    assert other.run(**HOME)["changed"]
    assert not other.run(access_point_id=aws.points()["home-alice"]["AccessPointId"], state="absent")["changed"]
    assert list(aws.points()) == list(other.points()) == ["home-alice"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "root": ({"posix_user": {"uid": 0, "gid": 5238}}, "would act as uid 0, which is root"),
    "a group of root": ({"posix_user": {"uid": 5238, "gid": 0}}, "would act with gid 0, which is root"),
    "root among the groups": (
        {"posix_user": {"uid": 5238, "gid": 5238, "secondary_gids": [0]}},
        "would act with gid 0, which is root",
    ),
    "a system user": ({"posix_user": {"uid": 1000, "gid": 5238}}, "uid 1000, which is outside 5000-5999"),
    "a number read as octal": (
        {"root_directory": {"path": "/x", "creation_info": {"owner_uid": 0, "owner_gid": 0, "permissions": 504}}},
        "The permissions 504 are no text: put them in quotes",
    ),
    "an owner nobody is": (
        {"root_directory": {"path": "/x", "creation_info": {"owner_uid": 33, "owner_gid": 0, "permissions": "755"}}},
        "would belong to 33, which is outside 5000-5999 and 4000-4999",
    ),
    "a path that leaves": ({"root_directory": {"path": "/home/../etc"}}, "begins with a dot"),
    "seventeen groups": (
        {"posix_user": {"uid": 5238, "gid": 5238, "secondary_gids": list(range(4000, 4017))}},
        "17 secondary gids, and EFS takes 16",
    ),
    "nothing": ({"posix_user": None, "root_directory": None}, "so that it would restrict nobody"),
    "a tag of AWS": ({"tags": {"aws:x": "y"}}, "a name that AWS refuses"),
    "51 tags": ({"tags": {str(number): "" for number in range(50)}}, "would have 51 tags, and AWS allows 50"),
    "no band": ({"band": "0-10"}, "uid 5238, which is outside 0-10"),
    "no file system": ({"file_system_id": "homes"}, "'homes' is neither the id of an EFS file system"),
    "no such file system": ({"file_system_id": "fs-00000000"}, "there is no such file system in region us-east-1 at"),
}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_made(aws: Aws, what: str, check: bool) -> None:
    options, told = REFUSED[what]
    refused = aws.run(check, **{**HOME, **options})
    assert refused["failed"]
    assert told in refused["msg"]
    assert aws.points() == {}


def test_what_is_asked_for_is_given(aws: Aws) -> None:
    assert aws.run(name="admin", posix_user={"uid": 0, "gid": 0}, allow_root=True)["changed"]
    outside: dict[str, Any] = {"name": "lent", "posix_user": {"uid": 70001, "gid": 70001}}
    assert aws.run(**outside, allow_outside_band=True)["changed"]
    assert not aws.run(**outside, guest_bands=["wide"])["changed"]
    assert aws.points()["admin"]["PosixUser"] == {"Uid": 0, "Gid": 0}


def test_the_quota_is_told_before_it_is_met(aws: Aws) -> None:
    aws.run(access_points=names(9), quota=10)
    warned = aws.run(True, access_points=names(10), quota=10)
    assert "has 10 of 10 access points then: have AWS raise the quota before it is full" in str(warned["warnings"])
    refused = aws.run(access_points=names(12), quota=10)
    assert "has 9 access points, and 3 more would make 12, above its quota of 10: nothing was made" in refused["msg"]
    assert len(aws.points()) == 9
    # a full file system is no reason to fail where nothing is to be made
    assert not aws.run(access_points=names(9), quota=5)["changed"]


CANARY = f"the canonical string was x-amz-security-token:labfleet-canary {SECRET_KEY}"
ANSWERS = {
    "AccessDeniedException": "may not: allow elasticfilesystem:CreateAccessPoint on it",
    "AccessPointLimitExceeded": "the file system has as many access points as its quota allows",
    "IncorrectFileSystemLifeCycleState": "the file system is not available yet",
    "ExpiredTokenException": "the credentials have expired",
    "InvalidSignatureException": "the secret key does not fit",
}


@pytest.mark.parametrize("code", ANSWERS)
def test_a_refusal_is_explained_without_a_secret(aws: Aws, code: str) -> None:
    def plan(request: Request) -> Refusal | None:
        return Refusal(400, code, CANARY) if b"home-01" in request.body else None

    with aws.through(plan):
        refused = aws.run(access_points=names(3))
    assert ANSWERS[code] in refused["msg"]
    assert refused["msg"].startswith(f"The access points of {aws.file_system_id} could not be managed: ")
    assert refused["done"] == ["made 'home-00'"]
    assert not any(secret in str(refused) for secret in ("canary", SECRET_KEY, ACCESS_KEY))
    # the next run goes on where this one stopped
    assert len(aws.run(access_points=names(3))["done"]) == 2


def test_nobody_answers(aws: Aws) -> None:
    told = aws.run(**HOME, endpoint_url="http://127.0.0.1:9")["msg"]
    assert "no connection to region us-east-1 at 127.0.0.1:9" in told


def test_region_and_profile_are_those_of_the_task(aws: Aws) -> None:
    assert "there is no such file system in region eu-west-1 at 127.0.0.1" in aws.run(**HOME, region="eu-west-1")["msg"]
    assert "nobody" in aws.run(**HOME, profile="nobody")["msg"]
    assert aws.points() == {}


def test_the_collection_it_needs_is_named(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_module, "HAS_AMAZON_AWS", False)
    assert "needs the collection amazon.aws" in aws.run(**HOME)["msg"]
    assert "needs the collection amazon.aws" in aws.info()["msg"]
