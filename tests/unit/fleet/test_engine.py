# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine is not ours to start or to stop, and how other programs that fail are told of."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.tests.fleet.fleetlib.console import Console
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.engine import ensure_engine, stop_engine
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.errors import FleetError
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.process import attempt, output_of, run_logged

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFLEET_CACHE", str(tmp_path / "cache"))


def test_an_engine_that_was_named_and_does_not_answer_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody-listens")
    said = io.StringIO()
    with pytest.raises(FleetError, match=r"answers at DOCKER_HOST=.*nobody-listens: start it, or unset"):
        ensure_engine(Console(said))
    assert said.getvalue() == ""


def test_an_engine_that_was_not_started_here_is_not_stopped() -> None:
    said = io.StringIO()
    assert stop_engine(Console(said)) is False
    assert said.getvalue() == ""


def test_a_failed_program_is_told_of_in_its_last_words() -> None:
    program = [sys.executable, "-c", "import sys; sys.exit('a reason')"]
    with pytest.raises(FleetError, match=r"^the thing failed: a reason$"):
        output_of(program, "the thing")


def test_a_program_that_is_not_there_or_does_not_end_is_a_failure() -> None:
    assert attempt(["labfleet-no-such-program"]).returncode == 127
    assert attempt([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2).returncode == 124


def test_the_log_is_named_and_keeps_everything(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    run_logged([sys.executable, "-c", "print('first')"], "the first", log)
    program = [sys.executable, "-c", "import sys; print('second'); sys.exit(3)"]
    with pytest.raises(FleetError, match=r"the second failed: second; the whole log is .*a\.log$"):
        run_logged(program, "the second", log)
    assert "first\n" in log.read_text(encoding="utf-8")


def test_a_step_says_that_it_failed() -> None:
    said = io.StringIO()
    with pytest.raises(FleetError), Console(said).step("make a thing"):
        raise FleetError("no")
    assert said.getvalue().startswith("- make a thing ...\n  failed after ")
