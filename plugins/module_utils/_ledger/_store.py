# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a ledger is kept: what every store can do, and which one a word like C(file:ledger.jsonl) means (private)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import check_table
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_store import DynamoStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._file_store import FileStore
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import author, stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger

__all__ = ["LedgerStore", "Settled", "open_store", "settle", "stamp_now"]


class Decision(Protocol):
    """What is to be done with a ledger: the events to add, beside what the caller wants to know."""

    @property
    def events(self) -> Sequence[Event]:
        """The events to add, none when all is as it should be."""


AnyDecision = TypeVar("AnyDecision", bound=Decision)


class LedgerStore(Protocol):
    """A place that keeps a ledger and lets one writer at a time add to it."""

    @property
    def name(self) -> str:
        """The store as a person writes it."""

    @property
    def mark(self) -> list[int]:
        """What changes when the ledger does, as far as that is known without a look into it."""

    def load(self) -> Ledger | None:
        """The checked ledger, None when there is none yet."""

    def rehearse(self) -> None:
        """Refuse what a commit would refuse whatever is decided, for a run that shall not write."""

    def commit(self, decide: Callable[[Ledger], AnyDecision]) -> tuple[AnyDecision, list[str]]:
        """Add what is decided on the ledger as it is now, durably; the decision, and warnings.

        C(decide) can be called more than once, when somebody else was faster; only what it said last is added.
        """


@dataclass(frozen=True)
class Settled(Generic[AnyDecision]):
    """The decision that holds, and what a person should know about it."""

    decision: AnyDecision
    warnings: Sequence[str] = ()


def settle(store: LedgerStore, decide: Callable[[Ledger], AnyDecision], write: bool) -> Settled[AnyDecision]:
    """Decide on the ledger, and add the events when there are any; without a lock when there are none."""
    ledger = store.load() or EMPTY_LEDGER
    decision = decide(ledger)
    if not decision.events:
        return Settled(decision)
    if not write:
        _check_addition(ledger, decision.events)
        store.rehearse()
        return Settled(decision)

    def decide_soundly(known: Ledger) -> AnyDecision:
        # what nobody added to meanwhile was decided on already
        decided = decision if known is ledger else decide(known)
        _check_addition(known, decided.events)
        return decided

    return Settled(*store.commit(decide_soundly))


def _check_addition(ledger: Ledger, events: Sequence[Event]) -> None:
    """Refuse what no run could read afterwards: every operation has its own rules, and these are the ledger's."""
    try:
        together = [*ledger.events, *events]
        fold(Written(together, range(2, len(together) + 2)))
    except IdentityError as refusal:
        raise IdentityError(
            "What this run decided contradicts the ledger, so nothing was written. That is a mistake of"
            f" labfleet.identity: please report it with this text. {refusal}"
        ) from refusal


def open_store(text: str, lock_timeout: float = 60) -> LedgerStore:
    """The store that C(file:PATH) or C(dynamodb:TABLE) means."""
    scheme, colon, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
    if scheme == "dynamodb" and colon:
        return DynamoStore(check_table(rest), lock_timeout)
    if scheme != "file" or not colon:
        raise IdentityError(
            f"The ledger {quoted(text)} is neither of the form file:PATH nor of the form dynamodb:TABLE: write for"
            " example file:inventory/ledger.jsonl."
        )
    if not rest or rest.endswith("/") or "\0" in rest:
        raise IdentityError(f"The ledger {quoted(text)} names no file: write for example file:inventory/ledger.jsonl.")
    return FileStore(os.path.expanduser(rest), lock_timeout, author())
