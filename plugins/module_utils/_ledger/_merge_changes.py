# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What contradicts what in the changes that ledgers tell of when they are put together (private, pure)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    RETIRED,
    GrantChanged,
    Invited,
    Linked,
    Redeemed,
    Redirected,
    Renamed,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
    checksum,
    conflict,
    meaning,
    owner_of,
    register_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import (
        Conflict,
        Said,
        Settings,
    )

__all__ = ["changed_conflicts", "differing"]


def changed_conflicts(of: Mapping[type, list[Said]], settings: Settings) -> Iterator[Conflict]:
    """The contradictions in what happened to people; what is said comes by its kind."""
    for kind in (StateChanged, Renamed, GrantChanged, Redirected):
        yield from differing(of[kind], "two_changes", lambda it: (*register_of(it), getattr(it, "rev", 0)))
        yield from _missing(of[kind])
    yield from _revivals(of[StateChanged], settings)
    yield from differing(of[Linked], "one_upstream", lambda it: getattr(it, "upstream", "") or None)
    yield from _uuids(of[Linked])
    yield from _loops(of[Redirected])
    yield from _not_retired(of[Redirected], of[StateChanged])
    yield from _guest_numbers(of[GrantChanged])
    yield from differing(of[Invited], "one_content", lambda it: getattr(it, "jti", ""))
    yield from differing(of[Redeemed], "one_invitation", lambda it: getattr(it, "jti", ""))


def differing(said: Sequence[Said], kind: str, key_of: Callable[[Event], Hashable]) -> Iterator[Conflict]:
    """Events of one kind that have one key and do not say the same."""
    first: dict[Hashable, tuple[object, ...]] = {}
    twice: set[Hashable] = set()
    for it in said:
        key, says = key_of(it.event), meaning(it.event)
        if key is not None and first.setdefault(key, says) != says:
            twice.add(key)
    groups: dict[Hashable, list[Said]] = {}
    for it in said if twice else ():
        if key_of(it.event) in twice:
            groups.setdefault(key_of(it.event), []).append(it)
    for group in groups.values():
        yield conflict(kind, _ABOUT[kind].format(**_words(group[0].event)), group)


def _missing(said: Sequence[Said]) -> Iterator[Conflict]:
    """Changes before which one is missing, because it was left out."""
    registers: defaultdict[tuple[str, ...], dict[int, list[Said]]] = defaultdict(dict)
    for it in said:
        registers[register_of(it.event)].setdefault(getattr(it.event, "rev", 0), []).append(it)
    for register, revisions in registers.items():
        if max(revisions) != len(revisions):
            later = [it for rev, its in revisions.items() if set(range(1, rev)) - revisions.keys() for it in its]
            yield conflict("missing_change", f"a change before these is missing ({_about(register)})", later)


def _revivals(said: Sequence[Said], settings: Settings) -> Iterator[Conflict]:
    """People who are retired in one ledger and whom another one brings back, unless the target knows it."""
    last: dict[tuple[str, ...], dict[int, Said]] = defaultdict(dict)
    known_events = {it.event for it in said if it.side == settings.target}
    for it in said:
        known = last[register_of(it.event)].get(it.side)
        if known is None or _rev(it) > _rev(known):
            last[register_of(it.event)][it.side] = it
    for register, by_side in last.items():
        newest = max(map(_rev, by_side.values()))
        reviving = [it for it in by_side.values() if _rev(it) == newest and not _is_retired(it)]
        retired = [it for it in by_side.values() if _is_retired(it)]
        # that somebody is back does not answer for another one who becomes the same person, and left
        strange = any(it.event != it.origin and it.event not in known_events for it in retired)
        known_there = any(it.side == settings.target for it in reviving) and not strange
        if not retired or not reviving or known_there:
            continue
        if not any(checksum(it.origin) in settings.kept for it in reviving):
            about = f"{_about(register)} is retired in one ledger and back in another"
            yield conflict("revival", about, [*retired, *reviving])


def _uuids(links: Sequence[Said]) -> Iterator[Conflict]:
    """UUIDs of two people, and people with two UUIDs."""
    linked = [it for it in links if getattr(it.event, "uuid", "")]
    people: defaultdict[str, set[object]] = defaultdict(set)
    uuids: defaultdict[object, set[str]] = defaultdict(set)
    for it in linked:
        uuid = str(getattr(it.event, "uuid", ""))
        people[uuid].add(owner_of(it.event))
        uuids[owner_of(it.event)].add(uuid)
    found: dict[str, list[Said]] = {}
    for it in linked:
        uuid, owner = str(getattr(it.event, "uuid", "")), owner_of(it.event)
        if len(people[uuid]) > 1:
            found.setdefault(f"the UUID {uuid} is that of several", []).append(it)
        if len(uuids[owner]) > 1:
            found.setdefault(f"the subject {quoted(owner[2])} ({owner[1]}) has several UUIDs", []).append(it)
    for about, said in found.items():
        yield conflict("one_uuid", about, said)


def _not_retired(redirects: Sequence[Said], states: Sequence[Said]) -> Iterator[Conflict]:
    """People who stand for somebody else, but are not retired."""
    last_state, last = _last(states), _last(redirects)
    for (_kind, profile, subject, into), said in last.items():
        changed = last_state.get(("StateChanged", profile, subject, into), [])
        if any(getattr(it.event, "to_profile", "") for it in said) and not any(map(_is_retired, changed)):
            about = f"the subject {quoted(subject)} of {profile} stands for somebody else, but is not retired"
            yield conflict("redirect_active", about, [*said, *changed])


def _last(said: Sequence[Said]) -> dict[tuple[str, ...], list[Said]]:
    """The last change of everything that has changes, from all who tell of it."""
    found: dict[tuple[str, ...], list[Said]] = {}
    for it in said:
        known = found.setdefault(register_of(it.event), [it])
        if _rev(it) > _rev(known[0]):
            found[register_of(it.event)] = [it]
        elif it is not known[0] and _rev(it) == _rev(known[0]):
            known.append(it)
    return found


def _guest_numbers(grants: Sequence[Said]) -> Iterator[Conflict]:
    """Guests with several numbers in one profile."""
    guests: defaultdict[tuple[str, ...], list[Said]] = defaultdict(list)
    for it in grants:
        guests[register_of(it.event)].append(it)
    for register, said in guests.items():
        if len({getattr(it.event, "uid", 0) for it in said}) > 1:
            about = f"the guest {quoted(register[2])} of {register[1]} has several numbers in {register[3]}"
            yield conflict("guest_number", about, said)


def _loops(redirects: Sequence[Said]) -> Iterator[Conflict]:
    """Redirects that lead back to where they began."""
    last: dict[tuple[str, str], Redirected] = {}
    for it in redirects:
        event = it.event
        if isinstance(event, Redirected):
            key = event.profile, event.subject
            # of two that contradict each other anyway, the same one in whatever order they come
            last[key] = max(
                last.get(key, event), event, key=lambda known: (known.rev, known.to_profile, checksum(known))
            )
    onward = {key: (event.to_profile, event.to_subject) for key, event in last.items() if event.to_profile}
    done: set[tuple[str, str]] = set()
    for start in sorted(onward):
        path: list[tuple[str, str]] = []
        here = start
        while here in onward and here not in done and here not in path:
            path.append(here)
            here = onward[here]
        done.update(path)
        if here in path:
            loop = path[path.index(here) :]
            said = [it for it in redirects if it.event in [last[key] for key in loop]]
            subjects = ", ".join(sorted(f"{quoted(subject)} ({profile})" for profile, subject in loop))
            yield conflict("redirect_loop", f"the redirects of {subjects} lead in a loop", said)


_ABOUT = {
    "one_person": "the subject {subject} of the profile {profile} has several numbers or names",
    "one_group": "the group {name} of the profile {profile} has several numbers",
    "two_changes": "the subject {subject} ({profile}) was changed in two ways at once",
    "one_upstream": "the upstream identity {upstream} means several people, or one in different ways",
    "one_content": "the invitation {jti} was issued with different contents",
    "one_invitation": "the invitation {jti} was redeemed more than once",
}


def _words(event: Event) -> dict[str, str]:
    shown = ("subject", "upstream", "jti")
    said = {name: quoted(getattr(event, name, "")) for name in shown}
    return {**said, "profile": event.profile, "name": str(getattr(event, "name", ""))}


def _about(register: Sequence[str]) -> str:
    return f"the subject {quoted(register[2])} of {register[1]}"


def _rev(said: Said) -> int:
    return int(getattr(said.event, "rev", 0))


def _is_retired(said: Said) -> bool:
    return isinstance(said.event, StateChanged) and said.event.state == RETIRED
