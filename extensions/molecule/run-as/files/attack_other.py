# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job of one user tries against a job of another one with the same number.

Told are the process and the directory of the other job, which the attacker would have to find out first.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import signal
import subprocess
import sys

PROCESS, DIRECTORY = int(sys.argv[1]), sys.argv[2]
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16


def attempt(name, what):
    try:
        outcome = what()
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, str(error))
    print(name, outcome, sep=": ")


def others():
    """Whether the other job can be seen."""
    names = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    found = []
    for name in names:
        with contextlib.suppress(OSError), open("/proc/%s/cmdline" % name, "rb") as file:
            if b"stop-of-a" in file.read():
                found.append(name)
    return "none" if not found else "found"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"


def through_a_link():
    if not os.path.islink("way"):
        os.symlink(DIRECTORY, "way")
    return os.listdir("way")


def traced():
    result = LIBC.ptrace(PTRACE_ATTACH, PROCESS, None, None)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else "attached"


def terminal():
    for path in glob.glob("/dev/pts/[0-9]*"):
        with open(path, "w") as file:
            file.write("hello")
        return "written"
    return "none"


def segments():
    done = subprocess.run(["ipcs", "-m", "-q", "-s"], capture_output=True, text=True, check=False)
    return sum(line.startswith("0x") for line in done.stdout.splitlines())


attempt("directories", lambda: set(os.listdir(os.path.dirname(DIRECTORY))) - {os.path.basename(os.getcwd())} or "own")
attempt("directory", lambda: os.listdir(DIRECTORY))
attempt("link", through_a_link)
attempt("processes", others)
attempt("signal", lambda: os.kill(PROCESS, signal.SIGKILL) or "sent")
attempt("trace", traced)
attempt("view", lambda: os.listdir("/proc/%d/root/tmp" % PROCESS))
attempt("descriptors", lambda: os.listdir("/proc/%d/fd" % PROCESS))
attempt("environment", lambda: read("/proc/%d/environ" % PROCESS))
attempt(
    "temporary files", lambda: sorted(name for place in ("/tmp", "/var/tmp", "/dev/shm") for name in os.listdir(place))
)
attempt("segments", segments)
attempt("terminals", terminal)
attempt("keyring", lambda: errno.errorcode[ctypes.get_errno()] if LIBC.syscall(250, 0, -4, 0) < 0 else "reached")
attempt("home of the account", lambda: os.listdir("/home"))
attempt("dotfile", lambda: write("/home/portal-jobs/.profile"))
attempt("base", lambda: write(os.path.dirname(DIRECTORY) + "/x"))
