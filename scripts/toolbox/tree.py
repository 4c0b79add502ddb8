# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy the checkout to where Ansible's tools want a collection, and print that path.

They need a path that ends in ansible_collections/labfleet/identity. Copied are the files that git knows and those it
would add (untracked and not ignored); what is gone from the checkout goes from the copy as well. Caches and reports
that tools leave in the copy stay. Only what has changed is copied, so a second call costs next to nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from places import REPOSITORY, TREE

LEFT_ALONE = frozenset(
    {".git", "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".ansible", ".fleet"}
)


class TreeError(Exception):
    """What stops the copy, in one sentence."""


def known_files() -> list[str]:
    command = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        ran = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError as missing:
        raise TreeError("git is needed to know which files belong to the collection: install it first.") from missing
    if ran.returncode != 0:
        raise TreeError("git could not list the files of this checkout: %s" % ran.stderr.decode().strip())
    names = {os.fsdecode(name) for name in ran.stdout.split(b"\0") if name}
    return sorted(name for name in names if os.path.lexists(str(REPOSITORY / name)))


def is_same(source: Path, target: Path) -> bool:
    if not os.path.lexists(str(target)):
        return False
    if source.is_symlink() or target.is_symlink():
        return source.is_symlink() and target.is_symlink() and os.readlink(str(source)) == os.readlink(str(target))
    ours, theirs = source.stat(), target.stat()
    return (ours.st_size, ours.st_mtime_ns, ours.st_mode) == (theirs.st_size, theirs.st_mtime_ns, theirs.st_mode)


def copy(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name("%s.copy-%d" % (target.name, os.getpid()))
    shutil.copy2(str(source), str(fresh), follow_symlinks=False)
    os.replace(str(fresh), str(target))


def remove_strangers(root: Path, names: list[str]) -> None:
    wanted = set(names)
    visited = []
    for directory, subdirectories, files in os.walk(str(root), topdown=True):
        here = Path(directory)
        relative = here.relative_to(root)
        subdirectories[:] = [
            name for name in subdirectories if name not in LEFT_ALONE and (relative / name) != Path("tests/output")
        ]
        visited += [here / name for name in subdirectories if not (here / name).is_symlink()]
        for name in files + [name for name in subdirectories if (here / name).is_symlink()]:
            if (relative / name).as_posix() not in wanted:
                (here / name).unlink()
    for directory_left in reversed(visited):
        if not any(directory_left.iterdir()):
            directory_left.rmdir()


def copy_tree(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    with (root.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / ".git").exists():
            # ansible-test and ansible-lint ask git which files there are, and the checkout's git ignores this copy.
            subprocess.run(["git", "init", "--quiet", str(root)], check=True)
        names = known_files()
        remove_strangers(root, names)
        for name in names:
            if not is_same(REPOSITORY / name, root / name):
                copy(REPOSITORY / name, root / name)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/tree", description=str(__doc__).splitlines()[0])
    parser.add_argument("--into", default=str(TREE.parents[2]), help="directory that gets ansible_collections/")
    asked = parser.parse_args(arguments)
    root = Path(asked.into).resolve() / "ansible_collections" / "labfleet" / "identity"
    try:
        copy_tree(root)
    except (TreeError, OSError, subprocess.CalledProcessError) as problem:
        print("scripts/tree: %s" % problem, file=sys.stderr)
        return 1
    print(root)
    return 0
