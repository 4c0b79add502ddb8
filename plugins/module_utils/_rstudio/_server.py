# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of RStudio Server on a host, and its unit (private: no stable interface).

:func:`plan` lets the server itself judge a private copy of its configuration and leaves the host as it is, so check
mode and the run decide alike; :func:`apply` does what was planned. Without the package only the files are written: a
package starts its server while it is installed, and then finds them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._files import (
    COOKIE_KEY,
    DROPIN,
    MANAGER,
    PAM,
    RSERVER_CONF,
    RSESSION_CONF,
    SESSION,
    render,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    read_file,
    replace_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._rstudio._settings import Settings

    Run = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["UNIT", "Host", "Plan", "apply", "changed_files", "diffs", "plan"]

UNIT = "rstudio-server.service"
OURS = (SESSION, MANAGER, PAM, DROPIN, RSESSION_CONF, RSERVER_CONF)  # in the order in which they are written
NEEDS_RESTART = (DROPIN, RSERVER_CONF, COOKIE_KEY)  # the others are read anew by each sign-in or session
BEFORE = ".before-labfleet"  # what was there when we came, given back when we go
KEY_MODE = 0o600
KEY_BYTES = 32


@dataclass(frozen=True)
class Host:
    """The parts of a host that this file talks to."""

    run: Run
    systemctl: str
    root: str = ""  # below which all paths are, in tests
    rserver: str = "/usr/lib/rstudio-server/bin/rserver"
    # left behind between writing and restarting; /run is empty after a boot, when the server has read everything
    restart_pending: str = "/run/labfleet-identity-rstudio-restart"


@dataclass(frozen=True)
class FilePlan:
    """``old`` and ``new`` are None where there is no file."""

    path: str
    old: bytes | None
    new: bytes | None
    mode: int
    loose: str = ""  # what is wrong with the mode or the owner
    saves: bool = False  # somebody else wrote what is there
    gives_back: bool = False

    @property
    def changed(self) -> bool:
        return self.old != self.new or self.loose != ""


@dataclass(frozen=True)
class Plan:
    """What is to be done. The key of cookies is not in here: it is made when it is written."""

    files: tuple[FilePlan, ...]
    key: str = ""  # "", "make" or "remove"
    actions: tuple[str, ...] = ()  # what systemctl does with the unit, in order
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.actions or self.key) or any(file.changed for file in self.files)


def plan(host: Host, settings: Settings | None) -> Plan:
    """Find out what has to be done, and whether it may be done.

    :param settings: what the server is told; None when nothing of us should be left.
    :raises IdentityError: the server refuses its configuration, would run as root, or the host has no PAM of Debian's.
    """
    texts = {} if settings is None else render(settings)
    if settings is not None and not os.path.lexists(host.root + "/etc/pam.d/common-account"):
        raise IdentityError(
            "this host has no /etc/pam.d/common-account, which the PAM service of RStudio is made of: the role is for"
            " Debian and Ubuntu; leave this host out of it"
        )
    files = tuple(_plan_file(host, path, texts.get(path)) for path in OURS)
    key, key_warning = _plan_key(host, settings is not None)
    unit = _unit(host)
    warnings = [key_warning] if key_warning else []
    if settings is not None:
        warnings += _missing_groups(settings)
        if os.path.lexists(host.root + host.rserver):
            _check_user(settings.server_user)
            conf = files[-1]
            if conf.new is not None and (conf.changed or (unit and not _running(unit))):
                _judge(host, conf.new)
    return Plan(files, key, _actions(host, unit, files, key, present=settings is not None), tuple(warnings))


def _plan_file(host: Host, path: str, wanted: tuple[bytes, int] | None) -> FilePlan:
    old = read_file(host.root + path)
    if wanted is None:
        ours = old is not None and WRITTEN_BY in old[:200]
        return FilePlan(path, old, read_file(host.root + path + BEFORE) if ours else old, 0o644, gives_back=ours)
    new, mode = wanted
    loose = _loose(host.root + path, mode) if old is not None else ""
    saves = old is not None and WRITTEN_BY not in old[:200]
    return FilePlan(path, old, new, mode, loose, saves)


def _loose(path: str, mode: int) -> str:
    status = os.lstat(path)
    if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, os.geteuid(), os.getegid()):
        return ""
    return "mode %04o, owner %d:%d" % (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _plan_key(host: Host, wanted: bool) -> tuple[str, str]:
    """Whether a key of cookies is to be made, and what was wrong with the one that is there."""
    path = host.root + COOKIE_KEY
    if not os.path.lexists(path):
        return ("make" if wanted else ""), ""
    if not wanted:
        return "remove", ""
    loose = _loose(path, KEY_MODE)
    if not loose and len(read_file(path) or b"") >= KEY_BYTES:
        return "", ""
    return "make", (
        "%s could be read or changed by others than root, or was too short (%s): it is made anew, and everybody has to"
        " sign in again" % (COOKIE_KEY, loose or "%d bytes" % os.lstat(path).st_size)
    )


def _missing_groups(settings: Settings) -> list[str]:
    import grp  # what a name is to the host is asked only here

    missing = []
    for group in settings.groups:
        try:
            grp.getgrnam(group)
        except KeyError:
            missing.append(group)
    if len(missing) < len(settings.groups):
        return []
    return ["nobody can sign in to RStudio yet: this host has no group %s" % " and no group ".join(missing)]


def _check_user(name: str) -> None:
    """rserver goes on as root when its user is not there, and says so in its log alone."""
    import pwd

    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise IdentityError(
            "RStudio Server would run as root, for this host has no user %s: make a system user of that name, or name"
            " another one in server_user" % name
        ) from None
    if uid == 0:
        raise IdentityError("RStudio Server would run as root: the user %s has uid 0; name another one" % name)


def _judge(host: Host, content: bytes) -> None:
    """Let the server read a private copy, before anything is replaced."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="labfleet-rstudio-") as directory:
        copy = os.path.join(directory, "rserver.conf")
        with open(copy, "wb") as handle:
            handle.write(content)
        code, out, err = host.run([host.root + host.rserver, "--test-config", "--config-file=%s" % copy])
    if code != 0:
        said = (err or out).replace(copy, RSERVER_CONF).strip().splitlines()
        raise IdentityError(
            "rserver would refuse its configuration: %s; nothing was changed" % (said[0] if said else "code %d" % code)
        )


def _unit(host: Host) -> dict[str, str]:
    """What systemd knows of the unit; empty where there is none."""
    properties = "--property=LoadState,ActiveState,UnitFileState,NeedDaemonReload"
    code, out, _err = host.run([host.systemctl, "show", properties, UNIT]) if host.systemctl else (1, "", "")
    known = dict(line.partition("=")[::2] for line in out.splitlines()) if code == 0 else {}
    return {} if known.get("LoadState", "not-found") in ("not-found", "masked") else known


def _running(unit: dict[str, str]) -> bool:
    return unit.get("ActiveState") in ("active", "activating", "reloading")


def _actions(
    host: Host, unit: dict[str, str], files: tuple[FilePlan, ...], key: str, *, present: bool
) -> tuple[str, ...]:
    if not unit:
        return ()
    changed = {file.path for file in files if file.changed} | ({COOKIE_KEY} if key else set())
    reload = ("daemon-reload",) if DROPIN in changed or unit.get("NeedDaemonReload") == "yes" else ()
    enabled = unit.get("UnitFileState") in ("enabled", "enabled-runtime", "static", "alias")
    running = _running(unit)
    if not present:
        return (("disable",) if enabled else ()) + (("stop",) if running else ()) + reload
    due = not running or os.path.lexists(host.root + host.restart_pending) or bool(changed & set(NEEDS_RESTART))
    return reload + (() if enabled else ("enable",)) + (("restart",) if due or reload else ())


def changed_files(planned: Plan) -> list[str]:
    """What is written or removed, by path."""
    return [file.path for file in planned.files if file.changed] + ([COOKIE_KEY] if planned.key else [])


def diffs(planned: Plan) -> list[dict[str, str]]:
    """What changes in the files; of the key only that it does."""
    shown = [
        {
            "before": (file.old or b"").decode(errors="replace"),
            "after": (file.new or b"").decode(errors="replace"),
            "before_header": file.path,
            "after_header": file.path,
        }
        for file in planned.files
        if file.old != file.new
    ]
    if planned.key:
        after = "a key of %d random bytes" % KEY_BYTES if planned.key == "make" else ""
        shown.append({"before": "", "after": after, "before_header": COOKIE_KEY, "after_header": COOKIE_KEY})
    return shown


def apply(host: Host, planned: Plan) -> None:
    """Put everything in place; what was there comes back when the server does not start with it."""
    restarts = "restart" in planned.actions
    before = [action for action in planned.actions if action in ("disable", "stop")]
    for action in before:
        _systemctl(host, action)
    if restarts:
        replace_file(host.root + host.restart_pending, b"", mode=KEY_MODE)
    for file in planned.files:
        if file.changed:
            _write(host, file)
    if planned.key == "make":
        _put(host, COOKIE_KEY, os.urandom(KEY_BYTES).hex().encode("ascii"), KEY_MODE)
    elif planned.key:
        _remove(host.root + COOKIE_KEY)
    try:
        for action in planned.actions:
            if action not in before:
                _systemctl(host, action)
    except IdentityError:
        _put_back(host, planned)
        raise
    if restarts:
        _remove(host.root + host.restart_pending)


def _put_back(host: Host, planned: Plan) -> None:
    """The files that were there; a server that ran with them runs again, if it still can."""
    for file in planned.files:
        if file.changed and file.old is not None:
            _put(host, file.path, file.old, file.mode)
    host.run([host.systemctl, "daemon-reload"])
    host.run([host.systemctl, "restart", UNIT])


def _systemctl(host: Host, action: str) -> None:
    command = [host.systemctl, action] + ([] if action == "daemon-reload" else [UNIT])
    code, out, err = host.run(command)
    if code != 0:
        said = (err or out).strip().splitlines()
        raise IdentityError(
            "'systemctl %s %s' failed: %s; the files that were there are back, see 'journalctl -u %s'"
            % (action, UNIT, said[0] if said else "code %d" % code, UNIT)
        )


def _write(host: Host, file: FilePlan) -> None:
    if file.saves and file.old is not None and not os.path.lexists(host.root + file.path + BEFORE):
        _put(host, file.path + BEFORE, file.old, file.mode)
    if file.new is None:
        _remove(host.root + file.path)
    else:
        _put(host, file.path, file.new, file.mode)
    if file.gives_back:
        _remove(host.root + file.path + BEFORE)


def _put(host: Host, path: str, data: bytes, mode: int) -> None:
    os.close(make_trusted_directory(os.path.dirname(host.root + path), 0o755))
    replace_file(host.root + path, data, mode=mode, uid=os.geteuid(), gid=os.getegid(), keep=False)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
