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
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import who
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    GRANTED,
    RESERVED,
    RETIRED,
    GroupIssued,
    ProfileRegistered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Profile
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
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person
    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Allocation", "Left", "Wanted", "allocate", "choose_numbers"]

# States in which nobody gets in. A retired person is no error: the name may be a new person's, who must not get in
# either, and the other people of the roster must not wait for that to be settled.
_WITHOUT_LOGIN = {
    DISABLED: "the ledger has them as disabled",
    RETIRED: "the ledger has them as retired; revive them with ledger_revive if the same person is back",
}


@dataclass(frozen=True)
class Wanted:
    """Who and what needs numbers, in which profile. A band of None means: what the ledger has, or the default."""

    profile: str
    roster: Roster
    groups: tuple[str, ...] = ()
    uid_band: Band | None = None
    group_band: Band | None = None
    uids: Mapping[str, int] = field(default_factory=dict)  # by username, of those who have one on hosts already
    reserve: bool = False  # whoever is new gets a number that is not in use yet


@dataclass(frozen=True)
class Left:
    """Somebody who may have an account on hosts and is to get in nowhere."""

    person: Person
    uid: int
    former_names: tuple[str, ...]


@dataclass(frozen=True)
class Allocation:
    """The numbers of everybody in the roster, and the events that issue those that are new."""

    uid_band: Band
    group_band: Band
    uids: Mapping[str, int] = field(default_factory=dict)  # by username
    gids: Mapping[str, int] = field(default_factory=dict)  # by name of the group
    disabled: Mapping[str, str] = field(default_factory=dict)  # whom the ledger disables, whatever the roster says: why
    guest_bands: Collection[Band] = ()  # in which guests have their numbers
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of those who were renamed, the first one first
    left: Sequence[Left] = ()  # whom the ledger keeps out and the roster does not name
    events: tuple[Event, ...] = ()


def allocate(ledger: Ledger, wanted: Wanted, stamp: Stamp) -> Allocation:
    """Find or choose the numbers of a roster.

    :raises IdentityError: when anybody in it cannot have one; then nobody new gets one.
    """
    known = ledger.profiles.get(check_profile_id(wanted.profile))
    profile = Profile(_register(ledger, wanted, stamp)) if known is None else known
    _check_same_bands(profile, wanted)
    guests = _Guests(ledger, profile, wanted.roster)
    _check_names(profile, wanted, guests.problems)
    people = {
        entry.username: entry.subject
        for entry in wanted.roster.entries
        # who is to be gone and never had a number needs none
        if entry.state != "absent" and entry.home_profile is None and entry.subject not in profile.by_subject
    }
    groups = tuple(dict.fromkeys([*wanted.groups, *wanted.roster.group_names]))
    kept = _keep_numbers(ledger, profile, wanted, people)
    taken = {*ledger.numbers, *kept.values()} if kept else ledger.numbers
    others = [name for name in people if name not in kept]
    new_uids = {**kept, **choose_numbers(profile.uid_band, taken, wanted.profile, others, "people")}
    new_gids = choose_numbers(
        profile.group_band,
        ledger.numbers,
        wanted.profile,
        (name for name in groups if name not in profile.groups),
        "groups",
    )
    events: list[Event] = [] if known else [profile.registered]
    events += [GroupIssued(wanted.profile, name, gid, stamp) for name, gid in new_gids.items()]
    events += [UserIssued(wanted.profile, name, people[name], uid, stamp) for name, uid in new_uids.items()]
    if wanted.reserve:
        events += [StateChanged(wanted.profile, people[name], 1, RESERVED, "", stamp) for name in new_uids]
    else:
        events += _activated(profile, wanted.roster, stamp)
    old_uids = (
        (entry.username, profile.by_subject.get(entry.subject))
        for entry in wanted.roster.entries
        if entry.home_profile is None
    )
    uids = {name: issued.uid for name, issued in old_uids if issued is not None}
    gids = {name: new_gids[name] if name in new_gids else profile.groups[name].gid for name in groups}
    left = tuple(_left(ledger, profile, wanted.roster))
    foreign = {ledger.profiles[one.person.profile].uid_band for one in left if one.uid not in profile.uid_band}
    return Allocation(
        profile.uid_band,
        profile.group_band,
        {**uids, **new_uids, **guests.uids},
        gids,
        {**dict(_disabled(profile, wanted.roster)), **guests.disabled},
        sorted(guests.bands | foreign, key=lambda band: band.first),
        _names_of_renamed(ledger, profile, wanted.roster),
        left,
        tuple(events),
    )


def _keep_numbers(ledger: Ledger, profile: Profile, wanted: Wanted, new: Mapping[str, str]) -> dict[str, int]:
    """The numbers that new people are to keep, when nobody else has or had them."""
    problems = []
    kept: dict[str, int] = {}
    subjects = {entry.username: entry.subject for entry in wanted.roster.entries}
    for name, uid in wanted.uids.items():
        holder = ledger.numbers.get(uid)
        if name not in new:
            issued = profile.by_subject.get(subjects.get(name, ""))
            if issued is None or issued.uid != uid:
                has = issued.uid if issued else "none"
                problems.append(f"{name} is to keep {uid}, but the ledger has {has} for them, which stays")
        elif uid not in profile.uid_band:
            problems.append(f"{name} is to keep {uid}, which is outside the band {profile.uid_band}")
        elif holder is not None:
            problems.append(f"{name} is to keep {uid}, but the ledger has it for {who(holder)}")
        elif uid in kept.values():
            problems.append(f"{name} is to keep {uid}, but so is another one")
        else:
            kept[name] = uid
    if problems:
        raise IdentityError(
            f"Not everybody can keep their number in the profile {wanted.profile} and nothing was written:"
            f" {in_one_sentence(problems, SHOWN_PROBLEMS)}; leave those out, and they get another number."
        )
    return kept


class _Guests:
    """The people of a roster whom grants let in from other profiles."""

    def __init__(self, ledger: Ledger, profile: Profile, roster: Roster) -> None:
        self.uids: dict[str, int] = {}
        self.disabled: dict[str, str] = {}
        self.bands: set[Band] = set()
        self.problems: list[str] = []
        for entry in roster.entries:
            if entry.home_profile is not None:
                self._add(ledger, profile, entry, entry.home_profile)

    def _add(self, ledger: Ledger, profile: Profile, entry: RosterEntry, home_profile: str) -> None:
        home = ledger.profiles.get(home_profile)
        person = home.person(entry.subject) if home else None
        grant = profile.grants.get((home_profile, entry.subject))
        if person is None or home is None or grant is None:
            # who is to be gone and never was let in is not there, unless somebody else is meant, who would stay
            if entry.state == "absent":
                self.problems += _name_of_another(profile, entry)
            else:
                self.problems.append(
                    f"{entry.username} is said to come from the profile {home_profile}, but the ledger has no grant"
                    f" that lets the subject {quoted(entry.subject)} of it into {profile.id}: grant it with"
                    " ledger_grant, or correct the entry"
                )
            return
        if person.username != entry.username:
            self.problems.append(
                f"the guest {quoted(entry.subject)} of the profile {home_profile} is called {person.username} there,"
                f" and the roster calls them {entry.username}: correct the roster"
            )
            return
        self.uids[entry.username] = grant.uid
        if grant.grant != GRANTED:
            self.disabled[entry.username] = "the grant was revoked"
        elif person.state in _WITHOUT_LOGIN:
            self.disabled[entry.username] = _WITHOUT_LOGIN[person.state]
        if grant.uid not in profile.uid_band:
            self.bands.add(home.uid_band)


def _activated(profile: Profile, roster: Roster, stamp: Stamp) -> Iterator[StateChanged]:
    """Whoever had a number in reserve and is in the roster now has it in use."""
    for entry in roster.entries:
        changed = profile.states.get(entry.subject) if entry.home_profile is None else None
        if changed is not None and changed.state == RESERVED and entry.state != "absent":
            yield StateChanged(profile.id, entry.subject, changed.rev + 1, ACTIVE, "in the roster", stamp)


def _names_of_renamed(ledger: Ledger, profile: Profile, roster: Roster) -> dict[str, tuple[str, ...]]:
    """Every name of those of the roster who were renamed, the first one, which their home has, first."""
    found = {}
    for entry in roster.entries:
        home = profile if entry.home_profile is None else ledger.profiles.get(entry.home_profile)
        person = home.person(entry.subject) if home is not None else None
        if home is not None and person is not None and entry.subject in home.names:
            found[entry.username] = home.names_of(person)
    return found


def _left(ledger: Ledger, profile: Profile, roster: Roster) -> Iterator[Left]:
    """Whom the ledger keeps out and the roster does not name: hosts may still have an account of theirs."""
    named = {(entry.home_profile or profile.id, entry.subject) for entry in roster.entries}
    for subject, changed in profile.states.items():
        person = profile.person(subject)
        if person is not None and changed.state in _WITHOUT_LOGIN and person.key not in named:
            yield _left_one(profile, person, person.uid)
    for key, grant in profile.grants.items():
        person = ledger.profiles[key[0]].person(key[1])
        if person is not None and key not in named and (grant.grant != GRANTED or person.state in _WITHOUT_LOGIN):
            yield _left_one(ledger.profiles[key[0]], person, grant.uid)


def _left_one(home: Profile, person: Person, uid: int) -> Left:
    return Left(person, uid, tuple(name for name in home.names_of(person) if name != person.username))


def _disabled(profile: Profile, roster: Roster) -> Iterator[tuple[str, str]]:
    """Whom the ledger keeps out, and why; whoever is to be gone is not among them."""
    for entry in roster.entries:
        changed = profile.states.get(entry.subject) if entry.home_profile is None else None
        if changed is not None and changed.state in _WITHOUT_LOGIN:
            yield entry.username, _WITHOUT_LOGIN[changed.state]


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
    return ProfileRegistered(wanted.profile, uid_band, group_band, stamp)


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


def _check_names(profile: Profile, wanted: Wanted, more: Iterable[str]) -> None:
    """Refuse names and subjects that the ledger knows otherwise, all of them in one message."""
    problems = [
        *more,
        *(
            problem
            for entry in wanted.roster.entries
            if entry.home_profile is None
            for problem in _mismatch(profile, entry)
        ),
    ]
    usernames = {entry.username for entry in wanted.roster.entries}
    for name in dict.fromkeys([*wanted.groups, *wanted.roster.group_names]):
        check_shared_group_name(name)
        of_a_person = name in profile.by_username or name in profile.guests or name in usernames
        if name not in profile.groups and of_a_person:
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
    person = profile.person(entry.subject)
    if person is not None:
        if person.username != entry.username:
            yield (
                f"the subject {quoted(entry.subject)} has {person.uid} as {person.username}, and the roster"
                f" calls them {entry.username}: keep the username {person.username}, rename the person with"
                " ledger_rename, or give a new person another subject"
            )
        return
    yield from _name_of_another(profile, entry)


def _name_of_another(profile: Profile, entry: RosterEntry) -> Iterator[str]:
    """Whose name an entry has that the ledger does not know in this profile."""
    by_username = profile.by_username.get(entry.username)
    if by_username is not None:
        of, without = (f" of {quoted(entry.home_profile)}", " without home_profile") if entry.home_profile else ("", "")
        yield (
            f"the username {entry.username} belongs to the subject {quoted(by_username.subject)} with"
            f" {by_username.uid}, and the roster gives it to {quoted(entry.subject)}{of}: write 'subject:"
            f" {by_username.subject}'{without} if they are the same person, else choose another username, because a"
            " name is never given to somebody else"
        )
    guest = profile.guests.get(entry.username)
    if guest is not None:
        yield (
            f"the username {entry.username} belongs to the guest {quoted(guest[1])} of the profile {guest[0]}: write"
            f" 'home_profile: {guest[0]}' and 'subject: {guest[1]}' if they are the same person, else choose another"
            " username"
        )


def choose_numbers(
    band: Band, numbers: Collection[int], profile: str, names: Iterable[str], what: str
) -> dict[str, int]:
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
