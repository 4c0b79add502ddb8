# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a ledger as anybody can: plain JSON of its lines. Nothing of the collection is used."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .history import Book, Entry, Owner

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class TornBookError(Exception):
    """What was read is no whole ledger, as when git is just writing the file."""


def book_of_file(path: Path) -> Book:
    """The ledger in a file, empty when there is no file."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return Book()
    lines = text.split("\n")
    try:
        header, *events = [json.loads(line) for line in lines[:-1]]
    except ValueError as error:
        raise TornBookError(f"a line of {path} is not JSON") from error
    if lines[-1] or header.get("format") != "labfleet.identity ledger" or not events or events[-1]["kind"] != "end":
        raise TornBookError(f"{path} does not begin or end as a ledger does")
    return book_of_events(event for event in events if event["kind"] != "end")


def book_of_table(table: str, url: str) -> Book:
    """The ledger in a table of the server at this URL: all lines of all segments."""
    answers = _client(url).get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for answer in answers for item in answer["Items"] if item["segment"]["N"] != "0"]
    return book_of_events(json.loads(line) for item in items for line in item["lines"]["S"].split("\n"))


@functools.lru_cache(maxsize=None)
def _client(url: str) -> Any:
    import botocore.session

    return botocore.session.get_session().create_client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIALABFLEETTESTS000",
        aws_secret_access_key="labfleet/canary/secret/key/that/opens/nothing",
    )


def book_of_events(events: Iterable[dict[str, Any]]) -> Book:
    """What the events of a campaign say. A campaign issues and does nothing else, so others are a fault."""
    bands: dict[tuple[str, str], tuple[int, int]] = {}
    entries: list[Entry] = []
    for event in events:
        kind, profile = event["kind"], event["profile"]
        if kind == "profile":
            bands[profile, "user"] = _band(event["uid_band"])
            bands[profile, "group"] = _band(event["group_band"])
        elif kind == "user":
            entries.append(Entry(Owner(profile, kind, event["subject"]), event["username"], int(event["uid"])))
        elif kind == "group":
            entries.append(Entry(Owner(profile, kind, event["name"]), event["name"], int(event["gid"])))
        else:
            raise TornBookError(f"an event of the kind {kind!r}, which no writer of a campaign writes")
    return Book(bands, entries)


def _band(text: str) -> tuple[int, int]:
    first, _dash, last = text.partition("-")
    return int(first), int(last)


def book_of(store: str) -> Book:
    """The ledger in a store that is written like C(file:PATH)."""
    scheme, _colon, place = store.partition(":")
    if scheme == "file":
        return book_of_file(Path(place))
    if scheme == "dynamodb":
        return book_of_table(place, os.environ["AWS_ENDPOINT_URL"])
    raise ValueError(f"no reader for {store}")
