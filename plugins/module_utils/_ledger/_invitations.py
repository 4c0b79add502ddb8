# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations are issued, accepted and revoked, and what became of them (private, pure; runs on the controller).

A token is good only together with the ledger: what was issued here is in it, so a stolen signing key alone invites
nobody; what was used or revoked is in it for good, whatever the token says.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._acceptance import Acceptance, accept
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import check_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    RETIRED,
    Invited,
    Uninvited,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import (
    check_jti,
    parse_claims,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_records import (
    OPEN,
    chain_of,
    expiry_of,
    invitation_records,
    state_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change, state_changed
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._roster import SHOWN_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Redeemed, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

    Invitation = tuple[str, str, str]  # jti, name, claims

__all__ = [
    "Acceptance",
    "accept",
    "accepted_under",
    "invitation_problems",
    "invitation_records",
    "invite",
    "open_invitation",
    "uninvite",
]


def invite(ledger: Ledger, profile: str, invitations: Iterable[Invitation], now: int, stamp: Stamp) -> Change:
    """Note invitations before their tokens leave the house; those that are noted already add nothing.

    :param invitations: the jti, the name and the claims of each.
    :param now: the time in seconds.
    :raises IdentityError: one message about every one that cannot be issued; then none is.
    """
    wanted = list(invitations)
    problems = [problem for problem in invitation_problems(ledger, profile, wanted, now) if problem]
    if problems:
        raise IdentityError(
            f"Not all invitations into the profile {profile} can be issued, so none was:"
            f" {in_one_sentence(problems, SHOWN_PROBLEMS)}."
        )
    new = dict.fromkeys(one for one in wanted if one[0] not in ledger.invitations)
    return Change(tuple(Invited(profile, jti, name, claims, stamp) for jti, name, claims in new))


def invitation_problems(ledger: Ledger, profile: str, invitations: Sequence[Invitation], now: int) -> list[str]:
    """Why each of these cannot be issued, in the same order; empty for those that can, which can be issued together."""
    here = ledger.profile(profile).id
    by_name: defaultdict[str, list[Invited]] = defaultdict(list)
    for known in ledger.invitations.values():
        if known.profile == here:
            by_name[known.name].append(known)
    jtis: dict[str, Invitation] = {}
    names: dict[str, str] = {}
    problems = []
    for one in invitations:
        jti, name, _claims = one
        try:
            _check_invitation(ledger, here, one, now)
            if jti not in ledger.invitations:
                _check_name(ledger, by_name.get(name, ()), name, now)
            if jtis.get(jti, one) != one or names.get(name, jti) != jti:
                raise IdentityError(
                    f"the name {quoted(name)} or the jti {jti} is there twice: give every invitation a name of its own"
                )
        except IdentityError as refusal:
            problems.append(str(refusal).rstrip("."))
        else:
            jtis[jti], names[name] = one, jti
            problems.append("")
    return problems


def open_invitation(ledger: Ledger, profile: str, name: str, now: int) -> Invited | None:
    """The invitation of this name that can still be accepted."""
    for known in ledger.invitations.values():
        if known.name == name and known.profile == profile and state_of(ledger, known, now) == OPEN:
            return known
    return None


def uninvite(ledger: Ledger, profile: str, jtis: Iterable[str], reason: str, stamp: Stamp) -> Change:
    """Revoke invitations for good, and disable everybody who accepted one of them or one that comes of it.

    An invitation that nobody has seen here can be revoked as well, before it is. Whoever is retired stays so. Once
    more, it finds those who are not disabled: they accepted on another branch, or somebody revived them.
    """
    check_text("reason", reason, may_be_empty=True)
    here = ledger.profile(profile).id
    wanted = dict.fromkeys(map(check_jti, jtis))
    events: list[Event] = []
    for jti in wanted:
        seen = [event.profile for event in (ledger.invitations.get(jti), ledger.redeemed.get(jti)) if event is not None]
        if seen and here not in seen:
            raise IdentityError(f"The invitation {jti} is into the profile {seen[0]}, not into {here}: name that one.")
        if jti not in ledger.uninvited:
            events.append(Uninvited(here, jti, reason, stamp))
    people: dict[tuple[str, str], None] = {}
    for used in accepted_under(ledger, wanted):
        key = used.profile, used.subject
        home = ledger.profile(used.profile)
        person, state = home.person(used.subject), home.states.get(used.subject)
        if person is None or key in people:
            continue
        people[key] = None
        # revision 0 is no event yet: what follows from a merge is said from here on
        if person.state not in (DISABLED, RETIRED) or (state is not None and state.rev == 0):
            why = reason or f"the invitation {used.jti} was revoked"
            events.append(state_changed(ledger, person, DISABLED, why, stamp))
    return Change(tuple(events), tuple(people))


def accepted_under(ledger: Ledger, jtis: Iterable[str]) -> Iterator[Redeemed]:
    """Every use of one of these invitations, and of those that were delegated from them."""
    wanted = frozenset(jtis)
    for used in ledger.redeemed.values():
        if used.jti in wanted or not wanted.isdisjoint(used.chain.split()):
            yield used


def _check_invitation(ledger: Ledger, profile: str, invitation: Invitation, now: int) -> None:
    jti, name, text = invitation
    check_jti(jti)
    check_text("name", name)
    claims = parse_claims(text)
    if claims.get("jti") != jti or claims.get("aud") != profile:
        raise IdentityError(
            f"the claims of {quoted(name)} are of the jti {quoted(claims.get('jti'))} and the profile"
            f" {quoted(claims.get('aud'))}, not of {jti} and {profile}: take them from the token"
        )
    known, used = ledger.invitations.get(jti), ledger.redeemed.get(jti)
    if known is not None and (known.profile, known.name, known.claims) != (profile, name, text):
        raise IdentityError(
            f"the invitation {jti} was issued at {known.stamp.at} as {quoted(known.name)}: use that name for it"
        )
    for one in (jti, *chain_of(claims)):
        revoked = ledger.uninvited.get(one)
        if revoked is not None:
            which = "" if one == jti else f", from which {quoted(name)} is delegated,"
            raise IdentityError(f"the invitation {one}{which} was revoked at {revoked.stamp.at}: issue another one")
    if known is None and used is not None:
        raise IdentityError(f"the invitation {jti} was used at {used.stamp.at}: issue another one")
    if known is None and expiry_of(claims) <= now:
        raise IdentityError(f"the invitation {quoted(name)} has expired before it is issued: give it a later end")


def _check_name(ledger: Ledger, others: Iterable[Invited], name: str, now: int) -> None:
    for other in others:
        if state_of(ledger, other, now) == OPEN:
            raise IdentityError(
                f"the name {quoted(name)} is that of the invitation {other.jti}, which is open since"
                f" {other.stamp.at}: revoke that one first, or choose another name"
            )
