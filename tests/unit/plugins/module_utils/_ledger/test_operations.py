# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations add to a ledger, and what they refuse in whose words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    GRANTED,
    RESERVED,
    RETIRED,
    REVOKED,
    GrantChanged,
    NumberWithheld,
    Renamed,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import (
    Change,
    Who,
    grant,
    rename,
    revoke,
    set_state,
    withhold,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import (
    describe,
    event_record,
    person_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    STAMP,
    group,
    ledger_of,
    profile,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

    Operation = Callable[[Ledger], Change]

BASE = [
    profile(),
    profile("other", "6000-6003"),
    user("alice", 5001, "a@x"),
    user("bob", 5002),
    group("research", 4001),
    user("carol", 6001, name="other"),
    group("genomics", 4002, "other"),
]


class Life:
    """A ledger to which one operation after the other adds; what is accepted is what a second run finds done."""

    def __init__(self, events: list[Event]) -> None:
        self.events = list(events)

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.events)

    def does(self, operation: Operation) -> tuple[Event, ...]:
        change = operation(self.ledger)
        self.events += change.events
        assert operation(self.ledger).events == ()
        assert all(describe(event).isascii() and describe(event).isprintable() for event in change.events)
        return change.events

    def refuses(self, operation: Operation) -> str:
        with pytest.raises(IdentityError) as caught:
            operation(self.ledger)
        message = str(caught.value)
        assert message.isprintable()
        assert message.isascii()
        assert message.endswith(".")
        assert len(message) < 500
        return message

    def state(self, *people: Who, to: str, name: str = "lab", reason: str = "") -> tuple[Event, ...]:
        return self.does(lambda ledger: set_state(ledger, name, people, to, reason, STAMP))


@pytest.fixture
def life() -> Life:
    return Life(BASE)


def state(*people: Who, to: str = DISABLED, name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: set_state(ledger, name, people, to, reason, STAMP)


def renamed(who: Who, to: str, name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: rename(ledger, name, who, to, reason, STAMP)


def granted(who: Who, into: str = "other", own: bool | None = None, name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: grant(ledger, name, who, into, own, reason, STAMP)


def revoked(who: Who, into: str = "other", name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: revoke(ledger, name, who, into, reason, STAMP)


def withheld(*numbers: int, name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: withhold(ledger, name, numbers, reason, STAMP)


ALICE, BOB, CAROL = Who("alice"), Who("bob"), Who("carol")


def test_states_count_their_revisions(life: Life) -> None:
    assert life.state(ALICE, BOB, ALICE, Who(subject="a@x"), to=DISABLED, reason="why") == (
        StateChanged("lab", "a@x", 1, DISABLED, "why", STAMP),
        StateChanged("lab", "bob", 1, DISABLED, "why", STAMP),
    )
    assert life.state(ALICE, to=ACTIVE) == (StateChanged("lab", "a@x", 2, ACTIVE, "", STAMP),)
    assert life.state(ALICE, to=RETIRED) == (StateChanged("lab", "a@x", 3, RETIRED, "", STAMP),)
    assert life.state(Who("alice", "a@x"), to=ACTIVE) == (StateChanged("lab", "a@x", 4, ACTIVE, "", STAMP),)
    assert life.state(ALICE, to=RETIRED) == (StateChanged("lab", "a@x", 5, RETIRED, "", STAMP),)
    assert life.state(Who(subject="a@x"), to=ACTIVE) == (StateChanged("lab", "a@x", 6, ACTIVE, "", STAMP),)
    assert life.ledger.person("lab", "alice").state == ACTIVE
    assert life.state(to=RETIRED) == ()


def test_all_or_nobody(life: Life) -> None:
    assert "nobody with the username 'mallory'" in life.refuses(state(ALICE, Who("mallory"), to=RETIRED))
    assert life.ledger.person("lab", "alice").state == ACTIVE


def test_who_is_retired_comes_back_by_subject_only_and_is_not_disabled(life: Life) -> None:
    life.state(ALICE, to=RETIRED)
    assert "alice (lab, 5001, subject 'a@x') is retired: give their subject" in life.refuses(state(ALICE, to=ACTIVE))
    assert "is retired, which is more than disabled" in life.refuses(state(Who(subject="a@x")))


def test_a_rename_keeps_the_number_and_the_former_name(life: Life) -> None:
    assert life.does(renamed(ALICE, "alicia")) == (Renamed("lab", "a@x", 1, "alicia", "", STAMP),)
    # the same task in every shape in which it may have been written
    for who in (ALICE, Who("alicia"), Who(subject="a@x"), Who("alice", "a@x"), Who("alicia", "a@x")):
        assert life.does(renamed(who, "alicia")) == ()
    alice = life.ledger.person("lab", "alicia")
    assert (alice.uid, alice.subject) == (5001, "a@x")
    assert "Nobody of the profile lab is called 'alice' any more: alicia (lab, 5001" in life.refuses(state(ALICE))
    assert "the name is or was that of alicia" in life.refuses(renamed(BOB, "alice"))
    assert life.does(renamed(Who("alicia"), "alina")) == (Renamed("lab", "a@x", 2, "alina", "", STAMP),)
    assert "'alice' any more" in life.refuses(renamed(ALICE, "alicia"))
    assert life.does(renamed(Who("alina"), "alice")) == (Renamed("lab", "a@x", 3, "alice", "", STAMP),)
    assert "is called bob in the ledger, not 'alice'" in life.refuses(renamed(Who("alice", "bob"), "alice"))


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("root", "belongs to the system"),
        ("systemd-x", "belongs to the system"),
        ("ubuntu", "belongs to the system or to a template"),
        ("Alicia", "did you mean 'alicia'?"),
        ("\u0430licia", r"it begins with '\u0430' (U+0430)"),
        ("ali\u0301cia", "is not valid"),
        ("a" * 33, "it has 33 characters"),
        ("", "it is empty"),
        ("a:b", "it holds ':'"),
        ("a\nb", "is not valid"),
        ("x" * 10_000_000, "it has 10000000 characters"),
        ("bob", "the name is or was that of bob (lab, 5002)"),
        ("research", "the name is a shared group's"),
    ],
)
def test_names_that_nobody_gets(life: Life, to: str, reason: str) -> None:
    assert reason in life.refuses(renamed(ALICE, to))


def test_a_name_in_another_profile_is_free_until_a_grant_joins_the_two(life: Life) -> None:
    life.does(renamed(ALICE, "carol"))
    assert "carol (lab, 5001, subject 'a@x') cannot be called carol in the profile other" in life.refuses(
        granted(Who("carol"))
    )
    life.does(renamed(Who("carol"), "alice"))
    # what she was called once counts too: nobody can tell later which of the two came first
    assert "cannot be called carol in the profile other" in life.refuses(granted(ALICE))
    life.does(granted(BOB))
    assert "cannot be called genomics in the profile other" in life.refuses(renamed(BOB, "genomics"))
    assert "the name is or was that of alice (lab, 5001, subject 'a@x')" in life.refuses(renamed(BOB, "carol"))
    assert "the name is that of the guest 'bob' of the profile lab" in life.refuses(renamed(CAROL, "bob", "other"))
    life.does(renamed(BOB, "robert"))
    assert "the name is that of the guest 'bob'" in life.refuses(renamed(CAROL, "robert", "other"))
    assert "the name is that of the guest 'bob'" in life.refuses(renamed(CAROL, "bob", "other"))


def test_the_retired_are_not_renamed(life: Life) -> None:
    life.state(ALICE, to=RETIRED)
    assert "is retired: revive them first" in life.refuses(renamed(ALICE, "alicia"))


def test_a_grant_has_one_number_for_good(life: Life) -> None:
    (first,) = life.does(granted(ALICE))
    assert isinstance(first, GrantChanged)
    assert first.uid in (6000, 6002, 6003)
    assert (first.rev, first.grant) == (1, GRANTED)
    assert "had" in life.refuses(granted(ALICE, own=False))
    life.does(granted(ALICE, own=True))
    assert life.does(revoked(ALICE)) == (GrantChanged("lab", "a@x", "other", 2, REVOKED, first.uid, "", STAMP),)
    assert "and a number stays: leave the choice of the number out" in life.refuses(granted(ALICE, own=False))
    (again,) = life.does(granted(ALICE))
    assert again == GrantChanged("lab", "a@x", "other", 3, GRANTED, first.uid, "", STAMP)
    assert list(life.ledger.guests("other")) == [(life.ledger.person("lab", "alice"), again)]
    (home,) = life.does(granted(BOB, own=False))
    assert home == GrantChanged("lab", "bob", "other", 1, GRANTED, 5002, "", STAMP)
    assert "had 5002" in life.refuses(granted(BOB, own=True))


def test_grants_end_where_the_band_does_and_never_in_the_next_one(life: Life) -> None:
    life.does(withheld(6000, 6002, name="other"))
    life.does(granted(ALICE))
    message = life.refuses(granted(BOB))
    assert "The profile other needs numbers for 1 more people, but its band 6000-6003 has 0 left of 4" in message


def test_who_is_not_active_is_not_granted_but_revoked(life: Life) -> None:
    life.does(granted(ALICE))
    for to in (DISABLED, RETIRED):
        life.state(ALICE, BOB, to=to)
        assert f"bob (lab, 5002) is {to} at home: make them active first" in life.refuses(granted(BOB))
    assert life.does(revoked(BOB)) == ()
    assert len(life.does(revoked(ALICE))) == 1
    assert "is retired at home" in life.refuses(granted(ALICE))


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (granted(ALICE, "lab"), "alice (lab, 5001, subject 'a@x') is at home in the profile lab: name another"),
        (granted(ALICE, "lob"), "The ledger has no profile 'lob' (it has: lab, other): correct the id"),
        (revoked(ALICE, "lob"), "The ledger has no profile 'lob'"),
        (granted(ALICE, name="lob"), "The ledger has no profile 'lob'"),
        (granted(Who(subject="\u0430@x")), r"nobody with the subject '\u0430@x' in the profile lab"),
        (granted(CAROL), "nobody with the username 'carol' in the profile lab"),
        (granted(Who("alice", "bob")), "The subject 'bob' of the profile lab is called bob in the ledger, not 'alice'"),
        (granted(Who()), "Nobody is named: give a username or a subject"),
        (state(Who("x" * 10_000_000)), "nobody with the username 'xxx"),
        (state(Who("a\x1b[2Jb")), r"nobody with the username 'a\x1b[2Jb'"),
        (state(ALICE, reason="a\nb"), r"The reason 'a\nb' is not one line of at most 255 printable characters"),
        (renamed(ALICE, "alicia", reason="\x1b[2J"), "The reason"),
        (granted(ALICE, reason="x" * 10_000_000), "The reason"),
        (revoked(ALICE, reason="\u202eevil"), r"The reason '\u202eevil'"),
        (withheld(5003, reason="a\x00b"), "The reason"),
        (withheld(5001), "5001 cannot be withheld, for it was issued to alice (lab, 5001, subject 'a@x')"),
        (withheld(5003, 4002), "4002 cannot be withheld, for it was issued to the group genomics of the profile other"),
        (withheld(6002), "6002 is in no band of the profile lab (5000-5999, groups 4000-4999)"),
        (withheld(-1), "-1 is in no band of the profile lab"),
        (withheld(5003, name="lob"), "The ledger has no profile 'lob'"),
    ],
)
def test_what_is_refused(life: Life, operation: Operation, reason: str) -> None:
    assert reason in life.refuses(operation)


def test_withheld_numbers_are_nobodys(life: Life) -> None:
    events = life.does(withheld(5010, 5009, 5010, 4100, reason="old server"))
    assert events == tuple(NumberWithheld("lab", number, "old server", STAMP) for number in (4100, 5009, 5010))
    assert life.does(withheld(5010, 5011)) == (NumberWithheld("lab", 5011, "", STAMP),)
    # the bands of groups are shared, and so are the numbers in them that nobody may have
    assert life.does(withheld(4100, name="other")) == ()
    life.does(granted(ALICE))
    uid = life.ledger.profile("other").grants["lab", "a@x"].uid
    assert f"{uid} cannot be withheld, for it was issued to alice (lab, 5001" in life.refuses(
        withheld(uid, name="other")
    )
    former = Life([*BASE, Renumbered("lab", "a@x", 5700, 5001, "", STAMP)])
    assert "5700 cannot be withheld, for it was issued to alice" in former.refuses(withheld(5700))


def numbers(life: Life, entries: list[RosterEntry], name: str = "lab", reserve: bool = False) -> dict[str, str]:
    """Who gets a number by a roster, and whether they get in: what is decided is written down."""
    wanted = Wanted(name, Roster(tuple(entries)), reserve=reserve)
    allocation = allocate(life.ledger, wanted, LATER)
    life.events += allocation.events
    return {username: "out" if username in allocation.disabled else "in" for username in allocation.uids}


def test_the_name_or_the_subject_of_who_left_is_nobody_elses(life: Life) -> None:
    life.state(BOB, ALICE, to=RETIRED)
    with pytest.raises(IdentityError, match="a name is never given to somebody else"):
        numbers(life, [RosterEntry("alice", "new@x")])
    with pytest.raises(IdentityError, match="the subject 'a@x' has 5001 as alice, and the roster calls them zoe"):
        numbers(life, [RosterEntry("zoe", "a@x")])
    # a new bob without a subject of his own cannot be told from the one who left: he does not get in
    assert numbers(life, [RosterEntry("bob", "bob")]) == {"bob": "out"}
    # a look-alike of a subject is somebody else, with a number of their own
    assert numbers(life, [RosterEntry("zoe", "\u0430@x")]) == {"zoe": "in"}
    assert life.ledger.person("lab", "zoe").uid != 5001


def test_whom_the_ledger_keeps_out_the_roster_does_not_let_in(life: Life) -> None:
    guest = RosterEntry("alice", "a@x", home_profile="lab")
    assert numbers(life, [RosterEntry("frank", "frank")], reserve=True) == {"frank": "in"}
    assert life.ledger.person("lab", "frank").state == RESERVED
    assert numbers(life, [RosterEntry("frank", "frank", state="absent")]) == {"frank": "in"}
    assert life.ledger.person("lab", "frank").state == RESERVED
    assert numbers(life, [RosterEntry("frank", "frank")]) == {"frank": "in"}
    assert life.ledger.person("lab", "frank").state == ACTIVE
    assert numbers(life, [RosterEntry("frank", "frank")], reserve=True) == {"frank": "in"}
    assert life.ledger.person("lab", "frank").state == ACTIVE
    life.does(granted(ALICE))
    assert numbers(life, [guest], "other") == {"alice": "in"}
    life.state(ALICE, to=DISABLED)
    assert numbers(life, [guest], "other") == {"alice": "out"}
    assert numbers(life, [RosterEntry("alice", "a@x")]) == {"alice": "out"}
    life.state(ALICE, to=ACTIVE)
    life.does(revoked(ALICE))
    assert numbers(life, [guest], "other") == {"alice": "out"}
    assert numbers(life, [RosterEntry("alice", "a@x")]) == {"alice": "in"}


def test_a_guest_and_a_local_person_are_not_taken_for_each_other(life: Life) -> None:
    life.does(granted(ALICE))
    with pytest.raises(IdentityError, match="belongs to the guest 'a@x' of the profile lab"):
        numbers(life, [RosterEntry("alice", "a@x")], "other")
    with pytest.raises(IdentityError, match="the ledger has no grant that lets the subject 'bob' of it into other"):
        numbers(life, [RosterEntry("bob", "bob", home_profile="lab")], "other")
    with pytest.raises(IdentityError, match="no grant that lets the subject 'carol' of it into other"):
        numbers(life, [RosterEntry("carol", "carol", home_profile="lab")], "other")
    life.does(renamed(ALICE, "alicia"))
    with pytest.raises(IdentityError, match="is called alicia there, and the roster calls them alice"):
        numbers(life, [RosterEntry("alice", "a@x", home_profile="lab")], "other")
    with pytest.raises(IdentityError, match="belongs to the guest 'a@x' of the profile lab"):
        numbers(life, [RosterEntry("alice", "somebody@x")], "other")


def test_records_say_what_the_ledger_says(life: Life) -> None:
    (event,) = life.does(granted(ALICE, own=False, reason="joint project"))
    assert event_record(event) == {
        "kind": "grant",
        "profile": "lab",
        "subject": "a@x",
        "into": "other",
        "rev": 1,
        "grant": "granted",
        "uid": 5001,
        "reason": "joint project",
        "at": STAMP.at,
        "by": STAMP.by,
        "run": "",
    }
    assert person_record(life.ledger, life.ledger.person("lab", "alice")) == {
        "username": "alice",
        "uid": 5001,
        "gid": 5001,
        "subject": "a@x",
        "profile": "lab",
        "state": "active",
        "issued_at": STAMP.at,
        "issued_by": STAMP.by,
        "upstreams": [],
        "uuid": "",
    }
    assert event_record(profile())["uid_band"] == "5000-5999"
    assert isinstance(life.ledger.numbers[5001], UserIssued)


def test_a_group_is_not_called_like_a_guest(life: Life) -> None:
    life.does(granted(ALICE))
    with pytest.raises(IdentityError, match="the group alice has the name of a person"):
        allocate(life.ledger, Wanted("other", Roster(()), ("alice",)), LATER)
