# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._request import (
    SHOWN_PROBLEMS,
    GroupSpec,
    UserSpec,
    parse_request,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band

from .build import key, params, request

LAW = settings(deadline=None)


def refusal(users: Any = (), groups: Any = (), **more: Any) -> str:
    with pytest.raises(IdentityError) as caught:
        parse_request(params(users, groups, **more))
    message = str(caught.value)
    assert message.isprintable()
    assert message.isascii()
    return message


def test_a_full_entry_is_read() -> None:
    wanted = request(
        [
            {
                "name": "alice", "uid": "5238", "gid": 5300, "group": "genomics", "gecos": "Alice L\u00f6we",
                "home": "/efs/home/alice", "shell": "/bin/zsh", "groups": ["video", "research", "video"],
                "keys": [key(1, "laptop"), key(2), key(1, "the same again")], "state": "disabled",
                "expires": "2027-01-31", "adopt": True, "create_home": False,
            }
        ],
        [{"name": "research", "gid": 4444, "adopt": True}],
        home_mode="0750",
        orphans="absent",
    )  # fmt: skip
    assert wanted.users == (
        UserSpec(
            "alice", 5238, 5300, "genomics", "/efs/home/alice", "/bin/zsh", "disabled", "Alice L\u00f6we",
            ("research", "video"), (key(1, "laptop"), key(2)), "20849", True, False,
        ),
    )  # fmt: skip
    assert wanted.groups == (GroupSpec("research", 4444, True),)
    assert (wanted.band, wanted.group_band) == (Band(5000, 5999), Band(4000, 4999))
    assert (wanted.home_mode, wanted.orphans) == (0o750, "absent")


def test_what_is_not_said_has_its_default_or_stays_unsaid() -> None:
    unset = dict.fromkeys(("gid", "group", "gecos", "home", "shell", "groups", "keys", "expires", "state", "adopt"))
    for entry in ({"name": "alice", "uid": 5238}, {"name": "alice", "uid": 5238, **unset}):
        [user] = request([entry]).users
        assert user == UserSpec("alice", 5238, 5238, "alice", "/home/alice", "/bin/bash")
    [user] = request([{"name": "alice", "uid": 5238, "keys": [], "groups": [], "expires": "never", "gecos": ""}]).users
    assert (user.keys, user.groups, user.expires, user.gecos) == ((), (), "", "")
    assert request().home_mode is None


CYRILLIC_A = "\u0430lice"
HOSTILE: list[tuple[Any, str]] = [
    ({"uid": 5300}, "username '' is not valid: it is empty"),
    ({"name": "", "uid": 5300}, "it is empty"),
    ({"name": "root", "uid": 5300}, "belongs to the operating system"),
    ({"name": "ubuntu", "uid": 5300}, "belongs to the operating system or to a template"),
    ({"name": "ssm-user", "uid": 5300}, "belongs to the operating system or to a template"),
    ({"name": "a" * 33, "uid": 5300}, "it has 33 characters"),
    ({"name": "a" * 100_000, "uid": 5300}, "it has 100000 characters"),
    ({"name": "o'brien", "uid": 5300}, "it holds"),
    ({"name": 'al"ice', "uid": 5300}, "it holds"),
    ({"name": "al:ice", "uid": 5300}, "it holds ':'"),
    ({"name": "alice\n", "uid": 5300}, "it holds '\\n'"),
    ({"name": "alice\nroot::0:0:::", "uid": 5300}, "it holds '\\n'"),
    ({"name": "../alice", "uid": 5300}, "it begins with '.'"),
    ({"name": "al/ice", "uid": 5300}, "it holds '/'"),
    ({"name": "-alice", "uid": 5300}, "it begins with '-'"),
    ({"name": "+alice", "uid": 5300}, "it begins with '+'"),
    ({"name": "1000", "uid": 5300}, "it begins with '1'"),
    ({"name": "Alice", "uid": 5300}, "did you mean 'alice'"),
    ({"name": "al ice", "uid": 5300}, "it holds ' '"),
    ({"name": "al\x00ice", "uid": 5300}, "it holds '\\x00'"),
    ({"name": "alice$", "uid": 5300}, "it holds '$'"),
    ({"name": "$(reboot)", "uid": 5300}, "it begins with '$'"),
    ({"name": "{{ lookup('pipe', 'id') }}", "uid": 5300}, "it begins with '{'"),
    ({"name": CYRILLIC_A, "uid": 5300}, "(U+0430)"),
    ({"name": "\uff41lice", "uid": 5300}, "did you mean 'alice'"),
    ({"name": "alice\u202e", "uid": 5300}, "(U+202E)"),
    ({"name": 7, "uid": 5300}, "is not text"),
    ({"name": ["alice"], "uid": 5300}, "is not text"),
    ({"name": True, "uid": 5300}, "is not text"),
    ({"name": "mallory"}, "uid must be a whole number, not 'None'"),
    ({"name": "mallory", "uid": 0}, "uid 0 is outside the band 5000-5999"),
    ({"name": "mallory", "uid": 4999}, "uid 4999 is outside the band"),
    ({"name": "mallory", "uid": 6000}, "uid 6000 is outside the band"),
    ({"name": "mallory", "uid": -1}, "uid -1 "),
    ({"name": "mallory", "uid": 4294967295}, "uid 4294967295 "),
    ({"name": "mallory", "uid": 2**32 + 5300}, "uid 4294972596 "),
    ({"name": "mallory", "uid": "5300 "}, "uid must be a whole number"),
    ({"name": "mallory", "uid": "0x14b4"}, "uid must be a whole number"),
    ({"name": "mallory", "uid": "\u0665\u0663\u0660\u0660"}, "uid must be a whole number"),
    ({"name": "mallory", "uid": 5300.0}, "uid must be a whole number"),
    ({"name": "mallory", "uid": True}, "uid must be a whole number"),
    ({"name": "mallory", "uid": [5300]}, "uid must be a whole number"),
    ({"name": "mallory", "uid": 5300, "gid": "wheel"}, "gid must be a whole number"),
    ({"name": "mallory", "uid": 5300, "gid": 2**32 - 1}, "gid 4294967295 is no number"),
    ({"name": "mallory", "uid": 5300, "group": "../etc"}, "group name '../etc' is not valid"),
    ({"name": "mallory", "uid": 5300, "group": "wheel:x:0:"}, "group name 'wheel:x:0:' is not valid"),
    ({"name": "mallory", "uid": 5300, "groups": "sudo"}, "groups must be a list, not str"),
    ({"name": "mallory", "uid": 5300, "groups": {"sudo": 1}}, "groups must be a list, not dict"),
    ({"name": "mallory", "uid": 5300, "groups": ["a,sudo"]}, "group name 'a,sudo' is not valid"),
    ({"name": "mallory", "uid": 5300, "groups": ["a\nsudo"]}, "group name 'a\\nsudo' is not valid"),
    ({"name": "mallory", "uid": 5300, "groups": [4444]}, "is not text"),
    ({"name": "mallory", "uid": 5300, "gecos": "a:b"}, "gecos 'a:b' must be one line"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\nroot::0:0::/:/bin/sh"}, "gecos 'a\\nroot"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\rb"}, "gecos 'a\\rb'"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\x00b"}, "gecos 'a\\x00b'"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\x1b[2Jb"}, "gecos 'a\\x1b[2Jb'"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\u2028b"}, "gecos 'a\\u2028b'"),
    ({"name": "mallory", "uid": 5300, "gecos": "a\udc80b"}, "gecos 'a\\udc80b'"),
    ({"name": "mallory", "uid": 5300, "gecos": "a" * 257}, "at most 256 characters"),
    ({"name": "mallory", "uid": 5300, "gecos": 7}, "gecos '7'"),
    ({"name": "mallory", "uid": 5300, "home": "/"}, "home '/'"),
    ({"name": "mallory", "uid": 5300, "home": "/home"}, "home '/home' is not a directory of its own"),
    ({"name": "mallory", "uid": 5300, "home": "/home/"}, "without '..' or double slashes"),
    ({"name": "mallory", "uid": 5300, "home": "/home/../etc"}, "without '..' or double slashes"),
    ({"name": "mallory", "uid": 5300, "home": "/home/mallory/.."}, "without '..' or double slashes"),
    ({"name": "mallory", "uid": 5300, "home": "/home/./mallory"}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "home": "home/mallory"}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "home": "~mallory"}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "home": ""}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "home": "//home/mallory"}, "double slashes"),
    ({"name": "mallory", "uid": 5300, "home": "/home//mallory"}, "double slashes"),
    ({"name": "mallory", "uid": 5300, "home": "/home/a:/bin/sh"}, "has a colon"),
    ({"name": "mallory", "uid": 5300, "home": "/home/a\nb"}, "a character that cannot be printed"),
    ({"name": "mallory", "uid": 5300, "home": "/home/a\x00b"}, "a character that cannot be printed"),
    ({"name": "mallory", "uid": 5300, "home": "/home/" + "a" * 1024}, "home '/home/aaaa"),
    ({"name": "mallory", "uid": 5300, "home": "/etc/cron.d"}, "belongs to the operating system"),
    ({"name": "mallory", "uid": 5300, "home": "/root/.ssh"}, "belongs to the operating system"),
    ({"name": "mallory", "uid": 5300, "home": "/var/lib/mallory"}, "belongs to the operating system"),
    ({"name": "mallory", "uid": 5300, "home": 7}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "shell": "bash"}, "shell 'bash' must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "shell": "/bin/sh:"}, "shell '/bin/sh:' has a colon"),
    ({"name": "mallory", "uid": 5300, "shell": "/bin/sh\nroot::0:0:::"}, "shell '/bin/sh\\nroot"),
    ({"name": "mallory", "uid": 5300, "shell": "/bin/../bin/sh"}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "shell": ["/bin/sh"]}, "must be an absolute path"),
    ({"name": "mallory", "uid": 5300, "keys": key(1)}, "keys must be a list, not str"),
    ({"name": "mallory", "uid": 5300, "keys": [key(1) + " $(reboot)"]}, "has a comment with characters outside"),
    ({"name": "mallory", "uid": 5300, "keys": [key(1) + "\n" + key(2)]}, "goes on in a second line"),
    ({"name": "mallory", "uid": 5300, "keys": ['command="sh" ' + key(1)]}, "options in front of the key"),
    ({"name": "mallory", "uid": 5300, "keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}, "it is a private key"),
    ({"name": "mallory", "uid": 5300, "keys": [None]}, "must be text, not NoneType"),
    ({"name": "mallory", "uid": 5300, "state": "gone"}, "state 'gone' is not one of present, disabled, absent"),
    ({"name": "mallory", "uid": 5300, "state": ["absent"]}, "is not one of present, disabled, absent"),
    ({"name": "mallory", "uid": 5300, "adopt": "yes"}, "adopt must be true or false"),
    ({"name": "mallory", "uid": 5300, "create_home": 1}, "create_home must be true or false"),
    ({"name": "mallory", "uid": 5300, "expires": "2027-02-30"}, "expires '2027-02-30' is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "1970-01-01"}, "expires '1970-01-01' is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "1970-01-02"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "1969-12-31"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "0000-01-01"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "2027-1-31"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "2027-01-31T00:00"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "31.01.2027"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "\u0662\u0660\u0662\u0667-01-31"}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": ""}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": 20850}, "is not a day"),
    ({"name": "mallory", "uid": 5300, "expires": "tomorrow"}, "nor 'never'"),
    ({"name": "mallory", "uid": 5300, "passwd": "x"}, "unknown key 'passwd' (known: adopt, create_home"),
    ({"name": "mallory", "uid": 5300, "uid\n": 0}, "unknown key 'uid\\n'"),
    ({"name": "mallory", "uid": 5300, 5: 0}, "unknown key '5'"),
    ("mallory", "must be a mapping, not str"),
    (None, "must be a mapping, not NoneType"),
    (["mallory", 5300], "must be a mapping, not list"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "reason"), HOSTILE)
def test_a_hostile_entry_is_refused_by_index_and_name(entry: Any, reason: str) -> None:
    honest = [{"name": "honest", "uid": 5001}, {"name": "upright", "uid": 5002}]
    message = refusal([honest[0], entry, honest[1]])
    assert message.startswith("nothing was written, because the request cannot be accepted: users[1]")
    assert reason in message
    name = entry.get("name") if isinstance(entry, dict) else None
    if isinstance(name, str):
        assert message.split(": users[1] ")[1].startswith("(" + ascii(name[:40]) + "): ")
    assert "honest" not in message
    assert "upright" not in message
    assert len(message) < 1000


def test_all_bad_entries_are_named_in_one_message() -> None:
    chosen = [entry for entry, _reason in HOSTILE[2 : 2 + SHOWN_PROBLEMS]]
    message = refusal([{"name": "honest", "uid": 5001}, *chosen])
    for index, entry in enumerate(chosen, 1):
        assert f"users[{index}] ({entry['name'][:40]!a}): " in message
    assert "more" not in message.rpartition("; ")[2]


def test_of_very_many_the_first_are_named_and_the_rest_is_counted() -> None:
    everything = [entry for entry, _reason in HOSTILE]
    message = refusal(everything)
    assert message.count("users[") == SHOWN_PROBLEMS
    assert message.endswith(f"; and {len(HOSTILE) - SHOWN_PROBLEMS} more")
    assert len(message) < 10_000


def test_a_hundred_thousand_entries_are_refused_or_taken_quickly() -> None:
    # no band holds so many: the widest part of the numbers that is free has 55,001
    begin = time.process_time()
    bad = [
        {"name": "user%d" % number, "uid": 5000 + number % 60_000, "keys": [key(number)]} for number in range(100_000)
    ]
    message = refusal(bad, band="5000-60000")
    assert "users[55001] ('user55001'): uid 60001 is outside the band 5000-60000" in message
    # of the last 40,000 those beyond the band again, all others have a number for the second time
    assert message.endswith("; and %d more" % (4999 + 40_000 - SHOWN_PROBLEMS))
    refusal([{"name": "../../x" + "\u0430" * 100, "uid": number, "keys": "x"} for number in range(100_000)])
    taken = request([{"name": "user%d" % number, "uid": 5000 + number} for number in range(55_001)], band="5000-60000")
    assert len(taken.users) == 55_001
    assert time.process_time() - begin < 30


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([{"name": "a", "uid": 5001}, {"name": "a", "uid": 5002}], "users: a and a both have name a"),
        ([{"name": "a", "uid": 5001}, {"name": "b", "uid": "5001"}], "users: a and b both have uid 5001"),
        (
            [{"name": "a", "uid": 5001, "home": "/home/b"}, {"name": "b", "uid": 5002}],
            "users: a and b both have home /home/b",
        ),
        ([{"name": "a", "uid": 5001, "state": "absent"}, {"name": "b", "uid": 5001}], "a and b both have uid 5001"),
    ],
)
def test_what_two_users_cannot_share_is_refused(entries: list[Any], reason: str) -> None:
    assert reason in refusal(entries)
    assert "both have" in refusal(list(reversed(entries)))


def test_a_home_may_be_shared_with_one_who_leaves_or_has_none_made() -> None:
    for more in ({"state": "absent"}, {"state": "disabled"}, {"create_home": False}):
        request([{"name": "a", "uid": 5001, "home": "/home/b", **more}, {"name": "b", "uid": 5002}])


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"name": "research"}, "gid must be a whole number"),
        ({"name": "research", "gid": 3999}, "gid 3999 is outside the group band 4000-4999"),
        ({"name": "research", "gid": 5000}, "gid 5000 is outside the group band 4000-4999"),
        ({"name": "sudo", "gid": 4001}, "this name belongs to the operating system"),
        ({"name": "users", "gid": 4001}, "this name belongs to the operating system"),
        ({"name": "re:search", "gid": 4001}, "group name 're:search' is not valid"),
        ({"name": "re,search", "gid": 4001}, "group name 're,search' is not valid"),
        ({"name": "research", "gid": 4001, "members": ["x"]}, "unknown key 'members' (known: adopt, gid, name, sudo)"),
        ({"name": "research", "gid": 4001, "adopt": 1}, "adopt must be true or false"),
        ("research", "must be a mapping, not str"),
    ],
)
def test_a_group_is_refused_by_index_and_name(entry: Any, reason: str) -> None:
    message = refusal(groups=[{"name": "honest", "gid": 4100}, entry])
    assert "groups[1]" in message
    assert reason in message
    assert "honest" not in message


def test_groups_share_neither_name_nor_number_and_no_name_with_a_private_group() -> None:
    two = [{"name": "a", "gid": 4001}, {"name": "b", "gid": 4001}]
    assert "groups: a and b both have gid 4001" in refusal(groups=two)
    two = [{"name": "a", "gid": 4001}, {"name": "a", "gid": 4002}]
    assert "groups: a and a both have name a" in refusal(groups=two)
    message = refusal([{"name": "alice", "uid": 5238}], [{"name": "alice", "gid": 4001}])
    assert "alice: a user and a shared group have this name" in message


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"band": "0-999"}, "0-999"),
        ({"band": "900-1100"}, "900-1100"),
        ({"band": "60001-60100"}, "systemd-homed"),
        ({"band": "5000-70000"}, "5000-70000"),
        ({"band": "100000-200000"}, "subordinate ids"),
        ({"band": "4500-5500"}, "4500-5500"),
        ({"band": "65534-65535"}, "nobody"),
        ({"band": "5999-5000"}, "is empty"),
        ({"band": "5000"}, "write it like 5000-5999"),
        ({"band": "5000-5999; rm"}, "write it like 5000-5999"),
        ({"group_band": "1000-1999"}, "1000-1999"),
        ({"group_band": "0-10"}, "0-10"),
        ({"removal_cap": -1}, "removal_cap -1: must be 0 or more"),
        ({"owner": ""}, "owner '': must be 1 to 128 printable characters"),
        ({"owner": "a" * 129}, "must be 1 to 128 printable characters"),
        ({"owner": "a\nb"}, "owner 'a\\nb': must be 1 to 128"),
        ({"home_mode": "0777"}, "would let others write into a home"),
        ({"home_mode": "0720"}, "would let others write into a home"),
        ({"home_mode": "u=rwx"}, "is not an octal mode"),
        ({"home_mode": "00700"}, "is not an octal mode"),
        ({"home_mode": "-700"}, "is not an octal mode"),
        ({"home_mode": ""}, "is not an octal mode"),
        ({"keys_directory": "keys"}, "keys_directory 'keys' must be an absolute path"),
        ({"keys_directory": "/etc/../tmp"}, "must be an absolute path"),
        ({"skel": "/etc/skel/"}, "skel '/etc/skel/' must be an absolute path"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], reason: str) -> None:
    assert reason in refusal(**options)


def test_system_users_have_their_own_band_and_may_have_the_names_of_templates() -> None:
    [user] = request([{"name": "rstudio", "uid": 1001}], band="1000-4999").users
    assert (user.name, user.uid) == ("rstudio", 1001)
    assert "uid 5001 is outside the band" in refusal([{"name": "rstudio", "uid": 5001}], band="1000-4999")


@LAW
@given(st.dates(datetime.date(1970, 1, 3), datetime.date(2199, 12, 31)))
def test_every_day_of_the_calendar_is_counted_as_shadow_counts(day: datetime.date) -> None:
    for text in (day.isoformat(), day):
        [user] = request([{"name": "a", "uid": 5001, "expires": text}]).users
        assert datetime.date(1970, 1, 1) + datetime.timedelta(days=int(user.expires or 0)) == day


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
KEYS = ["adopt", "create_home", "expires", "gecos", "gid", "group", "groups", "home", "keys", "name", "shell", "uid"]


@settings(LAW, max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING), st.dictionaries(st.sampled_from(["name", "gid"]), ANYTHING))
def test_no_value_does_anything_but_be_read_or_refused(user: dict[str, Any], group: dict[str, Any]) -> None:
    for entry in (user, {"name": "alice", "uid": 5238, **user}):
        try:
            [spec] = request([entry]).users
        except IdentityError as error:
            said = str(error)
        else:
            said = repr(spec)
            fields = (spec.name, spec.group, spec.gecos or "", spec.home, spec.shell, *(spec.keys or ()))
            assert not [field for field in fields if "\n" in field or not field.isprintable()]
            assert not [field for field in fields[:5] if ":" in field]
        assert said.isprintable()
    refusal(groups=[group, None])
