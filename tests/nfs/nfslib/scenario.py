# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go through the parts, or those that are asked for and what they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parts import boxes, dead, files, guard, squash
from .play import play

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .lab import Lab
    from .report import Report


def _quota(_lab: Lab, report: Report) -> None:
    quota = play("quota.yml", "-e", "quota_hosts=server")
    report.expect(quota.code == 0, "quotas stop who goes over them on ext4 and XFS, and nobody else", quota.tail())


PARTS: dict[str, Callable[[Lab, Report], None]] = {
    "set-up": files.set_up,
    "again": files.again,
    "share": files.share,
    "groups": files.groups,
    "locks": files.locks,
    "wire": guard.wire,
    "unmounted": guard.unmounted,
    "wrong-file-system": guard.wrong_file_system,
    "too-many-groups": guard.too_many_groups,
    "root-squash": squash.root_squash,
    "quota": _quota,
    "containers": boxes.containers,
    "dead-server": dead.dead_server,
    "changes-meanwhile": dead.changes_meanwhile,
}


def run_scenario(lab: Lab, report: Report, names: Sequence[str]) -> None:
    for name, part in PARTS.items():
        if name == "set-up" or name in names:
            with report.part(name):
                part(lab, report)
            if name == "set-up" and report.wrong:
                return  # nothing else would say anything
