# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ledger: nothing that was not written as it stands is ever read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    HEADER,
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    SUBJECTS,
    USERNAMES,
    group,
    profile,
    user,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

EVENTS = [profile(), group("research", 4265), user("alice", 5238), user("bob", 5831, "b\u00f6b@uni.example")]
TEXT = format_ledger(Written(), EVENTS)
LINES = TEXT.decode("ascii").splitlines()


def sealed(body: str) -> str:
    """A line with the checksum that fits it, as somebody who means harm would write it."""
    return f'{body}, "sum": "{hashlib.sha256(body.encode()).hexdigest()[:16]}"}}'


def refusal(data: bytes) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_ledger(data)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    return message


def joined(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def test_the_text_is_pinned() -> None:
    golden = Path(__file__).parents[3] / "vectors" / "ledger_v1.jsonl"
    assert golden.read_bytes() == TEXT


def test_what_is_written_is_read() -> None:
    written = parse_ledger(TEXT)
    assert list(written.events) == EVENTS
    assert list(written.lines) == [2, 3, 4, 5]
    assert list(parse_ledger(format_ledger(Written(), [])).events) == []


def test_what_was_written_before_stays_byte_for_byte() -> None:
    more = format_ledger(parse_ledger(TEXT), [user("carol", 5404)])
    assert more.splitlines()[:-2] == TEXT.splitlines()[:-1]
    assert list(parse_ledger(more).events) == [*EVENTS, user("carol", 5404)]


@given(st.lists(st.builds(user, USERNAMES, st.integers(5000, 5999), SUBJECTS), max_size=5))
def test_every_event_comes_back(events: list[Event]) -> None:
    assert list(parse_ledger(format_ledger(Written(), events)).events) == events


def test_every_cut_off_file_is_refused() -> None:
    for length in range(len(TEXT)):
        message = refusal(TEXT[:length])
        assert "from git or from a backup" in message or "is not the first line" in message
        if length:
            line = TEXT[:length].count(b"\n") + (TEXT[length - 1 : length] != b"\n")
            assert f"line {line} " in message


def test_every_changed_byte_is_refused() -> None:
    for offset in range(len(TEXT)):
        for byte in (TEXT[offset] ^ 1, TEXT[offset] ^ 0x20, 0, 0xFF, ord("\n"), ord(" "), ord("0"), ord('"')):
            if byte != TEXT[offset]:
                refusal(TEXT[:offset] + bytes([byte]) + TEXT[offset + 1 :])


def test_every_missing_line_is_noticed() -> None:
    for index in range(len(LINES)):
        refusal(joined(LINES[:index] + LINES[index + 1 :]))
    for index in range(1, len(LINES) - 1):
        message = refusal(joined(LINES[:index] + LINES[index + 1 :]))
        assert "it has 3 events, but its closing line 5 or one before it counts 4" in message
    assert "line 5 is not the closing line" in refusal(joined(LINES[:-1]))


@given(st.permutations(LINES[1:-1]))
def test_the_order_of_events_is_free(lines: list[str]) -> None:
    assert set(parse_ledger(joined([LINES[0], *lines, LINES[-1]])).events) == set(EVENTS)


def test_lines_that_a_merge_wrote_twice_are_read_twice() -> None:
    assert len(parse_ledger(joined([*LINES[:-1], *LINES[3:]])).events) == 6


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\0" * 4096, "line 1 holds NUL bytes, as a power cut leaves them"),
        (TEXT[:200] + b"\0" * (len(TEXT) - 200), "line 2 holds NUL bytes"),
        (TEXT[:-1], "line 6 has no end, so the file was cut off"),
        (TEXT.replace(b"\n", b"\r\n"), "line 1 ends like a line of Windows"),
        (TEXT.replace(b"alice", b"al\xefce"), "line 4 holds a byte that no ledger has"),
        (TEXT.replace(b"5238", b"5239"), "line 4 does not fit its checksum"),
        (b"root:x:0:0:root:/root:/bin/bash\n", "line 1 is not the first line of a ledger"),
        (b"\n", "line 1 is not the first line of a ledger"),
        (TEXT + TEXT, "line 7 begins the ledger a second time"),
        (TEXT + b"\n", "line 7 does not fit its checksum"),
        (TEXT.replace(b'"version": 1', b'"version": 2'), "written by a newer labfleet.identity"),
        (joined([LINES[0], "<<<<<<< HEAD", *LINES[1:]]), "line 2 is a conflict marker of git"),
        (joined([*LINES[:3], "=======", *LINES[3:]]), "line 4 is a conflict marker of git"),
        (joined(["<<<<<<< HEAD", *LINES]), "line 1 is a conflict marker of git"),
    ],
)
def test_what_is_no_ledger(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


USER = LINES[3][: -len(', "sum": "0123456789abcdef"}')]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (USER.replace('"kind": "user"', '"kind": "retire"'), "records 'retire', which this version does not know"),
        (USER.replace('"kind": "user"', '"kind": null'), "records None, which this version does not know"),
        (USER.replace('"kind": "user", ', ""), "records None, which this version does not know"),
        (USER.replace("5238", "5238.0"), "5238.0 is not the number"),
        (USER.replace("5238", "true"), "True is not the number"),
        (USER.replace("5238", "-1"), "-1 is not the number"),
        (USER.replace("5238", "1e3"), "1000.0 is not the number"),
        (USER.replace("5238", "9" * 30), "is not the number"),
        (USER.replace("5238", "05238"), "line 4 is not an event"),
        (USER.replace(": ", ":"), "not written as a ledger writes"),
        (USER.replace('"uid": 5238', '"uid": 5238, "uid": 5238'), "not written as a ledger writes"),
        (USER.replace('"uid": 5238', '"uid": 5238, "x": 1'), "not written as a ledger writes"),
        (USER.replace('"username": "alice", ', ""), "not written as a ledger writes"),
        (USER.replace("alice", "Alice"), "username 'Alice' is not valid"),
        (USER.replace("alice", "\\u0061lice"), "not written as a ledger writes"),
        (USER.replace('"subject": "alice"', '"subject": 7'), "subject 7 is not text"),
        (USER.replace('"subject": "alice"', '"subject": "a\\nb"'), "not one line"),
        (USER.replace('"lab"', '"a:b"'), "profile id 'a:b' is not valid"),
        (USER.replace("22:00:00Z", "22:00:00"), "is not a time"),
        (USER.replace('"by": "sam@controller"', '"by": ""'), "does not say who wrote it"),
        (USER.replace('"by": "sam@controller"', '"by": ["sam"]'), "not written as a ledger writes"),
        ('["kind", "user"', "line 4 is not an event"),
        ('{"a": 1}, {"b": 2', "line 4 is not an event"),
        ("[" * 100_000, "line 4 is not an event"),
        ('{"kind": "end", "events": "4"', "not written as a ledger writes its closing line"),
        ('{"kind": "end", "events": true', "not written as a ledger writes its closing line"),
        ('{"kind": "end",  "events": 4', "not written as a ledger writes its closing line"),
    ],
)
def test_a_fitting_checksum_does_not_make_an_event(line: str, reason: str) -> None:
    message = refusal(joined([*LINES[:3], sealed(line), *LINES[4:]]))
    assert reason in message
    assert "line 4" in message


@given(st.binary(max_size=300), st.integers(0, len(TEXT)), st.integers(0, 60))
def test_foreign_bytes_never_pass(noise: bytes, offset: int, gone: int) -> None:
    data = TEXT[:offset] + noise + TEXT[offset + gone :]
    if data == TEXT:
        assert list(parse_ledger(data).events) == EVENTS
    else:
        assert refusal(data)


@given(st.binary(max_size=300))
def test_foreign_lines_after_the_header_never_pass(noise: bytes) -> None:
    assert re.search("line|empty", refusal(HEADER.encode() + b"\n" + noise))
