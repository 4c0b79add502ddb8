# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An authorized_keys file that somebody has, read into keys of a store (private, pure; runs on the controller).

What stands in front of a key is taken over as data where it is known, and refused where not: sshd obeys it.
"""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import option_data, split_line
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import moment_text
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import is_key_type

__all__ = ["parse_authorized_keys"]

SHOWN_PROBLEMS = 20
_NAME_LENGTH = 40
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def parse_authorized_keys(text: str) -> list[tuple[str, KeyEntry, str | None]]:
    """Every key with the name that it is to have, and when it is over.

    :raises IdentityError: names every line that cannot be taken over, and why.
    """
    found: dict[str, tuple[str, KeyEntry, str | None]] = {}
    problems = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        bare = line.strip(" \t")
        if not bare or bare.startswith("#"):
            continue
        try:
            entry, until = _entry(bare)
            other = found.setdefault(entry.key.blob, (_name(entry), entry, until))
            if other[1:] != (entry, until):
                raise IdentityError("the same key is in an earlier line with something else beside it: keep one")
        except IdentityError as refusal:
            problems.append(f"line {number}: {str(refusal).rstrip('.')}")
    if problems:
        raise IdentityError(f"nothing was taken over: {in_one_sentence(problems, SHOWN_PROBLEMS)}")
    return list(found.values())


def _entry(line: str) -> tuple[KeyEntry, str | None]:
    if _begins_with_key(line):
        return parse_key_entry(line), None
    options, key = split_line(line)
    if not _begins_with_key(key):
        return parse_key_entry(line), None  # which says what it is instead
    data = option_data(options)
    until = data.pop("expires", None)
    return parse_key_entry({"key": key, **data}), None if until is None else moment_text("expires", until)


def _begins_with_key(text: str) -> bool:
    words = text.split(None, 1)
    return bool(words) and is_key_type(words[0])


def _name(entry: KeyEntry) -> str:
    """What the comment says, in the letters that a name has; the fingerprint without one."""
    letters = "".join(letter if letter in _NAME_CHARACTERS else "-" for letter in entry.key.comment.lower())
    name = "-".join(part for part in letters.split("-") if part).strip("_")[:_NAME_LENGTH].rstrip("-_")
    return name or "key-%s" % "".join(letter for letter in entry.key.fingerprint[7:].lower() if letter.isalnum())[:8]
