# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two labs become one: what contradicts, what settles it, and what a source can never do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GrantChanged,
    Linked,
    NumberWithheld,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import merge
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_choices import (
    conflict_records,
    decisions_template,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side, checksum
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    STAMP,
    group,
    invited,
    ledger_of,
    profile,
    redeemed,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge import Merge

LAB, OTHER = profile("lab"), profile("other", "6000-6999")
UUIDS = ("zzzzz-tpzed-000000000000001", "zzzzz-tpzed-000000000000002")


def state(subject: str, rev: int, to: str, name: str = "lab") -> Event:
    return StateChanged(name, subject, rev, to, "", STAMP)


def renamed(subject: str, rev: int, username: str) -> Event:
    return Renamed("lab", subject, rev, username, "", STAMP)


def link(subject: str, upstream: str, uuid: str = "", name: str = "lab") -> Event:
    return Linked(name, subject, upstream, uuid, STAMP)


def grant(subject: str, uid: int, into: str = "other", rev: int = 1, name: str = "lab") -> Event:
    return GrantChanged(name, subject, into, rev, "granted", uid, "", STAMP)


def redirect(subject: str, to: str, rev: int = 1) -> Event:
    return Redirected("lab", subject, rev, "lab", to, "", STAMP)


def withhold(number: int, name: str = "lab") -> Event:
    return NumberWithheld(name, number, "strangers' files", STAMP)


def renumbered(subject: str, was: int, uid: int, name: str = "lab") -> Event:
    return Renumbered(name, subject, was, uid, "", STAMP)


def merged(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> Merge:
    sides = [Side(f"file:{letter}", list(events)) for letter, events in zip("abcdef", ledgers)]
    return merge(Side("file:target", list(target), is_target=True), sides, parse_decisions(list(decisions)), LATER)


def kinds(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> list[str]:
    return [conflict.kind for conflict in merged(*ledgers, decisions=decisions, target=target).conflicts]


def accepted(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> list[Event]:
    """All events of the target after a merge, which is a ledger that can be read."""
    outcome = merged(*ledgers, decisions=decisions, target=target)
    assert not outcome.conflicts
    events = [*target, *outcome.events]
    ledger_of(events)
    return events


def refusal(*ledgers: Sequence[Event], decisions: Any = (), target: Sequence[Event] = ()) -> str:
    with pytest.raises(IdentityError) as caught:
        merged(*ledgers, decisions=decisions, target=target)
    assert str(caught.value).isprintable()
    return str(caught.value)


def records(*ledgers: Sequence[Event], target: Sequence[Event] = ()) -> list[dict[str, Any]]:
    outcome = merged(*ledgers, target=target)
    return conflict_records(outcome.conflicts, outcome.bands, 0)


ALICE, BOB, BO = user("alice", 5238), user("bob", 5238), user("bo", 5300)
LATE_LAB = profile("lab", stamp=LATER)
CONFLICTS: list[tuple[str, list[Event], list[Event], list[str]]] = [
    (
        "both began with 5000",
        [LAB, ALICE],
        [profile("b"), user("bob", 5238, name="b")],
        ["bands_overlap", "one_number"],
    ),
    ("one id, other bands", [LAB], [profile("lab", "7000-7999")], ["profile_bands"]),
    ("one id, begun apart", [LAB, ALICE], [LATE_LAB, ALICE], ["profile_twice"]),
    ("a group band in a UID band", [LAB], [profile("b", "7000-7999", "5000-5100")], ["bands_overlap"]),
    ("one number, two people", [LAB, ALICE], [LAB, BOB], ["one_number"]),
    ("one number, two subjects of a name", [LAB, ALICE], [LAB, user("alice", 5238, "x")], ["one_number", "one_name"]),
    ("one person, two numbers", [LAB, ALICE], [LAB, user("alice", 5239)], ["one_person"]),
    ("one person, two names", [LAB, ALICE], [LAB, user("alicia", 5238, "alice")], ["one_person"]),
    ("one name, two people", [LAB, ALICE], [LAB, user("alice", 5239, "x")], ["one_name"]),
    ("a person and a group", [LAB, ALICE], [LAB, group("alice", 4265)], ["one_name"]),
    ("one GID, two groups", [LAB, group("one", 4265)], [LAB, group("two", 4265)], ["one_number"]),
    ("a GID of two profiles", [LAB, group("one", 4265)], [OTHER, group("one", 4265, "other")], ["one_number"]),
    ("one group, two numbers", [LAB, group("one", 4265)], [LAB, group("one", 4266)], ["one_group"]),
    (
        "two states",
        [LAB, ALICE, state("alice", 1, "disabled")],
        [LAB, ALICE, state("alice", 1, "active")],
        ["two_changes"],
    ),
    (
        "two new names",
        [LAB, ALICE, renamed("alice", 1, "al")],
        [LAB, ALICE, renamed("alice", 1, "ali")],
        ["two_changes"],
    ),
    ("a new name that is taken", [LAB, ALICE, renamed("alice", 1, "al")], [LAB, user("al", 5300)], ["one_name"]),
    (
        "two numbers for a guest",
        [LAB, OTHER, ALICE, grant("alice", 6001)],
        [LAB, OTHER, ALICE, grant("alice", 6002)],
        ["two_changes", "guest_number"],
    ),
    (
        "a guest's number is taken",
        [LAB, OTHER, ALICE, grant("alice", 6001)],
        [OTHER, user("zoe", 6001, name="other")],
        ["one_number"],
    ),
    (
        "a guest's name is taken",
        [LAB, OTHER, ALICE, grant("alice", 6001)],
        [OTHER, user("alice", 6002, name="other")],
        ["one_name"],
    ),
    ("one upstream identity", [LAB, ALICE, link("alice", "u")], [LAB, BO, link("bo", "u")], ["one_upstream"]),
    (
        "one UUID",
        [LAB, ALICE, link("alice", "u", UUIDS[0])],
        [LAB, BO, link("bo", "v", UUIDS[0])],
        ["one_uuid"],
    ),
    ("two UUIDs", [LAB, ALICE, link("alice", "", UUIDS[0])], [LAB, ALICE, link("alice", "", UUIDS[1])], ["one_uuid"]),
    (
        "a loop of redirects",
        [LAB, ALICE, BO, state("alice", 1, "retired"), redirect("alice", "bo")],
        [LAB, ALICE, BO, state("bo", 1, "retired"), redirect("bo", "alice")],
        ["redirect_loop"],
    ),
    (
        "one who stands for another and is back",
        [LAB, ALICE, BO, state("alice", 1, "retired"), redirect("alice", "bo")],
        [LAB, ALICE, BO, state("alice", 1, "retired"), state("alice", 2, "active")],
        ["revival", "redirect_active"],
    ),
    (
        "an invitation with two contents",
        [LAB, invited("j")],
        [LAB, invited("j", role="lead")],
        ["one_content"],
    ),
    (
        "an invitation redeemed twice",
        [LAB, ALICE, redeemed("j", "alice")],
        [LAB, BO, redeemed("j", "bo")],
        ["one_invitation"],
    ),
    ("a withheld number", [LAB, ALICE], [LAB, withhold(5238)], ["one_number"]),
]


@pytest.mark.parametrize(
    ("left", "right", "expected"), [case[1:] for case in CONFLICTS], ids=[it[0] for it in CONFLICTS]
)
def test_every_contradiction_is_listed_with_both_sides(
    left: list[Event], right: list[Event], expected: list[str]
) -> None:
    assert kinds(left, right) == kinds(right, left) == expected
    outcome = merged(left, right)
    assert outcome.events == ()
    for record in records(left, right):
        ledgers = {name for side in record["sides"] for name in side["ledgers"]}
        assert ledgers == {"file:a", "file:b"}
        assert all(side["event"] in {checksum(event) for event in [*left, *right]} for side in record["sides"])
        assert all(side["says"] in record["conflict"] for side in record["sides"])
        assert record["choices"]
    assert [record["choices"] for record in records(left, right)] == [it["choices"] for it in records(right, left)]


@pytest.mark.parametrize(("left", "right"), [case[1:3] for case in CONFLICTS], ids=[it[0] for it in CONFLICTS])
def test_every_choice_that_needs_no_word_of_its_own_settles_its_conflict(left: list[Event], right: list[Event]) -> None:
    settled = 0
    for record in records(left, right):
        for choice in map(_filled, record["choices"]):
            remaining = {(it.kind, it.about) for it in merged(left, right, decisions=[choice]).conflicts}
            assert record["conflict"].split(": ")[0] not in {about for _kind, about in remaining}
            if not remaining:
                events = accepted(left, right, decisions=[choice])
                settled += 1
                again = merged(left, right, decisions=[choice], target=events)
                assert (again.events, again.conflicts) == ((), ())
                numbers = {it.uid for it in [*left, *right] if isinstance(it, UserIssued)}
                assert numbers <= ledger_of(events).numbers.keys()
    assert settled


def _filled(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice with what only a person knows."""
    words = {"profile": "lab-b", "subject": "somebody", "username": "somebody", "name": "some-group"}
    if "become" not in choice:
        return choice
    return {**choice, "become": {key: value or words[key] for key, value in choice["become"].items()}}


def test_a_template_is_filled_in() -> None:
    left, right = [LAB, ALICE], [profile("b"), user("bob", 5238, name="b")]
    template = decisions_template(records(left, right))
    assert [sorted(item) for item in template] == [["choices", "conflict", "decisions"]]
    assert kinds(left, right, decisions=template) == ["bands_overlap", "one_number"]
    template[0]["decisions"] = [template[0]["choices"][1]]
    assert template[0]["decisions"][0]["become"] == {"uid_band": "6000-6999"}
    assert kinds(left, right, decisions=template) == []


def test_agreeing_ledgers_are_simply_put_together() -> None:
    left = [LAB, ALICE, group("one", 4265), state("alice", 1, "disabled")]
    right = [LAB, ALICE, user("zoe", 5300), state("alice", 1, "disabled"), state("alice", 2, "active")]
    assert set(accepted(left, right)) == set(left) | set(right)
    assert set(accepted(left, right, target=left)) == set(left) | set(right)


def test_a_profile_with_a_new_band_takes_everything_along() -> None:
    ours = [LAB, ALICE]
    theirs = [
        profile("b"),
        OTHER,
        user("bob", 5238, "b@x", "b"),
        user("zoe", 6238, name="other"),
        renumbered("b@x", 5100, 5238, "b"),
        state("b@x", 1, "retired", "b"),
        grant("b@x", 5238, "other", name="b"),
        grant("zoe", 5777, "b", name="other"),
        state("zoe", 1, "retired", "other"),
        Redirected("other", "zoe", 1, "b", "b@x", "", STAMP),
        link("b@x", "u", UUIDS[0], "b"),
    ]
    decision = {"profile": "b", "uid_band": "5000-5999", "become": {"profile": "bio", "uid_band": "7000-7999"}}
    events = accepted(ours, theirs, decisions=[decision])
    ledger = ledger_of(events)
    bob = ledger.person("bio", subject="b@x")
    assert (bob.uid, bob.state, bob.username) == (7000 + first("bio:bob"), "retired", "bob")
    assert ledger.numbers[5238] == ALICE
    assert ledger.numbers[5100] == renumbered("b@x", 5100, bob.uid, "bio")
    assert ledger.profile("other").grants["bio", "b@x"].uid == bob.uid
    guest = ledger.profile("bio").grants["other", "zoe"].uid
    assert (guest, ledger.numbers[5777].__class__) == (7000 + first("bio:zoe"), Renumbered)
    assert ledger.present(("other", "zoe")) == bob
    assert ledger.uuids[UUIDS[0]].profile == "bio"
    outcome = merged(ours, theirs, decisions=[decision])
    assert [(it.kind, it.profile, it.was, it.number) for it in outcome.moved] == [
        ("guest", "bio", 5777, guest),
        ("user", "bio", 5238, bob.uid),
    ]
    again = merged(ours, theirs, decisions=[decision], target=events)
    assert (again.events, again.conflicts, again.moved) == ((), (), outcome.moved)


def first(text: str) -> int:
    import hashlib

    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % 1000


def test_numbers_that_nobody_has_any_more_are_kept_from_everybody() -> None:
    ours = [LAB, ALICE]
    theirs = [LAB, group("one", 4265), user("bo", 5300), withhold(5301)]
    decisions = [
        {"group": {"profile": "lab", "name": "one", "gid": 4265}, "become": {"gid": 4300}},
        {"person": {"profile": "lab", "subject": "bo", "uid": 5300}, "become": {"uid": 5400}, "reason": "as agreed"},
    ]
    ledger = ledger_of(accepted(ours, theirs, decisions=decisions))
    assert isinstance(ledger.numbers[4265], NumberWithheld)
    assert ledger.numbers[5300] == Renumbered("lab", "bo", 5300, 5400, "as agreed", LATER)
    assert ledger.numbers[5301] == withhold(5301)
    again = merged(ours, theirs, decisions=decisions, target=accepted(ours, theirs, decisions=decisions))
    assert again.events == ()


def test_the_target_remembers_what_became_of_a_number() -> None:
    ours, theirs = [LAB, ALICE], [LAB, BOB]
    decision = {"person": {"profile": "lab", "subject": "bob", "uid": 5238}, "become": {"uid": "new"}}
    target = accepted(ours, theirs, decisions=[decision])
    assert merged(ours, theirs, decisions=[decision], target=target).events == ()
    # also without the decision, because the target says so itself; but nobody else is believed
    assert merged(ours, theirs, target=target).events == ()
    assert kinds(ours, theirs, target) == ["one_number", "one_person"]


def test_a_lab_that_goes_on_in_its_old_ledger_is_merged_again() -> None:
    ours, theirs = [LAB, ALICE], [profile("b"), user("bob", 5238, name="b")]
    decisions = [{"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "6000-6999"}}]
    target = accepted(ours, theirs, decisions=decisions)
    bob = ledger_of(target).person("b", "bob").uid
    late = [*theirs, user("abe", 5555, name="b"), user("zoe", 5777, name="b")]
    again = merged(ours, late, decisions=decisions, target=target)
    ledger = ledger_of([*target, *again.events])
    assert ledger.person("b", "bob").uid == bob
    assert {person.username for person in ledger.profile("b").people()} == {"bob", "abe", "zoe"}
    assert {event.subject for event in again.events if isinstance(event, UserIssued)} == {"abe", "zoe"}


def test_a_run_on_another_day_finds_what_the_first_one_made() -> None:
    ours, theirs = [LAB, ALICE], [LAB, BOB, group("one", 4265)]
    decisions = parse_decisions(
        [
            {"person": {"profile": "lab", "subject": "bob", "uid": 5238}, "become": {"uid": "new"}},
            {"group": {"profile": "lab", "name": "one", "gid": 4265}, "become": {"gid": "new"}},
        ]
    )
    sides = [Side("file:a", ours), Side("file:b", theirs)]
    first = merge(Side("file:target", [], is_target=True), sides, decisions, STAMP)
    again = merge(Side("file:target", first.events, is_target=True), sides, decisions, LATER)
    assert (again.events, again.conflicts, again.moved) == ((), (), first.moved)
    # on two branches of the target, too: what both made agrees
    other = merge(Side("file:target", [], is_target=True), sides, decisions, LATER)
    assert ledger_of([*first.events, *other.events]).numbers.keys() == ledger_of(first.events).numbers.keys()


def test_a_merge_that_was_cut_off_is_finished_by_the_next_run() -> None:
    ours = [LAB, *(user(f"a{number}", 5000 + number) for number in range(20))]
    theirs = [profile("b", "5000-5999"), *(user(f"b{number}", 5000 + number, name="b") for number in range(20))]
    decisions = parse_decisions([{"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "6000-6029"}}])
    sides = [Side("file:a", ours), Side("file:b", theirs)]
    whole = merge(Side("file:target", [], is_target=True), sides, decisions, STAMP)
    for number in range(len(whole.events)):
        part = list(whole.events[:number])
        rest = merge(Side("file:target", part, is_target=True), sides, decisions, LATER)
        assert (rest.conflicts, rest.moved) == ((), whole.moved)
        assert len(part) + len(rest.events) == len(whole.events)


def test_two_of_one_name_get_no_numbers_before_it_is_decided_who_is_who() -> None:
    left, right = [profile("b"), user("al", 5300, "x", "b")], [profile("b"), user("al", 5301, "y", "b")]
    move = {"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "6000-6999"}}
    assert kinds(left, right, decisions=[move]) == ["outside_band", "outside_band", "one_name"]
    rename = {"person": {"profile": "b", "subject": "y", "uid": 5301}, "become": {"username": "ali"}}
    people = ledger_of(accepted(left, right, decisions=[move, rename])).profile("b").people()
    assert {(person.subject, person.username) for person in people} == {("x", "al"), ("y", "ali")}


def test_somebody_gets_a_former_number_back() -> None:
    ours = [LAB, user("bo", 5100)]
    theirs = [LAB, BO, renumbered("bo", 5100, 5300)]
    decision = {"person": {"profile": "lab", "subject": "bo", "uid": 5300}, "become": {"uid": 5100}}
    assert kinds(ours, theirs) == ["one_person"]
    ledger = ledger_of(accepted(ours, theirs, decisions=[decision]))
    assert ledger.person("lab", "bo").uid == 5100
    assert isinstance(ledger.numbers[5300], Renumbered)


def test_nothing_that_is_in_the_target_is_offered_for_a_decision() -> None:
    (record,) = records([LAB, BOB], target=[LAB, ALICE])
    assert [choice["person"]["subject"] for choice in record["choices"]] == ["bob"]
    assert [side["ledgers"] for side in record["sides"]] == [["file:target"], ["file:a"]]


def test_a_ledger_that_came_of_a_merge_agrees_with_what_it_came_of() -> None:
    both = [LAB, ALICE, user("bob", 5400), renumbered("bob", 5238, 5400)]
    assert kinds([LAB, ALICE], both) == kinds(both, [LAB, ALICE]) == []


def test_leaving_out_one_of_two_lines_that_agree_is_the_same_decision_in_a_second_run() -> None:
    gone_elsewhere = StateChanged("lab", "alice", 1, "retired", "", LATER)
    ours = [LAB, ALICE, state("alice", 1, "retired")]
    theirs = [LAB, ALICE, gone_elsewhere, state("alice", 2, "active")]
    assert kinds(ours, theirs) == ["revival"]
    drop = {"event": checksum(ours[2]), "drop": True}
    events = accepted(ours, theirs, decisions=[drop])
    assert set(events) == set(theirs)
    assert merged(ours, theirs, decisions=[drop], target=events).events == ()
