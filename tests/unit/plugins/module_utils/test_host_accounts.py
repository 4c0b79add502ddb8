# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts

PEOPLE: list[dict[str, Any]] = [
    {"username": "alice", "subject": "alice", "uid": 5238, "gid": 5238, "state": "present", "groups": ["genomics"]},
    {"username": "bob", "subject": "bob", "uid": 5831, "gid": 5831, "state": "present"},
    {"username": "carol", "subject": "carol", "uid": 5404, "gid": 5404, "state": "disabled", "groups": ["genomics"]},
    {"username": "david", "subject": "david", "uid": 5900, "gid": 5900, "state": "absent"},
]


def chosen(select: Any, **options: Any) -> list[str]:
    accounts = host_accounts(PEOPLE, select, **options)
    return [account["name"] for account in accounts if account.get("selected", True)]


def test_of_others_only_what_takes_a_key_or_a_group_away_is_told() -> None:
    people = [
        {"username": "ann", "uid": 5001, "gid": 5001, "state": "present", "public_keys": ["ssh-ed25519 AAAA"]},
        {"username": "ben", "uid": 5002, "gid": 5002, "state": "present", "expires": "2027-01-31", "groups": ["chess"]},
    ]
    assert host_accounts(people, "") == [
        {"name": "ann", "uid": 5001, "gid": 5001, "selected": False, "keys": ["ssh-ed25519 AAAA"]},
        {"name": "ben", "uid": 5002, "gid": 5002, "selected": False, "expires": "2027-01-31", "groups": ["chess"]},
    ]
    # the same groups that they would have if they were selected, or a host would take them out of the common one
    for account in host_accounts(people, "", groups=["research"]):
        (selected,) = host_accounts([one for one in people if one["username"] == account["name"]], groups=["research"])
        assert account["groups"] == selected["groups"]


def test_what_accounts_gets() -> None:
    assert host_accounts(PEOPLE[:2]) == [
        {
            "name": "alice",
            "uid": 5238,
            "gid": 5238,
            "home": "/home/alice",
            "shell": "/bin/bash",
            "state": "present",
            "groups": ["genomics"],
        },
        {"name": "bob", "uid": 5831, "gid": 5831, "home": "/home/bob", "shell": "/bin/bash", "state": "present"},
    ]


def test_homes_on_a_file_server_are_left_alone_and_others_are_made() -> None:
    people = [*PEOPLE, {**PEOPLE[1], "username": "erin", "uid": 5111, "home": "/srv/erin"}]
    accounts = host_accounts(people, home_base="/efs/home", make_homes=False)
    assert {account["name"]: account.get("create_home") for account in accounts} == {
        "alice": False,
        "bob": False,
        "carol": False,
        "david": False,
        "erin": None,
    }
    assert not any("create_home" in account for account in host_accounts(people, home_base="/efs/home"))
    with pytest.raises(IdentityError, match="make_homes is 'no': write true or false"):
        host_accounts(people, make_homes="no")


def test_the_roster_comes_before_the_host() -> None:
    person = {
        **PEOPLE[0],
        "gecos": "Alice",
        "public_keys": ["ssh-ed25519 AAAA"],
        "expires": "never",
        "adopt": True,
        "home": "/srv/alice",
        "shell": "/bin/zsh",
    }
    [account] = host_accounts([person], home_base="/efs/home/", shell="/bin/sh", groups=["research", "genomics"])
    assert account["home"] == "/srv/alice"
    assert account["shell"] == "/bin/zsh"
    assert account["groups"] == ["research", "genomics"]
    assert [account[key] for key in ("gecos", "keys", "expires", "adopt")] == [
        "Alice",
        ["ssh-ed25519 AAAA"],
        "never",
        True,
    ]
    [account] = host_accounts([PEOPLE[1]], home_base="/efs/home/", shell="/bin/sh", groups=["research"])
    assert (account["home"], account["shell"], account["groups"]) == ("/efs/home/bob", "/bin/sh", ["research"])


@pytest.mark.parametrize(
    ("select", "names"),
    [
        ("all", ["alice", "bob", "carol", "david"]),
        (["bob", "all"], ["alice", "bob", "carol", "david"]),
        ("alice", ["alice", "carol", "david"]),
        ("bob, alice", ["alice", "bob", "carol", "david"]),
        (" bob\n", ["bob", "carol", "david"]),
        ("@genomics", ["alice", "carol", "david"]),
        (["@genomics", "bob"], ["alice", "bob", "carol", "david"]),
        ("", ["carol", "david"]),
        ([], ["carol", "david"]),
        (None, ["carol", "david"]),
        ("carol david", ["carol", "david"]),
    ],
)
def test_selection(select: Any, names: list[str]) -> None:
    assert chosen(select) == names


def test_a_group_of_everybody_selects_everybody() -> None:
    assert chosen("@research", groups=["research"]) == ["alice", "bob", "carol", "david"]


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("mallory", "names 'mallory', who is not in the roster"),
        ("alice mallory,eve", "names 'mallory', 'eve', who"),
        ("@nobody", "names '@nobody'"),
        ("@", "names '@'"),
        ("alice;reboot", "names 'alice;reboot'"),
        ("$(reboot)", "names '$(reboot)'"),
        ("\u0430lice", "'\\u0430lice'"),
        ("{{ lookup('pipe', 'id') }}", "names '{{'"),
        (" ".join(f"x{n}" for n in range(30)), "and 10 more"),
        (5, "neither text nor a list"),
        ([["alice"]], "neither text nor a list"),
    ],
)
def test_who_is_unknown_is_named(select: Any, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        host_accounts(PEOPLE, select)
    assert reason in str(caught.value)
    assert str(caught.value).isascii()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"identities": "alice"}, "not a list"),
        ({"identities": [{"username": "alice"}]}, "without username, uid, gid"),
        ({"identities": ["alice"]}, "without username, uid, gid"),
        ({"identities": PEOPLE, "home_base": "home"}, "home_base 'home' is not an absolute path"),
        ({"identities": PEOPLE, "shell": "sh"}, "shell 'sh' is not an absolute path"),
        ({"identities": PEOPLE, "groups": ["a:b"]}, "'a:b' is not valid"),
        ({"identities": PEOPLE, "groups": 7}, "groups is 7"),
        ({"identities": PEOPLE, "groups": [f"g{n}" for n in range(16)]}, "'alice' would be in 17 groups"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        host_accounts(**options)
    assert reason in str(caught.value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(["alice", "bob", "@genomics", "all", "x", ","]))))
def test_a_selection_never_adds_a_stranger_nor_drops_who_is_locked_out(select: Any) -> None:
    try:
        names = chosen(select)
    except IdentityError:
        return
    assert {"carol", "david"} <= set(names) <= {"alice", "bob", "carol", "david"}


def test_who_was_renamed_keeps_the_home_and_is_found_under_former_names() -> None:
    names = {"first_username": "alice", "former_usernames": ["alice", "ally"]}
    renamed = {"username": "alicia", "uid": 5238, "gid": 5238, **names}
    (here,) = host_accounts([renamed], home_base="/efs/home")
    assert (here["name"], here["home"], here["formerly"]) == ("alicia", "/efs/home/alice", ["alice", "ally"])
    (elsewhere,) = host_accounts([renamed], select=[])
    assert (elsewhere["selected"], elsewhere["formerly"]) == (False, ["alice", "ally"])
    (back,) = host_accounts([{**renamed, "username": "alice", "former_usernames": ["alicia"]}])
    assert (back["name"], back["home"], back["formerly"]) == ("alice", "/home/alice", ["alicia"])
