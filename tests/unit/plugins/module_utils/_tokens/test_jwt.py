# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens are signed in one way, and verified with the keys of their issuer alone."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import (
    TokenRefused,
    Verified,
    sign_compact,
    verify_compact,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._libraries import check_pyjwt
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples

ISSUER = "cluster-a"


def verify(token: Any, names: tuple[str, ...] = ("a",), canonical: bool = True, **more: Any) -> Verified:
    options = {"now": samples.NOW + 10, "longest_life": 7 * samples.DAY, **more}
    typ = options.pop("typ", samples.TYPE)
    return verify_compact(token, {ISSUER: samples.keys(*names)}, samples.AUDIENCE, typ, canonical=canonical, **options)


def refused(token: Any, **more: Any) -> str:
    with pytest.raises(TokenRefused) as refusal:
        verify(token, **more)
    return refusal.value.reason


@pytest.mark.parametrize("name", ["a", "rsa-a"])
def test_what_is_signed_is_verified(name: str) -> None:
    key = samples.pair(name)[0]
    told = samples.claims(inv={"role": "member"})
    verified = verify(sign_compact(told, key, samples.TYPE), (name,))
    assert verified == Verified({"alg": key.algorithm, "kid": key.kid, "typ": samples.TYPE}, told, ISSUER, key.kid)


@pytest.mark.parametrize("name", ["a", "rsa-a"])
def test_the_same_claims_and_key_give_the_same_bytes(name: str) -> None:
    key = samples.pair(name)[0]
    told = samples.claims(inv={"groups": ["a", "b"], "role": "member"})
    turned = dict(reversed(list(told.items())))
    assert sign_compact(told, key, samples.TYPE) == sign_compact(turned, key, samples.TYPE)
    # and the bytes are those that another program writes
    assert sign_compact(told, key, samples.TYPE) == samples.signed(samples.header(key), told, key)


def test_any_other_program_verifies_it() -> None:
    key, public = samples.pair("a")
    now = int(time.time())
    told = samples.claims(iat=now, nbf=now, exp=now + 60)
    token = sign_compact(told, key, samples.TYPE)
    assert jwt.decode(token, public.key, algorithms=["EdDSA"], audience=samples.AUDIENCE) == told


def test_the_clock_is_the_one_that_is_given() -> None:
    token = sign_compact(samples.claims(), samples.pair("a")[0], samples.TYPE)
    assert verify(token, now=samples.NOW).issuer == ISSUER
    assert verify(token, now=samples.NOW + samples.DAY - 1).issuer == ISSUER
    assert refused(token, now=samples.NOW + samples.DAY) == "expired"
    assert refused(token, now=samples.NOW - 1) == "issued_in_future"
    assert verify(token, now=samples.NOW - 30, leeway=30).issuer == ISSUER
    assert verify(token, now=samples.NOW + samples.DAY + 29, leeway=30).issuer == ISSUER
    assert refused(token, now=samples.NOW + samples.DAY + 30, leeway=30) == "expired"


def test_tokens_of_others_may_be_written_as_they_like() -> None:
    key = samples.pair("rsa-a")[0]
    told = samples.claims(sub="alice#17", nbf=None, name="Ål\N{COMBINING RING ABOVE}", score=0.5)
    head = samples.loose(samples.header(key, typ="JWT"))
    token = samples.signed(head, samples.loose(told), key)
    assert verify(token, ("rsa-a",), canonical=False, typ="JWT").claims == told
    assert refused(token, names=("rsa-a",), typ="JWT") in {"not_canonical", "bad_number"}


def test_a_token_of_others_needs_no_key_id_where_there_is_one_key() -> None:
    key = samples.pair("rsa-a")[0]
    token = samples.signed(samples.header(key, typ="JWT", kid=None), samples.claims(), key)
    assert verify(token, ("rsa-a",), canonical=False, typ="JWT").kid == key.kid
    assert refused(token, names=("rsa-a", "a"), canonical=False, typ="JWT") == "unknown_key"
    assert refused(token, names=("rsa-a",), canonical=True, typ="JWT") == "unknown_key"
    assert refused(token, names=("a",), canonical=False, typ="JWT") == "wrong_algorithm"


def test_a_token_that_nobody_would_take_is_not_signed() -> None:
    with pytest.raises(TokenRefused, match="say less in it") as refusal:
        sign_compact(samples.claims(inv={"x": "y" * 20000}), samples.pair("a")[0], samples.TYPE)
    assert refusal.value.reason == "too_large"


def test_the_private_half_is_not_shown() -> None:
    key = samples.pair("a")[0]
    assert "key=" not in repr(key)
    assert key.kid in repr(key)


def test_an_old_pyjwt_is_refused() -> None:
    check_pyjwt("2.13.0")
    check_pyjwt("3.0")
    with pytest.raises(IdentityError, match=r"PyJWT 2\.13 or newer"):
        check_pyjwt("2.12.9")
