# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the servers of a host to what is asked for: look, plan, do (private: no stable interface).

:func:`plan` leaves the host as it is, so that check mode and the run decide alike; :func:`apply` does what was planned.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._environment import (
    PLACE,
    build,
    environments,
    in_use,
    is_complete,
    locate,
    remove,
)
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import is_token
from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._texts import (
    COMMAND,
    CONFIG,
    PAM,
    TOKENS,
    render_command,
    render_pam,
    render_server_config,
    render_unit,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    read_file,
    replace_file,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._environment import Pins, Run
    from ansible_collections.labfleet.identity.plugins.module_utils._jupyter._request import Server

__all__ = ["Plan", "apply", "diffs", "plan", "plan_absence"]

UNITS = "/etc/systemd/system"
WANTS = UNITS + "/multi-user.target.wants"
# Who has to be started anew, written before anything is changed; a boot starts everybody and empties /run.
DUE = "/run/labfleet-jupyter"
SHADOW = "/etc/shadow"
_DIRECTORIES = (
    ("/etc/labfleet", 0o755),
    (os.path.dirname(CONFIG), 0o755),
    (TOKENS, 0o700),
)
_SECONDS_OF_A_DAY = 86400
_SILENT = (
    "jupyter-%(name)s.service did not start: see 'journalctl -u jupyter-%(name)s' on the host; what %(name)s keeps in "
    "~/.jupyter, ~/.ipython or ~/.local runs in it, and can be moved away"
)


@dataclass(frozen=True)
class File:
    """A file as it is and as it has to be; ``new`` is None for one that has to go. A secret is never shown."""

    path: str
    old: bytes | None
    new: bytes | None
    mode: int = 0o644
    secret: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done, in the order in which it is done."""

    environment: str = ""
    builds: bool = False
    stopped: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    enabled: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    due: tuple[str, ...] = ()  # running, and to be restarted by another run
    closed: tuple[str, ...] = ()  # the account has expired or is disabled
    halted: tuple[str, ...] = ()  # those of them that run even so
    failing: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    leaves: bool = False

    @property
    def changed(self) -> bool:
        stops = self.stopped or self.halted
        starts = self.enabled or self.restarted or self.started
        return bool(self.builds or self.files or stops or starts or self.pruned)


def plan(servers: Sequence[Server], pins: Pins, host: str, restart: bool, check: bool, run: Run) -> Plan:
    """What has to be done so that exactly these users have a server.

    :param check: whether the accounts may still be missing, since the play makes them.
    :raises IdentityError: an account, systemd or Python is missing, or a unit of that name is somebody else's.
    """
    own = _own_units()
    if servers or own:
        _need_systemd()
    names = {server.unit for server in servers}
    stopped = tuple(sorted(unit for unit in own if unit not in names))
    files = [File(os.path.join(UNITS, unit), own[unit], None) for unit in stopped]
    files += _stray_tokens({server.name for server in servers})
    if not servers:
        return Plan(stopped=stopped, files=tuple(files))
    environment = locate(pins, run, check)
    config = _wanted(CONFIG, render_server_config())
    shared = [
        *config,
        *_wanted(PAM, render_pam(os.path.exists("/etc/pam.d/common-account"))),
        *_wanted(COMMAND, render_command(host), 0o755),
    ]
    states = _states([server.unit for server in servers], run)
    waiting = _names_in(DUE)
    expired = _closed_accounts()
    files += shared
    sorts: tuple[list[str], ...] = ([], [], [], [], [], [])
    restarted, started, due, closed, halted, failing = sorts
    for server in servers:
        changes = _files_of(server, own.get(server.unit), environment, check)
        files += changes
        state = states.get(server.unit, "inactive")
        if server.name in expired:
            closed.append(server.name)
            if state in ("active", "activating"):
                halted.append(server.unit)
        elif state == "active" or (state == "activating" and changes):
            if changes or config or server.name in waiting:
                (restarted if restart else due).append(server.name)
        elif state == "activating":
            failing.append(server.name)
        else:
            started.append(server.name)
    old = [path for path in environments() if path != environment]
    used = set() if restarted or stopped else in_use(old)
    return Plan(
        environment=environment,
        builds=not is_complete(environment),
        stopped=stopped,
        files=tuple(files),
        enabled=tuple(server.unit for server in servers if not _is_enabled(server.unit)),
        restarted=tuple(restarted),
        started=tuple(started),
        due=tuple(due),
        closed=tuple(closed),
        halted=tuple(halted),
        failing=tuple(failing),
        pruned=tuple(path for path in old if path not in used),
    )


def plan_absence() -> Plan:
    """What has to be done so that nothing of this is left."""
    own = _own_units()
    if own:
        _need_systemd()
    files = [File(os.path.join(UNITS, unit), text, None) for unit, text in sorted(own.items())]
    files += _stray_tokens(set())
    for path in (CONFIG, PAM, COMMAND):
        old = read_file(path)
        if old is not None:
            files.append(File(path, old, None))
    return Plan(
        stopped=tuple(sorted(own)),
        files=tuple(files),
        pruned=tuple(environments()),
        leaves=True,
    )


def apply(planned: Plan, pins: Pins, run: Run) -> dict[str, str]:
    """Do what was planned. A run that was cut short is completed by the next one.

    :returns: users whose server did not start, with a sentence each. They hold up nobody else.
    :raises IdentityError: the environment was not made.
    """
    if planned.builds:
        build(planned.environment, pins, run)
    _make_directories(planned)
    for name in (*planned.restarted, *planned.due):
        replace_file(os.path.join(DUE, name), b"", mode=0o600)
    if planned.stopped or planned.halted:
        _systemctl(run, "stop", [*planned.stopped, *planned.halted])
    for unit in planned.stopped:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(WANTS, unit))
    for file in planned.files:
        _put(file)
    for unit in planned.enabled:
        _enable(unit)
    if any(file.path.startswith(UNITS) for file in planned.files) or planned.enabled:
        _systemctl(run, "daemon-reload", ())
    if planned.stopped:
        run(["systemctl", "reset-failed", *planned.stopped], {})  # it is no error that none of them failed
    silent = _start([*planned.restarted, *planned.started], run)
    for path in set(planned.pruned) - in_use(list(planned.pruned)):
        remove(path)
    if planned.leaves:
        _remove_directories()
    return silent


def diffs(planned: Plan) -> list[dict[str, str]]:
    """What changes in files, tokens aside."""
    return [
        {
            "before": (file.old or b"").decode(errors="replace"),
            "after": (file.new or b"").decode(errors="replace"),
            "before_header": file.path,
            "after_header": file.path,
        }
        for file in planned.files
        if not file.secret
    ]


def _need_systemd() -> None:
    if not os.path.isdir("/run/systemd/system"):
        raise IdentityError("systemd does not run on this host, and the servers are its services: leave this host out")


def _own_units() -> dict[str, bytes]:
    """The units that were written by us, by name."""
    found = {}
    for name in _names_in(UNITS):
        if name.startswith("jupyter-") and name.endswith(".service"):
            path = os.path.join(UNITS, name)
            text = read_file(path) if stat.S_ISREG(os.lstat(path).st_mode) else None
            if text is not None and text.startswith(WRITTEN_BY):
                found[name] = text
    return found


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def _stray_tokens(wanted: set[str]) -> list[File]:
    gone = [name for name in _names_in(TOKENS) if name not in wanted]
    return [File(os.path.join(TOKENS, name), b"", None, 0o600, secret=True) for name in gone]


def _wanted(path: str, new: bytes, mode: int = 0o644, secret: bool = False) -> list[File]:
    """The file, when it is not yet as it has to be."""
    old = read_file(path)
    if old == new:
        status = os.lstat(path)
        if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, 0, 0):
            return []
    return [File(path, old, new, mode, secret)]


def _files_of(server: Server, old: bytes | None, environment: str, check: bool) -> list[File]:
    """What changes of one user: the token, the unit."""
    path = os.path.join(UNITS, server.unit)
    if old is None and os.path.lexists(path):
        raise IdentityError("%s is not of labfleet.identity: move it away, or leave %s out" % (path, server.name))
    token = _wanted(os.path.join(TOKENS, server.name), _token(server), 0o600, secret=True)
    try:
        account = pwd.getpwnam(server.name)
    except KeyError:
        if check:  # the play makes it first
            return [*token, File(path, None, b"")]
        raise IdentityError("there is no account %s on this host: make it first" % server.name) from None
    if account.pw_uid == 0:
        raise IdentityError("%s is another name of root, who gets no notebook server" % server.name)
    unit = render_unit(server, account.pw_uid, account.pw_dir, environment)
    return [*token, *_wanted(path, unit)]


def _token(server: Server) -> bytes:
    """The token that was given, or that is there, or a new one."""
    if server.token:
        return server.token.encode("ascii") + b"\n"
    there = read_file(os.path.join(TOKENS, server.name))
    if there is not None and is_token(there.decode("ascii", "replace").rstrip("\n")):
        return there
    return os.urandom(24).hex().encode("ascii") + b"\n"


def _closed_accounts() -> set[str]:
    """Accounts of the host's own files that have expired."""
    today = int(time.time()) // _SECONDS_OF_A_DAY
    closed = set()
    for line in (read_file(SHADOW) or b"").decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) > 7 and fields[7].isdigit() and int(fields[7]) <= today:
            closed.add(fields[0])
    return closed


def _states(units: list[str], run: Run) -> dict[str, str]:
    """What systemd says of each: active, activating, inactive, failed."""
    code, answer, errors = run(["systemctl", "show", "--property=Id,ActiveState", *units], {})
    if code != 0:
        raise IdentityError("systemd does not say what runs: %s" % errors.strip())
    states = {}
    for block in answer.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            states[values["Id"]] = values.get("ActiveState", "")
    return states


def _is_enabled(unit: str) -> bool:
    try:
        return os.readlink(os.path.join(WANTS, unit)) == os.path.join(UNITS, unit)
    except OSError:
        return False


def _make_directories(planned: Plan) -> None:
    if not planned.environment:
        return
    for path, mode in (*_DIRECTORIES, (DUE, 0o700)):
        directory = make_trusted_directory(path, mode)
        try:
            if stat.S_IMODE(os.fstat(directory).st_mode) != mode:
                os.fchmod(directory, mode)
        finally:
            os.close(directory)


def _put(file: File) -> None:
    if file.new is not None:
        replace_file(file.path, file.new, mode=file.mode, keep=False)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(file.path)


def _enable(unit: str) -> None:
    directory = make_trusted_directory(WANTS, 0o755)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unit, dir_fd=directory)
        os.symlink(os.path.join(UNITS, unit), unit, dir_fd=directory)
    finally:
        os.close(directory)


def _systemctl(run: Run, verb: str, units: Sequence[str]) -> None:
    code, _output, errors = run(["systemctl", verb, *units], {})
    if code != 0:
        raise IdentityError("systemctl %s failed: %s; mend that and run again" % (verb, errors.strip()))


def _start(names: list[str], run: Run) -> dict[str, str]:
    """Start these servers, or start them anew, all at once and to the end of each; say whose did not start."""
    if not names:
        return {}
    units = {name: "jupyter-%s.service" % name for name in names}
    code, _output, errors = run(["systemctl", "restart", *units.values()], {})
    states = _states(list(units.values()), run)
    for name, unit in units.items():
        if states.get(unit) == "active":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(DUE, name))
    silent = [name for name, unit in units.items() if states.get(unit) in ("failed", "activating")]
    if code != 0 and not silent:  # what they need failed, such as the mount of a home
        silent = [name for name, unit in units.items() if states.get(unit) != "active"]
    if code != 0 and not silent:
        raise IdentityError("systemctl restart failed: %s; mend that and run again" % errors.strip())
    return {name: _SILENT % {"name": name} for name in silent}


def _remove_directories() -> None:
    for name in _names_in(DUE):
        os.unlink(os.path.join(DUE, name))
    ours = os.path.dirname(CONFIG)
    for path in (DUE, TOKENS, ours, os.path.dirname(ours), PLACE, os.path.dirname(PLACE)):
        with contextlib.suppress(OSError):  # not there, or others have something in it
            os.rmdir(path)
