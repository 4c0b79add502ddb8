# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster_file import read_roster_text


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('[{"username": "alice"}]', [{"username": "alice"}]),
        ("- username: alice\n  expires: 2027-01-31\n", [{"username": "alice", "expires": datetime.date(2027, 1, 31)}]),
        ("users: [{username: alice}]\n", {"users": [{"username": "alice"}]}),
        ('- gecos: \'{{ lookup("pipe", "id") }}\'\n', [{"gecos": '{{ lookup("pipe", "id") }}'}]),
        ("- &a {username: alice}\n- *a\n", [{"username": "alice"}, {"username": "alice"}]),
        ("[{username: alice}]", [{"username": "alice"}]),
        ("", None),
        ("# nobody yet\n", None),
    ],
)
def test_yaml_and_json_are_read(text: str, data: Any) -> None:
    assert read_roster_text(text, "roster.yml") == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- username: alice\n  keys: []\n  keys: [x]\n", "line 1 begins an entry that has the key 'keys' twice"),
        ("- a: 1\n- username: alice\n  username: bob\n", "line 2 begins an entry that has the key 'username' twice"),
        ('[{"username": "alice", "username": "bob"}]', "an entry has the key 'username' twice"),
        ("- username: [alice\n", "is not valid YAML or JSON: line 2"),
        ("- username: alice\n\t- x\n", "is not valid YAML or JSON: line 2"),
        ("- !!python/object/apply:os.system ['id']\n", "is not valid YAML or JSON"),
        ("- username: !vault |\n    abc\n", "is not valid YAML or JSON"),
        ("--- 1\n--- 2\n", "is not valid YAML or JSON"),
        ("- username: a\x00b\n", "is not valid YAML or JSON"),
        ("[" * 5000, "is not valid YAML or JSON"),
        ("- expires: 2027-02-31\n", "is not valid YAML or JSON"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        read_roster_text(text, "roster.yml")
    assert str(caught.value).startswith("The roster roster.yml ")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_alias_bomb_is_no_bomb() -> None:
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    begin = time.process_time()
    assert len(read_roster_text("\n".join(lines), "roster.yml")) == 30
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "[[\n" * 100_000])
def test_no_nesting_overruns_the_stack(text: str) -> None:
    with pytest.raises(IdentityError, match="The roster roster"):
        read_roster_text(text, "roster.yml")


@pytest.mark.parametrize("form", ["{%s}", "- {%s}"])
def test_a_key_twice_among_very_many_is_found_at_once(form: str) -> None:
    keys = ", ".join(f'"k{number}": 1' for number in [*range(60_000), 59_999])
    begin = time.process_time()
    with pytest.raises(IdentityError, match="the key 'k59999' twice"):
        read_roster_text(form % keys, "roster.yml")
    assert time.process_time() - begin < 10
