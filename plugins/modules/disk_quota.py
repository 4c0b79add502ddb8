#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_resource_limits/_quota_host.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_quota
short_description: Set the quotas of a file system, ext4 or XFS, for everybody at once
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Sets what users, groups or projects may have on one file system. C(repquota) is read once and C(setquota) is run
    once, however many people there are, and by number, so that a file server needs no accounts.
  - Refuses a file system that has no quotas on, that counts and does not enforce, or whose server keeps them, such as
    NFS and EFS. See M(labfleet.identity.disk_usage) for these.
options:
  path:
    description:
      - A mount point, or a directory on the file system.
    type: path
    required: true
  kind:
    description:
      - Whose files are counted.
      - V(project) counts what is below a directory, whoever owns it.
    type: str
    choices: [user, group, project]
    default: user
  quotas:
    description:
      - Who may have what.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user, the group or the project.
        type: str
        required: true
      id:
        description:
          - Its number, from the ledger. Required for projects, and for users and groups that the host does not know.
          - A host that knows the name by another number is refused.
        type: int
      hard:
        description:
          - No more than this is written. A size such as V(10G), or bytes; V(0) is unlimited.
          - Left out, it stays as it is, here and below. Sizes are rounded up to whole blocks of the file system.
        type: raw
      soft:
        description: More than this is written for the time of O(grace) only.
        type: raw
      files_hard:
        description: No more files and directories than this are made. V(0) is unlimited.
        type: int
      files_soft:
        description: More files than this are made for the time of O(grace) only.
        type: int
      directory:
        description:
          - Of a project, the directory that it counts. New files in it are counted by themselves. One that has files
            already is refused.
        type: path
  others:
    description:
      - V(lift) takes away the limits of whoever is not named in O(quotas).
    type: str
    choices: [keep, lift]
    default: keep
  grace:
    description:
      - For how long a soft limit may be passed, for everybody on the file system. Left out, it stays as it is.
    type: dict
    suboptions:
      blocks:
        description: Of sizes, such as V(12h) or V(7d). Whole minutes below two days, whole days from there on.
        type: str
      files:
        description: Of numbers of files.
        type: str
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or in C(check_mode) would change, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation indicates no change.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
requirements:
  - root on the host
  - the package quota (4.06 and 4.09 are tested)
seealso:
  - module: labfleet.identity.disk_usage
  - module: labfleet.identity.unit_limits
"""

EXAMPLES = r"""
- name: Ten gigabytes for alice, by her number in the ledger
  labfleet.identity.disk_quota:
    path: /srv/home
    quotas:
      - name: alice
        id: 5238
        soft: 9G
        hard: 10G
        files_hard: 1000000
    grace:
      blocks: 7d

- name: What a project may have together
  labfleet.identity.disk_quota:
    path: /srv/shared
    kind: project
    quotas:
      - name: imaging
        id: 4063
        hard: 1T
        directory: /srv/shared/imaging
"""

RETURN = r"""
mount_point:
  description: Where the file system is mounted.
  type: str
  returned: success
  sample: /srv/home
file_system:
  description: Its kind.
  type: str
  returned: success
  sample: xfs
quotas:
  description:
    - Who may have what after the run, or will, in the order of O(quotas). Sizes are in bytes, V(0) is unlimited.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: As it was given.
      type: str
    id:
      description: The number.
      type: int
    soft:
      description: Soft limit of size.
      type: int
    hard:
      description: Hard limit of size.
      type: int
    files_soft:
      description: Soft limit of files.
      type: int
    files_hard:
      description: Hard limit of files.
      type: int
    used:
      description: What is there, in bytes.
      type: int
    files:
      description: How many files are there.
      type: int
    changed:
      description: Whether a limit changes.
      type: bool
  sample:
    - {name: alice, id: 5238, soft: 9663676416, hard: 10737418240, files_soft: 0, files_hard: 1000000, used: 4096,
       files: 2, changed: true}
lifted:
  description: Numbers whose limits were taken away, or will be, with O(others=lift).
  type: list
  elements: int
  returned: success
  sample: [5999]
"""

import grp
import os
import pwd
from dataclasses import replace

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._quota_host import (
    Tools,
    find_file_system,
    quota_flags,
    set_quotas,
)

_PROGRAM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def _number(kind: str, name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        return None


def main() -> None:
    size = {"type": "raw"}
    module = QuietModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "kind": {"type": "str", "choices": ["user", "group", "project"], "default": "user"},
            "quotas": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "id": {"type": "int"},
                    "hard": size,
                    "soft": size,
                    "files_hard": {"type": "int"},
                    "files_soft": {"type": "int"},
                    "directory": {"type": "path"},
                },
            },
            "others": {"type": "str", "choices": ["keep", "lift"], "default": "keep"},
            "grace": {"type": "dict", "options": {"blocks": {"type": "str"}, "files": {"type": "str"}}},
        },
        supports_check_mode=True,
    )
    params = module.params
    tools = Tools(
        run=lambda command, data: module.run_command(command, data=data, environ_update={"LC_ALL": "C"}),
        find=lambda name: module.get_bin_path(name, opt_dirs=_PROGRAM_DIRECTORIES) or "",
        flags=quota_flags,
        number_of=lambda name: _number(params["kind"], name),
    )
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            system = find_file_system(params["path"], file.read())
        if os.stat(params["path"]).st_dev != os.stat(system.point).st_dev:
            raise IdentityError("%s leads to another file system by a link: name where it leads" % params["path"])
        system = replace(system, block=max(os.statvfs(system.point).f_frsize // 1024, 1))
        result = set_quotas(params, module.check_mode, tools, system)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again to complete it" % error)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
