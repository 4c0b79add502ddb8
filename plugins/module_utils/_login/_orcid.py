# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ORCID iDs (private, pure; runs on the controller)."""

from __future__ import annotations

__all__ = ["orcid_of", "orcid_of_username"]

_PREFIXES = ("https://orcid.org/", "http://orcid.org/")
_DOMAIN = "@orcid.org"


def orcid_of(text: object) -> str:
    """An ORCID iD as 0000-0002-1825-0097, empty for what is none: its last character checks the others (ISO 7064)."""
    if not isinstance(text, str):
        return ""
    for prefix in _PREFIXES:
        if text.startswith(prefix):
            text = text[len(prefix) :]
    digits = text.replace("-", "")
    if [len(part) for part in text.split("-")] != [4, 4, 4, 4] or not (digits[:15].isascii() and digits[:15].isdigit()):
        return ""
    total = 0
    for digit in digits[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return text if digits[15] == ("X" if check == 10 else str(check)) else ""


def orcid_of_username(username: object) -> str:
    """The ORCID iD in the username that Globus gives to who signs in at ORCID, empty for any other."""
    if not isinstance(username, str) or not username.endswith(_DOMAIN):
        return ""
    return orcid_of(username[: -len(_DOMAIN)])
