# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of a person tries; one line for each attempt, and what came of it."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def attempt(name, what):
    try:
        outcome = what()
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, str(error))
    except RuntimeError as error:
        outcome = str(error)
    print(name, outcome, sep=": ")


def ran(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    return "worked" if done.returncode == 0 else "refused"


def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"


def call(number, *arguments):
    result = LIBC.syscall(number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else "worked"


def connect(family, address):
    with socket.socket(family) as connection:
        connection.settimeout(2)
        connection.connect(address)
    return "connected"


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packet:
        packet.sendto(b"x", (address, 80))
    return "sent"


def processes():
    children = []
    try:
        while len(children) < 400:
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
        return "no limit"
    except OSError:
        return "limited" if len(children) < 160 else "late"
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)


def setuid_copy():
    shutil.copy("/bin/sh", "/tmp/sh")
    os.chmod("/tmp/sh", 0o4755)
    return "made"


def with_preload():
    """A setuid program that takes a library of the user's must not be anybody else by that."""
    environment = {**os.environ, "LD_PRELOAD": "/tmp/none.so"}
    done = subprocess.run(["su", "-c", "id -u"], capture_output=True, text=True, check=False, env=environment)
    return "root" if done.stdout.strip() == "0" else "not root"


def left_behind():
    for number in range(2):
        child = os.fork()
        if child == 0:
            os.setsid()
            if number:
                for handle in range(3):
                    os.close(handle)
            os.execvp("sleep", ["sleep", "47110"])
    return "started"


with open("/proc/self/status") as file:
    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
with open("/proc/self/cgroup") as file:
    print("slice", any("/user-%d.slice/labfleet-run-" % os.getuid() in line for line in file), sep=": ")
print("uid", *os.getresuid(), os.getgid(), sep=" ")
print("capabilities", status["CapBnd"], status["NoNewPrivs"], status["Seccomp"], sep=" ")
print("where", os.getcwd(), os.environ["HOME"], sep=" ")
print("sees", *sorted(os.listdir("/home")), sep=" ")
attempt("home", lambda: write(os.path.expanduser("~/result")))
attempt("file of root", lambda: write("/etc/labfleet-test"))
attempt("lock directory", lambda: write("/run/lock/labfleet-test"))
attempt("private directory", lambda: write("/tmp/mine"))
attempt("other temporary files", lambda: sorted(set(os.listdir("/tmp")) - {"mine"}))
attempt("sudo", lambda: ran("sudo", "-n", "id"))
attempt("su", lambda: ran("su", "-c", "id", stdin=subprocess.DEVNULL))
attempt("preload", with_preload)
attempt("crontab", lambda: ran("crontab", "-", input="* * * * * id\n"))
attempt("at", lambda: ran("at", "now + 1 hour", input="id\n"))
attempt("linger", lambda: ran("loginctl", "enable-linger"))
attempt("user unit", lambda: ran("systemd-run", "--user", "sleep", "47110"))
attempt("system unit", lambda: ran("systemd-run", "sleep", "47110"))
attempt("bus", lambda: connect(socket.AF_UNIX, "/run/dbus/system_bus_socket"))
attempt("metadata", lambda: send("169.254.169.254"))
attempt("its neighbour", lambda: send("169.254.169.253"))
attempt("keyring", lambda: call(250, 0, -4, 0))
attempt("namespace", lambda: call(272, 0x10000000))
attempt("setuid", setuid_copy)
attempt("tasks", processes)
attempt("left behind", left_behind)
sys.stdout.flush()
