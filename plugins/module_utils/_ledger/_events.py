# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to a ledger. The ledger is what its events say, and nothing else (private, pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["Event", "GroupIssued", "ProfileRegistered", "Stamp", "UserIssued"]


@dataclass(frozen=True)
class Stamp:
    """When something was written, and by whom."""

    at: str  # UTC, like 2026-11-21T22:00:00Z
    by: str


@dataclass(frozen=True)
class ProfileRegistered:
    """A profile has its bands from here on."""

    __slots__ = ("at", "by", "group_band", "profile", "uid_band")
    profile: str
    uid_band: Band
    group_band: Band
    at: str
    by: str


@dataclass(frozen=True)
class UserIssued:
    """A person has a number: it is their UID and the GID of their private group."""

    __slots__ = ("at", "by", "profile", "subject", "uid", "username")
    profile: str
    username: str
    subject: str
    uid: int
    at: str
    by: str


@dataclass(frozen=True)
class GroupIssued:
    """A shared group has a number."""

    __slots__ = ("at", "by", "gid", "name", "profile")
    profile: str
    name: str
    gid: int
    at: str
    by: str


Event = Union[ProfileRegistered, UserIssued, GroupIssued]
