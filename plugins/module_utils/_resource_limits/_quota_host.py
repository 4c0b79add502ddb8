# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas on a host: what the kernel keeps, and the tools that change it (private)."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import parse_mountinfo
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._quota_request import (
    KINDS,
    Held,
    Limit,
    grace_text,
    over,
    parse_grace,
    parse_wishes,
    plan_limits,
    read_report,
    setquota_lines,
    told,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import open_trusted_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._quota_request import Report, Wish

    Run = Callable[[list[str], str], tuple[int, str, str]]

__all__ = ["FileSystem", "Tools", "find_file_system", "quota_flags", "set_quotas"]

_WITH_QUOTAS = ("ext4", "xfs")
_OF_A_SERVER = ("nfs", "nfs4", "efs", "cifs", "smb3", "fuse.sshfs")
_TYPES = {"user": 0, "group": 1, "project": 2}
_TELL_STATE = 0x5805  # Q_XGETQSTAT, which ext4 answers as well
_GET_ATTRIBUTES, _SET_ATTRIBUTES = 0x801C581F, 0x401C5820  # FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR
_ATTRIBUTES = struct.Struct("=5I8s")
_INHERIT = 0x200
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class FileSystem:
    """Where quotas are set."""

    point: str
    kind: str
    source: str
    block: int  # KiB


@dataclass(frozen=True)
class Tools:
    """How the host is asked; tests answer themselves."""

    run: Run
    find: Callable[[str], str]
    flags: Callable[[FileSystem, str], int]
    number_of: Callable[[str], int | None]


def find_file_system(path: str, mountinfo: str) -> FileSystem:
    """The file system of a path, if it can have quotas.

    :param mountinfo: the text of ``/proc/self/mountinfo``.
    :raises IdentityError: it cannot, or is not to be seen.
    """
    if not path.startswith("/") or os.path.normpath(path) != path or path.startswith("//"):
        raise IdentityError("%s is not a plain absolute path: write it like /home" % quoted(path))
    best = None
    for mount in parse_mountinfo(mountinfo):
        inside = mount.point == "/" or path == mount.point or path.startswith(mount.point + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    if best is None:
        raise IdentityError("no mount of %s is to be seen: run where the whole system is seen" % path)
    if best.kind in _OF_A_SERVER:
        raise IdentityError(
            "%s is on %s, whose server keeps the quotas, and EFS has none: set them on the server, or let disk_usage"
            " tell who has too much" % (path, best.kind)
        )
    if best.kind not in _WITH_QUOTAS:
        raise IdentityError("%s is on %s, where no quotas are set: use ext4 or XFS" % (path, best.kind))
    return FileSystem(best.point, best.kind, _source_of(best.point, mountinfo), 1)


def _source_of(point: str, mountinfo: str) -> str:
    found = ""
    for line in mountinfo.split("\n"):
        left, _dash, right = line.partition(" - ")
        words = right.split(" ")
        if len(words) > 1 and left.split(" ")[4].replace("\\040", " ") == point:
            found = words[1]
    return found


def quota_flags(system: FileSystem, kind: str) -> int:
    """What the kernel does about quotas there: a number with two bits for each kind; 0 when it does nothing."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    answer = ctypes.create_string_buffer(512)
    command = ctypes.c_int(_TELL_STATE << 8 | _TYPES[kind])
    if library.quotactl(command, os.fsencode(system.source), 0, answer) != 0:
        number = ctypes.get_errno()
        if number in (errno.ENOSYS, errno.ESRCH, errno.EINVAL, errno.EOPNOTSUPP):
            return 0
        raise IdentityError(
            "the quotas of %s (%s) cannot be asked for: %s; run as root where its device is to be seen"
            % (system.point, quoted(system.source), os.strerror(number))
        )
    flags: int = struct.unpack_from("=H", answer.raw, 2)[0]
    return flags


def set_quotas(params: Mapping[str, Any], check: bool, tools: Tools, system: FileSystem) -> dict[str, Any]:
    """Set the quotas of a file system.

    :param params: the module's parameters.
    :returns: what the module returns, with ``warnings``.
    :raises IdentityError: something cannot be accepted or done. Everything is looked at before anything is done.
    """
    kind = params["kind"]
    grace = parse_grace(params["grace"] or {})
    wishes = parse_wishes(params["quotas"], kind, tools.number_of, system.block)
    _check_enforced(tools.flags(system, kind), kind, system)
    repquota, setquota = (_program(tools, name) for name in ("repquota", "setquota"))
    report = _report(tools, [repquota, KINDS[kind], "-n", "-v", "-p", "--", system.point])
    changes = plan_limits(wishes, report.held, params["others"] == "lift")
    seconds = _new_grace(grace, report)
    projects = _projects(wishes, system)
    try:
        if not check:
            for handle, number in projects.values():
                _take_in(handle, number)
            _set(tools, [setquota, KINDS[kind]], system.point, changes, seconds)
    finally:
        for handle, _number in projects.values():
            os.close(handle)
    return {
        "changed": bool(changes or seconds or projects),
        "mount_point": system.point,
        "file_system": system.kind,
        "quotas": [_shown(wish, report, changes) for wish in wishes],
        "lifted": sorted(set(changes).difference(wish.number for wish in wishes)),
        "diff": _diff(wishes, report, changes, seconds, projects),
        "warnings": over(wishes, report, changes),
    }


def _check_enforced(flags: int, kind: str, system: FileSystem) -> None:
    shift = 2 * _TYPES[kind]
    accounted, enforced = flags >> shift & 1, flags >> shift & 2
    if not accounted or not enforced:
        option = {"user": "usrquota", "group": "grpquota", "project": "prjquota"}[kind]
        raise IdentityError(
            "%s (%s) %s %s quotas: mount it with the option %s%s"
            % (
                system.point,
                system.kind,
                "counts and does not enforce" if accounted else "has no",
                kind,
                option,
                "" if system.kind == "xfs" else ", after 'tune2fs -O quota%s' while it is not mounted"
                % (",project -Q prjquota" if kind == "project" else ""),
            )
        )  # fmt: skip


def _program(tools: Tools, name: str) -> str:
    path = tools.find(name)
    if not path:
        raise IdentityError("this host has no %s: install the package quota" % name)
    return path


def _report(tools: Tools, command: list[str]) -> Report:
    code, out, err = tools.run(command, "")
    if code != 0:
        raise IdentityError("repquota refuses: %s" % _in_a_line(err or out, code))
    return read_report(out)


def _in_a_line(text: str, code: int) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:300] or "exit code %d" % code


def _new_grace(wanted: tuple[int | None, int | None], report: Report) -> tuple[int, int] | None:
    """Both times in seconds, when one of them is to change; setquota knows no other way."""
    differs = any(value is not None and grace_text(value) != now for value, now in zip(wanted, report.grace))
    if not differs:
        return None
    both = [value if value is not None else _from_text(now) for value, now in zip(wanted, report.grace)]
    return both[0], both[1]


def _from_text(text: str) -> int:
    if text.endswith("days"):
        return int(text[: -len("days")]) * 86400
    hours, _colon, minutes = text.partition(":")
    return int(hours) * 3600 + int(minutes) * 60


def _set(
    tools: Tools, command: list[str], point: str, changes: Mapping[int, Limit], seconds: tuple[int, int] | None
) -> None:
    runs = [([*command, "-b", "--", point], setquota_lines(changes))] if changes else []
    if seconds:
        runs.append(([*command, "-t", "--", str(seconds[0]), str(seconds[1]), point], ""))
    for words, data in runs:
        code, out, err = tools.run(words, data)
        if code != 0:
            raise IdentityError("setquota refuses: %s; mend that and run again" % _in_a_line(err or out, code))


def _projects(wishes: Iterable[Wish], system: FileSystem) -> dict[str, tuple[int, int]]:
    """The directories that are not in their project yet, open, with the number."""
    found: dict[str, tuple[int, int]] = {}
    try:
        for wish in wishes:
            if wish.directory:
                handle = _open_project(wish, system)
                if handle >= 0:
                    found[wish.directory] = (handle, wish.number)
    except BaseException:
        for handle, _number in found.values():
            os.close(handle)
        raise
    return found


def _open_project(wish: Wish, system: FileSystem) -> int:
    """The directory of a project that it is to be given to; -1 when it is."""
    parent, name = os.path.split(wish.directory)
    above = open_trusted_directory(parent)
    try:
        handle = os.open(name or ".", _DIRECTORY, dir_fd=above)
    except OSError as error:
        raise IdentityError(
            "%s: %s is no directory (%s): make it first" % (wish.name, wish.directory, os.strerror(error.errno or 0))
        ) from error
    finally:
        os.close(above)
    try:
        if os.fstat(handle).st_dev != os.stat(system.point).st_dev:
            raise IdentityError("%s: %s is not on %s" % (wish.name, wish.directory, system.point))
        flags, _size, _extents, number, _cow, _pad = _attributes(handle)
        if number == wish.number and flags & _INHERIT:
            os.close(handle)
            return -1
        if os.listdir(handle):
            raise IdentityError(
                "%s: %s has files already, which would not be counted: begin with an empty directory, or give all of it"
                " to project %d while nobody writes there" % (wish.name, wish.directory, wish.number)
            )
    except BaseException:
        os.close(handle)
        raise
    return handle


def _attributes(handle: int) -> tuple[Any, ...]:
    return _ATTRIBUTES.unpack(fcntl.ioctl(handle, _GET_ATTRIBUTES, bytes(_ATTRIBUTES.size)))


def _take_in(handle: int, number: int) -> None:
    flags, size, extents, _old, cow, pad = _attributes(handle)
    fcntl.ioctl(handle, _SET_ATTRIBUTES, _ATTRIBUTES.pack(flags | _INHERIT, size, extents, number, cow, pad))


def _shown(wish: Wish, report: Report, changes: Mapping[int, Limit]) -> dict[str, Any]:
    one = report.held.get(wish.number, Held())
    limit = changes.get(wish.number, one.limit)
    return {
        "name": wish.name,
        "id": wish.number,
        "soft": limit.soft * 1024,
        "hard": limit.hard * 1024,
        "files_soft": limit.files_soft,
        "files_hard": limit.files_hard,
        "used": one.used * 1024,
        "files": one.files,
        "changed": wish.number in changes,
    }


def _diff(
    wishes: Iterable[Wish],
    report: Report,
    changes: Mapping[int, Limit],
    seconds: tuple[int, int] | None,
    projects: Mapping[str, tuple[int, int]],
) -> dict[str, str]:
    names = {wish.number: wish.name for wish in wishes}
    before, after = [], []
    for number, limit in sorted(changes.items()):
        who = "%s (%d)" % (names.get(number, "nobody here"), number)
        before.append("%s: %s\n" % (who, told(report.held.get(number, Held()).limit)))
        after.append("%s: %s\n" % (who, told(limit)))
    if seconds:
        before.append("grace: %s, files %s\n" % report.grace)
        after.append("grace: %s, files %s\n" % (grace_text(seconds[0]), grace_text(seconds[1])))
    after += ["%s: in project %d\n" % (path, number) for path, (_handle, number) in sorted(projects.items())]
    return {"before": "".join(before), "after": "".join(after)}
