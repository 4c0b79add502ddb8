# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import (
    Owned,
    Record,
    format_record,
    parse_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

LAW = settings(deadline=None)
RECORD = Record(
    {"bob": Owned(5831, "research:lab", "disabled"), "alice": Owned(5238, "research:lab")},
    {"research": Owned(4444, "research:lab")},
)
TEXT = b"""{"format": 1,
"users": {
  "alice": {"number": 5238, "owner": "research:lab", "state": "present"},
  "bob": {"number": 5831, "owner": "research:lab", "state": "disabled"}
},
"groups": {
  "research": {"number": 4444, "owner": "research:lab", "state": "present"}
}
}
"""


def refusal(data: bytes) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_record(data)
    message = str(caught.value)
    assert "/var/lib/labfleet-identity/accounts.json" in message
    assert "restore it from a backup, or move it away" in message
    assert message.isprintable()
    assert len(message) < 600
    return message


def test_a_record_is_one_entry_a_line_in_order() -> None:
    assert format_record(RECORD) == TEXT
    assert parse_record(TEXT) == RECORD
    assert json.loads(TEXT)["format"] == 1


def test_a_host_that_was_never_managed_has_nothing_of_ours() -> None:
    assert parse_record(None) == Record({}, {})
    assert parse_record(format_record(Record({}, {}))) == Record({}, {})


def entry(**more: Any) -> bytes:
    fields = {"number": 5238, "owner": "research:lab", "state": "present", **more}
    return json.dumps({"format": 1, "users": {"alice": fields}, "groups": {}}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\x00" * 512,
        TEXT[:-3],
        TEXT[:100],
        TEXT[: len(TEXT) // 2] + b"\x00" * (len(TEXT) // 2),
        TEXT.replace(b"alice", b"al\xffce"),
        TEXT + TEXT,
        TEXT.replace(b'"format": 1', b'"format": 2'),
        TEXT.replace(b'"format": 1', b'"format": "1"'),
        TEXT.replace(b'"format": 1', b'"format": true'),
        TEXT.replace(b'"format": 1,\n', b""),
        TEXT.replace(b'"users"', b'"people"'),
        TEXT.replace(b'"groups"', b'"group"'),
        b"{}",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b"[" * 100_000,
        b'{"format": 1, "users": [], "groups": {}}',
        b'{"format": 1, "users": {}, "groups": null}',
        b'{"format": 1, "users": {"alice": null}, "groups": {}}',
        b'{"format": 1, "users": {"alice": []}, "groups": {}}',
        b'{"format": 1, "users": {"alice": {}}, "groups": {}}',
        b'{"Version": "2012-10-17", "Statement": []}',
        entry(number="5238"),
        entry(number=5238.0),
        entry(number=None),
        entry(number=True),
        entry(number=-1),
        entry(number=0),
        entry(number=999),
        entry(number=4294967295),
        entry(owner=None),
        entry(owner=7),
        entry(state="absent"),
        entry(state=None),
        entry(state=["present"]),
        TEXT.replace(b'"alice"', b'"../../etc/shadow"'),
        TEXT.replace(b'"alice"', b'""'),
        TEXT.replace(b'"alice"', b'"al:ce"'),
        TEXT.replace(b'"alice"', b'"bob"'),
        TEXT.replace(b'"research"', b'"re\\nsearch"'),
    ],
)
def test_what_is_not_our_record_is_refused_and_never_guessed(data: bytes) -> None:
    refusal(data)


NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True)
OWNED = st.builds(Owned, st.integers(1000, 2**32 - 2), st.text(max_size=20), st.sampled_from(["present", "disabled"]))
ENTRIES = st.dictionaries(NAMES, OWNED, max_size=5)


@LAW
@given(st.builds(Record, ENTRIES, ENTRIES))
def test_a_record_reads_as_it_was_written(record: Record) -> None:
    data = format_record(record)
    assert parse_record(data) == record
    assert format_record(parse_record(data)) == data
    assert data.isascii()
    assert data.count(b"\n") == 4 + sum(len(entries) + 1 for entries in (record.users, record.groups) if entries)


@LAW
@given(st.builds(Record, ENTRIES, ENTRIES), st.data())
def test_a_record_that_was_cut_short_is_refused(record: Record, data: st.DataObject) -> None:
    text = format_record(record)
    cut = data.draw(st.integers(0, len(text) - 2))
    refusal(text[:cut])
    # as after a crash on some file systems: the length is right, the end is not
    refusal(text[:cut] + b"\x00" * (len(text) - cut))


@LAW
@given(st.binary(max_size=80))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    refusal(data)
