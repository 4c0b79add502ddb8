# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ledger: one event a line, each with its checksum (private, pure; runs on the controller).

The last line counts the events before it, so that a file which lost lines is known for what it is. A merge in git can
leave several such lines; each then says how many events there must be at least.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GroupIssued,
    ProfileRegistered,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import (
    check_group_name,
    check_profile_id,
    check_username,
    quoted,
)
from ansible_collections.labfleet.identity.plugins.module_utils._roster import check_subject
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER, parse_band

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

__all__ = ["HEADER", "Written", "format_ledger", "parse_ledger"]

FORMAT = "labfleet.identity ledger"
VERSION = 1
HEADER = f'{{"format": "{FORMAT}", "version": {VERSION}}}'
CHECKSUM_DIGITS = 16
_CHECKSUM_KEY = ', "sum": "'
_TAIL = len(_CHECKSUM_KEY) + CHECKSUM_DIGITS + len('"}')
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
    texts = [*written.texts, *(_sealed(_body(event)) for event in issued)]
    return "\n".join([HEADER, *texts, _sealed(_end_body(len(texts))), ""]).encode("ascii")


def parse_ledger(data: bytes) -> Written:
    """Read the text of a ledger.

    :raises IdentityError: names the line that is not as it was written, and the way out.
    """
    header, *body = _texts(data)
    _check_header(header, body)
    _check_sums(body)
    reader = _Reader()
    events: list[Event] = []
    lines: list[int] = []
    texts: list[str] = []
    counted = 0
    is_end = False
    for line, (text, raw) in enumerate(zip(body, _values(body)), start=2):
        is_end = raw.get("kind") == "end"
        if is_end:
            counted = max(counted, reader.end(line, raw, text))
        else:
            events.append(reader.event(line, raw, text))
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


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode("ascii")).hexdigest()[:CHECKSUM_DIGITS]


def _sealed(body: str) -> str:
    return f'{body}{_CHECKSUM_KEY}{_checksum(body)}"}}'


def _end_body(events: int) -> str:
    return f'{{"kind": "end", "events": {events}'


def _body(event: Event) -> str:
    """The one way to write an event; numbers and names of the strict grammar need no escapes."""
    if isinstance(event, UserIssued):
        return (
            f'{{"kind": "user", "profile": "{event.profile}", "username": "{event.username}",'
            f' "subject": {encode_basestring_ascii(event.subject)}, "uid": {event.uid},'
            f' "at": "{event.at}", "by": {encode_basestring_ascii(event.by)}'
        )
    if isinstance(event, GroupIssued):
        return (
            f'{{"kind": "group", "profile": "{event.profile}", "name": "{event.name}", "gid": {event.gid},'
            f' "at": "{event.at}", "by": {encode_basestring_ascii(event.by)}'
        )
    return (
        f'{{"kind": "profile", "profile": "{event.profile}", "uid_band": "{event.uid_band}",'
        f' "group_band": "{event.group_band}", "at": "{event.at}", "by": {encode_basestring_ascii(event.by)}'
    )


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
    sha256, digits, key, tail = hashlib.sha256, CHECKSUM_DIGITS, _CHECKSUM_KEY, _TAIL
    for line, text in enumerate(texts, start=2):
        body, seal = text[:-tail], text[-tail:]
        if seal == f'{key}{sha256(body.encode("ascii")).hexdigest()[:digits]}"}}':
            continue
        if text.startswith(_CONFLICT_MARKERS):
            raise _conflict(line)
        raise IdentityError(f"line {line} does not fit its checksum, so it was edited or damaged: {_BACK}.")


def _values(texts: Sequence[str]) -> list[dict[str, Any]]:
    """The JSON of every line; read as one list, because a call a line costs more than all that is in it."""
    try:
        values = json.loads(f"[{','.join(texts)}]")
    except (ValueError, RecursionError):
        values = []
    if len(values) != len(texts) or not all(isinstance(value, dict) for value in values):
        for line, text in enumerate(texts, start=2):
            _value(line, text)
        raise IdentityError(f"its lines cannot be read one by one: {_BACK}.")
    return list(values)


def _value(line: int, text: str) -> None:
    try:
        readable = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        readable = False
    if not readable:
        raise IdentityError(f"line {line} is not an event of a ledger: {_BACK}.")


class _Reader:
    """Turns the JSON of lines into events; what many lines share is checked once."""

    def __init__(self) -> None:
        self._profiles: set[str] = set()
        self._times: set[str] = set()
        self._authors: set[str] = set()

    def event(self, line: int, raw: dict[str, Any], text: str) -> Event:
        kind = raw.get("kind")
        try:
            if kind == "user":
                event = self._user(raw)
            elif kind == "group":
                event = self._group(raw)
            elif kind == "profile":
                event = self._profile(raw)
            else:
                raise IdentityError(
                    f"it records {quoted(kind)}, which this version does not know: upgrade labfleet.identity"
                )
            self._stamp(event)
            exact = _body(event) == text[:-_TAIL]
        except IdentityError as refusal:
            raise IdentityError(f"line {line} cannot be accepted: {refusal}") from refusal
        except (KeyError, TypeError):
            exact = False
        if not exact:
            raise IdentityError(f"line {line} is not written as a ledger writes its events: {_BACK}.")
        return event

    def end(self, line: int, raw: dict[str, Any], text: str) -> int:
        events: Any = raw.get("events")
        if not _is_whole(events) or _end_body(events) != text[:-_TAIL]:
            raise IdentityError(f"line {line} is not written as a ledger writes its closing line: {_BACK}.")
        return int(events)

    def _user(self, raw: dict[str, Any]) -> Event:
        username, subject = raw["username"], raw["subject"]
        check_username(username)
        if subject != username:
            check_subject(subject)
        return UserIssued(raw["profile"], username, subject, _number(raw["uid"]), raw["at"], raw["by"])

    def _group(self, raw: dict[str, Any]) -> Event:
        name = check_group_name(raw["name"])
        return GroupIssued(raw["profile"], name, _number(raw["gid"]), raw["at"], raw["by"])

    def _profile(self, raw: dict[str, Any]) -> Event:
        bands = parse_band(raw["uid_band"]), parse_band(raw["group_band"])
        return ProfileRegistered(raw["profile"], bands[0], bands[1], raw["at"], raw["by"])

    def _stamp(self, event: Event) -> None:
        if event.profile not in self._profiles:
            self._profiles.add(check_profile_id(event.profile))
        if event.at not in self._times:
            self._times.add(_check_time(event.at))
        if event.by not in self._authors:
            self._authors.add(_check_author(event.by))


def _number(value: Any) -> int:
    if not _is_whole(value) or not 0 <= value <= LARGEST_NUMBER:
        raise IdentityError(f"{quoted(value)} is not the number of a user or group")
    return int(value)


def _is_whole(value: Any) -> bool:
    # true is an int to Python, but not to a ledger
    return isinstance(value, int) and not isinstance(value, bool)


def _check_time(at: Any) -> str:
    shape = "".join("0" if character.isdecimal() else character for character in at) if isinstance(at, str) else ""
    if shape != "0000-00-00T00:00:00Z" or not at.isascii():
        raise IdentityError(f"{quoted(at)} is not a time like 2026-11-21T22:00:00Z")
    return str(at)


def _check_author(by: Any) -> str:
    if not isinstance(by, str) or not by or len(by) > 255 or not by.isprintable():
        raise IdentityError(f"{quoted(by)} does not say who wrote it")
    return by
