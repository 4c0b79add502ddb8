# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people can put in the way of a walk, before it and while it runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .conftest import ALICE, MALLORY, NEW_ALICE, Machine, change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAP = {ALICE: NEW_ALICE}
NAMES = [b"new\nline", b"\xff\xfe bytes", b"-rf", b" ", b"$(id)", b"\\", "\u202e".encode(), b"a" * 255]


@contextlib.contextmanager
def racing(program: str, *arguments: str) -> Iterator[None]:
    """Another process does something all the time, really."""
    text = "import os, sys\n%s\nprint('ready', flush=True)\nwhile True:\n%s" % (
        "\n".join(line for line in program.split("\n") if not line.startswith(" ")),
        "\n".join(line for line in program.split("\n") if line.startswith(" ")),
    )
    process = subprocess.Popen([sys.executable, "-c", text, *arguments], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
        assert process.poll() is None, "the attack ended by itself"
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def owners(root: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_uid for path in root.rglob("*")}


def test_pain_14_no_link_is_followed(machine: Machine) -> None:
    """Pain 14: root follows no link of a user, also not one that takes the place of a directory."""
    secret = machine.file("scratch/secret", 0)
    machine.directory("home/alice", ALICE)
    for name, target in (
        ("file", secret),
        ("folder", machine.root / "scratch"),
        ("up", machine.root),
        ("loop", "loop"),
    ):
        (machine.home / "alice" / name).symlink_to(target)
        os.chown(machine.home / "alice" / name, ALICE, ALICE, follow_symlinks=False)
    tally = change(machine.home, MAP)
    assert tally.changed == 5
    assert machine.owner("home/alice/folder") == (NEW_ALICE, NEW_ALICE)
    assert machine.owner(secret) == (0, 0)
    assert machine.owner("scratch") == (0, 0)


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_names_that_are_exchanged_all_the_time_gain_nothing(machine: Machine, mode: int) -> None:
    """Pain 14: what is changed belongs to who is migrated, whatever its name was a moment before.

    Mallory owns the directory (as well as others do that anybody may write in) and exchanges a file of Alice's for one
    of root's, all the time. Were a file changed by its name, Alice would own root's.
    """
    place = machine.directory("scratch/place", MALLORY, mode=mode)
    for number in range(300):
        machine.file(f"scratch/place/{number:03d}", ALICE)
    decoy = machine.file("scratch/place/of-root", 0)
    swap = (
        "import ctypes\nlibrary = ctypes.CDLL(None)\nos.chdir(sys.argv[1])\n"
        "names = [b'%03d' % number for number in range(300)]\n"
        "    for name in names:\n"
        "        library.renameat2(-100, name, -100, b'of-root', 2)\n"
        "        library.renameat2(-100, name, -100, b'of-root', 2)\n"
    )
    with racing(swap, str(place)):
        for _attempt in range(10):
            change(machine.root / "scratch", MAP)
            change(machine.root / "scratch", {NEW_ALICE: ALICE})
    found = [path for path in place.iterdir() if path.read_text() == "scratch/place/of-root"]
    assert [machine.owner(path) for path in found] == [(0, 0)]
    assert decoy.exists()


def test_a_directory_that_becomes_a_link_and_back_leads_nowhere(machine: Machine) -> None:
    """Pain 14: a directory is opened as one, or not at all."""
    outside = machine.root / "outside"
    outside.mkdir()
    for number in range(50):
        path = outside / str(number)
        path.touch()
        os.chown(path, ALICE, ALICE)
    place = machine.directory("scratch/place", MALLORY, mode=0o777)
    machine.directory("scratch/place/real", ALICE)
    (place / "link").symlink_to(outside)
    swap = (
        "import ctypes\nlibrary = ctypes.CDLL(None)\nos.chdir(sys.argv[1])\n"
        "    library.renameat2(-100, b'real', -100, b'link', 2)\n"
    )
    with racing(swap, str(place)):
        for _attempt in range(60):
            change(machine.root / "scratch", MAP)
    assert {path.stat().st_uid for path in outside.iterdir()} == {ALICE}


def test_directories_that_are_moved_under_the_walk_do_no_harm(machine: Machine) -> None:
    """Deep directories are moved away and back: the walk does not get lost, and changes nothing of others."""
    there, here = machine.directory("scratch/there", MALLORY), machine.directory("scratch/here", MALLORY)
    deep = "/".join("d" * 100)
    machine.file(f"scratch/here/top/{deep}/file", ALICE)
    machine.file("scratch/here/of-mallory", MALLORY)
    move = (
        "os.chdir(sys.argv[1])\nmiddle = 'here/top/' + '/'.join('d' * 40)\n"
        "    os.rename(middle, 'there/moved')\n    os.rename('there/moved', middle)\n"
    )
    before = owners(here.parent)
    with racing(move, str(machine.root / "scratch")):
        for _attempt in range(15):
            change(machine.root / "scratch", MAP, processes=2)
    if (there / "moved").exists():  # it was ended between its two moves
        (there / "moved").rename(here / "top" / "/".join("d" * 40))
    change(machine.root / "scratch", MAP)
    assert {path: {MAP.get(uid, uid)} for path, uid in before.items()} == {
        path: {uid} for path, uid in owners(there.parent).items()
    }


def test_hard_links_are_of_who_owns_the_inode(machine: Machine) -> None:
    """A link to a file of somebody else in one's own home makes it nobody else's; and an inode counts once."""
    foreign = machine.file("home/mallory/hers", MALLORY)
    system = machine.file("scratch/system", 0)
    machine.directory("home/alice", ALICE)
    os.link(foreign, machine.home / "alice" / "mine-now")
    os.link(system, machine.home / "alice" / "system")
    own = machine.file("home/alice/own", ALICE)
    for number in range(20):
        os.link(own, machine.home / "mallory" / str(number))
    answer = machine.run(users=[{"name": "alice", "to_uid": NEW_ALICE}])
    assert machine.owner(foreign) == (MALLORY, MALLORY)
    assert machine.owner(system) == (0, 0)
    assert machine.owner("home/mallory/7") == (NEW_ALICE, NEW_ALICE)
    assert answer["migration"]["users"]["alice"]["files"] == 2


def test_names_that_are_no_text(machine: Machine) -> None:
    home = os.fsencode(machine.directory("home/alice", ALICE))
    for name in NAMES:
        os.mkdir(os.path.join(home, name))
        for inner in NAMES:
            os.close(os.open(os.path.join(home, name, inner), os.O_CREAT))
            os.chown(os.path.join(home, name, inner), ALICE, ALICE)
        os.chown(os.path.join(home, name), ALICE, ALICE)
        os.chmod(os.path.join(home, name), 0o4777)
    tally = change(machine.home, MAP, processes=3)
    assert tally.changed == 1 + len(NAMES) * (1 + len(NAMES))
    assert {os.lstat(os.path.join(home, name, inner)).st_uid for name in NAMES for inner in NAMES} == {NEW_ALICE}


def test_names_are_told_so_that_a_terminal_does_nothing(machine: Machine) -> None:
    """Ansible writes warnings and refusals to the terminal as they are."""
    machine.file("home/alice/\x1b[2Jgone\n\u202eé", NEW_ALICE)
    with pytest.raises(IdentityError) as refusal:
        machine.run()
    assert "\\x1b[2Jgone\\n\\u202eé (45238:45238)" in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_tree_deeper_than_any_path_and_than_files_can_be_open(machine: Machine, processes: int) -> None:
    """5000 directories with long names below each other: a path of a million bytes, and one file at the end."""
    start = machine.directory("home/alice", ALICE)
    here = os.open(start, os.O_RDONLY)
    for depth in range(5000):
        name = "%0200d" % depth
        os.mkdir(name, dir_fd=here)
        os.chown(name, ALICE, ALICE, dir_fd=here)
        os.mkdir("beside", dir_fd=here)
        os.chown("beside", ALICE, ALICE, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_CREAT, dir_fd=here))
    os.chown("end", ALICE, ALICE, dir_fd=here)
    try:
        tally = change(machine.home, MAP, processes=processes)
        assert tally.changed == 1 + 2 * 5000 + 1
        assert not tally.unsettled
        assert os.stat("end", dir_fd=here).st_uid == NEW_ALICE
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", str(start)], check=True)


def test_other_mounts_are_not_entered(machine: Machine) -> None:
    """Neither another file system nor the same one seen a second time, and no file that is mounted over another."""
    outside = machine.file("outside/of-alice", ALICE)
    home = machine.directory("home/alice", ALICE)
    for name in ("bound", "other"):
        machine.directory(f"home/alice/{name}", ALICE)
    over = machine.file("home/alice/over", ALICE)
    mounts = (
        ["--bind", str(outside.parent), str(home / "bound")],
        ["-t", "tmpfs", "tmpfs", str(home / "other")],
        ["--bind", str(outside), str(over)],
    )
    done: list[str] = []
    try:
        for mount in mounts:
            subprocess.run(["mount", *mount], check=True)
            done.append(mount[-1])
        inside = home / "other" / "file"
        inside.touch()
        os.chown(inside, ALICE, ALICE)
        answer = machine.run(roots=[str(machine.home)], users=[{"name": "alice", "to_uid": NEW_ALICE}])
        assert machine.owner(inside) == (ALICE, ALICE)
        assert answer["migration"]["users"]["alice"]["files"] == 1
    finally:
        for point in reversed(done):
            subprocess.run(["umount", point], check=True)
    assert machine.owner(outside) == (ALICE, ALICE)


def test_excluded_directories_are_not_entered(machine: Machine) -> None:
    kept = machine.file("home/alice/containers/layer/file", ALICE)
    machine.file("home/alice/containers-too/file", ALICE)
    machine.run(users=[{"name": "alice", "to_uid": NEW_ALICE}], exclude=[str(machine.home / "alice" / "containers")])
    assert machine.owner(kept) == (ALICE, ALICE)
    assert machine.owner("home/alice/containers") == (ALICE, ALICE)
    assert machine.owner("home/alice/containers-too/file") == (NEW_ALICE, NEW_ALICE)
