# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of belongings share: data as a roster or a fuzzer gives it, and a look at refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Callable

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=10),
    st.sampled_from(("ALL", "", "/usr/bin/id", "*", "!", "\n", "\x00", "$6$a$b", "027", "4G", "alice", "a@b.org")),
)


def documents(keys: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Whatever YAML can hold, with some of the keys that mean something."""
    names = st.one_of(st.sampled_from(keys), st.text(max_size=10), st.integers(), st.none())
    return st.recursive(
        _scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=5)),
        max_leaves=12,
    )


def refusal(parse: Callable[[Any], Any], raw: Any) -> str:
    """The sentence by which something is refused: one line of ASCII that is not too long to be read."""
    with pytest.raises(IdentityError) as caught:
        parse(raw)
    return _sentence(caught.value)


def parsed(parse: Callable[[Any], Any], raw: Any) -> Any:
    """What the parser makes of it, None for a refusal. Nothing else may come out."""
    try:
        return parse(raw)
    except IdentityError as refused:
        _sentence(refused)
        return None


def _sentence(error: IdentityError) -> str:
    message = str(error)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 500
    return message
