# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A portal's token counts for what it was made for, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import read_token
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._portal import portals

NOW = portals.NOW


@pytest.mark.parametrize("key", ["portal", "rsa"])
def test_a_good_token_names_a_user(key: str) -> None:
    user = read_token(portals.token(key), portals.trust(), NOW + 1)
    assert (user.issuer, user.subject, user.jti, user.expires) == (portals.PORTAL, "4711", "token-1", NOW + 300)
    assert (user.role, user.username) == ("user", "ann")
    assert user.upstream == "https://portal.example 4711"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"aud": "another-service"}, "wrong_audience"),
        ({"aud": ["labfleet", "another-service"]}, "bad_claim"),
        ({"iss": "https://evil.example"}, "wrong_issuer"),
        ({"iss": portals.PORTAL + "/"}, "wrong_issuer"),
        ({"iss": portals.OTHER}, "unknown_key"),
        ({"key": "other"}, "unknown_key"),
        ({"key": "stranger"}, "unknown_key"),
        ({"role": "guest"}, "wrong_role"),
        ({"role": None}, "wrong_role"),
        ({"role": "users"}, "wrong_role"),
        ({"role": {"user": True}}, "wrong_role"),
        ({"role": ["guest", "admin"]}, "wrong_role"),
        ({"role": [["user"]]}, "wrong_role"),
        ({"roles": ["user"], "role": None}, "wrong_role"),
        ({"iat": NOW - 4000, "exp": NOW - 3700}, "expired"),
        ({"iat": NOW + 4000, "exp": NOW + 4300}, "issued_in_future"),
        ({"nbf": NOW + 200}, "not_yet_valid"),
        ({"exp": NOW + 601}, "lives_too_long"),
        ({"iat": NOW - 500, "nbf": NOW, "exp": NOW + 300}, "lives_too_long"),
        ({"sub": None}, "bad_claim"),
        ({"sub": ""}, "bad_claim"),
        ({"sub": 4711}, "malformed"),
        ({"sub": "4711\n"}, "bad_claim"),
        ({"sub": " 4711"}, "bad_claim"),
        ({"jti": None}, "missing_claim"),
        ({"jti": ""}, "bad_claim"),
        ({"jti": 5}, "bad_claim"),
        ({"jti": "x" * 256}, "bad_claim"),
        ({"exp": None}, "missing_claim"),
        ({"iat": None}, "missing_claim"),
        ({"header": {"typ": "at+jwt"}}, "wrong_type"),
        ({"header": {"typ": "invitation+jwt"}}, "wrong_type"),
        ({"header": {"typ": None}}, "wrong_type"),
        ({"header": {"alg": "none"}}, "no_algorithm"),
        ({"header": {"alg": "HS256"}}, "wrong_algorithm"),
        ({"header": {"alg": "RS256"}}, "wrong_algorithm"),
        ({"header": {"crit": ["x"]}}, "header_not_allowed"),
        ({"header": {"jku": "https://evil.example"}}, "header_not_allowed"),
    ],
)
def test_every_other_token_is_refused_for_its_own_reason(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        read_token(portals.token(**more), portals.trust(), NOW + 1)
    assert refusal.value.reason == reason


def test_a_token_that_was_changed_is_refused() -> None:
    head, _claims, signature = portals.token().split(".")
    forged = f"{head}.{portals.token('portal', sub='root').split('.')[1]}.{signature}"
    with pytest.raises(TokenRefused) as refusal:
        read_token(forged, portals.trust(), NOW + 1)
    assert refusal.value.reason == "bad_signature"


def test_a_refusal_shows_nothing_of_the_token() -> None:
    token = portals.token(aud="another-service", jti="canary-jti")
    with pytest.raises(TokenRefused) as refusal:
        read_token(token, portals.trust(), NOW + 1)
    assert not [part for part in (*token.split("."), "canary-jti") if part in str(refusal.value)]


def test_types_that_are_named_are_taken() -> None:
    token = portals.token(header={"typ": "at+jwt"})
    assert read_token(token, portals.trust(types=("JWT", "at+jwt")), NOW + 1).subject == "4711"


def test_a_role_can_stand_in_a_list_of_another_claim() -> None:
    token = portals.token(role=None, groups=["x", "pi", "user"])
    assert read_token(token, portals.trust(role_claim="groups"), NOW + 1).role == "user"


def test_a_longer_life_can_be_said() -> None:
    token = portals.token(exp=NOW + 3600)
    assert read_token(token, portals.trust(lifetime=3600), NOW + 1).expires == NOW + 3600


def test_the_clock_of_a_portal_may_differ_a_little() -> None:
    assert read_token(portals.token(iat=NOW + 20), portals.trust(), NOW).subject == "4711"
    with pytest.raises(TokenRefused):
        read_token(portals.token(iat=NOW + 20), portals.trust(leeway=0), NOW)


def test_one_subject_at_two_portals_is_two_people() -> None:
    one = read_token(portals.token(), portals.trust(), NOW + 1)
    two = read_token(portals.token("other", iss=portals.OTHER), portals.trust(), NOW + 1)
    assert one.subject == two.subject
    assert one.jti == two.jti
    assert not {one.upstream, one.identity, one.run} & {two.upstream, two.identity, two.run}


def test_no_two_users_are_written_alike() -> None:
    users = [
        portals.user("b c", "a"),
        portals.user("c", "a"),
        portals.user("bc", "a"),
        portals.user("c", "ab"),
        portals.user("C", "a"),
    ]
    assert len({user.upstream for user in users}) == len({user.identity for user in users}) == len(users)


@pytest.mark.parametrize(
    "more",
    [
        {"keys": {}},
        {"keys": {"https://a b": portals.keys("portal")}},
        {"keys": {"": portals.keys("portal")}},
        {"roles": ()},
        {"types": ()},
        {"audience": ""},
        {"lifetime": 0},
        {"lifetime": 10**6},
        {"leeway": 301},
        {"leeway": -1},
    ],
)
def test_settings_that_would_let_in_anybody_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(IdentityError):
        read_token(portals.token(), portals.trust(**more), NOW + 1)


def test_a_subject_that_the_ledger_cannot_write_is_refused() -> None:
    with pytest.raises(IdentityError):
        read_token(portals.token(sub="e\u0301"), portals.trust(), NOW + 1)
    with pytest.raises(IdentityError):
        read_token(portals.token(sub="x" * 250), portals.trust(), NOW + 1)
