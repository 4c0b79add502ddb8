# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of one template file as plain data of bounded size (private; runs on the controller)."""

from __future__ import annotations

import datetime

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["check_template_name", "read_template_text"]

MOST_BYTES = 262144
MOST_VALUES = 10000
MOST_LEVELS = 10
LONGEST_TEXT = 4096
LARGEST_NUMBER = 2**53

_NAME_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_NAME_REST = _NAME_FIRST | {"_", "-"}


def check_template_name(name: Any) -> str:
    """Return the name of a template, or refuse it: it becomes the name of a file, and may come from a tag."""
    if isinstance(name, str) and 0 < len(name) <= 63 and name[0] in _NAME_FIRST and _NAME_REST.issuperset(name):
        return name
    raise IdentityError(
        f"The template name {quoted(name)} is not valid: write a-z or 0-9 first, then a-z, 0-9, _ and -, at most 63"
        " characters; it is the name of the file without '.yml'."
    )


def read_template_text(text: str, path: str) -> dict[str, Any]:
    """What a template file says, as text, numbers, true, false, lists and mappings with text for keys.

    :param path: where the file is, for messages.
    :raises IdentityError: it cannot be read, or holds more than a template can need.
    """
    if len(text) > MOST_BYTES:
        raise IdentityError(f"The template {path} is longer than {MOST_BYTES} characters, which no template needs.")
    raw = read_roster_text(text, path, "template")
    if raw is None:
        raise IdentityError(f"The template {path} is empty: write at least 'packages: []', or remove it.")
    if not isinstance(raw, dict):
        raise IdentityError(f"The template {path} must be a mapping such as 'packages: [git]', not {quoted(raw)}.")
    try:
        _check_size(raw)
        return {_key(key): _value(value) for key, value in raw.items() if value is not None}
    except IdentityError as refusal:
        raise IdentityError(f"The template {path} cannot be used: {refusal}.") from refusal


def _check_size(root: Any) -> None:
    """Count every value as often as aliases repeat it, and stop early: some repeat themselves without end."""
    waiting = [(root, 0)]
    values = 0
    while waiting:
        value, level = waiting.pop()
        values += 1
        if values > MOST_VALUES:
            raise IdentityError(
                f"it holds more than {MOST_VALUES} values, each counted as often as an alias repeats it: shorten it"
            )
        if level > MOST_LEVELS:
            raise IdentityError(f"it is nested more than {MOST_LEVELS} levels deep: flatten it")
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(part, level + 1) for part in inner]


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise IdentityError(f"the key {quoted(key)} is not text: put it in quotes")
    return _text(key)


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        # the comparison is false for what is not a number as well
        if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise IdentityError(f"the number {quoted(value)} is too large: nothing in a template is")
        return value
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        # a key without a value says nothing
        return {_key(key): _value(item) for key, item in value.items() if item is not None}
    raise IdentityError(f"{quoted(value)} is neither text, a number, true, false, a list nor a mapping")


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise IdentityError(f"the text {quoted(text)} has more than {LONGEST_TEXT} characters")
    if not text.isprintable():
        raise IdentityError(f"the text {quoted(text)} holds a line break or another character that cannot be shown")
    return text
