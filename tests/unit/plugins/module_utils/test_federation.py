# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a person in a federation."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import (
    check_federated_uuid,
    check_prefix,
    check_upstream,
    federated_uuid,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "federated_uuid.json").read_text(encoding="utf-8"))
PREFIXES = st.from_regex(r"[a-z0-9]{5}", fullmatch=True)
UPSTREAMS = (
    st.text(min_size=1, max_size=120)
    .map(lambda text: unicodedata.normalize("NFC", text).strip()[:255])
    .filter(lambda text: text and text.isprintable() and text == unicodedata.normalize("NFC", text).strip())
)


@pytest.mark.parametrize("vector", VECTORS["uuid"], ids=lambda vector: str(vector["upstream"]))
def test_golden_vectors(vector: dict[str, Any]) -> None:
    assert federated_uuid(vector["upstream"], "fffff") == vector["uuid"]
    padded = vector["base36"].rjust(31, "0")
    assert int(padded, 36) == int(vector["sha1"], 16)
    assert len(vector["base36"]) == vector["digits"]
    assert vector["uuid"] == f"fffff-tpzed-{padded[:15]}"


@given(UPSTREAMS, PREFIXES)
def test_the_uuid_is_the_front_of_the_number_that_the_hash_is(upstream: str, prefix: str) -> None:
    uuid = federated_uuid(upstream, prefix)
    assert check_federated_uuid(uuid) == uuid
    number = int(hashlib.sha1(upstream.encode("utf-8")).hexdigest(), 16)
    # 31 digits less 15 are 16: whatever is in front of them, padding included
    assert uuid.startswith(f"{prefix}-tpzed-")
    assert int(uuid[-15:], 36) == number // 36**16


@pytest.mark.parametrize(
    ("digest", "unique"),
    [
        (b"\x00" * 20, "0" * 15),
        (b"\x00" * 19 + b"\x01", "0" * 15),
        (b"\xff" * 20, "twj4yidkw7a8pn4"),
        # 36**30 is the smallest number of 31 digits; the one below has 30, which all are z
        ((36**30).to_bytes(20, "big"), "1" + "0" * 14),
        ((36**30 - 1).to_bytes(20, "big"), "0" + "z" * 14),
        ((36**16).to_bytes(20, "big"), "0" * 14 + "1"),
        ((36**16 - 1).to_bytes(20, "big"), "0" * 15),
    ],
)
def test_every_number_is_padded_to_31_digits(monkeypatch: pytest.MonkeyPatch, digest: bytes, unique: str) -> None:
    class Hash:
        def __init__(self, _data: bytes) -> None:
            pass

        def digest(self) -> bytes:
            return digest

    monkeypatch.setattr(hashlib, "sha1", Hash)
    assert federated_uuid("anybody", "zzzzz") == f"zzzzz-tpzed-{unique}"


@given(UPSTREAMS, UPSTREAMS, PREFIXES)
def test_different_people_have_different_uuids(one: str, two: str, prefix: str) -> None:
    assert (federated_uuid(one, prefix) == federated_uuid(two, prefix)) == (one == two)


@given(st.text(max_size=8))
def test_a_prefix_is_five_letters_and_digits(prefix: str) -> None:
    is_valid = len(prefix) == 5 and all(character in "abcdefghijklmnopqrstuvwxyz0123456789" for character in prefix)
    try:
        assert check_prefix(prefix) == prefix
    except IdentityError:
        assert not is_valid
    else:
        assert is_valid


@pytest.mark.parametrize(
    "prefix", ["", "zzzz", "zzzzzz", "ZZZZZ", "zzz-z", "zzzz\n", "\u0430zzzz", "\u0661zzzz", None, 12345]
)
def test_what_is_no_prefix_is_refused(prefix: Any) -> None:
    with pytest.raises(IdentityError, match=r"The cluster prefix .* is not valid: write its 5 characters"):
        federated_uuid("https://idp.example alice", prefix)


@pytest.mark.parametrize(
    "upstream",
    [
        "",
        " ",
        " alice",
        "alice ",
        "a\nb",
        "a\0b",
        "a\tb",
        "\u202ealice",
        "x" * 256,
        "u\u0308",
        "\ud800",
        None,
        5,
        ["a"],
    ],
)
def test_what_is_no_upstream_identity_is_refused(upstream: Any) -> None:
    with pytest.raises(IdentityError, match=r"The upstream identity .* is not one line of 1 to 255 printable"):
        federated_uuid(upstream, "zzzzz")


def test_upstream_identities_are_compared_byte_for_byte() -> None:
    assert check_upstream("x" * 255) == "x" * 255
    assert federated_uuid("\u00fc", "zzzzz") != federated_uuid("u", "zzzzz")
    assert federated_uuid("alice", "zzzzz") != federated_uuid("Alice", "zzzzz")


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "zzzzz-tpzed-c8ianeizmpbhmj",
        "zzzzz-tpzed-c8ianeizmpbhmjcc",
        "zzzzz-tpzec-c8ianeizmpbhmjc",
        "zzzz-tpzed-c8ianeizmpbhmjc",
        "ZZZZZ-tpzed-c8ianeizmpbhmjc",
        "zzzzz-tpzed-c8ianeizmpbhmjc-",
        "zzzzz-tpzed-c8ianeizmpbhm\njc",
        None,
        7,
    ],
)
def test_what_is_no_uuid_is_refused(uuid: Any) -> None:
    with pytest.raises(IdentityError, match="is not of the form zzzzz-tpzed-000000000000000"):
        check_federated_uuid(uuid)
