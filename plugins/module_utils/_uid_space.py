# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands of UIDs and GIDs, the numbers nobody may have, and the hash that proposes a number (private, pure)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_profile_id, check_username, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

__all__ = [
    "DEFAULT_BAND_SIZE",
    "DEFAULT_FIRST",
    "GROUP_BAND",
    "SYSTEM_BAND",
    "WIDE_BAND",
    "Band",
    "check_group_band",
    "check_uid_band",
    "default_uid_band",
    "first_choice",
    "first_choice_uid",
    "forbidden_owner",
    "parse_band",
]

LARGEST_NUMBER = 4294967295


@dataclass(frozen=True)
class Band:
    """A range of numbers; both ends belong to it."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many numbers the band has."""
        return self.last - self.first + 1

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def overlaps(self, other: Band) -> bool:
        """Whether a number lies in both bands."""
        return self.first <= other.last and other.first <= self.last


FIRST_ID = 1000  # of people and of services; numbers below belong to the system
SYSTEM_BAND = Band(FIRST_ID, 4999)
GROUP_BAND = Band(4000, 4999)
WIDE_BAND = Band(65536, 99999)
DEFAULT_FIRST = 5000
DEFAULT_BAND_SIZE = 1000

# Who claims which numbers on the systems of a fleet. What is left above 4999: 5000-60000, 60706-61183, 65520-65533,
# 65536-99999 and 2000200000-2147352575.
_FORBIDDEN = (
    (Band(0, FIRST_ID - 1), "the system's own accounts"),
    (Band(60001, 60513), "systemd-homed"),
    (Band(60514, 60705), "greeters and foreign users of systemd-nspawn"),
    (Band(61184, 65519), "systemd's DynamicUser"),
    (Band(65534, 65535), "nobody and the 16-bit 'no user'"),
    (Band(100000, 600100000), "subordinate ids (subuid, subgid)"),
    (Band(200000, 2000199999), "sssd and FreeIPA"),
    (Band(524288, 1879048191), "systemd-nspawn containers"),
    (Band(1000000000, 2000000000), "OpenShift"),
    (Band(2147352576, LARGEST_NUMBER), "foreign or invalid ids"),
)
_LOCAL = Band(FIRST_ID, GROUP_BAND.first - 1)


def parse_band(text: str) -> Band:
    """Read C(5000-5999) or C(wide)."""
    if text == "wide":
        return WIDE_BAND
    first, dash, last = text.partition("-") if isinstance(text, str) else ("", "", "")
    # isdecimal() alone lets other scripts' digits pass
    if not (dash and text.isascii() and first.isdecimal() and last.isdecimal() and len(text) <= 21):
        raise IdentityError(
            f"The band {quoted(text)} is not valid: write it like 5000-5999, or 'wide' for {WIDE_BAND}."
        )
    band = Band(int(first), int(last))
    if band.first > band.last:
        raise IdentityError(f"The band {text} is empty: its first number is above its last; write it like 5000-5999.")
    if band.last > LARGEST_NUMBER:
        raise IdentityError(f"The band {text} ends above {LARGEST_NUMBER}, the largest number a system can hold.")
    return band


def forbidden_owner(number: int) -> str | None:
    """Who claims this number, or None when a ledger may issue it."""
    for band, owner in _FORBIDDEN:
        if number in band:
            return owner
    return None


def check_uid_band(band: Band) -> Band:
    """Return a band that research users may have, or refuse it."""
    _refuse_forbidden(band, "UID band")
    if band.overlaps(SYSTEM_BAND):
        raise IdentityError(
            f"The UID band {band} overlaps {SYSTEM_BAND}, the numbers of local users, system users and shared groups:"
            f" choose one above {SYSTEM_BAND.last}, for example 5000-5999."
        )
    return band


def check_group_band(band: Band) -> Band:
    """Return a band that shared groups may have, or refuse it."""
    _refuse_forbidden(band, "group band")
    if band.overlaps(_LOCAL):
        raise IdentityError(
            f"The group band {band} overlaps {_LOCAL}, the numbers of local users and groups:"
            f" choose for example {GROUP_BAND}."
        )
    return band


def default_uid_band(taken: Iterable[Band]) -> Band:
    """The lowest thousand from 5000 up that no band has and nobody claims."""
    bands = sorted(taken, key=lambda band: band.first)
    first = DEFAULT_FIRST
    while True:
        band = Band(first, first + DEFAULT_BAND_SIZE - 1)
        if any(band.overlaps(forbidden) for forbidden, _owner in _FORBIDDEN):
            raise IdentityError(
                f"No thousand from {DEFAULT_FIRST} up is free for another profile: name a band for it,"
                f" for example a part of {WIDE_BAND}."
            )
        if not any(band.overlaps(other) for other in bands):
            return band
        first += DEFAULT_BAND_SIZE


def first_choice(profile: str, name: str, band: Band) -> int:
    """The number that the published hash proposes for a name that was checked before."""
    digest = hashlib.sha256(f"{profile}:{name}".encode("ascii")).digest()
    return band.first + int.from_bytes(digest[:8], "big") % band.size


def first_choice_uid(profile: str, username: str, band: Band) -> int:
    """The UID that the published hash proposes. A proposal: the ledger decides."""
    return first_choice(check_profile_id(profile), check_username(username), band)


def _refuse_forbidden(band: Band, what: str) -> None:
    for forbidden, owner in _FORBIDDEN:
        if band.overlaps(forbidden):
            raise IdentityError(
                f"The {what} {band} holds numbers of {owner} ({forbidden}):"
                f" choose one inside 5000-60000 or {WIDE_BAND}."
            )
