# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of the servers: whole or not there."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._environment import (
    Pins,
    build,
    environments,
    in_use,
    is_complete,
    locate,
    remove,
)

PINS = Pins("jupyterlab==1 --hash=sha256:00\n", "/usr/bin/python3")
SECRET = "https://user:canary@example.org/simple"


class Programs:
    """Stands for python and pip: makes what venv makes, and notes what it was asked."""

    def __init__(self, version: str = "3 11 /usr/bin/python3.11", fails: str = "") -> None:
        self.version = version
        self.fails = fails
        self.asked: list[tuple[list[str], dict[str, str]]] = []

    def __call__(self, command: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
        self.asked.append((command, variables))
        if "-c" in command:
            return (0, self.version + "\n", "") if self.version else (1, "", "No module named 'ensurepip'\n")
        if self.fails and self.fails in command:
            return 1, "", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n"
        if "venv" in command:
            settings = Path(command[-1], "pyvenv.cfg")
            settings.write_text("home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n")
        return 0, "", ""


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "opt" / "jupyter")


@pytest.fixture(autouse=True)
def above(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)


def test_other_pins_and_another_python_make_another_place(place: str) -> None:
    there = locate(PINS, Programs(), place=place)
    assert locate(PINS, Programs(), place=place) == there
    assert locate(Pins(PINS.requirements + "#", PINS.python), Programs(), place=place) != there
    assert locate(PINS, Programs("3 13 /usr/bin/python3.13"), place=place) != there


@pytest.mark.parametrize("version", ["3 10 /x", "3 14 /x", "2 7 /x"])
def test_a_python_that_the_pins_are_not_for_is_refused(place: str, version: str) -> None:
    with pytest.raises(IdentityError, match=r"and the pins are for 3\.11 to 3\.13"):
        locate(PINS, Programs(version), place=place)


def test_what_is_missing_is_said_and_in_check_mode_awaited(place: str) -> None:
    with pytest.raises(IdentityError, match="ensurepip'; install python3-venv"):
        locate(PINS, Programs(""), place=place)
    assert os.path.dirname(locate(PINS, Programs(""), check=True, place=place)) == place


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes environments")
class TestBuild:
    def test_it_is_whole_then(self, place: str) -> None:
        environment = locate(PINS, Programs(), place=place)
        build(environment, PINS, Programs())
        assert is_complete(environment)
        assert environments(place) == [environment]
        assert Path(environment, "requirements.txt").read_text() == PINS.requirements
        settings = Path(environment, "pyvenv.cfg").read_text().splitlines()
        assert settings == ["home = /usr/bin", "version = 3.11.2", "include-system-site-packages = true"]
        assert os.stat(environment).st_mode & 0o777 == 0o755

    def test_hashes_are_required_and_nothing_is_built(self, place: str) -> None:
        programs = Programs()
        build(locate(PINS, programs, place=place), PINS, programs)
        pip = next(command for command, _variables in programs.asked if "pip" in command)
        assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "-I"} <= set(pip)

    @pytest.mark.parametrize("step", ["venv", "pip", "compileall"])
    def test_nothing_of_a_broken_one_stays(self, place: str, step: str) -> None:
        environment = locate(PINS, Programs(), place=place)
        with pytest.raises(IdentityError, match="was not made: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"):
            build(environment, PINS, Programs(fails=step))
        assert environments(place) == []
        build(environment, PINS, Programs())
        assert is_complete(environment)

    def test_one_that_was_cut_short_is_made_anew(self, place: str) -> None:
        environment = locate(PINS, Programs(), place=place)
        os.makedirs(environment)
        Path(environment, "half").touch()
        assert not is_complete(environment)
        build(environment, PINS, Programs())
        assert not Path(environment, "half").exists()

    def test_the_password_of_an_index_is_no_argument(self, place: str) -> None:
        programs = Programs()
        pins = Pins(PINS.requirements, PINS.python, index_url=SECRET)
        build(locate(pins, programs, place=place), pins, programs)
        assert not any("canary" in word for command, _variables in programs.asked for word in command)
        assert [variables for _command, variables in programs.asked if variables] == [{"PIP_INDEX_URL": SECRET}]

    def test_wheels_leave_no_index(self, place: str) -> None:
        programs = Programs()
        pins = Pins(PINS.requirements, PINS.python, wheels="/srv/wheels", index_url=SECRET)
        build(locate(pins, programs, place=place), pins, programs)
        pip = next(command for command, _variables in programs.asked if "pip" in command)
        assert pip[pip.index("--no-index") :][:3] == ["--no-index", "--find-links", "/srv/wheels"]
        assert not any(variables for _command, variables in programs.asked)

    def test_a_place_that_others_can_change_is_refused(self, place: str) -> None:
        os.makedirs(place)
        os.chmod(place, 0o777)
        with pytest.raises(IdentityError, match="can be changed by others than root"):
            build(os.path.join(place, "abc"), PINS, Programs())

    def test_removed_twice(self, place: str) -> None:
        environment = os.path.join(place, "abc")
        build(environment, PINS, Programs())
        remove(environment)
        remove(environment)
        assert environments(place) == []


def test_who_runs_from_an_environment(tmp_path: Path) -> None:
    def process(number: str, *words: str) -> None:
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_bytes(b"\0".join(word.encode() for word in words))

    process("12", "/opt/j/aaa/bin/python3", "/opt/j/aaa/bin/jupyter-lab")
    process("13", "grep", "x", "/opt/j/bbb/bin/python")
    process("14")
    process("self", "/opt/j/bbb/bin/python")
    found: Any = in_use(["/opt/j/aaa", "/opt/j/bbb"], str(tmp_path))
    assert found == {"/opt/j/aaa"}
    assert in_use([], "/nowhere") == set()


def test_a_process_whose_words_never_come_stops_nobody_and_nothing_is_removed(tmp_path: Path) -> None:
    """Words that a user put on a file system of their own are read when that answers, or never."""
    for number in ("12", "13"):
        (tmp_path / number).mkdir()
    os.mkfifo(tmp_path / "12" / "cmdline")
    (tmp_path / "13" / "cmdline").write_bytes(b"/opt/j/aaa/bin/python3")
    began = time.monotonic()
    assert in_use(["/opt/j/aaa", "/opt/j/bbb"], str(tmp_path), patience=0.5) == {"/opt/j/aaa", "/opt/j/bbb"}
    assert time.monotonic() - began < 5
