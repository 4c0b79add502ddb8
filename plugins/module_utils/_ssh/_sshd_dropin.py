# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drop-in of sshd and the files of keys that it names, put in place (private: no stable interface).

:func:`plan` asks sshd about a private copy of its configuration and leaves the host as it is, so check mode and the run
decide alike; :func:`apply` does what was planned. A host where everything is as it should be costs a few file reads.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    read_file,
    replace_file,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_config import (
    complaint,
    global_value,
    includes,
    without_files,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import KeyFilePlan

    Run = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["Host", "Plan", "apply", "diffs", "files_report", "plan"]

MODE = 0o644
# Left behind between writing and reloading; /run is empty after a boot, when sshd has read everything anyway.
RELOAD_PENDING = "/run/labfleet-identity-sshd-reload"


@dataclass(frozen=True)
class Host:
    """The parts of a host that this file talks to."""

    run: Run
    sshd: str
    systemctl: str
    keygen: str = ""
    config: str = "/etc/ssh/sshd_config"
    passwd: str = "/etc/passwd"
    shadow: str = "/etc/shadow"
    reload_pending: str = RELOAD_PENDING
    connecting: tuple[str, ...] | None = None  # who this run came in as; None: to be found out


@dataclass(frozen=True)
class Plan:
    """What is to be done; ``old`` and ``new`` are None where there is no file."""

    path: str
    old: bytes | None
    new: bytes | None
    mode_differs: bool = False
    unit: str = ""  # what will be reloaded, "" when nothing is to be reloaded
    files: tuple[KeyFilePlan, ...] = ()
    warnings: tuple[str, ...] = ()
    by_hand: bool = False  # nobody knows how the sshd that is running was started, and what it has in memory

    @property
    def writes(self) -> bool:
        return self.old != self.new or self.mode_differs

    @property
    def changed(self) -> bool:
        return self.writes or self.unit != "" or any(file.changed for file in self.files)


def plan(
    host: Host, path: str, content: str | None, services: list[str], files: Sequence[Mapping[str, Any]] = ()
) -> Plan:
    """Find out what has to be done, and whether it may be done.

    :param content: what the drop-in should say; None when there should be none, and then none of the files either.
    :param files: ``path``, ``kind`` and ``keys`` of the files of keys that the drop-in names, see
        :mod:`_sshd_key_files`. A setting that names one without keys is left out.
    :raises IdentityError: sshd is missing, does not read ``path`` or refuses it, or it would lock somebody out.
    """
    planned = _plan_files(files, content is not None)
    if content is not None:
        there = {file.path for file in planned if file.new is not None}
        content = without_files(content, [file["path"] for file in files if file["path"] not in there])
        _check_named(content, path, planned)
    new = None if content is None else content.encode()
    old = read_file(path)
    pending = os.path.lexists(host.reload_pending)
    asked = pending or any(file.changed for file in planned)
    if new is None and old is None and not asked:
        return Plan(path, old, new, files=planned)
    config = _main_config(host)
    if new is not None and not includes(config, path):
        raise IdentityError(
            "%s does not read %s: put the line 'Include %s' above every other setting there"
            % (host.config, path, os.path.join(os.path.dirname(path), "*.conf"))
        )
    mode_differs = old is not None and new is not None and _mode_differs(path)
    result = Plan(path, old, new, mode_differs, files=planned)
    if not result.writes and not asked:
        return result
    warnings = _what_was_wrong(planned, files, old)
    if old != new or any(file.changed for file in planned):
        # what only a host that changes pays for
        from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_check import Change, check

        warnings += check(host, config, Change(path, content, old != new, planned))
    unit, by_hand = _unit_to_reload(host, services)
    if not result.writes and not pending:
        unit = ""  # sshd reads the files of keys for every login
    elif by_hand:
        warnings.append(by_hand)
    return replace(result, unit=unit, warnings=tuple(warnings), by_hand=by_hand != "")


def _plan_files(files: Sequence[Mapping[str, Any]], present: bool) -> tuple[KeyFilePlan, ...]:
    """What has to be done about the files of keys; a host that has none and needs none pays for a look at names."""
    used = [file for file in files if (file["keys"] and present) or os.path.lexists(file["path"])]
    if not used:
        return ()
    from ansible_collections.labfleet.identity.plugins.module_utils._ssh._sshd_key_files import plan_files

    return plan_files(used if present else [{**file, "keys": []} for file in used])


def _check_named(content: str, path: str, files: Iterable[KeyFilePlan]) -> None:
    """A list of revoked keys that sshd is not told about would revoke nothing."""
    for file in files:
        if file.new is None:
            continue
        if file.kind == "revoked_keys":
            named = global_value(content, file.setting) == [file.path]
        else:
            named = any(words(line) == [file.setting, file.path] for line in content.splitlines())
        if not named:
            raise IdentityError(
                "nothing in %s makes sshd read %s: write the setting %s with that path into its content%s"
                % (path, file.path, file.setting, ", above every Match" if file.kind == "revoked_keys" else "")
            )


def _what_was_wrong(
    planned: Iterable[KeyFilePlan], files: Iterable[Mapping[str, Any]], dropin: bytes | None
) -> list[str]:
    """Sentences on files of keys that were not as they have to be, whatever is in them."""
    found = [
        "%s could be changed by others than root, or not be read (%s)" % (file.path, file.loose)
        for file in planned
        if file.loose
    ]
    there = {file.path for file in planned}
    found += [
        "%s is gone, so that sshd refused every key: what was revoked there counts again until a run knows the revoked"
        " keys" % file["path"]
        for file in files
        if file["keys"] is None and file["path"] not in there and file["path"].encode() in (dropin or b"")
    ]
    return found


def files_report(files: Iterable[KeyFilePlan]) -> list[dict[str, Any]]:
    """The files of keys as they will be, for people and programs."""
    return [{"path": file.path, "count": file.count, "changed": file.changed} for file in files]


def diffs(planned: Plan) -> list[dict[str, str]]:
    """What changes in the drop-in, and in the files of keys that change."""
    texts = [(planned.path, planned.old, planned.new)]
    texts += [(file.path, file.old, file.new) for file in planned.files if file.changed]
    return [
        {
            "before": (old or b"").decode(errors="replace"),
            "after": (new or b"").decode(errors="replace"),
            "before_header": path,
            "after_header": path,
        }
        for path, old, new in texts
    ]


def apply(host: Host, planned: Plan) -> None:
    """Put everything in place and let sshd read it; the old state comes back when sshd refuses.

    A file of keys is there before the configuration that names it, and goes when no sshd can have its name any more.
    """
    written = [file for file in planned.files if file.changed and file.new is not None]
    for file in written:
        _put(file.path, file.new)
    try:
        _apply_dropin(host, planned)
    except IdentityError:
        for file in written:
            if file.old is not None or not os.path.lexists(host.reload_pending):
                _put(file.path, file.old)
        raise
    for file in planned.files:
        if file.changed and file.new is None:
            _put(file.path, b"" if planned.by_hand else None)


def _apply_dropin(host: Host, planned: Plan) -> None:
    if planned.writes:
        if planned.unit:
            replace_file(host.reload_pending, b"", mode=0o600)
        _put(planned.path, planned.new)
        refusal = complaint(host.run([host.sshd, "-t", "-f", host.config]))
        if refusal:
            _put_back(host, planned)
            raise IdentityError("sshd refuses its configuration with %s: %s; it is as before" % (planned.path, refusal))
    if planned.unit:
        refusal = complaint(host.run([host.systemctl, "reload", planned.unit]))
        if refusal:
            if planned.writes:
                _put_back(host, planned)
            raise IdentityError(
                "%s could not be reloaded: %s; its configuration is as before, see 'systemctl status %s'"
                % (planned.unit, refusal, planned.unit)
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
