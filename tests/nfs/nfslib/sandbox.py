# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces in which everything runs: when the program ends, however it ends, the kernel takes it all away.

The machines are processes of a process namespace, their bridge is in a network namespace, and their disks are in a
tmpfs of a mount namespace. A run that is killed leaves nothing, so there is nothing that the next would have to find.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fleetlib.errors import FleetError
from fleetlib.paths import checkout
from fleetlib.process import output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

WORK = Path("/run/labfleet-machines")  # short: a socket in it has 107 characters at most
_INSIDE = "LABFLEET_MACHINES_INSIDE"
_MEMORY = "3G"
BRIDGE = "br0"


def logs() -> Path:
    directory = checkout() / ".build" / "nfs"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _number() -> Path:
    """Holds the id, as the host sees it, of the first process inside, for those who want to get in."""
    return logs() / "inside.pid"


def is_inside() -> bool:
    return _INSIDE in os.environ


def run_inside(arguments: Sequence[str]) -> int:
    """Run this program anew in namespaces of its own, to its end."""
    # each ends with the one before it, even if that is killed: this program, unshare, the first process inside, all
    argv = ["setpriv", "--pdeathsig", "KILL"]
    argv += ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    process = subprocess.Popen(
        [*argv, sys.executable, *arguments], env={**os.environ, _INSIDE: "1"}, stdin=subprocess.DEVNULL
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(children))
    try:
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.5)
            with contextlib.suppress(OSError):
                if found := children.read_text(encoding="ascii").split():
                    _number().write_text(found[0], encoding="ascii")
        return process.returncode
    finally:
        _number().unlink(missing_ok=True)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _pass_on(children: Path) -> None:
    with contextlib.suppress(OSError):
        for number in children.read_text(encoding="ascii").split():
            os.kill(int(number), signal.SIGTERM)


def prepare() -> None:
    """What a new namespace lacks: a place in memory, and a bridge between the machines."""
    WORK.mkdir(exist_ok=True)
    output_of(["mount", "-t", "tmpfs", "-o", f"size={_MEMORY},mode=0700", "tmpfs", str(WORK)], "mounting a tmpfs")
    for line in (
        "link set lo up",
        f"link add {BRIDGE} type bridge forward_delay 0",
        f"address add 10.77.1.1/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ):
        output_of(["ip", *line.split()], "making a bridge")


def enter(command: Sequence[str]) -> int:
    """Run a command beside the machines that another process of this checkout keeps up."""
    try:
        number = _number().read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise FleetError("no machines of this checkout are up: start them with `nfs.py up`") from error
    argv = ["nsenter", f"--target={number}", "--net", "--mount", "--pid", "--wd"]
    return subprocess.run([*argv, *command], env={**os.environ, _INSIDE: "1"}, check=False).returncode
