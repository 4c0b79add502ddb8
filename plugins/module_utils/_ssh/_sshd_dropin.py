# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drop-in of sshd: what it would do to logins, and putting it in place (private: no stable interface).

:func:`plan` asks sshd about a private copy of its configuration and leaves the host as it is, so check mode and the run
decide alike; :func:`apply` does what was planned. A host where the drop-in is as it should be costs two file reads.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    read_file,
    replace_file,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    PASSWORD_SETTINGS,
    includes,
    key_file_rules,
    key_files,
    parse_passwd,
    parse_shadow,
    reads_homes,
    staged_config,
    takes_passwords,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import Account

    Run = Callable[[list[str]], tuple[int, str, str]]
    Settings = dict[str, list[str]]

__all__ = ["Host", "Plan", "apply", "plan"]

MODE = 0o644
# Left behind between writing and reloading; /run is empty after a boot, when sshd has read everything anyway.
RELOAD_PENDING = "/run/labfleet-identity-sshd-reload"
_SSHD_DEFAULT = [".ssh/authorized_keys", ".ssh/authorized_keys2"]
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class Host:
    """The parts of a host that this file talks to."""

    run: Run
    sshd: str
    systemctl: str
    config: str = "/etc/ssh/sshd_config"
    passwd: str = "/etc/passwd"
    shadow: str = "/etc/shadow"
    reload_pending: str = RELOAD_PENDING


@dataclass(frozen=True)
class Plan:
    """What is to be done; ``old`` and ``new`` are None where there is no file."""

    path: str
    old: bytes | None
    new: bytes | None
    mode_differs: bool
    unit: str  # what will be reloaded, "" when nothing is to be reloaded
    warning: str = ""

    @property
    def writes(self) -> bool:
        return self.old != self.new or self.mode_differs

    @property
    def changed(self) -> bool:
        return self.writes or self.unit != ""


def plan(host: Host, path: str, content: str | None, services: list[str]) -> Plan:
    """Find out what has to be done, and whether it may be done.

    :param content: what the drop-in should say; None when there should be none.
    :raises IdentityError: sshd is missing, does not read ``path`` or refuses it, or it would lock somebody out.
    """
    new = None if content is None else content.encode()
    old = read_file(path)
    if new is None and old is None and not os.path.lexists(host.reload_pending):
        return Plan(path, old, new, mode_differs=False, unit="")
    config = _main_config(host)
    if new is not None and not includes(config, path):
        raise IdentityError(
            "%s does not read %s: put the line 'Include %s' above every other setting there"
            % (host.config, path, os.path.join(os.path.dirname(path), "*.conf"))
        )
    mode_differs = old is not None and new is not None and _mode_differs(path)
    writes = old != new or mode_differs
    if not writes and not os.path.lexists(host.reload_pending):
        return Plan(path, old, new, mode_differs=False, unit="")
    if old != new:
        _check_with_sshd(host, config, path, content)
    unit, warning = _unit_to_reload(host, services)
    return Plan(path, old, new, mode_differs, unit, warning)


def apply(host: Host, planned: Plan) -> None:
    """Put the drop-in in place and let sshd read it; the old state comes back when sshd refuses."""
    if planned.writes:
        if planned.unit:
            replace_file(host.reload_pending, b"", mode=0o600)
        _put(planned.path, planned.new)
        complaint = _complaint(host.run([host.sshd, "-t", "-f", host.config]))
        if complaint:
            _put_back(host, planned)
            raise IdentityError(
                "sshd refuses its configuration with %s: %s; it is as before" % (planned.path, complaint)
            )
    if planned.unit:
        complaint = _complaint(host.run([host.systemctl, "reload", planned.unit]))
        if complaint:
            if planned.writes:
                _put_back(host, planned)
            raise IdentityError(
                "%s could not be reloaded: %s; its configuration is as before, see 'systemctl status %s'"
                % (planned.unit, complaint, planned.unit)
            )
        _remove(host.reload_pending)


def _main_config(host: Host) -> str:
    config = read_file(host.config)
    if config is None or not host.sshd:
        raise IdentityError(
            "no OpenSSH server on this host (%s): install openssh-server, or leave this host out of ssh_access"
            % ("no program sshd" if config is not None else "no file %s" % host.config)
        )
    return config.decode(errors="surrogateescape")


def _mode_differs(path: str) -> bool:
    status = os.lstat(path)
    return (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) != (MODE, 0, 0)


def _check_with_sshd(host: Host, config: str, path: str, content: str | None) -> None:
    now = _settings(host, host.config)
    with tempfile.TemporaryDirectory(prefix="labfleet-sshd-") as scratch:
        staged = _stage(scratch, config, path, content)
        then = _settings(host, staged)
        if isinstance(then, str):
            if isinstance(now, str):
                raise IdentityError("sshd refuses the configuration that this host has: %s; mend that first" % now)
            raise IdentityError("sshd would refuse its configuration with %s: %s; nothing was changed" % (path, then))
        if content is None:
            return
        everybody, matched = key_file_rules(content)
        if everybody is not None and then.get("authorizedkeysfile") != everybody:
            raise IdentityError(
                "AuthorizedKeysFile in %s would have no effect: sshd takes '%s' from a line that it reads earlier; "
                "remove that line" % (path, " ".join(then.get("authorizedkeysfile", [])))
            )
        if isinstance(now, str):  # a drop-in that is broken is mended by this; what sshd last read from it is not known
            now = {"authorizedkeysfile": _SSHD_DEFAULT, **{name: ["no"] for name in PASSWORD_SETTINGS}}
        old = now.get("authorizedkeysfile", [])
        if everybody is not None and not os.path.lexists(path) and reads_homes(everybody) and not reads_homes(old):
            raise IdentityError(
                "sshd of this host reads no keys from homes ('%s'), and with %s it would: leave those files out of its "
                "AuthorizedKeysFile (role variable ssh_access_authorized_keys_files)" % (" ".join(old), path)
            )
        rules = ([everybody] if everybody is not None else [old]) + matched
        always = [pattern for pattern in rules[0] if all(pattern in rule for rule in rules[1:])]
        _check_nobody_locked_out(host, staged, now, always)


def _check_nobody_locked_out(host: Host, staged: str, now: Settings, always: list[str]) -> None:
    """Refuse to take away the last way in of an account that has one now.

    :param always: the key files that sshd will read whoever the account is; who has one is not asked about further.
    """
    with_password = parse_shadow(_text(host.shadow)) if takes_passwords(now) else frozenset()
    locked_out = []
    for account in parse_passwd(_text(host.passwd)):
        way = _way_in(account, now, with_password)
        if not way or any(os.path.isfile(name) for name in key_files(always, account)):
            continue
        then = _settings(host, staged, account.name)
        if not isinstance(then, str) and _way_in(account, then, with_password):
            continue
        # a file that sshd does not read from this user today is no way in, or any user could stop the run by making one
        today = _settings(host, host.config, account.name)
        if isinstance(today, str) or _way_in(account, today, with_password):
            locked_out.append("%s (%s)" % (account.name, way))
    if locked_out:
        more = len(locked_out) - _SHOWN_NAMES
        raise IdentityError(
            "sshd would no longer let in %s%s: give these accounts keys in /etc/ssh/authorized_keys.d, or let sshd go "
            "on as it does (role variables ssh_access_authorized_keys_files and ssh_access_research_passwords)"
            % (", ".join(locked_out[:_SHOWN_NAMES]), " and %d more" % more if more > 0 else "")
        )


def _way_in(account: Account, settings: Settings, with_password: frozenset[str]) -> str:
    """How an account can log in: the first key file that is there, or a password; "" when it cannot."""
    for name in key_files(settings.get("authorizedkeysfile", []), account):
        if os.path.isfile(name):
            return name
    return "a password" if account.name in with_password and takes_passwords(settings) else ""


def _text(path: str) -> str:
    return (read_file(path) or b"").decode(errors="surrogateescape")


def _settings(host: Host, config: str, user: str = "") -> Settings | str:
    """What sshd makes of a configuration (for one user, or before any Match), or its complaint."""
    command = [host.sshd, "-T", "-f", config]
    if user:
        command += ["-C", "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" % user]
    answer = host.run(command)
    if answer[0] != 0:
        return _complaint(answer)
    settings: Settings = {}
    for line in answer[1].splitlines():
        keyword, _blank, rest = line.partition(" ")
        settings.setdefault(keyword.lower(), rest.split())
    return settings


def _stage(scratch: str, config: str, path: str, content: str | None) -> str:
    """Copy the configuration to a private directory, with the drop-in as it will be; the path of the copy."""
    directory = os.path.dirname(path)
    staged = os.path.join(scratch, "dropins")
    os.mkdir(staged, 0o700)
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        source = os.path.join(directory, name)
        if name != os.path.basename(path) and os.path.isfile(source):
            with open(source, "rb") as handle:
                _write_new(os.path.join(staged, name), handle.read())
    if content is not None:
        _write_new(os.path.join(staged, os.path.basename(path)), content.encode())
    main = os.path.join(scratch, "sshd_config")
    _write_new(main, staged_config(config, directory, staged).encode(errors="surrogateescape"))
    return main


def _write_new(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def _complaint(answer: tuple[int, str, str]) -> str:
    """Why a command failed, in one line; "" when it did not."""
    code, out, err = answer
    if code == 0:
        return ""
    lines = [line.strip() for line in (err or out).splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "exit code %d" % code


def _unit_to_reload(host: Host, services: list[str]) -> tuple[str, str]:
    for service in services if host.systemctl else []:
        if host.run([host.systemctl, "is-active", "--quiet", "%s.service" % service])[0] == 0:
            return "%s.service" % service, ""
    for service in services if host.systemctl else []:
        if host.run([host.systemctl, "is-active", "--quiet", "%s.socket" % service])[0] == 0:
            return "", ""  # an sshd that starts with each connection reads its configuration then
    names = ", ".join(services)
    return "", "no unit of %s is active: an sshd that was started in another way has to be reloaded by hand" % names


def _put(path: str, data: bytes | None) -> None:
    if data is None:
        _remove(path)
        return
    os.close(make_trusted_directory(os.path.dirname(path), 0o755))
    replace_file(path, data, mode=MODE, keep=False)


def _put_back(host: Host, planned: Plan) -> None:
    _put(planned.path, planned.old)
    if planned.unit and host.run([host.systemctl, "reload", planned.unit])[0] == 0:
        _remove(host.reload_pending)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
