# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a contender did its work: what a host shows, against what was asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .people import SHARED_GROUPS, SHELL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .people import Person

_SHOWN = 5


def expected(person: Person, uid: int) -> dict[str, Any]:
    return {
        "uid": uid,
        "gid": uid,
        "private_gid": uid,
        "gecos": person.gecos,
        "home": person.home,
        "shell": SHELL,
        "home_owner": [uid, uid],
        "groups": sorted(name for name, _gid in SHARED_GROUPS),
        "keys": sorted(person.keys),
        "beside": sorted(person.beside),
    }


def problems(people: Sequence[Person], seen: Mapping[str, Mapping[str, Any]], *, numbers_given: bool) -> list[str]:
    """Sentences on what is wrong. Without NUMBERS_GIVEN any distinct numbers will do."""
    wrong = [f"{name} is there and nobody asked for it" for name in sorted(set(seen) - {each.name for each in people})]
    taken: dict[int, str] = {}
    for person in people:
        there = seen.get(person.name)
        if there is None:
            wrong.append(f"{person.name} is missing")
            continue
        uid = person.uid if numbers_given else there["uid"]
        if uid in taken:
            wrong.append(f"{person.name} has the number {uid} of {taken[uid]}")
        taken[uid] = person.name
        wrong += [
            f"{person.name}: {what} is {there[what]!r}, not {value!r}"
            for what, value in expected(person, uid).items()
            if there[what] != value
        ]
    return wrong


def shorten(wrong: Sequence[str]) -> str:
    rest = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + rest
