# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a controller asks for: batches of people and groups, some of whom others ask for as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable
    from typing import Any

LARGE_BATCH, LARGEST_BATCH = 30, 50
# Wide enough for any campaign, and disjoint. The third is for whoever works in a clone.
BANDS = {"lab": "65536-99999", "uni": "2000200000-2000299999", "away": "2000300000-2000399999"}
SHARED_WINDOW = 12
SHARED_STEP = 4
GROUPS = 150


@dataclass(frozen=True)
class Batch:
    """One call of a controller."""

    attempt: int
    profile: str
    people: dict[str, str]  # subjects by username
    groups: tuple[str, ...] = ()

    @property
    def asked(self) -> list[list[str]]:
        """Kind and key of everybody and everything in it."""
        return [["user", subject] for subject in self.people.values()] + [["group", name] for name in self.groups]


class Asks:
    """The batches of one controller; after it was killed it begins with the batch that it was at."""

    def __init__(self, writer: str, profiles: tuple[str, ...], chance: random.Random) -> None:
        self._writer = writer
        self._profiles = profiles
        self._chance = chance
        self._own = 0
        self._attempt = 0
        self._again: Batch | None = None

    def remember(self, past: Iterable[dict[str, Any]]) -> None:
        """Go on where an earlier process of this controller was killed."""
        for event in past:
            if event["event"] == "begin":
                self._attempt, self._own = event["attempt"], event["own"]
                self._again = Batch(event["attempt"], event["profile"], event["people"], tuple(event["groups"]))
            elif event["event"] == "told":
                self._again = None

    @property
    def own(self) -> int:
        """How many people only this controller asks for there were so far."""
        return self._own

    def next(self) -> Batch:
        """The batch after the last one, or the last one again."""
        self._attempt += 1
        if self._again is not None:
            batch = Batch(self._attempt, self._again.profile, self._again.people, self._again.groups)
            self._again = None
            return batch
        chance = self._chance
        names: list[str] = []
        for _one in range(chance.randint(1 if chance.random() < 0.5 else LARGE_BATCH, LARGEST_BATCH)):
            kind = chance.random()
            if kind < 0.1 and self._own:
                names.append(f"{self._writer}-{chance.randint(1, self._own)}")  # who has a number already
            elif kind < 0.25:
                start = self._attempt * SHARED_STEP
                names.append(f"all-{chance.randint(start, start + SHARED_WINDOW)}")
            else:
                self._own += 1
                names.append(f"{self._writer}-{self._own}")
        groups = {f"g{chance.randint(1, GROUPS)}" for _one in range(chance.choice((0, 0, 0, 1, 2)))}
        people = {name: _subject(name) for name in names}
        return Batch(self._attempt, chance.choice(self._profiles), people, tuple(sorted(groups)))

    def refused(self, batch: Batch) -> None:
        """Mostly people run again what was refused."""
        self._again = batch if self._chance.random() < 0.8 else None


def _subject(name: str) -> str:
    return name if name.endswith(("1", "3", "5", "7")) else f"{name}@example.org"
