# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ledger file: a header, one event a line, and a closing line (private, pure; runs on the controller).

The last line counts the events before it, so that a file which lost lines is known for what it is. A merge in git can
leave several such lines; each then says how many events there must be at least.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import (
    EventReader,
    body_of,
    event_line,
    first_unsealed,
    sealed,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

__all__ = ["HEADER", "Written", "format_ledger", "parse_ledger"]

FORMAT = "labfleet.identity ledger"
VERSION = 1
HEADER = f'{{"format": "{FORMAT}", "version": {VERSION}}}'
_CONFLICT_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_BACK = "take the file back from git or from a backup"


@dataclass(frozen=True)
class Written:
    """The events of a ledger, and for each the number and the text of the line it was read from."""

    events: Sequence[Event] = ()
    lines: Sequence[int] = ()
    texts: Sequence[str] = ()


def format_ledger(written: Written, issued: Iterable[Event]) -> bytes:
    """The text of a ledger to which events were added. What was written before stays byte for byte."""
    texts = [*written.texts, *map(event_line, issued)]
    return "\n".join([HEADER, *texts, sealed(_end_body(len(texts))), ""]).encode("ascii")


def parse_ledger(data: bytes) -> Written:
    """Read the text of a ledger.

    :raises IdentityError: names the line that is not as it was written, and the way out.
    """
    header, *body = _texts(data)
    _check_header(header, body)
    _check_sums(body)
    events: list[Event] = []
    lines: list[int] = []
    texts: list[str] = []
    counted = 0
    is_end = False
    for line, event, raw in EventReader(_BACK).read(body, 2, "end"):
        text = body[line - 2]
        is_end = event is None
        if event is None:
            counted = max(counted, _end(line, raw, text))
        else:
            events.append(event)
            lines.append(line)
            texts.append(text)
    if not is_end:
        raise IdentityError(
            f"line {len(body) + 1} is not the closing line, so the end of the file is missing: {_BACK}; numbers"
            " that were issued could be given out again otherwise."
        )
    if counted > len(events):
        raise IdentityError(
            f"it has {len(events)} events, but its closing line {len(body) + 1} or one before it counts {counted}:"
            f" lines are missing; {_BACK}."
        )
    return Written(events, lines, texts)


def _end_body(events: int) -> str:
    return f'{{"kind": "end", "events": {events}'


def _texts(data: bytes) -> list[str]:
    """The lines of the file, which is plain ASCII with a newline after every line."""
    if not data:
        raise IdentityError(
            f"it is empty, but a ledger that was ever written is not: {_BACK}, or remove the empty file to begin a new"
            " ledger."
        )
    nul = data.find(b"\0")
    if nul >= 0:
        raise IdentityError(f"line {_line_at(data, nul)} holds NUL bytes, as a power cut leaves them: {_BACK}.")
    if not data.endswith(b"\n"):
        raise IdentityError(f"line {_line_at(data, len(data))} has no end, so the file was cut off: {_BACK}.")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise IdentityError(f"line {_line_at(data, error.start)} holds a byte that no ledger has: {_BACK}.") from error
    carriage_return = text.find("\r")
    if carriage_return >= 0:
        raise IdentityError(
            f"line {_line_at(data, carriage_return)} ends like a line of Windows: write 'ledger.jsonl text eol=lf"
            " merge=union' into .gitattributes and check the file out again."
        )
    return text[:-1].split("\n")


def _line_at(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _check_header(header: str, body: Sequence[str]) -> None:
    if header != HEADER:
        if header.startswith(_CONFLICT_MARKERS):
            raise _conflict(1)
        if header.startswith(f'{{"format": "{FORMAT}", "version": '):
            raise IdentityError(
                f"line 1 is {quoted(header)}, but this collection knows version {VERSION}: it was written by a newer"
                " labfleet.identity; upgrade the collection."
            )
        raise IdentityError(
            f"line 1 is not the first line of a ledger, {HEADER}, so this is another kind of file: correct the path."
        )
    if HEADER in body:
        raise IdentityError(
            f"line {body.index(HEADER) + 2} begins the ledger a second time: two files were put together; {_BACK}."
        )


def _conflict(line: int) -> IdentityError:
    return IdentityError(
        f"line {line} is a conflict marker of git: keep the lines of both sides and remove the markers, and write"
        " 'ledger.jsonl text eol=lf merge=union' into .gitattributes so that git does it next time."
    )


def _check_sums(texts: Sequence[str]) -> None:
    index = first_unsealed(texts)
    if index < 0:
        return
    if texts[index].startswith(_CONFLICT_MARKERS):
        raise _conflict(index + 2)
    raise IdentityError(f"line {index + 2} does not fit its checksum, so it was edited or damaged: {_BACK}.")


def _end(line: int, raw: dict[str, Any], text: str) -> int:
    """How many events a closing line counts."""
    events = raw.get("events")
    if isinstance(events, int) and not isinstance(events, bool) and _end_body(events) == body_of(text):
        return events
    raise IdentityError(f"line {line} is not written as a ledger writes its closing line: {_BACK}.")
