# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The people of the benchmark, and the scripts that make them."""

from __future__ import annotations

import base64
import subprocess

import pytest
from benchlib.people import (
    FIRST_UID,
    Person,
    as_roster,
    as_variables,
    make_people,
    with_everything,
)
from benchlib.scripts import newusers_script, useradd_script


def test_people_are_the_same_every_time_and_a_smaller_number_is_the_beginning_of_a_larger() -> None:
    assert make_people(20)[:5] == make_people(5)


def test_nothing_is_shared_between_people() -> None:
    people = make_people(1000)
    assert len({person.name for person in people}) == 1000
    assert [person.uid for person in people] == list(range(FIRST_UID, FIRST_UID + 1000))
    assert len({key.split()[1] for person in people for key in person.keys}) == 2000


def test_a_key_has_the_form_of_an_ed25519_key() -> None:
    kind, blob, comment = make_people(1)[0].keys[0].split()
    data = base64.b64decode(blob, validate=True)
    assert kind == "ssh-ed25519"
    assert data[:19] == b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    assert len(data) == 19 + 32
    assert comment == "person0000@machine0"


def test_variables_and_roster_speak_of_the_same_people() -> None:
    people = make_people(7)
    variables = as_variables(people)["people"]
    assert isinstance(variables, list)
    assert [each["name"] for each in variables] == [each["username"] for each in as_roster(people)]
    assert [each["keys"] for each in variables] == [each["keys"] for each in as_roster(people)]


@pytest.mark.parametrize("script", [useradd_script, newusers_script])
def test_a_script_is_valid_shell(script: object) -> None:
    assert callable(script)
    done = subprocess.run(["sh", "-n"], input=script(make_people(3)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_with_a_quote_does_not_leave_its_quotes() -> None:
    script = useradd_script([Person("flann", 66000, "Flann O'Brien $(touch x)", ("ssh-ed25519 AAAA f@m",))])
    line = next(line for line in script.splitlines() if "useradd" in line)
    shown = subprocess.run(
        ["sh", "-c", "useradd() { printf '%s|' \"$@\"; }; groupadd() { :; }; getent() { false; }; changed=0\n" + line],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "|-c|Flann O'Brien $(touch x)|-s|" in shown.stdout


def test_some_have_everything_and_one_in_twenty_rules_of_sudo() -> None:
    people = with_everything(make_people(40))
    assert [person.name for person in people if "sudo" in person.beside] == ["person0000", "person0020"]
    variables = as_variables(people)
    assert isinstance(variables["people"], list)
    for person, given in zip(people, variables["people"]):
        assert bool(given["sudo"]) == ("sudo" in person.beside)
    assert isinstance(variables["in_common"], dict)
    assert {"limits", "subids", "umask", "environment", "mail_alias"} == set(variables["in_common"])


def test_who_has_an_account_and_nothing_else_has_nothing_in_common() -> None:
    variables = as_variables(make_people(2))
    assert variables["in_common"] == {}
    assert isinstance(variables["people"], list)
    assert not any("sudo" in each for each in variables["people"])
