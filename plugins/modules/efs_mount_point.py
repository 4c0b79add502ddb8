#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a mount point to everybody while nothing is mounted there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: efs_mount_point
short_description: Close a mount point to everybody while nothing is mounted there
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Makes the directory at which a file system will be mounted, with the mode C(0000) and, where the local file system
    can, immutable, so that nobody, root included, makes homes on the local disk while a file server is down.
  - A directory at which something is mounted, or an automount waits, is not touched.
  - Tells what the host can mount, for the role C(efs).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode), one line an action.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  path:
    description: The directory. The one above it has to be changeable by root only.
    type: path
    required: true
  state:
    description:
      - V(present) makes it and closes it. One that has files in it is refused, for a mount would hide them.
      - V(absent) removes one that this module closed, if nothing is mounted there. Others stay.
    type: str
    choices: [present, absent]
    default: present
notes:
  - Runs as root.
seealso:
  - module: labfleet.identity.efs_layout
"""

EXAMPLES = r"""
- name: Nobody writes where the file system is not mounted yet
  labfleet.identity.efs_mount_point:
    path: /efs
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: str
  sample: [made, closed]
mounted:
  description: Whether something is mounted there.
  returned: success
  type: bool
automounted:
  description: Whether an automount waits there.
  returned: success
  type: bool
can_automount:
  description: Whether the kernel of this host has automounts. A container may have none.
  returned: success
  type: bool
helpers:
  description: Which of C(mount.nfs4) and C(mount.efs) the host has.
  returned: success
  type: list
  elements: str
  sample: [nfs4]
unit:
  description: What systemd calls the units of the mount point, without C(.mount) and C(.automount).
  returned: success
  type: str
  sample: efs
nfs_package:
  description: The package that brings C(mount.nfs4) to this host.
  returned: success
  type: str
  sample: nfs-common
immutable:
  description: Whether the bare directory is immutable. Null where that cannot be, or where something is mounted.
  returned: success
  type: bool
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._storage._mount_point import guard_mount_point


def main() -> None:
    """Read the arguments, act, answer."""
    module = QuietModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    try:
        result = guard_mount_point(path, module.params["state"] == "present", module.check_mode)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="%s cannot be made ready (%s): mend the cause and run again" % (path, error))
    told = "".join("%s: %s\n" % (path, action) for action in result["actions"])
    module.exit_json(diff={"before": "", "after": told}, **result)


if __name__ == "__main__":
    main()
