# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger as a value: profiles, people and numbers (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    GRANTED,
    GroupIssued,
    NumberWithheld,
    Renumbered,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Union

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
        Event,
        GrantChanged,
        Invited,
        Linked,
        ProfileRegistered,
        Redeemed,
        Redirected,
        Renamed,
        StateChanged,
        Uninvited,
        UserIssued,
    )
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

    Holder = Union[UserIssued, GroupIssued, NumberWithheld, Renumbered, GrantChanged]

__all__ = ["EMPTY_LEDGER", "Ledger", "Person", "Profile", "number_of"]


@dataclass(frozen=True)
class Person:
    """One person as the ledger has them now."""

    profile: str
    subject: str
    username: str
    uid: int
    state: str
    issued: UserIssued

    @property
    def key(self) -> tuple[str, str]:
        """Who this is, whatever they are called."""
        return self.profile, self.subject

    def __str__(self) -> str:
        subject = "" if self.subject == self.username else f", subject {quoted(self.subject)}"
        return f"{self.username} ({self.profile}, {self.uid}{subject})"


@dataclass(frozen=True)
class Profile:
    """One profile: its bands, and whom and what it has numbers for. Of what has revisions, it holds the last.

    A state with revision 0 is one that no event says: somebody is disabled whose invitation was revoked elsewhere.
    """

    registered: ProfileRegistered
    by_subject: Mapping[str, UserIssued] = field(default_factory=dict)
    by_username: Mapping[str, UserIssued] = field(default_factory=dict)  # by every name that somebody ever had
    groups: Mapping[str, GroupIssued] = field(default_factory=dict)
    states: Mapping[str, StateChanged] = field(default_factory=dict)  # by subject
    names: Mapping[str, Renamed] = field(default_factory=dict)  # by subject
    every_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the renamed, the first one first
    grants: Mapping[tuple[str, str], GrantChanged] = field(default_factory=dict)  # into this profile, by person
    guests: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # whom a grant ever brought, by every name

    @property
    def id(self) -> str:
        """Its name."""
        return self.registered.profile

    @property
    def uid_band(self) -> Band:
        """The numbers of its people."""
        return self.registered.uid_band

    @property
    def group_band(self) -> Band:
        """The numbers of its shared groups."""
        return self.registered.group_band

    def person(self, subject: str) -> Person | None:
        """The person with this subject."""
        issued = self.by_subject.get(subject)
        if issued is None:
            return None
        renamed, changed = self.names.get(subject), self.states.get(subject)
        return Person(
            self.id,
            subject,
            renamed.username if renamed else issued.username,
            issued.uid,
            changed.state if changed else ACTIVE,
            issued,
        )

    def names_of(self, person: Person) -> tuple[str, ...]:
        """Every name that somebody ever had here, the first one first."""
        return self.every_name.get(person.subject, (person.issued.username,))

    def people(self) -> Iterator[Person]:
        """Everybody who has a number of this profile, in the order in which they got it."""
        for subject in self.by_subject:
            person = self.person(subject)
            if person is not None:
                yield person

    def called(self, username: str) -> Person | None:
        """The person who has this username now."""
        issued = self.by_username.get(username)
        person = self.person(issued.subject) if issued else None
        return person if person and person.username == username else None


@dataclass(frozen=True)
class Ledger:
    """Every profile, and every number that was ever issued."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    numbers: Mapping[int, Holder] = field(default_factory=dict)
    upstreams: Mapping[str, Linked] = field(default_factory=dict)
    uuids: Mapping[str, Linked] = field(default_factory=dict)
    links: Mapping[tuple[str, str], Sequence[Linked]] = field(default_factory=dict)  # by person
    redirects: Mapping[tuple[str, str], Redirected] = field(default_factory=dict)  # by person
    invitations: Mapping[str, Invited] = field(default_factory=dict)  # by jti, as the two below
    uninvited: Mapping[str, Uninvited] = field(default_factory=dict)
    redeemed: Mapping[str, Redeemed] = field(default_factory=dict)
    events: Sequence[Event] = field(default=(), compare=False)  # the same ledger, in whatever order

    def profile(self, profile: str) -> Profile:
        """The profile with this id, which must be there."""
        found = self.profiles.get(profile)
        if found is None:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise IdentityError(f"The ledger has no profile {quoted(profile)} (it has: {known}): correct the id.")
        return found

    def person(self, profile: str, username: str = "", subject: str = "") -> Person:
        """The person with this subject or with this username, who must be there."""
        here = self.profile(profile)
        person = here.person(subject) if subject else here.called(username)
        if person is not None and (not username or person.username == username):
            return person
        if person is not None:
            raise IdentityError(
                f"The subject {quoted(subject)} of the profile {profile} is called {person.username} in the ledger, not"
                f" {quoted(username)}: leave one of the two out, or correct it."
            )
        former = here.by_username.get(username) if not subject else None
        if former is not None:
            now = here.person(former.subject)
            raise IdentityError(
                f"Nobody of the profile {profile} is called {quoted(username)} any more: {now} was. Use the present"
                " username."
            )
        who = f"the subject {quoted(subject)}" if subject else f"the username {quoted(username)}"
        raise IdentityError(f"The ledger has nobody with {who} in the profile {profile}: correct it.")

    def present(self, key: tuple[str, str]) -> Person:
        """The person whom this one is now, after every redirect. The fold has seen that there is no loop."""
        while key in self.redirects and self.redirects[key].to_profile:
            key = self.redirects[key].to_profile, self.redirects[key].to_subject
        person = self.profile(key[0]).person(key[1])
        if person is None:
            raise IdentityError(f"The ledger has nobody with the subject {quoted(key[1])} in the profile {key[0]}.")
        return person

    def guests(self, profile: str) -> Iterator[tuple[Person, GrantChanged]]:
        """The people of other profiles whom a grant lets into this one now."""
        for key, grant in self.profile(profile).grants.items():
            if grant.grant == GRANTED:
                person = self.profile(key[0]).person(key[1])
                if person is not None:
                    yield person, grant


EMPTY_LEDGER = Ledger()


def number_of(holder: Holder) -> int:
    """The number that somebody or something holds."""
    if isinstance(holder, GroupIssued):
        return holder.gid
    if isinstance(holder, NumberWithheld):
        return holder.number
    return holder.was if isinstance(holder, Renumbered) else holder.uid
