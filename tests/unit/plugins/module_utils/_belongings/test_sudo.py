# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings import group_file, user_files
from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY, sudo_file_name
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._sudo import (
    SudoCommand,
    SudoRule,
    parse_sudo_rules,
    render_sudo,
    sudo_warnings,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .raw_data import documents, parsed, refusal
from .sudo_reader import read_sudoers
from .sudo_samples import MEMBER, Sample, samples

ID = "/usr/bin/id"
SAMPLES = samples()


def rule(*commands: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"commands": list(commands), **more}]


def rendered(*commands: Any, **more: Any) -> str:
    return render_sudo("alice", parse_sudo_rules(rule(*commands, **more))).decode("ascii")[len(WRITTEN_BY) :]


TABLE = [
    (rule(ID), "alice ALL=(root) /usr/bin/id"),
    (rule([ID]), 'alice ALL=(root) /usr/bin/id ""'),
    (rule(ID + ' ""'), 'alice ALL=(root) /usr/bin/id ""'),
    (rule(["/usr/bin/systemctl", "restart", "jupyter"]), "alice ALL=(root) /usr/bin/systemctl restart jupyter"),
    (rule("/usr/bin/systemctl restart jupyter"), "alice ALL=(root) /usr/bin/systemctl restart jupyter"),
    (rule(ID, ["/usr/bin/ls", "-l"]), "alice ALL=(root) /usr/bin/id, /usr/bin/ls -l"),
    (rule(ID, ID), "alice ALL=(root) /usr/bin/id"),
    ([{"commands": "ALL"}], "alice ALL=(root) ALL"),
    (rule("ALL", runas="ALL", runas_groups="ALL"), "alice ALL=(ALL : ALL) ALL"),
    (rule(ID, runas=["jupyter", "www-data"]), "alice ALL=(jupyter, www-data) /usr/bin/id"),
    (rule(ID, runas_groups=["imaging"]), "alice ALL=(: imaging) /usr/bin/id"),
    (rule(ID, runas="root", runas_groups=["imaging"]), "alice ALL=(root : imaging) /usr/bin/id"),
    (rule(ID, nopasswd=True, noexec=True, setenv=False), "alice ALL=(root) NOPASSWD: NOEXEC: NOSETENV: /usr/bin/id"),
    (rule(ID, nopasswd=False, noexec=False, setenv=True), "alice ALL=(root) PASSWD: EXEC: SETENV: /usr/bin/id"),
    (rule(ID, nopasswd=None, runas=None), "alice ALL=(root) /usr/bin/id"),
    (rule("sudoedit /etc/motd"), "alice ALL=(root) sudoedit /etc/motd"),
    (rule(["/opt/a,b", "x:y=z#", "\\"]), "alice ALL=(root) /opt/a\\,b x\\:y\\=z\\# \\\\\\\\"),
    (rule(["/opt/a b", "]"]), "alice ALL=(root) /opt/a\\ b \\]"),
    (rule("/opt/bin/*", ["/opt/x", "[!a]?*"], wildcards=True), "alice ALL=(root) /opt/bin/*, /opt/x [!a]?*"),
    (rule("/home2/x"), "alice ALL=(root) /home2/x"),
]


@pytest.mark.parametrize(("raw", "line"), TABLE, ids=[line for _raw, line in TABLE])
def test_a_rule_becomes_a_line(raw: list[dict[str, Any]], line: str) -> None:
    assert render_sudo("alice", parse_sudo_rules(raw)) == WRITTEN_BY + line.encode() + b"\n"


def test_no_rules_are_no_file_and_two_are_two_lines_in_order() -> None:
    assert parse_sudo_rules([]) == ()
    assert render_sudo("alice", ()) == b""
    both = parse_sudo_rules([*rule("/bin/a"), *rule("/bin/b")])
    assert render_sudo("%imaging", both) == WRITTEN_BY + b"%imaging ALL=(root) /bin/a\n%imaging ALL=(root) /bin/b\n"


REFUSED = {
    "no list": ({"commands": [ID]}, "must be a list of rules"),
    "no mapping": ([ID], "must be a mapping"),
    "unknown key": (rule(ID, cwd="/"), "'cwd' is not offered"),
    "hosts": (rule(ID, hosts=["h1"]), "choose the hosts in the inventory"),
    "no commands": ([{}], "commands must be a list"),
    "empty commands": ([{"commands": []}], "commands must be a list"),
    "commands as text": ([{"commands": ID}], "commands must be a list"),
    "ALL and others": (rule("ALL", ID), "ALL beside other commands"),
    "relative": (rule("systemctl restart x"), "absolute path"),
    "forgotten brackets": (rule("/usr/bin/systemctl", "restart", "jupyter"), "'restart' must be an absolute path"),
    "empty text": (rule(""), "absolute path"),
    "negated": (rule("ALL", "!/bin/sh"), "ALL beside"),
    "negated command": (rule("!/bin/sh"), "forbidden by '!'"),
    "negated list": (rule(["!/bin/sh"]), "forbidden by '!'"),
    "negated ALL": (rule("!ALL"), "forbidden by '!'"),
    "a home": (rule("/home/alice/run"), "below /home"),
    "tmp": (rule(["/tmp/x"]), "below /tmp"),
    "efs": (rule("/efs/shared/tool"), "below /efs"),
    "the file of a user": (rule("sudoedit /home/alice/x"), "below /home"),
    "dots": (rule("/usr/bin/../../home/alice/x"), "'..'"),
    "a directory": (rule("/usr/bin/"), "slash at its end"),
    "two slashes": (rule("//usr/bin/id"), "'//'"),
    "any file": (rule("sudoedit"), "exactly one file"),
    "two files": (rule(["sudoedit", "/etc/a", "/etc/b"]), "exactly one file"),
    "sudoedit by path": (rule("/usr/bin/sudoedit /etc/a"), "without a directory"),
    "a file with a blank": (rule(["sudoedit", "/etc/a b"]), "holds a blank"),
    "star": (rule(["/bin/cat", "/var/log/*"]), "wildcards: true"),
    "question mark": (rule("/bin/cat a?"), "wildcards: true"),
    "class": (rule("/bin/cat [a]"), "wildcards: true"),
    "star in a path": (rule("/usr/bin/*"), "wildcards: true permits"),
    "regular expression": (rule([ID, "^a.$"]), "regular expression"),
    "blank": (rule([ID, "a b"]), "holds a blank"),
    "empty argument": (rule([ID, ""]), "is empty"),
    "no arguments in a list": (rule([ID, '""']), "leave it out"),
    "quotes in text": (rule(ID + ' "a b"'), "as a list"),
    "second line": (rule([ID, "a\nalice ALL=(ALL) ALL"]), "blank"),
    "newline": (rule([ID, "a\n"]), "not printable"),
    "newline in a path": (rule("/usr/bin/id\n"), "which is refused"),
    "NUL": (rule([ID, "a\0"]), "not printable"),
    "not ASCII": (rule([ID, "\u0430"]), "not printable ASCII"),
    "backslash in a path": (rule(["/usr/bin/i\\d"]), "which is refused"),
    "number as a word": (rule([ID, 5]), "neither text nor a list"),
    "empty list": (rule([]), "neither text nor a list"),
    "too long": (rule([ID, "x" * 1000]), "longer than"),
    "too many": ([{"commands": [[ID, str(n)] for n in range(201)]}], "at most 200"),
    "too many rules": (rule(ID) * 101, "at most 100"),
    "uid": (rule(ID, runas="#0"), "nothing that sudo takes for a name"),
    "alias": (rule(ID, runas="ADMINS"), "not all in capitals"),
    "netgroup": (rule(ID, runas="+lab"), "nothing that sudo takes for a name"),
    "group as user": (rule(ID, runas="%lab"), "nothing that sudo takes for a name"),
    "ALL and root": (rule(ID, runas=["ALL", "root"]), "ALL beside other names"),
    "second runas": (rule(ID, runas="root, bob"), "nothing that sudo takes for a name"),
    "word of sudo": (rule(ID, runas="sha256"), "nothing that sudo takes for a name"),
    "nobody": (rule(ID, runas=[]), "runas is empty"),
    "number of nobody": (rule(ID, runas=5), "a name or a list of names"),
    "yes as text": (rule(ID, nopasswd="yes"), "true or false"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_unsafe_or_unclear_is_refused(case: str) -> None:
    raw, reason = REFUSED[case]
    assert reason in refusal(parse_sudo_rules, raw)


@pytest.mark.parametrize(
    "who", ["", "%", "ALL", "%ALL", "#0", "a b", "a,b", "alice\n", "Defaults", "+x", "X_Alias", "-a"]
)
def test_a_rule_is_for_nobody_else(who: str) -> None:
    with pytest.raises(IdentityError):
        render_sudo(who, parse_sudo_rules(rule(ID)))


def test_there_are_enough_samples_and_they_are_always_the_same() -> None:
    assert len(SAMPLES) > 200
    assert sum(len(sample.questions) for sample in SAMPLES) > 700
    assert json.dumps([asdict(each) for each in samples()]) == json.dumps([asdict(each) for each in SAMPLES])
    allowed = [question.allowed for sample in SAMPLES for question in sample.questions]
    assert {True, False} == set(allowed)
    assert min(allowed.count(True), allowed.count(False)) > 300


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.title.encode("unicode_escape").decode() for sample in SAMPLES])
def test_pain_16_every_fragment_means_what_was_said(sample: Sample) -> None:
    """Pain 16: sudoers invalid. Here a reader of our own judges; on the hosts of the scenario life, sudo itself."""
    lines = read_sudoers(sample.fragment.encode("ascii"))
    assert len(lines) == len(sample.rules)
    assert {line.who for line in lines} == {sample.who}
    for question in sample.questions:
        if question.user == MEMBER == sample.who and not question.runas and not question.group:
            fitting = [line for line in lines if {"root", "ALL"} & set(line.users)]
            assert any(line.allows(list(question.words)) for line in fitting) is question.allowed, question


def test_pain_16_names_with_dots_have_files_that_sudo_reads() -> None:
    """Pain 16: sudo ignores files in sudoers.d whose name has a dot or ends with a tilde."""
    assert sudo_file_name("user", "alice") == "labfleet-user-alice"
    assert sudo_file_name("user", "lab_admin-2") == "labfleet-user-lab_admin-2"
    assert sudo_file_name("group", "imaging") == "labfleet-group-imaging"
    assert sudo_file_name("user", "john.doe") == "labfleet-user-johnX2edoe"
    assert sudo_file_name("user", "a~") == "labfleet-user-aX7e"
    assert sudo_file_name("user", "../x") == "labfleet-user-X2eX2eX2fx"


ANY_NAME = st.tuples(st.sampled_from(("user", "group")), st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))


@given(ANY_NAME, ANY_NAME)
def test_no_two_share_a_file(one: tuple[str, str], other: tuple[str, str]) -> None:
    for kind, name in (one, other):
        assert re.fullmatch(r"labfleet-(user|group)-[A-Za-z0-9_-]+", sudo_file_name(kind, name))
    assert (one == other) is (sudo_file_name(*one) == sudo_file_name(*other))


@given(st.from_regex(r"[a-z_][a-z0-9_-]{0,31}", fullmatch=True))
def test_accounts_writes_to_these_files(name: str) -> None:
    paths = [path for path, what in user_files(name, 5000).items() if what == "sudo"]
    assert paths == ["sudoers.d/" + sudo_file_name("user", name)]
    assert group_file(name) == "sudoers.d/" + sudo_file_name("group", name)


WORDS = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*?["), min_size=1, max_size=12),
    min_size=1,
    max_size=4,
).filter(lambda words: words[0][0] != "^" and '""' not in words)


@given(st.lists(WORDS, min_size=1, max_size=4), WORDS)
def test_the_words_of_a_command_come_out_and_no_others(commands: list[list[str]], other: list[str]) -> None:
    [line] = read_sudoers(render_sudo("alice", parse_sudo_rules(rule(*([ID, *words] for words in commands)))))
    assert (line.who, line.users, line.groups, line.tags) == ("alice", ("root",), (), ())
    said = [" ".join(words) for words in commands]
    for words in (*commands, other, commands[0][:-1], [*commands[-1], "x"], [*commands[0], *commands[-1]]):
        assert line.allows([ID, *words]) is (" ".join(words) in said)
    assert not line.allows(["/usr/bin/ls", *commands[0]])


@given(st.text(max_size=30))
def test_whatever_an_argument_holds_it_stays_one_line_and_one_command(text: str) -> None:
    rules = parsed(parse_sudo_rules, rule([ID, text]))
    if rules is not None:
        [line] = read_sudoers(render_sudo("alice", rules))
        assert len(line.commands) == 1
        assert line.allows([ID, text])
        assert not line.allows([ID, text + "x"])


KEYS = ("commands", "runas", "runas_groups", "nopasswd", "noexec", "setenv", "wildcards")


@given(st.one_of(documents(KEYS), st.lists(st.fixed_dictionaries({"commands": documents(KEYS)}), max_size=3)))
def test_only_rules_or_a_refusal_come_out_of_data(raw: Any) -> None:
    rules = parsed(parse_sudo_rules, raw)
    if rules:
        assert len(read_sudoers(render_sudo("alice", rules))) == len(rules)


def test_a_rule_that_could_never_be_used_is_told() -> None:
    asks = parse_sudo_rules(rule([ID, "-u"]))
    [told] = sudo_warnings("alice", asks, False)
    assert told.startswith("alice may run /usr/bin/id -u with sudo, which asks for a password that alice does not have")
    assert sudo_warnings("alice", asks, True) == []
    assert sudo_warnings("alice", parse_sudo_rules(rule(ID, nopasswd=True)), False) == []


def test_a_program_that_starts_others_is_told() -> None:
    [told] = sudo_warnings("alice", parse_sudo_rules(rule("/usr/bin/vim /etc/motd", nopasswd=True)), False)
    assert "/usr/bin/vim" in told
    assert "as good as commands: ALL" in told
    assert sudo_warnings("alice", parse_sudo_rules(rule("/usr/bin/vim", nopasswd=True, noexec=True)), False) == []


def test_rules_are_values() -> None:
    assert parse_sudo_rules(rule(ID)) == (SudoRule((SudoCommand(ID),)),)
    assert rendered(ID) == "alice ALL=(root) /usr/bin/id\n"
    assert parse_sudo_rules(rule(ID + ' ""')) == parse_sudo_rules(rule([ID])) == (SudoRule((SudoCommand(ID, ()),)),)
