# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of a merge, for whatever ledgers say: which way and how often it is done means nothing."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    GroupIssued,
    Linked,
    NumberWithheld,
    Redirected,
    Renamed,
    Renumbered,
    Stamp,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import Merge, merge
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_choices import conflict_records
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import forbidden_owner
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    group,
    invited,
    ledger_of,
    profile,
    redeemed,
    uninvited,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

STAMPS = Stamp("2026-01-01T00:00:00Z", "sam@a", ""), Stamp("2026-02-01T00:00:00Z", "kim@b", "job 7")
PROFILES, SUBJECTS, USERNAMES = ("lab", "other"), ("alice", "bob", "carol@x"), ("alice", "bob", "carol", "one")
UIDS, GIDS = {"lab": (5001, 5002, 5600, 5601), "other": (6001, 6002, 6003, 5600)}, (4001, 4002)
LABELS = ("j", "k")
ANY_UID = (5001, 5002, 5600, 6001, 6002)
BANDS = ("5000-5999", "5000-5999", "6000-6999", "6000-6999", "5500-6500")
UUIDS = "", "zzzzz-tpzed-000000000000001", "zzzzz-tpzed-000000000000002"
EXTRA = {"profile_twice", "former_number", "revival", "reserved_name"}  # what a ledger may say, but no merge may guess
EXAMPLES = settings(max_examples=150, deadline=None)


class Stories:
    """Ledgers of a few people, groups and numbers, so that they meet often."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def events(self, registered: int, issued: int, changed: int) -> list[Event]:
        """Things that may happen, whether or not one ledger can hold them."""
        any_of = self._random.choice
        return [
            *(profile(any_of(PROFILES), any_of(BANDS), stamp=any_of(STAMPS)) for _event in range(registered)),
            *(self._issued() for _event in range(issued)),
            *(self._changed() for _event in range(changed)),
        ]

    def branches(self, number: int) -> list[list[Event]]:
        """Ledgers that may have a history in common."""
        base: list[Event] = []
        kind = self._random.random()
        if kind < 0.8:
            base = [profile("lab", "5000-5999"), profile("other", "6000-6999")]
        if kind < 0.4:
            base = valid([*base, *self.events(0, 5, 12)])
        return [
            valid([*base, *self.events(0 if base else 2, self._random.randint(0, 4), self._random.randint(0, 20))])
            for _branch in range(number)
        ]

    def _issued(self) -> Event:
        any_of = self._random.choice
        if self._random.random() < 0.2:
            return group(any_of(("one", "two", "alice")), any_of(GIDS), any_of(PROFILES), any_of(STAMPS))
        name = any_of(PROFILES)
        return user(any_of(USERNAMES), any_of(UIDS[name]), any_of(SUBJECTS), name, any_of(STAMPS))

    def _changed(self) -> Event:
        any_of = self._random.choice
        who = any_of(PROFILES), any_of(SUBJECTS)
        rev, stamp = any_of((1, 1, 1, 2, 2, 3)), any_of(STAMPS)
        possible: list[Event] = [
            NumberWithheld(who[0], any_of((5001, 5003, 6001, 4002)), "", stamp),
            Renumbered(*who, any_of(UIDS[who[0]]), any_of(UIDS[who[0]]), "", stamp),
            StateChanged(*who, rev, any_of(("active", "disabled", "retired", "retired", "retired")), "", stamp),
            Renamed(*who, rev, any_of(USERNAMES), "", stamp),
            GrantChanged(*who, any_of(PROFILES), rev, any_of(("granted", "revoked")), any_of(ANY_UID), "", stamp),
            Linked(*who, any_of(("u", "v")), any_of(UUIDS), stamp),
            Redirected(*who, rev, *any_of((("", ""), *product(PROFILES, SUBJECTS))), "", stamp),
            invited(any_of(LABELS), any_of(("j", "j", "k")), who[0], stamp),
            uninvited(any_of(LABELS), "", who[0], stamp),
            redeemed(any_of(LABELS), who[1], *any_of(((), (), ("k",))), in_profile=who[0], stamp=stamp),
        ]
        return any_of(possible)


def valid(events: Iterable[Event]) -> list[Event]:
    """As many of the events as one ledger can hold."""
    kept: list[Event] = []
    for one in events:
        try:
            fold(Written([*kept, one], range(len(kept) + 1), []))
        except IdentityError:
            continue
        kept.append(one)
    return kept


def is_ledger(events: Sequence[Event]) -> bool:
    try:
        fold(Written(events, range(len(events)), []))
    except IdentityError:
        return False
    return True


def branches(number: int = 2) -> st.SearchStrategy[list[list[Event]]]:
    return st.integers(0, 1 << 32).map(lambda seed: Stories(Random(seed)).branches(number))


def merged(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> Merge:
    sides = [Side(f"file:{min(map(str, events), default='')}", events) for events in ledgers]
    return merge(Side("file:target", target, is_target=True), sides, parse_decisions(list(decisions)), LATER)


def outcome(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> frozenset[Event] | None:
    """All events of an accepted merge."""
    done = merged(*ledgers, decisions=decisions, target=target)
    return None if done.conflicts else frozenset([*target, *done.events])


def told(done: Merge) -> list[tuple[str, str, list[str]]]:
    return [(it.kind, it.about, [str(side.origin) for side in it.sides]) for it in done.conflicts]


@EXAMPLES
@given(branches())
def test_a_merge_is_the_union_and_finds_whatever_is_no_ledger(ledgers: list[list[Event]]) -> None:
    left, right = ledgers
    done = merged(left, right)
    kinds = {conflict.kind for conflict in done.conflicts}
    event(f"accepted: {not kinds}")
    assert is_ledger([*left, *right]) is (kinds <= EXTRA)
    if not kinds:
        assert set(done.events) == {*left, *right}
        assert all(is_ledger(done.events[:number]) for number in range(len(done.events) + 1))


@EXAMPLES
@given(branches())
def test_a_merge_is_commutative_and_idempotent(ledgers: list[list[Event]]) -> None:
    left, right = ledgers
    assert told(merged(left, right)) == told(merged(right, left))
    both = outcome(left, right)
    assert both == outcome(right, left)
    assert outcome(left, left) == outcome(left) == frozenset(left)
    assert outcome(left, target=left) == frozenset(left)
    if both is not None:
        assert outcome(list(both), right) == outcome(right, target=list(both)) == both
        assert outcome(right, target=left) == both


@EXAMPLES
@given(branches(3))
def test_a_merge_is_associative(ledgers: list[list[Event]]) -> None:
    one, two, three = ledgers
    left, right = outcome(one, two), outcome(two, three)
    assume(left is not None and right is not None)
    assert left is not None
    assert right is not None
    first, second = outcome(list(left), three), outcome(one, list(right))
    event(f"accepted: {first is not None}")
    if first is not None and second is not None:
        assert first == second == outcome(one, two, three)


def filled(choice: dict[str, Any], word: str) -> dict[str, Any]:
    """A choice with what only a person knows, a word that nobody else has."""
    if "become" not in choice:
        return choice
    become = {key: f"{word}{key[:1]}" if value is None else value for key, value in choice["become"].items()}
    return {**choice, "become": become}


def refusal(decisions: list[dict[str, Any]], ledgers: Sequence[Sequence[Event]]) -> str | None:
    """Why decisions cannot be taken."""
    try:
        merged(*ledgers, decisions=decisions)
    except IdentityError as refused:
        if "would not be a ledger" in str(refused):
            raise
        return str(refused)
    return None


def decided(data: st.DataObject, ledgers: Sequence[Sequence[Event]]) -> list[dict[str, Any]]:
    """Decisions that settle everything, one after the other, as a person would take them."""
    decisions: list[dict[str, Any]] = []
    for attempt in range(12):
        done = merged(*ledgers, decisions=decisions)
        if not done.conflicts:
            break
        records = conflict_records(done.conflicts, done.bands, 0)
        choices = [choice for choice in records[0]["choices"] if _is_about_something_else(choice, decisions)]
        assume(choices)
        # what is refused, such as a number that somebody had, nobody would try again
        choice = filled(data.draw(st.sampled_from(choices)), f"x{attempt}")
        if refusal([*decisions, choice], ledgers) is None:
            decisions.append(choice)
    assume(not merged(*ledgers, decisions=decisions).conflicts)
    return decisions


def _is_about_something_else(choice: dict[str, Any], decisions: Sequence[dict[str, Any]]) -> bool:
    thing = {key: value for key, value in choice.items() if key not in ("become", "drop", "keep")}
    return all(any(decision.get(key) != value for key, value in thing.items()) for decision in decisions)


def with_numbers(decision: dict[str, Any], events: Iterable[Event]) -> dict[str, Any]:
    """A decision that names the number that was chosen."""
    become = decision.get("become", {})
    if "person" in decision and become.get("uid") == "new":
        key = decision["person"]["profile"], become.get("subject", decision["person"]["subject"])
        (uid,) = {it.uid for it in events if isinstance(it, UserIssued) and (it.profile, it.subject) == key}
        return {**decision, "become": {**become, "uid": uid}}
    if "group" in decision and become.get("gid") == "new":
        key = decision["group"]["profile"], become.get("name", decision["group"]["name"])
        (gid,) = {it.gid for it in events if isinstance(it, GroupIssued) and (it.profile, it.name) == key}
        return {**decision, "become": {**become, "gid": gid}}
    return decision


def end_of_returns(events: Sequence[Event]) -> int:
    """Where everything is written of people who were retired and are back."""
    retired: set[tuple[str, str]] = set()
    end = 0
    for number, it in enumerate(events, start=1):
        if isinstance(it, StateChanged):
            if it.state == "retired":
                retired.add((it.profile, it.subject))
            elif (it.profile, it.subject) in retired:
                end = number
    return end


def issued(events: Iterable[Event]) -> dict[int, set[tuple[str, str, str]]]:
    """Who has which number."""
    found: dict[int, set[tuple[str, str, str]]] = {}
    for one in events:
        if isinstance(one, UserIssued):
            found.setdefault(one.uid, set()).add(("user", one.profile, one.subject))
        elif isinstance(one, GroupIssued):
            found.setdefault(one.gid, set()).add(("group", one.profile, one.name))
    return found


@EXAMPLES
@given(branches(), st.data())
def test_whatever_is_decided_the_laws_hold(ledgers: list[list[Event]], data: st.DataObject) -> None:
    decisions = decided(data, ledgers)
    event(f"decisions: {min(len(decisions), 4)}")
    left, right = ledgers
    both = outcome(left, right, decisions=decisions)
    assert both is not None
    assert both == outcome(right, left, decisions=list(reversed(decisions)))
    again = merged(left, right, decisions=decisions, target=list(both))
    assert (again.events, told(again)) == ((), [])
    assert outcome(right, left, decisions=decisions, target=list(both)) == both
    explicit = [with_numbers(decision, both) for decision in decisions]
    if not any("profile" in decision for decision in decisions):
        assert outcome(list(both), left, right, decisions=explicit) == both
    whole = merged(left, right, decisions=decisions).events
    # the first part of a table has room for all who are back, so that none ends among them
    part = whole[: data.draw(st.integers(end_of_returns(whole), len(whole)))]
    assert is_ledger(part)
    assert outcome(left, right, decisions=decisions, target=part) == both
    numbers = issued(both)
    assert all(len(owners) == 1 for owners in numbers.values())
    assert not any(forbidden_owner(number) for number in numbers)
    ledger = ledger_of(list(both))
    assert issued([*left, *right]).keys() <= ledger.numbers.keys()
    moved = {(it.was, it.number) for it in merged(left, right, decisions=decisions).moved}
    assert all(number in ledger.numbers for _was, number in moved)
