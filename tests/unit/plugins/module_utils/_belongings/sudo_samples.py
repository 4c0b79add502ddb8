# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sudo rules, what they are rendered to, and who may then run what: the same few hundred on every call.

The answers follow from the rules as they were given, never from what was rendered. A program on a host asks the real
sudo (``extensions/molecule/life/files/judge_sudoers.py``), the unit tests ask a reader of their own.
As a program it prints all samples as JSON.
"""

from __future__ import annotations

import json
import random
import string
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import sudo_file_name
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._sudo import parse_sudo_rules, render_sudo

if TYPE_CHECKING:
    from collections.abc import Iterator

# The judge makes these: `MEMBER` is in GROUP, and nobody is in NOBODYS.
MEMBER, OTHER, GROUP, NOBODYS = "judged", "judge.other", "judge.s", "judge-nobody"
PROGRAMS = "/opt/labfleet-judge"
FILE = PROGRAMS + "/file"
PLAIN = PROGRAMS + "/plain"
REFUSED = "*?["  # without wildcards: true


@dataclass(frozen=True)
class Question:
    """May this user run these words as that user and group? runas "" is root, group "" is none."""

    user: str
    words: tuple[str, ...]
    allowed: bool
    runas: str = ""
    group: str = ""


@dataclass(frozen=True)
class Sample:
    """A fragment, the name of its file, and the questions about it. Whether sudo may ask for a password is a tag."""

    title: str
    who: str
    file_name: str
    fragment: str
    rules: list[dict[str, Any]]
    questions: tuple[Question, ...]


def sample(title: str, rules: list[dict[str, Any]], *questions: Question, who: str = MEMBER) -> Sample:
    kind, name = ("group", who[1:]) if who.startswith("%") else ("user", who)
    rendered = render_sudo(who, parse_sudo_rules(rules)).decode("ascii")
    return Sample(title, who, sudo_file_name(kind, name), rendered, rules, questions)


def yes(*words: str, **how: str) -> Question:
    return Question(how.pop("user", MEMBER), words, True, **how)


def no(*words: str, **how: str) -> Question:
    return Question(how.pop("user", MEMBER), words, False, **how)


def free(*commands: Any, **more: Any) -> list[dict[str, Any]]:
    """One rule that needs no password."""
    return [{"commands": list(commands), "nopasswd": True, **more}]


def samples() -> list[Sample]:
    """All of them, in one order."""
    return [*_characters(), *_paths(), *_arguments(), *_people(), *_tags(), *_wildcards(), *_orders(), *_random()]


def _characters() -> Iterator[Sample]:
    """Every printable character in an argument, alone and between others, means itself and nothing more."""
    for character in (chr(code) for code in range(33, 127) if chr(code) not in REFUSED):
        near = "Z" if character.upper() != "Z" else "Q"
        spellings = [character, "x" + character + "y", character * 2 + "y"]
        if character == "^":  # a regular expression, where the first argument begins with it
            spellings = [spelling for spelling in spellings if spelling[0] != "^"]
        yield sample(
            "character %s" % character,
            free(*([PLAIN, spelling] for spelling in spellings)),
            *(yes(PLAIN, spelling) for spelling in spellings),
            no(PLAIN, spellings[0].replace(character, near, 1)),
            no(PLAIN, "x" + character + "y", "x"),
        )


def _paths() -> Iterator[Sample]:
    for character in "_.+@%~-,:=# " + string.ascii_letters[::13] + "7":
        path = "%s/a%sb" % (PROGRAMS, character)
        yield sample("path with %s" % character, free([path, "x"]), yes(path, "x"), no(path, "y"), no(PLAIN, "x"))
        yield sample("path with %s at its end" % character, free([path + character]), yes(path + character), no(path))


def _arguments() -> Iterator[Sample]:
    yield sample("text: any arguments", free(PLAIN), yes(PLAIN), yes(PLAIN, "a", "b c"), no(PLAIN + "2"))
    yield sample("list: no arguments", free([PLAIN]), yes(PLAIN), no(PLAIN, "a"))
    yield sample("text: no arguments", free(PLAIN + ' ""'), yes(PLAIN), no(PLAIN, "a"))
    yield sample(
        "text: these arguments", free(PLAIN + "  a b"), yes(PLAIN, "a", "b"), no(PLAIN, "a"), no(PLAIN, "b", "a")
    )
    yield sample("many", free([PLAIN, "a"], [PLAIN, "b", "c"]), yes(PLAIN, "b", "c"), yes(PLAIN, "a"), no(PLAIN, "c"))
    yield sample("everything", [{"commands": "ALL", "nopasswd": True}], yes(PLAIN, "a"), yes("/usr/bin/id"))
    yield sample("nothing twice", free([PLAIN, "a"], [PLAIN, "a"]), yes(PLAIN, "a"), no(PLAIN, "b"))
    yield sample("a file", free(["sudoedit", FILE]), yes("sudoedit", FILE), no("sudoedit", PLAIN), no(PLAIN))
    yield sample("a file, once", free("sudoedit " + FILE), yes("sudoedit", FILE), no("sudoedit", FILE, "/etc/shadow"))
    for quotes in ('a"b', "a'b", '"a"', "'", '"', '"a', '""a'):
        yield sample("quotes %s" % quotes, free([PLAIN, quotes]), yes(PLAIN, quotes), no(PLAIN, "a"), no(PLAIN))
    for words in (["x", "^a$"], ["a", "|", "b"], ["--", "-u", "root"], ["NOPASSWD:", "ALL"], ["a", "!", "/bin/sh"]):
        yield sample("words %s" % words, free([PLAIN, *words]), yes(PLAIN, *words), no(PLAIN, "/bin/sh"), no(PLAIN))
    long = ["word%d" % number for number in range(100)]
    yield sample("a hundred words", free([PLAIN, *long]), yes(PLAIN, *long), no(PLAIN, *long[:-1]))


def _people() -> Iterator[Sample]:
    run = (PLAIN, "a")
    for who, allowed in (
        (MEMBER, {MEMBER}),
        (OTHER, {OTHER}),
        ("%" + GROUP, {MEMBER}),
        ("%" + NOBODYS, set()),
        ("group-x", set()),
        ("Debian-exim", set()),
        ("_", set()),
    ):
        answers = [Question(user, run, user in allowed) for user in (MEMBER, OTHER)]
        yield sample("for %s" % who, free([*run]), *answers, who=who)
    for runas in ("daemon", ["daemon"], ["daemon", "www-data"], [OTHER, "daemon"]):
        listed = [runas] if isinstance(runas, str) else runas
        answers = [Question(MEMBER, run, name in listed, name) for name in ("root", "daemon", "www-data", OTHER)]
        yield sample("as %s" % runas, free([*run], runas=runas), *answers, no(*run))
    yield sample("as anybody", free([*run], runas="ALL"), yes(*run), yes(*run, runas="daemon"), no(PLAIN))
    yield sample("as root alone", free([*run]), yes(*run), no(*run, runas="daemon"), no(*run, runas=MEMBER))
    yield sample(
        "with a group alone",
        free([*run], runas_groups=[GROUP]),
        yes(*run, runas=MEMBER, group=GROUP),
        no(*run),
        no(*run, runas="daemon", group=GROUP),
        no(*run, runas="root", group=GROUP),
        no(*run, runas=MEMBER, group="shadow"),
    )
    yield sample(
        "with users and groups",
        free([*run], runas=["daemon"], runas_groups=[GROUP, "shadow"]),
        yes(*run, runas="daemon", group="shadow"),
        yes(*run, runas="daemon"),
        no(*run, runas="root", group="shadow"),
        no(*run, runas="daemon", group="adm"),
    )


def _tags() -> Iterator[Sample]:
    for nopasswd in (None, True, False):
        for noexec in (None, True, False):
            for setenv in (None, True, False):
                tags = {"nopasswd": nopasswd, "noexec": noexec, "setenv": setenv}
                rules: list[dict[str, Any]] = [{"commands": [[PLAIN, "a"]], **tags}, {"commands": [[PLAIN, "b"]]}]
                yield sample("tags %s" % tags, rules, yes(PLAIN, "a"), yes(PLAIN, "b"), no(PLAIN, "c"))


def _wildcards() -> Iterator[Sample]:
    wild = {"wildcards": True}
    yield sample("a star", free([PLAIN, "a*"], **wild), yes(PLAIN, "abc"), yes(PLAIN, "a", "/b"), no(PLAIN, "b"))
    yield sample("a question mark", free([PLAIN, "a?"], **wild), yes(PLAIN, "ab"), no(PLAIN, "a"), no(PLAIN, "abc"))
    yield sample("a class", free([PLAIN, "[ab]"], **wild), yes(PLAIN, "a"), yes(PLAIN, "b"), no(PLAIN, "c"))
    yield sample("no class", free([PLAIN, "[!ab]"], **wild), yes(PLAIN, "c"), no(PLAIN, "a"))
    yield sample("a star in a path", free([PROGRAMS + "/pl*", "a"], **wild), yes(PLAIN, "a"), no(FILE, "a"))


def _orders() -> Iterator[Sample]:
    """The last rule that matches decides; several rules are several lines."""
    rules = [{"commands": "ALL"}, *free([PLAIN, "a"])]
    yield sample("freer at last", rules, yes(PLAIN, "a"), yes(PLAIN, "b"))
    rules = [*free([PLAIN, "a"], runas="daemon"), *free([PLAIN, "b"])]
    yield sample("two lines", rules, yes(PLAIN, "a", runas="daemon"), no(PLAIN, "a"), yes(PLAIN, "b"))


def _random() -> Iterator[Sample]:
    """Several commands of random words; asked for are those, their neighbours, and mixtures of them."""
    source = random.Random(20260101)
    alphabet = string.ascii_letters + string.digits + ",:=#\\\\]!^$(){}|&;<>'\"%@+-_./~`" * 2
    for number in range(20):
        commands: list[list[str]] = []
        for _round in range(source.randint(1, 4)):
            words = ["".join(source.choices(alphabet, k=source.randint(1, 9))) for _word in range(source.randint(1, 4))]
            if words[0][0] != "^" and '""' not in words:
                commands.append([PLAIN, *words])
        if not commands:
            continue
        said = {" ".join(command) for command in commands}
        asked = [*commands, *(command[:-1] for command in commands), *([*command, "x"] for command in commands)]
        asked += [[*commands[0], *commands[-1][1:]], [PLAIN, source.choice(alphabet)]]
        answers = [Question(MEMBER, tuple(words), " ".join(words) in said) for words in asked]
        yield sample("random %d" % number, free(*commands), *answers)


if __name__ == "__main__":
    print(json.dumps([asdict(each) for each in samples()], indent=1))
