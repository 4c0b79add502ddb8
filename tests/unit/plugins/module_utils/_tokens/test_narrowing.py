# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Narrowing, against an oracle that knows no rules: it lists all that an invitation lets happen in a small world."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    check_invitation,
    check_narrower,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import TokenRefused
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._offers import offer_claims, parse_offer
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import term_strategies as world
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples

UNLIMITED = 10**6
# what hosts may have as a limit of their own, and what somebody may use
AMOUNTS = (1, 16, 50, 100, 200, 1000, UNLIMITED)
HOURS = 8


def happens(claims: dict[str, Any], *, is_child: bool) -> dict[str, frozenset[Any]]:
    """All that can happen under an invitation, in each respect."""
    inv = claims["inv"]
    levels = set(range(1, inv.get("depth", 0) + 1))
    if is_child:
        levels = {1} | {level + 1 for level in levels}
    role = inv.get("role")
    told: dict[str, frozenset[Any]] = {
        "audience": frozenset([claims["aud"]]),
        "time": frozenset(hour for hour in range(HOURS) if claims["nbf"] <= samples.NOW + hour * 3600 < claims["exp"]),
        "depth": frozenset(levels),
        "delegates": frozenset([claims["iss"], *inv.get("delegates", [])]),
        "role": frozenset(world.ROLES[: world.ROLES.index(role) + 1] if role else ["what no role limits"]),
        "groups": frozenset(inv.get("groups", [])),
        "username": frozenset([inv["username"]] if inv.get("username_fixed") else world.NAMES),
        "access_until": frozenset(day for day in (*world.DAYS, "9999") if day <= inv.get("access_until", "9999")),
        "institutions": frozenset(inv.get("institutions", (*world.INSTITUTIONS, "no institution"))),
        "orcid": frozenset([inv["orcid"]] if "orcid" in inv else (*world.ORCIDS, "no orcid")),
        "idp": frozenset([inv["idp"]] if "idp" in inv else (*world.PROVIDERS, "no provider")),
        "shell": frozenset([inv.get("shell", "that of the role or the host")]),
        "key": frozenset([claims["cnf"]["jkt"]] if "cnf" in claims else (*world.FINGERPRINTS, "another")),
        "quota": frozenset(used(inv.get("quota", {}))),
        "policy": frozenset(started(inv.get("policy", {}))),
    }
    return told


def used(quota: dict[str, Any]) -> set[tuple[str, int, int]]:
    """On a host with each limit of its own: how much of each thing can be used."""
    found = set()
    for name, unit in (("tasks", 1), ("memory", 2**20), ("cores", 0.01)):
        for own in AMOUNTS:
            limit = own if name not in quota else float(quota[name]) / unit or UNLIMITED
            found |= {(name, own, amount) for amount in AMOUNTS if amount <= limit}
    return found


def started(policy: dict[str, Any]) -> set[tuple[str, Any]]:
    """Each thing that can be part of what is started, and what it may cost a day."""
    names = {"templates": ["r", "python"], "instance_types": ["small", "large"], "regions": ["eu", "us"]}
    found = {(name, item) for name, items in names.items() for item in policy.get(name, [*items, "other"])}
    most = float(policy.get("max_cost_per_day", UNLIMITED))
    return found | {("cost", cost) for cost in (0.0, 9.99, 10.0, 50.0, 100.0, 500.0) if cost <= most}


@st.composite
def invitations(draw: st.DrawFn) -> dict[str, Any]:
    begins = samples.NOW + draw(st.integers(0, 2)) * 3600
    return {
        "iss": draw(st.sampled_from(world.ISSUERS)),
        "aud": draw(st.sampled_from(["personal-research", "lab-shared"])),
        "iat": samples.NOW,
        "nbf": begins,
        "exp": begins + draw(st.integers(1, 4)) * 3600,
        "inv": draw(world.terms()),
        **draw(st.sampled_from([{}, *({"cnf": {"jkt": key}} for key in world.FINGERPRINTS)])),
    }


@st.composite
def families(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A parent, and a child that differs from it in some terms, so that it is covered often enough."""
    parent, other = draw(invitations()), draw(invitations())
    parent["inv"].setdefault("depth", 2)
    inv = {
        name: (other["inv"] if draw(st.integers(0, 7)) == 0 else parent["inv"]).get(name)
        for name in sorted({*parent["inv"], *other["inv"]})
    }
    inv["depth"] = draw(st.integers(0, 2))
    if not inv["depth"]:
        inv.pop("delegates", None)
    if not inv.get("username"):
        inv.pop("username_fixed", None)
    child = {**parent, "inv": {name: value for name, value in inv.items() if value is not None}}
    for name in ("iss", "aud", "nbf", "exp", "cnf"):
        if draw(st.integers(0, 9)) == 0 and name in other:
            child[name] = other[name]
    if child["exp"] <= child["nbf"]:
        child["exp"] = child["nbf"] + 3600
    return parent, child


def normal(claims: dict[str, Any]) -> dict[str, Any]:
    told = {**claims, "inv": offer_claims(parse_offer(claims["inv"]))}
    told.pop("jti", None)
    return samples.invitation_claims_of(told.pop("iss"), **told)


def refusal_of(parent: dict[str, Any], child: dict[str, Any]) -> str:
    try:
        check_narrower(check_invitation(normal(parent)), check_invitation(normal(child)))
    except TokenRefused as refusal:
        return refusal.reason
    return ""


@given(families())
def test_a_child_is_covered_when_nothing_happens_that_its_parent_does_not_let(
    family: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    parent, child = family
    above, below = happens(normal(parent), is_child=False), happens(normal(child), is_child=True)
    wider = {respect for respect in above if not below[respect] <= above[respect]}
    refusal = refusal_of(parent, child)
    if refusal == "not_a_delegate":
        assert "delegates" in wider
    elif refusal == "not_delegable":
        assert above["depth"] == frozenset()
    elif refusal:
        assert refusal[len("wider_") :] in wider
    else:
        assert not wider


@given(families(), invitations())
@example(({}, {}), {})
def test_who_is_covered_through_another_is_covered(
    family: tuple[dict[str, Any], dict[str, Any]], third: dict[str, Any]
) -> None:
    """Narrowing is transitive, so a chain never comes out wider than its beginning."""
    if not third:
        first = samples.invitation_claims_of(inv={"role": "lead", "depth": 3, "policy": {"regions": ["eu", "us"]}})
        second = samples.invitation_claims_of(inv={"role": "member", "depth": 2, "policy": {"regions": ["eu"]}})
        third = samples.invitation_claims_of(inv={"role": "member", "depth": 1, "policy": {"regions": []}})
        assert not refusal_of(first, second)
        assert not refusal_of(second, third)
        assert not refusal_of(first, third)
        return
    first, second = family
    last = {**second, "inv": {**second["inv"], "depth": max(0, second["inv"].get("depth", 0) - 1)}}
    if not last["inv"]["depth"]:
        last["inv"].pop("delegates", None)
    last["inv"].update({name: third["inv"][name] for name in ("role", "groups", "policy") if name in third["inv"]})
    if not refusal_of(first, second) and not refusal_of(second, last):
        assert not refusal_of(first, last)


PARENT: dict[str, Any] = {
    "username": "heidi",
    "username_fixed": True,
    "role": "manager",
    "groups": ["genomics", "proteins"],
    "shell": "/bin/bash",
    "quota": {"tasks": 100, "memory": 2**30},
    "access_until": "2027-06-30",
    "institutions": ["uni-a", "uni-b"],
    "orcid": world.ORCIDS[0],
    "idp": "globus",
    "depth": 2,
    "delegates": ["cluster-b"],
    "policy": {"templates": ["r"], "instance_types": ["small"], "regions": ["eu"], "max_cost_per_day": "10.00"},
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"depth": 0, "delegates": None, "role": "guest", "groups": None}, ""),
        ({"depth": 2}, "wider_depth"),
        ({"depth": 3}, "wider_depth"),
        ({"delegates": ["cluster-b", "cluster-c"]}, "wider_delegates"),
        ({"role": "lead"}, "wider_role"),
        ({"role": None}, "wider_role"),
        ({"groups": ["genomics", "imaging"]}, "wider_groups"),
        ({"username": "judy"}, "wider_username"),
        ({"username_fixed": None}, "wider_username"),
        ({"access_until": "2027-07-01"}, "wider_access_until"),
        ({"access_until": None}, "wider_access_until"),
        ({"quota": {"tasks": 101, "memory": 2**30}}, "wider_quota"),
        ({"quota": {"tasks": 0, "memory": 2**30}}, "wider_quota"),
        ({"quota": {"memory": 2**30}}, "wider_quota"),
        ({"quota": {"tasks": 100, "memory": 2**30, "open_files": 1024}}, "wider_quota"),
        ({"quota": None}, "wider_quota"),
        ({"institutions": ["uni-a", "uni-c"]}, "wider_institutions"),
        ({"institutions": None}, "wider_institutions"),
        ({"orcid": world.ORCIDS[1]}, "wider_orcid"),
        ({"orcid": None}, "wider_orcid"),
        ({"idp": None}, "wider_idp"),
        ({"idp": "orcid"}, "wider_idp"),
        ({"shell": None}, "wider_shell"),
        ({"policy": None}, "wider_policy"),
        *(
            ({"policy": {name: value for name, value in PARENT["policy"].items() if name != left_out}}, "wider_policy")
            for left_out in ("templates", "instance_types", "regions", "max_cost_per_day")
        ),
    ],
)
def test_every_respect_in_which_a_child_can_be_wider(change: dict[str, Any], reason: str) -> None:
    parent = samples.invitation_claims_of(inv=PARENT, cnf={"jkt": world.FINGERPRINTS[0]})
    told = {**PARENT, "depth": 1, **change}
    inv = {name: value for name, value in told.items() if value is not None}
    child = samples.invitation_claims_of("cluster-b", inv=inv, cnf={"jkt": world.FINGERPRINTS[0]})
    assert refusal_of(parent, child) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"aud": "lab-shared"}, "wider_audience"),
        ({"nbf": samples.NOW - 1, "iat": samples.NOW - 1}, "wider_time"),
        ({"exp": samples.NOW + samples.DAY + 1}, "wider_time"),
        ({"cnf": None}, "wider_key"),
        ({"cnf": {"jkt": world.FINGERPRINTS[1]}}, "wider_key"),
        ({"iss": "cluster-c"}, "not_a_delegate"),
    ],
)
def test_every_claim_in_which_a_child_can_be_wider(change: dict[str, Any], reason: str) -> None:
    parent = samples.invitation_claims_of(inv=PARENT, cnf={"jkt": world.FINGERPRINTS[0]})
    told = {"iss": "cluster-b", "inv": {**PARENT, "depth": 1}, "cnf": {"jkt": world.FINGERPRINTS[0]}, **change}
    child = samples.invitation_claims_of(told.pop("iss"), **told)
    assert refusal_of(parent, child) == reason


def test_a_shell_that_the_parent_leaves_to_the_role_stays_with_it() -> None:
    """Attack: the role brings a shell that nobody can log in with, and a partner offers another one."""
    parent = samples.invitation_claims_of(inv={"role": "guest", "depth": 1})
    wider = samples.invitation_claims_of(inv={"role": "guest", "shell": "/bin/bash"})
    assert refusal_of(parent, wider) == "wider_shell"
    assert refusal_of(parent, samples.invitation_claims_of(inv={"role": "guest"})) == ""


def test_a_role_cannot_be_left_out() -> None:
    """Attack: the role brings a shell and limits, and a partner passes on all but the role."""
    parent = samples.invitation_claims_of(inv={"role": "guest", "depth": 1})
    child = check_invitation(normal(samples.invitation_claims_of(inv={"groups": []})))
    with pytest.raises(TokenRefused, match="say the same role again, or a lower one") as caught:
        check_narrower(check_invitation(normal(parent)), child)
    assert caught.value.reason == "wider_role"
    for role, reason in (("guest", ""), ("member", "wider_role")):
        no_role = samples.invitation_claims_of(inv={"depth": 1})
        assert refusal_of(no_role, samples.invitation_claims_of(inv={"role": role})) == "wider_role"
        assert refusal_of(parent, samples.invitation_claims_of(inv={"role": role})) == reason


def test_what_has_no_depth_is_passed_on_by_nobody() -> None:
    parent = samples.invitation_claims_of(inv={"role": "lead"})
    assert refusal_of(parent, samples.invitation_claims_of(inv={"role": "guest"})) == "not_delegable"
