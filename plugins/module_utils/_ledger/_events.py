# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can happen to a ledger. The ledger is what its events say, and nothing else (private, pure).

What can change again and again (a state, a name, a grant) carries a revision: 1, 2, 3 ... for one thing of one person.
So the order in which events stand in a file means nothing, and two branches that changed the same thing are found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = [
    "ACTIVE",
    "DISABLED",
    "GRANTED",
    "RESERVED",
    "RETIRED",
    "REVOKED",
    "STATES",
    "Event",
    "GrantChanged",
    "GroupIssued",
    "Invited",
    "Issued",
    "Linked",
    "NumberWithheld",
    "ProfileRegistered",
    "Redeemed",
    "Redirected",
    "Renamed",
    "Renumbered",
    "Revised",
    "Stamp",
    "StateChanged",
    "Uninvited",
    "UserIssued",
]

RESERVED, ACTIVE, DISABLED, RETIRED = "reserved", "active", "disabled", "retired"
STATES = (RESERVED, ACTIVE, DISABLED, RETIRED)
GRANTED, REVOKED = "granted", "revoked"


@dataclass(frozen=True)
class Stamp:
    """When something was written, by whom and by which run."""

    __slots__ = ("at", "by", "run")
    at: str  # UTC, like 2026-11-21T22:00:00Z
    by: str  # like sam@controller
    run: str  # a job of AWX or a process; empty where it is not known


@dataclass(frozen=True)
class ProfileRegistered:
    """A profile has its bands from here on."""

    __slots__ = ("group_band", "profile", "stamp", "uid_band")
    profile: str
    uid_band: Band
    group_band: Band
    stamp: Stamp


@dataclass(frozen=True)
class UserIssued:
    """A person has a number: it is their UID and the GID of their private group."""

    __slots__ = ("profile", "stamp", "subject", "uid", "username")
    profile: str
    username: str
    subject: str
    uid: int
    stamp: Stamp


@dataclass(frozen=True)
class GroupIssued:
    """A shared group has a number."""

    __slots__ = ("gid", "name", "profile", "stamp")
    profile: str
    name: str
    gid: int
    stamp: Stamp


@dataclass(frozen=True)
class NumberWithheld:
    """A number in a band of the profile that nobody may have, for example because files of strangers carry it."""

    __slots__ = ("number", "profile", "reason", "stamp")
    profile: str
    number: int
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class Renumbered:
    """A person who had another number elsewhere has this one now; nobody else ever gets the former one."""

    __slots__ = ("profile", "reason", "stamp", "subject", "uid", "was")
    profile: str
    subject: str
    was: int
    uid: int
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class StateChanged:
    """A person is reserved, active, disabled or retired from here on; without such an event they are active."""

    __slots__ = ("profile", "reason", "rev", "stamp", "state", "subject")
    profile: str
    subject: str
    rev: int
    state: str
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class Renamed:
    """A person has another username from here on; the former one stays theirs."""

    __slots__ = ("profile", "reason", "rev", "stamp", "subject", "username")
    profile: str
    subject: str
    rev: int
    username: str
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class GrantChanged:
    """A person may be used in another profile under this number, or no longer."""

    __slots__ = ("grant", "into", "profile", "reason", "rev", "stamp", "subject", "uid")
    profile: str
    subject: str
    into: str
    rev: int
    grant: str  # granted or revoked
    uid: int
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class Linked:
    """A person is known outside by this identity, and in a federation by this UUID (empty: in none)."""

    __slots__ = ("profile", "stamp", "subject", "upstream", "uuid")
    profile: str
    subject: str
    upstream: str
    uuid: str
    stamp: Stamp


@dataclass(frozen=True)
class Redirected:
    """Whoever means this person means another one from here on; both empty: no longer."""

    __slots__ = ("profile", "reason", "rev", "stamp", "subject", "to_profile", "to_subject")
    profile: str
    subject: str
    rev: int
    to_profile: str
    to_subject: str
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class Invited:
    """An invitation into a profile was issued here."""

    __slots__ = ("claims", "jti", "name", "profile", "stamp")
    profile: str
    jti: str
    name: str  # how whoever invites calls it
    claims: str  # what its token says, as canonical JSON
    stamp: Stamp


@dataclass(frozen=True)
class Uninvited:
    """An invitation was revoked for good, whoever issued it and whether or not it was ever seen here."""

    __slots__ = ("jti", "profile", "reason", "stamp")
    profile: str
    jti: str
    reason: str
    stamp: Stamp


@dataclass(frozen=True)
class Redeemed:
    """An invitation was used. It can never be used again."""

    __slots__ = ("chain", "issuer", "jti", "key", "profile", "stamp", "subject")
    profile: str
    jti: str
    subject: str
    issuer: str
    chain: str  # the invitations that it was delegated from, with blanks between them; empty for none
    key: str  # the fingerprint of the public key that it was used with
    stamp: Stamp


Issued = Union[UserIssued, GroupIssued]
Revised = Union[StateChanged, Renamed, GrantChanged, Redirected]
Event = Union[ProfileRegistered, Issued, NumberWithheld, Renumbered, Revised, Linked, Invited, Uninvited, Redeemed]
