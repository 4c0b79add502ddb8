# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in a table of DynamoDB, for controllers that come and go (private; runs on the controller).

The table is a log that only grows. To write is to put the segment after the last one, on condition that nobody has put
it: whoever is first wins, and everybody else reads what was added and decides again. When it is not known whether a
request was done, the segment is read before anything else, and the same segment is put into the same place again. So a
request that arrives late or twice changes nothing.

What is decided is put in order. A decision that is bigger than one transaction becomes several, and who reads between
two of them sees the events so far: an event comes after those that it needs.
"""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import (
    Dynamo,
    RequestError,
    pause,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import Verdict
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import (
    HEAD,
    RESTORE,
    End,
    Head,
    head_update,
    item_key,
    listing_from,
    missing_segments,
    never_put,
    number_of_item,
    pack,
    parse_head,
    parse_segment,
    put_once,
    segment_item,
    transactions,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import event_line, read_events
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import Segment
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Decision

    AnyDecision = TypeVar("AnyDecision", bound=Decision)

__all__ = ["DynamoStore"]

# A listing is no snapshot: it can show a segment and not the one before it, when both were put while it was made.
_LISTINGS = 4


@dataclass(frozen=True)
class _Log:
    """The log as far as it was read."""

    end: End
    events: Sequence[Event]
    ledger: Ledger


class DynamoStore:
    """One table that M(labfleet.identity.ledger_table) made."""

    def __init__(self, table: str, lock_timeout: float) -> None:
        self._dynamo = Dynamo(table, lock_timeout)
        self._lock_timeout = lock_timeout
        self._log: _Log | None = None

    @property
    def name(self) -> str:
        """The store as a person writes it."""
        return f"dynamodb:{self._dynamo.table}"

    @property
    def mark(self) -> list[int]:
        """Nothing: whether the table changed is not known without asking it."""
        return []

    def load(self) -> Ledger:
        """The checked ledger as it is now."""
        self._log = self._read(self._log, self._deadline())
        return self._log.ledger

    def rehearse(self) -> None:
        """Find out whether this run may write, with a put that nothing can let through."""
        attempt = 0
        deadline = self._deadline()
        while True:
            try:
                self._dynamo.request("put_item", **never_put())
            except RequestError as error:
                if error.verdict is Verdict.TAKEN:
                    return
                if error.verdict is Verdict.REFUSED or time.monotonic() > deadline:
                    raise self._dynamo.explained(error, "written") from None
            attempt += 1
            pause(attempt)

    def commit(self, decide: Callable[[Ledger], AnyDecision]) -> tuple[AnyDecision, list[str]]:
        """Add what is decided, durably. Should what was read last be no longer all, the table refuses it."""
        deadline = self._deadline()
        log = self._log or self._read(None, deadline)
        attempt = 0
        while True:
            decision = decide(log.ledger)
            if not decision.events:
                return decision, []
            segments = pack(log.end, map(event_line, decision.events), lambda: str(uuid.uuid4()))
            if all(self._put(batch, deadline) for batch in transactions(segments)):
                return decision, self._note_end(segments)
            attempt += 1
            if time.monotonic() > deadline:
                raise IdentityError(
                    f"Others added to the ledger {self.name} before this run could, {attempt} times in"
                    f" {self._lock_timeout:g} s: nothing of this run counts; run again, or raise lock_timeout."
                )
            pause(attempt)
            log = self._log = self._read(log, deadline)

    def _deadline(self) -> float:
        return time.monotonic() + self._lock_timeout

    def _put(self, segments: Sequence[Segment], deadline: float) -> bool:
        """Put these segments, all or none; False when somebody else was faster."""
        attempt = 0
        while True:
            try:
                self._put_once(segments)
                return True
            except RequestError as error:
                if error.verdict is Verdict.REFUSED:
                    raise self._dynamo.explained(error, "written") from None
                verdict = error.verdict
            there = self._commit_at(segments[0].number, deadline)
            if there is not None:
                return there == segments[0].commit
            if verdict is Verdict.TAKEN:
                # nothing is there, so it is the head that is gone: the next reading says so
                return False
            if time.monotonic() > deadline:
                raise self._unknown()
            attempt += 1
            pause(attempt)

    def _put_once(self, segments: Sequence[Segment]) -> None:
        if len(segments) == 1:
            self._dynamo.request("put_item", **put_once(segment_item(segments[0])))
        else:
            puts = [{"Put": put_once(segment_item(segment))} for segment in segments]
            self._dynamo.transact([*puts, {"Update": head_update(segments[-1])}], segments[0].commit)

    def _commit_at(self, number: int, deadline: float) -> str | None:
        """The commit that put this segment, None when nobody has."""
        try:
            answer = self._dynamo.read("get_item", deadline, Key=item_key(number))
        except IdentityError as error:
            raise self._unknown(f" ({error})") from error
        item = answer.get("Item")
        return None if item is None else str(item.get("commit", {}).get("S", ""))

    def _unknown(self, why: str = "") -> IdentityError:
        return IdentityError(
            f"The ledger {self.name} gave no clear answer for {self._lock_timeout:g} s{why}, so it is not known whether"
            " the numbers of this run are in it: none of them counts yet; run again, which finds out."
        )

    def _note_end(self, segments: Sequence[Segment]) -> list[str]:
        """Have the head say how much there is; the ledger is right without it, but a removed end would not be seen."""
        if len(segments) > 1:
            return []
        try:
            self._dynamo.request("update_item", **head_update(segments[-1]))
        except RequestError as error:
            if error.verdict is Verdict.REFUSED:
                why = str(self._dynamo.explained(error, "noted"))
                return [f"{why} The numbers are issued; but it would not be noticed if the last segment were removed."]
        return []

    def _read(self, known: _Log | None, deadline: float) -> _Log:
        """The whole log, of which only the part that is not known yet is read."""
        for attempt in range(1, _LISTINGS + 1):
            head, items = self._listing(known, deadline)
            with self._explained():
                start = known.end if known else End(0, 0, _parse_head(head).ledger_id)
                missing = missing_segments(start, [number_of_item(item) for item in items], _parse_head(head).segments)
            if not missing:
                break
            if attempt < _LISTINGS:
                pause(attempt)
        with self._explained():
            if missing:
                raise IdentityError(
                    f"{missing} missing, so numbers that were issued could be given out again: {RESTORE}."
                )
            return _extended(known, start, items)

    def _listing(self, known: _Log | None, deadline: float) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
        """The head, read before all else, and every segment that is not known."""
        items: list[Mapping[str, Any]] = []
        first = HEAD
        if known:
            head = self._dynamo.read("get_item", deadline, Key=item_key(HEAD)).get("Item")
            first = known.end.segment + 1
        page: dict[str, Any] = {}
        while True:
            answer = self._dynamo.read("query", deadline, **listing_from(first), **page)
            items += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                break
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        if known:
            return head, items
        has_head = bool(items) and number_of_item(items[0]) == HEAD
        return (items[0], items[1:]) if has_head else (None, items)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IdentityError as refusal:
            raise IdentityError(f"The ledger {self.name} cannot be used and stays as it is: {refusal}") from refusal


def _parse_head(item: Mapping[str, Any] | None) -> Head:
    if item is None:
        raise IdentityError(
            "the table has no head, so it is not a ledger or not one any more: correct the name, set it up with"
            f" labfleet.identity.ledger_table, or, if it was a ledger, {RESTORE}."
        )
    return parse_head(item)


def _extended(known: _Log | None, end: End, items: Sequence[Mapping[str, Any]]) -> _Log:
    """The log with the segments that were added; a line is called by its number in the whole log."""
    if known and not items:
        return known
    lines: list[str] = []
    first = end.total + 1
    for item in items:
        segment = parse_segment(end, item)
        lines += segment.lines
        end = segment.end
    events = [*(known.events if known else ()), *read_events(lines, first, RESTORE)]
    return _Log(end, events, fold(Written(events, range(1, len(events) + 1))))
