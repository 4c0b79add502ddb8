# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what ansible-playbook says at its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Collection

_HEAD = re.compile(r"^PLAY RECAP \**\s*$")
_LINE = re.compile(r"^(?P<host>\S+)\s*: (?P<counts>ok=\d+(?:\s+[a-z]+=\d+)*)\s*$")


@dataclass(frozen=True)
class Counts:
    """One host's line of the recap."""

    ok: int
    changed: int
    unreachable: int
    failed: int


def read_recap(output: str) -> dict[str, Counts]:
    """The counts by host from the last recap in OUTPUT, which must not hold colours."""
    lines = output.splitlines()
    heads = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    if not heads:
        raise FleetError("ansible-playbook ended without a recap, so nobody knows what it changed")
    recap = {}
    for line in lines[heads[-1] + 1 :]:
        found = _LINE.match(line)
        if found is None:
            continue
        counts = dict(pair.split("=") for pair in found["counts"].split())
        recap[found["host"]] = Counts(*(int(counts[name]) for name in ("ok", "changed", "unreachable", "failed")))
    return recap


def check_recap(recap: dict[str, Counts], hosts: Collection[str], *, nothing_changed: bool) -> None:
    """Refuse a run that left a host out, failed on one, did nothing on one, or changed one that was done already."""
    if set(recap) != set(hosts):
        raise FleetError(
            f"the run was over {', '.join(sorted(recap)) or 'no host'} instead of {', '.join(sorted(hosts))}"
        )
    for host, counts in sorted(recap.items()):
        if counts.failed or counts.unreachable or not counts.ok:
            raise FleetError(f"the run did not succeed on {host}: {counts}")
        if nothing_changed and counts.changed:
            raise FleetError(f"the second run should change nothing and changed {counts.changed} on {host}")
