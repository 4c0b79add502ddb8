# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A merge into a table can be cut off: what its parts say, and how it is finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    Redirected,
    Renumbered,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import checksum
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    invited,
    ledger_of,
    profile,
    redeemed,
    uninvited,
    user,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_merge import (
    ALICE,
    BO,
    LAB,
    OTHER,
    accepted,
    grant,
    kinds,
    redirect,
    state,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

CAROL = [user("carol", 5600), state("carol", 1, "retired"), state("carol", 2, "active")]


def finished(left: list[Event], right: list[Event], decisions: Any = ()) -> list[Event]:
    """What a merge adds, of which every part is finished without a question by the decisions of the whole."""
    whole = accepted(left, right, decisions=decisions)
    for number in range(len(whole) + 1):
        if _is_in_the_first_part(whole[:number], whole):
            continue
        assert set(accepted(left, right, decisions=decisions, target=whole[:number])) == set(whole)
    return whole


def _is_in_the_first_part(part: list[Event], whole: list[Event]) -> bool:
    """Whether less is written than all who are back, which a table takes at once."""
    back = {getattr(it, "subject", "") for it in whole if isinstance(it, StateChanged) and it.state == "active"}
    return any(getattr(it, "subject", "") in back and isinstance(it, StateChanged) for it in whole[len(part) :])


def test_whoever_is_back_is_in_the_first_part_of_a_merge() -> None:
    mallory, zoe = user("mallory", 5301), user("zoe", 5302)
    person = {"profile": "lab", "subject": "x", "uid": 5601, "username": "bo"}
    decision = {"person": person, "become": {"subject": "bo", "username": "bo", "uid": 5300}}
    left = [LAB, ALICE, BO, mallory, *CAROL, state("mallory", 1, "retired")]
    right = [LAB, zoe, user("bo", 5601, "x")]
    whole = finished(left, right, [decision])
    assert whole[:4] == [LAB, *CAROL]
    assert whole.index(state("mallory", 1, "retired")) == whole.index(mallory) + 1


def test_whoever_stood_for_somebody_else_does_so_in_no_part_while_active() -> None:
    taken_back = Redirected("lab", "carol", 2, "", "", "", STAMP)
    left = [LAB, ALICE, BO, *CAROL, redirect("carol", "bo"), taken_back]
    whole = finished(left, [LAB, user("zoe", 5302)])
    for number in range(len(whole)):
        ledger_of(whole[:number])
    assert whole[:7] == [LAB, BO, *CAROL[:2], *left[-2:], CAROL[2]]


def test_whose_invitation_is_revoked_is_in_by_no_part() -> None:
    people = [user("bo", 5300), user("zoe", 5302), *CAROL]
    left = [
        LAB,
        ALICE,
        *people,
        invited("j"),
        redeemed("j", "bo"),
        redeemed("k", "zoe", "j"),
        redeemed("l", "carol", "j"),
    ]
    whole = finished(left, [LAB, uninvited("j"), uninvited("unseen")])
    assert set(whole[:3]) == {LAB, uninvited("j"), uninvited("unseen")}
    for one, used in ((people[0], left[-3]), (people[1], left[-2]), (CAROL[0], left[-1])):
        assert whole.index(used) == whole.index(one) + 1
    for number in range(1, len(whole) + 1):
        ledger = ledger_of(whole[:number])
        for used in left[-3:-1]:
            subject = getattr(used, "subject", "")
            if used in whole[:number]:
                assert ledger.person("lab", subject=subject).state == "disabled"
            elif subject in ledger.profile("lab").by_subject:
                # the part ends behind the number, and the next line is the use of the invitation
                assert whole[number] == used


def test_a_guest_with_a_former_number_is_asked_about_in_no_part() -> None:
    guest = user("carol", 6003, name="other")
    right = [LAB, OTHER, guest, grant("carol", 5238, "lab", name="other")]
    decision = {"person": {"profile": "lab", "subject": "alice", "uid": 5238}, "become": {"uid": "new"}}
    whole = finished([LAB, OTHER, ALICE], right, [decision])
    assert isinstance(whole[-1], Renumbered)


def test_somebody_who_left_is_brought_back_to_a_ledger_only_knowingly() -> None:
    gone = [LAB, *CAROL[:2]]
    assert kinds([LAB, *CAROL], target=gone) == ["revival"]
    keep = {"event": checksum(CAROL[2]), "keep": True}
    assert set(accepted([LAB, *CAROL], target=gone, decisions=[keep])) == {LAB, *CAROL}


def test_a_guest_who_moves_and_becomes_another_subject_is_found_again() -> None:
    one = [profile("b"), OTHER, user("one", 6002, "bob", "other"), grant("bob", 5002, "b", name="other")]
    two = [LAB, OTHER, user("two", 6003, "bob", "other")]
    person = {"profile": "other", "subject": "bob", "uid": 6002, "username": "one"}
    decisions = [
        {"profile": "b", "uid_band": "5000-5999", "become": {"uid_band": "7000-7999"}},
        {"person": person, "become": {"subject": "x"}},
    ]
    whole = finished(one, two, decisions)
    assert set(whole) == set(accepted(two, one, decisions=decisions))
    assert accepted(one, two, decisions=decisions, target=whole) == whole
