# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People get other numbers, with every file, on a host in a directory."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import (
    Owned,
    Record,
    format_record,
    parse_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration import _run, _state

from .conftest import ALICE, BOB, LAB, MALLORY, NEW_ALICE, NEW_BOB, NEW_LAB, Machine, acl_for


def fill(machine: Machine) -> None:
    """Files of all kinds, some of them elsewhere than at home."""
    machine.file("home/alice/work/results.txt", ALICE)
    machine.file("home/alice/shared.txt", ALICE, LAB)
    machine.file("home/bob/notes", BOB)
    machine.file("home/mallory/hers", MALLORY)
    machine.file("scratch/root-owned", 0)
    machine.file("scratch/of-alice", ALICE, 0)
    (machine.home / "alice" / "link").symlink_to("/etc/shadow")
    os.chown(machine.home / "alice" / "link", ALICE, ALICE, follow_symlinks=False)
    os.mkfifo(machine.home / "alice" / "fifo")
    machine.give(machine.home / "alice" / "fifo", ALICE, ALICE, 0o600)
    os.mknod(machine.home / "alice" / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    machine.give(machine.home / "alice" / "device", ALICE, ALICE, 0o600)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(machine.home / "alice" / "socket"))
    machine.give(machine.home / "alice" / "socket", ALICE, ALICE, 0o600)


def test_pain_5_and_8_every_file_follows_its_owner(machine: Machine) -> None:
    """Pain 5: the numbers of a template become those of the ledger.

    Pain 8: a changed UID leaves no file behind, wherever it lies and whatever it is, and says how many there were.
    """
    fill(machine)
    answer = machine.run()
    names = "work", "work/results.txt", "shared.txt", "link", "fifo", "device", "socket"
    assert {machine.owner("home/alice/" + name)[0] for name in names} == {NEW_ALICE}
    assert machine.owner("home/alice") == (NEW_ALICE, NEW_ALICE)
    assert machine.owner("home/alice/shared.txt") == (NEW_ALICE, LAB)
    assert machine.owner("scratch/of-alice") == (NEW_ALICE, 0)
    assert machine.owner("home/bob/notes") == (NEW_BOB, NEW_BOB)
    assert machine.owner("home/mallory/hers") == (MALLORY, MALLORY)
    assert machine.entry("passwd", "alice")[2:4] == [str(NEW_ALICE)] * 2
    assert machine.entry("passwd", "mallory")[2:4] == [str(MALLORY)] * 2
    assert machine.entry("group", "bob")[2] == str(NEW_BOB)
    assert answer["changed"]
    assert answer["migration"]["users"]["alice"] == {
        "from_uid": ALICE, "to_uid": NEW_ALICE, "files": 9, "roots": {str(machine.root): 9}, "left": 0,
    }  # fmt: skip
    assert answer["migration"]["groups"]["alice"]["files"] == 7
    assert answer["migration"]["left"] == {"files": 0, "acls": 0, "paths": []}
    assert not machine.run()["changed"]


def test_check_mode_counts_what_the_run_then_does(machine: Machine) -> None:
    fill(machine)
    before = {path: path.lstat().st_uid for path in machine.root.rglob("*")}
    planned = machine.run(check=True)
    assert {path: path.lstat().st_uid for path in machine.root.rglob("*")} == before
    done = machine.run()
    assert planned["migration"].pop("state") == "planned"
    assert done["migration"].pop("state") == "migrated"
    # what the host remembers of the run is seen as well
    assert planned["migration"].pop("seen") <= done["migration"].pop("seen")
    assert planned == done
    assert f"alice: uid {ALICE}, 9 files\n" in planned["diff"]["before"]


def test_accounts_are_shut_out_while_their_files_are_on_the_way_and_get_back_what_they_had(machine: Machine) -> None:
    fill(machine)
    (machine.root / "linger" / "bob").touch()
    shut = machine.params(stop=True)
    answer = machine.run(**shut)
    assert answer["changed"]
    assert machine.entry("shadow", "alice")[7] == ""
    assert machine.entry("shadow", "bob")[7] == "20900"
    assert (machine.root / "linger" / "bob").exists()
    assert (machine.etc / "passwd-").read_text().count(f":{ALICE}:") == 1


def test_a_shared_group_follows_and_so_does_whoever_has_it_as_primary_group(machine: Machine) -> None:
    fill(machine)
    machine.file("home/carol/of-the-lab", 41004, LAB)
    answer = machine.run(users=[], groups=[{"name": "lab", "from_gid": LAB, "to_gid": NEW_LAB}])
    assert machine.owner("home/alice/shared.txt") == (ALICE, NEW_LAB)
    assert machine.owner("home/carol/of-the-lab") == (41004, NEW_LAB)
    assert machine.entry("passwd", "carol")[3] == str(NEW_LAB)
    assert machine.entry("group", "lab")[2:] == [str(NEW_LAB), "alice,bob"]
    assert answer["migration"]["groups"]["lab"]["files"] == 3


@pytest.mark.parametrize("processes", [1, 3])
def test_people_who_exchange_their_numbers_do_not_exchange_their_files(machine: Machine, processes: int) -> None:
    fill(machine)
    swap = [{"name": "alice", "to_uid": BOB}, {"name": "bob", "to_uid": ALICE}]
    planned = machine.run(check=True, users=swap)
    answer = machine.run(users=swap, processes=processes)
    assert machine.owner("home/alice/work/results.txt") == (BOB, BOB)
    assert machine.owner("home/alice/shared.txt") == (BOB, LAB)
    assert machine.owner("home/bob/notes") == (ALICE, ALICE)
    assert machine.entry("passwd", "alice")[2:4] == [str(BOB)] * 2
    assert machine.entry("group", "bob")[2] == str(ALICE)
    assert answer["migration"]["users"] == planned["migration"]["users"]
    assert answer["migration"]["users"]["alice"]["files"] == 9
    assert not machine.run(users=swap)["changed"]


def test_a_chain_of_numbers(machine: Machine) -> None:
    fill(machine)
    chain = [{"name": "alice", "to_uid": BOB}, {"name": "bob", "to_uid": NEW_BOB}]
    machine.run(users=chain)
    assert machine.owner("home/alice") == (BOB, BOB)
    assert machine.owner("home/bob") == (NEW_BOB, NEW_BOB)


def test_acls_name_the_new_numbers(machine: Machine) -> None:
    """Also on files of others: a right that was given to somebody stays theirs."""
    plain = machine.file("home/mallory/for-alice", MALLORY)
    os.setxattr(plain, "system.posix_acl_access", acl_for(ALICE))
    folder = machine.directory("home/mallory/folder", MALLORY)
    os.setxattr(folder, "system.posix_acl_default", acl_for(ALICE))
    answer = machine.run(groups=[{"name": "lab", "to_gid": NEW_LAB}])
    assert os.getxattr(plain, "system.posix_acl_access") == acl_for(NEW_ALICE, NEW_LAB)
    assert os.getxattr(folder, "system.posix_acl_default") == acl_for(NEW_ALICE, NEW_LAB)
    assert answer["migration"]["acls"] == 2


def test_bits_that_make_a_program_powerful_are_dropped_and_told(machine: Machine) -> None:
    program = machine.file("home/alice/program", ALICE, mode=0o4755)
    capable = machine.file("home/alice/capable", ALICE, mode=0o755)
    os.setxattr(capable, "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    folder = machine.directory("home/alice/setgid", ALICE, mode=0o2770)
    planned = machine.run(check=True)
    answer = machine.run()
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    assert "security.capability" not in os.listxattr(capable)
    # of a directory it says which group new files get
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770
    assert answer["migration"]["loses_set_id"] == [str(program)] == planned["migration"]["loses_set_id"]
    assert answer["migration"]["loses_capabilities"] == [str(capable)]


def test_the_record_subordinate_ids_limits_and_at_jobs_follow(machine: Machine) -> None:
    fill(machine)
    machine.state.mkdir(mode=0o755)
    record = Record({"alice": Owned(ALICE, "research:lab")}, {"alice": Owned(ALICE, "research:lab")})
    (machine.state / "accounts.json").write_bytes(format_record(record))
    (machine.etc / "subuid").write_text(f"{ALICE}:100000:65536\nbob:165536:65536\n")
    limits = machine.root / "units" / f"user-{ALICE}.slice.d"
    limits.mkdir()
    (limits / "50-labfleet.conf").write_text("[Slice]\n")
    # as at makes it: the user's, and of the group of at itself
    job = machine.file("at/a0000101", ALICE, 1, mode=0o700)
    job.write_text(f"#!/bin/sh\n# atrun uid={ALICE} gid={ALICE}\n# mail alice 0\necho uid={ALICE}\n")
    machine.run()
    after = parse_record((machine.state / "accounts.json").read_bytes())
    assert (after.users["alice"].number, after.groups["alice"].number) == (NEW_ALICE, NEW_ALICE)
    assert (machine.etc / "subuid").read_text() == "alice:100000:65536\nbob:165536:65536\n"
    assert (machine.root / "units" / f"user-{NEW_ALICE}.slice.d" / "50-labfleet.conf").exists()
    assert not limits.exists()
    text = f"#!/bin/sh\n# atrun uid={NEW_ALICE} gid={NEW_ALICE}\n# mail alice 0\necho uid={ALICE}\n"
    assert job.read_text() == text
    assert machine.owner(job) == (NEW_ALICE, 1)


def test_a_file_of_a_new_number_refuses_the_run(machine: Machine) -> None:
    fill(machine)
    machine.file("scratch/whose", NEW_ALICE)
    with pytest.raises(IdentityError, match=r"scratch/whose \(45238:45238\)"):
        machine.run()
    assert machine.owner("home/alice") == (ALICE, ALICE)
    assert machine.entry("shadow", "alice")[7] == ""


def test_nobody_is_migrated_while_at_work(machine: Machine) -> None:
    fill(machine)
    status = machine.root / "proc" / "4711"
    status.mkdir()
    (status / "status").write_text(f"State:\tS\nUid:\t{ALICE}\t{ALICE}\t{ALICE}\t{ALICE}\n")
    with pytest.raises(IdentityError, match="alice has 1 processes"):
        machine.run()
    assert machine.owner("home/alice") == (ALICE, ALICE)
    assert "refused now: alice has 1 processes" in machine.run(check=True)["warnings"][0]


def test_who_comes_to_work_after_the_first_look_is_let_in_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(machine)
    answers = iter([{}, {"alice": "1 processes"}])
    monkeypatch.setattr(_run, "busy_users", lambda *_args: next(answers))
    with pytest.raises(IdentityError, match="alice has 1 processes"):
        machine.run()
    assert machine.entry("shadow", "alice")[7] == ""
    assert machine.owner("home/alice") == (ALICE, ALICE)
    monkeypatch.undo()
    assert machine.run()["migration"]["state"] == "migrated"


def test_leftovers_are_reported_and_picked_up_later(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be changed does not hold up the others; whoever mends the cause runs it again."""
    fill(machine)
    stuck = machine.home / "alice" / "stuck"
    stuck.mkdir()
    machine.give(stuck, ALICE, ALICE, 0o700)
    real = os.chown

    def chown(path: int | str, *args: int, **more: object) -> None:
        if isinstance(path, int) and os.readlink(f"/proc/self/fd/{path}") == str(stuck):
            raise PermissionError(1, "Operation not permitted")
        real(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "chown", chown)
    answer = machine.run()
    assert answer["migration"]["users"]["alice"]["left"] == 1
    assert answer["migration"]["left"]["paths"] == [str(stuck)]
    assert answer["migration"]["failures"][0]["reason"] == "Operation not permitted"
    assert "left on old numbers" in answer["warnings"][0]
    monkeypatch.undo()
    explicit = [{"name": "alice", "from_uid": ALICE, "to_uid": NEW_ALICE, "from_gid": ALICE}]
    again = machine.run(users=explicit)
    assert again["migration"]["users"]["alice"]["files"] == 1
    assert machine.owner(stuck) == (NEW_ALICE, NEW_ALICE)
    assert not machine.run(users=explicit)["changed"]


def test_a_number_is_given_to_nobody_while_files_are_left_on_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(machine)
    real = os.chown

    def chown(path: int | str, *args: int, **more: object) -> None:
        if path == "notes":
            raise PermissionError(1, "Operation not permitted")
        real(path, *args, **more)  # type: ignore[arg-type]

    swap = [{"name": "alice", "to_uid": BOB}, {"name": "bob", "to_uid": ALICE}]
    monkeypatch.setattr(os, "chown", chown)
    with pytest.raises(IdentityError, match="home/bob/notes"):
        machine.run(users=swap)
    assert machine.owner("home/bob/notes") == (BOB, BOB)
    assert machine.owner("home/alice")[0] not in (ALICE, BOB)
    assert machine.entry("passwd", "alice")[2] == str(ALICE)
    assert machine.entry("shadow", "alice")[7] == "1"
    monkeypatch.undo()
    with pytest.raises(IdentityError, match="finish that one first"):
        machine.run()
    assert machine.run(users=[])["migration"]["resumed"]
    assert machine.owner("home/bob/notes") == (ALICE, ALICE)
    assert machine.owner("home/alice") == (BOB, BOB)
    assert machine.entry("shadow", "alice")[7] == ""


class Killed(BaseException):
    """What a signal does that nobody catches."""


def cut_off(machine: Machine, monkeypatch: pytest.MonkeyPatch, step: str, users: list[dict[str, Any]]) -> None:
    """Kill a run when it has noted that a step begins."""
    real = _state.write_state

    def dying(place: str, state: _state.State) -> None:
        real(place, state)
        if state.step == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(_run, "write_state", dying)
        with pytest.raises(Killed):
            machine.run(users=users)


@pytest.mark.parametrize("step", ["close", "walk", "accounts", "units", "open"])
def test_what_was_cut_off_is_finished_by_the_same_call(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The playbook names everybody of the ledger, on every host: most of them have nothing to be changed there."""
    fill(machine)
    users = [
        {"name": "alice", "to_uid": NEW_ALICE},
        {"name": "zoe", "to_uid": 46000},  # has no account here
        {"name": "mallory", "to_uid": MALLORY},  # has the number already
    ]
    groups = [{"name": "nowhere", "to_gid": 46001}, {"name": "lab", "to_gid": LAB}]
    cut_off(machine, monkeypatch, step, users)
    for other in ({"name": "bob", "to_uid": NEW_BOB}, {"name": "alice", "to_uid": ALICE}):
        with pytest.raises(IdentityError, match="finish that one first"):
            machine.run(users=[other])
    with pytest.raises(IdentityError, match="finish that one first"):
        machine.run(users=users, groups=[{"name": "lab", "to_gid": NEW_LAB}])
    assert machine.run(users=users, groups=groups)["migration"]["resumed"]
    assert machine.owner("home/alice") == (NEW_ALICE, NEW_ALICE)
    assert machine.entry("passwd", "alice")[2:4] == [str(NEW_ALICE), str(NEW_ALICE)]
    assert machine.entry("shadow", "alice")[7] == ""


@pytest.mark.parametrize("step", ["walk", "accounts"])
@pytest.mark.parametrize(
    ("database", "line"), [("passwd", "eve:x:45238:1::/home/eve:/bin/sh\n"), ("group", "eve:x:45238:\n")]
)
def test_a_number_that_useradd_gave_away_meanwhile_is_not_given_twice(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, step: str, database: str, line: str
) -> None:
    """Two accounts with one number would have each other's files."""
    fill(machine)
    users = [{"name": "alice", "to_uid": NEW_ALICE}]
    cut_off(machine, monkeypatch, step, users)
    file = machine.etc / database
    before = file.read_text()
    file.write_text(before + line)
    with pytest.raises(IdentityError, match="eve has 45238, which is to be the number of alice"):
        machine.run(users=users)
    assert machine.entry("passwd", "alice")[2:4] == [str(ALICE), str(ALICE)]
    assert machine.entry("shadow", "alice")[7] == "1"
    assert machine.owner("home/alice")[0] == (NEW_ALICE if step == "accounts" else ALICE)
    file.write_text(before)
    assert machine.run(users=users)["migration"]["resumed"]
    assert machine.entry("passwd", "alice")[2] == str(NEW_ALICE)


def test_two_at_a_time_are_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "_PATIENCE", 0.1)
    fill(machine)
    machine.run(users=[{"name": "bob", "to_uid": NEW_BOB}])
    with (machine.state / "migration.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(IdentityError, match="another migration runs"):
            machine.run()


def test_progress_can_be_read(machine: Machine) -> None:
    fill(machine)
    machine.run()
    told = json.loads((machine.state / "migration-progress.json").read_text())
    assert told["line"] == "finished"
    assert (machine.state / "migration-progress.json").stat().st_mode & 0o777 == 0o644
