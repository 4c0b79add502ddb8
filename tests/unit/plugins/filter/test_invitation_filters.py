# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that sign invitations, verify them and look into them."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._tokens import _private_keys
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_directory import KeyDirectory
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._rotation import have

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLUGINS = "ansible_collections.labfleet.identity.plugins.filter"
PASSPHRASE = "canary-4711 correct horse"


def the_filter(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = importlib.import_module(f"{PLUGINS}.{name}").FilterModule().filters()[name]
    return found


sign, verify, look = (the_filter(name) for name in ("sign_invitation", "verify_invitation", "invitation_claims"))


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The signing keys of cluster-a."""
    monkeypatch.setattr(_private_keys, "ROUNDS", 1000)
    KeyDirectory(str(tmp_path / "keys")).change(lambda found: have(found, None), PASSPHRASE, int(time.time()))
    return tmp_path / "keys"


def claims(**more: Any) -> dict[str, Any]:
    begins = int(time.time())
    told = {"iss": "cluster-a", "aud": "lab", "iat": begins, "nbf": begins, "exp": begins + 3600}
    return {**told, "inv": {"role": "guest", "depth": 1}, **more}


def trusted(keys: Path) -> dict[str, str]:
    return {"cluster-a": str(keys / "jwks.json")}


def test_what_is_signed_is_verified(keys: Path) -> None:
    told = claims()
    token = sign(told, str(keys), PASSPHRASE)
    assert sign(told, str(keys), PASSPHRASE) == token
    verified = verify(token, trusted(keys), "lab")
    assert verified["claims"] == {**told, "jti": verified["claims"]["jti"]}
    assert (verified["issuer"], verified["chain"]) == ("cluster-a", [])
    seen = look(token)
    assert (seen["verified"], seen["claims"], seen["parents"]) == (False, verified["claims"], [])
    assert "Nothing of this was verified" in seen["warning"]
    assert seen["header"]["kid"] == verified["kid"]


def test_what_is_passed_on_does_not_give_away_what_it_was_made_of(keys: Path) -> None:
    parent = sign(claims(), str(keys), PASSPHRASE)
    above = verify(parent, trusted(keys), "lab")["claims"]
    child = sign(
        claims(prt=parent, nbf=above["nbf"], iat=above["iat"], exp=above["exp"], inv={"role": "guest"}),
        str(keys),
        PASSPHRASE,
    )
    verified, seen = verify(child, trusted(keys), "lab", roots=["cluster-a"]), look(child)
    assert verified["chain"] == [above["jti"]]
    assert seen["parents"] == [above]
    assert parent not in repr(verified)
    assert parent not in repr(seen)


def test_one_looks_into_what_nobody_would_trust(keys: Path) -> None:
    token = sign(claims(), str(keys), PASSPHRASE)
    start, _dot, signature = token.rpartition(".")
    forged = f"{start}.{signature[::-1][2:]}AA"
    assert look(forged)["verified"] is False
    with pytest.raises(AnsibleTemplatePluginError, match=r"\(bad_"):
        verify(forged, trusted(keys), "lab")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sub": "root"}, "claim_not_allowed"),
        ({"inv": {"role": "admin"}}, "bad_claim"),
        ({"inv": {"groups": ["b", "a"]}}, "bad_claim"),
        ({"jti": "A" * 22}, "wrong_jti"),
        ({"exp": 9999999999}, "lives_too_long"),
        ({"exp": "9999999999"}, "bad_claim"),
        ({"aud": object()}, "bad_claim"),
        ({"iss": "Cluster A"}, "bad_claim"),
        ({"prt": "x.y.z"}, "bad_"),
        ({"inv": None}, "bad_claim"),
    ],
)
def test_what_would_be_refused_is_not_signed(keys: Path, change: dict[str, Any], code: str) -> None:
    with pytest.raises(AnsibleTemplatePluginError) as refusal:
        sign(claims(**change), str(keys), PASSPHRASE)
    assert f"({code}" in str(refusal.value)
    assert PASSPHRASE not in repr(refusal.value) + str(refusal.value)


def test_a_child_that_is_wider_is_not_signed(keys: Path) -> None:
    parent = sign(claims(), str(keys), PASSPHRASE)
    wider = {**look(parent)["claims"], "prt": parent, "inv": {"role": "lead"}}
    del wider["jti"]
    with pytest.raises(AnsibleTemplatePluginError, match=r"\(wider_role\)"):
        sign(wider, str(keys), PASSPHRASE)


@pytest.mark.parametrize(
    "given",
    [
        ([], "keys", PASSPHRASE),
        ({1: 2}, "keys", PASSPHRASE),
        (None, None, PASSPHRASE),
        (None, "keys", None),
        (None, "keys", "another passphrase"),
        (None, "elsewhere", PASSPHRASE),
        (None, "keys", PASSPHRASE, 7),
        (None, "keys", PASSPHRASE, "soon"),
    ],
)
def test_what_signs_nothing_says_why_and_not_with_what(keys: Path, given: tuple[Any, ...]) -> None:
    told, path, *more = given
    place = str(keys.parent / path) if isinstance(path, str) else path
    with pytest.raises(AnsibleTemplatePluginError) as refusal:
        sign(claims() if told is None else told, place, *more)
    assert PASSPHRASE not in str(refusal.value)
    assert "another passphrase." not in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"trusted": {}},
        {"trusted": []},
        {"trusted": {"cluster-a": 1}},
        {"trusted": {"cluster-a": "/nowhere/jwks.json"}},
        {"audience": "another-lab"},
        {"audience": None},
        {"leeway": -1},
        {"leeway": 301},
        {"leeway": True},
        {"longest_valid_for": "1m"},
        {"longest_valid_for": 7},
        {"roots": "cluster-a"},
        {"roots": []},
        {"token": None},
        {"token": "x"},
    ],
)
def test_what_cannot_be_verified_is_refused(keys: Path, change: dict[str, Any]) -> None:
    token = sign(claims(), str(keys), PASSPHRASE)
    given: dict[str, Any] = {"token": token, "trusted": trusted(keys), "audience": "lab", **change}
    with pytest.raises(AnsibleTemplatePluginError) as refusal:
        verify(given.pop("token"), given.pop("trusted"), given.pop("audience"), **given)
    assert token not in str(refusal.value)


@pytest.mark.parametrize("token", [None, 1, "", "x", "..", "e30.e30", "e30.e30.", "e30.W10.AA", "e30.e30.AA=", ["e30"]])
def test_what_is_no_token_is_not_looked_into(token: Any) -> None:
    if token == "e30.e30.":
        assert look(token)["claims"] == {}
        return
    with pytest.raises(AnsibleTemplatePluginError):
        look(token)
