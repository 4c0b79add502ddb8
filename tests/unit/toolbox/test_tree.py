# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="checkout")
def make_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "plugins").mkdir(parents=True)
    for name in ("tracked", "plugins/deep", "gone", "ignored", "untracked"):
        (root / name).write_text(name)
    (root / ".gitignore").write_text("/ignored\n")
    (root / "link").symlink_to("tracked")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "tracked", "plugins", "gone", "link", ".gitignore"], check=True)
    (root / "gone").unlink()
    monkeypatch.setattr(tree, "REPOSITORY", root)
    return root


def content(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if not path.is_dir() and ".git" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): os.readlink(path) if path.is_symlink() else path.read_text() for path in files}


@pytest.mark.usefixtures("checkout")
def test_the_copy_is_what_git_knows_or_would_add(tmp_path: Path) -> None:
    tree.copy_tree(tmp_path / "copy")
    assert content(tmp_path / "copy") == {
        ".gitignore": "/ignored\n",
        "link": "tracked",
        "plugins/deep": "plugins/deep",
        "tracked": "tracked",
        "untracked": "untracked",
    }


def test_the_copy_follows_the_checkout(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    tree.copy_tree(copy)
    unchanged = (copy / "tracked").stat().st_ino
    (copy / "tests" / "output").mkdir(parents=True)
    (copy / "tests" / "output" / "report").write_text("made by a tool")

    (checkout / "plugins" / "deep").unlink()
    (checkout / "untracked").unlink()
    (checkout / "untracked").symlink_to("tracked")
    (checkout / "tracked.new").mkdir()
    (checkout / "tracked.new" / "one").write_text("1")
    tree.copy_tree(copy)
    assert content(copy) == {
        ".gitignore": "/ignored\n",
        "link": "tracked",
        "tests/output/report": "made by a tool",
        "tracked": "tracked",
        "tracked.new/one": "1",
        "untracked": "tracked",
    }
    assert not (copy / "plugins").exists()
    assert (copy / "tracked").stat().st_ino == unchanged
