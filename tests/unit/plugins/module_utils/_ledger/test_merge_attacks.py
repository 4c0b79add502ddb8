# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source can never take from anybody, and what decisions can never do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import StateChanged
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import checksum
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    STAMP,
    group,
    profile,
    redeemed,
    user,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_merge import (
    ALICE,
    BO,
    BOB,
    LAB,
    OTHER,
    accepted,
    grant,
    kinds,
    link,
    records,
    redirect,
    refusal,
    renamed,
    renumbered,
    state,
    withhold,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

GONE = [LAB, ALICE, state("alice", 1, "retired"), link("alice", "https://idp alice")]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ([LAB, user("mallory", 5238)], "one_number"),
        ([LAB, user("alice", 5666, "mallory")], "one_name"),
        ([LAB, user("mallory", 5666), renamed("mallory", 1, "alice")], "one_name"),
        ([LAB, group("alice", 4265)], "one_name"),
        ([LAB, user("mallory", 5666), link("mallory", "https://idp alice")], "one_upstream"),
        # mallory says that alice has another number, so that hers is free
        ([LAB, user("alice", 5777), renumbered("alice", 5238, 5777), user("mallory", 5238)], "one_person"),
        ([LAB, ALICE, state("alice", 1, "retired"), state("alice", 2, "active")], "revival"),
        ([LAB, ALICE, state("alice", 1, "active")], "two_changes"),
        ([LAB, OTHER, user("mallory", 6001, name="other"), grant("mallory", 5238, "lab", name="other")], "one_number"),
        ([LAB, OTHER, user("alice", 6001, name="other"), grant("alice", 6001, "lab", name="other")], "one_name"),
        ([LAB, user("root", 5666)], "reserved_name"),
        ([LAB, group("docker", 4265)], "reserved_name"),
        ([LAB, user("mallory", 5666), renamed("mallory", 1, "sshd")], "reserved_name"),
        ([LAB, ALICE, user("mallory", 5666), state("alice", 1, "retired"), redirect("alice", "mallory")], None),
    ],
)
def test_nothing_of_somebody_who_left_goes_to_another(source: list[Event], kind: str | None) -> None:
    if kind is None:  # whoever could write so in the ledger itself says nothing that contradicts
        accepted(GONE, source)
        return
    for arranged in ({"target": ()}, {"target": GONE}):
        assert kind in kinds(GONE, source, **arranged)
        assert kind in kinds(source, GONE, **arranged)


def test_a_number_that_somebody_had_before_is_not_another_ones() -> None:
    ours = [LAB, user("bob", 5400), renumbered("bob", 5238, 5400)]
    theirs = [LAB, ALICE]
    assert kinds(ours, theirs) == kinds(theirs, ours) == kinds(theirs, target=ours) == ["former_number"]
    person = {"person": {"profile": "lab", "subject": "alice", "uid": 5238}, "become": {"uid": "new"}}
    keep = {"event": checksum(renumbered("bob", 5238, 5400)), "keep": True}
    for decision in (person, keep):
        events = accepted(theirs, target=ours, decisions=[decision])
        assert kinds(theirs, target=events, decisions=[decision]) == []


def test_whoever_left_becomes_one_with_somebody_who_is_back_only_knowingly() -> None:
    ours = [LAB, BO, state("bo", 1, "retired"), state("bo", 2, "active")]
    gone = StateChanged("lab", "x", 1, "retired", "", LATER)
    theirs = [LAB, user("bo", 5601, "x"), gone]
    person = {"profile": "lab", "subject": "x", "uid": 5601}
    same = {"person": person, "become": {"subject": "bo", "username": "bo", "uid": 5300}}
    assert kinds(ours, theirs, decisions=[same]) == kinds(theirs, target=ours, decisions=[same]) == ["revival"]
    for decision in ({"event": checksum(ours[3]), "keep": True}, {"event": checksum(gone), "drop": True}):
        events = accepted(theirs, target=ours, decisions=[same, decision])
        assert accepted(theirs, target=events, decisions=[same, decision]) == events
        if "keep" in decision:
            assert accepted(theirs, target=events, decisions=[same]) == events


def test_a_name_of_the_system_is_taken_over_only_knowingly() -> None:
    theirs = [LAB, user("admin", 5300)]
    assert kinds([LAB, ALICE], theirs) == ["reserved_name"]
    keep = {"event": checksum(theirs[1]), "keep": True}
    (record,) = records([LAB, ALICE], theirs)
    assert keep in record["choices"]
    events = accepted([LAB, ALICE], theirs, decisions=[keep])
    assert kinds(theirs, target=events) == []


def test_a_source_that_lives_with_a_former_number_convinces_nobody() -> None:
    ours = [LAB, user("bob", 5400), renumbered("bob", 5238, 5400)]
    theirs = [*ours, user("mallory", 5238)]
    assert kinds(ours, theirs) == kinds(theirs, ours) == kinds(theirs, target=ours) == ["former_number"]
    # but what the ledger itself lives with, because people decided so once, is not asked about again
    assert kinds(ours, target=theirs) == []


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        ([("bob", {"uid": 5300})], "cannot get 5300, which is or was that of the subject bo (lab)"),
        ([("bob", {"uid": 5100})], "cannot get 5100, which is or was that of the subject bo (lab)"),
        ([("bob", {"uid": 5301})], "cannot get 5301, which is or was that of nobody, for it is withheld"),
        ([("bob", {"uid": 4265})], "cannot get 4265, which is or was that of the group one (lab)"),
        ([("bob", {"subject": "bo2", "uid": 5300})], "cannot get 5300"),
        ([("nobody", {"uid": 5400})], "no side has the subject 'nobody' (lab, 5238), so the decision"),
    ],
)
def test_a_decision_gives_nobody_a_number_that_was_somebodys(
    decisions: list[tuple[str, dict[str, Any]]], reason: str
) -> None:
    theirs = [LAB, BOB, BO, renumbered("bo", 5100, 5300), withhold(5301), group("one", 4265)]
    people = [
        {"person": {"profile": "lab", "subject": subject, "uid": 5238}, "become": become}
        for subject, become in decisions
    ]
    assert reason in refusal([LAB, ALICE], theirs, decisions=people)


@pytest.mark.parametrize(("uid", "kind"), [(6000, "outside_band"), (0, "outside_band"), (65534, "outside_band")])
def test_a_decision_gives_nobody_a_number_outside_the_band(uid: int, kind: str) -> None:
    decision = {"person": {"profile": "lab", "subject": "bob", "uid": 5238}, "become": {"uid": uid}}
    assert kinds([LAB, ALICE], [LAB, BOB], decisions=[decision]) == [kind]


def test_two_decisions_give_one_number_to_two_people() -> None:
    decisions = [
        {"person": {"profile": "lab", "subject": "bob", "uid": 5238}, "become": {"uid": 5400}},
        {"person": {"profile": "lab", "subject": "bo", "uid": 5300}, "become": {"uid": 5400}},
    ]
    message = refusal([LAB, ALICE], [LAB, BOB, BO], decisions=decisions)
    assert "cannot get 5400, which is or was that of the subject bob (lab)" in message


def test_what_is_in_the_target_stays() -> None:
    decision = {"person": {"profile": "lab", "subject": "alice", "uid": 5238}, "become": {"uid": 5400}}
    message = refusal([LAB, BOB], target=[LAB, ALICE], decisions=[decision])
    assert "user alice 5238 is in file:target already, which only grows" in message
    assert "merge into a new ledger" in message
    move = {"profile": "lab", "uid_band": "5000-5999", "become": {"uid_band": "6000-6999"}}
    assert "which only grows" in refusal([profile("b")], target=[LAB, ALICE], decisions=[move])


JTI, JTI_2 = redeemed("j", "alice"), redeemed("j", "bo")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ALICE, "because a number hangs on it"),
        (LAB, "because a number hangs on it"),
        (state("alice", 1, "retired"), "because it contradicts nothing"),
        (link("alice", "https://idp alice"), "because it contradicts nothing"),
    ],
)
def test_what_is_not_contradicted_cannot_be_left_out(event: Event, reason: str) -> None:
    decision = {"event": checksum(event), "drop": True}
    assert reason in refusal(GONE, [LAB, BO], decisions=[decision])


def test_an_invitation_stays_redeemed() -> None:
    ours, theirs = [LAB, ALICE, BO, JTI], [LAB, ALICE, BO, JTI_2]
    both = [{"event": checksum(JTI), "drop": True}, {"event": checksum(JTI_2), "drop": True}]
    assert "could be used again" in refusal(ours, theirs, decisions=both)
    assert "only grows" in refusal(theirs, target=ours, decisions=both[:1])
    events = accepted(theirs, target=ours, decisions=both[1:])
    assert kinds(theirs, target=events, decisions=both[1:]) == []


def test_a_change_cannot_be_left_out_from_before_another() -> None:
    ours = [LAB, ALICE, state("alice", 1, "disabled"), state("alice", 2, "active")]
    theirs = [LAB, ALICE, state("alice", 1, "retired")]
    drops = [{"event": checksum(event), "drop": True} for event in (ours[2], theirs[2], ours[3])]
    # revision 2 of one ledger may follow revision 1 of the other, when a person says so
    assert kinds(ours, theirs, decisions=drops[:2]) == ["missing_change"]
    assert kinds(ours, theirs, decisions=[drops[0], drops[2]]) == []
    assert kinds(ours, theirs, decisions=[drops[1]]) == []


def test_what_contradicts_only_after_another_line_is_left_out_can_be_left_out_too() -> None:
    ours = [LAB, ALICE, BO, state("alice", 1, "retired"), redirect("alice", "bo")]
    theirs = [LAB, ALICE, BO, state("alice", 1, "disabled")]
    drops = [{"event": checksum(event), "drop": True} for event in ours[3:]]
    assert kinds(ours, theirs, decisions=drops[:1]) == ["redirect_active"]
    events = accepted(ours, theirs, decisions=drops)
    assert kinds(ours, theirs, decisions=drops, target=events) == []
    assert "contradicts nothing" in refusal(ours, theirs, decisions=drops[1:])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (7, "not a list"),
        ([7], "decision 1: 7 is not a mapping"),
        ([{}], "it names nothing: name one of profile, same_profile, person, group, event"),
        ([{"person": {}, "group": {}}], "it names person and group"),
        ([{"event": "0" * 16}], "write either 'drop: true' or 'keep: true'"),
        ([{"event": "0" * 16, "drop": True, "keep": True}], "write either"),
        ([{"event": "0" * 16, "drop": "yes"}], "'yes' is not true"),
        ([{"event": "0" * 15, "drop": True}], "is not the checksum of a line"),
        ([{"event": 1234567812345678, "drop": True}], "in quotes"),
        ([{"event": "0" * 16, "drop": True, "side": "left"}], "has the unknown key 'side'"),
        ([{"profile": "b", "become": {"profile": "c"}}], "it lacks uid_band"),
        ([{"profile": "b", "uid_band": "5000-5999", "become": {}}], "become names neither"),
        ([{"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "100-200"}}], "system's own accounts"),
        ([{"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "1000-1999"}}], "local users"),
        ([{"profile": "b", "uid_band": "5000-5999", "become": {"profile": None}}], "no value for profile: fill it in"),
        ([{"person": {"profile": "b", "subject": "x"}, "become": {"uid": 1}}], "person lacks uid"),
        ([{"person": {"profile": "b", "subject": "x", "uid": 1}, "become": {"uid": True}}], "True is not the number"),
        ([{"person": {"profile": "b", "subject": "x", "uid": 1}, "become": {"uid": -1}}], "-1 is not the number"),
        ([{"person": {"profile": "b", "subject": "x", "uid": 1}, "become": {"uid": 1 << 40}}], "is not the number"),
        (
            [{"person": {"profile": "b", "subject": "x", "uid": 1}, "become": {"username": "root"}}],
            "belongs to the sys",
        ),
        ([{"person": {"profile": "b", "subject": "x", "uid": 1}, "become": {"home": "/"}}], "unknown key 'home'"),
        ([{"group": {"profile": "b", "name": "x", "gid": 1}, "become": {"name": "docker"}}], "belongs to the system"),
        ([{"same_profile": "A B"}], "The profile id 'A B' is not valid"),
        ([{"conflict": "x", "choices": [], "decisions": {}, "x": 1}], "a conflict has the keys"),
        ([{"conflict": "x", "decisions": [7]}], "decision 1.1: 7 is not a mapping"),
        (
            [{"event": "0" * 16, "drop": True}, {"event": "0" * 16, "keep": True}],
            "two decisions about the event 0000000000000000: keep one",
        ),
    ],
)
def test_a_decision_that_says_something_else_is_refused(raw: Any, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        parse_decisions(raw)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_decision_that_fits_nothing_or_too_much_is_refused() -> None:
    move = {"profile": "b", "uid_band": "5000-5999", "become": {"profile": "c"}}
    assert "no ledger registers the profile b (5000-5999)" in refusal([LAB], decisions=[move])
    assert "no two lines register the profile lab" in refusal([LAB], [LAB], decisions=[{"same_profile": "lab"}])
    gone = {"event": "0" * 16, "keep": True}
    assert "no ledger has an event 0000000000000000" in refusal([LAB], decisions=[gone])
    other = {"group": {"profile": "lab", "name": "one", "gid": 4265}, "become": {"gid": "new"}}
    assert "no side has the group one (lab, 4265)" in refusal([LAB], decisions=[other])
    apart = [profile("b")], [profile("b", stamp=STAMP.__class__("2026-01-01T00:00:00Z", "kim", ""))]
    assert "was registered more than once: say which is meant by 'registered'" in refusal(*apart, decisions=[move])
    named = {**move, "registered": checksum(apart[1][0]), "become": {"profile": "c", "uid_band": "6000-6999"}}
    assert kinds(*apart, decisions=[named]) == []
    person = {"person": {"profile": "lab", "subject": "alice", "uid": 5238}, "become": {"uid": "new"}}
    two = [LAB, ALICE], [LAB, user("alicia", 5238, "alice")]
    assert "is called alice and alicia: say which is meant by 'username'" in refusal(*two, decisions=[person])
