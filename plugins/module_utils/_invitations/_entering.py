# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who accepted is entered: first into the roster, then their key into the store (private; runs on the controller).

The key is last, so that a person whom the key store knows was entered wholly. Whatever somebody did to key and entry
since stays as it is, whoever comes with the same invitation again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._roster_entries import enter, roster_text
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_rosters
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import Validity, deactivate, present
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import check_key_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_book import KeyBook
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_store import KeyStore

__all__ = ["Entered", "Entry"]


@dataclass(frozen=True)
class Entered:
    """The roster file and the key book before and after."""

    roster_before: str
    roster_after: str
    keys_before: KeyBook
    keys_after: KeyBook

    @property
    def changed(self) -> bool:
        """Whether anything was missing."""
        return self.roster_before != self.roster_after or self.keys_before != self.keys_after


@dataclass(frozen=True)
class Entry:
    """One person with one key, and where they are to be entered."""

    profile: str
    entry: Mapping[str, Any]
    key: KeyEntry
    key_name: str
    keys: KeyStore
    roster: str
    lock_timeout: float
    at: str

    def check(self, beside: Mapping[str, Any]) -> None:
        """Refuse what could not be entered, before an invitation is used up for it.

        :param beside: the rosters that are read together with ours, by name. Nobody of them is the new person, and
            nobody has their name or key, or a home that is called like them.
        """
        check_key_name(self.key_name)
        self._check_places()
        new = {**self.entry, "keys": [self.key.line]}
        try:
            people = parse_rosters({**beside, "the invitation": [new]})
        except IdentityError as refusal:
            raise IdentityError(
                f"Nobody can be entered beside the rosters {', '.join(sorted(beside)) or 'that there are'}: {refusal}"
            ) from refusal
        self._check_home_is_free(people)
        self.keys.commit(self.profile, self._with_first_key, write=False)
        enter(self.roster, self.entry, self.lock_timeout, write=False)

    def make(self, username: str, names: Sequence[str], was_used: bool, write: bool) -> Entered:
        """Enter them, under the name that they have now.

        :param names: every name that they ever had.
        :param was_used: whether the invitation was used before: then only what was interrupted is completed.
        """
        before, _same = self.keys.commit(self.profile, lambda book: book, write=False)
        if was_used and any(name in before.people for name in names):
            text = roster_text(self.roster)
            return Entered(text, text, before, before)
        entry = {**self.entry, "username": username}
        _changed, roster_before, roster_after = enter(self.roster, entry, self.lock_timeout, write)
        keys_before, keys_after = self.keys.commit(self.profile, lambda book: self._with_key(book, username), write)
        return Entered(roster_before, roster_after, keys_before, keys_after)

    def close(self, names: Sequence[str]) -> None:
        """Let none of their keys let anybody in."""

        def closed(book: KeyBook) -> KeyBook:
            for name in names:
                book = deactivate(book, name, list(book.keys_of(name)))
            return book

        self.keys.commit(self.profile, closed)

    def _check_places(self) -> None:
        """What is entered after an invitation was used up must have somewhere to go."""
        store = os.path.join(self.keys.path, self.profile)
        for _level in range(2):
            store = store if os.path.isdir(store) else os.path.dirname(store)
        for what, directory in (("key store", store), ("roster", os.path.dirname(self.roster))):
            if not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):
                raise IdentityError(
                    f"Nothing can be written into the directory {directory} of the {what}: make it, have it be yours,"
                    " or correct the path."
                )

    def _check_home_is_free(self, people: Roster) -> None:
        """Whoever has no home in a roster gets one that is called like them."""
        username = self.entry["username"]
        for person in people.entries:
            if person.home is not None and os.path.basename(person.home) == username:
                raise IdentityError(
                    f"Nobody new can be called {username}: the home {person.home} is that of {person.username}, and the"
                    " new home could be the same; choose another name."
                )

    def _with_first_key(self, book: KeyBook) -> KeyBook:
        """The book with the key of somebody new, whom no key was entered for before."""
        username = str(self.entry["username"])
        if username in book.people:
            raise IdentityError(
                f"Nobody new can be called {username}: the name is in the key store, and its keys would open the"
                " account of the new person; choose another name, or, if the keys are nobody's, first move"
                f" {self.keys.path}/{self.profile}/{username} away."
            )
        return self._with_key(book, username)

    def _with_key(self, book: KeyBook, username: str) -> KeyBook:
        return present(book, username, self.key_name, self.key, Validity(), self.at)
