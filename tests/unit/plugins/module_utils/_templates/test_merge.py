# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules by which a template adds to the one it extends, case by case and as laws."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._templates._merge import entry_key, merged

CASES: list[tuple[str, Any, Any, Any]] = [
    ("what only one says stays", {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    ("the child's word counts", {"a": 1}, {"a": 2}, {"a": 2}),
    ("false is a word", {"a": True}, {"a": False}, {"a": False}),
    ("mappings merge by key", {"m": {"a": 1, "b": 2}}, {"m": {"b": 3, "c": 4}}, {"m": {"a": 1, "b": 3, "c": 4}}),
    ("lists join, the parent's first", {"l": ["a", "b"]}, {"l": ["c"]}, {"l": ["a", "b", "c"]}),
    ("nothing is repeated", {"l": ["a", "b"]}, {"l": ["b", "c", "c"]}, {"l": ["a", "b", "c"]}),
    ("true is not 1", {"l": [1]}, {"l": [True, 1]}, {"l": [1, True]}),
    (
        "named things merge by name, and keep their place",
        {"u": [{"name": "x", "uid": 1, "shell": "/a"}, {"name": "y"}]},
        {"u": [{"name": "z"}, {"name": "x", "shell": "/b"}]},
        {"u": [{"name": "x", "uid": 1, "shell": "/b"}, {"name": "y"}, {"name": "z"}]},
    ),
    (
        "directories by path",
        {"d": [{"path": "/srv/a", "mode": "2750"}]},
        {"d": [{"path": "/srv/a", "group": "g"}]},
        {"d": [{"path": "/srv/a", "mode": "2750", "group": "g"}]},
    ),
    (
        "lists inside of entries join",
        {"u": [{"name": "x", "g": ["a"]}]},
        {"u": [{"name": "x", "g": ["b"]}]},
        {"u": [{"name": "x", "g": ["a", "b"]}]},
    ),
    ("a name alone says nothing new", {"u": [{"name": "x", "n": 1}]}, {"u": ["x"]}, {"u": [{"name": "x", "n": 1}]}),
    ("and can be told more of", {"u": ["x"]}, {"u": [{"name": "x", "n": 1}]}, {"u": [{"name": "x", "n": 1}]}),
    (
        "what has no name is the same as a whole",
        {"l": [{"c": 1}]},
        {"l": [{"c": 1}, {"c": 2}]},
        {"l": [{"c": 1}, {"c": 2}]},
    ),
    ("override begins a list anew", {"l": ["a"], "m": 1}, {"override": ["l"], "l": ["b"]}, {"m": 1, "l": ["b"]}),
    ("and without a word drops it", {"l": ["a"], "m": 1}, {"override": ["l"]}, {"m": 1}),
    (
        "override in a block",
        {"m": {"l": ["a"], "k": 1}},
        {"m": {"override": ["l"], "l": ["b"]}},
        {"m": {"k": 1, "l": ["b"]}},
    ),
    (
        "override in an entry",
        {"u": [{"name": "x", "g": ["a"], "uid": 1}]},
        {"u": [{"name": "x", "override": ["g"], "g": ["b"]}]},
        {"u": [{"name": "x", "g": ["b"], "uid": 1}]},
    ),
    (
        "override of what the parent has not",
        {},
        {"override": ["l"], "u": [{"name": "x", "override": ["g"]}]},
        {"u": [{"name": "x"}]},
    ),
    ("override with another kind", {"k": [1]}, {"override": ["k"], "k": {"a": 1}}, {"k": {"a": 1}}),
]


@pytest.mark.parametrize(("parent", "child", "together"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rules(parent: dict[str, Any], child: dict[str, Any], together: dict[str, Any]) -> None:
    before = copy.deepcopy((parent, child))
    assert merged(parent, child) == together
    assert (parent, child) == before


@pytest.mark.parametrize(
    ("parent", "child", "says"),
    [
        ({"p": ["a"]}, {"p": {"a": 1}}, "'p' is a mapping in the child and something else in the parent"),
        ({"p": ["a"]}, {"p": "a"}, "'p' is a list in the parent and something else in the child"),
        ({"b": {"m": {"x": 1}}}, {"b": {"m": 5}}, "'b.m' is a mapping in the parent"),
        ({"u": [{"name": "x", "g": "a"}]}, {"u": [{"name": "x", "g": ["a"]}]}, "'u.x.g' is a list in the child"),
    ],
)
def test_what_does_not_fit_is_refused(parent: dict[str, Any], child: dict[str, Any], says: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        merged(parent, child)
    assert says in str(refusal.value)
    assert "override" in str(refusal.value)


names = st.sampled_from(["a", "b", "c", "name"])
scalars = st.one_of(st.booleans(), st.integers(0, 2), names)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(names.filter(lambda key: key != "name"), inner, max_size=3),
        st.lists(
            st.builds(lambda name, more: {"name": name, **more}, names, st.dictionaries(names, scalars)), max_size=3
        ),
    ),
    max_leaves=12,
)
documents = st.dictionaries(names, values, max_size=4)


def together(*all_of_them: dict[str, Any]) -> Any:
    """The merger from the oldest on, or why there is none."""
    said: dict[str, Any] = {}
    for document in all_of_them:
        try:
            said = merged(said, document)
        except IdentityError:
            return "refused"
    return said


@given(documents)
def test_a_template_adds_nothing_to_itself(document: dict[str, Any]) -> None:
    once = together(document)
    assert together(once, once) == once


@given(documents, documents)
def test_the_child_is_heard_and_nothing_of_the_parent_is_lost(parent: dict[str, Any], child: dict[str, Any]) -> None:
    said = together(parent, child)
    if said == "refused":
        return
    assert said.keys() == parent.keys() | child.keys()
    for key, value in child.items():
        if not isinstance(value, (dict, list)):
            assert said[key] == value
    for key in parent.keys() & child.keys():
        if isinstance(said[key], list):
            found = [entry_key(entry) for entry in said[key]]
            wanted = [entry_key(entry) for entry in [*parent[key], *child[key]]]
            assert all(name in found for name in wanted if isinstance(name, (str, int)))
            named = [name for name in found if isinstance(name, str)]
            assert len(set(named)) == len(named)


@given(documents, documents)
def test_override_of_everything_leaves_the_child_alone(parent: dict[str, Any], child: dict[str, Any]) -> None:
    alone = together(child)
    assert together(parent, {**child, "override": [*parent, *child]}) == alone


@given(documents, documents, documents)
def test_it_does_not_matter_where_a_chain_is_cut(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    """Only what merges at all: a kind that changes and changes back is refused one way and fits the other."""
    left, right = together(one, two, three), together(two, three)
    if "refused" not in (left, right) and together(one, right) != "refused":
        assert together(one, right) == left
