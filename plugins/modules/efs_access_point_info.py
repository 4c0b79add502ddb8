#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List access points of an EFS file system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_access_point_info
short_description: List access points of an EFS file system
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Lists the access points of a file system, all pages of them, with POSIX user, root directory and tags.
  - It changes nothing.
requirements:
  - boto3 and botocore >= 1.35.0
  - the collection amazon.aws
notes:
  - Runs where the task runs, usually with C(connection=local) or C(delegate_to=localhost).
  - Credentials are those that boto3 finds there (C(AWS_PROFILE), C(AWS_ACCESS_KEY_ID), C(~/.aws), a role).
  - 'Permission: C(elasticfilesystem:DescribeAccessPoints).'
attributes:
  check_mode:
    description: Only reads, so a check-mode run does the same.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: N/A
  idempotent:
    description: Changes nothing.
    support: full
  platform:
    description: Nothing happens on a managed host.
    platforms: posix
    support: full
options:
  file_system_id:
    description: The id of the file system, or its ARN.
    type: str
    required: true
  name:
    description: Only those with this tag C(Name).
    type: str
  access_point_id:
    description: Only the one with this id or ARN.
    type: str
  path:
    description: Only those with this root directory.
    type: str
  uid:
    description: Only those that enforce this UID.
    type: int
  tags:
    description: Only those that have all of these tags.
    type: dict
    default: {}
  region:
    description: The region. When it is not given, the one that boto3 finds (C(AWS_REGION), C(AWS_DEFAULT_REGION)).
    type: str
  profile:
    description: The name of a profile in C(~/.aws). When it is not given, what boto3 finds.
    type: str
  endpoint_url:
    description: A server to talk to instead of AWS. When it is not given, what boto3 finds (C(AWS_ENDPOINT_URL)).
    type: str
seealso:
  - module: labfleet.identity.efs_access_point
"""

EXAMPLES = r"""
- name: See who can act as alice
  labfleet.identity.efs_access_point_info:
    file_system_id: fs-0123456789abcdef0
    uid: 5238
  delegate_to: localhost
  register: hers
"""

RETURN = r"""
access_points:
  description: The access points, as RV(labfleet.identity.efs_access_point#module:access_points) has them, by name.
  returned: success
  type: list
  elements: dict
  sample:
    - name: home-alice
      access_point_id: fsap-0123456789abcdef0
      life_cycle_state: available
      posix_user: {uid: 5238, gid: 5238, secondary_gids: []}
      root_directory: {path: /home/alice}
count:
  description: How many access points the file system has in all.
  returned: success
  type: int
  sample: 212
"""

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._aws_module import aws_module, sender_to
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_limits import (
    check_access_point_id,
    check_file_system_id,
)
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import Efs
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_run import shown
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from typing import Any

ARGUMENTS: dict[str, Any] = {
    "file_system_id": {"type": "str", "required": True},
    "name": {"type": "str"},
    "access_point_id": {"type": "str"},
    "path": {"type": "str"},
    "uid": {"type": "int"},
    "tags": {"type": "dict", "default": {}},
}


def main() -> None:
    """The module as Ansible starts it."""
    module = aws_module(ARGUMENTS, supports_check_mode=True)
    try:
        answer = perform(module)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **answer)


def perform(module: Any) -> dict[str, Any]:
    """Ask, and choose."""
    options = module.params
    file_system_id = check_file_system_id(options["file_system_id"])
    wanted: dict[str, Any] = {key: options[key] for key in ("name", "path", "uid") if options[key] is not None}
    if options["access_point_id"]:
        wanted["id"] = check_access_point_id(options["access_point_id"])
    tags = {str(key): str(value) for key, value in options["tags"].items()}
    send = sender_to(module, "efs", f"The access points of {file_system_id} could not be listed")
    points = Efs(send, file_system_id).points()
    chosen = []
    for point in points:
        uid = point.posix.uid if point.posix else None
        facts = {"name": point.name, "path": point.path, "uid": uid, "id": point.access_point_id}
        if wanted.items() <= facts.items() and tags.items() <= point.tags.items():
            chosen.append(point)
    chosen.sort(key=lambda point: (point.name, point.access_point_id))
    return {"access_points": [shown(point, file_system_id) for point in chosen], "count": len(points)}


if __name__ == "__main__":
    main()
