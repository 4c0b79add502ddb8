# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that was changed in any way is refused, and whatever is read, it fails by a refusal or not at all."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import (
    canonical_json,
    decode_base64url,
    encode_base64url,
    read_object,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._invitations import (
    check_invitation,
    invitation_claims,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import (
    TokenRefused,
    read_compact,
    sign_compact,
    verify_compact,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import parse_jwks
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import verify_invitation
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.forgeries import (
    delegated,
    hmac_with,
    told,
    trusted,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.term_strategies import terms

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@functools.lru_cache(maxsize=None)
def valid() -> tuple[str, ...]:
    """Tokens of each kind that are accepted."""
    return (told(), samples.invitation("rsa-a", "cluster-r"), delegated())


def accepted(token: Any) -> bool:
    try:
        verify_invitation(token, trusted(), samples.AUDIENCE, samples.NOW + 10, leeway=0)
    except TokenRefused:
        return False
    return True


def test_no_bit_of_a_token_can_be_flipped() -> None:
    for token in valid():
        assert accepted(token)
    token = told()
    flipped = [
        token[:at] + chr(ord(character) ^ 1 << bit) + token[at + 1 :]
        for at, character in enumerate(token)
        for bit in range(7)
    ]
    assert len(flipped) > 2500
    assert not any(accepted(one) for one in flipped)


def test_no_bit_of_what_is_encoded_can_be_flipped() -> None:
    parts = told().split(".")
    tried = 0
    for part in range(3):
        data = decode_base64url(parts[part], "part")
        for at in range(len(data) * 8):
            changed = bytearray(data)
            changed[at // 8] ^= 1 << at % 8
            tried += 1
            assert not accepted(".".join([*parts[:part], encode_base64url(bytes(changed)), *parts[part + 1 :]]))
    assert tried > 2000


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A valid token with pieces taken out, put in, moved, doubled or exchanged with those of another."""
    token = draw(st.sampled_from(valid()))
    for _change in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(token)))
        end = draw(st.integers(start, min(len(token), start + 40)))
        piece = token[start:end]
        other = draw(st.sampled_from(valid()))
        token = draw(
            st.sampled_from(
                [
                    token[:start] + token[end:],
                    token[:start] + piece + piece + token[end:],
                    token[:start] + piece[::-1] + token[end:],
                    token[:start] + draw(st.text(ALPHABET + ".", max_size=8)) + token[end:],
                    token[:start] + draw(st.text(max_size=4)) + token[end:],
                    token[:start] + other[start:end] + token[end:],
                    ".".join([*token.split(".")[:1], *other.split(".")[1:2], *token.split(".")[2:]]),
                    token[end:] + token[:start],
                ]
            )
        )
    return str(token)


@given(mangled())
def test_no_change_of_a_token_is_accepted(token: str) -> None:
    assert token in valid() or not accepted(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(["iss", "aud", "jti", "iat", "nbf", "exp", "inv", "cnf", "prt", "ref", "sub"]), JSON, st.booleans()
)
def test_whatever_a_claim_is_there_is_an_answer(name: str, value: Any, is_ours: bool) -> None:
    """Signed with the right key, so that everything behind the signature is reached."""
    content = json.dumps({**samples.invitation_claims_of(), name: value}, sort_keys=True, separators=(",", ":"))
    key = samples.pair("a")[0]
    token = samples.signed(samples.header(key), content.encode("utf-8", "replace"), key)
    if is_ours:
        accepted(token)
        return
    with suppress(TokenRefused):
        verify_compact(
            token, trusted(), samples.AUDIENCE, samples.TYPE, samples.NOW + 10, longest_life=None, canonical=False
        )


@given(JSON)
def test_whatever_an_offer_is_there_is_an_answer(value: Any) -> None:
    content = {**samples.invitation_claims_of(inv={}), "inv": value}
    try:
        invitation = check_invitation(content)
    except TokenRefused:
        return
    except (TypeError, ValueError, OverflowError):
        # what JSON cannot say never comes here from a token
        with pytest.raises((TypeError, ValueError)):
            canonical_json(content)
        return
    assert invitation.jti == content["jti"]


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c", "zip"]), JSON, max_size=5))
def test_whatever_a_header_is_there_is_an_answer(head: dict[str, Any]) -> None:
    key = samples.pair("a")[0]
    data = json.dumps(head, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")
    assert not accepted(samples.signed(data, samples.invitation_claims_of(), key))


@given(st.binary(max_size=200) | st.text(max_size=200) | JSON)
def test_whatever_somebody_gives_there_is_an_answer(given_by_somebody: Any) -> None:
    assert not accepted(given_by_somebody)
    for canonical in (True, False):
        with pytest.raises(TokenRefused):
            read_compact(given_by_somebody, canonical=canonical)
    data = (
        given_by_somebody
        if isinstance(given_by_somebody, bytes)
        else repr(given_by_somebody).encode("utf-8", "replace")
    )
    for read in (parse_jwks, lambda one: read_object(one, "text", True)):
        with suppress(IdentityError):
            read(data)


@given(st.binary(max_size=64))
def test_no_shared_secret_verifies(secret: bytes) -> None:
    assert not accepted(hmac_with(secret))
    assert not accepted(hmac_with(secret, "a", "cluster-a"))


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_what_is_written_in_our_way_is_read_as_it_was(value: dict[str, Any]) -> None:
    try:
        data = canonical_json(value)
        again = read_object(data, "text", canonical=True)
    except (ValueError, TokenRefused):
        return  # a number that not all readers take, or too deep
    assert again == value
    assert canonical_json(again) == data


SIGN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import sign_compact
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import signing_key
for private, claims in json.load(sys.stdin):
    print(sign_compact(claims, signing_key(load_pem_private_key(private.encode(), None))[0], "invitation+jwt"))
"""


def test_another_process_writes_the_same_bytes() -> None:
    offers: list[dict[str, Any]] = []

    @settings(max_examples=10, database=None)
    @given(terms())
    def collect(options: dict[str, Any]) -> None:
        offers.append(invitation_claims(options, samples.NOW, issuer="cluster-a", audience=samples.AUDIENCE))

    collect()
    work, expected = [], []
    for name in ("a", "rsa-a"):
        key = samples.pair(name)[0]
        pem = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for claims in offers:
            work.append([pem, dict(sorted(claims.items(), reverse=True))])
            expected.append(sign_compact(claims, key, samples.TYPE))
    tree = str(Path(__file__).resolve().parents[8])
    # another seed of hashes, so that nothing depends on the order of a set
    ran = subprocess.run(
        [sys.executable, "-c", SIGN, tree],
        input=json.dumps(work),
        env={"PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == expected
