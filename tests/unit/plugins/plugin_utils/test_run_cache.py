# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer is found once in a run, whoever asks first, and nothing of another question is ever given."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import file_mark
from ansible_collections.labfleet.identity.plugins.plugin_utils._run_cache import kept_for_the_run

if TYPE_CHECKING:
    from pathlib import Path

ASKERS = 8


class Finder:
    """Finds an answer, and counts how often it was asked to."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.times = 0

    def __call__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self.times += 1
        return {"is": self.answer, "changed": True}, {"is": self.answer, "changed": False}


def ask(directory: str, log: str) -> None:
    def find() -> tuple[dict[str, Any], dict[str, Any]]:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.2)
        return {"uid": 5238}, {"uid": 5238}

    assert kept_for_the_run(directory, ["who"], find, 60) == {"uid": 5238}


def test_the_first_is_told_what_it_did_and_the_others_what_is(tmp_path: Path) -> None:
    find = Finder("alice")
    answers = [kept_for_the_run(str(tmp_path), {"uid": 5238}, find, 1) for _time in range(3)]
    assert [answer["changed"] for answer in answers] == [True, False, False]
    assert find.times == 1
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_another_question_has_another_answer(tmp_path: Path) -> None:
    for number in (5238, 5239):
        assert kept_for_the_run(str(tmp_path), {"uid": number}, Finder(str(number)), 1)["is"] == str(number)


def test_all_who_ask_at_once_wait_for_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("fork")
    askers = [context.Process(target=ask, args=(str(tmp_path), str(log))) for _asker in range(ASKERS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [asker.exitcode for asker in askers] == [0] * ASKERS
    assert len(log.read_text().splitlines()) == 1


def test_who_fails_leaves_the_question_to_the_next(tmp_path: Path) -> None:
    def fail() -> tuple[dict[str, Any], dict[str, Any]]:
        raise KeyError("no ledger")

    with pytest.raises(KeyError):
        kept_for_the_run(str(tmp_path), "who", fail, 1)
    assert kept_for_the_run(str(tmp_path), "who", Finder("alice"), 1)["changed"]


@pytest.mark.parametrize("broken", ["", "{", "[", "\0" * 100])
def test_a_broken_answer_is_no_answer(tmp_path: Path, broken: str) -> None:
    kept_for_the_run(str(tmp_path), "who", Finder("alice"), 1)
    (kept,) = tmp_path.glob("labfleet-*.json")
    kept.write_text(broken)
    assert kept_for_the_run(str(tmp_path), "who", Finder("bob"), 1)["is"] == "bob"


def test_a_directory_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    find = Finder("alice")
    assert [kept_for_the_run(gone, "who", find, 1)["changed"] for _time in range(2)] == [True, True]
    assert find.times == 2


def test_a_file_that_changes_changes_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "roster.yml"
    assert file_mark(str(path)) == []
    path.write_text("[]")
    before = file_mark(str(path))
    assert before == file_mark(str(path))
    path.write_text("[{}]")
    assert file_mark(str(path)) != before


def test_a_question_may_hold_whatever_somebody_wrote(tmp_path: Path) -> None:
    odd = [{"roster": [{"username": "bob", 5: "x", None: [1.5]}]}, "file:ledger.jsonl"]
    assert kept_for_the_run(str(tmp_path), odd, Finder("bob"), 1)["changed"]
    assert not kept_for_the_run(str(tmp_path), odd, Finder("bob"), 1)["changed"]
