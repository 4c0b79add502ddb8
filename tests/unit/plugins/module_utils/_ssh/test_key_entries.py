# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys with options: what sshd reads in the rendered line is what the data says, whatever the data is."""

from __future__ import annotations

import base64
import datetime
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import KeyEntry, parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_options import (
    option_data,
    parse_moment,
    split_line,
)

if TYPE_CHECKING:
    from pathlib import Path

UTC = datetime.timezone.utc


def blob_of(*parts: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()


PLAIN = f"ssh-ed25519 {blob_of(b'ssh-ed25519', bytes(range(32)))} alice@laptop"
SK_NAME = "sk-ssh-ed25519@openssh.com"
SK = f"{SK_NAME} {blob_of(SK_NAME.encode(), bytes(range(32)), b'ssh:')} alice@key"

# what each flag of sshd's struct sshauthopt is without options, and after "restrict" (auth-options.c)
FLAGS = ("port-forwarding", "agent-forwarding", "x11-forwarding", "pty", "user-rc")


def as_sshd_reads(line: str) -> tuple[dict[str, Any], str]:
    """What sshd makes of a line: the loop of sshkey_advance_past_options and that of sshauthopt_parse, in Python."""
    at = 0
    in_quotes = False
    if line.lstrip(" ").startswith(("ssh-ed25519 ", f"{SK_NAME} ")):  # it tries to read a key before anything else
        line = f" {line}"
    while at < len(line) and (in_quotes or line[at] not in " \t"):
        if line[at] == "\\" and line[at + 1 : at + 2] == '"':
            at += 1
        elif line[at] == '"':
            in_quotes = not in_quotes
        at += 1
    text, rest = line[:at], line[at:].lstrip(" \t")
    read: dict[str, Any] = {**dict.fromkeys(FLAGS, True), "verify-required": False}
    while text:
        name = text.split(",", 1)[0].split("=", 1)[0]
        text = text[len(name) :]
        word = name.lower()
        if text.startswith("="):
            assert text.startswith('="'), "missing start quote"
            value, text = dequoted(text[2:])
            if word in ("permitopen", "permitlisten"):
                read.setdefault(word, []).append(value)
            else:
                assert word in ("from", "command", "expiry-time")
                assert word not in read, "given twice"
                read[word] = value
        elif word == "restrict":
            read.update(dict.fromkeys(FLAGS, False))
        elif word.startswith("no-"):
            assert word[3:] in FLAGS
            read[word[3:]] = False
        else:
            assert word in (*FLAGS, "verify-required")
            read[word] = True
        if text:
            assert text.startswith(","), "unknown key option"
            text = text[1:]
            assert text, "unexpected end-of-options"
    return read, rest


def dequoted(text: str) -> tuple[str, str]:
    """opt_dequote: the value up to the quote that ends it, and what stands behind that."""
    value = ""
    while not text.startswith('"'):
        assert text, "missing end quote"
        if text.startswith('\\"'):
            text = text[1:]
        value, text = value + text[0], text[1:]
    return value, text[1:]


def expected(data: dict[str, Any]) -> dict[str, Any]:
    """What sshd should read for this data."""
    free = not data.get("restrict", False)
    read: dict[str, Any] = {flag: data.get(flag.replace("-", "_"), free) for flag in FLAGS}
    read["verify-required"] = data.get("verify_required", False)
    for name, word in (("permit_open", "permitopen"), ("permit_listen", "permitlisten")):
        if name in data:
            read[word] = list(dict.fromkeys(data[name]))
    if "from" in data:
        read["from"] = ",".join(dict.fromkeys(data["from"]))
    if "command" in data:
        read["command"] = data["command"]
    if "expires" in data:
        read["expiry-time"] = parse_moment("expires", data["expires"]).strftime("%Y%m%d%H%M%SZ")
    return read


CASES: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"restrict": False, "pty": True, "command": None}, ""),
    ({"restrict": True}, "restrict"),
    ({"pty": True, "restrict": True, "user_rc": False}, "restrict,pty"),
    ({"pty": False, "x11_forwarding": False}, "no-pty,no-X11-forwarding"),
    (
        {**{flag.replace("-", "_"): True for flag in FLAGS}, "restrict": True},
        "restrict,agent-forwarding,port-forwarding,pty,user-rc,X11-forwarding",
    ),
    ({"from": ["*.lab.example", "!bad.lab.example", "192.0.2.0/24", "2001:db8::/32", "10.0.0.?"]},
     'from="*.lab.example,!bad.lab.example,192.0.2.0/24,2001:db8::/32,10.0.0.?"'),
    ({"command": "/usr/bin/rrsync -ro '/srv/a b', $HOME #x"}, "command=\"/usr/bin/rrsync -ro '/srv/a b', $HOME #x\""),
    ({"permit_open": ["db:5432", "[2001:db8::7]:443", "*:*", "db:5432"]},
     'permitopen="db:5432",permitopen="[2001:db8::7]:443",permitopen="*:*"'),
    ({"permit_listen": ["8080", "localhost:8081"], "port_forwarding": True, "restrict": True},
     'restrict,port-forwarding,permitlisten="8080",permitlisten="localhost:8081"'),
    ({"expires": "2027-01-31"}, 'expiry-time="20270131000000Z"'),
    ({"expires": "2027-01-31T09:30:05Z"}, 'expiry-time="20270131093005Z"'),
    ({"expires": "2027-01-31T09:30:05+00:00"}, 'expiry-time="20270131093005Z"'),
    ({"expires": datetime.date(2027, 1, 31)}, 'expiry-time="20270131000000Z"'),
    ({"expires": datetime.datetime(2027, 1, 31, 9, 30, 5, tzinfo=UTC)}, 'expiry-time="20270131093005Z"'),
    ({"expires": "1999-12-31"}, 'expiry-time="19991231000000Z"'),
    ({"expires": "2027-01-31", "command": "/bin/true", "from": ["192.0.2.7"], "pty": True, "restrict": True},
     'restrict,pty,from="192.0.2.7",command="/bin/true",expiry-time="20270131000000Z"'),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_data_becomes_options_in_one_order(data: dict[str, Any], options: str) -> None:
    entry = parse_key_entry({"key": PLAIN, **data})
    assert entry.options == options
    assert entry.line == f"{options} {PLAIN}".strip()
    read, rest = as_sshd_reads(entry.line)
    assert read == expected({name: value for name, value in data.items() if value is not None})
    assert rest == PLAIN
    assert parse_key_entry(entry.as_data()) == entry
    assert "unused" not in str(entry.as_data())


def test_the_shortest_form_comes_back() -> None:
    assert parse_key_entry(PLAIN).as_data() == PLAIN
    assert parse_key_entry({"key": f"  {PLAIN}\n", "restrict": False}).as_data() == PLAIN
    raw = {"key": PLAIN, "restrict": True, "pty": True, "user_rc": False, "expires": "2027-01-31T00:00:00Z"}
    assert parse_key_entry(raw).as_data() == {"key": PLAIN, "restrict": True, "pty": True, "expires": "2027-01-31"}


def test_a_security_key_may_have_to_be_unlocked_by_its_owner() -> None:
    entry = parse_key_entry({"key": SK, "verify_required": True})
    assert entry.line == f"verify-required {SK}"
    assert parse_key_entry(entry.as_data()) == entry


QUOTES = ['a"b', "a\\", 'a\\"b', "a\nb", "a\rb", "a\tb", "a\0b", "a\x1b[2Jb", "a\x7fb", "a\u2028b", "\u0430", '"', ""]
REFUSED: list[tuple[Any, str]] = [
    ({"command": "/bin/true"}, "has no key"),
    ({}, "has no key"),
    ([PLAIN], "must be text, not list"),
    (7, "must be text, not int"),
    (f'command="id" {PLAIN}', "options in front of the key"),
    ({"key": f'command="id" {PLAIN}'}, "options in front of the key"),
    ({"key": {"key": PLAIN}}, "must be text, not dict"),
    ({"key": "-----BEGIN OPENSSH PRIVATE KEY-----", "restrict": True}, "private key"),
    ({"key": PLAIN, "commmand": "x"}, "unknown option 'commmand'"),
    ({"key": PLAIN, "environment": "A=1"}, "unknown option 'environment'"),
    ({"key": PLAIN, 'x"y': True}, "unknown option"),
    ({"key": PLAIN, 7: True}, "unknown option '7'"),
    ({"key": PLAIN, "restrict": "yes"}, "restrict must be true or false"),
    ({"key": PLAIN, "pty": 1}, "pty must be true or false"),
    ({"key": PLAIN, "verify_required": True}, "is for keys in a security key"),
    ({"key": PLAIN, "from": "192.0.2.7"}, "from must be a list"),
    ({"key": PLAIN, "from": []}, "from must be a list"),
    ({"key": PLAIN, "from": [7]}, "from must be a list"),
    ({"key": PLAIN, "from": ["a,b"]}, "is no pattern"),
    ({"key": PLAIN, "from": ["a b"]}, "is no pattern"),
    ({"key": PLAIN, "from": ["!"]}, "is no pattern"),
    ({"key": PLAIN, "from": ["!!a"]}, "is no pattern"),
    ({"key": PLAIN, "from": ["a" * 256]}, "is no pattern"),
    ({"key": PLAIN, "from": ["!bad.example"]}, "lets nobody in"),
    ({"key": PLAIN, "from": ["192.0.2.1/24"]}, "is no network"),
    ({"key": PLAIN, "from": ["192.0.2.0/255.255.255.0"]}, "is no network"),
    ({"key": PLAIN, "from": ["192.0.2.0/024"]}, "is no network"),
    ({"key": PLAIN, "from": ["192.0.2.0/33"]}, "is no network"),
    ({"key": PLAIN, "from": ["2001:db8::1/32"]}, "is no network"),
    ({"key": PLAIN, "from": ["lab/24"]}, "is no network"),
    ({"key": PLAIN, "from": ["192.0.2.0/"]}, "is no network"),
    ({"key": PLAIN, "command": 7}, "is not one line"),
    ({"key": PLAIN, "command": ["id"]}, "is not one line"),
    ({"key": PLAIN, "command": "  "}, "is not one line"),
    ({"key": PLAIN, "permit_open": "db:5432"}, "permit_open must be a list"),
    ({"key": PLAIN, "permit_open": ["5432"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": [":5432"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:0"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:65536"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:0080"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:\u0661"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["2001:db8::7:443"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["[]:443"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["[db]:443"]}, "is no host and port"),
    ({"key": PLAIN, "permit_open": ["db:1"], "restrict": True}, "opens nothing without port_forwarding"),
    ({"key": PLAIN, "permit_listen": ["1"], "port_forwarding": False}, "opens nothing without port_forwarding"),
    ({"key": PLAIN, "expires": "2027-1-31"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "2027-02-30"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "20270131"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "2027-01-31T09:00:00"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "2027-01-31T09:00:00+02:00"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "2027-01-31T24:00:00Z"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "1970-01-01"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": "never"}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": 20270131}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": True}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": datetime.datetime(2027, 1, 31, tzinfo=UTC).replace(tzinfo=None)}, "is no moment in UTC"),
    ({"key": PLAIN, "expires": datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=9)))},
     "is no moment in UTC"),
    ({"key": PLAIN, "expires": "\uff12027-01-31"}, "is no moment in UTC"),
    ({"key": PLAIN, "command": "x" * 8192}, "longer than the 8192 characters"),
    *(({"key": PLAIN, "command": text}, "command ") for text in QUOTES),
    *(({"key": PLAIN, "from": [text]}, "is no pattern") for text in QUOTES),
    *(({"key": PLAIN, "permit_open": [f"{text}:1"]}, "is no host and port") for text in QUOTES),
    *(({"key": PLAIN, "permit_listen": [text]}, "is no host and port") for text in QUOTES),
    *(({"key": PLAIN, "expires": f"2027-01-31{text}"}, "is no moment") for text in QUOTES[:-1]),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_could_be_read_as_something_else_is_refused(raw: Any, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        parse_key_entry(raw)
    message = str(caught.value)
    assert reason in message
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 500


LABEL = st.text(alphabet="abzAZ019-_", min_size=1, max_size=8)
HOST = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
PATTERN = st.one_of(HOST, V4, V6, HOST.map(lambda host: f"*.{host}"), st.just("192.0.2.0/24"), st.just("2001:db8::/32"))
PORT = st.one_of(st.integers(1, 65535).map(str), st.just("*"))
PLACE = st.tuples(st.one_of(HOST, V4, V6.map(lambda address: f"[{address}]")), PORT).map(":".join)
SAFE = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')
MOMENT = st.integers(365 * 86400, 250_000_000_000).map(
    lambda seconds: datetime.datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "restrict": st.booleans(),
        "pty": st.booleans(),
        "agent_forwarding": st.booleans(),
        "port_forwarding": st.just(True),
        "x11_forwarding": st.booleans(),
        "user_rc": st.booleans(),
        "from": st.lists(st.one_of(PATTERN, PATTERN.map(lambda text: f"!{text}")), max_size=4).map(
            lambda patterns: [*patterns, "*"]
        ),
        "command": st.text(alphabet=SAFE, min_size=1, max_size=60).filter(str.strip),
        "permit_open": st.lists(PLACE, min_size=1, max_size=3),
        "permit_listen": st.lists(st.one_of(PLACE, PORT), min_size=1, max_size=3),
        "expires": st.one_of(MOMENT, MOMENT.map(lambda moment: moment[:10])),
    },
).map(lambda data: {**data, "port_forwarding": True} if {"permit_open", "permit_listen"} & data.keys() else data)


@given(DATA)
def test_sshd_reads_what_the_data_says(data: dict[str, Any]) -> None:
    entry = parse_key_entry({"key": PLAIN, **data})
    assert entry.line.isascii()
    assert entry.line.isprintable()
    read, rest = as_sshd_reads(entry.line)
    assert read == expected(data)
    assert rest == PLAIN
    assert parse_key_entry(entry.as_data()) == entry
    if entry.options:
        # reading it as a line that a person had does the same
        options, line = split_line(entry.line)
        assert parse_key_entry({"key": line, **option_data(options)}) == entry


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates(), st.datetimes()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
HOSTILE_TEXT = st.text(alphabet='"\\,= \n\t\0aA1:*![]/-\u2028', max_size=12)
NAMES = st.sampled_from(
    ["restrict", "pty", "from", "command", "permit_open", "permit_listen", "expires", "user_rc", "verify_required"]
)
VALUES = st.one_of(HOSTILE_TEXT, st.lists(HOSTILE_TEXT, max_size=3), st.booleans(), ODD)


@given(st.one_of(ODD, st.dictionaries(NAMES, VALUES, max_size=4).map(lambda data: {"key": PLAIN, **data})))
def test_no_value_breaks_out_of_its_quotes_or_its_line(raw: Any) -> None:
    try:
        entry = parse_key_entry(raw)
    except IdentityError:
        return
    assert entry.line.isprintable()
    read, rest = as_sshd_reads(entry.line)
    assert rest == PLAIN
    assert read == expected({name: value for name, value in raw.items() if value is not None and name != "key"})


READ: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("RESTRICT,PTY", {"restrict": True, "pty": True}),
    ("pty,restrict", {"restrict": True}),
    ("no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-pty",
     {"pty": False, "agent_forwarding": False, "port_forwarding": False, "x11_forwarding": False}),
    ('from="a,b",command="echo hi, you"', {"from": ["a", "b"], "command": "echo hi, you"}),
    ('expiry-time="20270131Z"', {"expires": "2027-01-31"}),
    ('expiry-time="202701310930Z"', {"expires": "2027-01-31T09:30:00Z"}),
    ('permitopen="a:1",permitopen="b:2"', {"permit_open": ["a:1", "b:2"]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "data"), READ)
def test_options_that_people_have_are_read_into_data(text: str, data: dict[str, Any]) -> None:
    assert option_data(text) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('environment="PATH=/tmp"', "'environment' is not one that can be taken over"),
        ("cert-authority", "'cert-authority' is not one that can be taken over"),
        ('principals="a"', "'principals' is not one"),
        ('tunnel="0"', "'tunnel' is not one"),
        ("no-touch-required", "'no-touch-required' is not one"),
        ("no-restrict", "'no-restrict' is not one"),
        ("no-verify-required", "'no-verify-required' is not one"),
        ('pty="yes"', "'pty' is not one"),
        ("from=a", "cannot be read"),
        ('from="a', "a quote that is not closed"),
        ('from="a\\"', "a quote that is not closed"),
        ('from="a"b', "cannot be read"),
        ("pty,", "cannot be read"),
        (",pty", "cannot be read"),
        ("pty,,pty", "cannot be read"),
        ('="x"', "cannot be read"),
        ('command="a",command="b"', "there twice"),
        ('from="a",from="b"', "there twice"),
        ('expiry-time="20270131"', "with a Z at its end"),
        ('expiry-time="20270231Z"', "is no moment"),
        ('expiry-time="tomorrow"', "is no moment"),
    ],
)
def test_options_that_mean_something_else_are_not_taken_over(text: str, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        option_data(text)


@given(st.text(alphabet='"\\,=abnopty-resticfm10Z \n', max_size=40))
def test_every_option_text_is_read_or_refused(text: str) -> None:
    try:
        data = option_data(text)
        entry = parse_key_entry({"key": PLAIN, **data})
    except IdentityError:
        return
    assert as_sshd_reads(entry.line)[0] == as_sshd_reads(f"{text} {PLAIN}")[0]


def test_ssh_keygen_finds_every_key_behind_its_options(tmp_path: Path) -> None:
    entries = [parse_key_entry({"key": PLAIN, **data}) for data, _options in CASES]
    entries.append(parse_key_entry({"key": SK, "verify_required": True}))
    path = tmp_path / "authorized_keys"
    path.write_text("".join(f"{entry.line}\n" for entry in entries), encoding="ascii")
    done = subprocess.run(["ssh-keygen", "-l", "-f", str(path)], check=True, stdout=subprocess.PIPE, text=True)
    assert [answer.split()[1] for answer in done.stdout.splitlines()] == [entry.key.fingerprint for entry in entries]


def test_an_entry_is_a_value() -> None:
    one, two = parse_key_entry(PLAIN), KeyEntry(parse_key_entry(PLAIN).key)
    assert one == two
    assert len({one, two, parse_key_entry({"key": PLAIN, "restrict": True})}) == 2
