# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user database of a cluster that has no ledger, as sides of a merge (private, pure; runs on the controller)."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._federation import check_federated_uuid, check_upstream
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    Linked,
    ProfileRegistered,
    Renamed,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Side
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_research_username, quoted
from ansible_collections.labfleet.identity.plugins.module_utils._roster import check_subject
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import LARGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._merge_sides import Said
    from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

__all__ = ["read_rows", "row_sides", "without_known_rows"]

COLUMNS = ("username", "uid", "subject", "upstream", "uuid")
SHOWN = 20


def read_rows(text: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a database in CSV or JSON, each with its number, as they stand there.

    :raises IdentityError: when it is neither, or has columns that are not known.
    """
    try:
        rows = _json_rows(text) if text.lstrip("\ufeff \t\r\n").startswith("[") else _csv_rows(text)
        for number, row in rows:
            unknown = sorted(map(quoted, row.keys() - set(COLUMNS)))
            if unknown:
                raise IdentityError(f"row {number} has the unknown column {', '.join(unknown)}")
    except (ValueError, RecursionError, csv.Error) as error:
        raise IdentityError(f"The database {name} is neither CSV nor a list in JSON: {quoted(str(error))}.") from error
    except IdentityError as refusal:
        raise IdentityError(
            f"The database {name} cannot be read: {refusal}; the columns are {', '.join(COLUMNS)}, and the first two"
            " are needed."
        ) from refusal
    return rows


def row_sides(
    name: str,
    rows: Iterable[tuple[int, dict[str, Any]]],
    profile: str,
    bands: tuple[Band, Band] | None,
    stamp: Stamp,
) -> list[Side]:
    """A database as sides of a merge, a row each, so that two rows can contradict each other.

    :param bands: of a profile that no ledger registers.
    """
    sides = [] if bands is None else [Side(name, [ProfileRegistered(profile, *bands, stamp)], is_ledger=False)]
    problems = []
    for number, row in rows:
        try:
            sides.append(Side(f"{name} row {number}", _events(row, profile, stamp), is_ledger=False))
        except IdentityError as refusal:
            problems.append(f"row {number}: {str(refusal).rstrip('.')}")
    if problems:
        raise IdentityError(
            f"The database {name} cannot be taken over: {in_one_sentence(problems, SHOWN)}; correct the rows, and"
            " nothing was written."
        )
    return sides


def without_known_rows(said: Sequence[Said]) -> Iterator[Said]:
    """Everything but what a row says and a ledger knows already, under whichever name the person had."""
    if all(not it.derived for it in said):
        yield from said
        return
    names: set[tuple[str, str, str]] = set()
    numbers: set[tuple[str, str, int]] = set()
    outside: set[tuple[str, str, str]] = set()
    for it in said:
        event = it.event
        if not it.derived and isinstance(event, (UserIssued, Renamed)):
            names.add((event.profile, event.subject, event.username))
        if not it.derived and isinstance(event, UserIssued):
            numbers.add((event.profile, event.subject, event.uid))
        if not it.derived and isinstance(event, Linked):
            outside.update({(event.profile, event.subject, event.upstream), (event.profile, event.subject, event.uuid)})
    for it in said:
        event = it.event
        if it.derived and isinstance(event, UserIssued) and (event.profile, event.subject, event.uid) in numbers:
            if (event.profile, event.subject, event.username) in names:
                continue
        elif it.derived and isinstance(event, Linked):
            is_known = (event.profile, event.subject, event.upstream) in outside
            upstream = "" if is_known else event.upstream
            is_known = (event.profile, event.subject, event.uuid) in outside
            uuid = "" if is_known and not upstream else event.uuid
            if not upstream and not uuid:
                continue
            yield dataclasses.replace(it, event=dataclasses.replace(event, upstream=upstream, uuid=uuid))
            continue
        yield it


def _json_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    rows = json.loads(text.lstrip("\ufeff"), object_pairs_hook=_distinct)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise IdentityError(f"row {number} is {quoted(row)}, not a mapping")
    return list(enumerate(rows, start=1))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise IdentityError("a row has one key twice")
    return row


def _csv_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows below the header; an empty field says nothing."""
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
    header = [column.strip() for column in next(reader, [])]
    if not {"username", "uid"} <= set(header) or len(set(header)) != len(header):
        raise IdentityError("its first row does not name the columns, each once")
    rows = []
    for number, fields in enumerate(reader, start=1):
        if fields and len(fields) != len(header):
            raise IdentityError(f"row {number} has {len(fields)} fields, not {len(header)}")
        if fields:
            rows.append((number, {column: field for column, field in zip(header, fields) if field}))
    return rows


def _events(row: dict[str, Any], profile: str, stamp: Stamp) -> list[Event]:
    """What a row says: a number and, where it has one, an identity outside."""
    missing = [column for column in COLUMNS[:2] if column not in row]
    if missing:
        raise IdentityError(f"it has no {' and no '.join(missing)}")
    username = check_research_username(row["username"])
    subject = check_subject(row.get("subject", username))
    upstream = check_upstream(row["upstream"]) if row.get("upstream") else ""
    uuid = check_federated_uuid(row["uuid"]) if row.get("uuid") else ""
    events: list[Event] = [UserIssued(profile, username, subject, _uid(row["uid"]), stamp)]
    if upstream or uuid:
        events.append(Linked(profile, subject, upstream, uuid, stamp))
    return events


def _uid(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(LARGEST_NUMBER)):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
        raise IdentityError(f"the uid {quoted(value)} is not the number of a user")
    return value
