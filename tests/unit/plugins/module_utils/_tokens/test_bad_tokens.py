# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bad token is refused, for its own reason, and nothing of it is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._tokens import _verify
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import (
    VerifiedInvitation,
    verify_invitation,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.bad_tokens import BAD, Bad
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.forgeries import (
    delegated,
    old_key,
    told,
    trusted,
)


def verify(token: Any, **more: Any) -> VerifiedInvitation:
    return verify_invitation(token, trusted(), samples.AUDIENCE, samples.NOW + 10, leeway=0, **more)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_it_is_refused(bad: Bad) -> None:
    token = bad.make()
    with pytest.raises(TokenRefused) as refusal:
        verify(token)
    assert refusal.value.reason == bad.reason
    told_to_people = str(refusal.value)
    assert told_to_people.endswith(".")
    for part in token.split(".") if isinstance(token, str) else ():
        assert len(part) < 20 or part not in told_to_people


def test_there_are_enough_of_them_and_each_is_another() -> None:
    assert len(BAD) >= 200
    assert len({bad.name for bad in BAD}) == len(BAD)
    assert len({bad.reason for bad in BAD}) >= 40
    assert all(bad.source for bad in BAD)


def test_what_they_are_made_of_is_accepted() -> None:
    """They are refused for what is changed in them, for without that they are good."""
    assert verify(told()).issuer == "cluster-a"
    assert verify(samples.invitation("b", "cluster-b")).issuer == "cluster-b"
    assert verify(samples.invitation("rsa-a", "cluster-r")).issuer == "cluster-r"
    assert verify(old_key(iat=samples.NOW - 3600)).kid == samples.pair("old")[0].kid
    assert verify(old_key("new", iat=samples.NOW)).kid == samples.pair("new")[0].kid
    assert len(verify(delegated()).chain) == 1
    assert verify(told(exp=samples.NOW + 7 * samples.DAY)).issuer == "cluster-a"
    fingerprint = {"jkt": "SHA256:" + "A" * 43}
    assert verify(delegated({"cnf": fingerprint}, cnf=fingerprint)).invitation.key == fingerprint["jkt"]


def test_who_may_only_pass_on_does_not_invite() -> None:
    assert verify(delegated(), roots=["cluster-a"]).issuer == "cluster-b"
    with pytest.raises(TokenRefused) as refusal:
        verify(samples.invitation("b", "cluster-b"), roots=["cluster-a"])
    assert refusal.value.reason == "not_a_root"


def chain(length: int) -> str:
    token = samples.invitation(inv={"depth": length})
    for depth in reversed(range(length)):
        token = samples.invitation(inv={"depth": depth} if depth else {}, prt=token)
    return token


def test_a_chain_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    verified = verify(chain(5))
    assert len(verified.chain) == len(set(verified.chain)) == 5
    # the first one is the one that everything was made of
    assert verified.chain[0] == samples.invitation_claims_of(inv={"depth": 5})["jti"]
    monkeypatch.setattr(_verify, "MOST_DEPTH", 4)
    with pytest.raises(TokenRefused) as refusal:
        verify(chain(5))
    assert refusal.value.reason == "chain_too_long"


def test_a_verifier_that_trusts_nobody_accepts_nothing() -> None:
    with pytest.raises(TokenRefused) as refusal:
        verify_invitation(told(), {}, samples.AUDIENCE, samples.NOW + 10)
    assert refusal.value.reason == "wrong_issuer"
