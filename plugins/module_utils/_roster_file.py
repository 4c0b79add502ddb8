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
    from typing import Any

__all__ = ["read_roster_text"]


def read_roster_text(text: str, path: str) -> Any:
    """The data in the text of a roster file, JSON or YAML; a key written twice is refused.

    :param path: what the file is called in messages.
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct_keys)
    except IdentityError as refusal:
        raise IdentityError(f"The roster {path} cannot be read: {refusal}.") from refusal
    except (ValueError, RecursionError):
        return _yaml(text, path)


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _value in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise IdentityError(f"an entry has the key {quoted(twice)} twice, of which only one would count: remove one")
    return found


def _yaml(text: str, path: str) -> Any:
    import yaml  # the controller has it; a managed host need not

    try:
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
        raise IdentityError(f"The roster {path} cannot be read: {refusal}.") from refusal
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        what = " ".join(ascii(str(getattr(error, "problem", None) or error))[1:-1].split())
        raise IdentityError(f"The roster {path} is not valid YAML or JSON: {where}{what}.") from error


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
                twice = next(key for key in keys if keys.count(key) > 1)
                raise IdentityError(
                    f"line {node.start_mark.line + 1} begins an entry that has the key {quoted(twice)} twice, of which"
                    " only one would count: remove one"
                )
            inner = [part for pair in node.value for part in pair]
        for part in inner:
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)
