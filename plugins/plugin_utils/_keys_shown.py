# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person or a playbook is told about keys (private: no stable interface)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import changed_keys

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import KeyRecord
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore

__all__ = ["changes_shown", "key_shown", "parse_duration", "warnings_of_sharing"]

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_duration(name: str, text: str) -> int:
    """A duration like C(7d) in seconds."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) <= 5:
        return int(number) * _UNITS[unit]
    raise IdentityError(f"The {name} {quoted(text)} is no duration: write a number with m, h, d or w, such as 7d.")


def key_shown(profile: str, username: str, name: str, record: KeyRecord, now: str) -> dict[str, Any]:
    """One key as a result has it."""
    fields = {field: value for field, value in record.as_fields().items() if field != "format"}
    return {
        "profile": profile,
        "username": username,
        "name": name,
        "status": record.status(now),
        "public_key": record.entry.key.line,
        **fields,
    }


def changes_shown(path: str, before: KeyBook, after: KeyBook) -> dict[str, str]:
    """The diff: every field of every key that differs."""
    old_lines, new_lines = [], []
    for username, name, old, new in changed_keys(before, after):
        old_lines += _lines(f"{username}/{name}", old)
        new_lines += _lines(f"{username}/{name}", new)
    return {
        "before_header": path,
        "after_header": path,
        "before": "".join(f"{line}\n" for line in old_lines),
        "after": "".join(f"{line}\n" for line in new_lines),
    }


def _lines(where: str, record: KeyRecord | None) -> list[str]:
    if record is None:
        return []
    fields = record.as_fields()
    return [f"{where} {field}: {fields[field]}" for field in fields if field != "format" and fields[field]]


def warnings_of_sharing(store: KeyStore, profile: str, before: KeyBook, after: KeyBook) -> list[str]:
    """What other profiles know of the keys that are new here."""
    fresh = {
        new.blob: f"{username}/{name}" for username, name, _old, new in changed_keys(before, after) if new is not None
    }
    for _username, _name, record in before.each():
        fresh.pop(record.blob, None)
    if not fresh:
        return []
    warnings = []
    for other in store.profiles():
        if other == profile:
            continue
        try:
            book = store.load(other)
        except IdentityError as refusal:
            warnings.append(f"Whether the key is in use in the profile {other} as well is not known: {refusal}")
            continue
        warnings += [
            f"The key {fresh[record.blob]} ({record.entry.key.fingerprint}) is {username}/{name} in the profile {other}"
            f" as well, where it is {record.state}: see that one person has both."
            for username, name, record in book.each()
            if record.blob in fresh
        ]
    return warnings
