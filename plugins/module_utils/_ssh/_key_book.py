# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a profile and what can be done to them (private, pure; runs on the controller).

Every operation takes a book and returns another one, or refuses; none of them changes anything. They know nothing of
files, and the store knows nothing of keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import (
    ACTIVE,
    INACTIVE,
    NAME_LENGTH,
    REVOKED,
    KeyRecord,
    check_window,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry

    Keys = Mapping[str, KeyRecord]

__all__ = [
    "ALWAYS",
    "KeyBook",
    "Validity",
    "changed_keys",
    "deactivate",
    "present",
    "remove",
    "revoke",
    "revoke_unknown",
    "rotate",
    "take_over",
]

ALWAYS = "always"  # takes a limit away; without a word the limit stays as it is


@dataclass(frozen=True)
class KeyBook:
    """The keys of everybody, by username and by the name of the key. Who has none is known all the same."""

    people: Mapping[str, Keys] = field(default_factory=dict)

    def each(self) -> Iterator[tuple[str, str, KeyRecord]]:
        """Every key with its owner and name."""
        for username, keys in self.people.items():
            for name, record in keys.items():
                yield username, name, record

    def keys_of(self, username: str) -> Keys:
        """The keys of one person."""
        return self.people.get(username, {})

    def owners(self) -> dict[str, tuple[str, str]]:
        """Whose each key is, by its blob.

        :raises IdentityError: one key is there twice.
        """
        owners: dict[str, tuple[str, str]] = {}
        for username, name, record in self.each():
            other = owners.setdefault(record.blob, (username, name))
            if other != (username, name):
                raise IdentityError(
                    f"the key {record.entry.key.fingerprint} is there as {other[0]}/{other[1]} and as"
                    f" {username}/{name}, but one key is one person's: remove the files of one of them"
                )
        return owners

    def with_keys(self, username: str, keys: Keys) -> KeyBook:
        """The book with other keys of one person."""
        return KeyBook({**self.people, username: dict(sorted(keys.items()))})


@dataclass(frozen=True)
class Validity:
    """From when until when, as it is asked for. None leaves alone what is there, :data:`ALWAYS` takes it away."""

    since: str | None = None
    until: str | None = None


def present(book: KeyBook, username: str, name: str, entry: KeyEntry | None, validity: Validity, now: str) -> KeyBook:
    """Have this key, and have it active."""
    keys = book.keys_of(username)
    there = keys.get(name)
    if there is None:
        if entry is None:
            raise IdentityError(f"{username} has no key {name}: give the key itself with it")
        _check_is_free(book, entry)
        record = KeyRecord(entry, added=now)
    else:
        if there.state == REVOKED:
            raise IdentityError(f"the key {username}/{name} is revoked, and that is for ever: give a new key to rotate")
        if entry is not None and entry.key.blob != there.blob:
            raise IdentityError(
                f"{username}/{name} is another key ({there.entry.key.fingerprint}): use state rotated to replace it,"
                " or another name to add one"
            )
        record = replace(there, entry=_with_comment_of(there.entry, entry), state=ACTIVE)
    return book.with_keys(username, {**keys, name: _valid(record, validity)})


def rotate(
    book: KeyBook, username: str, name: str, entry: KeyEntry, validity: Validity, overlap: str, now: str
) -> KeyBook:
    """Put a key in the place of another, which goes on to work until the overlap ends.

    :param overlap: the moment until which the old key works as well; not after now for not at all.
    """
    keys = book.keys_of(username)
    old = keys.get(name)
    if old is None:
        raise IdentityError(f"{username} has no key {name} that could be rotated: use state present to add one")
    if entry.key.blob == old.blob:
        if old.state == REVOKED:
            raise IdentityError(f"the key {username}/{name} is revoked, and that is for ever: give a new key")
        return book
    _check_is_free(book, entry)
    ends = overlap if old.valid_until is None else min(overlap, old.valid_until)
    if old.state == ACTIVE:
        # what was to become valid later than it now ends never becomes so
        is_over = ends <= now or (old.valid_from is not None and old.valid_from >= ends)
        old = replace(old, state=INACTIVE) if is_over else replace(old, valid_until=ends)
    aside = _free_name(keys, name, now)
    new = _valid(KeyRecord(entry, added=now, last_rotated=now), validity)
    return book.with_keys(username, {**keys, aside: replace(old, replaced_by=name), name: new})


def deactivate(book: KeyBook, username: str, names: Sequence[str]) -> KeyBook:
    """Let these keys let nobody in; what is revoked stays so."""
    keys = dict(book.keys_of(username))
    for name in names:
        record = _known(book, username, name)
        if record.state == ACTIVE:
            keys[name] = replace(record, state=INACTIVE)
    return book.with_keys(username, keys)


def revoke(book: KeyBook, username: str, names: Sequence[str]) -> KeyBook:
    """Never let these keys let anybody in again."""
    keys = {**book.keys_of(username), **{name: _revoked(book, username, name) for name in names}}
    return book.with_keys(username, keys)


def revoke_unknown(book: KeyBook, username: str, name: str, entry: KeyEntry, now: str) -> KeyBook:
    """Revoke a key that is perhaps in no store yet; a key that is there is found by itself, whatever its name."""
    owner = book.owners().get(entry.key.blob)
    if owner is not None and owner != (username, name):
        raise IdentityError(f"the key {entry.key.fingerprint} is {owner[0]}/{owner[1]}: revoke it by that name")
    there = book.keys_of(username).get(name)
    if there is not None and owner is None:
        raise IdentityError(f"{username}/{name} is another key ({there.entry.key.fingerprint}): choose another name")
    record = there or KeyRecord(entry, added=now)
    return book.with_keys(username, {**book.keys_of(username), name: replace(record, state=REVOKED)})


def remove(book: KeyBook, username: str, name: str, now: str) -> KeyBook:
    """Forget a key that lets nobody in. Its owner stays known, or hosts would leave alone what they have of it."""
    record = book.keys_of(username).get(name)
    if record is None:
        return book
    if record.state == REVOKED:
        raise IdentityError(
            f"the key {username}/{name} is revoked, and its record is what keeps it out: it cannot be removed"
        )
    if record.status(now) not in (INACTIVE, "over"):
        raise IdentityError(
            f"the key {username}/{name} is in use: set it to inactive first, and to revoked instead if it is lost or"
            " stolen"
        )
    return book.with_keys(username, {other: kept for other, kept in book.keys_of(username).items() if other != name})


def take_over(book: KeyBook, username: str, found: Sequence[tuple[str, KeyEntry, str | None]], now: str) -> KeyBook:
    """Add those of somebody's keys that are not there yet.

    :param found: proposed name, key, and when it is over.
    """
    for name, entry, until in found:
        owner = book.owners().get(entry.key.blob)
        if owner is None or owner[0] != username or book.keys_of(username)[owner[1]].state == REVOKED:
            _check_is_free(book, entry)
            keys = book.keys_of(username)
            record = KeyRecord(entry, added=now, valid_until=until)
            book = book.with_keys(username, {**keys, _numbered(keys, name): record})
    return book


def changed_keys(before: KeyBook, after: KeyBook) -> Iterator[tuple[str, str, KeyRecord | None, KeyRecord | None]]:
    """Owner, name, and what was and will be, of every key that differs."""
    for username in sorted(before.people.keys() | after.people.keys()):
        old, new = before.keys_of(username), after.keys_of(username)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield username, name, old.get(name), new.get(name)


def _check_is_free(book: KeyBook, entry: KeyEntry) -> None:
    owner = book.owners().get(entry.key.blob)
    if owner is None:
        return
    username, name = owner
    if book.people[username][name].state == REVOKED:
        raise IdentityError(
            f"the key {entry.key.fingerprint} was revoked as {username}/{name}, and that is for ever: make a new key"
        )
    raise IdentityError(
        f"the key {entry.key.fingerprint} is {username}/{name} already, and one key opens one person's account only:"
        " make a new key"
    )


def _known(book: KeyBook, username: str, name: str) -> KeyRecord:
    record = book.keys_of(username).get(name)
    if record is None:
        names = ", ".join(book.keys_of(username)) or "no key at all"
        raise IdentityError(f"{username} has no key {name}: correct the name (there is {names})")
    return record


def _revoked(book: KeyBook, username: str, name: str) -> KeyRecord:
    return replace(_known(book, username, name), state=REVOKED)


def _with_comment_of(old: KeyEntry, new: KeyEntry | None) -> KeyEntry:
    """The new entry; a line without a comment leaves the old one."""
    if new is None:
        return old
    return new if new.key.comment else replace(new, key=replace(new.key, comment=old.key.comment))


def _valid(record: KeyRecord, validity: Validity) -> KeyRecord:
    record = replace(
        record,
        valid_from=_limit(validity.since, record.valid_from),
        valid_until=_limit(validity.until, record.valid_until),
    )
    check_window(record)
    return record


def _limit(wanted: str | None, there: str | None) -> str | None:
    if wanted is None:
        return there
    return None if wanted == ALWAYS else wanted


def _free_name(keys: Keys, name: str, now: str) -> str:
    """The name under which a key that was replaced is kept."""
    return _numbered(keys, f"{name}-{now[:10].replace('-', '')}")


def _numbered(keys: Keys, name: str) -> str:
    number, free = 1, name
    while free in keys:
        number += 1
        free = f"{name}-{number}"
    if len(free) > NAME_LENGTH:
        raise IdentityError(f"the key name {name} is too long to keep what it replaces: choose a shorter one")
    return free
