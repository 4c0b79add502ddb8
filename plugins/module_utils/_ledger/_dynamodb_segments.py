# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger as items of a DynamoDB table: a head, and segments that are only ever added (private, pure; controller).

Every item has the same hash key; the range key is 0 for the head and 1, 2, 3 ... for segments. A segment holds whole
lines, and a checksum over the one before it and its own lines. So a segment that was removed, cut or edited is noticed,
and its number is known; the head says how many there are at least, so that a removed last one is noticed as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    Item = Mapping[str, Mapping[str, Any]]

__all__ = [
    "HASH_KEY",
    "HEAD",
    "PARTITION",
    "RANGE_KEY",
    "RESTORE",
    "End",
    "Head",
    "Segment",
    "head_item",
    "head_update",
    "item_key",
    "listing_from",
    "missing_segments",
    "never_put",
    "number_of_item",
    "pack",
    "parse_head",
    "parse_segment",
    "put_once",
    "segment_item",
    "transactions",
]

FORMAT = "labfleet.identity ledger"
VERSION = 1
HASH_KEY, RANGE_KEY = "ledger", "segment"
PARTITION = "ledger"
HEAD = 0
# An item has at most 400 KB and a page of answers 1 MB: three segments to a page, with room for what else is in them.
LARGEST_LINES = 300_000
# A transaction has at most 100 items and 4 MB, which some count as JSON with its escapes; one item is the head.
LARGEST_TRANSACTION = 10
RESTORE = "restore the table to a moment before that (point-in-time recovery) and name the restored table"


@dataclass(frozen=True)
class Head:
    """What the set-up wrote, and how much there is at least."""

    ledger_id: str
    segments: int = 0
    events: int = 0


@dataclass(frozen=True)
class End:
    """Where a log ends: the number of its last segment, the events up to there, and the checksum over all of it."""

    segment: int
    total: int
    chain: str


@dataclass(frozen=True)
class Segment:
    """Some lines of the log."""

    number: int
    lines: Sequence[str]
    total: int  # events up to and with this segment
    chain: str
    commit: str  # one for all segments that a transaction put

    @property
    def end(self) -> End:
        """The end of a log that ends with this segment."""
        return End(self.number, self.total, self.chain)


def pack(end: End, lines: Iterable[str], new_commit: Callable[[], str]) -> list[Segment]:
    """The segments that add lines to a log, in order; those of one transaction have the same commit."""
    segments: list[Segment] = []
    commit = ""
    for index, chunk in enumerate(_chunks(lines)):
        if index % LARGEST_TRANSACTION == 0:
            commit = new_commit()
        chain = _chain(end, chunk)
        segment = Segment(end.segment + 1, chunk, end.total + len(chunk), chain, commit)
        segments.append(segment)
        end = segment.end
    return segments


def transactions(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """The segments that are put together, or not at all."""
    for first in range(0, len(segments), LARGEST_TRANSACTION):
        yield list(segments[first : first + LARGEST_TRANSACTION])


def item_key(number: int) -> dict[str, dict[str, str]]:
    """The key of the head or of a segment."""
    return {HASH_KEY: {"S": PARTITION}, RANGE_KEY: {"N": str(number)}}


def head_item(head: Head) -> dict[str, dict[str, str]]:
    """The head as an item."""
    return {
        **item_key(HEAD),
        "format": {"S": FORMAT},
        "version": {"N": str(VERSION)},
        "id": {"S": head.ledger_id},
        "segments": {"N": str(head.segments)},
        "events": {"N": str(head.events)},
    }


def segment_item(segment: Segment) -> dict[str, dict[str, str]]:
    """A segment as an item."""
    return {
        **item_key(segment.number),
        "lines": {"S": "\n".join(segment.lines)},
        "events": {"N": str(len(segment.lines))},
        "total": {"N": str(segment.total)},
        "chain": {"S": segment.chain},
        "commit": {"S": segment.commit},
    }


def put_once(item: Item) -> dict[str, Any]:
    """The parameters of a put that fails when there is such an item already."""
    return {
        "Item": item,
        "ConditionExpression": "attribute_not_exists(#ledger)",
        "ExpressionAttributeNames": {"#ledger": HASH_KEY},
    }


def never_put() -> dict[str, Any]:
    """The parameters of a put that always fails, but needs the permissions of any other."""
    return {
        "Item": item_key(HEAD),
        "ConditionExpression": "attribute_exists(#ledger) AND attribute_not_exists(#ledger)",
        "ExpressionAttributeNames": {"#ledger": HASH_KEY},
    }


def head_update(last: Segment) -> dict[str, Any]:
    """The parameters of an update that has the head say how much there is, and never less than it says."""
    return {
        "Key": item_key(HEAD),
        "UpdateExpression": "SET #segments = :segments, #events = :events",
        "ConditionExpression": "#segments < :segments",
        "ExpressionAttributeNames": {"#segments": "segments", "#events": "events"},
        "ExpressionAttributeValues": {":segments": {"N": str(last.number)}, ":events": {"N": str(last.total)}},
    }


def listing_from(number: int) -> dict[str, Any]:
    """The parameters of a query for this item and all after it."""
    return {
        "KeyConditionExpression": "#ledger = :ledger AND #segment >= :segment",
        "ExpressionAttributeNames": {"#ledger": HASH_KEY, "#segment": RANGE_KEY},
        "ExpressionAttributeValues": {":ledger": {"S": PARTITION}, ":segment": {"N": str(number)}},
    }


def parse_head(item: Item) -> Head:
    """Read the head.

    :raises IdentityError: when it is not the head of a ledger that this version knows.
    """
    if item.get("format") != {"S": FORMAT}:
        raise IdentityError(
            "its first item is not the head of a ledger, so the table is used for something else: name another table,"
            " or make one with labfleet.identity.ledger_table."
        )
    if item.get("version") != {"N": str(VERSION)}:
        raise IdentityError(
            f"it has the version {quoted(_text(item, 'version', 'N'))}, but this collection knows version {VERSION}: it"
            " was made by a newer labfleet.identity; upgrade the collection."
        )
    head = Head(_text(item, "id", "S"), _number(item, "segments"), _number(item, "events"))
    if not head.ledger_id or head.segments < 0 or head.events < 0:
        raise IdentityError(f"its head was edited or damaged: {RESTORE}.")
    return head


def number_of_item(item: Item) -> int:
    """The number of the segment that an item is, 0 for the head, -1 for what is neither."""
    return _number(item, RANGE_KEY)


def missing_segments(end: End, numbers: Sequence[int], at_least: int) -> str:
    """Which segments a listing that begins after this end lacks, as the subject of a sentence, or nothing."""
    expected = end.segment + 1
    for number in [*numbers, at_least + 1]:
        if number > expected:
            is_one = number == expected + 1
            return f"segment {expected} is" if is_one else f"segments {expected} to {number - 1} are"
        expected = max(expected, number + 1)
    return ""


def parse_segment(end: End, item: Item) -> Segment:
    """Read the segment that comes after this end.

    :raises IdentityError: when it is not as it was written.
    """
    number = number_of_item(item)
    lines = tuple(_text(item, "lines", "S").split("\n"))
    chain = _text(item, "chain", "S")
    segment = Segment(number, lines, end.total + len(lines), chain, _text(item, "commit", "S"))
    is_whole = (
        number == end.segment + 1
        and chain == _chain(end, lines)
        and _number(item, "events") == len(lines)
        and _number(item, "total") == segment.total
    )
    if not is_whole:
        raise IdentityError(
            f"segment {end.segment + 1} does not fit its checksum, so it was edited or damaged: {RESTORE}."
        )
    return segment


def _chunks(lines: Iterable[str]) -> Iterator[tuple[str, ...]]:
    chunk: list[str] = []
    size = 0
    for line in lines:
        # what JSON escapes in a line is escaped again in the request, and claims are full of it
        length = len(line) + 2 * line.count("\\") + 1
        if chunk and size + length > LARGEST_LINES:
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += length
    if chunk:
        yield tuple(chunk)


def _chain(before: End, lines: Sequence[str]) -> str:
    text = "\n".join([before.chain, str(before.segment + 1), str(before.total), *lines])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _text(item: Item, name: str, kind: str) -> str:
    value = item.get(name, {}).get(kind)
    return value if isinstance(value, str) else ""


def _number(item: Item, name: str) -> int:
    """The whole number of an attribute; -1 when it has none, which no number of a ledger is."""
    text = _text(item, name, "N")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
