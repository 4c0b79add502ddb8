# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a roster file as data (private; runs on the controller, where PyYAML is)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["read_roster_text"]

MAXIMUM_NESTING = 500
MAXIMUM_MERGED = 100


def read_roster_text(text: str, path: str, what: str = "roster") -> Any:
    """The data in the text of a roster or another file that people write, JSON or YAML.

    :param path: where the file is, for messages.
    :param what: what it is, for messages.
    :raises IdentityError: also for a key written twice, of which only one would count.
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct_keys)
    except IdentityError as refusal:
        raise IdentityError(f"The {what} {path} cannot be read: {refusal}.") from refusal
    except (ValueError, RecursionError):
        return _yaml(text, path, what)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = _first_twice(key for key, _value in pairs)
        raise IdentityError(f"an entry has the key {quoted(twice)} twice, of which only one would count: remove one")
    return found


def _first_twice(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _check_depth(text: str) -> None:
    """Refuse nesting so deep that libyaml would overrun the stack, and take the whole Ansible run with it."""
    import re

    depth = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match[0] in "[{" else -1
        if depth > MAXIMUM_NESTING:
            raise ValueError(f"it is nested more than {MAXIMUM_NESTING} levels deep")
    if re.search(r"^[ \t?:-]{%d}" % MAXIMUM_NESTING, text, re.MULTILINE):
        raise ValueError(f"a line begins with {MAXIMUM_NESTING} blanks and dashes, as if nested so deep")


def _yaml(text: str, path: str, what: str) -> Any:
    import yaml  # the controller has it; a managed host need not

    try:
        _check_depth(text)
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_keys(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except IdentityError as refusal:
        raise IdentityError(f"The {what} {path} cannot be read: {refusal}.") from refusal
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        why = " ".join(ascii(str(getattr(error, "problem", None) or error))[1:-1].split())
        raise IdentityError(f"The {what} {path} is not valid YAML or JSON: {where}{why}.") from error


def _check_keys(root: Any) -> None:
    """Refuse a key that stands twice in one mapping; YAML would take the last one without a word."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        if not isinstance(node.value, list):
            continue
        inner = node.value
        if node.id == "mapping":
            keys = [key.value for key, _value in node.value if key.id == "scalar"]
            if len(set(keys)) != len(keys):
                raise IdentityError(
                    f"line {node.start_mark.line + 1} begins an entry that has the key {quoted(_first_twice(keys))}"
                    " twice, of which only one would count: remove one"
                )
            _check_merges(node)
            inner = [part for pair in node.value for part in pair]
        for part in inner:
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _check_merges(mapping: Any) -> None:
    """Refuse merge keys (<<) that copy without end: a mapping that merges one twice which merges another twice ..."""
    waiting = _merged_into(mapping)
    merged = 0
    while waiting:
        merged += 1
        if merged > MAXIMUM_MERGED:
            raise IdentityError(
                f"line {mapping.start_mark.line + 1} begins an entry whose merge keys (<<) bring in more than"
                f" {MAXIMUM_MERGED} others: write it out"
            )
        waiting += _merged_into(waiting.pop())


def _merged_into(mapping: Any) -> list[Any]:
    found: list[Any] = []
    for key, value in mapping.value:
        if key.tag == "tag:yaml.org,2002:merge":
            parts = value.value if value.id == "sequence" else [value]
            found += [part for part in parts if part.id == "mapping"]
    return found
