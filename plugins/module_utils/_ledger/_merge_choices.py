# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contradiction between ledgers in words and as data, with the decisions that would settle it (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import NEW
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import checksum, meaning
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import default_uid_band

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Conflict, Said
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["conflict_records", "conflict_text", "decisions_template"]

PROFILE_KINDS = frozenset({"profile_twice", "profile_bands", "bands_overlap"})
SHOWN_SIDES = 4
_TO_LOOK_AT = frozenset({"revival", "former_number", "reserved_name"})


def conflict_records(conflicts: Sequence[Conflict], bands: Iterable[Band], target: int) -> list[dict[str, Any]]:
    """Every contradiction as data: what it is, who says what, and what would settle it.

    :param bands: all that are taken, so that a free one can be proposed.
    :param target: the side that can no longer become anything else.
    """
    try:
        free: str | None = str(default_uid_band(bands))
    except IdentityError:
        free = None
    unsettled = {it.event.profile for conflict in conflicts if conflict.kind in PROFILE_KINDS for it in conflict.sides}
    return [
        {
            "kind": conflict.kind,
            "conflict": conflict_text(conflict),
            "sides": _sides(conflict.sides),
            "choices": _choices(conflict, free, target),
            # whoever gets another band gets another number, so what is between two such profiles may well vanish
            "after_profiles": conflict.kind not in PROFILE_KINDS
            and {it.event.profile for it in conflict.sides} <= unsettled,
        }
        for conflict in conflicts
    ]


def decisions_template(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is to be decided now, with no decision made."""
    return [
        {"conflict": record["conflict"], "choices": record["choices"], "decisions": []}
        for record in records
        if not record["after_profiles"]
    ]


def conflict_text(conflict: Conflict) -> str:
    """A contradiction with both its sides, in words that can go on."""
    sides = [
        f"{side['says']}, written at {side['at']} by {side['by']} ({' and '.join(side['ledgers'])})"
        for side in _sides(conflict.sides)
    ]
    more = [f"{len(sides) - SHOWN_SIDES} more"] if len(sides) > SHOWN_SIDES else []
    return f"{conflict.about}: {' / '.join([*sides[:SHOWN_SIDES], *more])}"


def _sides(said: Iterable[Said]) -> list[dict[str, Any]]:
    """Every line that takes part, once, with all ledgers that have it."""
    found: dict[Event, dict[str, Any]] = {}
    for it in said:
        stamp = it.origin.stamp
        side = found.setdefault(
            it.origin,
            {
                "ledgers": [],
                "profile": it.origin.profile,
                "says": _says(it.origin),
                "event": checksum(it.origin),
                "at": stamp.at,
                "by": stamp.by,
                "run": stamp.run,
            },
        )
        if it.ledger not in side["ledgers"]:
            side["ledgers"] = sorted([*side["ledgers"], it.ledger])
    return list(found.values())


def _says(event: Event) -> str:
    if isinstance(event, UserIssued):
        subject = "" if event.subject == event.username else f", subject {quoted(event.subject)}"
        return f"{describe(event)} ({event.profile}{subject})"
    return f"{describe(event)} ({event.profile})" if isinstance(event, GroupIssued) else describe(event)


def _choices(conflict: Conflict, free: str | None, target: int) -> list[dict[str, Any]]:
    """The decisions that would settle a contradiction; never about what is in the target."""
    fixed = {it.origin for it in conflict.sides if it.side == target}
    choices: list[dict[str, Any]] = []
    if conflict.kind == "profile_twice":
        choices.append({"same_profile": conflict.sides[0].event.profile})
    for it in conflict.sides:
        for choice in _choices_of(conflict, it, free):
            # to know something and live with it changes nothing in the target
            if choice not in choices and (it.origin not in fixed or "keep" in choice):
                choices.append(choice)
    return choices


def _choices_of(conflict: Conflict, it: Said, free: str | None) -> Iterator[dict[str, Any]]:
    """What could become of one side of a contradiction."""
    origin = it.origin
    others = [other for other in conflict.sides if meaning(other.origin) != meaning(origin)]
    if conflict.kind in _TO_LOOK_AT and _asks_for_a_look(conflict, it):
        yield {"event": checksum(origin), "keep": True}
    if isinstance(origin, ProfileRegistered):
        yield from _profile_choices(conflict, origin, others, free)
    elif isinstance(origin, UserIssued) and not isinstance(it.event, Renumbered):
        yield from _person_choices(conflict, it, origin, others)
    elif isinstance(origin, GroupIssued):
        yield from _group_choices(conflict, it, origin, others)
    elif not isinstance(origin, (Renumbered, UserIssued)):
        yield {"event": checksum(origin), "drop": True}


def _asks_for_a_look(conflict: Conflict, it: Said) -> bool:
    """Whether one side of a contradiction may be right although it is asked about."""
    if conflict.kind == "reserved_name":
        return True
    return isinstance(it.event, Renumbered) or (isinstance(it.event, StateChanged) and it.event.state != "retired")


def _profile_choices(
    conflict: Conflict, origin: ProfileRegistered, others: Sequence[Said], free: str | None
) -> Iterator[dict[str, Any]]:
    thing = {"profile": origin.profile, "uid_band": str(origin.uid_band), "registered": checksum(origin)}
    if conflict.kind == "bands_overlap":
        yield {**thing, "become": {"uid_band": free}}
        return
    if conflict.kind == "profile_bands":
        for other in others:
            if isinstance(other.event, ProfileRegistered) and other.event.group_band == origin.group_band:
                yield {**thing, "become": {"uid_band": str(other.event.uid_band)}}
    yield {**thing, "become": {"profile": None, "uid_band": free}}


def _person_choices(
    conflict: Conflict, it: Said, origin: UserIssued, others: Sequence[Said]
) -> Iterator[dict[str, Any]]:
    person = {
        "profile": it.event.profile,
        "subject": origin.subject,
        "uid": origin.uid,
        "username": origin.username,
    }
    if conflict.kind in ("one_person", "one_name"):
        for other in others:
            them = other.event
            if isinstance(them, UserIssued) and them.profile == it.event.profile:
                same = {"subject": them.subject, "username": them.username, "uid": them.uid}
                yield {"person": person, "become": same}
    if conflict.kind == "one_person":
        yield {"person": person, "become": {"subject": None, "username": None}}
    elif conflict.kind in ("one_name", "reserved_name"):
        yield {"person": person, "become": {"username": None}}
    else:
        yield {"person": person, "become": {"uid": NEW}}


def _group_choices(
    conflict: Conflict, it: Said, origin: GroupIssued, others: Sequence[Said]
) -> Iterator[dict[str, Any]]:
    group = {"profile": it.event.profile, "name": origin.name, "gid": origin.gid}
    if conflict.kind == "one_group":
        for other in others:
            if isinstance(other.event, GroupIssued):
                yield {"group": group, "become": {"gid": other.event.gid}}
    if conflict.kind in ("one_group", "one_name", "reserved_name"):
        yield {"group": group, "become": {"name": None}}
    else:
        yield {"group": group, "become": {"gid": NEW}}
