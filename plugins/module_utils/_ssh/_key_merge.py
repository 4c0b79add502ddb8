# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a store beside those of a roster: which of them let somebody in now (private, pure; controller).

The store decides about every key that it has. A key that it knows as revoked, inactive or over lets nobody in, also
when the roster still names it: what was rotated out must not live on in a list that somebody forgot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import ACTIVE, REVOKED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._roster import RosterEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import KeyRecord

__all__ = ["MergedKeys", "merge_keys", "profiles_of"]


@dataclass(frozen=True)
class MergedKeys:
    """The roster with everybody's keys, the lines of the keys that are revoked, and what a person should know."""

    roster: Roster
    revoked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def profiles_of(roster: Roster, profile: str) -> list[str]:
    """Whose stores are read: that of the profile, and those that lend guests."""
    return list(dict.fromkeys([profile, *(entry.home_profile for entry in roster.entries if entry.home_profile)]))


def merge_keys(
    roster: Roster, profile: str, books: Mapping[str, KeyBook], now: str, names: Mapping[str, Sequence[str]]
) -> MergedKeys:
    """Give everybody whom the store knows the keys that are theirs now.

    :param books: the keys of every profile that :func:`profiles_of` names.
    :param names: all the names that somebody had, by username, of those who were renamed.
    :raises IdentityError: the roster gives somebody a key that is another person's in the store.
    """
    revoked = {
        record.blob: record.entry.key.line
        for book in books.values()
        for _username, _name, record in book.each()
        if record.state == REVOKED
    }
    warnings: list[str] = []
    entries = []
    for entry in roster.entries:
        entries.append(entry)
        # a guest has the keys of their own profile, and those that this profile gave them
        homes = dict.fromkeys((entry.home_profile or profile, profile))
        called = names.get(entry.username, (entry.username,))
        known = [books[home].people[name] for home in homes for name in called if name in books[home].people]
        if known or any(held.key.blob in revoked for held in entry.keys or ()):
            records: dict[str, KeyRecord] = {}
            for record in (record for keys in reversed(known) for record in keys.values()):
                records[record.blob] = _stricter(record, records.get(record.blob, record), now)
            entries[-1], left_out = _with_keys(entry, records, revoked, now)
            warnings += left_out
    _check_is_one_persons(entries, profile, books[profile], names)
    return MergedKeys(Roster(tuple(entries)), tuple(revoked.values()), tuple(warnings))


def _stricter(first: KeyRecord, other: KeyRecord, now: str) -> KeyRecord:
    """What two profiles say of one key: it works while both let it, as the first one says."""
    if ACTIVE not in (first.status(now), other.status(now)):
        return first
    if first.status(now) != other.status(now):
        return other if first.status(now) == ACTIVE else first
    ends = [record.valid_until for record in (first, other) if record.valid_until is not None]
    return replace(first, valid_until=min(ends, default=None))


def _with_keys(
    entry: RosterEntry, records: Mapping[str, KeyRecord], revoked: Mapping[str, str], now: str
) -> tuple[RosterEntry, list[str]]:
    """One person with the keys that are theirs now, and a warning for each that the roster should no longer have."""
    keys = {
        blob: record.for_hosts()
        for blob, record in records.items()
        if record.status(now) == ACTIVE and blob not in revoked
    }
    warnings = []
    for held in entry.keys or ():
        why_not = _why_not(held, records, revoked, now)
        if why_not:
            warnings.append(
                f"The roster gives {entry.username} the key {held.key.fingerprint}, which the key store has as"
                f" {why_not}: it is left out; remove it from the roster."
            )
        else:
            keys.setdefault(held.key.blob, held)
    return replace(entry, keys=tuple(keys.values())), warnings


def _why_not(held: KeyEntry, records: Mapping[str, KeyRecord], revoked: Mapping[str, str], now: str) -> str:
    """What the store has against a key of the roster, empty for nothing."""
    if held.key.blob in revoked:
        return REVOKED
    record = records.get(held.key.blob)
    status = ACTIVE if record is None else record.status(now)
    return "" if status == ACTIVE else status


def _check_is_one_persons(
    entries: list[RosterEntry], profile: str, book: KeyBook, names: Mapping[str, Sequence[str]]
) -> None:
    """A key that the roster gives somebody may be another person's in the store."""
    owners = {blob: owner[0] for blob, owner in book.owners().items()}
    current = {name: username for username, all_names in names.items() for name in all_names}
    for entry in entries:
        for held in entry.keys or ():
            owner = owners.setdefault(held.key.blob, entry.username)
            if entry.username not in (owner, current.get(owner, owner)):
                raise IdentityError(
                    f"The key {held.key.fingerprint} is that of {owner} ({profile}) and of {entry.username}: one key"
                    " opens one person's account only, so remove it from one of them, and make a new one if both have"
                    " its private half."
                )
