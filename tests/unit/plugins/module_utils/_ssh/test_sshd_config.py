# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of sshd's configuration. What sshd makes of it is tested on real hosts (Molecule, ssh_access)."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    Account,
    complaint,
    foreign_values,
    global_value,
    group_rules,
    includes,
    key_file_rules,
    key_files,
    key_files_of,
    matched_groups,
    parse_passwd,
    parse_shadow,
    reads_homes,
    staged_config,
    takes_passwords,
    without_files,
    words,
)

DROPIN = "/etc/ssh/sshd_config.d/10-labfleet.conf"
ALICE = Account("alice", "5238", "/home/alice")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("   # Include /etc/ssh/*.conf", []),
        ("Include /a /b", ["include", "/a", "/b"]),
        ("\tINCLUDE=/a", ["include", "/a"]),
        ("Include = /a  # why", ["include", "/a"]),
        ('Include "/a b"', ["include", "/a b"]),
        ('Include "/a', ["include", '"/a']),
        ("Match all", ["match", "all"]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("Include /etc/ssh/sshd_config.d/*.conf\n", True),
        ("Port 22\nInclude sshd_config.d/*.conf\n", True),
        ("Include /etc/ssh/sshd_config.d/10-labfleet.conf\n", True),
        ("Include /x /etc/ssh//sshd_config.d/1*.conf\n", True),
        ("Include /etc/ssh/sshd_config.d/*.cfg\n", False),
        ("Include /etc/ssh/*.conf\n", False),
        ("#Include /etc/ssh/sshd_config.d/*.conf\n", False),
        ("Match User root\nInclude /etc/ssh/sshd_config.d/*.conf\n", False),
        ("", False),
    ],
)
def test_includes(config: str, expected: bool) -> None:
    assert includes(config, DROPIN) is expected


def test_the_staged_configuration_differs_in_the_directory_only() -> None:
    config = "Port 22\nInclude /etc/ssh/site.conf sshd_config.d/*.conf\n# end\nMatch User x\n  Include /etc/ssh/y/*\n"
    staged = 'Port 22\nInclude "/etc/ssh/site.conf" "/run/staged/*.conf"\n# end\nMatch User x\nInclude "/etc/ssh/y/*"\n'
    assert staged_config(config, "/etc/ssh/sshd_config.d", "/run/staged") == staged


def test_a_configuration_without_an_include_is_staged_as_it_is() -> None:
    config = "Port 22\n\n  # Include no\nMatch all\n"
    assert staged_config(config, "/etc/ssh/sshd_config.d", "/run/staged") == config


def test_key_file_rules_takes_the_first_value_for_everybody_and_all_of_the_matches() -> None:
    content = (
        "AuthorizedKeysFile a b\nauthorizedkeysfile=c\nMatch Group research\n AuthorizedKeysFile d\n"
        "Match all\n AuthorizedKeysFile none\n"
    )
    assert key_file_rules(content) == (["a", "b"], [["d"], ["none"]])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/cat /keys/%u", ["none", "/keys/%u"]),
        ("/usr/bin/sss_ssh_authorizedkeys %u", ["none"]),
        ("none", ["none"]),
    ],
)
def test_a_file_that_a_program_prints_counts_as_one(command: str, expected: list[str]) -> None:
    content = f"Match Group research\n AuthorizedKeysFile none\n AuthorizedKeysCommand {command}\n"
    assert key_file_rules(content) == (None, [expected])
    settings = {"authorizedkeysfile": ["none"], "authorizedkeyscommand": command.split()}
    assert key_files_of(settings, ALICE) == [name.replace("%u", "alice") for name in expected[1:]]


def test_a_printed_file_belongs_to_its_own_match() -> None:
    content = "Match User a\n AuthorizedKeysFile b\nMatch User c\n AuthorizedKeysCommand /usr/bin/cat /d\n"
    assert key_file_rules(content) == (None, [["b"]])


def test_key_file_rules_of_a_dropin_that_has_none() -> None:
    assert key_file_rules("PermitRootLogin no\n") == (None, [])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (".ssh/authorized_keys", ["/home/alice/.ssh/authorized_keys"]),
        ("/etc/ssh/authorized_keys.d/%u", ["/etc/ssh/authorized_keys.d/alice"]),
        ("%h/.keys", ["/home/alice/.keys"]),
        ("/keys/%U/%%u%", ["/keys/5238/%u%"]),
        ("none", []),
    ],
)
def test_key_files(pattern: str, expected: list[str]) -> None:
    assert key_files([pattern], ALICE) == expected


def test_parse_passwd_leaves_out_who_cannot_log_in() -> None:
    text = (
        "root:x:0:0:root:/root:/bin/bash\n"
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "nobody:x:65534:65534::/nonexistent:/bin/false\n"
        "+::::::\nbroken\n"
        "alice:x:5238:5238:Alice:/home/alice:\n"
    )
    assert parse_passwd(text) == [Account("root", "0", "/root"), Account("+", "", ""), ALICE]


def test_parse_shadow_finds_who_has_a_password() -> None:
    lines = ["root:*:1", "ann:$y$j9T$x$y:1", "bob:!$y$j9T$x$y:1", "cy::1", "dan:!", "broken", "eve:ab12cd34ef56g:1"]
    text = "".join(line + "::::::\n" for line in lines)
    assert parse_shadow(text) == {"ann", "eve"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"passwordauthentication": ["yes"], "kbdinteractiveauthentication": ["no"]}, True),
        ({"passwordauthentication": ["no"], "kbdinteractiveauthentication": ["yes"]}, True),
        ({"passwordauthentication": ["no"], "kbdinteractiveauthentication": ["no"]}, False),
        ({"passwordauthentication": ["no"]}, True),
        ({}, True),
    ],
)
def test_takes_passwords(settings: dict[str, list[str]], expected: bool) -> None:
    assert takes_passwords(settings) is expected


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([".ssh/authorized_keys"], True),
        (["/etc/ssh/keys/%u", "%h/.keys"], True),
        (["/etc/ssh/keys/%u"], False),
        (["none"], False),
        ([], False),
    ],
)
def test_reads_homes(patterns: list[str], expected: bool) -> None:
    assert reads_homes(patterns) is expected


def test_the_value_for_everybody_is_the_first_one_above_every_match() -> None:
    content = "# RevokedKeys /x\nrevokedkeys /a\nRevokedKeys /b\nMatch all\nTrustedUserCAKeys /c\n"
    assert global_value(content, "revokedkeys") == ["/a"]
    assert global_value(content, "trustedusercakeys") is None
    assert global_value("", "revokedkeys") is None


def test_settings_with_a_file_that_is_not_there_are_left_out() -> None:
    content = "A b\nRevokedKeys /etc/x\nMatch Group g\n  TrustedUserCAKeys=/etc/y\n  # RevokedKeys /etc/x\nMatch all\n"
    assert without_files(content, []) == content
    assert without_files(content, ["/etc/z"]) == content
    assert without_files(content, ["/etc/x"]) == content.replace("\nRevokedKeys /etc/x\n", "\n", 1)
    assert without_files(content, ["/etc/y"]) == content.replace("  TrustedUserCAKeys=/etc/y\n", "")


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("RevokedKeys /ours\nRevokedKeys none\n#RevokedKeys /c\n", []),
        ("Match User a\n revokedkeys=/b\nRevokedKeys /c # d\n", ["/b", "/c"]),
        # for whom it holds, sshd forgets the list that it read for everybody
        ("RevokedKeys none\nMatch User a\n RevokedKeys none\n", ["none"]),
    ],
)
def test_lists_of_others(config: str, found: list[str]) -> None:
    assert foreign_values(config, "revokedkeys", "/ours") == found


def test_rules_of_groups() -> None:
    content = (
        "A b\nMatch Group g,h\n A c d\n A e\nMatch User u\n A x\nMatch group i\n  A=f # no\n"
        "Match Group j Address 192.0.2.1\n A x\nMatch all\nA x\n"
    )
    assert group_rules(content) == [(frozenset("gh"), {"a": ["c", "d"]}), (frozenset("i"), {"a": ["f"]})]
    assert group_rules("A b\n") == []


def test_groups_that_have_rules() -> None:
    content = "Match Group a,b\nMatch User c group d\nMatch all\nGroup e\n"
    assert matched_groups(content) == {"a", "b", "d"}


def test_a_complaint_is_one_line() -> None:
    assert complaint((0, "", "whatever")) == ""
    assert complaint((1, "", " a \n\nb\nc\nd\n")) == "a; b; c"
    assert complaint((255, "said\n", "")) == "said"
    assert complaint((255, "", "")) == "exit code 255"
