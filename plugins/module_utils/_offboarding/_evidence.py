# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that somebody is out, by looking afterwards (private).

It knows nothing of what was planned or done, and shares no code with it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence_files import (
    Person,
    Places,
    Step,
    look_at_files,
)
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence_running import (
    ask_pam,
    look_at_what_runs,
)
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    RunCommand = Callable[[list[str]], tuple[int, str, str]]

__all__ = ["prove", "table_of", "what_fails"]

_PAUSE = 0.25
_CHUNK = 1 << 20
_MARKS = {True: "ok ", False: "NO "}


def prove(params: Mapping[str, Any], run_command: RunCommand, places: Places | None = None) -> list[dict[str, Any]]:
    """Look for everything of these people.

    :param params: the module's parameters.
    :param run_command: runs a program given as a list; answers with its code, output and complaints.
    :returns: one receipt a person, as the module documents them.
    :raises IdentityError: a name is none.
    """
    places = places or Places(keys=params["keys_directory"], archives=params["archive_directory"])
    people = []
    for entry in params["users"]:
        name = check_username(entry["name"])
        people.append(Person(name, entry["uid"], entry["home"], entry["state"], entry["home_state"]))
    asked = {person.name: _asked(person, run_command) for person in people}
    running = _when_ended(people, places, run_command, params["wait"])
    receipts = []
    for person in people:
        steps = [*look_at_files(person, places), *running[person.name], *asked[person.name]]
        steps.append(_home(person, places))
        receipts.append(
            {
                "name": person.name,
                "uid": person.uid,
                "state": person.state,
                "complete": all(step.holds for step in steps),
                "steps": [{"step": step.step, "holds": step.holds, "evidence": step.evidence} for step in steps],
            }
        )
    return receipts


def _asked(person: Person, run_command: RunCommand) -> list[Step]:
    try:
        return [ask_pam(person, run_command)]
    except OSError as error:
        return [Step("account access", False, "su could not be run: %s" % error)]


def _when_ended(
    people: Iterable[Person], places: Places, run_command: RunCommand, wait: float
) -> dict[str, list[Step]]:
    """What runs, looked at again for some seconds: a session takes a moment to be over when its processes are."""
    end = time.monotonic() + wait
    found = {person.name: look_at_what_runs(person, places, run_command) for person in people}
    while time.monotonic() < end:
        late = [one for one in people if not all(step.holds for step in found[one.name])]
        if not late:
            break
        time.sleep(_PAUSE)
        found.update((one.name, look_at_what_runs(one, places, run_command)) for one in late)
    return found


def _home(person: Person, places: Places) -> Step:
    """What became of the home; an archive is read and summed again."""
    step = "home %s" % person.home_state
    if person.home_state == "elsewhere":
        return Step("home", True, "another host of this run has it in its care")
    silent = Silence().of(os.path.dirname(person.home))
    if silent:
        # one that is kept is nobody's way in
        told = "not looked at: the file server of %s does not answer" % silent
        return Step(step, person.home_state == "kept", told)
    try:
        status = os.lstat(person.home)
    except (FileNotFoundError, NotADirectoryError):
        status = None
    except OSError as error:  # of a file system that is broken: what it holds is not gone
        told = "%s cannot be looked at: %s" % (person.home, os.strerror(error.errno or 0))
        return Step(step, person.home_state == "kept", told)
    if person.home_state == "removed":
        leaving = os.path.join(os.path.dirname(person.home), ".labfleet-leaving-%s-%d" % (person.name, person.uid))
        left = [path for path in (person.home, leaving) if os.path.lexists(path)]
        return Step(step, not left, ", ".join(left) or "nothing at %s" % person.home)
    if status is not None and status.st_uid != person.uid:
        return Step(step, False, "%s belongs to uid %d now" % (person.home, status.st_uid))
    kept = "%s, owner %d" % (person.home, person.uid) if status is not None else "there is none at %s" % person.home
    if person.home_state == "kept" or status is None:
        return Step(step, True, kept)
    archive = _archive(person, places.archives)
    if not archive:
        return Step(step, False, "no archive in %s has the checksum that is noted for it" % places.archives)
    return Step(step, True, archive)


def _archive(person: Person, folder: str) -> str:
    """The newest archive whose bytes have the checksum beside it."""
    if not os.path.isdir(folder):
        return ""
    wanted = re.compile(r"%s-%d-\d{8}T\d{6}Z\.tar(\.gz)?" % (re.escape(person.name), person.uid))
    for name in sorted((name for name in os.listdir(folder) if wanted.fullmatch(name)), reverse=True):
        path = os.path.join(folder, name)
        digest = hashlib.sha256()
        try:
            with open(path + ".sha256", encoding="ascii") as file:
                noted = file.read().split()
            with open(path, "rb") as data:
                for chunk in iter(lambda: data.read(_CHUNK), b""):
                    digest.update(chunk)
        except (OSError, ValueError):
            continue
        if noted == [digest.hexdigest(), name]:
            return "%s, sha256 %s" % (path, digest.hexdigest())
    return ""


def table_of(receipts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Receipts as lines for a person."""
    lines = []
    for receipt in receipts:
        word = "is out" if receipt["complete"] else "IS NOT OUT"
        lines.append("%s (uid %d, %s): %s" % (receipt["name"], receipt["uid"], receipt["state"], word))
        for step in receipt["steps"]:
            lines.append("  %s %-18s %s" % (_MARKS[step["holds"]], step["step"], ascii(step["evidence"])[1:-1]))
    return lines


def what_fails(receipts: Iterable[Mapping[str, Any]]) -> str:
    """In one line, what does not hold of whom."""
    problems = []
    for receipt in receipts:
        failed = ["%s (%s)" % (step["step"], step["evidence"]) for step in receipt["steps"] if not step["holds"]]
        if failed:
            problems.append("%s: %s" % (receipt["name"], ", ".join(failed)))
    return "; ".join(problems)
