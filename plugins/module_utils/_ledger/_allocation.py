# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which numbers a roster gets from a ledger (private, pure; runs on the controller).

What was issued stays. Whoever is new gets their first choice, or the next number above it that nobody ever had; the
batch is settled in the order of first choice and name, so that the order of the roster does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Profile
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_profile_id,
    check_shared_group_name,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import SHOWN_PROBLEMS
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    GROUP_BAND,
    check_group_band,
    check_uid_band,
    default_uid_band,
    first_choice,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Allocation", "Wanted", "allocate"]


@dataclass(frozen=True)
class Wanted:
    """Who and what needs numbers, in which profile. A band of None means: what the ledger has, or the default."""

    profile: str
    roster: Roster
    groups: tuple[str, ...] = ()
    uid_band: Band | None = None
    group_band: Band | None = None


@dataclass(frozen=True)
class Allocation:
    """The numbers of everybody in the roster, and the events that issue those that are new."""

    uid_band: Band
    group_band: Band
    uids: Mapping[str, int] = field(default_factory=dict)  # by username
    gids: Mapping[str, int] = field(default_factory=dict)  # by name of the group
    events: tuple[Event, ...] = ()


def allocate(ledger: Ledger, wanted: Wanted, stamp: Stamp) -> Allocation:
    """Find or choose the numbers of a roster.

    :raises IdentityError: when anybody in it cannot have one; then nobody new gets one.
    """
    known = ledger.profiles.get(check_profile_id(wanted.profile))
    profile = Profile(_register(ledger, wanted, stamp)) if known is None else known
    _check_same_bands(profile, wanted)
    _check_names(profile, wanted)
    people = {
        entry.username: entry.subject
        for entry in wanted.roster.entries
        # who is to be gone and never had a number needs none
        if entry.state != "absent" and entry.subject not in profile.by_subject
    }
    groups = tuple(dict.fromkeys([*wanted.groups, *wanted.roster.group_names]))
    new_uids = _choose(profile.uid_band, ledger.numbers, wanted.profile, people, "people")
    new_gids = _choose(
        profile.group_band,
        ledger.numbers,
        wanted.profile,
        (name for name in groups if name not in profile.groups),
        "groups",
    )
    events: list[Event] = [] if known else [profile.registered]
    events += [GroupIssued(wanted.profile, name, gid, stamp.at, stamp.by) for name, gid in new_gids.items()]
    events += [
        UserIssued(wanted.profile, name, people[name], uid, stamp.at, stamp.by) for name, uid in new_uids.items()
    ]
    old_uids = ((entry.username, profile.by_subject.get(entry.subject)) for entry in wanted.roster.entries)
    uids = {name: issued.uid for name, issued in old_uids if issued is not None}
    gids = {name: new_gids[name] if name in new_gids else profile.groups[name].gid for name in groups}
    return Allocation(profile.uid_band, profile.group_band, {**uids, **new_uids}, gids, tuple(events))


def _register(ledger: Ledger, wanted: Wanted, stamp: Stamp) -> ProfileRegistered:
    """The bands of a profile that is new."""
    group_band = check_group_band(wanted.group_band or GROUP_BAND)
    others = [profile.registered for profile in ledger.profiles.values()]
    if wanted.uid_band is None:
        taken = {band for other in others for band in (other.uid_band, other.group_band)}
        uid_band = default_uid_band(taken | {group_band})
    else:
        uid_band = check_uid_band(wanted.uid_band)
    for other in others:
        for band, taken_band in (
            (uid_band, other.uid_band),
            (uid_band, other.group_band),
            (group_band, other.uid_band),
        ):
            if band.overlaps(taken_band):
                raise IdentityError(
                    f"The band {band} for the new profile {wanted.profile} overlaps {taken_band} of the profile"
                    f" {other.profile}: name another band, or none to get a free one."
                )
    if uid_band.overlaps(group_band):
        raise IdentityError(
            f"The UID band {uid_band} and the group band {group_band} of the profile {wanted.profile} overlap: name two"
            " that do not."
        )
    return ProfileRegistered(wanted.profile, uid_band, group_band, stamp.at, stamp.by)


def _check_same_bands(profile: Profile, wanted: Wanted) -> None:
    for what, asked, has in (
        ("UID", wanted.uid_band, profile.uid_band),
        ("group", wanted.group_band, profile.group_band),
    ):
        if asked is not None and asked != has:
            raise IdentityError(
                f"The profile {wanted.profile} has the {what} band {has} in the ledger, not {asked}, and a band stays:"
                f" write {has} or leave it out; for more numbers register another profile with a wider band."
            )


def _check_names(profile: Profile, wanted: Wanted) -> None:
    """Refuse names and subjects that the ledger knows otherwise, all of them in one message."""
    problems = [problem for entry in wanted.roster.entries for problem in _mismatch(profile, entry)]
    usernames = {entry.username for entry in wanted.roster.entries}
    for name in dict.fromkeys([*wanted.groups, *wanted.roster.group_names]):
        check_shared_group_name(name)
        if name not in profile.groups and (name in profile.by_username or name in usernames):
            problems.append(
                f"the group {name} has the name of a person, whose private group is called so: rename the group"
            )
    problems += [
        f"{name} is the name of a shared group: choose another username"
        for name in sorted(usernames & profile.groups.keys())
    ]
    if problems:
        raise IdentityError(
            f"The ledger and the roster of {wanted.profile} disagree and nothing was written:"
            f" {in_one_sentence(problems, SHOWN_PROBLEMS)}."
        )


def _mismatch(profile: Profile, entry: RosterEntry) -> Iterator[str]:
    by_subject = profile.by_subject.get(entry.subject)
    if by_subject is not None:
        if by_subject.username != entry.username:
            yield (
                f"the subject {quoted(entry.subject)} has {by_subject.uid} as {by_subject.username}, and the roster"
                f" calls them {entry.username}: keep the username {by_subject.username}, or give a new person"
                " another subject"
            )
        return
    by_username = profile.by_username.get(entry.username)
    if by_username is not None:
        yield (
            f"the username {entry.username} belongs to the subject {quoted(by_username.subject)} with"
            f" {by_username.uid}, and the roster gives it to {quoted(entry.subject)}: write 'subject:"
            f" {by_username.subject}' if they are the same person, else choose another username, because a name is"
            " never given to somebody else"
        )


def _choose(band: Band, numbers: Collection[int], profile: str, names: Iterable[str], what: str) -> dict[str, int]:
    """The numbers for new names: first choices first come, then the next free number above, from the start at the"
    " end."""
    choices = sorted((first_choice(profile, name, band), name) for name in names)
    if not choices:
        return {}
    # From a taken number to where to look on. Paths are shortened as they are walked, so a full band costs no more.
    onward = {number: number + 1 for number in numbers if number in band}
    free = band.size - len(onward)
    if len(choices) > free:
        raise IdentityError(
            f"The profile {profile} needs numbers for {len(choices)} more {what}, but its band {band} has {free}"
            f" left of {band.size}, and no number is ever issued twice: nothing was written; put the new ones into"
            " another profile with a wider band, for example 'wide'."
        )
    chosen = {}
    for first, name in choices:
        number = _walk(onward, first)
        if number > band.last:
            number = _walk(onward, band.first)
        onward[number] = number + 1
        chosen[name] = number
    return chosen


def _walk(onward: dict[int, int], start: int) -> int:
    """The first number from start that is not taken."""
    end = start
    while end in onward:
        end = onward[end]
    while start != end:
        onward[start], start = end, onward[start]
    return end
