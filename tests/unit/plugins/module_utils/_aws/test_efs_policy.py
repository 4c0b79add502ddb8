# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on a file system, decided by a small evaluator that follows IAM's published rules and knows nothing else."""

from __future__ import annotations

import fnmatch
import itertools
import json
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_policy import (
    file_system_policy,
    role_policy,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

HEAD = "arn:aws:elasticfilesystem:eu-central-1:123456789012"
FILE_SYSTEM = f"{HEAD}:file-system/fs-0123456789abcdef0"
CREATOR_POINT, MACHINES, ALICE, BOB = (f"{HEAD}:access-point/fsap-{number}" for number in ("c0", "a0", "a1", "b0"))
CREATOR, LAPTOP, NOBODY = (f"arn:aws:iam::123456789012:role/{name}" for name in ("creator", "laptop", "nobody"))
READ, WRITE, ROOT = (f"elasticfilesystem:Client{what}" for what in ("Mount", "Write", "RootAccess"))
POINT = "elasticfilesystem:AccessPointArn"
TLS = "aws:SecureTransport"
VIA = "elasticfilesystem:AccessedViaMountTarget"


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def holds(operator: str, key: str, values: Any, context: dict[str, str]) -> bool:
    """One condition: a key that is missing fails what is positive, and passes what is negated."""
    found = context.get(key)
    negated = "Not" in operator
    if found is None:
        return negated
    if operator in ("Bool", "StringEquals"):
        return found in as_list(values)
    if operator == "StringNotEquals":
        return found not in as_list(values)
    assert operator == "StringNotLike"
    return not any(fnmatch.fnmatchcase(found, pattern) for pattern in as_list(values))


def applies(statement: dict[str, Any], who: str, action: str, context: dict[str, str]) -> bool:
    assert statement["Resource"] == FILE_SYSTEM
    principal = as_list(statement.get("Principal", {"AWS": who})["AWS"])
    actions = as_list(statement["Action"])
    return (
        ("*" in principal or who in principal)
        and any(fnmatch.fnmatchcase(action, pattern) for pattern in actions)
        and all(
            holds(operator, key, values, context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def may(policies: list[dict[str, Any]], who: str, action: str, point: str | None = None, tls: bool = True) -> bool:
    """Whether somebody may: one Deny forbids, one Allow is needed."""
    context = {TLS: str(tls).lower(), VIA: "true", **({POINT: point} if point else {})}
    effects = [
        statement["Effect"]
        for policy in policies
        for statement in policy["Statement"]
        if applies(statement, who, action, context)
    ]
    return "Deny" not in effects and "Allow" in effects


ENFORCED = file_system_policy(FILE_SYSTEM, CREATOR, CREATOR_POINT)
# what AWS itself calls full access for clients, given to somebody by mistake
EVERYTHING = {
    "Statement": [{"Effect": "Allow", "Action": "elasticfilesystem:Client*", "Resource": FILE_SYSTEM, "Condition": {}}]
}


def test_the_creator_alone_is_root_and_through_its_access_point_alone() -> None:
    assert all(may([ENFORCED], CREATOR, action, CREATOR_POINT) for action in (READ, WRITE, ROOT))
    for who, point in itertools.product((CREATOR, LAPTOP, NOBODY), (None, MACHINES, ALICE)):
        assert not may([ENFORCED, EVERYTHING], who, ROOT, point)
    assert not may([ENFORCED], LAPTOP, ROOT, CREATOR_POINT)


@pytest.mark.parametrize("action", [READ, WRITE, ROOT])
@pytest.mark.parametrize("who", [CREATOR, LAPTOP, NOBODY])
def test_nobody_comes_in_without_tls_or_past_the_access_points(who: str, action: str) -> None:
    assert not may([ENFORCED, EVERYTHING], who, action, CREATOR_POINT, tls=False)
    assert not may([ENFORCED, EVERYTHING], who, action, None)
    assert not may([ENFORCED, EVERYTHING], who, action, "arn:aws:elasticfilesystem:eu-central-1:999999999999:x/fsap-1")


def test_who_is_allowed_nothing_may_nothing() -> None:
    for action, point in itertools.product((READ, WRITE, ROOT), (None, MACHINES, ALICE, CREATOR_POINT)):
        assert not may([ENFORCED], NOBODY, action, point)


def test_a_role_mounts_its_access_points_and_no_others() -> None:
    hers = role_policy(FILE_SYSTEM, [ALICE])
    assert may([ENFORCED, hers], LAPTOP, READ, ALICE)
    assert may([ENFORCED, hers], LAPTOP, WRITE, ALICE)
    for point in (BOB, MACHINES, CREATOR_POINT, None, ALICE + "1"):
        assert not any(may([ENFORCED, hers], LAPTOP, action, point) for action in (READ, WRITE, ROOT))
    assert not may([ENFORCED, hers], LAPTOP, ROOT, ALICE)
    looking = role_policy(FILE_SYSTEM, [ALICE, BOB], write=False)
    assert [may([ENFORCED, looking], LAPTOP, READ, point) for point in (ALICE, BOB, MACHINES)] == [True, True, False]
    assert not may([ENFORCED, looking], LAPTOP, WRITE, ALICE)
    # a statement that needs a mount target is no allowance from elsewhere
    assert hers["Statement"][0]["Condition"]["Bool"] == {VIA: "true"}


def test_clients_may_stand_in_the_policy_of_the_file_system() -> None:
    clients: list[dict[str, Any]] = [
        {"role": LAPTOP, "access_points": [ALICE]},
        {"role": NOBODY, "access_points": [BOB], "write": False},
    ]
    policy = file_system_policy(FILE_SYSTEM, clients=clients)
    assert may([policy], LAPTOP, WRITE, ALICE)
    assert may([policy], NOBODY, READ, BOB)
    for who, action, point in ((LAPTOP, READ, BOB), (NOBODY, WRITE, BOB), (NOBODY, READ, ALICE), (LAPTOP, ROOT, ALICE)):
        assert not may([policy, *([EVERYTHING] if action == ROOT else [])], who, action, point)


def test_without_a_creator_nobody_is_root() -> None:
    policy = file_system_policy(FILE_SYSTEM)
    assert not may([policy, EVERYTHING], CREATOR, ROOT, CREATOR_POINT)
    assert may([policy, EVERYTHING], CREATOR, WRITE, CREATOR_POINT)


def test_every_statement_is_needed() -> None:
    """What the attacks above show is shown by these statements: without one of them an attack comes through."""
    attacks = [(LAPTOP, READ, ALICE, False), (LAPTOP, READ, None, True), (LAPTOP, ROOT, ALICE, True)]
    for missing in range(3):
        weaker = {"Statement": [one for number, one in enumerate(ENFORCED["Statement"]) if number != missing]}
        let_in = [may([weaker, EVERYTHING], *attack) for attack in attacks]
        assert let_in == [number == missing for number in range(3)]
    assert not may([{"Statement": ENFORCED["Statement"][:3]}], CREATOR, READ, CREATOR_POINT)


def test_a_policy_that_is_too_large_is_refused() -> None:
    points = [f"{HEAD}:access-point/fsap-{number:017x}" for number in range(1000)]

    def size(policy: dict[str, Any]) -> int:
        return len(json.dumps(policy))

    def fits(count: int) -> bool:
        try:
            return bool(role_policy(FILE_SYSTEM, points[:count]))
        except IdentityError:
            return False

    most = next(count for count in range(2, 1000) if not fits(count + 1))
    largest = role_policy(FILE_SYSTEM, points[:most])
    one = size(largest) - size(role_policy(FILE_SYSTEM, points[: most - 1]))
    assert size(largest) <= 10240 < size(largest) + one
    with pytest.raises(IdentityError, match=r"The role policy would have \d+ characters, and AWS takes 10240: put"):
        role_policy(FILE_SYSTEM, points[: most + 1])
    clients: list[dict[str, Any]] = [{"role": LAPTOP, "access_points": points[:180]}]
    assert size(file_system_policy(FILE_SYSTEM, clients=clients)) <= 20000
    with pytest.raises(IdentityError, match=r"The file system policy would have \d+ characters, and AWS takes 20000"):
        file_system_policy(FILE_SYSTEM, clients=[{"role": LAPTOP, "access_points": points[:300]}])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("*",), "is not the ARN of an EFS file system"),
        (("fs-01234567",), "is not the ARN of an EFS file system"),
        ((f"{HEAD}:file-system/*",), "is not the ARN of an EFS file system"),
        (("arn:aws:elasticfilesystem:*:123456789012:file-system/fs-01234567",), "is not the ARN of an EFS file system"),
        ((FILE_SYSTEM, CREATOR), "belong together"),
        ((FILE_SYSTEM, None, CREATOR_POINT), "belong together"),
        ((FILE_SYSTEM, "*", CREATOR_POINT), "is not the ARN of a role"),
        ((FILE_SYSTEM, "arn:aws:iam::123456789012:root", CREATOR_POINT), "is not the ARN of a role"),
        ((FILE_SYSTEM, "arn:aws:iam::123456789012:role/*", CREATOR_POINT), "is not the ARN of a role"),
        ((FILE_SYSTEM, CREATOR, f"{HEAD}:access-point/*"), "is not the ARN of an access point"),
        ((FILE_SYSTEM, CREATOR, f"{HEAD}:access-point/fsap-?"), "is not the ARN of an access point"),
        ((FILE_SYSTEM, CREATOR, CREATOR_POINT.replace("1234", "4321")), "in the region and account of the file system"),
        ((FILE_SYSTEM, None, None, [{"role": LAPTOP}]), r"clients\[0\] is not a mapping of role, access_points"),
        ((FILE_SYSTEM, None, None, [{"role": LAPTOP, "access_points": [], "write": True}]), "would allow nothing"),
        ((FILE_SYSTEM, None, None, [{"role": LAPTOP, "access_points": ALICE}]), "as a list"),
        ((FILE_SYSTEM, None, None, [{"role": LAPTOP, "access_points": [ALICE], "root": True}]), "is not a mapping of"),
    ],
)
def test_what_would_allow_more_or_nothing_is_refused(arguments: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        file_system_policy(*arguments)


def test_a_policy_of_a_role_names_access_points() -> None:
    wrongs: list[Any] = [[], None, ["*"], ALICE, [FILE_SYSTEM]]
    for wrong in wrongs:
        with pytest.raises(IdentityError):
            role_policy(FILE_SYSTEM, wrong)
