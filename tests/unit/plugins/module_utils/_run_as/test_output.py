# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output is kept up to a size, and nobody can write what is not theirs to say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._run_as._guard import TRAILER
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._output import Collector

if TYPE_CHECKING:
    from pathlib import Path

HEADER = b'{"missing": []}\n'
ENDED = (TRAILER % (3, 0)).encode()


def collected(path: Path, data: bytes, limit: int = 100, first: bool = True) -> Collector:
    heard: list[bool] = []
    collector = Collector(str(path / "pipe"), limit, (lambda: heard.append(True)) if first else None)
    collector.start()
    with open(path / "pipe", "wb", buffering=0) as pipe:
        view = memoryview(data)
        while view:
            view = view[pipe.write(view) :]
    collector.finish()
    assert len(heard) == (1 if collector.missing is not None else 0)
    return collector


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    collector = collected(tmp_path, HEADER + b"one\ntwo")
    assert collector.missing == []
    assert collector.result(True) == (b"one\ntwo", False, None)


def test_the_pipe_is_for_root_alone(tmp_path: Path) -> None:
    collected(tmp_path, HEADER)
    assert os.stat(tmp_path / "pipe").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [99, 100, 101, 5_000_000])
@pytest.mark.parametrize("end", [b"", ENDED])
def test_more_than_the_limit_is_read_and_cut(tmp_path: Path, size: int, end: bytes) -> None:
    """A command that writes without end is held up by nothing and fills nothing."""
    collector = collected(tmp_path, HEADER + b"x" * size + end)
    assert collector.result(True) == (b"x" * min(size, 100), size > 100, (3, 0) if end else None)


def test_only_the_last_bytes_say_how_it_ended(tmp_path: Path) -> None:
    lie = (TRAILER % (0, 0)).encode()
    collector = collected(tmp_path, HEADER + lie + ENDED)
    assert collector.result(True) == (lie, False, (3, 0))


def test_a_run_that_was_killed_says_nothing_about_its_end(tmp_path: Path) -> None:
    """The first program was ended before it could write, so the last bytes are the command's."""
    lie = (TRAILER % (0, 0)).encode()
    collector = collected(tmp_path, HEADER + lie)
    assert collector.result(False) == (lie, False, None)


def test_standard_error_has_no_first_line_and_no_end(tmp_path: Path) -> None:
    collector = collected(tmp_path, HEADER + ENDED, first=False)
    assert collector.missing is None
    assert collector.result(True) == (HEADER + ENDED, False, None)


def test_missing_protections_are_told(tmp_path: Path) -> None:
    assert collected(tmp_path, b'{"missing": ["metadata"]}\n').missing == ["metadata"]


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{}\n", b"hello\n", b'{"missing": 3}\n', b"\xff\n", b"x" * 70000])
def test_a_first_line_that_is_none_means_that_all_is_missing(tmp_path: Path, line: bytes) -> None:
    assert collected(tmp_path, line).missing == ["all"]


def test_nothing_written_means_that_nothing_was_run(tmp_path: Path) -> None:
    collector = collected(tmp_path, b"")
    assert collector.missing is None
    assert collector.result(True) == (b"", False, None)
