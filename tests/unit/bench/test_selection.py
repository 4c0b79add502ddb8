# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cases are measured, and that nothing is left out in silence."""

from __future__ import annotations

from benchlib.contenders import CONTENDERS
from benchlib.selection import ALL_SIZES, select, smoke
from benchlib.stats import Case


def test_everything_that_was_promised_is_measured() -> None:
    chosen = select(list(CONTENDERS), ALL_SIZES, 4, 200)
    for name in ("accounts", "useradd", "newusers"):
        assert {(case.users, case.hosts) for case in chosen.cases if case.contender == name} == {
            (10, 1),
            (50, 1),
            (200, 1),
            (1000, 1),
            (200, 4),
        }
    assert Case("site", 200, 1) in chosen.cases


def test_loops_beyond_their_cap_are_named() -> None:
    chosen = select(["loops"], ALL_SIZES, 0, 200)
    assert [case.users for case in chosen.cases] == [10, 50, 200]
    assert chosen.left_out == ("loops, 1000 users, 1 host: it would take too long (`--loops-cap 1000` measures it)",)
    chosen = select(["loops"], [200], 4, 200)
    assert chosen.left_out == ("loops, 200 users, 4 hosts: it would take too long (`--loops-cap 800` measures it)",)


def test_the_cap_can_be_raised() -> None:
    chosen = select(["loops"], [1000], 0, 1000)
    assert (chosen.cases, chosen.left_out) == ((Case("loops", 1000, 1),), ())


def test_smoke_has_everybody_once() -> None:
    assert [case.contender for case in smoke(list(CONTENDERS)).cases] == [
        name for name in CONTENDERS if name != "accounts (YAML)"
    ]
