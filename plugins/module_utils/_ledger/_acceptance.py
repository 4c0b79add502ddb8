# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody accepts an invitation: used up, a number, and who they are outside, all at once (private, pure; controller).

The caller has verified the token, the key and the identity. Here it is decided who is first: a store adds these events
only to the ledger that they were decided on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import check_federated_uuid, check_upstream
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import choose_numbers
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._conflicts import who
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import check_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    RETIRED,
    Linked,
    Redeemed,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import (
    check_chain,
    check_fingerprint,
    check_jti,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_records import check_not_proposed
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change, whose_name
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._roster import check_subject

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Profile

__all__ = ["Acceptance", "accept"]


@dataclass(frozen=True)
class Acceptance:
    """Who accepts which invitation, with which key, as whom."""

    profile: str
    jti: str
    issuer: str
    chain: tuple[str, ...]  # the ids of the invitations that it was delegated from, the first one first
    username: str
    subject: str
    key: str  # the fingerprint of the public key
    upstream: str = ""  # the verified identity, empty where none was asked for
    uuid: str = ""
    own_issuer: bool = True  # whether the token is signed by the issuer whose invitations this ledger keeps
    own_ancestors: tuple[str, ...] = ()  # those of the chain that are signed by it

    def event(self, stamp: Stamp) -> Redeemed:
        """What the ledger says of it from here on."""
        chain = " ".join(self.chain)
        return Redeemed(self.profile, self.jti, self.subject, self.issuer, chain, self.key, stamp)


def accept(ledger: Ledger, acceptance: Acceptance, now: int, stamp: Stamp) -> Change:
    """Use up an invitation for somebody new, who gets a number and a name that nobody ever had.

    The same person with the same key again: nothing to add, and whatever was interrupted can be finished.

    :param now: the time in seconds.
    :raises IdentityError: it is revoked or was used, or the name, the subject or the identity is somebody else's.
    """
    _check(acceptance)
    here = ledger.profile(acceptance.profile)
    _check_not_revoked(ledger, acceptance)
    _check_issued(ledger, acceptance)
    key = acceptance.profile, acceptance.subject
    used = ledger.redeemed.get(acceptance.jti)
    if used is not None:
        _check_same(ledger, acceptance, used)
        return Change((), (key,))
    _check_new(here, acceptance)
    check_not_proposed(ledger, here.id, acceptance.username, (acceptance.jti, *acceptance.chain), now)
    for what, text, known in (
        ("identity", acceptance.upstream, ledger.upstreams),
        ("UUID", acceptance.uuid, ledger.uuids),
    ):
        linked = known.get(text)
        if linked is not None:
            whose = ledger.profile(linked.profile).person(linked.subject)
            raise IdentityError(
                f"The {what} {quoted(text)} is that of {whose}, and nobody has two accounts: nothing was accepted; use"
                " the account that is there, or let ledger_grant bring it into another profile."
            )
    numbers = choose_numbers(here.uid_band, ledger.numbers, here.id, [acceptance.username], "people")
    events: list[Event] = [
        UserIssued(here.id, acceptance.username, acceptance.subject, numbers[acceptance.username], stamp)
    ]
    if acceptance.upstream or acceptance.uuid:
        events.append(Linked(here.id, acceptance.subject, acceptance.upstream, acceptance.uuid, stamp))
    return Change((*events, acceptance.event(stamp)), (key,))


def _check(acceptance: Acceptance) -> None:
    """Refuse what no line of a ledger could say."""
    check_jti(acceptance.jti)
    check_text("issuer", acceptance.issuer)
    check_chain(" ".join(acceptance.chain))
    check_research_username(acceptance.username)
    try:
        check_subject(acceptance.subject)
    except IdentityError as refusal:
        raise IdentityError(f"The subject {quoted(acceptance.subject)} cannot be used: {refusal}.") from refusal
    check_fingerprint(acceptance.key)
    if acceptance.upstream:
        check_upstream(acceptance.upstream)
    if acceptance.uuid:
        check_federated_uuid(acceptance.uuid)
    if acceptance.jti in acceptance.chain:
        raise IdentityError(f"The invitation {acceptance.jti} is delegated from itself: ask for a new one.")


def _check_not_revoked(ledger: Ledger, acceptance: Acceptance) -> None:
    for jti in (acceptance.jti, *acceptance.chain):
        revoked = ledger.uninvited.get(jti)
        if revoked is not None:
            which = "" if jti == acceptance.jti else f", from which {acceptance.jti} was delegated,"
            raise IdentityError(
                f"The invitation {jti}{which} was revoked at {revoked.stamp.at} by {quoted(revoked.stamp.by)}: it lets"
                " nobody in; ask for a new one."
            )


def _check_issued(ledger: Ledger, acceptance: Acceptance) -> None:
    """What our own issuer signed is in the ledger, or somebody else has the signing key."""
    ours = {*acceptance.own_ancestors, *((acceptance.jti,) if acceptance.own_issuer else ())}
    for jti in (acceptance.jti, *acceptance.chain):
        invited = ledger.invitations.get(jti)
        if invited is None and jti in ours:
            raise IdentityError(
                f"The invitation {jti} is signed with our own key, but it was not issued with this ledger: it lets"
                " nobody in; use the ledger that it was issued with, or, if there is none, replace the signing key,"
                " because somebody else has it."
            )
        if invited is not None and invited.profile != acceptance.profile:
            raise IdentityError(
                f"The invitation {jti} is into the profile {invited.profile}, not into {acceptance.profile}: accept it"
                " there."
            )


def _check_same(ledger: Ledger, acceptance: Acceptance, used: Redeemed) -> None:
    """Let only the person who used an invitation come again, with the same key and name."""
    person = ledger.profile(used.profile).person(used.subject)
    same = acceptance.event(used.stamp) == used and person is not None
    names = ledger.profile(used.profile).names_of(person) if person is not None else ()
    for text, linked in (
        (acceptance.upstream, ledger.upstreams.get(acceptance.upstream)),
        (acceptance.uuid, ledger.uuids.get(acceptance.uuid)),
    ):
        if text and (linked is None or (linked.profile, linked.subject) != (used.profile, used.subject)):
            same = False
    if not same or acceptance.username not in names:
        raise IdentityError(
            f"The invitation {acceptance.jti} was used at {used.stamp.at} by {person}, and only they, with the same"
            " username, key and identity, can come again: ask for a new one."
        )
    if person is not None and person.state in (DISABLED, RETIRED):
        raise IdentityError(
            f"{person} accepted the invitation {acceptance.jti} at {used.stamp.at} and is {person.state} since: ask"
            " whoever invited them, who can use ledger_revive."
        )


def _check_new(here: Profile, acceptance: Acceptance) -> None:
    """Refuse the subject or the name of anybody who is or ever was here."""
    issued = here.by_subject.get(acceptance.subject)
    if issued is not None:
        raise IdentityError(
            f"The subject {quoted(acceptance.subject)} is {who(issued)} already, and an invitation is for somebody new:"
            " use the account that is there, or give the new person another subject."
        )
    whose = whose_name(here, acceptance.username)
    if whose:
        raise IdentityError(
            f"Nobody new can be called {acceptance.username} in the profile {here.id}: the name {whose}, and a name is"
            " never given to somebody else; choose another one."
        )
