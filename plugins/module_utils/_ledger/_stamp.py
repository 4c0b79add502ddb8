# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who writes to a ledger, when, and in which run (private; runs on the controller)."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import socket
import time

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp

__all__ = ["author", "moment", "run_id", "stamp_now"]

LENGTH = 255


def stamp_now() -> Stamp:
    """The time, who runs this, and in which run."""
    return Stamp(moment(time.time()), author(), run_id())


def moment(seconds: float) -> str:
    """A time in seconds since 1970 as it is written everywhere, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def author() -> str:
    """The person and the controller, like C(sam@controller)."""
    user = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
    if not user:
        try:
            user = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            user = f"uid-{os.geteuid()}"
    return _printable(f"{user}@{socket.gethostname()}")


def run_id() -> str:
    """The job of AWX, else the process of C(ansible-playbook), of which this one is a worker."""
    job = os.environ.get("JOB_ID", "")
    if job and "AWX_PRIVATE_DATA_DIR" in os.environ:
        return _printable(f"job {job}")
    worker_of = multiprocessing.parent_process()
    return f"process {worker_of.pid if worker_of else os.getpid()}"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:LENGTH]
