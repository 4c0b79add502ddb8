# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units have limits, for people and programs (private)."""

from __future__ import annotations

import pwd

from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_request import unit_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._systemd import Systemd
    from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_files import Plan

__all__ = ["report_units", "uid_of"]


def uid_of(name: str) -> int | None:
    """The number of an account of this host."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def report_units(planned: Plan, systemd: Systemd) -> tuple[list[dict[str, Any]], list[str]]:
    """The units that have limits, and warnings of those that the host does not have."""
    limits = {unit_of(path): data for path, data in planned.new.items() if unit_of(path)}
    states = systemd.states(sorted(limits))
    told, warnings = [], []
    for unit, data in sorted(limits.items()):
        load, active = states.get(unit, ("", ""))
        known = load != "not-found" if load else None
        if known is False:
            warnings.append("this host has no %s: its limits hold once there is one" % unit)
        told.append(
            {
                "unit": unit,
                "limits": [line for line in data.decode("ascii").splitlines() if line[:1] not in ("#", "[")],
                "known": known,
                "running": active == "active" if active else None,
            }
        )
    return told, warnings
