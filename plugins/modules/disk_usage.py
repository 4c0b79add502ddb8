#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_resource_limits/_disk_usage.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_usage
short_description: Tell who uses how much of a file system that has no quotas
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Walks directories such as those of the homes once, and counts what C(du) counts, by directory and by owner. EFS and
    other file systems of a server have no quotas, so this tells who has more than they should.
  - No link is followed, and nothing that is mounted below is entered. A file with several names counts once, for its
    owner, wherever it lies.
  - It goes on for O(seconds) at most and as fast as O(rate) allows, with the least priority. One host does it for all
    that have the file system.
options:
  paths:
    description:
      - The directories whose directories are measured, such as V(/efs/home). Only root may be able to change them.
    type: list
    elements: path
    required: true
  soft_limit:
    description:
      - What nobody should have more than, in all O(paths) together. A size such as V(50G), or bytes; V(0) is unlimited.
        It is not asked of root.
    type: raw
  soft_limits:
    description:
      - The same of some, by username or by number. It comes before O(soft_limit).
    type: dict
    default: {}
  seconds:
    description:
      - After this time the walk ends, and what was not seen is told. V(0) is without an end.
    type: int
    default: 3600
  rate:
    description:
      - How many files are looked at in a second at most. V(0) is as fast as it goes.
    type: int
    default: 0
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - It changes nothing.
  diff_mode:
    description: Will return details on what has changed, or in C(check_mode) would change, when in diff mode.
    support: none
    details:
      - It changes nothing.
  idempotent:
    description: When run twice in a row with the same arguments, the second invocation indicates no change.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
requirements:
  - root on the host; on a file server that keeps root out of homes, one where root is let in
seealso:
  - module: labfleet.identity.disk_quota
"""

EXAMPLES = r"""
- name: See who has how much on EFS
  labfleet.identity.disk_usage:
    paths: [/efs/home, /efs/shared]
    soft_limit: 50G
    soft_limits:
      alice: 200G
    rate: 5000
  register: usage
  run_once: true

- name: Show it
  ansible.builtin.debug:
    var: usage.table
"""

RETURN = r"""
owners:
  description: Everybody who owns something there, who has most first.
  type: list
  elements: dict
  returned: success
  contains:
    uid:
      description: The number.
      type: int
    name:
      description: The name that the host knows the number by; empty for none.
      type: str
    bytes:
      description: What the files take on the disk.
      type: int
    files:
      description: How many files and directories there are.
      type: int
    soft_limit:
      description: What they should not have more than; V(0) is unlimited.
      type: int
    exceeded:
      description: Whether they have more.
      type: bool
  sample:
    - {uid: 5238, name: alice, bytes: 1073741824, files: 4096, soft_limit: 0, exceeded: false}
directories:
  description: The directories in O(paths), by name.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: Where it is.
      type: str
    uid:
      description: Whose it is; V(-1) when it could not be opened.
      type: int
    bytes:
      description: What everything in it takes, whoever owns it.
      type: int
    files:
      description: How many files and directories there are in it, itself included.
      type: int
    complete:
      description: Whether all of it was seen.
      type: bool
    problem:
      description: Why not.
      type: str
  sample:
    - {path: /efs/home/alice, uid: 5238, bytes: 1073741824, files: 4096, complete: true, problem: ""}
exceeded:
  description: Who has more than the soft limit, by name, or by number where there is no name.
  type: list
  elements: str
  returned: success
  sample: [alice]
complete:
  description: Whether everything was seen. Where it is V(false), people have at least what is told.
  type: bool
  returned: success
  sample: true
table:
  description: The same as lines for a terminal, of printable ASCII.
  type: list
  elements: str
  returned: success
  sample:
    - who                         uid      used      files soft limit
    - alice                      5238      1.0G       4096          -
"""

import contextlib
import os
import pwd

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._disk_usage import (
    Pace,
    measure,
    parse_soft_limits,
    report,
)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return ""


def main() -> None:
    module = QuietModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "required": True},
            "soft_limit": {"type": "raw"},
            "soft_limits": {"type": "dict", "default": {}},
            "seconds": {"type": "int", "default": 3600},
            "rate": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    params = module.params
    ionice = module.get_bin_path("ionice")
    with contextlib.suppress(OSError):
        os.nice(19)
    if ionice:
        module.run_command([ionice, "--class", "idle", "--pid", str(os.getpid())])
    try:
        soft = parse_soft_limits(params["soft_limit"], params["soft_limits"])
        if params["seconds"] < 0 or params["rate"] < 0:
            raise IdentityError("seconds and rate are not negative: 0 means without an end, and as fast as it goes")
        homes, owners = measure(params["paths"], Pace(params["seconds"], params["rate"]))
    except IdentityError as error:
        module.fail_json(msg=str(error))
    result = report(homes, owners, soft, _name_of)
    if result["exceeded"]:
        module.warn("over the soft limit: %s" % ", ".join(result["exceeded"][:20]))
    if not result["complete"]:
        module.warn("not everything was seen: people have at least what is told")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
