# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store beside a roster: a key that was taken from somebody never comes back by the other way."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import (
    KeyBook,
    Validity,
    deactivate,
    present,
    revoke,
    rotate,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_merge import (
    MergedKeys,
    merge_keys,
    profiles_of,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import (
    BEFORE,
    LATER,
    NOW,
    entry,
    line,
)

ANY = Validity()
ALICE = present(KeyBook(), "alice", "laptop", entry(1), ANY, BEFORE)


def merged(
    book: KeyBook, *people: dict[str, Any], names: dict[str, tuple[str, ...]] | None = None, **others: KeyBook
) -> MergedKeys:
    return merge_keys(parse_roster(list(people)), "lab", {"lab": book, **others}, NOW, names or {})


def lines(found: MergedKeys) -> list[list[str] | None]:
    return [None if one.keys is None else [held.line for held in one.keys] for one in found.roster.entries]


def person(username: str = "alice", **more: Any) -> dict[str, Any]:
    return {"username": username, **more}


def test_whom_the_store_does_not_know_is_left_as_the_roster_says() -> None:
    found = merged(ALICE, person("bob"), person("carol", keys=[]), person("dave", keys=[line(4)]))
    assert lines(found) == [None, [], [line(4)]]
    assert (found.revoked, found.warnings) == ((), ())


def test_whom_the_store_knows_has_the_keys_of_both() -> None:
    assert lines(merged(ALICE, person())) == [[line(1)]]
    assert lines(merged(ALICE, person(keys=[line(2)]))) == [[line(1), line(2)]]
    assert lines(merged(ALICE, person(keys=[line(1, "same"), line(2)]))) == [[line(1), line(2)]]
    assert lines(merged(KeyBook({"alice": {}}), person())) == [[]]


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        (Validity(until=LATER), [f'expiry-time="20261201000000Z" {line(1)}']),
        (Validity(since=LATER), []),
        (Validity(until=NOW), []),
        (Validity(since=BEFORE), [line(1)]),
    ],
)
def test_a_key_counts_while_it_is_valid(limits: Validity, shown: list[str]) -> None:
    assert lines(merged(present(ALICE, "alice", "laptop", None, limits, NOW), person())) == [shown]


def test_a_key_that_was_rotated_out_does_not_live_on_in_the_roster() -> None:
    """Pain 3: rotated keys still work. Here the store decides, and says what to clear away."""
    book = rotate(ALICE, "alice", "laptop", entry(2), ANY, NOW, NOW)
    found = merged(book, person(keys=[line(1), line(3)]))
    assert lines(found) == [[line(2), line(3)]]
    [warning] = found.warnings
    assert "which the key store has as inactive: it is left out" in warning
    # while the overlap lasts it works, until the moment that sshd is told
    during = rotate(ALICE, "alice", "laptop", entry(2), ANY, LATER, NOW)
    assert lines(merged(during, person(keys=[line(1)]))) == [[line(2), f'expiry-time="20261201000000Z" {line(1)}']]


def test_a_revoked_key_works_for_nobody() -> None:
    """Pain 3: revoked keys are left out wherever they are named, and hosts are told of them."""
    book = revoke(ALICE, "alice", ["laptop"])
    found = merged(book, person(keys=[line(1)]), person("bob", keys=[line(2), line(1, "mine")][:1]))
    assert lines(found) == [[], [line(2)]]
    assert found.revoked == (line(1),)
    # also where the roster gives it to somebody else, and somebody whom the store does not know
    other = merged(book, person("bob", keys=[line(1), line(2)]))
    assert lines(other) == [[line(2)]]
    assert "gives bob the key" in other.warnings[0]
    assert "as revoked" in other.warnings[0]


def test_one_list_holds_every_key_of_a_person() -> None:
    """Pain 4: exclusive in a loop keeps only the last key. There is one list, and it has all that count."""
    book = present(present(ALICE, "alice", "desk", entry(2), ANY, NOW), "alice", "key", entry(3), ANY, NOW)
    assert lines(merged(book, person(keys=[line(4), line(5)]))) == [[line(2), line(3), line(1), line(4), line(5)]]


def test_a_key_of_two_people_is_refused() -> None:
    with pytest.raises(IdentityError, match=r"is that of alice \(lab\) and of bob"):
        merged(ALICE, person("bob", keys=[line(1)]))
    inactive = deactivate(ALICE, "alice", ["laptop"])
    with pytest.raises(IdentityError, match="is that of alice"):
        merged(inactive, person("bob", keys=[line(1)]))


def test_who_was_renamed_keeps_keys_and_revocations() -> None:
    names: dict[str, tuple[str, ...]] = {"alicia": ("alice", "alicia")}
    assert lines(merged(ALICE, person("alicia"), names=names)) == [[line(1)]]
    assert lines(merged(ALICE, person("alicia", keys=[line(1)]), names=names)) == [[line(1)]]
    both = present(ALICE, "alicia", "new", entry(2), ANY, NOW)
    assert lines(merged(both, person("alicia"), names=names)) == [[line(2), line(1)]]
    inactive = deactivate(both, "alice", ["laptop"])
    assert lines(merged(inactive, person("alicia", keys=[line(1)]), names=names)) == [[line(2)]]
    assert lines(merged(ALICE, person("alicia"))) == [None]


def test_a_guest_brings_the_keys_of_their_own_profile() -> None:
    guest = person("zoe", home_profile="other")
    home = present(KeyBook(), "zoe", "laptop", entry(7), ANY, NOW)
    assert profiles_of(parse_roster([person(), guest]), "lab") == ["lab", "other"]
    found = merged(ALICE, person(), guest, other=home)
    assert lines(found) == [[line(1)], [line(7)]]
    here = present(ALICE, "zoe", "here", entry(8), ANY, NOW)
    assert lines(merged(here, guest, other=home)) == [[line(8), line(7)]]
    lost = revoke(home, "zoe", ["laptop"])
    assert lines(merged(here, guest, other=lost)) == [[line(8)]]
    assert merged(here, guest, other=lost).revoked == (line(7),)
    # revoked at home, and still active in the list of this profile
    again = present(ALICE, "zoe", "here", entry(7), ANY, NOW)
    assert lines(merged(again, guest, other=lost)) == [[]]
    with pytest.raises(IdentityError, match="one key opens one person's account only"):
        merged(ALICE, person(), guest, other=present(KeyBook(), "zoe", "laptop", entry(1), ANY, NOW))


def test_a_key_of_a_guest_works_while_both_profiles_let_it() -> None:
    """What the lab that has the hosts took out of use does not come back by the lab that lends the person."""
    guest = person("zoe", home_profile="other", keys=[line(7)])
    home = present(KeyBook(), "zoe", "laptop", entry(7), ANY, NOW)
    here = present(ALICE, "zoe", "here", entry(7), ANY, NOW)
    assert lines(merged(here, guest, other=home)) == [[line(7)]]
    for one, other in (
        (deactivate(here, "zoe", ["here"]), home),
        (here, deactivate(home, "zoe", ["laptop"])),
        (rotate(here, "zoe", "here", entry(8), ANY, NOW, NOW), rotate(home, "zoe", "laptop", entry(8), ANY, NOW, NOW)),
    ):
        assert line(7) not in (lines(merged(one, guest, other=other))[0] or [])
    # and no longer than the one that ends it first says
    ends = f'expiry-time="20261201000000Z" {line(7)}'
    shorter, longer = Validity(until=LATER), Validity(until="2027-01-01T00:00:00Z")
    for mine, theirs in ((shorter, longer), (longer, shorter), (shorter, ANY), (ANY, shorter)):
        one = present(here, "zoe", "here", None, mine, NOW)
        assert lines(merged(one, guest, other=present(home, "zoe", "laptop", None, theirs, NOW))) == [[ends]]
