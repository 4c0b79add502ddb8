# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which people are named (private: no stable interface)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Who

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["PEOPLE_ARGUMENTS", "PERSON_ARGUMENTS", "PERSON_NEEDED", "named", "people", "person"]

PEOPLE_ARGUMENTS: dict[str, Any] = {
    "usernames": {"type": "list", "elements": "str", "default": []},
    "subjects": {"type": "list", "elements": "str", "default": []},
}
PERSON_ARGUMENTS: dict[str, Any] = {"username": {"type": "str"}, "subject": {"type": "str"}}
PERSON_NEEDED: dict[str, Any] = {"required_one_of": [["username", "subject"]]}


def people(arguments: dict[str, Any]) -> list[Who]:
    """Everybody whom the options name."""
    found = [
        *(Who(username=username) for username in named(arguments["usernames"])),
        *(Who(subject=subject) for subject in named(arguments["subjects"])),
    ]
    if not found:
        raise IdentityError("Nobody is named: give usernames or subjects.")
    return found


def named(texts: Sequence[str]) -> list[str]:
    """What a list names. A survey that was left empty names nothing, and one of several lines has one name a line."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return [line for line in lines if line]


def person(arguments: dict[str, Any], username: str = "username", subject: str = "subject") -> Who:
    """The one person whom the options name."""
    return Who(arguments[username] or "", arguments[subject] or "")
