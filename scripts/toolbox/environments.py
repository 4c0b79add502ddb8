# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the virtual environment NAME from requirements/NAME.txt and print its path.

An environment lives in the cache, under a name that holds the hash of its requirements and of its interpreter, so
that every checkout with the same pins shares it. The checkout only has a symlink to it: .venv for `main`, else
.venv-NAME. This script runs on any Python from 3.8 on, for it is what finds a newer one.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from places import CACHE, REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator


class Range(NamedTuple):
    """Which CPythons an environment is made for."""

    oldest: tuple[int, int]
    newest: tuple[int, int]
    take_newest: bool


ENVIRONMENTS = {
    "main": Range((3, 12), (3, 14), take_newest=True),
    "core219": Range((3, 11), (3, 13), take_newest=False),
    "oldest": Range((3, 8), (3, 9), take_newest=False),
    "importer": Range((3, 12), (3, 14), take_newest=True),
    "ministack": Range((3, 12), (3, 14), take_newest=True),  # a server that tests talk to, bigger than all of them
}
HEARTBEAT_SECONDS = 15
NO_INTERPRETER = 3  # exit code
COMPLETE = ".complete"  # written last: an environment without it was never finished, and is made anew


class VenvError(Exception):
    """What stops the making of an environment, in one sentence."""


class NoInterpreterError(VenvError):
    """This machine has no CPython that the environment is made for."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def candidates() -> Iterator[str]:
    """Every path at which a CPython is usually found, also those that no PATH names."""
    names = ["python3"] + ["python3.%d" % minor for minor in range(20, 7, -1)]
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        for name in names:
            yield os.path.join(directory, name)
    roots = [os.environ.get("PYENV_ROOT"), str(Path.home() / ".pyenv"), "/opt/pyenv", "/usr/local/pyenv"]
    for root in filter(None, roots):
        for found in sorted(Path(str(root)).glob("versions/*/bin/python3")):
            yield str(found)
    for directory in ("/usr/local/bin", "/usr/bin"):
        for name in names:
            yield os.path.join(directory, name)


PROBE = """
import json, platform, sys
try:
    import ensurepip, venv
    complete = True
except ImportError:
    complete = False
final = sys.version_info.releaselevel == "final" and platform.python_implementation() == "CPython"
base = getattr(sys, "_base_executable", sys.executable) if sys.prefix != sys.base_prefix else sys.executable
print(json.dumps([list(sys.version_info[:3]), final, complete, base]))
"""


@functools.lru_cache(maxsize=None)
def interpreters() -> dict[str, tuple[tuple[int, ...], bool]]:
    """Path of each working CPython -> (its version, whether it can make environments)."""
    found: dict[str, tuple[tuple[int, ...], bool]] = {}
    seen = set()
    for path in candidates():
        real = os.path.realpath(path)
        is_shim = "/shims/" in path
        if is_shim or real in seen or not os.access(path, os.X_OK):
            continue
        seen.add(real)
        try:
            ran = subprocess.run([path, "-c", PROBE], check=False, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if ran.returncode == 0:
            version, final, complete, base = json.loads(ran.stdout)
            if final:
                found[base] = (tuple(version), complete)
    return found


def choose_interpreter(name: str) -> tuple[str, tuple[int, ...]]:
    wanted = ENVIRONMENTS[name]
    fits = [
        (version, complete, path)
        for path, (version, complete) in interpreters().items()
        if wanted.oldest <= version[:2] <= wanted.newest
    ]
    if not fits:
        raise NoInterpreterError(
            "No CPython from %d.%d to %d.%d was found, which the environment '%s' needs. Install one (Debian 13, "
            "Ubuntu 24.04: apt-get install python3-venv; elsewhere pyenv) and run this again."
            % (*wanted.oldest, *wanted.newest, name)
        )
    minors = [version[:2] for version, _complete, _path in fits]
    minor = max(minors) if wanted.take_newest else min(minors)
    version, complete, path = max(fit for fit in fits if fit[0][:2] == minor)
    if not complete:
        install_venv_package(version)
    return path, version


def install_venv_package(version: tuple[int, ...]) -> None:
    """Debian and Ubuntu ship CPython without ensurepip; the rest is a package."""
    package = "python%d.%d-venv" % version[:2]
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise VenvError(
            "Python %d.%d here cannot make environments: install %s first." % (version[0], version[1], package)
        )
    say("apt-get install %s" % package)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
        ran = subprocess.run([apt, *arguments], env=environment, check=False, capture_output=True, text=True)
        if ran.returncode != 0:
            raise VenvError("apt-get %s failed: %s" % (" ".join(arguments), ran.stderr.strip()[-500:]))


def run_with_heartbeat(command: list[str], log: Path, environment: dict[str, str]) -> int:
    """Run with the output in a file, and say every few seconds that it still lives."""
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            while True:
                try:
                    return process.wait(timeout=HEARTBEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    say("  ... still at it after %d s" % (time.monotonic() - started))
        except BaseException:
            process.kill()
            process.wait()
            raise


def tail(log: Path, lines: int = 15) -> str:
    shown = [line for line in log.read_text(errors="replace").splitlines() if not line.startswith("WARNING: Location")]
    return "\n".join(shown[-lines:])


def build(name: str, target: Path, interpreter: str, version: tuple[int, ...], source: Path, lock: bool) -> None:
    shutil.rmtree(target, ignore_errors=True)
    log = target.with_name(target.name + ".log")
    log.write_text("")
    say("Making the environment '%s' with Python %s from %s ..." % (name, ".".join(map(str, version)), source.name))
    started = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    python = str(target / "bin" / "python")
    compiler = [python, "-m", "compileall", "-q", "-j", "0", "-x", "ansible_collections|/tests?/", str(target / "lib")]
    steps = [
        [interpreter, "-m", "venv", str(target)],
        # Compiling the 20,000 files of the bundled collections costs a minute and they are hardly ever imported.
        [
            python,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--no-compile",
            "-r",
            str(source),
        ],
    ]
    for step in steps:
        if run_with_heartbeat(step, log, environment) != 0:
            raise VenvError("Making the environment '%s' failed:\n%s\nThe whole log: %s" % (name, tail(log), log))
    run_with_heartbeat(
        compiler, log, environment
    )  # only saves time later: some packages hold files that do not compile
    if not lock:
        (target / COMPLETE).write_text("%s\n" % source.name)
    say("  made in %d s" % (time.monotonic() - started))


def usable(target: Path) -> bool:
    """Whether the environment was finished and the interpreter it was made from is still there."""
    if not (target / COMPLETE).exists():
        return False
    try:
        return (
            subprocess.run([str(target / "bin" / "python"), "-c", ""], check=False, capture_output=True).returncode == 0
        )
    except OSError:
        return False


def link(name: str, target: Path) -> None:
    place = REPOSITORY / (".venv" if name == "main" else ".venv-" + name)
    if place.is_dir() and not place.is_symlink():
        raise VenvError("%s is a directory and not the symlink that belongs there: move it away first." % place)
    if place.is_symlink() and os.readlink(str(place)) == str(target):
        return
    fresh = place.with_name("%s.%d" % (place.name, os.getpid()))
    fresh.symlink_to(target)
    os.replace(str(fresh), str(place))


def place(requirements: Path, interpreter: str, version: tuple[int, ...]) -> Path:
    """Where the environment with just these pins, made from just this Python, is or is to be."""
    key = hashlib.sha256()
    for part in (requirements.read_bytes(), repr(version).encode(), os.path.realpath(interpreter).encode()):
        key.update(hashlib.sha256(part).digest())
    name = "%s-py%d.%d-%s" % (requirements.stem, version[0], version[1], key.hexdigest()[:16])
    return CACHE / "venvs" / name


def made(name: str) -> Path:
    """The environment, made if it is not there yet; the checkout gets no link to it."""
    requirements = REPOSITORY / "requirements" / (name + ".txt")
    interpreter, version = choose_interpreter(name)
    target = place(requirements, interpreter, version)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(target.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is making the environment '%s'; waiting for it ..." % name)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not usable(target):
            build(name, target, interpreter, version, requirements, lock=False)
    return target


def make(name: str) -> Path:
    target = made(name)
    link(name, target)
    return target


def write_pins(name: str) -> Path:
    """Resolve requirements/NAME.in anew and write the versions found to requirements/NAME.txt."""
    source = REPOSITORY / "requirements" / (name + ".in")
    interpreter, version = choose_interpreter(name)
    scratch = CACHE / "venvs" / ("%s-pins-%d" % (name, os.getpid()))
    scratch.parent.mkdir(parents=True, exist_ok=True)
    try:
        build(name, scratch, interpreter, version, source, lock=True)
        command = [str(scratch / "bin" / "python"), "-m", "pip", "freeze", "-q"]
        frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.with_name(scratch.name + ".log").unlink()
    header = [line for line in source.read_text().splitlines() if line.startswith("#")][:3]
    notice = "# Written by `scripts/venv --pin %s` from %s.in with Python %s." % (name, name, "%d.%d" % version[:2])
    pins = [line for line in frozen if "==" in line]
    target = source.with_suffix(".txt")
    target.write_text("\n".join([*header, notice, *pins]) + "\n")
    return target


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/venv", description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help="one of: %s" % ", ".join(ENVIRONMENTS))
    parser.add_argument("--pin", action="store_true", help="resolve NAME.in anew and write NAME.txt")
    parser.add_argument("--no-link", action="store_true", help="only in the cache, without .venv-NAME in the checkout")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(ENVIRONMENTS))
    if unknown:
        parser.error("unknown environment: %s" % ", ".join(unknown))
    try:
        for name in asked.names or ["main"]:
            print(write_pins(name) if asked.pin else made(name) if asked.no_link else make(name), flush=True)
    except NoInterpreterError as problem:
        say("scripts/venv: %s" % problem)
        return NO_INTERPRETER
    except (VenvError, OSError) as problem:
        say("scripts/venv: %s" % problem)
        return 1
    except KeyboardInterrupt:
        say("scripts/venv: interrupted; the unfinished environment will be made anew by the next run.")
        return 130
    return 0
