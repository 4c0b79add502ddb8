# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment of the servers: one directory for each set of pins, whole or not there (private).

An environment stays where it was made, since its programs name it, and is never changed: other pins or another Python
make another one, and servers go over when they are started. What nothing runs from any more is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._wheels import copy_wheels
from ansible_collections.labfleet.identity.plugins.module_utils._one_by_one import until_silence
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    replace_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Run = Callable[[list[str], dict[str, str]], tuple[int, str, str]]

__all__ = ["Pins", "build", "environments", "in_use", "locate", "remove"]

PLACE = "/opt/labfleet/jupyter"
COMPLETE = "labfleet-complete"
OLDEST = (3, 11)
NEWEST = (3, 13)
# Where the copies of the wheels are until pip has read them, below the environment.
_WHEELS = "wheels"
# The debugger of the kernel listens on a port of the loopback address and asks nobody who they are.
_NO_DEBUGGER = """\
# Written by labfleet.identity. It stands before a debugger that the distribution brings along.
raise ImportError("debugpy would let every user of this machine run code as you: it is left out", name="debugpy")
"""
_QUESTION = "import ensurepip, sys; print('%d %d %s' % (*sys.version_info[:2], sys.executable))"


@dataclass(frozen=True)
class Pins:
    """What the environment is made of and from where; an index URL may hold a password."""

    requirements: str
    python: str
    wheels: str = ""
    index_url: str = ""


def locate(pins: Pins, run: Run, check: bool = False, place: str = PLACE) -> str:
    """The directory of the environment with just these pins from just this Python.

    :param check: whether what makes environments may still be missing, since the play installs it.
    :raises IdentityError: no such Python, or one that the pins are not for.
    """
    code, answer, errors = run([pins.python, "-I", "-c", _QUESTION], {})
    if code != 0 and check:
        return os.path.join(place, "new")
    if code != 0:
        raise IdentityError(
            "%s cannot make virtual environments: %s; install python3-venv, or name another program as python"
            % (pins.python, _last_line(errors))
        )
    major, minor, program = answer.split(maxsplit=2)
    if not OLDEST <= (int(major), int(minor)) <= NEWEST:
        raise IdentityError(
            "%s is Python %s.%s, and the pins are for %d.%d to %d.%d: name another program as python"
            % (pins.python, major, minor, *OLDEST, *NEWEST)
        )
    key = "%s %s %s\n%s\n%s" % (major, minor, program.strip(), pins.requirements, _NO_DEBUGGER)
    return os.path.join(place, hashlib.sha256(key.encode()).hexdigest()[:16])


def is_complete(environment: str) -> bool:
    return os.path.lexists(os.path.join(environment, COMPLETE))


def environments(place: str = PLACE) -> list[str]:
    """All that are there, whole or not."""
    try:
        return sorted(os.path.join(place, name) for name in os.listdir(place))
    except FileNotFoundError:
        return []


def build(environment: str, pins: Pins, run: Run) -> None:
    """Make the environment; it counts once everything in it is on the disk.

    :raises IdentityError: what pip said. Nothing of a broken one stays.
    """
    place = os.path.dirname(environment)
    os.close(make_trusted_directory(os.path.dirname(place), 0o755))
    os.close(make_trusted_directory(place, 0o755))
    remove(environment)
    directory = make_trusted_directory(environment, 0o755)
    try:
        replace_at(directory, "requirements.txt", pins.requirements.encode(), 0o644)
        _do(run, [pins.python, "-I", "-m", "venv", environment])
        _install(environment, pins, run)
        libraries = os.path.join(environment, "lib")
        _leave_out_the_debugger(libraries)
        # Users cannot write here, so that otherwise each start would compile everything. Without -S, files that were
        # installed would run as root.
        python = os.path.join(environment, "bin", "python")
        _do(run, [python, "-I", "-S", "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/", libraries])
        # with it pip installs into homes, for who wants more; what is here comes first even so
        _allow_user_packages(directory)
        replace_at(directory, COMPLETE, b"", 0o644)
        fsync_directory(directory)
    except BaseException:
        remove(environment)
        raise
    finally:
        os.close(directory)


def _do(run: Run, command: list[str], variables: dict[str, str] | None = None) -> None:
    code, output, errors = run(command, variables or {})
    if code != 0:
        raise IdentityError(
            "the environment of JupyterLab was not made: %s; look at requirements, wheels and index_url"
            % _last_line(errors or output)
        )


def _install(environment: str, pins: Pins, run: Run) -> None:
    pip = [os.path.join(environment, "bin", "python"), "-I", "-m", "pip", "install"]
    pip += ["--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    pip += ["--quiet", "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    pip += ["--requirement", os.path.join(environment, "requirements.txt")]
    if not pins.wheels:
        # not an argument: those are for everybody to see
        _do(run, pip, {"PIP_INDEX_URL": pins.index_url} if pins.index_url else None)
        return
    copies = os.path.join(environment, _WHEELS)
    directory = make_trusted_directory(copies, 0o700)
    try:
        copy_wheels(pins.wheels, pins.requirements, directory)
    finally:
        os.close(directory)
    _do(run, [*pip, "--no-index", "--find-links", copies])
    shutil.rmtree(copies)


def _leave_out_the_debugger(libraries: str) -> None:
    """Packages of the distribution can be imported; what stands in the environment comes before them."""
    for python in os.listdir(libraries):
        if python.startswith("python"):
            directory = make_trusted_directory(os.path.join(libraries, python, "site-packages", "debugpy"), 0o755)
            try:
                replace_at(directory, "__init__.py", _NO_DEBUGGER.encode(), 0o644)
                fsync_directory(directory)
            finally:
                os.close(directory)


def _allow_user_packages(directory: int) -> None:
    handle = os.open("pyvenv.cfg", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    with open(handle, encoding="utf-8") as stream:
        lines = [line for line in stream.read().splitlines() if not line.startswith("include-system-site-packages")]
    text = "\n".join([*lines, "include-system-site-packages = true", ""])
    replace_at(directory, "pyvenv.cfg", text.encode(), 0o644)


def in_use(candidates: list[str], proc: str = "/proc", patience: float = 10.0) -> set[str]:
    """Those of the environments that a process was started from; all of them, if a process does not let it be seen.

    The words of a process are read from its memory, which its user can put on a file system that never answers.
    """

    def look(_item: None) -> dict[str, Any]:
        return {"used": sorted(_started_from(candidates, proc))}

    if not candidates:
        return set()
    answers = until_silence(look, [None], patience, time.monotonic() + patience)
    return set(answers[0]["used"]) if answers and "used" in answers[0] else set(candidates)


def _started_from(candidates: list[str], proc: str) -> set[str]:
    used: set[str] = set()
    for number in os.listdir(proc):
        if number.isdigit():
            with contextlib.suppress(OSError), open("%s/%s/cmdline" % (proc, number), "rb") as handle:
                words = handle.read(4096).split(b"\0")[:2]
                used.update(path for path in candidates if any(word.startswith(os.fsencode(path)) for word in words))
    return used


def remove(environment: str) -> None:
    """Take an environment away; one that is cut short has no mark that it is whole."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(os.path.join(environment, COMPLETE))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(environment)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    errors = [line for line in lines if line.startswith("ERROR")]
    return ((errors or lines or ["it said nothing"])[-1])[:300].rstrip(".")
