#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin face of module_utils/_resource_limits/_unit_files.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unit_limits
short_description: Limit what services, and users whom no roster names, may consume
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Writes one drop-in of systemd for each service, slice or user that is named, and one file for C(pam_limits), all of
    a host in one remote call. What runs feels new limits at once.
  - Drop-ins that it wrote before and that nobody names any more are removed. Files of others are never touched.
  - Limits of users in a roster are given by M(labfleet.identity.accounts), in the same words. A user who has some there
    is refused here.
options:
  services:
    description:
      - Limits by the whole name of a unit. C(name@.service) means all instances of a template, C(name-.service) all
        services whose names begin so, and C(name.slice) everything in a slice together.
      - V(cores) (V(1.5)), V(memory) and V(memory_soft) (V(4G), or bytes) and V(tasks) hold for all processes of the
        unit together. V(processes) and V(open_files) are C(LimitNPROC=) and C(LimitNOFILE=), which hold from the next
        start on. V(run_time) (V(30min), V(8h), V(2d), or seconds) ends a service that runs longer; a service of the
        type V(oneshot) is not ended.
      - V(0) is unlimited, and what is left out is left to the unit. Services that a host needs to let anybody in are
        refused.
    type: dict
    default: {}
  users:
    description:
      - Limits by username, as in the option O(labfleet.identity.accounts#module:users[].limits) of
        M(labfleet.identity.accounts).
    type: dict
    default: {}
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
    details:
      - A run that was killed between writing and reloading is completed by the next one, which then reports a change.
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
requirements:
  - root on the host
  - systemd 239 or newer on the host
seealso:
  - module: labfleet.identity.accounts
  - module: labfleet.identity.disk_quota
"""

EXAMPLES = r"""
- name: Let nobody's notebook take the whole machine
  labfleet.identity.unit_limits:
    services:
      jupyter-.service:
        cores: 2
        memory: 8G
        tasks: 512
        run_time: 3d
    users:
      ubuntu:
        memory: 4G

- name: Lift all limits that were given so
  labfleet.identity.unit_limits:
"""

RETURN = r"""
units:
  description: The units that have limits after the run, or will have after it.
  type: list
  elements: dict
  returned: success
  contains:
    unit:
      description: Its name.
      type: str
    limits:
      description: The settings, as systemd reads them.
      type: list
      elements: str
    known:
      description:
        - Whether the host has this unit. V(null) for templates, for names that only begin so, and where the host was
          not booted by systemd.
      type: bool
    running:
      description: Whether it runs. V(null) in the same cases.
      type: bool
  sample:
    - unit: jupyter.service
      limits: [CPUQuota=200%, MemoryMax=8589934592, RuntimeMaxSec=259200]
      known: true
      running: true
removed:
  description: The units whose limits were, or will be, lifted.
  type: list
  elements: str
  returned: success
  sample: [rstudio-server.service]
"""

import os

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._systemd import Systemd
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_files import (
    Places,
    apply,
    diffs,
    plan,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_report import (
    report_units,
    uid_of,
)


def main() -> None:
    module = QuietModule(
        argument_spec={"services": {"type": "dict", "default": {}}, "users": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    booted = os.path.isdir("/run/systemd/system")
    systemd = Systemd(
        lambda command: module.run_command(command, environ_update={"LC_ALL": "C"}),
        (module.get_bin_path("systemctl") or "") if booted else "",
    )
    places = Places()
    try:
        planned = plan(module.params["services"], module.params["users"], uid_of, places)
        warnings = apply(planned, systemd, places) if planned.changed and not module.check_mode else []
        units, unknown = report_units(planned, systemd)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    for warning in [*warnings, *unknown]:
        module.warn(warning)
    removed = sorted(unit for unit in planned.units if unit not in {told["unit"] for told in units})
    module.exit_json(changed=planned.changed, units=units, removed=removed, diff=diffs(planned))


if __name__ == "__main__":
    main()
