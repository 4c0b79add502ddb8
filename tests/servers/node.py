# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of npm out of our package locks, each installed once into the cache under the hash of its lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from .process import ServerError

HERE = Path(__file__).resolve().parent
CACHE = Path(
    os.environ.get("LABFLEET_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labfleet-identity"
)
PROGRAMS = ("node", "npm")
_INSTALL_SECONDS = 600


def installed(name: str) -> Path:
    """A directory with the packages of C(NAME/package-lock.json) in its node_modules."""
    _need_programs(name)
    files = [HERE / name / "package.json", HERE / name / "package-lock.json"]
    key = hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()[:16]
    target = CACHE / "node" / f"{name}-{key}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _install(files, target)
    return target


def _install(files: list[Path], target: Path) -> None:
    # under another name until it is whole: a directory that is there was finished
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for file in files:
        shutil.copy(file, fresh)
    # what it needs is plain JavaScript, so no package has to run a program of its own here
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], fresh)
    fresh.rename(target)


def _need_programs(server: str) -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise ServerError(
            f"The server {server} needs {' and '.join(missing)}, which this machine has not: install Node.js 18 or"
            " newer with npm (Debian, Ubuntu: apt-get install nodejs npm)."
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [{"node": "nodejs"}.get(name, name) for name in missing]
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        _run([apt, "-o", "DPkg::Lock::Timeout=300", *arguments], Path("/"), environment)


def _run(command: list[str], directory: Path, environment: dict[str, str] | None = None) -> None:
    try:
        ran = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise ServerError(f"{' '.join(command)} did not end within {_INSTALL_SECONDS} s.") from late
    if ran.returncode != 0:
        raise ServerError(f"{' '.join(command)} failed: {(ran.stderr or ran.stdout).strip()[-500:]}")
