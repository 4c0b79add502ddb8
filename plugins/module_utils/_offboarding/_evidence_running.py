# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of somebody who left still runs, and whether they would be let in (private)."""

from __future__ import annotations

import os
import shutil
import struct
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence_files import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence_files import Person, Places

    RunCommand = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["ask_pam", "look_at_what_runs"]

# type, process id, line, id, user and what else struct utmp has; the same layout on 32 and 64 bits
_UTMP = struct.Struct("hi32s4s32s256shhiii16s20s")
_USER_PROCESS = 7
_LIVING_UNITS = ("active", "activating", "reloading", "deactivating")


def look_at_what_runs(person: Person, places: Places, run_command: RunCommand) -> list[Step]:
    """Processes, sessions and units."""
    return [
        _step("processes", _processes(person, places.proc)),
        _step("sessions", _sessions(person, places.run)),
        _step("logged in", _logged_in(person, places)),
        _step("units", _units(person, places, run_command)),
    ]


def _step(step: str, found: list[str]) -> Step:
    shown = ", ".join(found[:5]) + (", and %d more" % (len(found) - 5) if len(found) > 5 else "")
    return Step(step, not found, shown or "none")


def _processes(person: Person, proc: str) -> list[str]:
    """All that run with the number as real, effective, saved or file system uid."""
    found = []
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            with open(os.path.join(proc, name, "status"), encoding="utf-8", errors="replace") as file:
                words = {line.split(":")[0]: line.split()[1:] for line in file}
        except OSError:
            continue
        if str(person.uid) in words.get("Uid", []) and words.get("State", [""])[0] not in ("Z", "X"):
            found.append("%s (%s)" % (name, ascii(" ".join(words.get("Name", [])))[1:-1]))
    return found


def _sessions(person: Person, run: str) -> list[str]:
    """What systemd-logind has written down."""
    folder = os.path.join(run, "systemd/sessions")
    if not os.path.isdir(folder):
        return []
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):  # beside each there is a pipe, which would be waited for
            continue
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                facts = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
        except OSError:
            continue
        if facts.get("UID") == str(person.uid) or facts.get("USER") == person.name:
            found.append("session %s (%s)" % (ascii(name)[1:-1], facts.get("STATE", "unknown")))
    return found


def _logged_in(person: Person, places: Places) -> list[str]:
    """Logins in utmp whose process still is there."""
    try:
        with open(os.path.join(places.run, "utmp"), "rb") as file:
            data = file.read()
    except OSError:
        return []
    found = []
    for begin in range(0, len(data) - _UTMP.size + 1, _UTMP.size):
        kind, process, line, _id, user = _UTMP.unpack_from(data, begin)[:5]
        if kind != _USER_PROCESS or user.rstrip(b"\0") != person.name.encode("ascii"):
            continue
        if os.path.exists(os.path.join(places.proc, str(process))):
            found.append("on %s" % line.rstrip(b"\0").decode("ascii", "replace"))
    return found


def _units(person: Person, places: Places, run_command: RunCommand) -> list[str]:
    """The user's manager and slice, as systemd says and as the kernel does."""
    if not os.path.isdir(os.path.join(places.run, "systemd/system")):
        return []
    found = []
    for unit in ("user@%d.service" % person.uid, "user-%d.slice" % person.uid):
        _code, out, _err = run_command(["systemctl", "show", "--property=ActiveState", "--value", unit])
        if out.strip() in _LIVING_UNITS:
            found.append("%s is %s" % (unit, out.strip()))
    for root in ("", "systemd", "unified"):
        group = os.path.join(places.cgroup, root, "user.slice", "user-%d.slice" % person.uid)
        for folder, _directories, files in os.walk(group):
            if "cgroup.procs" in files and _has_processes(os.path.join(folder, "cgroup.procs")):
                found.append("processes in %s" % ascii(os.path.relpath(folder, places.cgroup))[1:-1])
    return found


def _has_processes(path: str) -> bool:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return bool(file.read(64).strip())
    except OSError:
        return False


def ask_pam(person: Person, run_command: RunCommand) -> Step:
    """Whether the host's own account rules let the person in: root asks by way of su, which needs no password."""
    program = shutil.which("su", path="/usr/bin:/bin")
    if not program:
        return Step("account access", False, "there is no su on this host, so it cannot be asked")
    code, out, err = run_command([program, "--shell", "/bin/true", person.name])
    lines = (err.strip() or out.strip()).splitlines()
    said = ascii(lines[-1])[1:-1][:120] if lines else "exit code %d" % code
    return Step("account access", code != 0, "refused: %s" % said if code else "let in by su")
