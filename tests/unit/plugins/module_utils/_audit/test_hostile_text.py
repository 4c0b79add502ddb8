# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts and users can write into files that are read: findings or clear words, and nothing that moves a cursor."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._audit._access import access
from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import parse_answers
from ansible_collections.labfleet.identity.plugins.module_utils._audit._audit_table import audit_table
from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import find, records, sort_out
from ansible_collections.labfleet.identity.plugins.module_utils._audit._host_facts import HostPlaces, Looked, host_facts
from ansible_collections.labfleet.identity.plugins.module_utils._audit._key_lines import (
    MOST_KEYS,
    in_one_line,
    key_lines,
)
from ansible_collections.labfleet.identity.plugins.module_utils._audit._sudo_rules import parse_sudoers, sudo_rules
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._audit.fleet import (
    alice,
    bob,
    expected,
    host,
    key_file,
    local,
)

if TYPE_CHECKING:
    from pathlib import Path

KEY = public_key(1)
PRINT = parse_public_key(KEY).fingerprint
ESCAPE = "\x1b[2J\x1b[31mroot\x07"
EVIL = st.text(max_size=30) | st.just(ESCAPE) | st.just("\u202eecila") | st.just("{{ 7 * 7 }}") | st.just("\ud800")


def is_shown_as_it_is(text: str) -> bool:
    return text.isprintable() and text.isascii()


def no_program(_command: list[str]) -> tuple[int, str, str]:
    return 127, "", "there is no program"


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (KEY, []),
        (f"  \t{KEY}\r", []),
        (f"restrict {KEY}", ["restrict"]),
        (f'command="echo \\"a b\\", no",no-pty  {KEY}', ["command", "no-pty"]),
        (f'environment="TOKEN=s3cret",FROM="*.lab"\t{KEY}', ["environment", "from"]),
        (KEY.replace(" ", "\t"), []),
    ],
)
def test_keys_that_sshd_would_take_are_seen_without_what_their_options_are_set_to(
    line: str, options: list[str]
) -> None:
    found = key_lines(line.encode())
    assert [(key["fingerprint"], key["options"]) for key in found["public_keys"]] == [(PRINT, options)]
    assert "s3cret" not in json.dumps(found)


def test_lines_that_are_no_keys_are_counted_and_comments_are_not() -> None:
    text = f"# {KEY}\n\nssh-rsa\nssh-ed25519 {'A' * 20}\nroot:$6$salt$hash:1:\n-----BEGIN PRIVATE KEY-----\n#\0{KEY}\n"
    assert key_lines(text.encode()) == {"public_keys": [], "more": 0, "unreadable": 4}


def test_many_keys_are_counted() -> None:
    found = key_lines("".join(f"{public_key(number)}\n" for number in range(MOST_KEYS + 5)).encode())
    assert (len(found["public_keys"]), found["more"]) == (MOST_KEYS, 5)


def test_an_rsa_key_with_needless_zeros_is_the_same_key() -> None:
    def line(modulus: bytes) -> bytes:
        parts = (b"ssh-rsa", b"\x01\x00\x01", modulus)
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return b"ssh-rsa " + base64.b64encode(blob)

    number = b"\x00" + b"\xc1" * 384
    one, two = key_lines(line(number)), key_lines(line(b"\x00\x00" + number))
    assert one["public_keys"] == two["public_keys"]
    assert one["public_keys"][0]["fingerprint"] == parse_public_key(line(number).decode()).fingerprint


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda noise: noise + KEY.encode() + noise))
def test_no_bytes_of_a_key_file_do_harm(data: bytes) -> None:
    found = key_lines(data)
    for key in found["public_keys"]:
        assert all(text.isprintable() for text in (key["type"], key["comment"], key["fingerprint"], *key["options"]))


@given(EVIL)
def test_a_line_is_one_line(text: str) -> None:
    assert in_one_line(text).isprintable()
    assert len(in_one_line(text)) <= 120


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("alice ALL=(ALL) ALL", [["alice"]]),
        ("alice , bob ALL = ALL", [["alice", "bob"]]),
        ("%research\tALL=(ALL)\\\n  NOPASSWD: ALL", [["%research"]]),
        ("#1000 ALL=ALL", [["#1000"]]),
        ("%#27 ALL=ALL # comment", [["%#27"]]),
        ('"domain users" ALL=ALL', [["domain users"]]),
        ("al\\ ice ALL=ALL", [["al ice"]]),
        ("# alice ALL=ALL", []),
        ("Defaults:alice !authenticate", []),
        ("Cmnd_Alias ALICE = /bin/sh", []),
        ("Runas_Alias OP = root, alice", []),
    ],
)
def test_whom_a_rule_of_sudo_names(text: str, who: list[list[str]]) -> None:
    rules, _aliases, _included = parse_sudoers(text.encode())
    assert [names for names, _what in rules] == who


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_aliases_and_includes_of_sudo_are_followed(tmp_path: Path) -> None:
    write(
        tmp_path / "sudoers", f"User_Alias A = alice, B : B = bob, !eve, A\n@includedir {tmp_path}/d\n@include more\n"
    )
    write(tmp_path / "more", "carol ALL=ALL\n@include more\n@include nowhere\n")
    write(tmp_path / "d" / "x", "A ALL=ALL\n")
    write(tmp_path / "d" / "with.dot", "dora ALL=ALL\n")
    write(tmp_path / "d" / "saved~", "dora ALL=ALL\n")
    write(tmp_path / "d" / "ours", "# Written by labfleet.identity: what is changed here is lost.\nerin ALL=ALL\n")
    rules, gaps = sudo_rules(str(tmp_path / "sudoers"))
    assert rules[0]["who"] == ["erin"]
    assert rules[0]["ours"] is True
    assert rules[1]["who"] == ["alice", "bob"]
    assert [rule["who"] for rule in rules[2:]] == [["carol"]]
    assert len(gaps) == 1
    assert "nowhere, which is not there" in gaps[0]


@given(st.binary(max_size=400))
def test_no_bytes_of_sudoers_do_harm(data: bytes) -> None:
    parse_sudoers(data)


SHADOW_HASH = "$6$saltysalt$" + "h" * 86
HOSTILE = [
    b"",
    b":::::::\n",
    b"alice:x:5238:5238:" + ESCAPE.encode() + b":/home/\x1b]0;x\x07:/bin/sh\n",
    b"\xff\xfe:x:5:5::/:/\n",
    b"alice:x:99999999999999999999:1::/:/\n",
    b"alice:x:" + "\u0665".encode() + b":1::/:/\n",
    b"+::::::\n-alice\n",
    b"a:x:1:1::/home/a\0b:/bin/sh\n",
    b"a:x:1:1::relative:/bin/sh\n",
]


def tree(tmp_path: Path, passwd: bytes, shadow: str = "") -> HostPlaces:
    write(tmp_path / "etc" / "passwd", b"root:x:0:0:root:/root:/bin/bash\n" + passwd)
    write(tmp_path / "etc" / "group", "root:x:0:\nsudo:x:27:alice,\x1b[2J\n")
    write(tmp_path / "etc" / "shadow", shadow)
    return HostPlaces(
        etc=str(tmp_path / "etc"),
        keys=str(tmp_path / "keys"),
        record=str(tmp_path / "record"),
        linger=str(tmp_path / "linger"),
        crontabs=(str(tmp_path / "cron"),),
    )


@pytest.mark.parametrize("passwd", HOSTILE)
def test_hostile_account_files_are_told_in_clear_words(tmp_path: Path, passwd: bytes) -> None:
    facts = host_facts(Looked(), no_program, tree(tmp_path, passwd))
    check_is_harmless({"info": facts})
    assert facts["accounts"][0]["name"] == "root"


@given(st.binary(max_size=200), st.binary(max_size=100), st.binary(max_size=100))
def test_no_bytes_of_account_files_do_harm(
    tmp_path_factory: pytest.TempPathFactory, passwd: bytes, group: bytes, record: bytes
) -> None:
    tmp_path = tmp_path_factory.mktemp("host")
    places = tree(tmp_path, passwd)
    write(tmp_path / "etc" / "group", group)
    write(tmp_path / "etc" / "subuid", passwd)
    write(tmp_path / "etc" / "shadow", group + b"\n" + passwd)
    write(tmp_path / "record" / "accounts.json", record)
    check_is_harmless({"info": host_facts(Looked(), no_program, places)})


def check_is_harmless(answer: dict[str, Any]) -> None:
    """What a host says becomes findings and a table that a terminal shows as they are."""
    carried = json.loads(json.dumps(answer))
    answers = parse_answers({"gpu1": carried})
    assert not answers[0].unknown
    hosts = {"gpu1": carried}
    wanted = expected(hosts)
    findings = find(answers, wanted)
    for finding in records(findings):
        assert all(text.isprintable() for text in finding.values()), finding
    table = audit_table(answers, sort_out(findings), access(answers, wanted))
    assert all(is_shown_as_it_is(line) for line in table)


def spoiled(value: Any, evil: Any, path: list[int]) -> Any:
    """The value with something evil at one place in it."""
    if not path or not isinstance(value, (dict, list)) or not value:
        return evil
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[key] = spoiled(value[key], evil, path[1:])
    return changed


ANYTHING: st.SearchStrategy[Any] = st.one_of(
    EVIL,
    st.integers(),
    st.none(),
    st.booleans(),
    st.floats(),
    st.lists(EVIL, max_size=2),
    st.dictionaries(EVIL, EVIL, max_size=2),
)


@given(ANYTHING, st.lists(st.integers(0, 30), max_size=6))
def test_whatever_a_host_answers_the_others_are_audited(evil: Any, path: list[int]) -> None:
    """Pain 12: a host that lies hides nothing of the others."""
    honest = host(
        alice(key_file=key_file(KEY)),
        bob(password="set"),
        local(),
        sudo=[{"who": ["alice"], "what": "ALL=ALL", "file": "/etc/sudoers", "ours": False, "password": True}],
        files=[
            {"root": "/srv", "seen": 1, "numbers": [{"kind": "uid", "number": 7, "count": 1, "examples": ["/srv/a"]}]}
        ],
        key_files_of_nobody=[{"name": "ghost", **key_file(KEY)}],
    )
    hosts = {"honest": honest, "liar": spoiled(honest, evil, path)}
    answers = parse_answers(hosts)
    wanted = expected(hosts)
    findings = find(answers, wanted)
    assert "password_set" in {one.kind for one in findings if one.host == "honest"}
    for finding in records(findings):
        assert all(text.isprintable() for text in finding.values()), finding
    table = audit_table(answers, sort_out(findings), access(answers, wanted))
    assert all(is_shown_as_it_is(line) for line in table)


def test_no_hash_of_a_password_is_ever_told(tmp_path: Path) -> None:
    shadow = f"root:!{SHADOW_HASH}:1::::::\nalice:{SHADOW_HASH}:1::::::\nopen::1::::::\nbob:*:1:::::1:\n"
    passwd = (
        "alice:x:5238:5238::/home/a:/bin/sh\nopen:x:1500:1500::/home/o:/bin/sh\nbob:x:5831:5831::/home/b:/bin/sh\n"
        f"old:{SHADOW_HASH}:1501:1501::/home/old:/bin/sh\nnone::1502:1502::/home/none:/bin/sh\n"
    )
    facts = host_facts(Looked(), no_program, tree(tmp_path, passwd.encode(), shadow))
    assert {one["name"]: one["password"] for one in facts["accounts"]} == {
        "root": "locked",
        "alice": "set",
        "open": "empty",
        "bob": "none",
        "old": "set",
        "none": "empty",
    }
    assert [one["name"] for one in facts["accounts"] if one["expired"]] == ["bob"]
    assert "saltysalt" not in json.dumps(facts)


def test_a_host_without_passwd_is_refused(tmp_path: Path) -> None:
    places = tree(tmp_path, b"")
    (tmp_path / "etc" / "passwd").unlink()
    with pytest.raises(IdentityError, match="/etc/passwd is missing"):
        host_facts(Looked(), no_program, places)
