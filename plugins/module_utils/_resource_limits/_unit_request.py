# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of services and of users whom no roster names: checked, and turned into drop-ins (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import (
    parse_limits,
    render_pam_limits,
    resource_lines,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError, in_one_sentence
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

    from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import Limits

__all__ = [
    "DROPIN",
    "OURS",
    "PAM_FILE",
    "SLICE_OF_ACCOUNTS",
    "UNITS",
    "check_unit",
    "parse_run_time",
    "unit_of",
    "wanted_files",
]

UNITS = "systemd/system"
# the name that is read last wins; accounts writes 50-labfleet.conf
DROPIN = "60-labfleet-limits.conf"
SLICE_OF_ACCOUNTS = "50-labfleet.conf"
PAM_FILE = "security/limits.d/labfleet-limits.conf"
# how a file begins that may be replaced or removed
OURS = WRITTEN_BY + b"# Limits that resource_limits gives.\n"

_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-@")
_LONGEST = 255 - len(".d")
_KINDS = (".service", ".slice")
# a host without one of them lets nobody in, or cannot be mended
_NEEDED = frozenset(
    (
        "NetworkManager",
        "amazon-ssm-agent",
        "dbus",
        "dbus-broker",
        "getty",
        "networking",
        "nscd",
        "nslcd",
        "polkit",
        "rescue",
        "emergency",
        "serial-getty",
        "ssh",
        "sshd",
        "sssd",
        "user",
        "user-runtime-dir",
    )
)
_SLICES_OF_ALL = ("-.slice", "init.slice", "system.slice", "user.slice", "user-.slice")
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_SECONDS = 10 * 366 * 86400
_SHOWN = 20


def wanted_files(
    services: Mapping[str, Any], users: Mapping[str, Any], uid_of: Callable[[str], int | None]
) -> dict[str, bytes]:
    """Every file there should be, by its path below ``/etc``.

    :param services: limits by unit: a service, all instances of a template (``name@.service``), all services whose
        names begin alike (``name-.service``), or a slice.
    :param users: limits by username.
    :param uid_of: the number of an account; None when the host has none of that name.
    :raises IdentityError: names everything that cannot be accepted.
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for unit, raw in services.items():
        try:
            data = _unit_file(check_unit(unit), raw)
            if data:
                files["%s/%s.d/%s" % (UNITS, unit, DROPIN)] = data
        except IdentityError as error:
            problems.append("%s: %s" % (quoted(unit), error))
    pam_lines = []
    for name, raw in users.items():
        try:
            uid = _number(uid_of(check_username(name)))
            limits = parse_limits(raw)
            pam_lines.append(render_pam_limits(name, limits))
            lines = resource_lines(limits)
            if lines:
                files["%s/user-%d.slice.d/%s" % (UNITS, uid, DROPIN)] = _text("Slice", lines)
        except IdentityError as error:
            problems.append("%s: %s" % (quoted(name), error))
    if any(pam_lines):
        files[PAM_FILE] = OURS + b"".join(sorted(pam_lines))
    if problems:
        raise IdentityError("nothing was done: %s" % in_one_sentence(problems, _SHOWN))
    return files


def check_unit(unit: Any) -> str:
    """Return the name of a unit that may be limited, or refuse it."""
    if not isinstance(unit, str) or not unit.endswith(_KINDS):
        raise IdentityError("this is no service and no slice: write its whole name, such as jupyter.service")
    stem, _dot, kind = unit.rpartition(".")
    if not stem or len(unit) > _LONGEST or not _CHARACTERS.issuperset(unit) or unit[0] in ".@" or ".." in unit:
        raise IdentityError("this is no name of a unit: letters, digits and :_.-@ make one, 253 of them at most")
    if kind == "slice" and (unit in _SLICES_OF_ALL or "@" in unit):
        raise IdentityError("this slice holds what the host itself needs: limit a service, a user or a slice of yours")
    if kind == "slice" and stem.startswith("user-") and stem[len("user-") :].isdigit():
        raise IdentityError("this slice is a user's: say the limits under the name of the user")
    name = stem.partition("@")[0]
    if kind == "service" and (name.rstrip("-") in _NEEDED or name.startswith("systemd-") or name == "systemd"):
        raise IdentityError("a host needs this service to let anybody in: limit what runs under it instead")
    return unit


def unit_of(path: str) -> str:
    """Which unit a drop-in belongs to; empty for another file."""
    if not path.startswith(UNITS + "/"):
        return ""
    return path[len(UNITS) + 1 :].partition("/")[0][: -len(".d")]


def _number(uid: int | None) -> int:
    if uid is None:
        raise IdentityError("this host has no such account: make it first, or leave it out")
    if uid == 0 or uid >= 2**32 - 1:
        raise IdentityError("uid %d is not limited: who mends the host must not be stopped" % uid)
    return uid


def _unit_file(unit: str, raw: Any) -> bytes:
    """The drop-in of a unit; empty when nothing is limited."""
    if not isinstance(raw, dict):
        raise IdentityError("limits must be a mapping such as {cores: 2, memory: 4G}, not %s" % quoted(raw))
    entry = {key: value for key, value in raw.items() if value is not None}
    run_time = parse_run_time(entry.pop("run_time", None))
    for key in ("sessions", "disk"):
        if key in entry:
            raise IdentityError("%s is of users, and a unit has none: leave it out" % key)
    limits = parse_limits(entry)
    lines = resource_lines(limits)
    if unit.endswith(".slice"):
        if run_time is not None or limits.processes is not None or limits.open_files is not None:
            raise IdentityError(
                "run_time, processes and open_files are of services, for systemd ignores them in a slice: say them of"
                " the services in it"
            )
        return _text("Slice", lines) if lines else b""
    lines += _process_lines(limits)
    if run_time is not None:
        lines.append("RuntimeMaxSec=%s" % (run_time or "infinity"))
    return _text("Service", lines) if lines else b""


def _process_lines(limits: Limits) -> list[str]:
    """What pam_limits does for users."""
    counts = (("LimitNPROC", limits.processes), ("LimitNOFILE", limits.open_files))
    return ["%s=%s" % (key, value or "infinity") for key, value in counts if value is not None]


def _text(section: str, lines: list[str]) -> bytes:
    return OURS + ("[%s]\n%s\n" % (section, "\n".join(lines))).encode("ascii")


def parse_run_time(raw: Any) -> int | None:
    """A time in seconds; 0 is unlimited."""
    if raw is None:
        return None
    seconds = raw
    if isinstance(raw, str) and raw.isascii() and 0 < len(raw) <= 12:
        digits = raw.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = raw[len(digits) :]
        if digits.isdigit() and unit in _SECONDS:
            seconds = int(digits) * _SECONDS[unit]
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= _MOST_SECONDS:
        raise IdentityError(
            "run_time %s is no time such as 90s, 30min, 8h, 2d or a number of seconds; 0 means unlimited" % quoted(raw)
        )
    return seconds
