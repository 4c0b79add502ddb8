# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian made from its packages, where no registry gives one."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .apt import install, is_debian_like
from .errors import FleetError
from .paths import cache_directory
from .process import attempt, run_logged

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT_MIRROR = "http://deb.debian.org/debian"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TOOLS = ("mmdebstrap", "debian-archive-keyring")
_UNREAD = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_INSTALLING = threading.Lock()


def _ensure_tools(release: str, way_out: str) -> None:
    with _INSTALLING:
        if shutil.which("mmdebstrap") and _KEYRING.exists():
            return
        if not is_debian_like() or os.geteuid() != 0:
            raise FleetError(f"Debian {release} cannot be made here: install {' and '.join(_TOOLS)}{way_out}")
        install(_TOOLS)


def read_packages(path: Path) -> list[str]:
    """The names in a list of packages, one a line, with comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def make_debian(
    release: str, packages: Sequence[str], target: Path, *, options: Sequence[str] = (), way_out: str = ""
) -> None:
    """Make TARGET, a tarball or a directory by its name, of PACKAGES; OPTIONS are those of mmdebstrap."""
    _ensure_tools(release, way_out)
    argv = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", f"--keyring={_KEYRING}"]
    argv += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNREAD)]
    argv += [*(f"--aptopt={setting}" for setting in _apt_settings()), *options]
    run_logged(
        [*argv, release, str(target), os.environ.get("LABFLEET_DEBIAN_MIRROR", _DEFAULT_MIRROR)],
        f"mmdebstrap of Debian {release}",
        cache_directory("logs") / f"mmdebstrap-{release}.log",
    )


def _apt_settings() -> list[str]:
    """How this machine reaches its packages (a proxy, a frozen mirror) holds for the image too."""
    names = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
    dump = attempt(["apt-config", "dump", *names]).stdout
    return [line.rstrip(";") for line in dump.splitlines() if line.partition(" ")[0] in names and '""' not in line]
