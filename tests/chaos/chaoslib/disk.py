# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small disk of its own, which can really be full."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Room for two copies of the largest ledger of a campaign, which is what a replacement needs.
SIZE = 48 << 20


def small_disk(directory: Path) -> str:
    """Mount a disk in memory at this directory, for this process and those that it starts; else why that cannot be."""
    unshare = getattr(os, "unshare", None)
    if unshare is None:
        return "it takes Python 3.12"
    try:
        unshare(os.CLONE_NEWNS)
    except OSError as error:
        return f"it takes root, or the right to mount ({error.strerror})"
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"mode=0700,size={SIZE}", "tmpfs", str(directory)],
    ):
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        if ran.returncode != 0:
            return f"{command[0]} failed: {ran.stderr.strip()}"
    return ""


def take_away(directory: Path) -> None:
    """Unmount the small disk, if it is one."""
    if os.path.ismount(directory):
        subprocess.run(["umount", "--lazy", str(directory)], check=False, capture_output=True)


class Ballast:
    """A file that takes all the room there is."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / ".ballast"
        self.there = False

    def fill(self) -> None:
        """Leave not a byte."""
        self.there = True
        with self._path.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def empty(self) -> None:
        """Give all of it back."""
        self._path.unlink(missing_ok=True)
        self.there = False
