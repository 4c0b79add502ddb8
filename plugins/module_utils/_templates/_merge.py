# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a template adds to the one it extends (private, pure).

Mappings merge by key. Lists merge by the name of their entries and join without repetition; what is new comes last.
Whatever else both say, the child says. Keys that the child lists under ``override`` begin anew.
"""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["OVERRIDE", "entry_key", "merged"]

OVERRIDE = "override"
_KINDS = {dict: "a mapping", list: "a list"}


def merged(parent: dict[str, Any], child: dict[str, Any], where: str = "") -> dict[str, Any]:
    """What parent and child say together; neither is changed.

    :param where: the key that holds both, for messages.
    :raises IdentityError: one has a list or a mapping where the other has something else.
    """
    anew = child.get(OVERRIDE, ())
    result = {key: value for key, value in parent.items() if key not in anew and key != OVERRIDE}
    for key, value in child.items():
        if key != OVERRIDE:
            at = f"{where}.{key}" if where else key
            result[key] = _together(result[key], value, at) if key in result else _alone(value, at)
    return result


def entry_key(entry: Any) -> Any:
    """What an entry of a list is known by: its name or path, or the entry itself."""
    if isinstance(entry, dict):
        return entry.get("name", entry.get("path"))
    return entry


def _together(old: Any, new: Any, where: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return merged(old, new, where)
    if isinstance(old, list) and isinstance(new, list):
        return _joined(old, new, where)
    for kind, words in _KINDS.items():
        if isinstance(old, kind) != isinstance(new, kind):
            one, other = ("parent", "child") if isinstance(old, kind) else ("child", "parent")
            raise IdentityError(
                f"{quoted(where)} is {words} in the {one} and something else in the {other}: say it alike, or list it"
                f" under '{OVERRIDE}'"
            )
    return new


def _joined(old: list[Any], new: list[Any], where: str) -> list[Any]:
    result: list[Any] = []
    places: dict[Any, int] = {}
    for entry in [*old, *new]:
        key = entry_key(entry)
        # entries without a name, such as the rules of sudo, are the same when all of them is
        if not isinstance(key, (str, int, float)):
            alone = _alone(entry, where)
            if alone not in result:
                result.append(alone)
        elif (isinstance(key, bool), key) not in places:
            places[isinstance(key, bool), key] = len(result)
            result.append(_alone(entry, where))
        else:
            place = places[isinstance(key, bool), key]
            result[place] = _one_entry(result[place], entry, f"{where}.{key}")
    return result


def _one_entry(old: Any, new: Any, where: str) -> Any:
    """A name alone is an entry that says nothing more."""
    if isinstance(old, dict) and isinstance(new, dict):
        return merged(old, new, where)
    return old if isinstance(old, dict) else _alone(new, where)


def _alone(value: Any, where: str) -> Any:
    """A value that nothing came before: without repetition, and without a word on parents."""
    if isinstance(value, dict):
        return merged({}, value, where)
    if isinstance(value, list):
        return _joined([], value, where)
    return value
