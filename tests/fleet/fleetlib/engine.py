# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker engine: the one that answers, else one that is installed and started here and can be stopped again."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .apt import install, is_debian_like
from .errors import FleetError
from .paths import cache_directory
from .process import attempt, output_of, stop_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .console import Console

_START_SECONDS = 60
_BY_SYSTEMD = "systemd"
_GUIDE = "https://docs.docker.com/engine/install/"


def _answer() -> subprocess.CompletedProcess[str]:
    return attempt(["docker", "version", "--format", "{{.Server.Version}}"], timeout=30)


def _directory() -> Path:
    return cache_directory("engine")


def _mark() -> Path:
    """Its presence says that the running engine was started here; it holds the process id, or `systemd`."""
    return _directory() / "started-here"


@contextmanager
def _locked(name: str, operation: int) -> Iterator[None]:
    with (_directory() / name).open("w", encoding="ascii") as stream:
        fcntl.flock(stream, operation)
        yield


@contextmanager
def engine_in_use(console: Console) -> Iterator[None]:
    """While this is open no other process stops an engine that was started here."""
    with _locked("use.lock", fcntl.LOCK_SH):
        ensure_engine(console)
        yield


def ensure_engine(console: Console) -> str:
    """Make sure that an engine answers; returns its version."""
    with _locked("start.lock", fcntl.LOCK_EX):
        answer = _answer()
        if answer.returncode == 0:
            return answer.stdout.strip()
        _refuse_if_not_ours_to_start(answer.stderr)
        if not shutil.which("dockerd"):
            with console.step("install a Docker engine (docker.io) from the Debian packages"):
                install(["docker.io", "iptables"], optional=["docker-cli"])
        with console.step("start the Docker engine"):
            _start()
            return output_of(["docker", "version", "--format", "{{.Server.Version}}"], "asking the Docker engine")


def _refuse_if_not_ours_to_start(reason: str) -> None:
    if os.environ.get("DOCKER_HOST"):
        raise FleetError(
            f"no Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}: "
            "start it, or unset DOCKER_HOST to use a local one"
        )
    if "permission denied" in reason.lower():
        raise FleetError(
            "the Docker engine refuses this user: join the group docker and log in again, or run this as root"
        )
    if os.geteuid() != 0:
        raise FleetError(
            f"no Docker engine answers: start one (installation: {_GUIDE}), or run this as root on Debian or Ubuntu"
        )
    if not shutil.which("dockerd") and not is_debian_like():
        raise FleetError(
            f"no Docker engine answers and this is neither Debian nor Ubuntu: install and start one ({_GUIDE})"
        )


def _start() -> None:
    if Path("/run/systemd/system").is_dir():
        output_of(["systemctl", "start", "docker"], "systemctl start docker", timeout=_START_SECONDS)
        _mark().write_text(_BY_SYSTEMD, encoding="ascii")
        return
    log = _directory() / "dockerd.log"
    argv = ["dockerd", f"--data-root={_directory() / 'data'}", f"--pidfile={_directory() / 'dockerd.pid'}"]
    with log.open("w", encoding="utf-8") as stream:
        daemon = subprocess.Popen(  # lives on after this process
            argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
    _mark().write_text(str(daemon.pid), encoding="ascii")
    deadline = time.monotonic() + _START_SECONDS
    while _answer().returncode != 0:
        if daemon.poll() is not None:
            _mark().unlink()
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            last = lines[-1] if lines else "it said nothing"
            raise FleetError(f"the Docker engine does not start: {last}; the log is {log}")
        if time.monotonic() > deadline:
            daemon.terminate()
            _mark().unlink()
            raise FleetError(f"the Docker engine did not answer within {_START_SECONDS} s; the log is {log}")
        time.sleep(0.5)


def stop_engine(console: Console) -> bool:
    """Stop the engine if it was started here and nobody uses it; says so when it is left running."""
    with _locked("start.lock", fcntl.LOCK_EX):
        if not _mark().exists():
            return False
        try:
            with _locked("use.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                return _stop(console)
        except BlockingIOError:
            console.say("  the Docker engine is left running: another process makes a fleet on it")
            return False


def _stop(console: Console) -> bool:
    running = attempt(["docker", "ps", "--format", "{{.Names}}"])
    if running.returncode == 0 and running.stdout.strip():
        console.say(f"  the Docker engine is left running for these containers: {' '.join(running.stdout.split())}")
        return False
    with console.step("stop the Docker engine that was started here"):
        mark = _mark().read_text(encoding="ascii").strip()
        if mark == _BY_SYSTEMD:
            output_of(["systemctl", "stop", "docker.socket", "docker.service"], "systemctl stop docker")
        else:
            stop_process(int(mark), b"dockerd", os.fsencode(_directory()), what="the Docker engine")
        _mark().unlink()
    return True
