# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents that allow clients of EFS what they need and nothing else (private, pure; runs on the controller).

EFS heeds few condition keys for NFS clients: aws:SecureTransport, elasticfilesystem:AccessPointArn and
elasticfilesystem:AccessedViaMountTarget among them, aws:PrincipalArn not. So no exception is made here for somebody
by a condition on who they are: the creator comes through an access point like everybody else.
"""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

__all__ = ["FILE_SYSTEM_POLICY", "ROLE_POLICY", "file_system_policy", "role_policy"]

# characters: "EFS file system policies have a 20,000 character limit" (PutFileSystemPolicy); all inline policies of a
# role together 10,240, blanks not counted (IAM quotas)
FILE_SYSTEM_POLICY = 20000
ROLE_POLICY = 10240

_READ = "elasticfilesystem:ClientMount"
_WRITE = "elasticfilesystem:ClientWrite"
_ROOT = "elasticfilesystem:ClientRootAccess"
_VIA = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
_POINT = "elasticfilesystem:AccessPointArn"
_IN_NAMES = frozenset(string.ascii_letters + string.digits + "+=,.@_-/")


def file_system_policy(
    file_system: str,
    creator_role: str | None = None,
    creator_access_point: str | None = None,
    clients: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The policy of a file system: TLS alone, no way past the access points, root for the creator alone.

    :raises IdentityError: for what is no ARN, and for a policy that is larger than EFS takes.
    """
    arn, access_points = _file_system(file_system)
    if bool(creator_role) != bool(creator_access_point):
        raise IdentityError(
            "The role of the creator and its access point belong together, so that root comes in one way alone: give"
            " both creator_role and creator_access_point, or none of them."
        )
    statements = [
        _statement("DenyWithoutTls", "Deny", "*", ["*"], arn, {"Bool": {"aws:SecureTransport": "false"}}),
        _statement(
            "DenyWithoutAccessPoint",
            "Deny",
            "*",
            [_READ, _WRITE, _ROOT],
            arn,
            # a negated operator holds as well when the key is missing, as it is without an access point
            {"StringNotLike": {_POINT: f"{access_points}*"}},
        ),
    ]
    if creator_role and creator_access_point:
        role = _role(creator_role)
        point = _point(creator_access_point, access_points)
        only = {"StringNotEquals": {_POINT: point}}
        allowed = {"StringEquals": {_POINT: point}, **_VIA}
        statements += [
            _statement("DenyRootElsewhere", "Deny", "*", [_ROOT], arn, only),
            _statement("Creator", "Allow", role, [_READ, _WRITE, _ROOT], arn, allowed),
        ]
    else:
        statements.append(_statement("DenyRoot", "Deny", "*", [_ROOT], arn, {}))
    statements += [_client(number, one, arn, access_points) for number, one in enumerate(clients, start=1)]
    return _within(FILE_SYSTEM_POLICY, "file system policy", _document(statements))


def role_policy(file_system: str, access_points: Sequence[str], write: bool = True) -> dict[str, Any]:
    """The policy of a role whose machines mount these access points of the file system, and nothing else of it."""
    arn, prefix = _file_system(file_system)
    condition = {"StringEquals": {_POINT: _points(access_points, prefix)}, **_VIA}
    actions = [_READ, _WRITE] if write else [_READ]
    statement = {"Sid": "EfsAccessPoints", "Effect": "Allow", "Action": actions, "Resource": arn}
    return _within(ROLE_POLICY, "role policy", _document([{**statement, "Condition": condition}]))


def _client(number: int, one: Mapping[str, Any], arn: str, prefix: str) -> dict[str, Any]:
    if not isinstance(one, dict) or not {"role", "access_points"} <= one.keys() <= {"role", "access_points", "write"}:
        raise IdentityError(
            f"clients[{number - 1}] is not a mapping of role, access_points and write: write for example"
            " {role: arn:aws:iam::123456789012:role/lab, access_points: [arn:...], write: true}."
        )
    actions = [_READ, _WRITE] if one.get("write", True) is True else [_READ]
    condition = {"StringEquals": {_POINT: _points(one["access_points"], prefix)}, **_VIA}
    return _statement(f"Client{number}", "Allow", _role(one["role"]), actions, arn, condition)


def _statement(
    sid: str, effect: str, principal: str, actions: Sequence[str], resource: str, condition: Mapping[str, Any]
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": effect,
        "Principal": {"AWS": principal},
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resource,
    }
    return {**statement, "Condition": dict(condition)} if condition else statement


def _document(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements]}


def _within(limit: int, what: str, document: dict[str, Any]) -> dict[str, Any]:
    # as the filter to_json writes it, blanks between its parts included
    size = len(json.dumps(document))
    if size > limit:
        raise IdentityError(
            f"The {what} would have {size} characters, and AWS takes {limit}: put access points into policies of"
            " several roles, one for each kind of machine, and leave them out here."
        )
    return document


def _file_system(arn: str) -> tuple[str, str]:
    """The ARN of a file system, and how those of its access points begin."""
    head, _slash, name = _text(arn).partition(":file-system/")
    parts = head.split(":")
    if not (_is_efs(parts) and name.startswith("fs-") and name[3:].isalnum()):
        raise IdentityError(
            f"{quoted(arn)} is not the ARN of an EFS file system: write"
            " arn:aws:elasticfilesystem:REGION:ACCOUNT:file-system/fs-..."
        )
    return arn, f"{head}:access-point/"


def _is_efs(parts: Sequence[str]) -> bool:
    return (
        len(parts) == 5
        and parts[0] == "arn"
        and parts[1].startswith("aws")
        and parts[2] == "elasticfilesystem"
        and parts[3] != ""
        and len(parts[4]) == 12
        and parts[4].isdecimal()
        and all(_IN_NAMES.issuperset(part) for part in parts)
    )


def _points(arns: Any, prefix: str) -> str | list[str]:
    """One ARN, or several: no list at all would be a policy that allows nothing and looks as if it did."""
    if not isinstance(arns, (list, tuple)) or not arns:
        raise IdentityError(
            f"access_points is {quoted(arns)}, and a policy without access points would allow nothing: name their ARNs"
            " as a list."
        )
    points = sorted({_point(arn, prefix) for arn in arns})
    return points[0] if len(points) == 1 else points


def _point(arn: Any, prefix: str) -> str:
    text = _text(arn)
    number = text[len(prefix) + len("fsap-") :]
    # a star or a question mark in a condition would not be taken literally everywhere
    if not (text.startswith(f"{prefix}fsap-") and number.isascii() and number.isalnum()):
        raise IdentityError(
            f"{quoted(arn)} is not the ARN of an access point in the region and account of the file system: it begins"
            f" with {prefix}fsap-."
        )
    return text


def _role(arn: Any) -> str:
    head, _slash, name = _text(arn).partition(":role/")
    parts = head.split(":")
    is_iam = len(parts) == 5 and parts[0] == "arn" and parts[1].startswith("aws") and parts[2:4] == ["iam", ""]
    if not (is_iam and len(parts[4]) == 12 and parts[4].isdecimal() and name and _IN_NAMES.issuperset(name)):
        raise IdentityError(
            f"{quoted(arn)} is not the ARN of a role: write arn:aws:iam::ACCOUNT:role/NAME. Nobody else is ever allowed"
            " anything, neither everybody nor a whole account."
        )
    return str(arn)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value.isascii() else ""
