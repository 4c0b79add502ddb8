# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an allocation makes of people whom the ledger disabled, retired, renamed, reserved or lends to others."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    GRANTED,
    RESERVED,
    REVOKED,
    Event,
    GrantChanged,
    NumberWithheld,
    Renamed,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    ledger_of,
    profile,
    user,
)

TWO_LABS = [profile(), user("alice", 5361), user("bob", 5587), profile("imaging", "6000-6999")]


def state(subject: str, rev: int, to: str) -> Event:
    return StateChanged("lab", subject, rev, to, "", STAMP)


def grant(subject: str, uid: int, rev: int = 1, effect: str = GRANTED) -> Event:
    return GrantChanged("lab", subject, "imaging", rev, effect, uid, "", STAMP)


def guest(username: str, of: str = "lab", subject: str = "", is_to_be: str = "present") -> RosterEntry:
    return RosterEntry(username, subject or username, home_profile=of, state=is_to_be)


@pytest.mark.parametrize("to", ["disabled", "retired"])
@pytest.mark.parametrize("wanted", ["present", "disabled", "absent"])
def test_the_one_that_lets_fewer_in_wins(to: str, wanted: str) -> None:
    roster = Roster((RosterEntry("alice", "alice", state=wanted), RosterEntry("bob", "bob")))
    allocation = allocate(ledger_of([*TWO_LABS, state("alice", 1, to)]), Wanted("lab", roster), STAMP)
    assert allocation.uids == {"alice": 5361, "bob": 5587}
    assert set(allocation.disabled) == {"alice"}
    assert to in allocation.disabled["alice"]
    assert allocation.events == ()


def test_who_is_in_reserve_gets_into_use_by_the_roster_and_not_by_a_reservation() -> None:
    events = [*TWO_LABS, state("alice", 1, RESERVED)]
    roster = Roster((RosterEntry("alice", "alice"), RosterEntry("zoe", "zoe")))
    kept = allocate(ledger_of(events), Wanted("lab", roster, reserve=True), STAMP)
    assert [(type(event).__name__, getattr(event, "state", "")) for event in kept.events] == [
        ("UserIssued", ""),
        ("StateChanged", RESERVED),
    ]
    used = allocate(ledger_of([*events, *kept.events]), Wanted("lab", roster), STAMP)
    assert [(event.subject, event.rev, event.state) for event in used.events if isinstance(event, StateChanged)] == [
        ("alice", 2, ACTIVE),
        ("zoe", 2, ACTIVE),
    ]
    assert allocate(ledger_of([*events, *kept.events, *used.events]), Wanted("lab", roster), STAMP).events == ()


def test_who_was_renamed_keeps_the_number_and_the_former_names() -> None:
    renames: list[Event] = [Renamed("lab", "alice", rev, name, "", STAMP) for rev, name in ((1, "ally"), (2, "alicia"))]
    ledger = ledger_of([*TWO_LABS, *renames])
    allocation = allocate(ledger, Wanted("lab", Roster((RosterEntry("alicia", "alice"),))), STAMP)
    assert (allocation.uids, allocation.names) == ({"alicia": 5361}, {"alicia": ("alice", "alicia", "ally")})
    for username, subject in (("alice", "alice"), ("alice", "new"), ("ally", "new"), ("alicia", "new")):
        with pytest.raises(IdentityError, match=r"the roster (calls them|gives it to)"):
            allocate(ledger, Wanted("lab", Roster((RosterEntry(username, subject),))), STAMP)


def test_a_guest_has_the_number_of_the_grant() -> None:
    ledger = ledger_of([*TWO_LABS, grant("alice", 6007), grant("bob", 5587)])
    allocation = allocate(ledger, Wanted("imaging", Roster((guest("alice"), guest("bob")))), STAMP)
    assert allocation.uids == {"alice": 6007, "bob": 5587}
    assert allocation.guest_bands == [parse_band("5000-5999")]
    assert allocation.events == ()
    assert 6007 not in allocate(ledger, Wanted("imaging", Roster((RosterEntry("zoe", "zoe"),))), STAMP).uids.values()


@pytest.mark.parametrize("more", [grant("alice", 6007, 2, REVOKED), state("alice", 1, "retired")])
def test_a_guest_who_lost_the_grant_or_the_state_gets_a_disabled_account(more: Event) -> None:
    ledger = ledger_of([*TWO_LABS, grant("alice", 6007), more])
    allocation = allocate(ledger, Wanted("imaging", Roster((guest("alice"),))), STAMP)
    assert (allocation.uids, set(allocation.disabled)) == ({"alice": 6007}, {"alice"})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (guest("bob"), "no grant that lets the subject 'bob' of it into imaging"),
        (guest("alice", of="unknown"), "no grant"),
        (guest("alicia", subject="alice"), "is called alice there"),
        (RosterEntry("alice", "alice"), "belongs to the guest 'alice' of the profile lab"),
        (RosterEntry("alice", "alice@elsewhere"), "belongs to the guest 'alice' of the profile lab"),
    ],
)
def test_nobody_is_taken_for_a_guest(entry: RosterEntry, reason: str) -> None:
    ledger = ledger_of([*TWO_LABS, grant("alice", 6007)])
    with pytest.raises(IdentityError, match=reason):
        allocate(ledger, Wanted("imaging", Roster((entry,))), STAMP)


def test_a_guest_who_never_was_let_in_and_is_to_be_gone_is_no_error() -> None:
    gone = allocate(ledger_of(TWO_LABS), Wanted("imaging", Roster((guest("bob", is_to_be="absent"),))), STAMP)
    assert (gone.uids, gone.events) == ({}, ())


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (guest("alice", subject="alice@uni.example", is_to_be="absent"), "'home_profile: lab' and 'subject: alice'"),
        (guest("alice", of="mistyped", is_to_be="absent"), "'home_profile: lab' and 'subject: alice'"),
        (guest("zoe", is_to_be="absent"), "'subject: zoe@uni.example' without home_profile"),
        (guest("zoe", of="imaging", subject="zoe@uni.example", is_to_be="absent"), "without home_profile"),
    ],
)
def test_nobody_stays_because_who_is_to_be_gone_is_named_wrongly(entry: RosterEntry, reason: str) -> None:
    ledger = ledger_of([*TWO_LABS, grant("alice", 6007), user("zoe", 6100, "zoe@uni.example", "imaging")])
    with pytest.raises(IdentityError, match=reason):
        allocate(ledger, Wanted("imaging", Roster((entry,))), STAMP)


def test_a_number_that_is_kept_is_really_free() -> None:
    ledger = ledger_of([*TWO_LABS, NumberWithheld("lab", 5400, "files of strangers", STAMP)])
    roster = Roster((RosterEntry("zoe", "zoe"), RosterEntry("yan", "yan")))
    kept = allocate(ledger, Wanted("lab", roster, uids={"zoe": 5777}), STAMP)
    assert kept.uids["zoe"] == 5777
    assert kept.uids["yan"] != 5777
    for uids, reason in (
        ({"zoe": 5361}, "the ledger has it for alice"),
        ({"zoe": 5400}, "the ledger has it for nobody"),
        ({"zoe": 6001}, "outside the band 5000-5999"),
        ({"zoe": 1001}, "outside the band"),
        ({"zoe": 5777, "yan": 5777}, "but so is another one"),
    ):
        with pytest.raises(IdentityError, match=reason):
            allocate(ledger, Wanted("lab", roster, uids=uids), STAMP)
    with pytest.raises(IdentityError, match="alice is to keep 5362, but the ledger has 5361"):
        allocate(ledger, Wanted("lab", Roster((RosterEntry("alice", "alice"),)), uids={"alice": 5362}), STAMP)


def test_who_is_kept_out_is_told_of_although_no_roster_names_them() -> None:
    events = [*TWO_LABS, state("alice", 1, "retired"), Renamed("lab", "alice", 1, "alicia", "", STAMP)]
    nobody = allocate(ledger_of(events), Wanted("lab", Roster(())), STAMP)
    assert [(left.person.username, left.uid, left.former_names) for left in nobody.left] == [
        ("alicia", 5361, ("alice",))
    ]
    named = Roster((RosterEntry("alicia", "alice", state="absent"),))
    assert allocate(ledger_of(events), Wanted("lab", named), STAMP).left == ()


@pytest.mark.parametrize("more", [grant("alice", 6007, 2, REVOKED), state("alice", 1, "retired")])
def test_a_guest_whom_the_roster_dropped_is_told_of_when_nothing_lets_them_in(more: Event) -> None:
    lent = ledger_of([*TWO_LABS, grant("alice", 6007)])
    assert allocate(lent, Wanted("imaging", Roster(())), STAMP).left == ()
    over = ledger_of([*TWO_LABS, grant("alice", 6007), more])
    (left,) = allocate(over, Wanted("imaging", Roster(())), STAMP).left
    assert (left.person.key, left.uid) == (("lab", "alice"), 6007)
    assert allocate(over, Wanted("imaging", Roster((guest("alice"),))), STAMP).left == ()


def test_the_band_of_a_guest_who_is_kept_out_is_told_as_long_as_hosts_may_have_the_account() -> None:
    over = ledger_of([*TWO_LABS, grant("alice", 5361), grant("alice", 5361, 2, REVOKED)])
    for roster in (Roster(()), Roster((guest("alice"),))):
        allocation = allocate(over, Wanted("imaging", roster), STAMP)
        assert allocation.guest_bands == [parse_band("5000-5999")]
