# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ledger: nothing that was not written as it stands is ever read."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _event_lines
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import (
    KIND_OF,
    event_line,
    read_events,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    GRANTED,
    RESERVED,
    RETIRED,
    REVOKED,
    GrantChanged,
    Invited,
    Linked,
    NumberWithheld,
    Redeemed,
    Redirected,
    Renamed,
    Renumbered,
    Stamp,
    StateChanged,
    Uninvited,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    HEADER,
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe, event_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    EVENTS as ANY_EVENTS,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    KEY,
    SUBJECTS,
    USERNAMES,
    claims_of,
    group,
    jti_of,
    profile,
    user,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

EVENTS = [profile(), group("research", 4265), user("alice", 5238), user("bob", 5831, "b\u00f6b@uni.example")]
TEXT = format_ledger(Written(), EVENTS)
LINES = TEXT.decode("ascii").splitlines()
RUN = Stamp("2026-11-22T09:00:00Z", "kim@awx", "job 7")
UUID = "zzzzz-tpzed-000000000000001"
JTI, OTHER_JTI = jti_of("an invitation"), jti_of("another")
ALL_EVENTS = [
    *EVENTS,
    profile("shared", "6000-6999", stamp=RUN),
    NumberWithheld("lab", 5300, "old server \u2014 Gro\u00dfer Saal", RUN),
    Renumbered("lab", "alice", 1001, 5238, "adopted", RUN),
    StateChanged("lab", "alice", 1, RESERVED, "", RUN),
    StateChanged("lab", "alice", 2, ACTIVE, "in the roster", RUN),
    StateChanged("lab", "b\u00f6b@uni.example", 1, DISABLED, "key found", RUN),
    StateChanged("lab", "b\u00f6b@uni.example", 2, RETIRED, "one person", RUN),
    Renamed("lab", "alice", 1, "alicia", "married", RUN),
    GrantChanged("lab", "alice", "shared", 1, GRANTED, 6238, "", RUN),
    GrantChanged("lab", "alice", "shared", 2, REVOKED, 6238, "", RUN),
    Linked("lab", "alice", "https://idp.example \u00e4lice", UUID, RUN),
    Linked("lab", "alice", "https://orcid.example 0000-0001", "", RUN),
    Redirected("lab", "b\u00f6b@uni.example", 1, "lab", "alice", "one person", RUN),
    Redirected("lab", "b\u00f6b@uni.example", 2, "", "", "two people", RUN),
    Invited("lab", JTI, "Zo\u00eb's laptop", claims_of("an invitation"), RUN),
    Invited("lab", OTHER_JTI, "a class", claims_of("another"), RUN),
    Uninvited("lab", OTHER_JTI, "sent to the wrong list", RUN),
    Redeemed("lab", JTI, "alice", "cluster-a", OTHER_JTI, KEY, RUN),
    Redeemed("lab", OTHER_JTI, "b\u00f6b@uni.example", "cluster b", "", KEY, RUN),
]
ALL_TEXT = format_ledger(Written(), ALL_EVENTS)
ALL_LINES = ALL_TEXT.decode("ascii").splitlines()


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


def test_the_text_of_every_event_is_pinned_and_means_the_same() -> None:
    golden = Path(__file__).parents[3] / "vectors" / "ledger_v1_all_events.jsonl"
    assert golden.read_bytes() == ALL_TEXT
    assert {json.loads(line).get("kind") for line in ALL_LINES[1:]} == {*KIND_OF.values(), "end"}
    ledger = fold(parse_ledger(ALL_TEXT))
    assert str(ledger.person("lab", "alicia")) == "alicia (lab, 5238, subject 'alice')"
    assert ledger.person("lab", subject="b\u00f6b@uni.example").state == RETIRED
    assert set(ledger.numbers) == {4265, 5238, 5831, 5300, 1001, 6238}
    assert list(ledger.guests("shared")) == []
    assert ledger.uuids[UUID].subject == ledger.redeemed[JTI].subject == "alice"


def test_what_is_written_is_read() -> None:
    written = parse_ledger(TEXT)
    assert list(written.events) == EVENTS
    assert list(written.lines) == [2, 3, 4, 5]
    assert list(parse_ledger(format_ledger(Written(), [])).events) == []


def test_what_was_written_before_stays_byte_for_byte() -> None:
    more = format_ledger(parse_ledger(TEXT), [user("carol", 5404)])
    assert more.splitlines()[:-2] == TEXT.splitlines()[:-1]
    assert list(parse_ledger(more).events) == [*EVENTS, user("carol", 5404)]


@given(st.lists(ANY_EVENTS, max_size=5))
def test_every_event_comes_back(events: list[Event]) -> None:
    text = format_ledger(Written(), events)
    written = parse_ledger(text)
    assert list(written.events) == events
    assert format_ledger(written, []) == text
    for event in events:
        record = event_record(event)
        assert json.loads(json.dumps(record)) == record
        assert describe(event).isprintable()
        assert describe(event).isascii()


@pytest.mark.parametrize("text", [TEXT, ALL_TEXT], ids=["numbers", "all events"])
def test_every_cut_off_file_is_refused(text: bytes) -> None:
    for length in range(len(text)):
        message = refusal(text[:length])
        assert "from git or from a backup" in message or "is not the first line" in message
        if length:
            line = text[:length].count(b"\n") + (text[length - 1 : length] != b"\n")
            assert f"line {line} " in message


@pytest.mark.parametrize("text", [TEXT, ALL_TEXT], ids=["numbers", "all events"])
def test_every_changed_byte_is_refused(text: bytes) -> None:
    for offset in range(len(text)):
        for byte in (text[offset] ^ 1, text[offset] ^ 0x20, 0, 0xFF, ord("\n"), ord(" "), ord("0"), ord('"')):
            if byte != text[offset]:
                refusal(text[:offset] + bytes([byte]) + text[offset + 1 :])


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


def all_but(kind: str, **changed: str) -> str:
    """The first line of a kind without its checksum, with the text of some values replaced."""
    line = next(line for line in ALL_LINES if f'{{"kind": "{kind}"' in line)
    body = line[: -len(', "sum": "0123456789abcdef"}')]
    for name, value in changed.items():
        before, key, rest = body.partition(f'"{name}": ')
        _value, end = json.JSONDecoder().raw_decode(rest)
        body = f"{before}{key}{value}{rest[end:]}"
    return body


HUGE = json.dumps("x" * 10_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (all_but("state", state='"dead"'), "'dead' is not one of reserved, active, disabled, retired"),
        (all_but("state", state='["active"]'), "(a value of type list) is not one of reserved"),
        (all_but("state", rev="0"), "0 is not a revision, which counts from 1"),
        (all_but("state", rev="true"), "True is not a revision"),
        (all_but("state", rev="1.0"), "1.0 is not a revision"),
        (all_but("state", rev="4294967296"), "4294967296 is not a revision"),
        (all_but("state", rev="null"), "None is not a revision"),
        (all_but("state", subject='""'), "subject is empty"),
        (all_but("state", subject='" alice"'), "has blanks around it"),
        (all_but("state", subject='"zoe\\u0308"'), "not in Unicode's normal form NFC"),
        (all_but("state", subject='"a\\u200bb"'), "not one line of at most 255 printable"),
        (all_but("state", reason='"a\\nb"'), r"The reason 'a\nb' is not one line"),
        (all_but("state", reason='"\\u001b[2J"'), r"The reason '\x1b[2J' is not one line"),
        (all_but("state", reason='"\\u202e"'), r"The reason '\u202e' is not one line"),
        (all_but("state", reason='"\\ud800"'), "is not one line"),
        (all_but("state", reason=HUGE), "is not one line of at most 255"),
        (all_but("state", by=HUGE), "does not say who wrote it"),
        (all_but("state", by='"a\\nb"'), r"'a\nb' does not say who wrote it"),
        (all_but("state", run='"a\\nb"'), r"The run 'a\nb' is not one line"),
        (all_but("state", run=HUGE), "The run 'xxx"),
        (all_but("state", run='""'), "not written as a ledger writes"),
        (all_but("state", run="7"), "The run 7 is not one line"),
        (all_but("state", at='"2026-11-22 09:00:00"'), "is not a time"),
        (all_but("state", at='"\\u0662026-11-22T09:00:00Z"'), "is not a time"),
        (all_but("state", profile='""'), "profile id '' is not valid"),
        (all_but("state", profile='"a/../b"'), "profile id 'a/../b' is not valid"),
        (all_but("state").replace('"rev": 1, ', ""), "not written as a ledger writes"),
        (all_but("state").replace('"rev": 1', '"rev": 1, "rev": 1'), "not written as a ledger writes"),
        (all_but("state").replace('"kind": "state"', '"kind": "State"'), "records 'State', which this version"),
        (all_but("state").replace('"kind": "state"', '"kind": ["state"]'), "records (a value of type list)"),
        (all_but("rename", username='"Alicia"'), "username 'Alicia' is not valid"),
        (all_but("rename", username='"\\u0430licia"'), "username '\\u0430licia' is not valid"),
        (all_but("rename", username='""'), "it is empty"),
        (all_but("rename", rev='"1"'), "'1' is not a revision"),
        (all_but("grant", grant='"lent"'), "'lent' is not granted or revoked"),
        (all_but("grant", into='""'), "profile id '' is not valid"),
        (all_but("grant", into='"a:b"'), "profile id 'a:b' is not valid"),
        (all_but("grant", uid="4294967296"), "4294967296 is not the number"),
        (all_but("withhold", number="-1"), "-1 is not the number"),
        (all_but("withhold", number="5300.0"), "5300.0 is not the number"),
        (all_but("withhold", reason='"\u2014"'.encode("ascii", "namereplace").decode()), "is not an event"),
        (all_but("renumber", was="-1"), "-1 is not the number"),
        (all_but("renumber", uid="null"), "None is not the number"),
        (all_but("link", upstream='" x"'), "The upstream identity ' x' is not one line"),
        (all_but("link", upstream='"zoe\\u0308"'), "in Unicode's normal form NFC"),
        (all_but("link", upstream="null"), "The upstream identity None is not one line"),
        (all_but("link", upstream="0"), "The upstream identity 0 is not one line"),
        (all_but("link", upstream=HUGE), "The upstream identity 'xxx"),
        (all_but("link", uuid='"zzzzz-tpzed-0"'), "The UUID 'zzzzz-tpzed-0' is not of the form"),
        (all_but("link", uuid='"ZZZZZ-tpzed-000000000000001"'), "is not of the form"),
        (all_but("link", uuid="0"), "The UUID 0 is not of the form"),
        (all_but("redirect", to_profile='"a:b"'), "profile id 'a:b' is not valid"),
        (all_but("redirect", to_subject='"a "'), "has blanks around it"),
        (all_but("redirect", to_subject="false"), "subject False is not text"),
        (all_but("redirect", to_subject="0"), "subject 0 is not text"),
        (all_but("redirect", to_profile="0"), "The profile id 0 is not text"),
        *(
            (all_but(kind, jti=jti), f"The jti {shown}")
            for kind in ("invite", "uninvite", "redeem")
            for jti, shown in (
                ('""', "'' is not that of an invitation"),
                ("7", "7 is not that of an invitation"),
                ("null", "None is not that"),
                (HUGE, "'xxx"),
                (f'"{JTI}="', f"'{JTI}=' is not"),
                (f'"{JTI[:-1]}"', f"'{JTI[:-1]}' is not"),
                (f'"{JTI[:-1]}B"', f"'{JTI[:-1]}B' is not"),  # bits that nobody reads
                (f'"{JTI[1:]}\\n"', f"'{JTI[1:]}\\n' is not that of an invitation"),
                (f'"+{JTI[1:]}"', f"'+{JTI[1:]}' is not that of an invitation"),
            )
        ),
        (all_but("invite", name='""'), "The name '' is not one line of 1 to 255"),
        (all_but("invite", name='"a\\nb"'), r"The name 'a\nb' is not one line"),
        (all_but("invite", name=HUGE), "The name 'xxx"),
        (all_but("invite", claims=HUGE), "have 10000000 characters, and the ledger keeps at most 8192"),
        (all_but("invite", claims=json.dumps("{" + "x" * 8192)), "have 8193 characters"),
        (all_but("invite", claims="{}"), "are not text"),
        (all_but("invite", claims='"[]"'), "are not one line of canonical JSON"),
        (all_but("invite", claims='"{\\n}"'), "are not one line of canonical JSON"),
        (all_but("invite", claims='"{\\u00e4}"'), "are not one line of canonical JSON"),
        (all_but("uninvite", reason='"a\\nb"'), r"The reason 'a\nb' is not one line"),
        (all_but("redeem", issuer='""'), "The issuer '' is not one line of 1 to 255"),
        (all_but("redeem", chain='" "'), "is not the ids of at most 16"),
        (all_but("redeem", chain="null"), "The chain None is not the ids"),
        (all_but("redeem", chain=f'"{JTI}  {OTHER_JTI}"'), "The jti '' is not that of an invitation"),
        (all_but("redeem", chain=f'"{JTI} {JTI}"'), "is not the ids of at most 16 different"),
        (all_but("redeem", chain=f'"{JTI} "'), "The jti '' is not"),
        (all_but("redeem", chain=json.dumps(" ".join(map(jti_of, range(17))))), "is not the ids of at most 16"),
        (all_but("redeem", key='""'), "The key '' is not a fingerprint"),
        (all_but("redeem", key=f'"{KEY}="'), "is not a fingerprint"),
        (all_but("redeem", key=f'"{KEY[:-1]}B"'), "is not a fingerprint"),
        (all_but("redeem", key='"MD5:00"'), "is not a fingerprint"),
        (all_but("redeem", subject="7"), "subject 7 is not text"),
        (all_but("profile", uid_band='"wide"'), "not written as a ledger writes"),
        (all_but("profile", uid_band='"05000-05999"'), "not written as a ledger writes"),
        (all_but("profile", uid_band='"5999-5000"'), "5999-5000 is empty"),
        (all_but("profile", group_band="4000"), "The band 4000 is not valid"),
    ],
)
def test_a_fitting_checksum_does_not_make_any_event(line: str, reason: str) -> None:
    message = refusal(joined([*ALL_LINES[:7], sealed(line), *ALL_LINES[7:]]))
    assert reason in message
    assert "line 8" in message
    assert len(message) < 400


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


def read_one(line: str) -> object:
    try:
        return read_events([line], 2, "restore it")
    except IdentityError as refusal:
        return str(refusal)


@given(
    st.builds(user, USERNAMES, st.integers(0, 5_000_000_000), SUBJECTS),
    st.integers(0, 300),
    st.integers(0, 3),
    st.text(st.sampled_from('"\\ aZ09{},:\u00e9.@-'), max_size=3),
)
def test_the_quick_way_reads_what_the_careful_one_reads(event: Event, at: int, gone: int, new: str) -> None:
    body = event_line(event)[: -len(', "sum": "0123456789abcdef"}')]
    changed = body[:at] + new + body[at + gone :]
    for text in (body, changed):
        if not text.isascii():
            continue
        line = sealed(text)
        with mock.patch.object(_event_lines, "_PLAIN_USER", return_value=None):
            careful = read_one(line)
        assert read_one(line) == careful
