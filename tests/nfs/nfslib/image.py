# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk that every machine starts from: made when it is not there, keyed by everything that goes into it."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fleetlib.debian import make_debian, read_packages
from fleetlib.image import content_key
from fleetlib.paths import cache_directory
from fleetlib.process import output_of

from .needs import KERNEL, MODULES

if TYPE_CHECKING:
    from fleetlib.console import Console

_CONTEXT = Path(__file__).resolve().parent.parent / "image"
_SIZE = "2G"
_KEPT = 3


def ensure_disk(release: str, console: Console) -> Path:
    """The path of the disk; the same content has the same name in every checkout."""
    content = [path.read_bytes() for path in sorted(_CONTEXT.iterdir())]
    key = content_key(release.encode(), KERNEL.read_bytes(), *content)
    directory = cache_directory("machines")
    disk = directory / f"{release}-{key}.img"
    with (directory / f"{release}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes make a disk once
        if not disk.exists():
            with console.step(f"make the disk of a machine with Debian {release}"):
                _make(release, disk)
                disk.with_suffix(".used").touch()
            _forget_old(directory, release)
        disk.with_suffix(".used").touch()
    return disk


def _make(release: str, disk: Path) -> None:
    root = disk.with_suffix(f".{os.getpid()}.root")
    partial = disk.with_suffix(f".{os.getpid()}.partial")
    files = "/usr/local/share/labfleet"
    hooks = [
        f'mkdir -p "$1"{files} "$1"/lib/modules',
        f'cp -a {MODULES}/. "$1"/lib/modules/',
        f"copy-in {_CONTEXT}/seed.sh {_CONTEXT}/setup.sh {files}",
        f'chroot "$1" sh {files}/setup.sh',
    ]
    try:
        options = ["--format=directory", *(f"--customize-hook={hook}" for hook in hooks)]
        make_debian(release, read_packages(_CONTEXT / "packages.txt"), root, options=options)
        output_of(["truncate", "--size", _SIZE, str(partial)], "making an empty disk")
        output_of(["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(root), str(partial)], "filling a disk", timeout=300)
        partial.replace(disk)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        partial.unlink(missing_ok=True)


def _forget_old(directory: Path, release: str) -> None:
    """Disks are large, so those that nobody used for the longest time go, and what a killed run left of one."""
    marks = sorted(directory.glob(f"{release}-*.used"), key=lambda path: path.stat().st_mtime, reverse=True)
    for mark in marks[_KEPT:]:
        mark.with_suffix(".img").unlink(missing_ok=True)
        mark.unlink()
    for left in directory.glob(f"{release}-*.root"):
        shutil.rmtree(left, ignore_errors=True)
    for left in directory.glob(f"{release}-*.partial"):
        with suppress(FileNotFoundError):
            left.unlink()
