# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    RESERVED_NAMES,
    SYSTEM_GROUPS,
    check_group_name,
    check_profile_id,
    check_research_username,
    check_shared_group_name,
    check_username,
    quoted,
)

GRAMMAR = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
PROFILE_GRAMMAR = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@pytest.mark.parametrize("name", ["a", "alice", "_svc", "a-b_c9", "alice_researcher", "x" * 32])
def test_good_names_come_back(name: str) -> None:
    assert check_username(name) == name
    assert check_group_name(name) == name
    assert check_research_username(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it is empty"),
        ("Alice", "did you mean 'alice'?"),
        ("\uff41lice", "did you mean 'alice'?"),
        ("\u0430lice", "U+0430"),  # Cyrillic a
        ("ali\u0441e", "U+0441"),  # Cyrillic es
        ("stra\u00dfe", "U+00DF"),
        ("al\u200bice", "U+200B"),
        ("x" * 33, "it has 33 characters"),
        ("X" * 33, "it begins with 'X'"),
        ("1alice", "it begins with '1'"),
        ("-rf", "it begins with '-'"),
        ("alice\n", r"it holds '\n'"),
        ("alice\nroot", r"it holds '\n'"),
        ("alice:0:0", "it holds ':'"),
        ("../etc", "it begins with '.'"),
        ("a/../b", "it holds '/'"),
        ("a'b", 'it holds "\'"'),
        ('a"b', "it holds '\"'"),
        ("a b", "it holds ' '"),
        ("alice$", "it holds '$'"),
        ("$(id)", "it begins with '$'"),
        ("a\x00b", r"it holds '\x00'"),
        ("{{ x }}", "it begins with '{'"),
    ],
)
def test_bad_names_are_named_with_a_reason(name: str, reason: str) -> None:
    for check in (check_username, check_group_name, check_research_username, check_shared_group_name):
        with pytest.raises(IdentityError) as refusal:
            check(name)
        message = str(refusal.value)
        assert reason in message
        assert message.isascii()
        assert message.isprintable()


@pytest.mark.parametrize("value", [None, 5238, 5238.0, True, b"alice", ["alice"], {"a": 1}])
def test_only_text_is_a_name(value: Any) -> None:
    for check in (check_username, check_profile_id):
        with pytest.raises(IdentityError, match="is not text: put it in quotes"):
            check(value)


@pytest.mark.parametrize(
    "name",
    ["root", "daemon", "nobody", "ubuntu", "rocky", "researcher", "rstudio", "ssm-user", "systemd-x", "all", "sudo"],
)
def test_names_of_the_system_are_nobodys(name: str) -> None:
    assert check_username(name) == name
    with pytest.raises(IdentityError, match=f"'{name}' belongs to the system"):
        check_research_username(name)


@pytest.mark.parametrize("name", ["sudo", "docker", "wheel", "video", "root", "jupyter"])
def test_groups_of_the_system_get_no_number(name: str) -> None:
    with pytest.raises(IdentityError, match=f"'{name}' belongs to the system"):
        check_shared_group_name(name)
    assert check_shared_group_name("research") == "research"


def test_reserved_names_are_names() -> None:
    assert SYSTEM_GROUPS < RESERVED_NAMES
    for name in RESERVED_NAMES:
        assert check_username(name) == name


@pytest.mark.parametrize("pid", ["personal-research", "123456789012", "lab.shared_2", "0", "a" * 63])
def test_good_profile_ids(pid: str) -> None:
    assert check_profile_id(pid) == pid


@pytest.mark.parametrize("pid", ["", "Lab", "a:b", "-lab", ".", "a" * 64, "lab\n", "l\u00e4b", "a b", "a/b"])
def test_bad_profile_ids(pid: str) -> None:
    with pytest.raises(IdentityError, match="is not valid: write a-z or 0-9 first"):
        check_profile_id(pid)


@given(st.text(alphabet=st.one_of(st.sampled_from("ab_-09.A:\n \uff41\u0430"), st.characters()), max_size=36))
def test_the_checks_are_their_grammars(text: str) -> None:
    for check, grammar in ((check_username, GRAMMAR), (check_profile_id, PROFILE_GRAMMAR)):
        if grammar.fullmatch(text):
            assert check(text) == text
        else:
            with pytest.raises(IdentityError) as refusal:
                check(text)
            assert str(refusal.value).isascii()
            assert str(refusal.value).isprintable()
            assert len(str(refusal.value)) < 400


@given(st.one_of(st.text(), st.integers(), st.binary(), st.lists(st.text()), st.just(10**5000), st.just("a" * 10**6)))
def test_quoted_is_always_short_and_printable(value: Any) -> None:
    assert quoted(value).isascii()
    assert quoted(value).isprintable()
    assert len(quoted(value)) <= 66
