# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a host still say of somebody who left (private).

Nothing here is shared with what closes accounts: whoever looks for a mistake must not make the same one.
"""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Person", "Places", "Step", "look_at_files"]

_LONGEST_FILE = 4 << 20
_SHUT = ("nologin", "false")


@dataclass(frozen=True)
class Person:
    """Whose traces are looked for, and what is expected of their account and home."""

    name: str
    uid: int
    home: str
    state: str  # disabled | absent
    home_state: str  # kept | archived | removed | elsewhere


@dataclass(frozen=True)
class Places:
    """Where things are; tests move them."""

    etc: str = "/etc"
    var: str = "/var"
    run: str = "/run"
    proc: str = "/proc"
    cgroup: str = "/sys/fs/cgroup"
    keys: str = "/etc/ssh/authorized_keys.d"
    archives: str = "/var/lib/labfleet-homes"


@dataclass(frozen=True)
class Step:
    """One thing that was looked at: whether it is as it has to be, and what was seen."""

    step: str
    holds: bool
    evidence: str


def look_at_files(person: Person, places: Places) -> list[Step]:
    """Everything that files say, one step a subject."""
    accounts = _absent_account if person.state == "absent" else _disabled_account
    return [
        *accounts(person, places.etc),
        _keys(person, places),
        _nowhere("linger", [_lingering(person, places)]),
        _nowhere("subordinate ids", _sub_ids(person, places.etc)),
        _nowhere("sudo", _sudo(person, places.etc)),
        _nowhere("limits", _limits(person, places)),
        _nowhere("mail alias", _aliases(person, places.etc)),
        _nowhere("login environment", _login_environment(person, places.etc)),
        _nowhere("services", _services(person, places.etc)),
        _scheduled("crontab", person, [*_crontabs(person, places), *_system_crontabs(person, places.etc)]),
        _scheduled("at jobs", person, _at_jobs(person, places.var)),
    ]


def _join(*parts: str) -> str:
    return os.path.join(*parts)


def _there(path: str) -> str:
    return path if os.path.lexists(path) else ""


def _nowhere(step: str, found: list[str]) -> Step:
    """A step that holds when nothing was found."""
    found = [where for where in found if where]
    return Step(step, not found, "; ".join(found[:5]) + ("; ..." if len(found) > 5 else "") if found else "none")


def _scheduled(step: str, person: Person, found: list[str]) -> Step:
    """What cron and at would run. Of a closed account it may stay: they ask PAM, which the step account access does."""
    if person.state == "disabled":
        # not which: what at has tried to run and was refused is not there any more, and nothing changed by that
        return Step(step, True, "may stay: it runs only if the account is let in")
    return _nowhere(step, found)


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """The lines of a file of the system's with their numbers; none of one that is not there.

    Below /etc links are root's, and what they lead to is read by the system as well.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with open(handle, encoding="utf-8", errors="surrogateescape") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            yield from enumerate(file.read(_LONGEST_FILE).split("\n"), 1)


def _entries(path: str) -> list[list[str]]:
    return [line.split(":") for _number, line in _lines(path) if ":" in line]


def _absent_account(person: Person, etc: str) -> list[Step]:
    passwd = _entries(_join(etc, "passwd"))
    named = [":".join(one[:3]) for one in passwd if one[0] == person.name]
    numbered = [one[0] for one in passwd if one[2:3] == [str(person.uid)] and one[0] != person.name]
    steps = [_nowhere("passwd", named + ["%s has uid %d" % (name, person.uid) for name in numbered])]
    shadow = [one[0] for one in _entries(_join(etc, "shadow")) if one[0] == person.name]
    steps.append(_nowhere("shadow", ["an entry" for _name in shadow]))
    for base in ("group", "gshadow"):
        found = []
        for fields in _entries(_join(etc, base)):
            people = ",".join(fields[2:] if base == "gshadow" else fields[3:]).split(",")
            if fields[0] == person.name:
                found.append("a group of that name")
            if person.name in people:
                found.append("in %s" % fields[0])
        steps.append(_nowhere(base, found))
    return steps


def _disabled_account(person: Person, etc: str) -> list[Step]:
    passwd = _entries(_join(etc, "passwd"))
    own = [one for one in passwd if one[0] == person.name and len(one) >= 7]
    numbered = [one[0] for one in passwd if one[2:3] == [str(person.uid)] and one[0] != person.name]
    steps = [_nowhere("number", ["%s has uid %d as well" % (name, person.uid) for name in numbered])]
    if not own:
        return [*steps, Step("shell", True, "no account"), Step("expiry", True, "no account")]
    shut = all(os.path.basename(one[6]) in _SHUT for one in own)
    steps.append(Step("shell", shut, ", ".join(one[6] or "(none)" for one in own)))
    shadow = [one for one in _entries(_join(etc, "shadow")) if one[0] == person.name and len(one) >= 8]
    ends = [one[7] for one in shadow]
    over = bool(ends) and all(day.isdigit() and int(day) <= time.time() // 86400 for day in ends)
    told = ", ".join("day %s of 1970" % day if day else "never" for day in ends) or "no entry in shadow"
    steps.append(Step("expiry", over and all(one[1] == "x" for one in own), told))
    steps.append(Step("password", all(one[1] for one in shadow), "none" if shadow else "no entry in shadow"))
    if steps[-1].holds and shadow:
        usable = [one for one in shadow if not one[1].startswith(("!", "*"))]
        steps[-1] = Step("password", True, "one that an expired account cannot use" if usable else "none")
    return steps


def _keys(person: Person, places: Places) -> Step:
    path = _join(places.keys, person.name)
    keys = [line for _number, line in _lines(path) if line.strip() and not line.lstrip().startswith("#")]
    return Step("SSH keys", not keys, "%d in %s" % (len(keys), path) if keys else "none")


def _lingering(person: Person, places: Places) -> str:
    return _there(_join(places.var, "lib/systemd/linger", person.name))


def _sub_ids(person: Person, etc: str) -> list[str]:
    found = []
    for base in ("subuid", "subgid"):
        for number, line in _lines(_join(etc, base)):
            if line.split(":")[0] in (person.name, str(person.uid)):
                found.append("/etc/%s:%d" % (base, number))
    return found


def _sudo(person: Person, etc: str) -> list[str]:
    """Every line of sudo's that names the person, whoever wrote it: it would be the next one's of that name."""
    wanted = re.compile(r"(?<![\w.@/%%-])(%s|#%d)(?![\w.@/-])" % (re.escape(person.name), person.uid))
    paths = [_join(etc, "sudoers")]
    folder = _join(etc, "sudoers.d")
    if os.path.isdir(folder):
        paths += [_join(folder, name) for name in sorted(os.listdir(folder)) if os.path.isfile(_join(folder, name))]
    found = []
    for path in paths:
        for number, line in _lines(path):
            rule = line.strip()
            comment = rule.startswith("#") and not rule.startswith("#%d" % person.uid)
            if not comment and wanted.search(rule):
                found.append("%s:%d" % (path, number))
    return found


def _limits(person: Person, places: Places) -> list[str]:
    found = [_there(_join(places.etc, "systemd/system/user-%d.slice.d" % person.uid, "50-labfleet.conf"))]
    folder = _join(places.etc, "security/limits.d")
    paths = [_join(places.etc, "security/limits.conf")]
    if os.path.isdir(folder):
        paths += [_join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".conf")]
    for path in paths:
        for number, line in _lines(path):
            words = line.split("#")[0].split()
            if words and words[0] in (person.name, "@" + person.name, str(person.uid)):
                found.append("%s:%d" % (path, number))
    return found


def _login_environment(person: Person, etc: str) -> list[str]:
    folder = _join(etc, "profile.d")
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        for number, line in _lines(_join(folder, name)):
            if line.rstrip().endswith(")") and line.strip(" \t\r')") == person.name:
                found.append("/etc/profile.d/%s:%d" % (name, number))
    return found


def _services(person: Person, etc: str) -> list[str]:
    """Services that an administrator wrote or enabled for the person; those that ask PAM are refused by it."""
    users: dict[str, str] = {}  # by unit, what User= says last
    asks_pam = set()
    where: dict[str, str] = {}
    for folder, _directories, names in os.walk(_join(etc, "systemd/system")):
        for name in sorted(names):
            drop_in = folder.endswith(".service.d") and name.endswith(".conf")
            unit = os.path.basename(folder)[: -len(".d")] if drop_in else name
            if not unit.endswith(".service") or (unit in where and not drop_in):
                continue  # the same one, enabled for something
            instance = unit[: -len(".service")].partition("@")[2]
            for _number, line in _lines(_join(folder, name)):
                key, _equals, value = (word.strip() for word in line.partition("="))
                if key == "PAMName" and value:
                    asks_pam.add(unit)
                elif key == "User":
                    users[unit] = value.replace("%i", instance).replace("%I", instance)
                    where[unit] = _join(folder, name)
    return [
        "%s runs as them and does not ask PAM" % where[unit]
        for unit, user in sorted(users.items())
        if user in (person.name, str(person.uid)) and unit not in asks_pam
    ]


def _aliases(person: Person, etc: str) -> list[str]:
    found = []
    for number, line in _lines(_join(etc, "aliases")):
        if line.partition(":")[0].strip().strip('"').lower() == person.name:
            found.append("/etc/aliases:%d" % number)
    return found


def _crontabs(person: Person, places: Places) -> list[str]:
    folders = ("crontabs", "tabs", "")
    paths = [_join(places.var, "spool/cron", folder, person.name) for folder in folders]
    return [path for path in paths if os.path.isfile(path) or os.path.islink(path)]


def _system_crontabs(person: Person, etc: str) -> list[str]:
    """Lines of the system's own tables that run something as the person."""
    folder = _join(etc, "cron.d")
    paths = [_join(etc, "crontab")]
    if os.path.isdir(folder):
        paths += [_join(folder, name) for name in sorted(os.listdir(folder)) if os.path.isfile(_join(folder, name))]
    found = []
    for path in paths:
        for number, line in _lines(path):
            words = line.split()
            place = 1 if words and words[0].startswith("@") else 5
            if len(words) > place and not words[0].startswith("#") and words[place] == person.name:
                found.append("%s:%d" % (path, number))
    return found


def _at_jobs(person: Person, var: str) -> list[str]:
    found = []
    for folder in ("spool/cron/atjobs", "spool/at", "spool/cron/atspool", "spool/at/spool"):
        path = _join(var, folder)
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            try:
                status = os.lstat(_join(path, name))
            except FileNotFoundError:  # it ran just now
                continue
            if status.st_uid == person.uid:
                found.append(_join(path, name))
    return found
