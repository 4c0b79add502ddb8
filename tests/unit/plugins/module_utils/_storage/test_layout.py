# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done on a file system that is really mounted: proved, made, checked, refused."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils import _home_tree
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._open_mount import mount_of
from ansible_collections.labfleet.identity.plugins.module_utils._storage import _layout_work, _mount_proof

from .conftest import ALICE, BOB, CAROL, FILE_SYSTEM, IMAGING, SOURCE, Lab, dead_server, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEOPLE = (user("alice", ALICE, groups=["imaging"]), user("bob", BOB, home_mode="0750"))


def test_the_whole_layout_and_then_nothing(lab: Lab) -> None:
    wanted: dict[str, Any] = {"shared_directories": ["imaging"]}
    predicted = lab.run(*PEOPLE, check=True, **wanted)
    assert os.listdir(lab.point) == []
    done = lab.run(*PEOPLE, **wanted)
    assert done == predicted
    assert lab.everything() == {
        ".": ("0o40755", 0, 0, ""),
        ".labfleet-efs": ("0o100644", 0, 0, "labfleet.identity: this file system is %s\n" % FILE_SYSTEM),
        "home": ("0o40755", 0, 0, ""),
        "home/alice": ("0o40700", ALICE, ALICE, ""),
        "home/alice/.config": ("0o40700", ALICE, ALICE, ""),
        "home/alice/.config/note": ("0o100644", ALICE, ALICE, "hello\n"),
        "home/alice/.profile": ("0o100644", ALICE, ALICE, "umask 077\n"),
        "home/bob": ("0o40750", BOB, BOB, ""),
        "home/bob/.config": ("0o40700", BOB, BOB, ""),
        "home/bob/.config/note": ("0o100644", BOB, BOB, "hello\n"),
        "home/bob/.profile": ("0o100644", BOB, BOB, "umask 077\n"),
        "shared": ("0o40755", 0, 0, ""),
        "shared/imaging": ("0o42770", 0, IMAGING, ""),
    }
    assert done["changed"]
    assert done["made"] == [str(lab.point / n) for n in (".labfleet-efs", "home", "shared", "home/alice", "home/bob",
                                                         "shared/imaging")]  # fmt: skip
    assert done["proved"] == {
        "mount_point": str(lab.point),
        "file_system_id": FILE_SYSTEM,
        "type": "tmpfs",
        "source": SOURCE,
        "root_is_let_in": True,
    }
    for check in (True, False):
        again = lab.run(*PEOPLE, check=check, **wanted)
        assert (again["changed"], again["made"], again["modified"], again["diff"]) == (
            False, [], {}, {"before": "", "after": ""})  # fmt: skip


def test_modes_and_groups_are_mended_and_nothing_below_them(lab: Lab) -> None:
    lab.run(*PEOPLE, shared_directories=["imaging"])
    (lab.homes / "alice").chmod(0o777)
    os.chown(lab.homes / "alice" / ".profile", BOB, BOB)
    lab.homes.chmod(0o700)
    (lab.shared / "imaging").chmod(0o755)
    os.chown(lab.shared / "imaging", 0, 0)
    (lab.shared / "imaging" / "data").touch(mode=0o600)
    before = lab.everything()
    predicted = lab.run(*PEOPLE, shared_directories=["imaging"], check=True)
    assert lab.everything() == before
    done = lab.run(*PEOPLE, shared_directories=["imaging"])
    assert done == predicted
    assert done["modified"] == {
        str(lab.homes): "0700 -> 0755",
        str(lab.homes / "alice"): "0777 -> 0700",
        str(lab.shared / "imaging"): "root:root 0755 -> root:imaging 2770",
    }
    after = lab.everything()
    different = {name for name in after if after[name] != before[name]}
    assert different == {"home", "home/alice", "shared/imaging"}
    assert after["shared/imaging"][:3] == ("0o42770", 0, IMAGING)


def test_without_a_mode_homes_that_exist_are_left_to_their_owners(lab: Lab) -> None:
    lab.run(*PEOPLE)
    (lab.homes / "alice").chmod(0o711)
    done = lab.run(*PEOPLE, user("carol", CAROL), home_mode="")
    assert done["made"] == [str(lab.homes / "carol")]
    assert done["modified"] == {}
    assert stat.S_IMODE((lab.homes / "carol").stat().st_mode) == 0o700


def test_other_hosts_check_and_tell(lab: Lab) -> None:
    lab.run(PEOPLE[0])
    (lab.homes / "alice").chmod(0o755)
    before = lab.everything()
    told = lab.run(*PEOPLE, create=False)
    assert not told["changed"]
    assert told["missing"] == [str(lab.homes / "alice"), str(lab.homes / "bob")]
    assert "bob: missing instead of %d:%d 0750" % (BOB, BOB) in told["warnings"][0]
    assert lab.everything() == before
    os.chown(lab.homes / "alice", BOB, BOB)
    with pytest.raises(IdentityError, match=r"home \S+/alice belongs to uid 5831 \(bob\), not to alice \(5238\)"):
        lab.run(*PEOPLE, create=False)


def test_homes_of_others_and_links_are_named_and_all_else_is_done(lab: Lab) -> None:
    lab.run()
    (lab.homes / "alice").mkdir(mode=0o700)
    os.chown(lab.homes / "alice", BOB, BOB)
    (lab.homes / "bob").symlink_to("/etc")
    for check in (True, False):
        with pytest.raises(IdentityError) as refusal:
            lab.run(*PEOPLE, user("carol", CAROL), check=check)
        assert "home %s belongs to uid %d (bob), not to alice (%d): files are not given away" % (
            lab.homes / "alice", BOB, ALICE) in str(refusal.value)  # fmt: skip
        assert "home %s is not a directory (a link or a file): move it away" % (lab.homes / "bob") in str(refusal.value)
        assert (lab.homes / "carol").exists() != check
    assert (lab.homes / "alice").stat().st_uid == BOB
    assert os.listdir(lab.homes / "alice") == []


def test_a_shared_directory_of_somebody_is_named(lab: Lab) -> None:
    lab.run(shared_directories=["imaging"])
    os.chown(lab.shared / "imaging", ALICE, IMAGING)
    with pytest.raises(IdentityError, match=r"imaging belongs to uid 5238 \(alice\), not to root"):
        lab.run(*PEOPLE, shared_directories=["imaging"])
    with pytest.raises(IdentityError, match="this host has no group genomics for the shared directory"):
        lab.run(*PEOPLE, shared_directories=["genomics"])
    lab.run(shared_directories=[{"group": "genomics", "gid": 4444, "name": "dna", "mode": "2750"}])
    assert lab.everything()["shared/dna"] == ("0o42750", 0, 4444, "")


def test_the_proof(lab: Lab) -> None:
    """Whatever is not the expected file system is told, and nothing is written to it."""
    with pytest.raises(IdentityError, match="is of the type 'tmpfs', not nfs4"):
        lab.run(file_system_types=["nfs4"])
    with pytest.raises(IdentityError, match=r"comes from 'server\.example\.org:/lab', not from other:/"):
        lab.run(sources=["other:/"])
    with pytest.raises(IdentityError, match=r"nothing on the file system at .* says that it is fs-0123456789abcdef0"):
        lab.run(create=False)
    assert "not done in check mode" in lab.run(create=False, check=True)["warnings"][0]
    (lab.point / "data").mkdir()
    with pytest.raises(IdentityError, match="has files and nothing that says it is fs-0123456789abcdef0"):
        lab.run()
    assert os.listdir(lab.point) == ["data"]
    assert lab.run(adopt=True, sources=[])["changed"]
    with pytest.raises(
        IdentityError, match=r"says of itself \(.labfleet-efs\) that it is 'fs-0123456789abcdef0', not fs-9"
    ):
        lab.run(file_system_id="fs-9", adopt=True)
    lab.unmount()
    with pytest.raises(IdentityError, match=r"nothing is mounted at .*, so no home was touched"):
        lab.run(*PEOPLE)
    assert os.listdir(lab.point) == []
    lab.point.rmdir()
    with pytest.raises(IdentityError, match=r"there is no directory .* to mount at"):
        lab.run(*PEOPLE)


def test_what_others_can_exchange_is_no_place_for_homes(lab: Lab) -> None:
    lab.point.chmod(0o777)
    with pytest.raises(IdentityError, match="can be changed by others than root, who could exchange the homes"):
        lab.run(*PEOPLE)
    lab.point.chmod(0o755)
    lab.run()
    os.chown(lab.homes, ALICE, ALICE)
    with pytest.raises(IdentityError, match="belongs to uid 5238, who could exchange all that is in it"):
        lab.run(*PEOPLE)
    lab.homes.rmdir()
    lab.homes.symlink_to("/home")
    with pytest.raises(IdentityError, match="home is not a directory"):
        lab.run(*PEOPLE)


def _forged(lab: Lab) -> None:
    (lab.point / ".labfleet-efs").write_text("labfleet.identity: this file system is %s\n" % FILE_SYSTEM)


def _endless(lab: Lab) -> None:
    with open(lab.point / ".labfleet-efs", "wb") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize("forge", [_forged, _endless])
def test_a_marker_that_a_user_made_proves_nothing(lab: Lab, forge: Callable[[Lab], None]) -> None:
    """In a root like that of /tmp everybody can be the first to name the file system."""
    lab.point.chmod(0o1777)
    forge(lab)
    os.chown(lab.point / ".labfleet-efs", BOB, BOB)
    with pytest.raises(IdentityError, match=r"\.labfleet-efs .* belongs to uid 5831, .* no home was touched"):
        lab.run(*PEOPLE)
    assert os.listdir(lab.point) == [".labfleet-efs"]


def test_a_marker_that_everybody_can_write_proves_nothing(lab: Lab) -> None:
    lab.run()
    (lab.point / ".labfleet-efs").chmod(0o666)
    with pytest.raises(IdentityError, match="what others than root can write proves nothing"):
        lab.run(*PEOPLE)


def test_a_marker_without_an_end_is_not_read_to_its_end(lab: Lab) -> None:
    _endless(lab)
    with pytest.raises(IdentityError, match="says of itself"):
        lab.run(*PEOPLE)


def test_more_groups_than_nfs_carries_are_refused_before_anything_is_done(lab: Lab) -> None:
    groups = tuple(range(4000, 4017))
    lab.knows = replace(lab.knows, groups={"alice": (ALICE, *groups)})
    with pytest.raises(IdentityError, match=r"alice is in 18 groups and NFS carries 16 .* not see a group \(4016\):"):
        lab.run(*PEOPLE)
    assert os.listdir(lab.point) == []
    # the primary group is carried beside the others
    lab.knows = replace(lab.knows, groups={"alice": (ALICE, *groups[:16])})
    assert lab.run(*PEOPLE)["changed"]


def test_an_account_with_another_number_or_home(lab: Lab) -> None:
    lab.knows = replace(lab.knows, uids={"alice": 6000})
    with pytest.raises(IdentityError, match="alice has uid 6000 on this host, not 5238"):
        lab.run(*PEOPLE)
    lab.knows = replace(lab.knows, uids={}, homes={"alice": "/home/alice"})
    assert lab.run(*PEOPLE)["warnings"] == ["alice: the account's home is /home/alice, not %s/alice" % lab.homes]


def test_a_mount_in_which_a_program_makes_people_root_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was there before the role, and its line in the table of file systems changes nothing of it."""
    assert lab.run()["warnings"] == []  # nobody else can write to a file system of this kernel
    monkeypatch.setattr(_mount_proof, "mount_of", lambda handle: replace(mount_of(handle), file_system="nfs4"))
    for options, lacks in (("suid,dev", "nosuid and nodev"), ("nosuid,dev", "nodev"), ("nosuid,nodev", "")):
        subprocess.run(["mount", "-o", "remount,bind," + options, str(lab.point)], check=True)
        for create in (True, False):
            told = lab.run(*PEOPLE, create=create, file_system_types=["nfs4"])["warnings"]
            said = [text.partition(", so that")[0] for text in told if "is mounted without" in text]
            assert said == (["%s is mounted without %s" % (lab.point, lacks)] if lacks else [])


def test_where_root_is_kept_out_everybody_makes_their_own(squashed: Lab) -> None:
    lab = squashed
    predicted = lab.run(*PEOPLE, shared_directories=["imaging"], check=True)
    done = lab.run(*PEOPLE, shared_directories=["imaging"])
    assert done == predicted
    assert not done["proved"]["root_is_let_in"]
    seen = lab.everything()
    assert seen["home"] == ("0o41777", 0, 0, "")
    assert seen["home/alice"] == ("0o40700", ALICE, ALICE, "")
    assert seen["home/alice/.config/note"] == ("0o100644", ALICE, ALICE, "hello\n")
    assert seen["home/bob"] == ("0o40750", BOB, BOB, "")
    # root cannot own it there: a member does
    assert seen["shared/imaging"] == ("0o42770", ALICE, IMAGING, "")
    (lab.homes / "alice").chmod(0o755)
    assert lab.run(*PEOPLE, shared_directories=["imaging"])["modified"] == {str(lab.homes / "alice"): "0755 -> 0700"}
    assert not lab.run(*PEOPLE, shared_directories=["imaging"])["changed"]


def test_where_root_is_kept_out_and_users_as_well(squashed: Lab) -> None:
    lab = squashed
    for base in (lab.homes, lab.shared):
        base.chmod(0o755)
    with pytest.raises(IdentityError) as refusal:
        lab.run(*PEOPLE, shared_directories=["imaging"])
    assert "home %s/alice cannot be made: the file server keeps root out of %s (root_squash)" % (
        lab.homes, lab.homes) in str(refusal.value)  # fmt: skip
    assert "shared directory %s/imaging cannot be made" % lab.shared in str(refusal.value)
    assert "Nothing else was to be done" in str(refusal.value)
    lab.homes.chmod(0o777)
    with pytest.raises(IdentityError, match="lets users exchange what others have in it: chmod"):
        lab.run(*PEOPLE)


def test_a_group_without_members_has_nobody_to_make_its_directory(squashed: Lab) -> None:
    squashed.knows = replace(squashed.knows, members={})
    with pytest.raises(IdentityError, match="imaging cannot be made: its group has no members"):
        squashed.run(PEOPLE[1], shared_directories=["imaging"])


def test_a_server_that_makes_somebody_else_of_root_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It said that root may write, and then what root made was nobody's."""
    lab.run()
    mkdir = os.mkdir

    def made(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        mkdir(path, mode, dir_fd=dir_fd)
        os.chown(path, 65534, 65534, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", made)
    with pytest.raises(IdentityError, match="belongs to uid 65534 there: the file server keeps root out"):
        lab.run(*PEOPLE)
    assert [name for name in os.listdir(lab.homes) if not name.startswith(".")] == []


def test_a_file_server_that_does_not_answer_stops_nobody(lab: Lab, tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    dead.mkdir()
    begin = time.monotonic()
    silent = r"did not answer for 1 seconds while it was looked at: nothing waits for it"
    with dead_server(dead), pytest.raises(IdentityError, match=silent):
        lab.run(*PEOPLE, mount_point=str(dead), timeout=1)
    assert 0.9 < time.monotonic() - begin < 5
    # nothing that was started is left behind
    with contextlib.suppress(ChildProcessError):
        assert os.waitpid(-1, os.WNOHANG) == (0, 0)


def test_a_server_that_falls_silent_in_the_midst_of_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.run()
    make_home = _home_tree.make_home

    def made(base: int, name: str, *more: Any) -> None:
        if name == "bob":
            time.sleep(60)
        make_home(base, name, *more)

    monkeypatch.setattr(_layout_work, "make_home", made)
    begin = time.monotonic()
    with pytest.raises(IdentityError, match="did not answer for 1 seconds while this was done, of which the beginning"):
        lab.run(*PEOPLE, timeout=1)
    assert time.monotonic() - begin < 5
    monkeypatch.undo()
    assert lab.run(*PEOPLE)["made"] == [str(lab.homes / "bob")]
