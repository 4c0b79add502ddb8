# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of public keys: what is trusted, what is left out, and what is refused."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import encode_base64url
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import (
    KeySet,
    key_set_text,
    parse_jwks,
    read_jwks,
)
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._keys import (
    PublicKey,
    generate_key,
    jwk_of,
    signing_key,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens import token_samples as samples

if TYPE_CHECKING:
    from pathlib import Path

# RFC 8037 appendix A.2 and A.3
X_OF_8037 = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT_OF_8037 = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
SMALL = ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f"]


def jwk(name: str = "a", **more: Any) -> dict[str, Any]:
    told = {**jwk_of(samples.pair(name)[1]), **more}
    return {member: value for member, value in told.items() if value is not None}


def text(*entries: Any, **more: Any) -> bytes:
    return json.dumps({"keys": list(entries), **more}).encode()


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    told = parse_jwks(text({"kty": "OKP", "crv": "Ed25519", "x": X_OF_8037, "kid": "k", "alg": "EdDSA"}))
    assert told.keys["k"].thumbprint == THUMBPRINT_OF_8037
    private, public = samples.pair("rsa-a")
    assert private.kid == public.kid == public.thumbprint == parse_jwks(text(jwk("rsa-a"))).keys[public.kid].thumbprint


@pytest.mark.parametrize("name", ["a", "rsa-a"])
def test_a_key_set_is_written_as_it_is_read(name: str) -> None:
    keys = samples.keys(name, "b")
    again = parse_jwks(key_set_text(keys))
    assert again == keys
    assert key_set_text(again) == key_set_text(keys)
    # the comparison leaves the key itself out, its id does not
    assert [signing_key_id(key) for key in again.keys.values()] == list(keys.keys)


def signing_key_id(key: PublicKey) -> str:
    return parse_jwks(text(jwk_of(key))).keys[key.kid].thumbprint


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "e", "alg": "ES256"},
        {"kty": "OKP", "crv": "X25519", "x": X_OF_8037, "kid": "x", "alg": "ECDH-ES"},
        {"kty": "RSA", "n": "AA", "e": "AQAB", "kid": "p", "alg": "PS256"},
        {"kty": "RSA", "n": "AA", "e": "AQAB", "use": "enc"},
        {"kty": "future"},
    ],
)
def test_keys_that_sign_no_token_are_left_out(other: dict[str, Any]) -> None:
    assert list(parse_jwks(text(other, jwk())).keys) == [samples.pair("a")[0].kid]
    with pytest.raises(IdentityError, match="no key of Ed25519"):
        parse_jwks(text(other))


def weak_rsa() -> dict[str, Any]:
    _private, public = signing_key(generate_private_key(65537, 2048))
    return jwk_of(public)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (jwk(d="AAAA"), "has a private part (d)"),
        (jwk("rsa-a", p="AQ", q="AQ"), "has a private part (p, q)"),
        ({"kty": "oct", "k": "AAAA", "kid": "h", "alg": "HS256"}, "has a private part (k)"),
        (jwk(alg=None), "does not say its algorithm"),
        (jwk(alg=["EdDSA"]), "does not say its algorithm"),
        (jwk(alg="RS256"), "does not go with it"),
        (jwk("rsa-a", alg="EdDSA"), "does not go with it"),
        (jwk(crv="Ed448"), "does not go with it"),
        (jwk(kid=None), "which is none"),
        (jwk(kid=""), "which is none"),
        (jwk(kid="k\n"), "which is none"),
        (jwk(kid=["k"]), "which is none"),
        (jwk(key_ops=["sign"]), "key_ops"),
        (jwk(key_ops=["verify", "sign"]), "key_ops"),
        (jwk(x="AAAA"), "no key of Ed25519"),
        (jwk(x=None), "damaged (x)"),
        (jwk(x=X_OF_8037[:-1] + "p"), "damaged (x)"),
        (jwk(x=X_OF_8037 + "="), "damaged (x)"),
        (weak_rsa(), "has 2048 bits"),
        (jwk("rsa-a", e="Aw"), "exponent"),
        (jwk("rsa-a", e="AQ"), "exponent"),
        (jwk("rsa-a", e="AAEAAQ"), "damaged (e)"),
        (jwk("rsa-a", n=encode_base64url(b"\xff" * 384 + b"\xfe")), "no RSA key"),
        (jwk("rsa-a", n=encode_base64url(b"\xff" * 1025)), "has 8200 bits"),
        (jwk(labfleet_use_until="soon"), "labfleet_use_until"),
        (jwk(labfleet_use_until=True), "labfleet_use_until"),
        (jwk(labfleet_verify_until=-1), "labfleet_verify_until"),
        ("key", "no mapping"),
        *((jwk(x=encode_base64url(bytes.fromhex(point))), "no key of Ed25519 that") for point in SMALL),
    ],
)
def test_keys_that_must_not_be_trusted_are_refused(entry: Any, told: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        parse_jwks(text(jwk("b"), entry))
    assert told in str(refusal.value)


@pytest.mark.parametrize("point", SMALL)
def test_for_the_refused_points_anybody_can_sign(point: str) -> None:
    """Why they are refused: one signature that fits some messages, made without a private key."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(point))
    forged = b"\x01" + b"\x00" * 63  # the neutral point and zero
    fits = 0
    for message in range(64):
        try:
            key.verify(forged, b"%d" % message)
        except InvalidSignature:
            continue
        fits += 1
    assert fits > 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"\xff",
        b'{"keys": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b" " * 300000,
        text(),
        text(jwk(), jwk()),
        text(jwk(), labfleet_retired=[samples.pair("a")[0].kid]),
        text(jwk(), labfleet_retired="x"),
        text(jwk(), labfleet_retired=[1]),
    ],
)
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(IdentityError):
        parse_jwks(data)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(key_set_text(samples.keys("a")))
    path.chmod(0o644)
    assert read_jwks(str(path)) == samples.keys("a")


@pytest.mark.parametrize(
    "kind", ["missing", "directory", "damaged", "writable", "of_a_group", "of_another", "exchangeable", "pipe"]
)
def test_a_file_that_cannot_be_trusted_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    if kind == "directory":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"{" if kind == "damaged" else key_set_text(samples.keys("a")))
        path.chmod({"writable": 0o646, "of_a_group": 0o664}.get(kind, 0o644))
    if kind == "of_another":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(path, 65534, 65534)
    if kind == "exchangeable":
        tmp_path.chmod(0o777)
    with pytest.raises(IdentityError) as refusal:
        read_jwks("/dev/null" if kind == "pipe" else str(path))
    assert ("/dev/null" if kind == "pipe" else str(path)) in str(refusal.value)


def test_a_link_is_named_by_its_target(tmp_path: Path) -> None:
    """Whoever can write where the link is can have it lead to the keys of another cluster."""
    kept, others = tmp_path / "kept", tmp_path / "others"
    kept.mkdir(0o755)
    others.mkdir()
    (kept / "jwks.json").write_bytes(key_set_text(samples.keys("a")))
    (kept / "jwks.json").chmod(0o644)
    for directory in (kept, others):
        (directory / "link.json").symlink_to(kept / "jwks.json")
    others.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others"):
        read_jwks(str(others / "link.json"))
    with pytest.raises(IdentityError, match="it is a link, so name the file that it leads to"):
        read_jwks(str(kept / "link.json"))
    # a directory may be one, of root or one's own
    (tmp_path / "way").symlink_to(kept)
    assert read_jwks(str(tmp_path / "way" / "jwks.json")) == samples.keys("a")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "jwks.json", 0o600)
    with pytest.raises(IdentityError, match="it is no file"):
        read_jwks(str(tmp_path / "jwks.json"))


def test_there_is_one_key_in_use_or_none() -> None:
    assert samples.keys("a").in_use == samples.pair("a")[1]
    assert samples.keys("a", "b").in_use is None
    assert KeySet().in_use is None


@pytest.mark.parametrize(("algorithm", "bits"), [("ES256", 3072), ("RS256", 2048), ("RS256", 16384), ("none", 0)])
def test_no_weak_key_is_made(algorithm: str, bits: int) -> None:
    with pytest.raises(IdentityError, match="is not made"):
        generate_key(algorithm, bits)
