# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of adoption that hold for every fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption import Adoption, adopt
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_report import (
    adoption_report,
    adoption_table,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    NumberWithheld,
    Renumbered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import number_of
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.fleets import (
    adopted,
    host,
    people,
    proposal,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    ledger_of,
    user,
    wanted,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    profile as registered,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

# small worlds, in which everything collides; the band is nearly as small
BAND = "5000-5039"
PEOPLE = ["alice", "bob", "carol", "dora"]
STRANGERS = ["mallory", "old", "research"]
NAMES = st.sampled_from([*PEOPLE, *STRANGERS])
NUMBERS = st.sampled_from([0, 999, 1000, 1001, 4100, 4101, *range(5000, 5008), 6000])


@st.composite
def hosts_of(draw: st.DrawFn) -> dict[str, Any]:
    accounts = draw(st.dictionaries(NAMES, st.tuples(NUMBERS, st.none() | NUMBERS), max_size=4))
    entries = draw(st.dictionaries(NAMES, st.tuples(NUMBERS, NUMBERS, st.sampled_from(["", "link"])), max_size=4))
    return host(
        *(f"{name}:{uid}:{uid if gid is None else gid}" for name, (uid, gid) in accounts.items()),
        groups=[f"{name}:{gid}" for name, gid in draw(st.dictionaries(NAMES, NUMBERS, max_size=2)).items()],
        homes=[f"{name}:{uid}:{gid}:{kind}" for name, (uid, gid, kind) in entries.items()],
        numbers=draw(st.lists(NUMBERS, max_size=1)),
        private=draw(st.booleans()),
    )


FLEETS = st.dictionaries(st.sampled_from(["web1", "web2", "web3"]), hosts_of(), min_size=1)
BEFORE: st.SearchStrategy[list[Event]] = st.sampled_from(
    [
        [],
        [registered(band=BAND)],
        [registered(band=BAND), user("alice", 5003), user("bob", 5005, "bob@uni")],
        [registered(band=BAND), registered("two", "6000-6999"), user("zoe", 5001), user("dora", 6000, name="two")],
    ]
)
ROSTER = people(*PEOPLE, groups=["research"])


def roster_for(events: list[Event]) -> Any:
    subjects = {event.username: event.subject for event in events if isinstance(event, UserIssued)}
    return people(*(name for name in PEOPLE if subjects.get(name, name) == name), groups=["research"])


def settled(events: list[Event], fleet: dict[str, Any], data: st.DataObject) -> tuple[list[Event], Adoption, list[Any]]:
    """An adoption after somebody settled clash by clash, taking any of the ways that are offered."""
    before = ledger_of(events) if events else EMPTY_LEDGER
    decisions: list[dict[str, Any]] = []
    for _round in range(30):
        adoption = adopt(before, proposal(fleet, roster_for(events), decisions, BAND), STAMP)
        ways = [way for clash in adoption.verdict.clashes for way in clash.settle]
        if not ways:
            assert adoption.refusal == ""
            return [*events, *adoption.events], adoption, decisions
        assert adoption.events == ()
        kept = {way.get("keep") for way in decisions} | {way.get("uid") for way in decisions}
        fitting = [way for way in ways if way.get("keep", -1) not in kept and way.get("uid", -1) not in kept]
        decisions.append(dict(data.draw(st.sampled_from(fitting))))
    raise AssertionError(decisions)


def seen_numbers(fleet: dict[str, Any]) -> set[int]:
    found: set[int] = set()
    for said in fleet.values():
        found |= {entry[key] for entry in [*said["accounts"], *said["homes"][0]["entries"]] for key in ("uid", "gid")}
        found |= {group["gid"] for group in said["groups"]} | set(said["other_numbers"])
    return {number for number in found if 4000 <= number <= 4999 or 5000 <= number <= 5039}


@given(events=BEFORE, fleet=FLEETS, data=st.data())
@settings(max_examples=400)
def test_no_number_that_was_seen_is_ever_given_to_anybody_but_its_keeper(
    events: list[Event], fleet: dict[str, Any], data: st.DataObject
) -> None:
    after, adoption, decisions = settled(events, fleet, data)
    if not after:
        assert seen_numbers(fleet) == set()
        return
    ledger = ledger_of(after)  # which refuses two numbers of one person and two people of one number
    assert seen_numbers(fleet) <= ledger.numbers.keys()
    # whoever keeps a number has it on a host, as an account, a group or the owner of their home
    for event in adoption.events:
        if isinstance(event, (UserIssued, GroupIssued)) and number_of(event) in seen_numbers(fleet):
            name = event.username if isinstance(event, UserIssued) else event.name
            assert any(name in _names_of(said, number_of(event)) for said in fleet.values())
        if isinstance(event, Renumbered):
            assert any(event.subject.split("@")[0] in _names_of(said, event.was) for said in fleet.values())
    # a crowd that takes all that is left gets none of them
    free = 40 - len([number for number in ledger.numbers if 5000 <= number <= 5039])
    issued = allocate(ledger, wanted([f"new{number}" for number in range(free)]), STAMP)
    assert not set(issued.uids.values()) & seen_numbers(fleet)
    # the roster then finds everybody under the number that was proposed for them
    later = allocate(ledger, Wanted("lab", roster_for(events)), STAMP)
    proposed = {name: number for (kind, name), number in adoption.numbers.items() if kind == "user"}
    assert {name: later.uids[name] for name in proposed if name in later.uids} == {
        name: number for name, number in proposed.items() if name in later.uids
    }
    assert not set(later.uids.values()) & (seen_numbers(fleet) - set(proposed.values()))
    # who was there before kept what they had
    for event in events:
        assert event in after
    # and with that, all is said
    again = adopt(ledger, proposal(fleet, roster_for(events), decisions), STAMP)
    assert (again.events, again.refusal) == ((), "")


def _names_of(said: dict[str, Any], number: int) -> set[str]:
    accounts = {account["name"] for account in said["accounts"] if account["uid"] == number}
    groups = {group["name"] for group in said["groups"] if group["gid"] == number}
    homes = {entry["name"] for entry in said["homes"][0]["entries"] if entry["uid"] == number}
    return accounts | groups | homes


@given(events=BEFORE, fleet=FLEETS, data=st.data())
@settings(max_examples=200)
def test_the_order_of_hosts_and_of_their_lines_does_not_matter(
    events: list[Event], fleet: dict[str, Any], data: st.DataObject
) -> None:
    before = ledger_of(events) if events else EMPTY_LEDGER
    shuffled = {name: dict(fleet[name]) for name in data.draw(st.permutations(list(fleet)))}
    for said in shuffled.values():
        for key in ("accounts", "groups"):
            said[key] = data.draw(st.permutations(said[key]))
    one = adopt(before, proposal(fleet, roster_for(events), band=BAND), STAMP)
    two = adopt(before, proposal(shuffled, roster_for(events), band=BAND), STAMP)
    assert (one.events, one.refusal) == (two.events, two.refusal)
    assert adoption_report(one, before) == adoption_report(two, before)
    assert adoption_table(adoption_report(one, before)) == adoption_table(adoption_report(two, before))


@given(fleet=FLEETS)
@settings(max_examples=200)
def test_without_a_clash_whoever_is_alone_with_one_number_keeps_it(fleet: dict[str, Any]) -> None:
    adoption = adopted([], proposal(fleet, ROSTER, band=BAND))[1]
    if adoption.refusal:
        assert adoption.events == ()
        return
    for name in PEOPLE:
        numbers = {one["uid"] for said in fleet.values() for one in said["accounts"] if one["name"] == name}
        if len(numbers) == 1 and 5000 <= min(numbers) <= 5039:
            assert adoption.numbers["user", name] in numbers
    withheld = {event.number for event in adoption.events if isinstance(event, NumberWithheld)}
    assert withheld.isdisjoint(adoption.numbers.values())
