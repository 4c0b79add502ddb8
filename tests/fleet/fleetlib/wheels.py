# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wheels for hosts that reach no package index: fetched once into the cache, then laid onto the hosts of a fleet."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .engine import engine_in_use
from .errors import FleetError
from .fleet import load
from .paths import FLEET_DIRECTORY, cache_directory
from .process import output_of, run_logged

if TYPE_CHECKING:
    from pathlib import Path

    from .console import Console
    from .fleet import Fleet, Host

# What JupyterLab needs, and what a notebook of the tests installs for itself.
REQUIREMENTS = (
    FLEET_DIRECTORY.parent.parent / "roles" / "jupyter" / "files" / "requirements.txt",
    FLEET_DIRECTORY / "wheels" / "notebook.txt",
)
# The Python of each release, with a patch level that no package finds too old.
PYTHONS = {"bookworm": "3.11.9", "trixie": "3.13.9"}
ON_HOST = "/usr/local/share/labfleet/wheels"
_GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
_COMPLETE = "complete"


def ensure_wheels(release: str, console: Console) -> Path:
    """The directory with the wheels of one release; its name stands for what is in it."""
    key = hashlib.sha256(b"\0".join(path.read_bytes() for path in REQUIREMENTS)).hexdigest()[:12]
    directory = cache_directory("wheels") / f"{release}-{platform.machine()}-{key}"
    with (cache_directory("wheels") / f"{release}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / _COMPLETE).exists():
            with console.step(f"fetch the wheels for Debian {release}"):
                _fetch(directory, PYTHONS[release])
    return directory


def _fetch(directory: Path, python: str) -> None:
    partial = directory.with_name(f"{directory.name}.{os.getpid()}.partial")
    tag = "cp" + "".join(python.split(".")[:2])
    platforms = [f"manylinux_{version}_{platform.machine()}" for version in _GLIBC]
    platforms += [f"{old}_{platform.machine()}" for old in ("manylinux2014", "manylinux2010", "manylinux1")] + ["any"]
    argv = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    argv += ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", f"--dest={partial}"]
    argv += [f"--abi={abi}" for abi in (tag, "abi3", "none")] + [f"--platform={name}" for name in platforms]
    argv += [f"--requirement={path}" for path in REQUIREMENTS]
    try:
        run_logged(argv, "pip download", cache_directory("logs") / f"{directory.name}.log")
        (partial / _COMPLETE).touch()
        shutil.rmtree(directory, ignore_errors=True)
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def lay_wheels(name: str, console: Console) -> None:
    """Copy the wheels onto every host of the fleet, as a site that has no index would."""
    fleet = load(name)
    if fleet is None:
        raise FleetError(f"there is no fleet {name}: start it with 'up' first")
    directories = {release: ensure_wheels(release, console) for release in {host.spec.release for host in fleet.hosts}}
    with engine_in_use(console), console.step("copy the wheels onto the hosts"), ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: _lay(fleet, host, directories[host.spec.release]), fleet.hosts))


def _lay(fleet: Fleet, host: Host, directory: Path) -> None:
    fleet.run(host.name, ["mkdir", "-p", ON_HOST])
    argv = ["docker", "cp", f"{directory}/.", f"{host.container}:{ON_HOST}"]
    output_of(argv, f"copying wheels onto {host.name}", timeout=120)
