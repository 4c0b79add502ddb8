# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two files of a key: what is written is read again, and whatever else stands in them is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import (
    ACTIVE,
    INACTIVE,
    REVOKED,
    STATES,
    KeyRecord,
    check_key_name,
    key_files,
    parse_key_files,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import (
    BEFORE,
    LATER,
    NOW,
    entry,
    line,
    weak_line,
)

RECORD = KeyRecord(entry(1, "alice@laptop", restrict=True, pty=True), added=NOW, valid_until=LATER)
OTHER = key_files(KeyRecord(entry(2, "alice@laptop"), added=NOW))[0]


def fields(**changes: Any) -> dict[str, Any]:
    return {**RECORD.as_fields(), **changes}


def refusal(pub: bytes, meta: bytes) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_key_files(pub, meta)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    return message


def test_the_files_are_what_people_expect() -> None:
    pub, meta = key_files(RECORD)
    assert pub == f"{line(1, 'alice@laptop')}\n".encode()
    assert json.loads(meta) == {
        "format": 1,
        "fingerprint": RECORD.entry.key.fingerprint,
        "type": "ssh-ed25519",
        "comment": "alice@laptop",
        "state": "active",
        "added": NOW,
        "valid_from": None,
        "valid_until": LATER,
        "last_rotated": None,
        "replaced_by": None,
        "options": {"restrict": True, "pty": True},
    }
    assert parse_key_files(pub, meta) == RECORD


MOMENTS = st.integers(365 * 86400, 4_000_000_000).map(lambda second: f"{1971 + second % 200}-03-04T05:06:07Z")


@given(
    st.integers(0, 2**64),
    st.sampled_from(["", "alice@laptop", "a b"]),
    st.sampled_from(STATES),
    st.dictionaries(st.sampled_from(["added", "valid_from", "last_rotated"]), MOMENTS),
    st.sampled_from([None, "laptop", "laptop-20261122"]),
    st.dictionaries(st.sampled_from(["restrict", "user_rc"]), st.booleans()),
)
def test_what_is_written_is_read_again(
    number: int, comment: str, state: str, moments: dict[str, str], successor: str | None, options: dict[str, bool]
) -> None:
    record = KeyRecord(
        entry(number, comment, **options), state=state, replaced_by=successor, **{"added": NOW, **moments}
    )
    assert parse_key_files(*key_files(record)) == record


def test_hosts_get_the_end_of_a_key_with_it() -> None:
    assert RECORD.for_hosts().options == 'restrict,pty,expiry-time="20261201000000Z"'
    assert KeyRecord(entry(1), added=NOW, valid_until=LATER).for_hosts().options == 'expiry-time="20261201000000Z"'
    assert KeyRecord(entry(1), added=NOW).for_hosts().line == line(1)
    again = entry(1, "alice@laptop", restrict=True, pty=True, expires=LATER)
    assert RECORD.for_hosts() == again


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "active"),
        ({"state": "inactive"}, "inactive"),
        ({"state": "revoked", "valid_from": LATER}, "revoked"),
        ({"valid_from": LATER}, "future"),
        ({"valid_from": NOW}, "active"),
        ({"valid_until": NOW}, "over"),
        ({"valid_until": BEFORE}, "over"),
        ({"valid_from": BEFORE, "valid_until": LATER}, "active"),
    ],
)
def test_whether_a_key_lets_somebody_in(changes: dict[str, Any], status: str) -> None:
    assert KeyRecord(entry(1), added=BEFORE, **changes).status(NOW) == status


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff", "cannot be read as JSON"),
        (b"[]", "is no mapping"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"format": 1, "format": 1}', "a field twice"),
        (json.dumps(fields(format=2)).encode(), "has the format 2"),
        (json.dumps(fields(format="1")).encode(), "has the format '1'"),
        (json.dumps(fields(owner="bob")).encode(), "the field 'owner'"),
        (json.dumps({name: value for name, value in fields().items() if name != "state"}).encode(), "field 'state'"),
        (json.dumps(fields(fingerprint="SHA256:x")).encode(), "fingerprint 'SHA256:x', but the key"),
        (json.dumps(fields(type="ssh-rsa")).encode(), "type 'ssh-rsa', but the key"),
        (json.dumps(fields(comment="bob")).encode(), "comment 'bob', but the key"),
        (json.dumps(fields(state="gone")).encode(), "state 'gone' is not one of"),
        (json.dumps(fields(state=None)).encode(), "state None is not one of"),
        (json.dumps(fields(state=["active"])).encode(), "is not one of"),
        (json.dumps(fields(added=None)).encode(), "added 'None' is no moment"),
        (json.dumps(fields(added="2026-11-22")).encode(), "is not written as 2026-11-22T00:00:00Z"),
        (json.dumps(fields(valid_from=LATER)).encode(), "which is never"),
        (json.dumps(fields(valid_until=7)).encode(), "valid_until '7' is no moment"),
        (json.dumps(fields(valid_until="never")).encode(), "is no moment"),
        (json.dumps(fields(replaced_by="../x")).encode(), "key name '../x' is not valid"),
        (json.dumps(fields(options=[])).encode(), "are no mapping"),
        (json.dumps(fields(options={"expires": LATER})).encode(), "expiry of their own"),
        (json.dumps(fields(options={"key": line(2)})).encode(), "a key or an expiry"),
        (json.dumps(fields(options={"command": 'a"b'})).encode(), "a quote or a backslash"),
        (json.dumps(fields(options={"environment": "A=1"})).encode(), "unknown option"),
    ],
)
def test_metadata_that_is_not_as_it_should_be_is_refused(meta: bytes, reason: str) -> None:
    assert reason in refusal(key_files(RECORD)[0], meta)


@pytest.mark.parametrize(
    ("pub", "reason"),
    [
        (b"", "it is empty"),
        (OTHER, "but the key in its .pub has"),
        (b"\xff\xfe", "is no public key"),
        (b'command="id" ' + OTHER, "options in front of the key"),
        (OTHER + OTHER, "goes on in a second line"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
    ],
)
def test_a_key_that_is_not_the_one_is_refused(pub: bytes, reason: str) -> None:
    assert reason in refusal(pub, key_files(RECORD)[1])


@pytest.mark.parametrize("name", ["laptop", "a", "0", "id_ed25519", "yubi-key_2", "a" * 40])
def test_names_of_keys(name: str) -> None:
    assert check_key_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "a.b", "../a", "a/b", "-a", "_a", ".a", "a b", "a\n", "a" * 41, "\u0430", "{{ a }}", None, 7, ["a"]],
)
def test_what_is_no_name_of_a_key(name: Any) -> None:
    with pytest.raises(IdentityError, match="is not valid"):
        check_key_name(name)


@given(st.binary(max_size=300), st.one_of(st.binary(max_size=300), st.just(key_files(RECORD)[1])))
def test_whatever_is_in_the_files_is_read_or_refused(pub: bytes, meta: bytes) -> None:
    refusal(pub, meta)


def test_a_weak_key_is_known_as_revoked_and_as_nothing_else() -> None:
    weak = KeyRecord(parse_key_entry(weak_line("old"), revoked=True), added=BEFORE, state=REVOKED)
    pub, meta = key_files(weak)
    assert parse_key_files(pub, meta) == weak
    for state in (ACTIVE, INACTIVE):
        with pytest.raises(IdentityError, match="RSA with 2048 bits is too weak"):
            parse_key_files(*key_files(replace(weak, state=state)))
