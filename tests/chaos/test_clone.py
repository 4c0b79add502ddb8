# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two branches that gave one number to two groups become one ledger, by the one edit that the refusal names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from chaoslib.asks import BANDS, GROUPS
from chaoslib.clone import Clone

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import GROUP_BAND, first_choice, parse_band

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def issue(store: str | Path, profile: str, group: str) -> int:
    """The number of a group, issued in this ledger, which may be a file."""
    wanted = Wanted(profile, Roster(()), (group,), parse_band(BANDS[profile]))
    settled = settle(
        open_store(store if isinstance(store, str) else f"file:{store}", 1),
        lambda it: allocate(it, wanted, stamp_now()),
        write=True,
    )
    return settled.decision.gids[group]


class AtOnce:
    """Works in the clone as a controller does, but at once."""

    def __init__(self, store: str, group: str) -> None:
        self._store, self._group = store, group
        self._told: list[dict[str, Any]] = []

    def start(self) -> None:
        told = [["group", self._group, issue(self._store, "away", self._group)]]
        self._told = [{"at": time.monotonic(), "event": "told", "told": told}]

    def news(self) -> list[dict[str, Any]]:
        return self._told

    def ended(self) -> int:
        return 0

    def complaints(self) -> str:
        return ""

    def kill(self) -> None:
        """It is done already."""


def cloned(ledger: Path, group: str) -> Clone:
    """A clone of a ledger in which this group is asked for."""
    issue(ledger, "lab", "everybody")
    return Clone(ledger, ledger.with_name("clone"), lambda _name, store: AtOnce(store, group))


def the_same_first_choice() -> tuple[str, str]:
    """A group of uni and one of away that get one number while neither knows the other."""
    names = [f"g{number}" for number in range(1, GROUPS + 1)]
    here = {first_choice("uni", name, GROUP_BAND): name for name in names}
    return next(
        (here[number], name) for name in names for number in [first_choice("away", name, GROUP_BAND)] if number in here
    )


def test_one_number_for_two_groups_is_settled_as_the_refusal_says(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ours, theirs = the_same_first_choice()
    clone = cloned(ledger, theirs)
    assert clone.pull()
    number = issue(ledger, "uni", ours)

    assert clone.merge() == 1

    assert issue(ledger, "uni", ours) == number
    assert issue(ledger, "away", theirs) != number
    arrived = clone.arrived()
    assert arrived is not None
    assert [event["told"] for event in arrived] == [[]]


def test_a_merge_without_the_edit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ours, theirs = the_same_first_choice()
    clone = cloned(ledger, theirs)
    assert clone.pull()
    number = issue(ledger, "uni", ours)
    monkeypatch.setattr("chaoslib.clone._gids", lambda _lines: {})

    assert clone.merge() == 0

    with pytest.raises(IdentityError, match=f"issue {number} twice, to the group {ours} .* to the group {theirs} "):
        issue(ledger, "uni", ours)
