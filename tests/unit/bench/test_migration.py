# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmark of UID migration runs, checks and says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from benchlib.errors import BenchError
from benchlib.migration import WAYS, YARDSTICK, Tree, WaySummary, _check, _commands, _make, _timed
from benchlib.migration_page import migration_page
from benchlib.stats import spread

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("way", WAYS[:2])
def test_the_commands_of_others_really_do_the_work_and_the_check_sees_it(tmp_path: Path, way: str) -> None:
    tree = Tree(250, 2)
    _make(tmp_path, tree, 41000)
    _check(tmp_path, tree, 41000)
    with pytest.raises(BenchError, match="files belong to 51000"):
        _check(tmp_path, tree, 51000)
    _timed(_commands(way, tmp_path, tree, 41000, 51000))
    _check(tmp_path, tree, 51000)
    os.chown(tmp_path / "user0" / "folder0" / "file7", 41000, 51000)
    with pytest.raises(BenchError, match="files belong to 51000"):
        _check(tmp_path, tree, 51000)


def test_the_page_is_whole() -> None:
    one = spread([1.0])
    page = migration_page(Tree(1_000_000, 20), [WaySummary(YARDSTICK, one, one, one, one, 1)])
    assert "1,000,000 files of 20 people" in page
    assert "-exec chown -h NEW:NEW {} +" in page
    assert page.count("\n| `find -uid`") == 1
