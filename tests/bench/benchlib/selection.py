# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cases a run of the benchmark consists of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .stats import Case

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL_SIZES = (10, 50, 200, 1000)
MANY_HOSTS = 4
# The size that is measured on many hosts as well, and for which the whole site has its bounds.
USUAL_SIZE = 200
_ONLY_AT = {"site": (USUAL_SIZE,), "everything": (USUAL_SIZE,), "accounts (YAML)": (USUAL_SIZE, 1000)}


@dataclass(frozen=True)
class Selection:
    """Cases to measure, and a sentence about each that is left out because it would take too long."""

    cases: tuple[Case, ...]
    left_out: tuple[str, ...]


def select(contenders: Iterable[str], sizes: Iterable[int], many_hosts: int, loops_cap: int) -> Selection:
    sizes = tuple(sizes)
    cases, left_out = [], []
    for hosts in (1, many_hosts) if many_hosts > 1 and USUAL_SIZE in sizes else (1,):
        for users in sizes if hosts == 1 else (USUAL_SIZE,):
            for contender in contenders:
                case = Case(contender, users, hosts)
                if users not in _ONLY_AT.get(contender, sizes):
                    continue
                if contender == "loops" and users * hosts > loops_cap:
                    left_out.append(f"{case}: it would take too long (`--loops-cap {users * hosts}` measures it)")
                else:
                    cases.append(case)
    return Selection(tuple(cases), tuple(left_out))


def smoke(contenders: Iterable[str]) -> Selection:
    """Everybody once with a few people; the same play a second time would show nothing new."""
    return Selection(
        tuple(Case(name, 3 if name == "loops" else 10, 1) for name in contenders if name != "accounts (YAML)"), ()
    )
