# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install Debian packages on the controller, patient with whoever else holds the package lock."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import FleetError
from .paths import cache_directory
from .process import attempt, run_logged

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOCK_ATTEMPTS = 60
_LOCK_PAUSE_SECONDS = 5
_LOCKED = ("could not get lock", "unable to lock", "is another process using it")


def is_debian_like() -> bool:
    return Path("/etc/debian_version").exists() and Path("/usr/bin/apt-get").exists()


def install(packages: Sequence[str], *, optional: Sequence[str] = ()) -> None:
    """Install PACKAGES, and of OPTIONAL those that this release knows."""
    _apt_get("update")
    known = [name for name in optional if attempt(["apt-cache", "show", name]).returncode == 0]
    _apt_get("install", "--yes", "--no-install-recommends", *packages, *known)


def _apt_get(*arguments: str) -> None:
    log = cache_directory("logs") / "apt.log"
    # RUNLEVEL=1: where no systemd runs, no package starts its daemon by itself.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "RUNLEVEL": "1"}
    command = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300", *arguments]
    for remaining in range(_LOCK_ATTEMPTS, -1, -1):
        try:
            run_logged(command, f"apt-get {arguments[0]}", log, environment=environment)
        except FleetError as error:
            if remaining == 0 or not any(sign in str(error).lower() for sign in _LOCKED):
                raise
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            return
