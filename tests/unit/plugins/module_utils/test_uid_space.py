# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import (
    DEFAULT_FIRST,
    GROUP_BAND,
    SYSTEM_BAND,
    WIDE_BAND,
    Band,
    check_group_band,
    check_uid_band,
    default_uid_band,
    first_choice,
    first_choice_uid,
    forbidden_owner,
    parse_band,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "first_choice_uid.json").read_text(encoding="utf-8"))
NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True)
PROFILES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
BANDS = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda ends: Band(min(ends), max(ends)))


@pytest.mark.parametrize(
    "vector", VECTORS["first_choice_uid"], ids=lambda v: f"{v['profile']}:{v['username']}:{v['base']}"
)
def test_golden_vectors(vector: dict[str, Any]) -> None:
    band = Band(vector["base"], vector["base"] + vector["size"] - 1)
    assert first_choice_uid(vector["profile"], vector["username"], band) == vector["uid"]


def test_golden_collisions() -> None:
    band = parse_band("5000-5999")
    firsts: dict[int, list[str]] = {}
    for number in range(1, 201):
        firsts.setdefault(first_choice_uid("lab-shared", f"user{number}", band), []).append(f"user{number}")
    pairs = {(*names, uid) for uid, names in firsts.items() if len(names) == 2}
    assert pairs >= set(map(tuple, VECTORS["colliding_pairs_in_lab-shared_user1_to_user200"]))


@pytest.mark.parametrize(("profile", "name"), [("a:b", "c"), ("a", "b:c"), ("A", "c"), ("a", "C")])
def test_what_is_hashed_is_unambiguous(profile: str, name: str) -> None:
    with pytest.raises(IdentityError):
        first_choice_uid(profile, name, Band(5000, 5999))


@given(PROFILES, NAMES, BANDS)
def test_first_choice_lies_in_the_band(profile: str, name: str, band: Band) -> None:
    assert first_choice_uid(profile, name, band) in band
    assert first_choice(profile, name, band) == first_choice_uid(profile, name, band)


@pytest.mark.parametrize(
    ("text", "band"),
    [("5000-5999", Band(5000, 5999)), ("wide", WIDE_BAND), ("7-7", Band(7, 7)), ("0-4294967295", Band(0, 4294967295))],
)
def test_bands_are_read(text: str, band: Band) -> None:
    assert parse_band(text) == band
    assert parse_band(str(band)) == band


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5000",
        "5000-",
        "-5999",
        "5999-5000",
        "5000 - 5999",
        "5000-5999\n",
        "a-b",
        "5e3-6e3",
        "\u0665-\u0666",
        "1-4294967296",
        "\u00b2-\u00b3",
        "0-" + "9" * 5000,
        "WIDE",
        None,
        5000,
        ["5000-5999"],
    ],
)
def test_bad_bands_are_refused(text: Any) -> None:
    with pytest.raises(IdentityError, match="The band "):
        parse_band(text)


@given(BANDS, BANDS, st.integers(0, 2**32 - 1))
def test_band_arithmetic(one: Band, two: Band, number: int) -> None:
    assert one.size == one.last - one.first + 1
    assert one.overlaps(two) == two.overlaps(one) == (max(one.first, two.first) <= min(one.last, two.last))
    if number in one and number in two:
        assert one.overlaps(two)


@pytest.mark.parametrize(
    "text", ["5000-5999", "5000-60000", "wide", "60706-61183", "65520-65533", "2000200000-2147352575"]
)
def test_free_bands_are_accepted(text: str) -> None:
    assert check_uid_band(parse_band(text)) == parse_band(text)
    assert check_group_band(parse_band(text)) == parse_band(text)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("0-0", "the system"),
        ("500-999", "the system"),
        ("1000-1999", "local users"),
        ("4000-4999", "shared groups"),
        ("4999-5999", "shared groups"),
        ("60000-60001", "homed"),
        ("60600-60600", "nspawn"),
        ("61000-61184", "DynamicUser"),
        ("65519-65533", "DynamicUser"),
        ("65534-65534", "nobody"),
        ("65535-99999", "nobody"),
        ("65536-100000", "subordinate"),
        ("600100001-600100002", "sssd"),
        ("2000199999-2000200000", "sssd"),
        ("2147352575-2147352576", "foreign"),
        ("5000-4294967295", "homed"),
    ],
)
def test_claimed_numbers_are_refused_by_the_name_of_their_owner(text: str, owner: str) -> None:
    with pytest.raises(IdentityError, match=owner):
        check_uid_band(parse_band(text))


@pytest.mark.parametrize("text", ["999-999", "1000-1000", "3999-4999", "60001-60001"])
def test_bad_group_bands_are_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="group band"):
        check_group_band(parse_band(text))
    assert check_group_band(GROUP_BAND) == GROUP_BAND


@given(st.integers(0, 2**32 - 1))
def test_one_number_is_refused_for_the_same_reasons_as_a_band(number: int) -> None:
    refused = forbidden_owner(number) is not None or number in SYSTEM_BAND
    if refused:
        with pytest.raises(IdentityError):
            check_uid_band(Band(number, number))
    else:
        assert check_uid_band(Band(number, number)).size == 1


def test_default_bands_go_up_by_thousands_until_the_claimed_numbers() -> None:
    taken: list[Band] = [GROUP_BAND]
    for thousand in range(5, 60):
        band = default_uid_band(taken)
        assert band == Band(thousand * 1000, thousand * 1000 + 999)
        assert check_uid_band(band) == band
        taken.append(band)
    with pytest.raises(IdentityError, match="No thousand from 5000 up is free"):
        default_uid_band(taken)


def test_default_band_steps_over_named_bands() -> None:
    assert default_uid_band([Band(5500, 7100)]) == Band(8000, 8999)
    assert default_uid_band([Band(6000, 6999)]) == Band(DEFAULT_FIRST, 5999)
