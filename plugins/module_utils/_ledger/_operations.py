# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done to people who have a number: one function an operation (private, pure; runs on the controller).

Each looks at a ledger and says which events bring about what is wanted: none when it is so already. Each refuses, with
the way out, what would give somebody else's files, name or login to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import choose_numbers
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import check_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    GRANTED,
    RETIRED,
    REVOKED,
    GrantChanged,
    GroupIssued,
    NumberWithheld,
    Renamed,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import number_of
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import (
        Holder,
        Ledger,
        Person,
        Profile,
    )

__all__ = ["Change", "Who", "grant", "rename", "revoke", "set_state", "state_changed", "whose_name", "withhold"]


@dataclass(frozen=True)
class Who:
    """A person of a profile, by username, by subject, or by both, which must agree then."""

    username: str = ""
    subject: str = ""

    def of(self, ledger: Ledger, profile: str) -> Person:
        """The person in the ledger."""
        if not self.username and not self.subject:
            raise IdentityError("Nobody is named: give a username or a subject.")
        return ledger.person(profile, self.username, self.subject)


@dataclass(frozen=True)
class Change:
    """What an operation adds to the ledger, and whom it is about."""

    events: tuple[Event, ...] = ()
    people: tuple[tuple[str, str], ...] = ()  # profile and subject of each


def set_state(ledger: Ledger, profile: str, people: Iterable[Who], state: str, reason: str, stamp: Stamp) -> Change:
    """Disable, retire or activate people; all of them or, when one cannot be, nobody."""
    check_text("reason", reason, may_be_empty=True)
    events = []
    keys = []
    for who in people:
        person = who.of(ledger, profile)
        if person.key in keys:
            continue
        keys.append(person.key)
        if person.state != state:
            _check_transition(ledger, who, person, state)
            events.append(state_changed(ledger, person, state, reason, stamp))
    return Change(tuple(events), tuple(keys))


def rename(ledger: Ledger, profile: str, who: Who, username: str, reason: str, stamp: Stamp) -> Change:
    """Give a person another username. The number stays, and so does the former name: nobody else ever gets it."""
    check_text("reason", reason, may_be_empty=True)
    person = _renamed_person(ledger, profile, who, check_research_username(username))
    if person.username == username:
        return Change((), (person.key,))
    if person.state == RETIRED:
        raise IdentityError(f"{person} is retired: revive them first, if the same person is back.")
    here = ledger.profile(profile)
    for there in [here, *(other for other in ledger.profiles.values() if person.key in other.grants)]:
        _check_name_is_free(there, person, username)
    last = here.names.get(person.subject)
    event = Renamed(profile, person.subject, last.rev + 1 if last else 1, username, reason, stamp)
    return Change((event,), (person.key,))


def grant(
    ledger: Ledger, profile: str, who: Who, into: str, own_number: bool | None, reason: str, stamp: Stamp
) -> Change:
    """Let a person be used in another profile.

    :param own_number: True for a number in the band of that profile, False for the number that they have at home, None
        for what they had before or, the first time, a number of that profile.
    """
    check_text("reason", reason, may_be_empty=True)
    person, there = who.of(ledger, profile), ledger.profile(into)
    if profile == into:
        raise IdentityError(f"{person} is at home in the profile {into}: name another profile.")
    last = there.grants.get(person.key)
    if last is not None and own_number not in (None, last.uid != person.uid):
        raise IdentityError(
            f"{person} had {last.uid} in the profile {into} before, and a number stays: leave the choice of the"
            " number out."
        )
    if last is not None and last.grant == GRANTED:
        return Change((), (person.key,))
    if person.state != ACTIVE:
        raise IdentityError(f"{person} is {person.state} at home: make them active first.")
    # the ledger does not say whether a former name was given up before or after they came, so none may be another's
    for name in ledger.profile(profile).names_of(person):
        _check_name_is_free(there, person, name)
    if last is not None:
        uid = last.uid
    elif own_number is False:
        uid = person.uid
    else:
        uid = choose_numbers(there.uid_band, ledger.numbers, into, [person.username], "people")[person.username]
    rev = last.rev + 1 if last else 1
    event = GrantChanged(profile, person.subject, into, rev, GRANTED, uid, reason, stamp)
    return Change((event,), (person.key,))


def revoke(ledger: Ledger, profile: str, who: Who, into: str, reason: str, stamp: Stamp) -> Change:
    """Let a person be used in another profile no longer. Their number there stays theirs."""
    check_text("reason", reason, may_be_empty=True)
    person = who.of(ledger, profile)
    last = ledger.profile(into).grants.get(person.key)
    if last is None or last.grant == REVOKED:
        return Change((), (person.key,))
    event = GrantChanged(profile, person.subject, into, last.rev + 1, REVOKED, last.uid, reason, stamp)
    return Change((event,), (person.key,))


def withhold(ledger: Ledger, profile: str, numbers: Iterable[int], reason: str, stamp: Stamp) -> Change:
    """Keep numbers of a profile from everybody, for example because strangers' files carry them."""
    check_text("reason", reason, may_be_empty=True)
    here = ledger.profile(profile)
    events = []
    for number in sorted(set(numbers)):
        holder = ledger.numbers.get(number)
        if isinstance(holder, NumberWithheld):
            continue
        if holder is not None:
            raise IdentityError(f"{number} cannot be withheld, for it was issued to {_holder(ledger, holder)}.")
        if number not in here.uid_band and number not in here.group_band:
            raise IdentityError(
                f"{number} is in no band of the profile {profile} ({here.uid_band}, groups {here.group_band}), so"
                " nobody of it ever gets it: leave it out."
            )
        events.append(NumberWithheld(profile, number, reason, stamp))
    return Change(tuple(events))


def _check_transition(ledger: Ledger, who: Who, person: Person, state: str) -> None:
    if state == ACTIVE and person.key in ledger.redirects and ledger.redirects[person.key].to_profile:
        raise IdentityError(
            f"{person} was merged into {ledger.present(person.key)}: take the redirect back first with"
            " ledger_redirect, if they are two people."
        )
    if person.state == RETIRED and state == DISABLED:
        raise IdentityError(f"{person} is retired, which is more than disabled: leave them so, or revive them.")
    # the username alone may be a new person's, who would get the files of the one who left
    if person.state == RETIRED and state == ACTIVE and not who.subject:
        raise IdentityError(
            f"{person} is retired: give their subject {quoted(person.subject)} as well, to say that it is the same"
            " person who is back."
        )


def state_changed(ledger: Ledger, person: Person, state: str, reason: str, stamp: Stamp) -> StateChanged:
    """The event that says what state somebody has from here on."""
    last = ledger.profile(person.profile).states.get(person.subject)
    return StateChanged(person.profile, person.subject, last.rev + 1 if last else 1, state, reason, stamp)


def _renamed_person(ledger: Ledger, profile: str, who: Who, username: str) -> Person:
    """Who is to be renamed; after it was done the former username still finds them, so that a second run changes
    nothing."""
    here = ledger.profile(profile)
    issued = here.by_username.get(who.username)
    if issued is not None and who.subject in ("", issued.subject):
        person = here.person(issued.subject)
        if person is not None and person.username == username:
            return person
    return who.of(ledger, profile)


def _check_name_is_free(here: Profile, person: Person, username: str) -> None:
    """Refuse a name that somebody else ever had in a profile."""
    whose = whose_name(here, username, person.key)
    if whose:
        raise IdentityError(
            f"{person} cannot be called {username} in the profile {here.id}: the name {whose}, and a name is never"
            " given to somebody else; choose another one."
        )


def whose_name(here: Profile, username: str, own: tuple[str, str] | None = None) -> str:
    """Whose a name is or ever was in a profile, in words; empty when it is nobody's, or that of the person C(own)."""
    issued, guest = here.by_username.get(username), here.guests.get(username)
    if issued is not None and (issued.profile, issued.subject) != own:
        return f"is or was that of {here.person(issued.subject)}"
    if username in here.groups:
        return "is a shared group's"
    if guest is not None and guest != own:
        return f"is that of the guest {quoted(guest[1])} of the profile {guest[0]}"
    return ""


def _holder(ledger: Ledger, holder: Holder) -> str:
    if isinstance(holder, GroupIssued):
        return f"the group {holder.name} of the profile {holder.profile}"
    person = ledger.profile(holder.profile).person(getattr(holder, "subject", ""))
    return f"{person}" if person else f"somebody ({number_of(holder)})"
