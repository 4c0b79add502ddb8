# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs for runs, and who else runs there (private)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pkgutil
import shutil
import stat
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as import _guard
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._directories import JOBS
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import OTHER_PROCESSES
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._unit import PAM_SERVICE, render_pam
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    open_trusted_directory,
    read_file,
    replace_file,
)

if TYPE_CHECKING:
    from typing import Iterator

    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Run
    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job

__all__ = [
    "WORK",
    "Lock",
    "check_others",
    "check_runs",
    "forget_old_runs",
    "has_others",
    "need_systemd",
    "prepare",
    "python_of_host",
    "take_away",
]

WORK = "/run/labfleet-run"
PAM = "/etc/pam.d/" + PAM_SERVICE
OLDEST_SYSTEMD = 252
_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")
_UNIT = "labfleet-run-"
_ENDED = ("Z", "X")
_WAY_OUT = (
    ", and before systemd 257 it gets out through it of what closes it in",
    ", use a host with a newer systemd, or name %s in 'without'" % OTHER_PROCESSES,
)


class Lock:
    """A lock that ends with this program."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = -1

    def take(self) -> None:
        """Wait for it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._handle = handle

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_details: object) -> None:
        self.release()

    def is_free(self) -> bool:
        """Whether nobody has it."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    def release(self) -> None:
        """Let others have it."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def need_systemd(run: Run) -> int:
    """The version of systemd, which must run and be new enough."""
    if not os.path.isdir("/run/systemd/system"):
        raise IdentityError("systemd does not run on this host, and a job is a unit of it: choose another host")
    _code, out, _err = run(["systemctl", "--version"])
    words = out.split()
    version = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    if version < OLDEST_SYSTEMD:
        raise IdentityError("this host has systemd %d, and jobs need %d or newer" % (version, OLDEST_SYSTEMD))
    return version


def python_of_host() -> str:
    """The system's own Python, which the first program of a run is made for: nobody but root can change it."""
    for path in _PYTHONS:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022:
            return path
    raise IdentityError("this host has none of %s: install Python 3 from its packages" % ", ".join(_PYTHONS))


def prepare(check: bool) -> list[str]:
    """Write the PAM service and the first program of every run; the paths of those that were not as they should be.

    :param check: whether they are only named.
    """
    pam = render_pam(os.path.exists("/etc/pam.d/common-account"))
    guard = pkgutil.get_data(_guard.__name__.rpartition(".")[0], "_guard.py") or b""
    written = []
    if not check:
        os.close(make_trusted_directory(WORK, 0o755))
    for path, wanted in ((PAM, pam), (os.path.join(WORK, "guard.py"), guard)):
        if (read_file(path) if os.path.lexists(path) else None) != wanted:
            written.append(path)
            if not check:
                replace_file(path, wanted, mode=0o644, keep=False)
    return written


def check_others(job: Job, own_processes: bool) -> bool:
    """Refuse a job while processes with its number run that could reach it, or it them.

    The root directory of a process, which others of its number can enter, and its memory lead out of what closes a job
    in.

    :param own_processes: whether a job sees no processes but its own. Where it does not, nothing of an account may run
        outside of jobs, and of a shared account only jobs of the same external identity beside each other.
    :returns: whether there are such processes all the same, for C(without) allows that.
    """
    if own_processes and not job.shared:
        return False
    found = False
    for process, unit in _processes(job.uid):
        if not unit and OTHER_PROCESSES in job.without:
            found = True
        elif not unit:
            raise IdentityError(
                "process %d runs as %s outside of any job, in whose reach a job would be%s: end it, and see who started"
                " it%s" % (process, job.account, *(("", "") if job.shared else _WAY_OUT))
            )
        elif job.shared and not own_processes and _identity_of(unit) != job.identity:
            raise _beside_another(job, unit)
    return found


def _beside_another(job: Job, unit: str) -> IdentityError:
    return IdentityError(
        "a job of another user runs as %s on this host (%s), and before systemd 257 the two could reach each"
        " other: wait for its end, or use a host with a newer systemd" % (job.account, unit)
    )


def check_runs(job: Job, run: Run) -> None:
    """Refuse a job of a shared account until the units of other external identities are gone.

    A look at processes does not find all of them: what a command leaves behind has some seconds yet, and can go on in
    ever new ones, each over before it is looked at.
    """
    code, out, err = run(["systemctl", "show", "--property=Id,Slice,ActiveState", _UNIT + "*.service"])
    if code != 0:
        raise IdentityError("systemd does not say what runs: %s" % err.strip())
    for block in out.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = unit.get("Id", job.unit)
        is_over = unit.get("Slice") != "user-%d.slice" % job.uid or unit.get("ActiveState") == "failed"
        if not is_over and name != job.unit and _identity_of(name) != job.identity:
            raise _beside_another(job, name)


def has_others(job: Job) -> bool:
    """Whether processes with the number of a job run outside of any job now."""
    return any(not unit for _process, unit in _processes(job.uid))


def _processes(uid: int) -> Iterator[tuple[int, str]]:
    """Processes with this number, and the unit of ours that they are in."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, LookupError):
            with open("/proc/%s/status" % name, encoding="utf-8", errors="replace") as file:
                status = {line.partition(":")[0]: line.split()[1:] for line in file}
            # one that has ended, with all its threads, has neither memory nor directories
            ended = status["State"][0] in _ENDED and int(status["Threads"][0]) <= 1
            if str(uid) not in status["Uid"] or ended:
                continue
            with open("/proc/%s/cgroup" % name, encoding="utf-8", errors="replace") as file:
                yield int(name), _unit_in(file.read(), uid)


def _unit_in(groups: str, uid: int) -> str:
    """The unit of a run, of which a process is a part by every hierarchy that names units."""
    found = set()
    for line in groups.splitlines():
        path = line.split(":", 2)[-1]
        if "/user-%d.slice/" % uid in path:
            unit = path.partition("/user-%d.slice/" % uid)[2].partition("/")[0]
            found.add(unit if unit.startswith(_UNIT) and unit.endswith(".service") else "")
    return found.pop() if len(found) == 1 else ""


def _identity_of(unit: str) -> str:
    try:
        return (read_file(os.path.join(WORK, unit, "identity")) or b"").decode("ascii", "replace")
    except IdentityError:
        return ""


def forget_old_runs(run: Run) -> None:
    """Remove what runs left that were cut short and are over."""
    for name in os.listdir(WORK):
        place = os.path.join(WORK, name)
        if not name.startswith(_UNIT) or not Lock(os.path.join(place, "lock")).is_free():
            continue
        _code, out, _err = run(["systemctl", "show", "--property=ActiveState", "--value", name])
        # one that has no lock yet is just being made
        if out.strip() in ("inactive", "failed") and os.path.exists(os.path.join(place, "lock")):
            run(["systemctl", "reset-failed", name])
            shutil.rmtree(place, ignore_errors=True)


def take_away(run: Run, remove_jobs: bool, check: bool) -> list[str]:
    """End all runs and remove what was written for them; the paths that went.

    :param remove_jobs: whether the job directories of shared accounts go with all that is in them.
    """
    gone = [path for path in (PAM, WORK) if os.path.lexists(path)]
    if remove_jobs and os.path.lexists(JOBS):
        gone.append(JOBS)
    if check or not gone:
        return gone
    code, out, err = run(["systemctl", "list-units", "--all", "--plain", "--no-legend", _UNIT + "*"])
    if code != 0:
        raise IdentityError("systemd does not say what runs: %s" % err.strip())
    units = [line.split()[0] for line in out.splitlines() if line.startswith(_UNIT)]
    if units:
        run(["systemctl", "stop", *units])
        run(["systemctl", "reset-failed", *units])
    for path in gone:
        os.close(open_trusted_directory(os.path.dirname(path)))
        if path == PAM:
            os.unlink(path)
        else:
            # goes through descriptors, so that no link leads it elsewhere
            shutil.rmtree(path)
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(JOBS))
    return gone
