# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One event, one line of JSON with its checksum: how it is written, and read again (private, pure; controller).

There is one way to write an event, and nothing else is read: a line must come out again byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import check_federated_uuid, check_upstream
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    GRANTED,
    REVOKED,
    STATES,
    GrantChanged,
    GroupIssued,
    Invited,
    Linked,
    NumberWithheld,
    ProfileRegistered,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    Stamp,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitation_fields import (
    check_chain,
    check_claims,
    check_fingerprint,
    check_jti,
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
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

__all__ = [
    "KIND_OF",
    "EventReader",
    "body_of",
    "check_text",
    "event_line",
    "fields_of",
    "first_unsealed",
    "read_events",
    "sealed",
    "values_of",
]

CHECKSUM_DIGITS = 16
LONGEST_TEXT = 255
_CHECKSUM_KEY = ', "sum": "'
_TAIL = len(_CHECKSUM_KEY) + CHECKSUM_DIGITS + len('"}')


def event_line(event: Event) -> str:
    """The line of an event, without the newline."""
    return sealed(_body(event))


def fields_of(event: Event) -> tuple[str, ...]:
    """What an event says beside its stamp, in the order in which it is written."""
    return _SHAPES[KIND_OF[event.__class__]][1]


def read_events(lines: Sequence[str], first_line: int, way_out: str) -> list[Event]:
    """The events of lines that hold nothing else.

    :param first_line: the number of the first of them, for messages.
    :param way_out: what to do when one is not as it was written.
    :raises IdentityError: names the line.
    """
    unsealed = first_unsealed(lines)
    if unsealed >= 0:
        raise IdentityError(
            f"line {first_line + unsealed} does not fit its checksum, so it was edited or damaged: {way_out}."
        )
    return [event for _line, event, _raw in EventReader(way_out).read(lines, first_line) if event is not None]


def sealed(body: str) -> str:
    """A line: its text up to the checksum, and the checksum."""
    return f'{body}{_CHECKSUM_KEY}{hashlib.sha256(body.encode("ascii")).hexdigest()[:CHECKSUM_DIGITS]}"}}'


def body_of(line: str) -> str:
    """What the checksum of a line is about."""
    return line[:-_TAIL]


def first_unsealed(lines: Sequence[str]) -> int:
    """The index of the first line that does not fit its checksum, -1 when all do."""
    sha256, digits, key, tail = hashlib.sha256, CHECKSUM_DIGITS, _CHECKSUM_KEY, _TAIL
    for index, line in enumerate(lines):
        body, seal = line[:-tail], line[-tail:]
        if not line.isascii() or seal != f'{key}{sha256(body.encode("ascii")).hexdigest()[:digits]}"}}':
            return index
    return -1


def values_of(lines: Sequence[str], numbers: Sequence[int], way_out: str) -> list[dict[str, Any]]:
    """The JSON of lines with these numbers; read as one list, because a call a line costs more than all that is in
    it."""
    try:
        values = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        values = []
    if len(values) != len(lines) or not all(isinstance(value, dict) for value in values):
        for line, text in zip(numbers, lines):
            if not _is_mapping(text):
                raise IdentityError(f"line {line} is not an event of a ledger: {way_out}.")
        raise IdentityError(f"its lines cannot be read one by one: {way_out}.")
    return list(values)


def check_text(what: str, text: Any, may_be_empty: bool = False) -> str:
    """Return one line of free text, or refuse it."""
    if not isinstance(text, str) or not (text or may_be_empty) or len(text) > LONGEST_TEXT or not text.isprintable():
        raise IdentityError(
            f"The {what} {quoted(text)} is not one line of {'at most' if may_be_empty else '1 to'} {LONGEST_TEXT}"
            " printable characters: shorten it, or put it in quotes."
        )
    return text


class EventReader:
    """Turns the JSON of lines into events; what many lines share is checked and kept once."""

    def __init__(self, way_out: str) -> None:
        self._way_out = way_out
        self._profiles: set[str] = set()
        self._stamps: dict[tuple[str, str, str], Stamp] = {}

    def read(
        self, lines: Sequence[str], first_line: int, kind_without_event: str = ""
    ) -> Iterator[tuple[int, Event | None, dict[str, Any]]]:
        """Every line with its number and its event, or without one and with its JSON, if it is of that kind."""
        quick = [self._plain_user(text) for text in lines]
        others = [index for index, event in enumerate(quick) if event is None]
        numbers = [first_line + index for index in others]
        values = dict(zip(others, values_of([lines[index] for index in others], numbers, self._way_out)))
        for index, event in enumerate(quick):
            if event is not None:
                yield first_line + index, event, {}
            elif kind_without_event and values[index].get("kind") == kind_without_event:
                yield first_line + index, None, values[index]
            else:
                yield first_line + index, self.event(first_line + index, values[index], lines[index]), {}

    def _plain_user(self, text: str) -> UserIssued | None:
        """The person of a line that has no escapes in it; the pattern lets pass what a ledger writes and nothing else.

        Nearly all lines are such, and reading them so takes half the time.
        """
        match = _PLAIN_USER(text)
        if match is None:
            return None
        profile, username, subject, uid, at, by, run = match.groups("")
        number = int(uid)
        if number > LARGEST_NUMBER:
            return None
        key = at, by, run
        stamp = self._stamps.get(key)
        if stamp is None:
            stamp = self._stamps[key] = Stamp(*key)
        return UserIssued(profile, username, subject, number, stamp)

    def event(self, line: int, raw: dict[str, Any], text: str) -> Event:
        """The event of one line."""
        try:
            event = self._event(raw)
            if event.profile not in self._profiles:
                self._profiles.add(check_profile_id(event.profile))
            exact = _body(event) == text[:-_TAIL]
        except IdentityError as refusal:
            raise IdentityError(f"line {line} cannot be accepted: {refusal}") from refusal
        except (KeyError, TypeError):
            exact = False
        if not exact:
            raise IdentityError(f"line {line} is not written as a ledger writes its events: {self._way_out}.")
        return event

    def _event(self, raw: dict[str, Any]) -> Event:
        kind = raw.get("kind")
        shape = _SHAPES.get(kind) if isinstance(kind, str) else None
        if shape is None:
            raise IdentityError(
                f"it records {quoted(kind)}, which this version does not know: upgrade labfleet.identity"
            )
        build, fields = shape
        read = _READ_INVITE if build is Invited else _READ
        event: Event = build(*(read[name](raw[name]) for name in fields), self._stamp(raw))
        return event

    def _stamp(self, raw: dict[str, Any]) -> Stamp:
        key = raw["at"], raw["by"], raw.get("run", "")
        stamp = self._stamps.get(key)
        if stamp is None:
            stamp = self._stamps[key] = Stamp(
                _check_time(key[0]), _check_author(key[1]), check_text("run", key[2], True)
            )
        return stamp


_PLAIN = r"[ !#-\[\]-~]"  # printable ASCII that JSON needs no escape for
_PLAIN_USER = re.compile(
    r'\{"kind": "user", "profile": "([a-z0-9][a-z0-9._-]{0,62})", "username": "([a-z_][a-z0-9_-]{0,31})",'
    rf' "subject": "((?! ){_PLAIN}{{1,255}}(?<! ))", "uid": (0|[1-9][0-9]{{0,9}}),'
    r' "at": "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)",'
    rf' "by": "({_PLAIN}{{1,255}})"(?:, "run": "({_PLAIN}{{1,255}})")?, "sum": "[0-9a-f]{{16}}"\}}'
).fullmatch

# What an event is called in its line, and its fields in the order in which they are written.
_SHAPES: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "profile": (ProfileRegistered, ("profile", "uid_band", "group_band")),
    "user": (UserIssued, ("profile", "username", "subject", "uid")),
    "group": (GroupIssued, ("profile", "name", "gid")),
    "withhold": (NumberWithheld, ("profile", "number", "reason")),
    "renumber": (Renumbered, ("profile", "subject", "was", "uid", "reason")),
    "state": (StateChanged, ("profile", "subject", "rev", "state", "reason")),
    "rename": (Renamed, ("profile", "subject", "rev", "username", "reason")),
    "grant": (GrantChanged, ("profile", "subject", "into", "rev", "grant", "uid", "reason")),
    "link": (Linked, ("profile", "subject", "upstream", "uuid")),
    "redirect": (Redirected, ("profile", "subject", "rev", "to_profile", "to_subject", "reason")),
    "invite": (Invited, ("profile", "jti", "name", "claims")),
    "uninvite": (Uninvited, ("profile", "jti", "reason")),
    "redeem": (Redeemed, ("profile", "jti", "subject", "issuer", "chain", "key")),
}
KIND_OF: dict[type, str] = {build: kind for kind, (build, _fields) in _SHAPES.items()}


def _body(event: Event) -> str:
    """The one way to write an event; numbers and names of the strict grammar need no escapes."""
    stamp = event.stamp
    run = f', "run": {encode_basestring_ascii(stamp.run)}' if stamp.run else ""
    written = f'"at": "{stamp.at}", "by": {encode_basestring_ascii(stamp.by)}{run}'
    if isinstance(event, UserIssued):
        # nearly all events are such, so they are not put together field by field
        return (
            f'{{"kind": "user", "profile": "{event.profile}", "username": "{event.username}",'
            f' "subject": {encode_basestring_ascii(event.subject)}, "uid": {event.uid}, {written}'
        )
    kind = KIND_OF[event.__class__]
    fields = (f'"{name}": {_json(getattr(event, name))}' for name in _SHAPES[kind][1])
    return f'{{"kind": "{kind}", {", ".join(fields)}, {written}'


def _json(value: Any) -> str:
    return str(value) if isinstance(value, int) else encode_basestring_ascii(str(value))


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_whole(value: Any) -> bool:
    # true is an int to Python, but not to a ledger
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> int:
    if not _is_whole(value) or not 0 <= value <= LARGEST_NUMBER:
        raise IdentityError(f"{quoted(value)} is not the number of a user or group")
    return int(value)


def _revision(value: Any) -> int:
    if not _is_whole(value) or not 1 <= value <= LARGEST_NUMBER:
        raise IdentityError(f"{quoted(value)} is not a revision, which counts from 1")
    return int(value)


def _state(value: Any) -> str:
    if value not in STATES:
        raise IdentityError(f"{quoted(value)} is not one of {', '.join(STATES)}")
    return str(value)


def _grant(value: Any) -> str:
    if value not in (GRANTED, REVOKED):
        raise IdentityError(f"{quoted(value)} is not {GRANTED} or {REVOKED}")
    return str(value)


def _check_time(at: Any) -> str:
    shape = "".join("0" if character.isdecimal() else character for character in at) if isinstance(at, str) else ""
    if shape != "0000-00-00T00:00:00Z" or not at.isascii():
        raise IdentityError(f"{quoted(at)} is not a time like 2026-11-21T22:00:00Z")
    return str(at)


def _check_author(by: Any) -> str:
    if not isinstance(by, str) or not by or len(by) > LONGEST_TEXT or not by.isprintable():
        raise IdentityError(f"{quoted(by)} does not say who wrote it")
    return by


_READ: dict[str, Callable[[Any], Any]] = {
    "profile": lambda value: value,  # checked for all events alike
    "into": check_profile_id,
    "to_profile": lambda value: "" if value == "" else check_profile_id(value),
    "subject": check_subject,
    "to_subject": lambda value: "" if value == "" else check_subject(value),
    "username": check_username,
    "name": check_group_name,
    "uid_band": parse_band,
    "group_band": parse_band,
    "uid": _number,
    "gid": _number,
    "was": _number,
    "number": _number,
    "rev": _revision,
    "state": _state,
    "grant": _grant,
    "reason": lambda value: check_text("reason", value, may_be_empty=True),
    "upstream": lambda value: "" if value == "" else check_upstream(value),
    "uuid": lambda value: "" if value == "" else check_federated_uuid(value),
    "jti": check_jti,
    "claims": check_claims,
    "issuer": lambda value: check_text("issuer", value),
    "chain": check_chain,
    "key": check_fingerprint,
}
# what a group is called is a name of hosts, what an invitation is called is free text
_READ_INVITE: dict[str, Callable[[Any], Any]] = {**_READ, "name": lambda value: check_text("name", value)}
