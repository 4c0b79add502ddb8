# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this machine can run others: what is missing is said in one sentence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fleetlib.apt import install, is_debian_like
from fleetlib.errors import FleetError
from fleetlib.process import attempt

KERNEL = Path("/usr/bin/linux.uml")
MODULES = Path("/usr/lib/uml/modules")
_PROGRAMS = {
    "mke2fs": "e2fsprogs",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
}


class CannotRunError(FleetError):
    """This machine has not what it takes, and nothing that the tests may install would change that."""


def check_and_install() -> None:
    """Get what is missing from the packages of the distribution."""
    if os.geteuid() != 0:
        raise CannotRunError("machines need network devices of their own, which only root can make: run this as root")
    if not Path("/dev/net/tun").exists():
        raise CannotRunError("there is no /dev/net/tun, so that machines would have no network: load the module tun")
    missing = sorted({package for program, package in _PROGRAMS.items() if shutil.which(program) is None})
    if not KERNEL.exists() or not MODULES.is_dir():
        missing.append("user-mode-linux")
    if missing and not is_debian_like():
        raise CannotRunError(f"this is no Debian or Ubuntu: install what these packages hold: {', '.join(missing)}")
    if missing:
        install(missing)
    makes_tap = "ip link set lo up && ip tuntap add tap0 mode tap"
    tried = attempt(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", makes_tap])
    if tried.returncode != 0:
        raise CannotRunError(f"this machine lets nobody make namespaces and taps: {tried.stderr.strip()}")
