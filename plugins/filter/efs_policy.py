# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: efs_policy
short_description: Make a policy that allows clients of EFS what they need, and nothing else
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Without O(access_points), the policy of a file system. It refuses every client without TLS, every client without an
    access point, and root everywhere but through O(creator_access_point). Nobody else is allowed anything by it, except
    for O(clients).
  - With O(access_points), the policy of a role. It allows to mount these access points, and O(write) to them.
  - A client needs an allowance in one of the two. Put those for access points into the policies of roles, since a
    file system has one policy, and it ends at 20,000 characters
    (U(https://docs.aws.amazon.com/efs/latest/ug/API_PutFileSystemPolicy.html)). The inline policies of a role end at
    10,240 (U(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)). A policy that is larger is
    refused.
  - Without any policy EFS lets everybody in who reaches a mount target, as whoever they say they are.
  - Clients that heed IAM mount with the EFS mount helper and C(tls,iam,accesspoint=...).
positional: _input
options:
  _input:
    description: The ARN of the file system.
    type: str
    required: true
  creator_role:
    description: The ARN of the role of the one host that creates homes and shared directories. It alone may be root.
    type: str
  creator_access_point:
    description: The ARN of the access point through which it does. Usually one for V(/) without a POSIX user.
    type: str
  clients:
    description: Roles that the policy of the file system allows in, each with C(role), C(access_points) and C(write).
    type: list
    elements: dict
    default: []
  access_points:
    description: ARNs of access points. With them, the policy is one for a role.
    type: list
    elements: str
  write:
    description: Whether the role may write. Only with O(access_points).
    type: bool
    default: true
seealso:
  - module: labfleet.identity.efs_access_point
"""

EXAMPLES = r"""
- name: See the policy of the file system
  ansible.builtin.debug:
    msg: >-
      {{ 'arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0123456789abcdef0'
         | labfleet.identity.efs_policy(
             creator_role='arn:aws:iam::123456789012:role/efs-creator',
             creator_access_point=machines.access_point.access_point_arn) }}

- name: Let a machine mount the home of alice and nothing else
  amazon.aws.iam_policy:
    iam_type: role
    iam_name: workstation-of-alice
    policy_name: efs-home-alice
    policy_json: >-
      {{ file_system_arn | labfleet.identity.efs_policy(access_points=[home.access_point.access_point_arn]) }}
    state: present
"""

RETURN = r"""
_value:
  description: The policy document, to be written as JSON.
  type: dict
  sample:
    Version: "2012-10-17"
    Statement:
      - Sid: EfsAccessPoints
        Effect: Allow
        Action: [elasticfilesystem:ClientMount, elasticfilesystem:ClientWrite]
        Resource: arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-0123456789abcdef0
        Condition:
          StringEquals:
            elasticfilesystem:AccessPointArn: >-
              arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0123456789abcdef0
          Bool:
            elasticfilesystem:AccessedViaMountTarget: "true"
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_policy import (
    file_system_policy,
    role_policy,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _efs_policy(
    file_system: Any,
    creator_role: Any = None,
    creator_access_point: Any = None,
    clients: Any = (),
    access_points: Any = None,
    write: Any = True,
) -> dict[str, Any]:
    arn, role, point, others, points = map(
        plain, (file_system, creator_role, creator_access_point, clients, access_points)
    )
    try:
        if not isinstance(write, bool):
            # the text 'false', as the command line has it, would let them write
            raise IdentityError(f"write is {quoted(plain(write))}, neither true nor false: give it the filter bool.")
        if not isinstance(others, (list, tuple)):
            raise IdentityError(f"clients is {quoted(others)}, not a list: write one, even if it has one entry.")
        if points is None:
            return file_system_policy(arn, role, point, others)
        if role or point or others:
            raise IdentityError(
                "access_points is for the policy of a role; creator_role, creator_access_point and clients are for that"
                " of the file system: make two policies."
            )
        return role_policy(arn, points, write)
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"efs_policy": _efs_policy}
