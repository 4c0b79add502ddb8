# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting a host back: whatever was done to a directory, afterwards it is what it was."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Path(__file__).resolve().parents[2] / "bench" / "hostside" / "restore.py"


def load_restore() -> Any:
    spec = importlib.util.spec_from_file_location("bench_hostside_restore", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shape(root: Path) -> list[tuple[str, int, bytes]]:
    found = []
    for path in sorted(root.rglob("*")):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found.append((str(path.relative_to(root)), mode, content))
    return found


def inodes_of(root: Path) -> set[int]:
    return {path.lstat().st_ino for path in root.rglob("*")}


def make(root: Path) -> None:
    (root / "ssh").mkdir(parents=True)
    (root / "passwd").write_text("root:x:0:0\n", encoding="utf-8")
    (root / "passwd").chmod(0o644)
    (root / "shadow").write_text("root:*\n", encoding="utf-8")
    (root / "shadow").chmod(0o640)
    (root / "ssh" / "sshd_config").write_text("Include\n", encoding="utf-8")
    (root / "link").symlink_to("passwd")
    (root / "empty").mkdir(mode=0o700)


def swap_file_for_directory(root: Path) -> None:
    (root / "passwd").unlink()
    (root / "passwd").mkdir()
    (root / "passwd" / "x").write_text("x", encoding="utf-8")


def swap_directory_for_link(root: Path) -> None:
    shutil.rmtree(root / "ssh")
    (root / "ssh").symlink_to("empty")


def swap_link_for_file(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").write_text("root:x:0:0\n", encoding="utf-8")


def add_home(root: Path) -> None:
    (root / "empty" / "person").mkdir()
    (root / "empty" / "person" / ".bashrc").write_text("", encoding="utf-8")
    (root / "new").symlink_to("/nonexistent")


CHANGES: list[Callable[[Path], object]] = [
    Path.exists,  # nothing at all
    lambda root: (root / "passwd").write_text("root:x:0:1\n", encoding="utf-8"),
    lambda root: (root / "shadow").unlink(),
    lambda root: (root / "shadow").chmod(0o600),
    lambda root: (root / "empty").rmdir(),
    shutil.rmtree,
    swap_file_for_directory,
    swap_directory_for_link,
    swap_link_for_file,
    add_home,
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_comes_back(tmp_path: Path, change: Callable[[Path], object]) -> None:
    kept, live = tmp_path / "kept", tmp_path / "live"
    make(kept)
    make(live)
    wanted = shape(kept)
    change(live)
    inodes = inodes_of(live)
    restore = load_restore()
    restore.PAST = str(tmp_path / "past")
    restore.put_back(str(kept), str(live))
    assert shape(live) == wanted
    # nothing was deleted, which would make the next measurement slower
    assert inodes <= inodes_of(tmp_path)
    assert shape(kept) == wanted
