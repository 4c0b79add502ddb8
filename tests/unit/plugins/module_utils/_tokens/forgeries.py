# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad tokens are made: with the right keys wherever possible, and without the code that is tested."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ansible_collections.labfleet.identity.plugins.module_utils._tokens._encoding import encode_base64url
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._key_sets import KeySet
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._tokens.token_samples import (
    DAY,
    NOW,
    header,
    invitation,
    invitation_claims_of,
    json_bytes,
    keys,
    pair,
    signature,
    signed,
    signed_claims,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# group order of Ed25519 (RFC 8032 section 5.1)
ORDER = 2**252 + 27742317777372353535851937790883648493


def trusted() -> dict[str, KeySet]:
    """What the verifier trusts."""
    old, over = pair("old")[1], pair("over")[1]
    return {
        "cluster-a": keys("a"),
        "cluster-b": keys("b"),
        "cluster-r": keys("rsa-a"),
        "cluster-old": KeySet(
            {
                pair("new")[1].kid: pair("new")[1],
                old.kid: replace(old, use_until=NOW - 3600, verify_until=NOW + DAY),
                over.kid: replace(over, use_until=NOW - DAY, verify_until=NOW - 1),
            },
            frozenset([pair("retired")[1].kid]),
        ),
        # a key under an id that does not follow from it
        "cluster-odd": KeySet({"key-1": replace(pair("odd")[1], kid="key-1")}),
    }


def head(more: dict[str, Any] | None = None, **named: Any) -> str:
    """A good invitation with another header, signed with the right key."""
    key = pair("a")[0]
    return signed(header(key, **(more or {}), **named), invitation_claims_of(), key)


def raw_head(data: bytes) -> str:
    return signed(data, invitation_claims_of(), pair("a")[0])


def raw(data: bytes) -> str:
    """Any content under a good header and signature."""
    key = pair("a")[0]
    return signed(header(key), data, key)


def told(**more: Any) -> str:
    """A good invitation with other claims, with the id that follows from them and a good signature."""
    return invitation(**more)


def inv(**terms: Any) -> str:
    return invitation(inv=terms)


def without(name: str) -> str:
    content = invitation_claims_of()
    del content[name]
    return signed_claims(content, "a")


def exactly(**more: Any) -> str:
    """Claims with null in them."""
    return signed_claims({**invitation_claims_of(), **more}, "a")


def text_of(change: Callable[[str], str]) -> str:
    """Good claims, written differently."""
    return raw(change(json_bytes(invitation_claims_of()).decode("ascii")).encode("utf-8"))


def hmac_with(secret: bytes, name: str = "rsa-a", issuer: str = "cluster-r", algorithm: str = "HS256") -> str:
    """A token that whoever knows the public key makes, if the verifier takes that for a shared secret."""
    key = pair(name)[0]
    content = invitation_claims_of(issuer)
    start = ".".join(encode_base64url(json_bytes(part)) for part in (header(key, alg=algorithm), content))
    digest = getattr(hashlib, {"HS256": "sha256", "HS512": "sha512"}[algorithm])
    return f"{start}.{encode_base64url(hmac.new(secret, start.encode('ascii'), digest).digest())}"


def public_text(name: str, encoding: Encoding, form: PublicFormat) -> bytes:
    return pair(name)[1].key.public_bytes(encoding, form)


def rsa(algorithm: str, hashing: Any, pad: Any) -> str:
    """A token that the right key of RSA signed in another way."""
    key = pair("rsa-a")[0]
    assert isinstance(key.key, RSAPrivateKey)
    parts = (header(key, alg=algorithm), invitation_claims_of("cluster-r"))
    start = ".".join(encode_base64url(json_bytes(part)) for part in parts)
    return f"{start}.{encode_base64url(key.key.sign(start.encode('ascii'), pad, hashing))}"


def with_signature(change: Callable[[bytes], bytes], name: str = "a", issuer: str = "cluster-a") -> str:
    key = pair(name)[0]
    start = ".".join(encode_base64url(json_bytes(part)) for part in (header(key), invitation_claims_of(issuer)))
    return f"{start}.{encode_base64url(change(signature(start.encode('ascii'), key)))}"


def plus_order(data: bytes) -> bytes:
    """The same signature in other bytes, for those who do not look whether S is below the order."""
    return data[:32] + (int.from_bytes(data[32:], "little") + ORDER).to_bytes(32, "little")


def exchanged(part: int, **more: Any) -> str:
    """A good token, one of whose parts is from another one."""
    mine, other = told().split("."), told(inv={"role": "lead"}, **more).split(".")
    mine[part] = other[part]
    return ".".join(mine)


def with_last_bits(part: int) -> str:
    """The same bytes in another text: the last character has bits that nobody reads."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # of four texts that grow by a letter, some have such bits
    parts = max((told(ref="x" * length).split(".") for length in (1, 2, 3, 4)), key=lambda one: len(one[part]) % 4)
    parts[part] = parts[part][:-1] + alphabet[alphabet.index(parts[part][-1]) + 1]
    return ".".join(parts)


def general() -> str:
    start, content, proof = told().split(".")
    return json.dumps({"payload": content, "signatures": [{"protected": start, "signature": proof}]})


def flattened() -> str:
    start, content, proof = told().split(".")
    return json.dumps({"payload": content, "protected": start, "signature": proof})


def mixed() -> str:
    start, content, proof = told().split(".")
    forged = encode_base64url(json_bytes(invitation_claims_of(inv={"role": "lead"})))
    more = {"protected": start, "payload": content, "signature": proof}
    return json.dumps({f" {start}.{forged}.": "", **more})


def delegated(child: dict[str, Any] | None = None, *, token: str = "", by: str = "cluster-a", **parent: Any) -> str:
    """An invitation of cluster-b, made of one by cluster-a of which it says more or other things."""
    offer = {"role": "manager", "groups": ["genomics"], "depth": 2, "delegates": ["cluster-b"]}
    above = token or invitation("a", **{"issuer": by, "inv": offer, **parent})
    return invitation("b", **{"issuer": "cluster-b", "prt": above, "inv": {"role": "guest"}, **(child or {})})


def three_generations() -> str:
    """Each covers the next but the middle one is wider than the first."""
    first = invitation(inv={"role": "guest", "depth": 3, "delegates": ["cluster-b"]})
    second = invitation("b", "cluster-b", prt=first, inv={"role": "lead", "depth": 2})
    return invitation("b", "cluster-b", prt=second, inv={"role": "member"})


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def attacker_head(**more: Any) -> str:
    """Signed with a key that the token itself brings along or points to."""
    key = pair("attacker")[0]
    told_of_key = {"kid": pair("a")[0].kid, **more}
    return signed(header(key, **told_of_key), invitation_claims_of(), key)


def told_odd() -> str:
    key = pair("odd")[0]
    return signed(header(key, kid="key-1"), invitation_claims_of("cluster-odd"), key)


def as_b_with_its_id() -> str:
    key = pair("a")[0]
    return signed(header(key, kid=pair("b")[0].kid), invitation_claims_of("cluster-b"), key)


def old_key(name: str = "old", *, iat: int) -> str:
    return invitation(name, "cluster-old", iat=iat, nbf=iat if iat > NOW - DAY else NOW - DAY, exp=NOW + DAY)


def reordered() -> bytes:
    content = invitation_claims_of()
    return json.dumps(dict(sorted(content.items(), reverse=True)), separators=(",", ":")).encode("ascii")
