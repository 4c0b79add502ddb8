# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-ins of units and the lines for pam_limits: read, compared, written and put in force (private).

:func:`plan` leaves the host as it is, so check mode and the run decide alike; :func:`apply` does what was planned.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_request import (
    DROPIN,
    OURS,
    PAM_FILE,
    SLICE_OF_ACCOUNTS,
    UNITS,
    check_unit,
    unit_of,
    wanted_files,
)
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    fsync_directory,
    make_trusted_directory,
    open_trusted_directory,
    read_file,
    replace_at,
    replace_file,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._systemd import Systemd

__all__ = ["Places", "Plan", "apply", "diffs", "plan", "plan_files"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIXES = (".service.d", ".slice.d")
_MODE = 0o644


@dataclass(frozen=True)
class Places:
    """Where things are; tests move them."""

    etc: str = "/etc"
    # Units whose limits systemd has still to be told, if a run is killed; /run is empty after a boot.
    pending: str = "/run/labfleet-identity-limits"


@dataclass(frozen=True)
class Plan:
    """What is to be done. An empty new text means that the file goes."""

    old: dict[str, bytes]  # what there is of ours, by path below /etc
    new: dict[str, bytes]  # what there will be
    write: dict[str, bytes] = field(default_factory=dict)
    pending: tuple[str, ...] = ()  # units that a killed run left

    @property
    def changed(self) -> bool:
        """Whether a run does anything."""
        return bool(self.write or self.pending)

    @property
    def units(self) -> list[str]:
        """The units whose limits change."""
        return sorted({unit for unit in map(unit_of, self.write) if unit}.union(self.pending))


def plan(
    services: Mapping[str, Any], users: Mapping[str, Any], uid_of: Callable[[str], int | None], places: Places
) -> Plan:
    """Find out what has to be done.

    :raises IdentityError: something cannot be accepted, or would be said twice.
    """
    wanted = wanted_files(services, users, uid_of)
    found, loose, foreign = _read(places.etc)
    _refuse_foreign(wanted, foreign)
    pending = tuple(unit for unit in _pending(places) if _is_unit(unit))
    return plan_files(found, loose, wanted, pending)


def plan_files(
    found: Mapping[str, bytes], loose: Iterable[str], wanted: Mapping[str, bytes], pending: tuple[str, ...] = ()
) -> Plan:
    """Compare files of ours that are there with those that should be.

    :param loose: files that others than root could change.
    """
    again = set(loose)
    write = {path: data for path, data in wanted.items() if found.get(path) != data or path in again}
    write.update((path, b"") for path in found if path not in wanted)
    return Plan(dict(found), dict(wanted), dict(sorted(write.items())), pending)


def _read(etc: str) -> tuple[dict[str, bytes], set[str], dict[str, str]]:
    """Files of ours, which of them others could change, and what is in the way of some, in words."""
    found: dict[str, bytes] = {}
    loose: set[str] = set()
    foreign: dict[str, str] = {}
    base = os.path.join(etc, UNITS)
    if os.path.lexists(base):
        above = open_trusted_directory(base)
        try:
            for name in sorted(name for name in os.listdir(above) if name.endswith(_SUFFIXES)):
                path = "%s/%s/%s" % (UNITS, name, DROPIN)
                try:
                    directory = os.open(name, _DIRECTORY, dir_fd=above)
                except OSError:
                    foreign[path] = "/etc/%s/%s is no directory" % (UNITS, name)
                    continue
                try:
                    _read_one(directory, DROPIN, path, found, loose, foreign)
                    if name.startswith("user-") and (read_file(SLICE_OF_ACCOUNTS, directory) or b"").startswith(
                        WRITTEN_BY
                    ):
                        foreign[path] = "the limits of this user are those that accounts gives, as the roster says"
                finally:
                    os.close(directory)
        finally:
            os.close(above)
    folder, name = os.path.split(os.path.join(etc, PAM_FILE))
    if os.path.lexists(folder):
        directory = open_trusted_directory(folder)
        try:
            _read_one(directory, name, PAM_FILE, found, loose, foreign)
        finally:
            os.close(directory)
    return found, loose, foreign


def _read_one(
    directory: int, name: str, path: str, found: dict[str, bytes], loose: set[str], foreign: dict[str, str]
) -> None:
    try:
        data = read_file(name, dir_fd=directory)
    except IdentityError:
        foreign[path] = "/etc/%s is no regular file" % path
        return
    if data is None:
        return
    if not data.startswith(OURS):
        foreign[path] = "/etc/%s was written by somebody else" % path
        return
    found[path] = data
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if status.st_uid not in (0, os.geteuid()) or stat.S_IMODE(status.st_mode) != _MODE:
        loose.add(path)


def _refuse_foreign(wanted: Iterable[str], foreign: Mapping[str, str]) -> None:
    for path in wanted:
        if path in foreign:
            raise IdentityError(
                "nothing was done: %s: %s: say its limits in one place, or move that away"
                % (unit_of(path) or "/etc/" + path, foreign[path])
            )


def _pending(places: Places) -> list[str]:
    data = read_file(places.pending)
    return data.decode("ascii", "replace").split() if data else []


def _is_unit(unit: str) -> bool:
    """Whether a killed run can have written this; the number of a user was checked then."""
    if unit.startswith("user-") and unit.endswith(".slice") and unit[len("user-") : -len(".slice")].isdigit():
        return True
    try:
        return bool(check_unit(unit))
    except IdentityError:
        return False


def apply(planned: Plan, systemd: Systemd, places: Places) -> list[str]:
    """Write the files, let systemd read them, and let what runs feel them.

    :returns: warnings in words.
    :raises IdentityError: a directory is not root's alone, or systemd does not read its configuration.
    """
    units = planned.units
    if units:
        replace_file(places.pending, ("\n".join(units) + "\n").encode("ascii"), mode=0o600)
    base = os.path.join(places.etc, UNITS)
    above = -1
    if any(path != PAM_FILE for path in planned.write):
        os.close(make_trusted_directory(os.path.dirname(base), 0o755))
        above = make_trusted_directory(base, 0o755)
    try:
        for path, data in planned.write.items():
            if path == PAM_FILE:
                _write_pam(places.etc, data)
            else:
                _write_dropin(above, unit_of(path) + ".d", data)
    finally:
        if above >= 0:
            os.close(above)
    if not units:
        return []
    warnings = systemd.put_in_force(units)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(places.pending)
    return warnings


def _write_dropin(above: int, folder: str, data: bytes) -> None:
    if data:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o755, dir_fd=above)
    try:
        directory = os.open(folder, _DIRECTORY, dir_fd=above)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(directory)
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
            raise IdentityError("/etc/%s/%s can be changed by others than root: chown and chmod it" % (UNITS, folder))
        if data:
            replace_at(directory, DROPIN, data, _MODE, keep=False)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(DROPIN, dir_fd=directory)
        fsync_directory(directory)
    finally:
        os.close(directory)
    if not data:
        with contextlib.suppress(OSError):  # what others have there keeps it
            os.rmdir(folder, dir_fd=above)
    fsync_directory(above)


def _write_pam(etc: str, data: bytes) -> None:
    path = os.path.join(etc, PAM_FILE)
    if data:
        for folder in (os.path.dirname(os.path.dirname(path)), os.path.dirname(path)):
            os.close(make_trusted_directory(folder, 0o755))
        replace_file(path, data, mode=_MODE, keep=False)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def diffs(planned: Plan) -> list[dict[str, str]]:
    """What changes in which file."""
    return [
        {
            "before": planned.old.get(path, b"").decode("utf-8", "replace"),
            "after": data.decode("utf-8", "replace"),
            "before_header": "/etc/" + path,
            "after_header": "/etc/" + path,
        }
        for path, data in planned.write.items()
    ]
