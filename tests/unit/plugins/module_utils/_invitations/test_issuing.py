# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same name with the same terms is the same invitation; other terms are another one, and are refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._invitations._issuing import Decision, Wish, decide
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Redeemed, UserIssued
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import uninvite
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import invitation_claims
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import STAMP, profile

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

NOW = 1_800_000_000
HOUR = 3600
FINGERPRINT = "SHA256:8kzClnl/KmcaWx2TtRfk/AyqBDZmia4jHPwp12Lb0HI"


class Lab:
    """A profile in which invitations are issued one after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = [profile()]

    def wish(self, name: str, now: int = NOW, life: int | None = None, **options: Any) -> Wish:
        said = {**options, "name": name}
        return Wish(name, invitation_claims(said, now, issuer="cluster-a", audience="lab", life=life), life)

    def decide(self, *wishes: Wish, now: int = NOW) -> Decision:
        ledger = fold(Written(self.events, range(2, len(self.events) + 2)))
        decision = decide(ledger, "lab", wishes, now, STAMP)
        self.events += decision.events
        return decision

    def ledger(self) -> Any:
        return fold(Written(self.events, range(2, len(self.events) + 2)))


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_the_same_wish_later_is_the_same_invitation(lab: Lab) -> None:
    first = lab.decide(lab.wish("heidi@uni", role="member")).outcomes[0]
    again = lab.decide(lab.wish("heidi@uni", now=NOW + HOUR, role="member"), now=NOW + HOUR)
    assert first.is_new
    assert again.events == ()
    assert dataclasses.replace(again.outcomes[0], is_new=True) == first


def test_two_people_with_the_same_terms_get_two_invitations(lab: Lab) -> None:
    one, two = lab.decide(lab.wish("a@uni"), lab.wish("b@uni")).outcomes
    assert one.jti != two.jti


@pytest.mark.parametrize(
    ("before", "after", "terms"),
    [
        ({"role": "member"}, {"role": "lead"}, "role"),
        ({}, {"groups": ["genomics"]}, "groups"),
        ({"username": "heidi"}, {"username": "hk"}, "username"),
        ({"quota": {"cores": 2}}, {}, "quota"),
        ({}, {"key": FINGERPRINT}, "cnf"),
        ({"depth": 1}, {"depth": 2}, "depth"),
        ({}, {"life": HOUR}, "how long it is valid"),
    ],
)
def test_other_terms_under_the_same_name_are_refused(
    lab: Lab, before: dict[str, Any], after: dict[str, Any], terms: str
) -> None:
    lab.decide(lab.wish("heidi@uni", **before))
    decision = lab.decide(lab.wish("heidi@uni", **after))
    assert decision.events == ()
    assert f"was issued with other terms ({terms}): revoke it first" in decision.outcomes[0].refusal


def test_one_refusal_spoils_no_other(lab: Lab) -> None:
    lab.decide(lab.wish("a@uni"))
    decision = lab.decide(
        lab.wish("a@uni", role="lead"), lab.wish("b@uni"), lab.wish("", role="lead"), lab.wish("c@uni")
    )
    assert [bool(outcome.refusal) for outcome in decision.outcomes] == [True, False, True, False]
    assert len(decision.events) == 2


def test_what_expired_unused_is_issued_anew(lab: Lab) -> None:
    first = lab.decide(lab.wish("heidi@uni", life=HOUR)).outcomes[0]
    later = NOW + HOUR
    second = lab.decide(lab.wish("heidi@uni", now=later, life=HOUR), now=later).outcomes[0]
    assert second.is_new
    assert second.jti != first.jti
    kept = lab.decide(lab.wish("heidi@uni", now=later + 1, life=HOUR), now=later + 1).outcomes[0]
    assert (kept.is_new, kept.jti) == (False, second.jti)


def test_what_was_revoked_is_not_issued_anew(lab: Lab) -> None:
    jti = lab.decide(lab.wish("heidi@uni")).outcomes[0].jti
    lab.events += uninvite(lab.ledger(), "lab", [jti], "", STAMP).events
    decision = lab.decide(lab.wish("heidi@uni", now=NOW + 1), now=NOW + 1)
    assert decision.events == ()
    assert "was revoked, and that is for good" in decision.outcomes[0].refusal


def test_what_was_accepted_stays_so(lab: Lab) -> None:
    jti = lab.decide(lab.wish("heidi@uni", username="heidi")).outcomes[0].jti
    lab.events += [
        UserIssued("lab", "heidi", "heidi", 5000, STAMP),
        Redeemed("lab", jti, "heidi", "cluster-a", "", FINGERPRINT, STAMP),
    ]
    later = NOW + 30 * 24 * HOUR
    decision = lab.decide(lab.wish("heidi@uni", now=later, username="heidi"), now=later)
    assert decision.events == ()
    assert (decision.outcomes[0].state, decision.outcomes[0].jti) == ("accepted", jti)
    refused = lab.decide(lab.wish("heidi@uni", username="hk")).outcomes[0]
    assert "was accepted with other terms (username)" in refused.refusal
