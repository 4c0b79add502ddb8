# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates made to hurt are refused in no time; whatever is accepted is small, plain and the same a second time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._templates._bind import (
    PHASES,
    role_variables,
    service_owners,
)
from ansible_collections.labfleet.identity.plugins.module_utils._templates._document import (
    MOST_VALUES,
    read_template_text,
)

from .texts import resolved

SLOWEST = 3.0  # seconds of processor time; what doubles takes hours

BOMBS = {
    "aliases that double": "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
    "packages that double": "packages:\n- &a0 [git]\n"
    + "".join(f"- &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
    "mappings that double": "jupyter:\n  a0: &a0 {x: 1}\n"
    + "".join(f"  a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}\n" for i in range(1, 40)),
    "merge keys that double": "a0: &a0 {x: 1}\n"
    + "".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}\n" for i in range(1, 40)),
    "an alias of itself": "packages: &a [*a]",
    "a mapping of itself": "research_user: &a {default_groups: [*a]}",
    "flow in depth": "packages: " + "[" * 100000,
    "blocks in depth": "".join(" " * i + "a:\n" for i in range(2000)),
    "JSON in depth": '{"packages":' * 100000,
    "a thousand aliases of a thousand": "system_users: &u ["
    + ", ".join("{name: u%d}" % i for i in range(400))
    + "]\njupyter: {users: ["
    + ", ".join("*u" for _i in range(400))
    + "]}",
    "many keys": "".join(f"k{i}: 1\n" for i in range(20000)),
    "a huge number": "system_users: [{name: svc, uid: %s}]" % ("9" * 5000),
    "a sexagesimal number": "description: %s" % ":".join(["59"] * 3000),
    "a key of great length": "? %s\n: 1\n" % ("k" * 100000),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_templates_made_to_hurt_are_refused_in_no_time(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(IdentityError) as refusal:
        resolved({"t": text})
    assert time.process_time() - begin < SLOWEST
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 4000


def test_as_many_values_as_are_allowed_are_read() -> None:
    rows = MOST_VALUES - 2
    assert len(read_template_text("packages: [" + "a, " * rows + "]", "t")["packages"]) == rows
    with pytest.raises(IdentityError, match="more than 10000 values"):
        read_template_text("packages: [" + "a, " * (rows + 1) + "]", "t")


WORDS = ["extends", "override", "packages", "services", "system_users", "system_groups", "shared_directories"]
WORDS += ["research_user", "jupyter", "description", "name", "path", "uid", "gid", "group", "mode", "limits", "users"]
WORDS += [
    "primary_user",
    "system_user",
    "default_groups",
    "auto_create",
    "__class__",
    "a",
    "svc",
    "/srv/a",
    "2770",
    "git",
]
words = st.sampled_from(WORDS)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 5000), st.floats(), words, st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=20,
)
entries = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b", "c"])},
        optional={
            "uid": st.integers(999, 1010),
            "groups": st.lists(words),
            "limits": values,
            "override": st.lists(words),
        },
    ),
    max_size=3,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "extends": st.sampled_from(["one", "two", "three", "four"]),
        "override": st.lists(words, max_size=2),
        "packages": st.one_of(st.lists(words), values),
        "system_users": st.one_of(entries, values),
        "system_groups": entries.map(
            lambda found: [{"gid": 1100 + len(e["name"]), "name": e["name"] + "g"} for e in found]
        ),
        "research_user": st.one_of(
            st.fixed_dictionaries({}, optional={"primary_user": st.sampled_from(["a", "b"])}), values
        ),
        "jupyter": st.one_of(st.fixed_dictionaries({}, optional={"users": entries, "limits": values}), values),
        "x": values,
    },
)


@given(one=documents, two=documents, three=documents)
def test_any_three_templates_are_resolved_or_refused(one: Any, two: Any, three: Any) -> None:
    try:
        files = {"one": json.dumps(one), "two": json.dumps(two), "three": json.dumps(three)}
    except ValueError:
        return
    said = resolved_or_refusal(files)
    if isinstance(said, str):
        assert said.isprintable()
        assert len(said) < 4000
        return
    assert said == resolved(files, "one")
    assert json.loads(json.dumps(said)) == said
    assert "override" not in keys_of(said)
    assert not [key for key in keys_of(said) if key.startswith("_")]
    numbers = [user["uid"] for user in said["system_users"]]
    assert len(set(numbers)) == len(numbers)
    assert all(1000 <= number <= 3999 for number in numbers)
    for phase in PHASES:
        json.dumps([role_variables(said, phase), service_owners(said, phase)])


def resolved_or_refusal(files: dict[str, str]) -> Any:
    try:
        return resolved(files, "one")
    except IdentityError as refusal:
        return str(refusal)


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set()
