# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make systemd read limits, and make what runs feel them at once (private).

systemd 257 reads a drop-in at daemon-reload and yet leaves the control group of a unit as it is until something starts
in it. ``set-property --runtime`` changes it, and writes a file in /run that would hold after our drop-in is gone: so
that file is removed again.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable

    Run = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["Systemd", "cpu_percent", "pattern_of"]

_PROPERTIES = ("MemoryMax", "MemoryHigh", "TasksMax")
_CPU = "CPUQuotaPerSecUSec"
_MICROSECONDS = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_AT_ONCE = 200  # units named in one call


class Systemd:
    """The systemd of a host, asked by its own program."""

    def __init__(self, run: Run, systemctl: str, control: str = "/run/systemd/system.control") -> None:
        """Where the host was not booted by systemd, ``systemctl`` is empty, and files are all that is written."""
        self._run = run
        self._systemctl = systemctl
        self._control = control

    def states(self, units: Iterable[str]) -> dict[str, tuple[str, str]]:
        """What systemd knows of units: ``LoadState`` and ``ActiveState`` by the name that was asked for."""
        names = [unit for unit in units if pattern_of(unit) == unit]
        found: dict[str, tuple[str, str]] = {}
        for first in range(0, len(names) if self._systemctl else 0, _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            blocks = self._show(some, ["LoadState", "ActiveState"])
            for name, block in zip(some, blocks):
                found[name] = (block.get("LoadState", ""), block.get("ActiveState", ""))
        return found

    def put_in_force(self, units: Iterable[str]) -> list[str]:
        """Read the configuration, and give what runs of these units the limits that they have now.

        :returns: warnings in words.
        :raises IdentityError: systemd does not read its configuration.
        """
        if not self._systemctl:
            return []
        self._reload()
        warnings = []
        left = False
        for unit in self._running(units):
            before = self._runtime_files(unit)
            refusal = self._set(unit)
            if refusal:
                warnings.append("%s has its new limits when it starts next: %s" % (unit, refusal))
            for name in self._runtime_files(unit) - before:
                left = True
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self._control, unit + ".d", name))
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(self._control, unit + ".d"))
        if left:
            self._reload()
        return warnings

    def _reload(self) -> None:
        code, _out, err = self._run([self._systemctl, "daemon-reload"])
        if code != 0:
            raise IdentityError(
                "the files are written, and systemd does not read them: %s; mend that and run again"
                % (err.strip() or "exit code %d" % code)
            )

    def _running(self, units: Iterable[str]) -> list[str]:
        patterns = sorted({pattern_of(unit) for unit in units})
        found: set[str] = set()
        for first in range(0, len(patterns), _AT_ONCE):
            command = [self._systemctl, "list-units", "--full", "--plain", "--no-legend", "--no-pager"]
            states = "--state=active,activating,deactivating,reloading"
            out = self._run([*command, states, "--", *patterns[first : first + _AT_ONCE]])[1]
            found.update(line.split()[0] for line in out.splitlines() if line.split())
        return sorted(name for name in found if name.endswith((".service", ".slice")))

    def _show(self, units: list[str], properties: list[str]) -> list[dict[str, str]]:
        out = self._run([self._systemctl, "show", "--property=" + ",".join(properties), "--", *units])[1]
        return [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            for block in out.strip("\n").split("\n\n")
        ]

    def _set(self, unit: str) -> str:
        """Set what the configuration says, which was read just now; why it was refused, else nothing."""
        block = self._show([unit], [_CPU, *_PROPERTIES])[0]
        assignments = ["%s=%s" % (key, block[key]) for key in _PROPERTIES if block.get(key)]
        cpu = cpu_percent(block.get(_CPU, ""))
        if cpu is not None:
            assignments.append("CPUQuota=%s" % cpu)
        code, _out, err = self._run([self._systemctl, "set-property", "--runtime", "--", unit, *assignments])
        return "" if code == 0 else err.strip() or "exit code %d" % code

    def _runtime_files(self, unit: str) -> set[str]:
        try:
            return set(os.listdir(os.path.join(self._control, unit + ".d")))
        except OSError:
            return set()


def pattern_of(unit: str) -> str:
    """Which running units a drop-in is for: itself, the instances of a template, or all whose names begin so."""
    stem, _dot, kind = unit.rpartition(".")
    return "%s*.%s" % (stem, kind) if stem.endswith(("@", "-")) else unit


def cpu_percent(span: str) -> str | None:
    """A share of a second, as systemd writes spans of time, as CPUQuota= takes it; None for what is not understood."""
    if span == "infinity":
        return ""
    total = 0.0
    for word in span.split():
        digits = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = word[len(digits) :]
        if unit not in _MICROSECONDS or not digits.replace(".", "", 1).isdigit():
            return None
        total += float(digits) * _MICROSECONDS[unit]
    return "%d%%" % round(total / 10**4) if total else None
