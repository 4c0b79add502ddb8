# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a revoked invitation takes away: the names that it is found by, and the keys that came with it (private)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import accepted_under
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import deactivate, revoke

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger, Person
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore

__all__ = ["close_keys", "named_jtis"]


def named_jtis(ledger: Ledger, profile: str, name: str, jti: str) -> list[str]:
    """The ids of the invitations that a name or an id means: of those with the name all that there ever were."""
    if bool(name) == bool(jti):
        raise IdentityError("Say which invitation, by its name or by its jti, and not by both.")
    if jti:
        return [jti]
    found = [one.jti for one in ledger.invitations.values() if (one.profile, one.name) == (profile, name)]
    if not found:
        raise IdentityError(
            f"No invitation into the profile {profile} has the name {quoted(name)}: correct it, or give the jti of one"
            " that was issued elsewhere; invitation_info lists them."
        )
    return found


def close_keys(
    ledger: Ledger,
    keys: KeyStore,
    people: Iterable[tuple[str, str]],
    jtis: Sequence[str],
    for_ever: bool,
    write: bool,
) -> tuple[list[dict[str, Any]], bool, list[str]]:
    """Let the keys of people let nobody in; who is out, whether that is new, and what is missing that was to be closed.

    :param for_ever: whether what they accepted with is revoked, on every host and for every account. Nobody has proved
        that the key was theirs, so that this is for whoever knows.
    """
    accepted_with: dict[tuple[str, str], set[str]] = {}
    for used in accepted_under(ledger, jtis):
        accepted_with.setdefault((used.profile, used.subject), set()).add(used.key)
    out: list[dict[str, Any]] = []
    missing: list[str] = []
    changed = False
    # a store that is not there was mistyped, so none is begun for it
    writes = write and os.path.isdir(keys.path)
    for profile, subject in people:
        home = ledger.profile(profile)
        person = home.person(subject)
        if person is None:
            continue
        closing = _Closing(person, home.names_of(person), accepted_with.get(person.key, set()) if for_ever else set())
        before, after = keys.commit(profile, closing.close, writes)
        changed = changed or before != after
        missing += closing.missing(before, keys.path)
        out.append({"username": person.username, "uid": person.uid, "closed_keys": sorted(closing.closed)})
    return out, changed, missing


class _Closing:
    """One person's keys, under every name that they had."""

    def __init__(self, person: Person, names: Sequence[str], fingerprints: Collection[str]) -> None:
        self._username = person.username
        self._names = dict.fromkeys((person.username, *names))
        self._fingerprints = fingerprints
        self.closed: list[str] = []

    def close(self, book: KeyBook) -> KeyBook:
        """The book with their keys closed."""
        self.closed = []
        for username in self._names:
            there = book.keys_of(username)
            if not there:
                continue
            guilty = [name for name, record in there.items() if record.entry.key.fingerprint in self._fingerprints]
            book = deactivate(revoke(book, username, guilty), username, list(there))
            self.closed += there
        return book

    def missing(self, book: KeyBook, store: str) -> list[str]:
        """What the store should have of somebody who accepted, and has not."""
        if not any(name in book.people for name in self._names):
            unknown = (
                f"The key store {store} knows nobody called {self._username}, who accepted with a key, so no key was"
                " closed: see that key_store is the one in which it was entered, and revoke the invitation again."
            )
            return [unknown]
        there = {record.entry.key.fingerprint for name in self._names for record in book.keys_of(name).values()}
        return [
            f"The key {fingerprint}, with which {self._username} accepted, is not in the key store {store}, so it was"
            " not revoked: revoke it with ssh_key, which takes the key itself."
            for fingerprint in sorted(self._fingerprints)
            if fingerprint not in there
        ]
