# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done to the keys of a profile, and what can never happen whatever is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import (
    ALWAYS,
    KeyBook,
    Validity,
    changed_keys,
    deactivate,
    present,
    remove,
    revoke,
    revoke_unknown,
    rotate,
    take_over,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import (
    BEFORE,
    LATER,
    NOW,
    entry,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import KeyRecord

ANY = Validity()


def add(book: KeyBook, username: str, name: str, number: int, **limits: str) -> KeyBook:
    return present(book, username, name, entry(number, "old comment"), Validity(**limits), NOW)


def state_of(book: KeyBook, username: str, name: str) -> str:
    return book.people[username][name].status(NOW)


ALICE = add(add(KeyBook(), "alice", "laptop", 1), "bob", "desk", 2)


def refusal(do: Callable[[], object]) -> str:
    with pytest.raises(IdentityError) as caught:
        do()
    return str(caught.value)


def test_a_key_is_added_once() -> None:
    assert add(ALICE, "alice", "laptop", 1) == ALICE
    assert [(one, name) for one, name, _old, _new in changed_keys(KeyBook(), ALICE)] == [
        ("alice", "laptop"),
        ("bob", "desk"),
    ]
    assert "is alice/laptop already" in refusal(lambda: add(ALICE, "bob", "laptop", 1))
    assert "is alice/laptop already" in refusal(lambda: add(ALICE, "alice", "other", 1))
    assert "use state rotated" in refusal(lambda: add(ALICE, "alice", "laptop", 3))
    assert "give the key itself" in refusal(lambda: present(ALICE, "alice", "desk", None, ANY, NOW))


def test_what_is_not_said_is_left_alone() -> None:
    book = add(KeyBook(), "alice", "laptop", 1, until=LATER)
    kept = present(book, "alice", "laptop", entry(1), ANY, NOW).people["alice"]["laptop"]
    assert (kept.entry.key.comment, kept.valid_until) == ("old comment", LATER)
    new = present(book, "alice", "laptop", entry(1, "new", restrict=True), Validity(BEFORE, ALWAYS), LATER)
    record = new.people["alice"]["laptop"]
    assert (record.entry, record.added) == (entry(1, "new", restrict=True), NOW)
    assert (record.valid_from, record.valid_until) == (BEFORE, None)
    # the key itself need not be said again, and then keeps its options
    assert present(new, "alice", "laptop", None, ANY, NOW) == new
    assert present(new, "alice", "laptop", entry(1), ANY, NOW).people["alice"]["laptop"].entry == entry(1, "new")
    assert "which is never" in refusal(lambda: add(book, "alice", "laptop", 1, since=LATER))


def test_inactive_is_for_a_time() -> None:
    book = deactivate(ALICE, "alice", ["laptop"])
    assert state_of(book, "alice", "laptop") == "inactive"
    assert deactivate(book, "alice", ["laptop"]) == book
    assert present(book, "alice", "laptop", None, ANY, NOW) == ALICE
    assert "there is laptop" in refusal(lambda: deactivate(ALICE, "alice", ["lapptop"]))
    assert "there is no key at all" in refusal(lambda: deactivate(ALICE, "zoe", ["laptop"]))


def test_revoked_is_for_ever_and_for_everybody() -> None:
    book = revoke(ALICE, "alice", ["laptop"])
    assert revoke(book, "alice", ["laptop"]) == book
    assert deactivate(book, "alice", ["laptop"]) == book
    for do in (
        lambda: present(book, "alice", "laptop", None, ANY, NOW),
        lambda: add(book, "alice", "laptop", 1),
        lambda: add(book, "alice", "again", 1),
        lambda: add(book, "bob", "mine", 1),
        lambda: rotate(book, "alice", "laptop", entry(1), ANY, LATER, NOW),
        lambda: rotate(book, "bob", "desk", entry(1), ANY, LATER, NOW),
        lambda: take_over(book, "alice", [("x", entry(1), None)], NOW),
    ):
        assert "for ever" in refusal(do)
    assert "cannot be removed" in refusal(lambda: remove(book, "alice", "laptop", LATER))
    # its place can be taken by a new key, and its record stays
    new = rotate(book, "alice", "laptop", entry(3), ANY, LATER, NOW)
    assert state_of(new, "alice", "laptop") == "active"
    assert state_of(new, "alice", "laptop-20261122") == "revoked"


def test_a_key_that_nobody_added_can_be_revoked() -> None:
    book = revoke_unknown(ALICE, "alice", "leaked", entry(7), NOW)
    assert state_of(book, "alice", "leaked") == "revoked"
    assert revoke_unknown(book, "alice", "leaked", entry(7), LATER) == book
    assert state_of(revoke_unknown(ALICE, "alice", "laptop", entry(1), NOW), "alice", "laptop") == "revoked"
    assert "is bob/desk" in refusal(lambda: revoke_unknown(ALICE, "alice", "leaked", entry(2), NOW))
    assert "is another key" in refusal(lambda: revoke_unknown(ALICE, "alice", "laptop", entry(7), NOW))


def test_a_rotation_lets_the_old_key_work_until_the_overlap_ends() -> None:
    book = rotate(ALICE, "alice", "laptop", entry(3, "new"), Validity(), LATER, NOW)
    old, new = book.people["alice"]["laptop-20261122"], book.people["alice"]["laptop"]
    assert (old.entry.key, old.state, old.valid_until) == (entry(1, "old comment").key, "active", LATER)
    assert (old.replaced_by, old.last_rotated) == ("laptop", None)
    assert (new.entry, new.added, new.last_rotated, new.valid_until) == (entry(3, "new"), NOW, NOW, None)
    assert old.for_hosts().options == 'expiry-time="20261201000000Z"'
    assert (old.status(NOW), old.status(LATER)) == ("active", "over")
    # with the key that is there already, nothing happens
    assert rotate(book, "alice", "laptop", entry(3), ANY, "2027-01-01T00:00:00Z", LATER) == book
    twice = rotate(book, "alice", "laptop", entry(4), Validity(until=LATER), LATER, NOW)
    assert sorted(twice.people["alice"]) == ["laptop", "laptop-20261122", "laptop-20261122-2"]
    assert twice.people["alice"]["laptop"].valid_until == LATER
    assert "that could be rotated" in refusal(lambda: rotate(ALICE, "alice", "desk", entry(3), ANY, LATER, NOW))
    assert "is bob/desk already" in refusal(lambda: rotate(ALICE, "alice", "laptop", entry(2), ANY, LATER, NOW))


@pytest.mark.parametrize(
    ("limits", "overlap", "state", "until"),
    [
        ({}, NOW, "inactive", None),
        ({}, BEFORE, "inactive", None),
        ({"until": "2026-11-25T00:00:00Z"}, LATER, "active", "2026-11-25T00:00:00Z"),
        ({"until": BEFORE}, LATER, "inactive", BEFORE),
        ({"since": "2027-01-01T00:00:00Z"}, LATER, "inactive", None),
    ],
)
def test_an_overlap_never_makes_a_key_live_longer(
    limits: dict[str, str], overlap: str, state: str, until: str | None
) -> None:
    book = rotate(add(KeyBook(), "alice", "laptop", 1, **limits), "alice", "laptop", entry(3), ANY, overlap, NOW)
    old = book.people["alice"]["laptop-20261122"]
    assert (old.state, old.valid_until) == (state, until)


def test_only_a_key_that_lets_nobody_in_is_forgotten() -> None:
    assert "is in use" in refusal(lambda: remove(ALICE, "alice", "laptop", NOW))
    assert "is in use" in refusal(lambda: remove(add(ALICE, "alice", "b", 9, since=LATER), "alice", "b", NOW))
    gone = remove(deactivate(ALICE, "alice", ["laptop"]), "alice", "laptop", NOW)
    # she stays known: a list that is empty takes keys away, one that nobody has leaves them
    assert gone.people["alice"] == {}
    assert remove(gone, "alice", "laptop", NOW) == gone
    assert remove(ALICE, "zoe", "laptop", NOW) == ALICE
    over = add(ALICE, "alice", "old", 9, until=BEFORE)
    assert remove(over, "alice", "old", NOW) == ALICE


def test_keys_that_somebody_has_are_taken_over_once() -> None:
    found: list[Any] = [("laptop", entry(1), None), ("laptop", entry(5), LATER), ("laptop", entry(6), None)]
    book = take_over(ALICE, "alice", found, NOW)
    assert sorted(book.people["alice"]) == ["laptop", "laptop-2", "laptop-3"]
    assert book.people["alice"]["laptop-2"].valid_until == LATER
    assert take_over(book, "alice", found, LATER) == book
    # what was set aside since stays aside
    aside = deactivate(book, "alice", ["laptop-2"])
    assert take_over(aside, "alice", found, LATER) == aside
    assert "is bob/desk already" in refusal(lambda: take_over(ALICE, "alice", [("x", entry(2), None)], NOW))


PEOPLE = st.sampled_from(["alice", "bob"])
NAMES = st.sampled_from(["laptop", "desk", "laptop-20261122"])
NUMBERS = st.integers(1, 4)
MOMENTS = st.sampled_from([BEFORE, NOW, LATER])
LIMITS = st.builds(Validity, st.one_of(st.none(), MOMENTS), st.one_of(st.none(), MOMENTS, st.just(ALWAYS)))
STEPS: st.SearchStrategy[Callable[[KeyBook], KeyBook]] = st.one_of(
    st.builds(
        lambda who, name, number, limits, now: lambda book: present(book, who, name, entry(number), limits, now),
        PEOPLE, NAMES, NUMBERS, LIMITS, MOMENTS,
    ),
    st.builds(
        lambda who, name, number, until, now: lambda book: rotate(book, who, name, entry(number), ANY, until, now),
        PEOPLE, NAMES, NUMBERS, MOMENTS, MOMENTS,
    ),
    st.builds(lambda who, name: lambda book: deactivate(book, who, [name]), PEOPLE, NAMES),
    st.builds(lambda who, name: lambda book: revoke(book, who, [name]), PEOPLE, NAMES),
    st.builds(
        lambda who, name, number: lambda book: revoke_unknown(book, who, name, entry(number), NOW),
        PEOPLE, NAMES, NUMBERS,
    ),
    st.builds(lambda who, name, now: lambda book: remove(book, who, name, now), PEOPLE, NAMES, MOMENTS),
    st.builds(
        lambda who, number, until: lambda book: take_over(book, who, [("found", entry(number), until)], NOW),
        PEOPLE, NUMBERS, st.one_of(st.none(), MOMENTS),
    ),
)  # fmt: skip


@given(st.lists(STEPS, max_size=12))
def test_whatever_is_done(steps: list[Callable[[KeyBook], KeyBook]]) -> None:
    """Every key is one person's, and a key that was revoked once stays so, with its owner."""
    book = KeyBook()
    revoked: dict[str, str] = {}
    known: set[str] = set()
    for step in steps:
        try:
            new = step(book)
        except IdentityError:
            continue
        new.owners()
        now_revoked = {record.blob: who for who, _name, record in new.each() if record.state == "revoked"}
        assert revoked.items() <= now_revoked.items()
        revoked = now_revoked
        assert known <= new.people.keys()
        known = set(new.people)
        assert_has_changed_only_one(book, new)
        book = new


def assert_has_changed_only_one(before: KeyBook, after: KeyBook) -> None:
    touched = {who for who, _name, _old, _new in changed_keys(before, after)}
    assert len(touched) <= 1
    lost: list[KeyRecord] = [
        old for _who, _name, old, _new in changed_keys(before, after) if old and old.blob not in after.owners()
    ]
    # what is forgotten let nobody in any more
    assert all(record.state == "inactive" or record.valid_until is not None for record in lost)
