# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an invitation says, made from wishes and read from claims."""

from __future__ import annotations

import datetime
import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    check_invitation,
    invitation_claims,
    jti_of,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused, sign_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import Policy, offer_claims
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import verify_invitation
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.term_strategies import terms

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz alice@laptop"
FINGERPRINT = "SHA256:8kzClnl/KmcaWx2TtRfk/AyqBDZmia4jHPwp12Lb0HI"


def made(options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return invitation_claims(options, samples.NOW, **{"issuer": "cluster-a", "audience": samples.AUDIENCE, **more})


def test_everything_can_be_said() -> None:
    options = {
        "username": "heidi",
        "username_fixed": True,
        "role": "manager",
        "groups": ["proteins", "genomics", "genomics"],
        "shell": "/bin/bash",
        "quota": {"cores": 1.5, "memory": "4G", "tasks": "0"},
        "access_until": datetime.date(2027, 12, 31),
        "institutions": ["uni-b", "uni-a"],
        "orcid": "https://orcid.org/0000-0002-1825-0097",
        "idp": "globus",
        "depth": 2,
        "delegates": ["cluster-b"],
        "policy": {"regions": ["eu-central-1"], "templates": [], "max_cost_per_day": "012.5"},
        "key": KEY,
        "name": "heidi@uni.example",
    }
    claims = made(options, life=3600)
    assert claims == {
        "iss": "cluster-a",
        "aud": samples.AUDIENCE,
        "jti": claims["jti"],
        "iat": samples.NOW,
        "nbf": samples.NOW,
        "exp": samples.NOW + 3600,
        "inv": {
            "username": "heidi",
            "username_fixed": True,
            "role": "manager",
            "groups": ["genomics", "proteins"],
            "shell": "/bin/bash",
            "quota": {"cores": "1.5", "memory": 4 * 1024**3, "tasks": 0},
            "access_until": "2027-12-31",
            "institutions": ["uni-a", "uni-b"],
            "orcid": "0000-0002-1825-0097",
            "idp": "globus",
            "depth": 2,
            "delegates": ["cluster-b"],
            "policy": {"regions": ["eu-central-1"], "templates": [], "max_cost_per_day": "12.50"},
        },
        "cnf": {"jkt": FINGERPRINT},
        "ref": claims["ref"],
    }
    invitation = check_invitation(claims)
    assert invitation.offer.quota == Limits(cpu_percent=150, memory=4 * 1024**3, tasks=0)
    assert invitation.offer.policy == Policy(templates=(), regions=("eu-central-1",), max_cost_per_day="12.50")
    assert (invitation.key, invitation.ref) == (FINGERPRINT, claims["ref"])
    assert "uni.example" not in json.dumps(claims)


def test_nothing_has_to_be_said() -> None:
    nothing = dict.fromkeys(("role", "groups", "quota", "key", "policy", "depth"))
    claims = made(nothing)
    assert claims["inv"] == {}
    assert claims["exp"] - claims["nbf"] == 86400
    assert "cnf" not in claims


def test_the_id_is_a_digest_of_all_else() -> None:
    claims = made({"role": "guest"})
    rest = json.dumps({k: claims[k] for k in sorted(claims) if k != "jti"}, separators=(",", ":"), sort_keys=True)
    assert claims["jti"] == urlsafe_b64encode(hashlib.sha256(rest.encode()).digest()[:16]).decode().rstrip("=")


def test_a_name_that_is_no_text_is_left_to_whoever_notes_it() -> None:
    """A survey can bring half of a character, which has no bytes."""
    assert made({"name": "\ud800"})["ref"]


def test_two_people_get_two_invitations() -> None:
    one, two, again = (made({"role": "guest", "name": name}) for name in ("x@a.example", "y@a.example", "x@a.example"))
    assert one["jti"] != two["jti"]
    assert one == again


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"role": "admin"}, "role"),
        ({"role": "Lead"}, "role"),
        ({"role": ["lead"]}, "role"),
        ({"username": "root"}, "username"),
        ({"username": "heid\N{CYRILLIC SMALL LETTER I}"}, "username"),
        ({"username_fixed": True}, "username_fixed"),
        ({"username": "heidi", "username_fixed": "yes"}, "username_fixed"),
        ({"groups": "genomics"}, "groups"),
        ({"groups": ["sudo"]}, "group"),
        ({"groups": [["genomics"]]}, "group"),
        ({"groups": [f"g{number}" for number in range(17)]}, "groups"),
        ({"shell": "bash"}, "shell"),
        ({"shell": "/bin/../bin/bash"}, "shell"),
        ({"shell": "/bin/bash -c x"}, "shell"),
        ({"shell": "/bin/$x"}, "shell"),
        ({"quota": {"memory": "1K"}}, "quota"),
        ({"quota": {"ram": "4G"}}, "quota"),
        ({"quota": []}, "quota"),
        ({"access_until": "2027-2-1"}, "access_until"),
        ({"access_until": "2027-02-30"}, "access_until"),
        ({"access_until": "never"}, "access_until"),
        ({"access_until": 20270101}, "access_until"),
        ({"access_until": datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)}, "access_until"),
        ({"institutions": ["Uni A"]}, "institutions"),
        ({"institutions": ["uni\N{CYRILLIC SMALL LETTER A}"]}, "institutions"),
        ({"orcid": "0000-0002-1825-0098"}, "orcid"),
        ({"idp": ""}, "idp"),
        ({"idp": "a\n"}, "idp"),
        ({"depth": -1}, "depth"),
        ({"depth": 9}, "depth"),
        ({"depth": True}, "depth"),
        ({"depth": "1"}, "depth"),
        ({"delegates": ["cluster-b"]}, "delegates"),
        ({"delegates": ["Cluster B"], "depth": 1}, "id of a cluster"),
        ({"policy": {"regions": "eu"}}, "regions"),
        ({"policy": {"countries": []}}, "policy"),
        ({"policy": []}, "policy"),
        ({"policy": {"max_cost_per_day": 12.5}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "12,50"}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "1e9"}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "-1"}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "1.234"}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "12."}}, "max_cost_per_day"),
        ({"policy": {"max_cost_per_day": "\N{ARABIC-INDIC DIGIT ONE}"}}, "max_cost_per_day"),
        ({"key": "SHA256:short"}, "key"),
        ({"key": FINGERPRINT[:-1] + "J"}, "key"),
        ({"colour": "red"}, "terms"),
    ],
)
def test_what_cannot_be_offered_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        made(options)
    assert refusal.value.reason == "bad_claim"
    assert f"The {told} of the invitation" in str(refusal.value)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(IdentityError, match="not an SSH public key"):
        made({"key": "laptop"})


@pytest.mark.parametrize(("life", "reason"), [(7 * 86400 + 1, "lives_too_long"), (0, "expired"), (-5, "expired")])
def test_a_time_that_is_none_is_refused(life: int, reason: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        made({}, life=life)
    assert refusal.value.reason == reason
    assert made({}, life=30 * 86400, longest_life=31 * 86400)["exp"] == samples.NOW + 30 * 86400


@given(terms())
def test_what_is_made_is_what_is_read(options: dict[str, Any]) -> None:
    claims = made(options)
    assert made(claims["inv"])["inv"] == claims["inv"]
    invitation = check_invitation(claims)
    assert offer_claims(invitation.offer) == claims["inv"]
    key = samples.pair("a")[0]
    token = sign_compact(claims, key, samples.TYPE)
    trusted = {"cluster-a": samples.keys("a")}
    verified = verify_invitation(token, trusted, samples.AUDIENCE, samples.NOW)
    assert (verified.invitation, verified.claims, verified.chain) == (invitation, claims, ())
    assert sign_compact(verified.claims, key, samples.TYPE) == token


@given(terms(), st.data())
def test_no_other_claims_have_the_id(options: dict[str, Any], data: st.DataObject) -> None:
    claims = made(options)
    name = data.draw(st.sampled_from(sorted(claims.keys() - {"jti"})))
    changed = {**claims, name: claims[name] + 1 if isinstance(claims[name], int) else "x"}
    assert jti_of(changed) != claims["jti"]


def test_what_is_delegated_keeps_what_is_demanded() -> None:
    key = samples.pair("a")[0]
    parent = made(
        {
            "username": "heidi",
            "role": "lead",
            "groups": ["genomics"],
            "institutions": ["uni-a"],
            "quota": {"memory": "4G"},
            "policy": {"regions": ["eu"]},
            "access_until": "2027-12-31",
            "shell": "/bin/zsh",
            "key": FINGERPRINT,
            "depth": 2,
            "delegates": ["cluster-b"],
        },
        life=3600,
    )
    token = sign_compact(parent, key, samples.TYPE)
    child = invitation_claims(
        {"role": "guest"}, samples.NOW + 60, issuer="cluster-b", audience=samples.AUDIENCE, parent=token
    )
    assert child["inv"] == {
        "role": "guest",
        "institutions": ["uni-a"],
        "quota": {"memory": 4 * 1024**3},
        "policy": {"regions": ["eu"]},
        "access_until": "2027-12-31",
        "shell": "/bin/zsh",
    }
    assert (child["cnf"], child["exp"], child["prt"]) == ({"jkt": FINGERPRINT}, parent["exp"], token)
    trusted = {"cluster-a": samples.keys("a"), "cluster-b": samples.keys("b")}
    signed = sign_compact(child, samples.pair("b")[0], samples.TYPE)
    verified = verify_invitation(signed, trusted, samples.AUDIENCE, samples.NOW + 61, roots=["cluster-a"])
    assert (verified.chain, verified.issuer) == ((parent["jti"],), "cluster-b")
    with pytest.raises(TokenRefused) as refusal:
        invitation_claims({"role": "guest"}, samples.NOW, issuer="cluster-c", audience=samples.AUDIENCE, parent=token)
    assert refusal.value.reason == "not_a_delegate"
    with pytest.raises(TokenRefused) as refusal:
        verify_invitation(signed, trusted, samples.AUDIENCE, samples.NOW + 61, roots=["cluster-b"])
    assert refusal.value.reason == "not_a_root"
