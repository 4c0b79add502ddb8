#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, tag and remove access points of an EFS file system."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_access_point
short_description: Make, tag and remove access points of an EFS file system
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Makes one access point, or all in O(access_points), with an enforced POSIX user, a root directory and tags.
  - All of them are checked before anything is changed. What EFS would refuse is refused with the reason, so are numbers
    that no research user has.
  - EFS never changes the POSIX user and the root directory of an access point. When the one that is there differs from
    what is asked for, the module fails and changes nothing. It never replaces one, for that would cut its clients off.
  - An access point is known by its client token, which is made of the file system and the name. Runs at the same time
    make one access point. If none has the token, the one with the tag C(Name) is meant.
  - Options that are not given are not compared.
  - Removing an access point removes no files. AWS says in one place that clients which have it mounted go on until they
    disconnect, and in another that they lose access.
requirements:
  - boto3 and botocore >= 1.35.0
  - the collection amazon.aws
notes:
  - Runs where the task runs, usually with C(connection=local) or C(delegate_to=localhost).
  - Credentials are those that boto3 finds there (C(AWS_PROFILE), C(AWS_ACCESS_KEY_ID), C(~/.aws), a role).
  - 'Permissions: C(elasticfilesystem:DescribeAccessPoints), C(CreateAccessPoint), C(TagResource), C(UntagResource),
    C(DeleteAccessPoint).'
  - 'Limits that are checked: 10,000 access points a file system
    (U(https://docs.aws.amazon.com/efs/latest/ug/create-access-point.html), can be raised); a root directory of 100
    characters and 4 directories (U(https://docs.aws.amazon.com/efs/latest/ug/API_RootDirectory.html)); 16 secondary
    gids (U(https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html)); a client token of 64 characters
    (U(https://docs.aws.amazon.com/efs/latest/ug/API_CreateAccessPoint.html)); 50 tags
    (U(https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html)).'
attributes:
  check_mode:
    description: Says what would be made, tagged or removed, and changes nothing.
    support: full
  diff_mode:
    description: Shows each access point that changes, before and after.
    support: full
  idempotent:
    description: A second run finds the access points as they should be and changes nothing.
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
  state:
    description: Whether the access points are there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: What the access point is called. It is kept in the tag C(Name), and is unique in the file system.
    type: str
  client_token:
    description:
      - What makes it the same access point in every run, 1 to 64 characters.
      - When it is not given, it is made of the file system and the O(name).
    type: str
  access_point_id:
    description: The id or ARN of an access point that is there already. It is never made.
    type: str
  posix_user:
    description: As whom EFS does everything that comes through the access point, whoever the client says it is.
    type: dict
    suboptions:
      uid:
        description: The UID.
        type: int
        required: true
      gid:
        description: The GID.
        type: int
        required: true
      secondary_gids:
        description:
          - Further groups, at most 16.
          - They never change either. Somebody who joins a group later needs a new access point.
        type: list
        elements: int
        default: []
  root_directory:
    description: The directory of the file system that clients get to see as its root.
    type: dict
    suboptions:
      path:
        description: The path, at most 100 characters and 4 directories. V(/) is the whole file system.
        type: str
        required: true
      creation_info:
        description:
          - With which owner and permissions EFS makes the directory, if it is missing when a client first mounts.
          - Without it a directory that is missing makes the mount fail.
        type: dict
        suboptions:
          owner_uid:
            description: The owner. V(0) is allowed here, since it gives nobody anything.
            type: int
            required: true
          owner_gid:
            description: The group.
            type: int
            required: true
          permissions:
            description: Three or four octal digits in quotes, such as V('0700') or V('2770').
            type: raw
            required: true
  tags:
    description: Tags. When they are not given, those that are there stay.
    type: dict
  purge_tags:
    description: Whether tags that O(tags) does not name are taken away. C(Name) and those of AWS itself stay.
    type: bool
    default: true
  access_points:
    description:
      - Several access points, each with the options of the same names, looked up and planned together.
      - Instead of O(name), O(client_token), O(access_point_id), O(posix_user), O(root_directory) and O(tags).
    type: list
    elements: dict
    suboptions:
      name:
        description: As O(name).
        type: str
      client_token:
        description: As O(client_token).
        type: str
      access_point_id:
        description: As O(access_point_id).
        type: str
      posix_user:
        description: As O(posix_user).
        type: dict
        suboptions:
          uid:
            description: The UID.
            type: int
            required: true
          gid:
            description: The GID.
            type: int
            required: true
          secondary_gids:
            description: Further groups.
            type: list
            elements: int
            default: []
      root_directory:
        description: As O(root_directory).
        type: dict
        suboptions:
          path:
            description: The path.
            type: str
            required: true
          creation_info:
            description: Owner and permissions of a directory that EFS makes.
            type: dict
            suboptions:
              owner_uid:
                description: The owner.
                type: int
                required: true
              owner_gid:
                description: The group.
                type: int
                required: true
              permissions:
                description: Three or four octal digits in quotes.
                type: raw
                required: true
      tags:
        description: As O(tags).
        type: dict
  band:
    description:
      - The numbers of research users, such as V(5000-5999) or V(wide). UIDs and GIDs of O(posix_user) must be in it.
      - The C(profile.uid_band) of M(labfleet.identity.uid_allocation) is what belongs here.
    type: str
    default: 5000-5999
  guest_bands:
    description: Further bands in which people may have their numbers, those of other profiles whose people are guests.
    type: list
    elements: str
    default: []
  group_band:
    description: The numbers of shared groups.
    type: str
    default: 4000-4999
  allow_outside_band:
    description: Whether numbers outside the bands are accepted, other than root's.
    type: bool
    default: false
  allow_root:
    description: Whether O(posix_user) may be UID or GID 0. Whoever mounts that access point is root on its files.
    type: bool
    default: false
  quota:
    description: How many access points the file system may have. Say so if AWS raised it.
    type: int
    default: 10000
  wait:
    description: Whether to wait until new access points can be used, and those removed are gone.
    type: bool
    default: true
  wait_timeout:
    description: How many seconds to wait at most.
    type: int
    default: 120
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
  - module: labfleet.identity.efs_access_point_info
  - plugin: labfleet.identity.efs_policy
    plugin_type: filter
  - module: community.aws.efs
"""

EXAMPLES = r"""
- name: Let alice have her home on a machine whose root is not trusted
  labfleet.identity.efs_access_point:
    file_system_id: fs-0123456789abcdef0
    name: home-alice
    posix_user: {uid: 5238, gid: 5238}
    root_directory:
      path: /home/alice
      creation_info: {owner_uid: 5238, owner_gid: 5238, permissions: "0700"}
    tags: {owner: research-computing}
  delegate_to: localhost

- name: Have the access points of a lab, planned together
  labfleet.identity.efs_access_point:
    file_system_id: fs-0123456789abcdef0
    access_points:
      - name: machines
        root_directory: {path: /}
      - name: project-genomics
        root_directory:
          path: /shared/genomics
          creation_info: {owner_uid: 0, owner_gid: 4265, permissions: "2770"}
  delegate_to: localhost

- name: Remove one, and no file
  labfleet.identity.efs_access_point:
    file_system_id: fs-0123456789abcdef0
    name: home-alice
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
access_points:
  description:
    - The access points as they are now, or would be in check mode, in the order in which they were asked for.
    - Empty with O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The tag C(Name).
      type: str
    access_point_id:
      description: The id. Empty in check mode for one that is not there yet.
      type: str
    access_point_arn:
      description: The ARN. Empty in check mode for one that is not there yet.
      type: str
    client_token:
      description: The client token with which it was made.
      type: str
    file_system_id:
      description: The id of the file system.
      type: str
    life_cycle_state:
      description: V(creating), V(available), V(updating) or V(error).
      type: str
    owner_id:
      description: The AWS account. Empty in check mode for one that is not there yet.
      type: str
    posix_user:
      description: C(uid), C(gid) and C(secondary_gids).
      returned: when one is enforced
      type: dict
    root_directory:
      description: C(path), and C(creation_info) if it has one.
      type: dict
    tags:
      description: All tags.
      type: dict
  sample:
    - name: home-alice
      access_point_id: fsap-0123456789abcdef0
      access_point_arn: arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-0123456789abcdef0
      client_token: labfleet-3f5b0c7d9a1e2f4a6b8c0d1e2f3a4b5c6d7e8f90
      file_system_id: fs-0123456789abcdef0
      life_cycle_state: available
      owner_id: "123456789012"
      posix_user: {uid: 5238, gid: 5238, secondary_gids: []}
      root_directory: {path: /home/alice}
      tags: {Name: home-alice}
access_point:
  description: The only one of RV(access_points).
  returned: when one is asked for, and is there or would be
  type: dict
  sample: {name: home-alice, access_point_id: fsap-0123456789abcdef0}
done:
  description: What was sent, a sentence each. Empty in check mode. Also returned when the module fails half way.
  returned: always
  type: list
  elements: str
  sample: ["made 'home-alice'"]
"""

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._aws._aws_module import (
    aws_module,
    compare_tags,
    sender_to,
)
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_limits import check_file_system_id
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Numbers, read_wanted
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import Efs
from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_run import (
    Orders,
    remove,
    shown,
    shown_plan,
    take_care,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_points import Wanted

POINT: dict[str, Any] = {
    "name": {"type": "str"},
    # not a secret: it only makes a request the same one when it is sent again
    "client_token": {"type": "str", "no_log": False},
    "access_point_id": {"type": "str"},
    "posix_user": {
        "type": "dict",
        "options": {
            "uid": {"type": "int", "required": True},
            "gid": {"type": "int", "required": True},
            "secondary_gids": {"type": "list", "elements": "int", "default": []},
        },
    },
    "root_directory": {
        "type": "dict",
        "options": {
            "path": {"type": "str", "required": True},
            "creation_info": {
                "type": "dict",
                "options": {
                    "owner_uid": {"type": "int", "required": True},
                    "owner_gid": {"type": "int", "required": True},
                    "permissions": {"type": "raw", "required": True},
                },
            },
        },
    },
    "tags": {"type": "dict"},
}
ARGUMENTS: dict[str, Any] = {
    "file_system_id": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **POINT,
    "purge_tags": {"type": "bool", "default": True},
    "access_points": {"type": "list", "elements": "dict", "options": POINT},
    "band": {"type": "str", "default": "5000-5999"},
    "guest_bands": {"type": "list", "elements": "str", "default": []},
    "group_band": {"type": "str", "default": "4000-4999"},
    "allow_outside_band": {"type": "bool", "default": False},
    "allow_root": {"type": "bool", "default": False},
    "quota": {"type": "int", "default": 10000},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
}


def main() -> None:
    """The module as Ansible starts it."""
    module = aws_module(
        ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[["access_points", option] for option in POINT],
        required_one_of=[["name", "client_token", "access_point_id", "access_points"]],
    )
    done: list[str] = []
    try:
        answer = perform(module, done)
    except IdentityError as error:
        module.fail_json(msg=str(error), done=done)
    module.exit_json(done=done, **answer)


def perform(module: Any, done: list[str]) -> dict[str, Any]:
    """Do it, or only say what would be done; what was sent is added to C(done)."""
    options = module.params
    file_system_id = check_file_system_id(options["file_system_id"])
    wanted = _wanted(file_system_id, options)
    if options["quota"] < 1 or options["wait_timeout"] < 1:
        raise IdentityError("quota and wait_timeout are numbers from 1 on: correct them, or leave them out.")
    send = sender_to(module, "efs", f"The access points of {file_system_id} could not be managed")
    efs = Efs(send, file_system_id)
    efs.done = done
    orders = Orders(
        check_mode=module.check_mode,
        wait_seconds=options["wait_timeout"] if options["wait"] else 0,
        purge_tags=options["purge_tags"],
        quota=options["quota"],
        compare_tags=compare_tags,
    )
    act = take_care if options["state"] == "present" else remove
    outcome = act(efs, wanted, orders)
    for warning in outcome.plan.warnings:
        module.warn(warning)
    before, after = shown_plan(outcome.plan)
    points = [shown(point, file_system_id) for point in outcome.points]
    only = {"access_point": points[0]} if len(points) == 1 else {}
    header = f"access points of {quoted(file_system_id)}"
    return {
        "changed": outcome.changed,
        "access_points": points,
        "diff": {"before_header": header, "after_header": header, "before": before, "after": after},
        **only,
    }


def _wanted(file_system_id: str, options: Mapping[str, Any]) -> list[Wanted]:
    numbers = Numbers(
        bands=[parse_band(text) for text in (options["band"], *options["guest_bands"])],
        group_band=parse_band(options["group_band"]),
        root=options["allow_root"],
        any_number=options["allow_outside_band"],
    )
    asked = [options] if options["access_points"] is None else options["access_points"]
    return [read_wanted(file_system_id, one, numbers) for one in asked]


if __name__ == "__main__":
    main()
