# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a person is outside, and who stands for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import federated_uuid
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    RETIRED,
    Linked,
    Redirected,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import (
    find_linked,
    link,
    redirect,
    take_redirect_back,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Change, Who, set_state
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import person_record
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
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
    profile("other", "6000-6999"),
    user("alice", 5001, "a@x"),
    user("bob", 5002),
    user("carol", 5003),
    user("alice", 6001, "a@x", "other"),
]
UP, UP_TWO = "https://idp.example alice@uni.example", "https://orcid.example 0000-0001"
PREFIX = "zzzzz"
UUID = federated_uuid(UP, PREFIX)
OLD_UUID = "zzzzz-tpzed-000000000000a01"
ALICE, BOB, CAROL = Who("alice"), Who("bob"), Who("carol")


class Life:
    """A ledger to which one operation after the other adds."""

    def __init__(self) -> None:
        self.events = list(BASE)

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.events)

    def does(self, operation: Operation) -> tuple[Event, ...]:
        change = operation(self.ledger)
        self.events += change.events
        assert operation(self.ledger).events == ()
        return change.events

    def refuses(self, operation: Operation) -> str:
        with pytest.raises(IdentityError) as caught:
            operation(self.ledger)
        assert str(caught.value).isprintable()
        assert str(caught.value).isascii()
        assert len(str(caught.value)) < 500
        return str(caught.value)

    def found(self, upstream: str, prefix: str = "") -> tuple[str, str] | None:
        person = find_linked(self.ledger, upstream, prefix)
        return person.key if person else None


@pytest.fixture
def life() -> Life:
    return Life()


def linked(who: Who, upstream: str = "", prefix: str = "", uuid: str = "", name: str = "lab") -> Operation:
    return lambda ledger: link(ledger, name, who, upstream, prefix, uuid, STAMP)


def redirected(who: Who, to: Who, to_profile: str = "lab", name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: redirect(ledger, name, who, to_profile, to, reason, STAMP)


def taken_back(who: Who, name: str = "lab", reason: str = "") -> Operation:
    return lambda ledger: take_redirect_back(ledger, name, who, reason, STAMP)


def test_an_upstream_and_the_uuid_that_follows_from_it(life: Life) -> None:
    assert life.found(UP, PREFIX) is None
    assert life.does(linked(ALICE, UP, PREFIX)) == (Linked("lab", "a@x", UP, UUID, STAMP),)
    # what is known already need not be said again, in whatever words
    for operation in (linked(ALICE, UP), linked(ALICE, "", "", UUID), linked(ALICE, UP, PREFIX, UUID)):
        assert life.does(operation) == ()
    assert life.does(linked(ALICE, UP, "aaaaa")) == ()
    # a second login of the same person leads to the same account
    assert life.does(linked(ALICE, UP_TWO, PREFIX)) == (Linked("lab", "a@x", UP_TWO, UUID, STAMP),)
    assert life.found(UP) == life.found(UP_TWO) == ("lab", "a@x")
    record = person_record(life.ledger, life.ledger.person("lab", "alice"))
    assert (record["upstreams"], record["uuid"]) == ([UP, UP_TWO], UUID)


def test_step_by_step(life: Life) -> None:
    assert life.does(linked(ALICE, UP)) == (Linked("lab", "a@x", UP, "", STAMP),)
    assert life.found(UP, PREFIX) == ("lab", "a@x")
    assert life.does(linked(ALICE, UP, PREFIX)) == (Linked("lab", "a@x", "", UUID, STAMP),)
    record = person_record(life.ledger, life.ledger.person("lab", "alice"))
    assert (record["upstreams"], record["uuid"]) == ([UP], UUID)


def test_who_was_there_before_the_federation_keeps_their_uuid(life: Life) -> None:
    assert life.does(linked(ALICE, "", "", OLD_UUID)) == (Linked("lab", "a@x", "", OLD_UUID, STAMP),)
    assert life.does(linked(ALICE, UP, PREFIX)) == (Linked("lab", "a@x", UP, OLD_UUID, STAMP),)
    assert life.found(UP, PREFIX) == ("lab", "a@x")
    assert UUID not in life.ledger.uuids
    assert "has the UUID" in life.refuses(linked(ALICE, "", "", UUID))


def test_a_uuid_finds_who_has_no_upstream_yet_and_a_collision_fails(life: Life) -> None:
    life.does(linked(ALICE, "", "", UUID))
    assert life.found(UP) is None
    assert life.found(UP, PREFIX) == ("lab", "a@x")
    life.does(linked(ALICE, UP_TWO))
    with pytest.raises(IdentityError, match="two people would be one"):
        life.found(UP, PREFIX)
    assert "is that of alice (lab, 5001, subject 'a@x'), so it cannot be that of bob" in life.refuses(
        linked(BOB, UP, PREFIX)
    )


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (linked(BOB, UP), "is that of alice (lab, 5001, subject 'a@x'), so it cannot be that of bob (lab, 5002)"),
        (linked(BOB, "", "", UUID), "is that of alice"),
        (linked(ALICE, UP, name="other"), "so it cannot be that of alice (other, 6001, subject 'a@x')"),
        (linked(BOB), "Nothing is said about bob (lab, 5002): give an upstream identity, a UUID, or both"),
        (linked(BOB, "", PREFIX), "Nothing is said about bob"),
        (linked(BOB, " a"), "without blanks around it"),
        (linked(BOB, "Zoe\u0308"), r"The upstream identity 'Zoe\u0308' is not one line"),
        (linked(BOB, "a\nb"), "is not one line"),
        (linked(BOB, "a\u200bb"), "is not one line"),
        (linked(BOB, "x" * 10_000_000), "is not one line of 1 to 255"),
        (linked(BOB, "bob", "ZZZZZ"), "The cluster prefix 'ZZZZZ' is not valid"),
        (linked(ALICE, UP, "zz"), "The cluster prefix 'zz' is not valid"),
        (linked(BOB, "bob", "", "zzzzz-tpzed-0"), "The UUID 'zzzzz-tpzed-0' is not of the form"),
        (linked(BOB, "", "", "zzzzz-j7d0g-000000000000000"), "is not of the form zzzzz-tpzed-"),
        (linked(Who("mallory"), UP), "nobody with the username 'mallory'"),
    ],
)
def test_links_that_are_refused(life: Life, operation: Operation, reason: str) -> None:
    life.does(linked(ALICE, UP, PREFIX))
    assert reason in life.refuses(operation)


def test_look_alikes_are_other_people(life: Life) -> None:
    life.does(linked(ALICE, "alice", PREFIX))
    life.does(linked(BOB, "\u0430lice", PREFIX))
    assert life.found("alice") == ("lab", "a@x")
    assert life.found("\u0430lice") == ("lab", "bob")
    assert life.found("\uff41lice", PREFIX) is None
    assert len(life.ledger.uuids) == 2


def test_a_redirect_retires_and_is_followed(life: Life) -> None:
    life.does(linked(BOB, UP_TWO))
    assert life.does(redirected(BOB, ALICE, "other", reason="one person")) == (
        Redirected("lab", "bob", 1, "other", "a@x", "one person", STAMP),
        StateChanged("lab", "bob", 1, RETIRED, "one person", STAMP),
    )
    assert life.found(UP_TWO) == ("other", "a@x")
    assert life.does(redirected(CAROL, BOB))[0] == Redirected("lab", "carol", 1, "lab", "bob", "", STAMP)
    assert life.ledger.present(("lab", "carol")).key == ("other", "a@x")
    record = person_record(life.ledger, life.ledger.person("lab", "carol"))
    assert record["redirected_to"] == {"profile": "other", "subject": "a@x", "uid": 6001}
    # who changes the target leaves the state alone, for they are retired already
    assert life.does(redirected(CAROL, ALICE)) == (Redirected("lab", "carol", 2, "lab", "a@x", "", STAMP),)


def test_a_redirect_is_taken_back_before_who_was_merged_is_revived(life: Life) -> None:
    life.does(redirected(BOB, ALICE))

    def revive(ledger: Ledger) -> Change:
        return set_state(ledger, "lab", [Who("bob", "bob")], ACTIVE, "", STAMP)

    assert "was merged into alice (lab, 5001, subject 'a@x'): take the redirect back first" in life.refuses(revive)
    assert life.does(taken_back(BOB)) == (Redirected("lab", "bob", 2, "", "", "", STAMP),)
    assert life.ledger.person("lab", "bob").state == RETIRED
    assert life.ledger.present(("lab", "bob")).subject == "bob"
    life.does(revive)
    assert len(life.does(redirected(BOB, CAROL))) == 2
    assert life.does(taken_back(ALICE)) == ()


def test_no_redirect_leads_back(life: Life) -> None:
    assert "so the two would lead to each other" in life.refuses(redirected(ALICE, ALICE))
    life.does(redirected(ALICE, BOB))
    # although what alice leads to is somebody else now
    assert "alice (lab, 5001, subject 'a@x') leads to alice" in life.refuses(redirected(ALICE, ALICE))
    assert "alice (lab, 5001, subject 'a@x') leads to bob (lab, 5002) already" in life.refuses(redirected(BOB, ALICE))
    life.does(redirected(BOB, CAROL))
    assert "leads to carol" in life.refuses(redirected(CAROL, ALICE))
    # bob is on the way of alice to carol, and would lead back to her
    assert "leads to bob" in life.refuses(redirected(BOB, ALICE))
    assert "leads to bob" in life.refuses(redirected(BOB, BOB))
    life.does(redirected(ALICE, CAROL))
    life.does(redirected(BOB, ALICE))
    assert life.ledger.present(("lab", "bob")).subject == "carol"


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (redirected(Who("mallory"), ALICE), "nobody with the username 'mallory'"),
        (redirected(ALICE, Who("mallory")), "nobody with the username 'mallory'"),
        (redirected(ALICE, BOB, "other"), "nobody with the username 'bob' in the profile other"),
        (redirected(ALICE, BOB, "lob"), "The ledger has no profile 'lob'"),
        (redirected(ALICE, Who()), "Nobody is named"),
        (redirected(ALICE, BOB, reason="a\nb"), "The reason"),
        (taken_back(ALICE, reason="x" * 10_000_000), "The reason"),
        (taken_back(Who("mallory")), "nobody with the username 'mallory'"),
    ],
)
def test_redirects_that_are_refused(life: Life, operation: Operation, reason: str) -> None:
    assert reason in life.refuses(operation)
