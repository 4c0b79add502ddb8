# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which local account an external identity means (private, pure; runs on the controller)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import choose_numbers
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    GRANTED,
    Linked,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_records import check_not_proposed
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import find_linked
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import whose_name
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person, Profile
    from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import PortalUser

__all__ = ["CREATE", "EXISTING", "MAPPINGS", "SHARED", "Mapping", "map_user"]

EXISTING, CREATE, SHARED = "existing", "create", "shared"
MAPPINGS = (EXISTING, CREATE, SHARED)


@dataclass(frozen=True)
class Mapping:
    """The account that runs the command, and what the ledger has to learn first."""

    account: str
    uid: int
    subject: str = ""  # who the person is in rosters; nobody where the account is shared
    shared: bool = False
    events: tuple[Event, ...] = ()


def map_user(
    ledger: Ledger, profile: str, user: PortalUser, mapping: str, username: str, now: int, stamp: Stamp
) -> Mapping:
    """Find, or for C(create) make, the account of a user.

    :param profile: where the account has to be.
    :param username: the shared account, or the name that a new account gets in the place of the portal's proposal.
    :param now: the time in seconds.
    :raises IdentityError: nobody is meant, somebody who must not get in, or more than one.
    """
    here = ledger.profile(profile)
    person = find_linked(ledger, user.upstream)
    if person is not None:
        _check_gets_in(person)
    if mapping == SHARED:
        if person is not None:
            _check_was_not_put_out(ledger, here, person)
        return _shared(ledger, here, username)
    if person is not None:
        _check_is_alone(ledger, person, user)
        return Mapping(person.username, _number(here, person), person.subject)
    if mapping == CREATE:
        return _created(here, ledger, user, username or user.username, now, stamp)
    raise IdentityError(
        f"Nobody in the ledger is {quoted(user.upstream)}: link the person with ledger_link first, or map with create."
    )


def _check_gets_in(person: Person) -> None:
    if person.state != ACTIVE:
        raise IdentityError(f"{person} is {person.state} in the ledger, so nothing runs for them.")


def _keys(ledger: Ledger, person: Person) -> list[tuple[str, str]]:
    """Everybody who is this person now: themselves, and whoever is redirected to them."""
    return sorted({person.key, *(key for key in ledger.redirects if ledger.present(key).key == person.key)})


def _upstreams(ledger: Ledger, person: Person) -> list[str]:
    """Every external identity that means this person, by a link of their own or through redirects."""
    keys = _keys(ledger, person)
    return sorted({linked.upstream for key in keys for linked in ledger.links.get(key, ()) if linked.upstream})


def _check_was_not_put_out(ledger: Ledger, here: Profile, person: Person) -> None:
    """Refuse a guest whose grant was taken back: they must not come in again by an account that is nobody's."""
    own = here.grants.get(person.key)
    if person.profile == here.id or (own is not None and own.grant == GRANTED):
        return
    grants = [here.grants[key] for key in _keys(ledger, person) if key in here.grants]
    if any(grant.grant != GRANTED for grant in grants):
        raise IdentityError(
            f"The grant that let {person} into the profile {here.id} was taken back, so nothing runs for them there:"
            " grant it with ledger_grant again if they are to come in."
        )


def _check_is_alone(ledger: Ledger, person: Person, user: PortalUser) -> None:
    """Refuse an account that two users of one portal mean: one of them is somebody else."""
    links = _upstreams(ledger, person)
    others = [text for text in links if text.startswith(user.issuer + " ") and text != user.upstream]
    if others:
        raise IdentityError(
            f"{person} is linked to {quoted(user.upstream)} and to {quoted(others[0])}, two users of one portal: an"
            " account is for one of them, so take back the redirect if one made them one, or use a shared account."
        )


def _number(here: Profile, person: Person) -> int:
    """The number of a person in a profile, their own or that of a guest."""
    if person.profile == here.id:
        return person.uid
    grant = here.grants.get(person.key)
    if grant is None or grant.grant != GRANTED:
        raise IdentityError(f"{person} is not let into the profile {here.id}: grant it with ledger_grant first.")
    return grant.uid


def _created(here: Profile, ledger: Ledger, user: PortalUser, username: str, now: int, stamp: Stamp) -> Mapping:
    """A new person: number and link come into the ledger together, or neither does."""
    if not username:
        raise IdentityError(
            f"The token of {quoted(user.upstream)} proposes no username: name one, or the claim that has it."
        )
    check_research_username(username)
    # Of their own, for by default a subject is the username: whoever a roster calls so and who has no number yet is
    # another person, and must not become this one because a portal proposes their name.
    subject = f"portal:{user.identity}"
    if subject in here.by_subject:
        raise IdentityError(
            f"{here.person(subject)} has the subject {subject} of {quoted(user.upstream)} in the profile {here.id}, and"
            " no link: link the two with ledger_link if they are one person."
        )
    whose = whose_name(here, username)
    if not whose and username in here.by_subject:
        whose = f"is the subject of {here.person(username)}"
    if whose:
        raise IdentityError(
            f"The username {username} {whose} in the profile {here.id}, and a name is never given to somebody else:"
            f" choose another one for {quoted(user.upstream)}, or link the two with ledger_link if they are one person."
        )
    check_not_proposed(ledger, here.id, username, (), now)
    uid = choose_numbers(here.uid_band, ledger.numbers, here.id, [username], "people")[username]
    issued = UserIssued(here.id, username, subject, uid, stamp)
    return Mapping(username, uid, subject, events=(issued, Linked(here.id, subject, user.upstream, "", stamp)))


def _shared(ledger: Ledger, here: Profile, username: str) -> Mapping:
    """The account that several users run commands as. It is nobody's own."""
    if not username:
        raise IdentityError("Which account is shared is not said: name it as username.")
    person = ledger.person(here.id, username)
    _check_gets_in(person)
    links = _upstreams(ledger, person)
    if links:
        raise IdentityError(
            f"{person} is linked to {quoted(links[0])}, so it is one person's account and not a shared one: issue a"
            " number for an account of its own."
        )
    return Mapping(person.username, person.uid, shared=True)
