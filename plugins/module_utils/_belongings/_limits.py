# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may consume: a drop-in for the user's slice, and lines for pam_limits (private, pure).

Of everything: unset is left to the host, 0 is unlimited. What is so small that nobody could log in is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Limits",
    "limits_warnings",
    "parse_limits",
    "render_pam_limits",
    "render_slice",
    "resource_lines",
    "size_in_bytes",
]

LEAST_CPU_PERCENT = 5
MOST_CORES = 10000
LEAST_MEMORY = 64 * 1024**2
MOST_MEMORY = 2**50
LEAST_TASKS = 16  # sshd, the user's systemd and a shell take about eight
MOST_TASKS = 4194304  # the kernel numbers no more
LEAST_FILES = 256
MOST_FILES = 1048576  # fs.nr_open: pam_limits lets nobody in with more
MOST_SESSIONS = 10000

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


@dataclass(frozen=True)
class Limits:
    """None leaves a limit to the host, 0 lifts it. Memory is in bytes, the processor in percent of one core."""

    cpu_percent: int | None = None
    memory: int | None = None
    memory_soft: int | None = None
    tasks: int | None = None
    processes: int | None = None
    open_files: int | None = None
    sessions: int | None = None


def parse_limits(raw: Any) -> Limits:
    """Check the limits of one user.

    :param raw: a mapping of ``cores`` (1.5), ``memory`` and ``memory_soft`` (4G, or bytes), ``tasks``, ``processes``,
        ``open_files``, ``sessions``.
    :raises IdentityError: names the limit that cannot be accepted, why, and what to do.
    """
    if not isinstance(raw, dict):
        raise IdentityError("limits must be a mapping such as {cores: 2, memory: 4G}, not %s" % quoted(raw))
    entry = {key: value for key, value in raw.items() if value is not None}
    for key in entry:
        if key == "run_time":
            raise IdentityError(
                "limits: run_time is nothing a user can have, for systemd limits the time of a service, not of a slice:"
                " set RuntimeMaxSec= in the unit that must end"
            )
        if key not in _KEYS:
            raise IdentityError("limits: unknown key %s (known: %s)" % (quoted(key), ", ".join(sorted(_KEYS))))
    limits = Limits(
        cpu_percent=_cpu(entry.get("cores")),
        memory=_memory(entry, "memory"),
        memory_soft=_memory(entry, "memory_soft"),
        tasks=_count(entry, "tasks", LEAST_TASKS, MOST_TASKS),
        processes=_count(entry, "processes", LEAST_TASKS, MOST_TASKS),
        open_files=_count(entry, "open_files", LEAST_FILES, MOST_FILES),
        sessions=_count(entry, "sessions", 1, MOST_SESSIONS),
    )
    if limits.memory and limits.memory_soft and limits.memory_soft > limits.memory:
        raise IdentityError("limits: memory_soft is above memory, so it would never count: lower it or leave it out")
    return limits


_KEYS = frozenset(("cores", *(field.name for field in fields(Limits) if field.name != "cpu_percent")))


def _cpu(cores: Any) -> int | None:
    if cores is None:
        return None
    number = cores
    if isinstance(cores, str) and len(cores) <= 12 and cores.isascii() and cores.replace(".", "", 1).isdigit():
        number = float(cores)
    if (
        isinstance(number, bool)
        or not isinstance(number, (int, float))
        or (isinstance(number, float) and math.isnan(number))
    ):
        raise IdentityError("limits: cores must be a number such as 1.5, not %s" % quoted(cores))
    if not 0 <= number <= MOST_CORES or (number and number * 100 < LEAST_CPU_PERCENT):
        raise IdentityError(
            "limits: cores %s is not between %s and %d: 0 means unlimited"
            % (quoted(cores), LEAST_CPU_PERCENT / 100, MOST_CORES)
        )
    return round(number * 100)


def _memory(entry: dict[str, Any], key: str) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    size = size_in_bytes(value)
    if size is None:
        raise IdentityError("limits: %s %s is no size such as 512M, 4G or a number of bytes" % (key, quoted(value)))
    if size and not LEAST_MEMORY <= size <= MOST_MEMORY:
        raise IdentityError(
            "limits: %s %s is not between 64M and 1024T, and a login alone needs that much: 0 means unlimited"
            % (key, quoted(value))
        )
    return size


def size_in_bytes(value: Any) -> int | None:
    """A size in bytes, or None. Units are powers of 1024, as in systemd."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if not isinstance(value, str) or not value.isascii() or not 0 < len(value) <= 24:
        return None
    unit = value[-1].upper() if value[-1].isalpha() else ""
    number = value[: len(value) - len(unit)]
    if unit not in _UNITS or not number.replace(".", "", 1).isdigit() or number[0] == "." or number[-1] == ".":
        return None
    whole, _point, part = number.partition(".")
    return int(whole + part) * _UNITS[unit] // int("1" + "0" * len(part))


def _count(entry: dict[str, Any], key: str, least: int, most: int) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise IdentityError("limits: %s must be a whole number, not %s" % (key, quoted(value)))
    if number != 0 and not least <= number <= most:
        raise IdentityError(
            "limits: %s %s is not between %d and %d: 0 means unlimited" % (key, quoted(value), least, most)
        )
    return number


def resource_lines(limits: Limits) -> list[str]:
    """The settings of a unit, a slice or a service, that systemd holds for all in it together."""
    lines = []
    if limits.cpu_percent is not None:
        lines.append("CPUQuota=%s" % ("%d%%" % limits.cpu_percent if limits.cpu_percent else ""))
    for key, value in (
        ("MemoryMax", limits.memory),
        ("MemoryHigh", limits.memory_soft),
        ("TasksMax", limits.tasks),
    ):
        if value is not None:
            lines.append("%s=%s" % (key, value or "infinity"))
    return lines


def render_slice(limits: Limits) -> bytes:
    """The drop-in for ``user-UID.slice``, which holds whatever the user runs; empty when nothing is limited."""
    lines = resource_lines(limits)
    return WRITTEN_BY + ("[Slice]\n" + "\n".join(lines) + "\n").encode("ascii") if lines else b""


def render_pam_limits(name: str, limits: Limits) -> bytes:
    """The lines for ``/etc/security/limits.d``; empty when nothing is limited."""
    user = check_username(name)
    lines = []
    if limits.processes is not None:
        lines.append("%s - nproc %s" % (user, limits.processes or "unlimited"))
    if limits.open_files is not None:
        lines.append("%s - nofile %d" % (user, limits.open_files or MOST_FILES))
    if limits.sessions is not None:
        lines.append("%s - maxlogins %d" % (user, limits.sessions or -1))
    return "".join(line + "\n" for line in lines).encode("ascii")


def limits_warnings(name: str, limits: Limits, counts_logins: bool) -> list[str]:
    """What this host will not enforce, in sentences.

    :param counts_logins: whether the host has ``/run/utmp``, by which pam_limits counts; Debian 13 has none.
    """
    if limits.sessions and not counts_logins:
        return [
            "%s: limits.sessions %d has no effect on this host, which keeps no /run/utmp to count logins by"
            % (name, limits.sessions)
        ]
    return []
