# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first program of a run: looks whether every protection is in force, then becomes the command (private).

It runs as the user, in the unit, from a copy of this file alone; so it imports nothing of ours. systemd leaves out
without an error what a kernel cannot do: what counts is what is found here. It reads what to do from its standard
input, and its first line on standard output says what it found. Where it is process 1 of its own, it stays as that.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

__all__ = ["TRAILER", "TRAILER_LENGTH", "missing_protections"]

TRAILER = "\0labfleet-run exit=%03d signal=%03d\n"
TRAILER_LENGTH = len(TRAILER % (0, 0))
_NOT_FOUND, _NOT_RUN, _REFUSED = 127, 126, 125
_CLONE_NEWUSER = 0x10000000
_SESSION_KEYRING, _USER_KEYRING = -3, -4
_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_METADATA = ((socket.AF_INET, "169.254.169.254"), (socket.AF_INET6, "fd00:ec2::254"))
# a packet that is not let out, or would go nowhere
_KEPT_IN = (errno.EPERM, errno.EACCES)
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN)


def missing_protections(wanted: dict[str, Any]) -> list[str]:
    """The names of the protections that are not in force here.

    :param wanted: what the host looks like from outside, and what the unit has to be.
    """
    status = _status()
    checks: dict[str, Callable[[], bool]] = {
        "account": lambda: _is_account(wanted),
        "capabilities": lambda: all(int(status["Cap" + kind], 16) == 0 for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")),
        "hidden": lambda: all(_identity(path) != there for path, there in wanted["hidden"]),
        "ipc": lambda: os.readlink("/proc/self/ns/ipc") != wanted["ipc"],
        "keyring": _is_without_keyring,
        "mapped": lambda: all(_identity(path) == there for path, there in wanted["mapped"]),
        "message_bus": lambda: not any(_answers(path) for path in wanted["sockets"]),
        "metadata": _is_without_metadata,
        "namespaces": _is_without_namespaces,
        "no_new_privileges": lambda: status["NoNewPrivs"] == "1",
        "processes": lambda: _is_without_processes(wanted),
        "read_only": lambda: not _writable(wanted["writable"]),
        "setuid": _is_without_setuid,
        "slice": lambda: _is_in_slice(wanted["slice"]),
        "system_calls": lambda: status["Seccomp"] == "2",
        "terminals": lambda: not wanted["shared"] or not _can_list("/dev/pts"),
    }
    return sorted(name for name, check in checks.items() if not _holds(check))


def _holds(check: Callable[[], bool]) -> bool:
    """Whether a protection is in force; where that cannot be found out it counts as missing."""
    try:
        return check()
    except (OSError, ValueError, LookupError, AttributeError):
        return False


def _status() -> dict[str, str]:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        return {key: value.strip() for key, _colon, value in (line.partition(":") for line in file)}


def _is_account(wanted: dict[str, Any]) -> bool:
    groups = {*os.getgroups(), wanted["gid"]}
    return (
        set(os.getresuid()) == {wanted["uid"]}
        and set(os.getresgid()) == {wanted["gid"]}
        and groups == {*wanted["groups"], wanted["gid"]}
    )


def _identity(path: str) -> list[int]:
    """What tells a file from all others; nothing for one that is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_dev, status.st_ino]


def _call() -> Any:
    """The system's own calls; None where Python has no way to them."""
    try:
        import ctypes
    except ImportError:
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: int) -> int:
        """0, or the number of the error."""
        ctypes.set_errno(0)
        result = getattr(library, name)(*(ctypes.c_long(argument) for argument in arguments))
        return ctypes.get_errno() if result < 0 else 0

    return call


def _is_without_keyring() -> bool:
    """Keyrings of the kernel are everybody's who has the number, so nobody gets any."""
    call, number = _call(), _KEYCTL.get(os.uname().machine)
    if call is None or number is None:
        return False
    kinds = (_SESSION_KEYRING, _USER_KEYRING)
    return all(call("syscall", number, 0, kind, 0) in (errno.EPERM, errno.ENOSYS) for kind in kinds)


def _is_without_namespaces() -> bool:
    call = _call()
    if call is None:
        return False
    child = os.fork()
    if child == 0:
        os._exit(0 if call("unshare", _CLONE_NEWUSER) == errno.EPERM else 1)
    return os.waitpid(child, 0)[1] == 0


def _is_without_metadata() -> bool:
    """A packet to the service that hands out the rights of the machine must not get out."""
    for family, address in _METADATA:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as packet:
                packet.sendto(b"\0", (address, 9))
            return False
        except OSError as error:
            if error.errno not in _KEPT_IN + _NO_WAY:
                return False
    return True


def _is_without_processes(wanted: dict[str, Any]) -> bool:
    """Processes of others are not to be seen, and where the host can do that, none but those of this run."""
    if wanted["own_processes"]:
        return os.readlink("/proc/self/ns/pid") != wanted["pid"] and os.getpid() == 1
    return not os.path.exists("/proc/1")


def _is_without_setuid() -> bool:
    path = "/tmp/.labfleet-run-%d" % os.getpid()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700)
    try:
        os.fchmod(handle, 0o4700)
    except PermissionError:
        return True
    finally:
        os.close(handle)
        os.unlink(path)
    return False


def _is_in_slice(wanted: str) -> bool:
    with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        return any(line.rstrip("\n").endswith(wanted) for line in file)


def _writable(allowed: list[str]) -> list[str]:
    """Mounts that can be written to and are none of those."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = {line.split(" ")[4] for line in file}
    for point in sorted(points):
        path = point.encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1")
        try:
            is_read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        except OSError:  # covered by something else, or closed
            continue
        if not is_read_only and not any(point == one or point.startswith(one + "/") for one in allowed):
            found.append(point)
    return found


def _answers(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
    except OSError:
        return False
    return True


def _can_list(path: str) -> bool:
    try:
        return bool(os.listdir(path))
    except OSError:
        return False


def _become(wanted: dict[str, Any]) -> NoReturn:
    """Become the command."""
    environment = wanted["environment"]
    words = [os.fsencode(word) for word in wanted["argv"]]
    try:
        os.chdir(wanted["chdir"])
    except OSError as error:
        _leave("cannot enter %s: %s" % (ascii(wanted["chdir"]), os.strerror(error.errno or 0)), _NOT_RUN)
    # Python ignores these, and a program expects to end by them
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    program = wanted["argv"][0]
    places = [""] if "/" in program else [place + "/" for place in environment["PATH"].split(":") if place[:1] == "/"]
    reason = errno.ENOENT
    for place in places:
        try:
            os.execve(place + program, words, environment)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                reason = error.errno or errno.EACCES
    code = _NOT_FOUND if reason == errno.ENOENT else _NOT_RUN
    _leave("cannot run %s: %s" % (ascii(program), os.strerror(reason)), code)


def _leave(text: str, code: int) -> NoReturn:
    os.write(2, ("labfleet.identity: %s\n" % text).encode("ascii", "replace"))
    os._exit(code)


def _watch(child: int) -> NoReturn:
    """Be process 1: wait for all that end, end all others after the command, and tell how that ended."""
    ended = status = 0
    while ended != child:
        ended, status = os.wait()
    code, number = (0, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), 0)
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass
    os.write(1, (TRAILER % (code, number)).encode("ascii"))
    os._exit(code or (128 + number if number else 0))


def main() -> None:
    """Look, tell, and run the command when nothing is missing that must not be."""
    with os.fdopen(0, "rb", closefd=False) as source:
        wanted = json.loads(source.read().decode("utf-8"))
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.umask(0o077)
    missing = missing_protections(wanted)
    os.write(1, json.dumps({"missing": missing}).encode("ascii") + b"\n")
    if set(missing) - set(wanted["without"]):
        os._exit(_REFUSED)
    if os.getpid() != 1:
        _become(wanted)
    child = os.fork()
    if child == 0:
        os.setsid()
        _become(wanted)
    _watch(child)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
