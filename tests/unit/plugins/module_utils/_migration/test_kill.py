# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that is killed, at any moment, and goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any, Callable

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration import _run
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Tally
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tree import Tree

from .conftest import ALICE, BOB, LAB, MALLORY, NEW_ALICE, NEW_LAB, Machine, acl_for

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
    from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job

USERS = {
    "moved": [{"name": "alice", "to_uid": NEW_ALICE}],
    "exchanged": [{"name": "alice", "to_uid": BOB}, {"name": "bob", "to_uid": ALICE}],
    "chained": [{"name": "alice", "to_uid": BOB}, {"name": "bob", "to_uid": NEW_ALICE}],
}
STAGED = range(2000300000, 2000300010)
# every call by which a run changes something
CALLS = ("open", "write", "fsync", "rename", "unlink", "chown", "fchown", "fchmod", "setxattr", "fork", "kill", "mkdir")
KILLED, REFUSED = 137, 50


def people(root: Path) -> Machine:
    """Alice, Bob and Mallory, whose files lie among each other."""
    root.mkdir(mode=0o755)
    machine = Machine(root)
    owners = ((ALICE, ALICE), (BOB, BOB), (MALLORY, MALLORY), (ALICE, BOB), (BOB, LAB), (0, ALICE))
    for folder in range(2):
        for number, (uid, gid) in enumerate(owners):
            machine.file(f"home/all/{folder}/deeper/{number}", uid, gid)
            machine.file(f"home/of{number}/{folder}", uid, gid)
    for number in range(2):
        os.link(machine.home / "all" / str(number) / "deeper" / "0", machine.home / "of2" / f"link{number}")
    marked = machine.file("home/mallory/acl", MALLORY)
    os.setxattr(marked, "system.posix_acl_access", acl_for(ALICE))
    job = machine.file("at/a00001", ALICE, mode=0o700)
    job.write_text(f"#!/bin/sh\n# atrun uid={ALICE} gid={ALICE}\n# mail alice 0\n")
    for uid in (ALICE, BOB):
        (machine.root / "units" / f"user-{uid}.slice.d").mkdir()
        (machine.root / "units" / f"user-{uid}.slice.d" / "50-labfleet.conf").write_text(f"# of {uid}\n")
    (machine.root / "linger" / "bob").touch()
    return machine


def picture(machine: Machine) -> dict[str, Any]:
    """What the host looks like, without what a run remembers of itself."""
    seen: dict[str, Any] = {}
    for path in machine.root.rglob("*"):
        name = str(path.relative_to(machine.root))
        if not name.startswith("var/") and not name.endswith(("-", ".pwd.lock")):
            status = path.lstat()
            data = path.read_bytes() if path.is_file() else b""
            attributes = {each: os.getxattr(path, each) for each in os.listxattr(path)}
            seen[name] = (oct(status.st_mode), status.st_uid, status.st_gid, data, attributes)
    return seen


def assert_no_mixture(machine: Machine, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Every file has its old number, its new one, or one that nobody has."""
    for path in machine.home.rglob("*"):
        name = str(path.relative_to(machine.root))
        status = path.lstat()
        for now, old, new in (
            (status.st_uid, before[name][1], after[name][1]),
            (status.st_gid, before[name][2], after[name][2]),
        ):
            assert now in (old, new) or now in STAGED, (name, now, old, new)


def settled(machine: Machine, users: list[dict[str, Any]]) -> dict[str, Any]:
    machine.run(users=users, groups=[{"name": "lab", "to_gid": NEW_LAB}], stop=True, processes=1)
    return picture(machine)


@pytest.mark.parametrize(("what", "first"), [("moved", 1), ("exchanged", 3), ("chained", 5)])
def test_pain_8_killed_at_any_call_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, first: int
) -> None:
    """Pain 8: a migration that is cut off is finished by the next run, and nothing is changed twice."""
    monkeypatch.setattr(_run, "walk", walk_here)
    users = USERS[what]
    wanted = settled(people(tmp_path / "model"), users)
    points = 0
    # every sixth call; the three cases begin at different ones
    while True:
        at = first + 6 * points
        machine = people(tmp_path / f"at{at}")
        before = picture(machine)
        if interrupted(machine, users, at) != KILLED:
            break
        points += 1
        assert_no_mixture(machine, before, wanted)
        assert settled(machine, users) == wanted, f"killed at call {at}"
    assert points > 20  # it was stopped that often: the calls are really counted


def walk_here(roots: list[Root], job: Job, processes: int, progress: Callable[[int, int], None]) -> Tally:
    """The walk in this very process, so that its calls are counted as well; other processes have the next test."""
    tally = Tally()
    for index, root in enumerate(roots):
        tree = Tree(root, index, job, tally)
        tree.walk([], lambda: progress(tally.seen, processes))
        tree.close()
    return tally


def interrupted(machine: Machine, users: list[dict[str, Any]], at: int) -> int:
    """Run in a child that is killed at its C(at)-th call."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            count = 0

            def counted(real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*args: Any, **kwargs: Any) -> Any:
                    nonlocal count
                    count += 1
                    if count == at:
                        signal.raise_signal(signal.SIGKILL)
                    return real(*args, **kwargs)

                return call

            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            machine.run(users=users, groups=[{"name": "lab", "to_gid": NEW_LAB}], stop=True, processes=1)
            status = 0
        except IdentityError:
            status = REFUSED
        finally:
            os._exit(status)
    outcome = os.waitpid(child, 0)[1]
    return KILLED if os.WIFSIGNALED(outcome) else os.WEXITSTATUS(outcome)


def test_killed_at_random_moments_again_and_again(tmp_path: Path) -> None:
    """Real kills, of a run with several processes, until one run gets through."""
    users = USERS["exchanged"]
    wanted = settled(people(tmp_path / "model"), users)
    chance = random.Random(8)
    kills = 0
    for attempt in range(8):
        machine = people(tmp_path / f"attempt{attempt}")
        before = picture(machine)
        for _kill in range(3):
            child = os.fork()
            if child == 0:
                try:
                    machine.run(users=users, groups=[{"name": "lab", "to_gid": NEW_LAB}], stop=True, processes=3)
                finally:
                    os._exit(0)
            time.sleep(chance.uniform(0.0, 0.06))
            os.kill(child, signal.SIGKILL)
            kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            assert_no_mixture(machine, before, wanted)
        assert settled(machine, users) == wanted
    assert kills > 10
