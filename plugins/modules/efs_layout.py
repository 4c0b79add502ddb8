#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a shared file system is mounted, then make or check the homes on it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_layout
short_description: Prove that a shared file system is mounted, then make or check the homes on it
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Proves that the expected file system, such as Amazon EFS, is mounted where it should be, by its type, its source and
    a marker file in its root. Nothing is touched before that.
  - Then one host makes C(home/NAME), owned by its user, and C(shared/GROUP), owned by root and the group, and all
    others only check.
  - Only single directories are ever given an owner or a mode. Nothing is changed recursively, and nothing is removed.
  - A file server that does not answer makes it fail within O(timeout) seconds. It never hangs.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode), one line a directory.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  mount_point:
    description: Where the file system is mounted. An automount is triggered.
    type: path
    default: /efs
  file_system_id:
    description:
      - What the file system calls itself in O(marker), such as V(fs-0123456789abcdef0).
    type: str
    required: true
  sources:
    description:
      - From where it may be mounted, as the mount shows it, such as
        V(fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/). Empty for any.
      - With TLS C(amazon-efs-utils) mounts V(127.0.0.1:/), and only O(marker) tells file systems apart.
    type: list
    elements: str
    default: []
  file_system_types:
    description: The types of a mount that count.
    type: list
    elements: str
    default: [nfs4]
  marker:
    description:
      - Name of the file in the root of the file system that says which one it is.
      - With O(create=true) it is written to a file system that has no files yet.
    type: str
    default: .labfleet-efs
  adopt:
    description: Whether O(marker) may be written to a file system that has files and no marker.
    type: bool
    default: false
  create:
    description:
      - Whether this host makes what is missing and sets modes. Exactly one host of those that have the file system
        should.
      - With V(false) it tells what is missing as a warning and in RV(missing).
    type: bool
    default: false
  home_base:
    description: Name of the directory of the homes, in the root of the file system.
    type: str
    default: home
  shared_base:
    description: Name of the directory of the shared directories.
    type: str
    default: shared
  base_mode:
    description:
      - Mode of these two directories, which belong to root. Without the sticky bit nobody else may write there.
      - Where the file server keeps root out, each user makes their own home. They have to be V(1777) there, and
        whoever lets root in makes them so.
    type: str
    default: "0755"
  users:
    description:
      - The people, as the filter P(labfleet.identity.network_homes#filter) gives them.
      - Who has a home on another file system is left out.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Login name.
        type: str
        required: true
      uid:
        description: Number of the user. The account need not be on this host.
        type: int
        required: true
      gid:
        description: Number of the primary group. The default is the same as O(users[].uid).
        type: int
      home:
        description: The home. The default is O(users[].name) in O(home_base).
        type: str
      home_mode:
        description: Mode of this home, in place of O(home_mode).
        type: str
      skel:
        description: Directory that this home is copied from, in place of O(skel).
        type: path
      groups:
        description: Names of the shared groups that the user is in.
        type: list
        elements: str
  shared_directories:
    description:
      - Directories that a group shares. Each is the name of a group, or a mapping with C(group) and some of C(name) (of
        the directory, the default is that of the group), C(gid) (if the host does not know the group) and C(mode).
    type: list
    elements: raw
    default: []
  home_mode:
    description: Mode of all homes. Empty for V(0700) for new ones, and existing ones are left to their owners.
    type: str
    default: "0700"
  shared_mode:
    description: Mode of the shared directories. The first digit lets what is made in them belong to the group.
    type: str
    default: "2770"
  skel:
    description: Directory whose content new homes get.
    type: path
    default: /etc/skel
  timeout:
    description: How long the file server may take for one answer, in seconds.
    type: int
    default: 15
notes:
  - Runs as root. Where the file server keeps root out, what belongs to a user is done as the user.
  - NFS carries 16 groups of a user in each request and drops the others silently. Somebody who has more, by all groups
    of the host, is refused.
  - A home that belongs to somebody else, or is a link, fails the run when all others are done. It is never given away.
  - Warns of a mount from another machine without C(nosuid) and C(nodev).
seealso:
  - module: labfleet.identity.efs_mount_point
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Make the homes of everybody, on the host that does this
  labfleet.identity.efs_layout:
    file_system_id: fs-0123456789abcdef0
    sources: ["fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/"]
    create: "{{ inventory_hostname == groups['all'] | first }}"
    users:
      - {name: alice, uid: 5238, groups: [imaging]}
      - {name: bob, uid: 5831}
    shared_directories: [imaging]
"""

RETURN = r"""
proved:
  description: What is mounted.
  returned: success
  type: dict
  contains:
    mount_point:
      description: Where.
      type: str
    file_system_id:
      description: What it is.
      type: str
    type:
      description: Type of the file system.
      type: str
    source:
      description: From where.
      type: str
    root_is_let_in:
      description: Whether the file server lets root of this host write.
      type: bool
  sample:
    mount_point: /efs
    file_system_id: fs-0123456789abcdef0
    type: nfs4
    source: fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/
    root_is_let_in: true
made:
  description: What was made, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/efs/home/alice]
modified:
  description: What got another mode or group, by path.
  returned: success
  type: dict
  sample: {/efs/shared/imaging: "root:research 2750 -> root:imaging 2770"}
missing:
  description: With O(create=false), what is missing or has another mode or group.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._storage._layout_run import lay_out


def main() -> None:
    """Read the arguments, act, answer."""
    user = {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "gid": {"type": "int"},
        "home": {"type": "str"},
        "home_mode": {"type": "str"},
        "skel": {"type": "path"},
        "groups": {"type": "list", "elements": "str"},
    }
    module = QuietModule(
        argument_spec={
            "mount_point": {"type": "path", "default": "/efs"},
            "file_system_id": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "str", "default": []},
            "file_system_types": {"type": "list", "elements": "str", "default": ["nfs4"]},
            "marker": {"type": "str", "default": ".labfleet-efs"},
            "adopt": {"type": "bool", "default": False},
            "create": {"type": "bool", "default": False},
            "home_base": {"type": "str", "default": "home"},
            "shared_base": {"type": "str", "default": "shared"},
            "base_mode": {"type": "str", "default": "0755"},
            "users": {"type": "list", "elements": "dict", "options": user, "default": []},
            "shared_directories": {"type": "list", "elements": "raw", "default": []},
            "home_mode": {"type": "str", "default": "0700"},
            "shared_mode": {"type": "str", "default": "2770"},
            "skel": {"type": "path", "default": "/etc/skel"},
            "timeout": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    try:
        result = lay_out(module.params, module.check_mode)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again to complete it" % error)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
