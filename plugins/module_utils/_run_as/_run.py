# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command as a user: look, lock, start, read, tell (private: no stable interface)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import syslog
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import (
    Places,
    check_shared,
    find_account,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._directories import (
    JOBS,
    hidden_directories,
    identity_of,
    job_directory,
    mapped_directories,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._host import (
    WORK,
    Lock,
    check_others,
    check_runs,
    forget_old_runs,
    has_others,
    need_systemd,
    python_of_host,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._output import Collector
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import (
    MAY_BE_MISSING,
    OTHER_PROCESSES,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._unit import (
    CLOSED,
    OWN_PROCESSES_SINCE,
    WRITABLE,
    properties,
    variables,
)

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Account, Run
    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._directories import Mapped
    from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job

__all__ = ["Ready", "in_words", "look", "run_job", "tell", "tell_refusal"]

# what systemd says when it could not bring a program to where it begins: systemd.exec(5), "process exit codes"
_NOT_STARTED = {
    200: "cannot enter its directory",
    203: "cannot run Python",
    208: "cannot open the pipes of its output",
    216: "cannot take the group",
    217: "cannot take the user",
    219: "cannot enter the slice",
    224: "PAM lets nobody in by this account: it has expired, or is closed",
    226: "cannot set up its view of the file system",
    228: "cannot filter its system calls",
}
_KILLED = (2, 3)  # CLD_KILLED, CLD_DUMPED


@dataclass(frozen=True)
class Ready:
    """What was found and is needed to run."""

    account: Account
    mapped: tuple[Mapped, ...]
    hidden: tuple[str, ...]
    home: str
    version: int  # of systemd
    python: str


def look(job: Job, run: Run, places: Places, make: bool) -> Ready:
    """Check everything that can be checked before the unit starts.

    :param make: whether the job directory of a shared account is made.
    """
    version = need_systemd(run)
    python = python_of_host()
    account = find_account(job, places)
    if job.shared:
        check_shared(account, places, run)
        mapped = [job_directory(job, account, make)]
        home = mapped[0].path
    else:
        if os.path.lexists(os.path.join(JOBS, account.name)):
            raise IdentityError(
                "%s is a shared account on this host, whose jobs must not be seen by one person: map the portal's user"
                " to an account of their own" % account.name
            )
        mapped = mapped_directories(job, account)
        home = account.home
    if not make:
        _check_beside(job, version >= OWN_PROCESSES_SINCE, run)  # the run itself asks when its turn has come
    hidden = hidden_directories(job, account, mapped)
    return Ready(account, tuple(mapped), tuple(hidden), home, version, python)


def _check_beside(job: Job, own_processes: bool, run: Run) -> bool:
    if job.shared and not own_processes:
        check_runs(job, run)
    return check_others(job, own_processes)


def run_job(job: Job, ready: Ready, run: Run) -> dict[str, Any]:
    """Run it, wait for its end, and tell what became of it."""
    work = os.path.join(WORK, job.unit)
    own, account_lock = Lock(os.path.join(work, "lock")), Lock(os.path.join(WORK, job.account + ".lock"))
    with Lock(os.path.join(WORK, "lock")):
        forget_old_runs(run)
        try:
            os.mkdir(work, 0o700)
        except FileExistsError:
            raise IdentityError("%s runs on this host already: every token is for one run" % job.unit) from None
        own.take()
    collectors: list[Collector] = []
    try:
        account_lock.take()
        _write(work, "identity", job.identity)
        own_processes = ready.version >= OWN_PROCESSES_SINCE
        beside = _check_beside(job, own_processes, run)
        _write(work, "job", json.dumps(_wanted(job, ready)))
        collectors.append(Collector(os.path.join(work, "stdout"), job.max_output, account_lock.release))
        collectors.append(Collector(os.path.join(work, "stderr"), job.max_output))
        result = _started(job, ready, work, collectors, run)
        # somebody may have logged in meanwhile: that cannot be undone, and is said
        if beside or (not own_processes and has_others(job)):
            result["without"] = sorted({*result["without"], OTHER_PROCESSES})
        return result
    finally:
        for collector in collectors:
            collector.finish()
        account_lock.release()
        run(["systemctl", "reset-failed", job.unit])
        shutil.rmtree(work)
        own.release()


def _write(work: str, name: str, text: str) -> None:
    handle = os.open(os.path.join(work, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _wanted(job: Job, ready: Ready) -> dict[str, Any]:
    """What the first program of the run reads: the command, and what the host looks like from outside."""
    account = ready.account
    differs = [*ready.hidden, "/tmp", "/var/tmp", "/dev/shm"]
    return {
        "argv": list(job.argv),
        "environment": variables(job, account, ready.home),
        "chdir": job.chdir or ready.mapped[0].path,
        "uid": account.uid,
        "gid": account.gid,
        "groups": list(account.groups),
        "shared": job.shared,
        "own_processes": ready.version >= OWN_PROCESSES_SINCE,
        "ipc": os.readlink("/proc/self/ns/ipc"),
        "pid": os.readlink("/proc/self/ns/pid"),
        "slice": "/user-%d.slice/%s" % (account.uid, job.unit),
        "hidden": [[path, identity_of(path)] for path in differs],
        "mapped": [[one.path, [one.device, one.inode]] for one in ready.mapped],
        "sockets": [path for path in (*CLOSED, "/run/dbus/system_bus_socket") if os.path.exists(path)],
        "writable": [*WRITABLE, *(one.path for one in ready.mapped)],
        "without": sorted(job.without),
    }


def _started(job: Job, ready: Ready, work: str, collectors: list[Collector], run: Run) -> dict[str, Any]:
    """Start the unit and wait until it is gone, also when this program is told to end."""
    settings = properties(job, ready.account, [one.path for one in ready.mapped], ready.hidden, work, ready.version)
    # with Type=exec the helper of PAM keeps systemd 252 waiting for the start, and the run's time never begins
    command = ["systemd-run", "--quiet", "--wait", "--service-type=simple", "--unit=%s" % job.unit]
    command += ["--description=A job of %s for a portal" % job.account]
    command += ["--property=%s" % setting for setting in settings]
    command += ["--", ready.python, "-I", os.path.join(WORK, "guard.py")]
    for collector in collectors:
        collector.start()
    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    begun = time.monotonic()
    tell(job, "begins")
    try:
        code, _out, complaint = run(command)
    except BaseException:
        run(["systemctl", "stop", job.unit])
        tell(job, "was stopped, for whoever started it went away")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    elapsed = time.monotonic() - begun
    for collector in collectors:
        collector.finish()
    result = _result(job, code, complaint, collectors, run)
    result["elapsed"] = round(elapsed, 3)
    tell(job, in_words(result))
    return result


def _end(_number: int, _frame: Any) -> None:
    raise SystemExit(143)


def _result(job: Job, code: int, complaint: str, collectors: list[Collector], run: Run) -> dict[str, Any]:
    state = _state(job.unit, run) if code else {"Result": "success", "ExecMainCode": "1", "ExecMainStatus": "0"}
    status = int(state.get("ExecMainStatus") or 0)
    was_killed = int(state.get("ExecMainCode") or 0) in _KILLED
    missing = collectors[0].missing
    if missing is None:
        why = _NOT_STARTED.get(
            status, complaint.strip().splitlines()[-1] if complaint.strip() else "systemd says no more"
        )
        tell(job, "did not start: %s" % why)
        raise IdentityError(
            "nothing was run as %s: the unit %s %s (systemd: %s, %d); see 'journalctl -u %s' on the host"
            % (job.account, job.unit, why, state.get("Result", "no result"), status, job.unit)
        )
    if set(missing) - job.without:
        tell(job, "was refused without %s" % ", ".join(missing))
        raise IdentityError(
            "nothing was run as %s, because this host does not put in force: %s; use a host with a newer systemd and"
            " kernel%s"
            % (
                job.account,
                ", ".join(sorted(set(missing) - job.without)),
                "" if job.shared else ", or name in 'without' what may be missing of %s" % ", ".join(MAY_BE_MISSING),
            )
        )
    stdout, stdout_cut, ended = collectors[0].result(not was_killed)
    stderr, stderr_cut, _none = collectors[1].result(False)
    number = status if was_killed else 0
    if ended is not None:
        status, number = ended
    return {
        "unit": job.unit,
        "rc": 128 + number if number else status,
        "signal": signal.Signals(number).name if number in set(signal.Signals) else str(number or ""),
        "timed_out": state.get("Result") == "timeout",
        "stdout": stdout.decode("utf-8", "replace"),
        "stderr": stderr.decode("utf-8", "replace"),
        "stdout_cut": stdout_cut,
        "stderr_cut": stderr_cut,
        "without": sorted(missing),
    }


def _state(unit: str, run: Run) -> dict[str, str]:
    _code, out, _err = run(["systemctl", "show", "--property=Result,ExecMainCode,ExecMainStatus", unit])
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def in_words(result: dict[str, Any]) -> str:
    """How a command ended."""
    if result["timed_out"]:
        return "the command was ended: its time was over"
    return "the command ended with %s" % (result["signal"] or result["rc"])


def tell(job: Job, what: str) -> None:
    """One line in the log of who did what on this host: every word of it is safe to show, and none is the token."""
    syslog.openlog("labfleet-run", 0, syslog.LOG_AUTH)
    syslog.syslog(
        syslog.LOG_NOTICE,
        "%s for %s of %s as %s, program %s: %s"
        % (job.unit, quoted(job.subject), quoted(job.issuer), job.account, quoted(job.argv[0]), what),
    )
    syslog.closelog()


def tell_refusal(job: Job, error: IdentityError) -> None:
    """The same, for what was not even started."""
    with contextlib.suppress(OSError):
        tell(job, "was refused: %s" % quoted(str(error)))
