# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import environments
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def offer(monkeypatch: pytest.MonkeyPatch, *versions: tuple[int, int, int]) -> None:
    found = {"/python%d.%d.%d" % version: (version, True) for version in versions}
    monkeypatch.setattr(environments, "interpreters", lambda: found)


@pytest.mark.parametrize(
    ("name", "chosen"), [("main", "/python3.13.4"), ("core219", "/python3.11.2"), ("oldest", "/python3.8.1")]
)
def test_each_environment_gets_the_python_it_is_for(monkeypatch: pytest.MonkeyPatch, name: str, chosen: str) -> None:
    offer(monkeypatch, (3, 8, 1), (3, 11, 1), (3, 11, 2), (3, 13, 0), (3, 13, 4), (3, 99, 0))
    assert environments.choose_interpreter(name)[0] == chosen


def test_without_a_python_that_fits_it_says_which_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, (3, 11, 2))
    with pytest.raises(environments.NoInterpreterError, match=r"from 3\.12 to 3\.14.*'main'"):
        environments.choose_interpreter("main")


def test_this_python_is_found() -> None:
    version = tuple(sys.version_info[:3])
    assert version in [found for found, _complete in environments.interpreters().values()]


def test_what_a_killed_run_left_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    base = os.path.realpath(sys.executable)
    monkeypatch.setattr(environments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(environments, "REPOSITORY", tmp_path)
    monkeypatch.setattr(environments, "choose_interpreter", lambda _name: (base, tuple(sys.version_info[:3])))
    (tmp_path / "requirements").mkdir()
    pins = tmp_path / "requirements" / "main.txt"
    pins.write_text("# nothing\n")
    target = environments.place(pins, base, tuple(sys.version_info[:3]))
    (target / "bin").mkdir(parents=True)
    (target / "bin" / "python").symlink_to(base)

    assert environments.make("main") == target
    assert (tmp_path / ".venv").resolve() == target.resolve()
    assert (target / "pyvenv.cfg").exists()

    (target / "whole").touch()
    assert environments.make("main") == target
    assert (target / "whole").exists()


def test_other_pins_or_another_python_are_another_environment(tmp_path: Path) -> None:
    pins = tmp_path / "main.txt"
    places = []
    for text, interpreter, version in [
        ("a==1\n", "/a", (3, 12, 1)),
        ("a==2\n", "/a", (3, 12, 1)),
        ("a==1\n", "/b", (3, 12, 1)),
        ("a==1\n", "/a", (3, 12, 2)),
        ("a==1\n", "/a", (3, 12, 1)),
    ]:
        pins.write_text(text)
        places.append(environments.place(pins, interpreter, version))
    assert len(set(places)) == 4
    assert places[0] == places[-1]
