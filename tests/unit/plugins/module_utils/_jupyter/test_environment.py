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
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter import _environment, _wheels
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
WHEEL = "JupyterLab-1-py3-none-any.whl"
PINNED = Path(__file__).parents[5] / "roles" / "jupyter" / "files" / "requirements.txt"
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
            Path(command[-1], "lib", "python3.11", "site-packages").mkdir(parents=True)
        return 0, "", ""


class Exchanging(Programs):
    """Exchanges the wheel in the original directory when pip runs, and notes what pip finds."""

    def __init__(self, wheels: Path) -> None:
        super().__init__()
        self.wheels = wheels
        self.found: dict[str, bytes] = {}
        self.mode = 0

    def __call__(self, command: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
        if "--find-links" in command:
            (self.wheels / "new").write_bytes(b"exchanged")
            (self.wheels / "new").rename(self.wheels / WHEEL)
            found = Path(command[command.index("--find-links") + 1])
            self.found = {path.name: path.read_bytes() for path in found.iterdir()}
            self.mode = found.stat().st_mode & 0o777
        return super().__call__(command, variables)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "opt" / "jupyter")


@pytest.fixture(autouse=True)
def above(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    made = tmp_path / "wheels"
    made.mkdir()
    (made / WHEEL).write_bytes(b"good")
    return made


def test_another_stand_in_for_the_debugger_makes_another_place(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = locate(PINS, Programs(), place=place)
    monkeypatch.setattr(_environment, "_NO_DEBUGGER", "another")
    assert locate(PINS, Programs(), place=place) != there


def test_the_pins_of_the_role_have_no_debugger() -> None:
    """It listens on a port of the host without asking who connects, and runs what it is told."""
    assert "debugpy" not in [line.partition("==")[0] for line in PINNED.read_text(encoding="utf-8").splitlines()]


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

    def test_wheels_leave_no_index(self, place: str, wheels: Path) -> None:
        programs = Programs()
        pins = Pins(PINS.requirements, PINS.python, wheels=str(wheels), index_url=SECRET)
        build(locate(pins, programs, place=place), pins, programs)
        pip = next(command for command, _variables in programs.asked if "pip" in command)
        assert pip[pip.index("--no-index") :][:2] == ["--no-index", "--find-links"]
        assert not any(variables for _command, variables in programs.asked)

    def test_pip_sees_the_wheels_as_they_were_copied(self, place: str, wheels: Path) -> None:
        """It checks a hash and opens the file a second time: who may write there could exchange it in between."""
        (wheels / "other-1-py3-none-any.whl").touch()
        (wheels / "index.html").write_text('<a href="https://example.org/jupyterlab-1-py3-none-any.whl">x</a>')
        pins = Pins(PINS.requirements, PINS.python, wheels=str(wheels))
        environment = locate(pins, Programs(), place=place)
        programs = Exchanging(wheels)
        build(environment, pins, programs)
        assert programs.found == {WHEEL: b"good"}
        assert programs.mode == 0o700
        assert not os.path.exists(os.path.join(environment, "wheels"))

    @pytest.mark.parametrize("sort", ["link", "fifo", "directory"])
    def test_what_only_looks_like_a_wheel_is_refused(self, place: str, wheels: Path, sort: str) -> None:
        wheel = wheels / WHEEL
        wheel.unlink()
        if sort == "link":
            (wheels / "elsewhere").write_bytes(b"secret")
            wheel.symlink_to("elsewhere")
        elif sort == "fifo":
            os.mkfifo(wheel)
        else:
            wheel.mkdir()
        with pytest.raises(IdentityError, match=r"'JupyterLab-1-py3-none-any\.whl' in wheels .* is no regular file"):
            build(os.path.join(place, "abc"), Pins(PINS.requirements, PINS.python, wheels=str(wheels)), Programs())
        assert environments(place) == []

    def test_wheels_do_not_fill_the_disk(self, place: str, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pins = Pins(PINS.requirements, PINS.python, wheels=str(wheels))
        with monkeypatch.context() as patch:
            patch.setattr(_wheels, "MOST_BYTES", 3)
            with pytest.raises(IdentityError, match=r"the wheels in .* are more than 3 bytes: leave there only"):
                build(os.path.join(place, "abc"), pins, Programs())
        with monkeypatch.context() as patch:
            patch.setattr(_wheels, "MOST_NAMES", 0)
            with pytest.raises(IdentityError, match="more than 0 names: leave there only"):
                build(os.path.join(place, "abc"), pins, Programs())
        assert environments(place) == []

    def test_a_directory_of_wheels_that_is_missing_is_said(self, place: str, tmp_path: Path) -> None:
        pins = Pins(PINS.requirements, PINS.python, wheels=str(tmp_path / "nowhere"))
        with pytest.raises(IdentityError, match=r"wheels .*nowhere cannot be opened: No such file"):
            build(os.path.join(place, "abc"), pins, Programs())

    def test_nothing_that_was_installed_runs_as_root(self, place: str) -> None:
        """A .pth file in the environment runs in every Python that looks at its packages."""
        programs = Programs()
        build(os.path.join(place, "abc"), PINS, programs)
        after = [command for command, _variables in programs.asked]
        after = after[1 + next(index for index, command in enumerate(after) if "pip" in command) :]
        assert after
        assert all(command[1:3] == ["-I", "-S"] for command in after)

    def test_there_is_no_debugger_whoever_brings_one(self, place: str) -> None:
        environment = os.path.join(place, "abc")
        build(environment, PINS, Programs())
        module = Path(environment, "lib", "python3.11", "site-packages", "debugpy", "__init__.py")
        assert (module.stat().st_mode & 0o777, module.parent.stat().st_mode & 0o777) == (0o644, 0o755)
        with pytest.raises(ImportError, match="every user of this machine"):
            exec(compile(module.read_text(), str(module), "exec"), {})

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
