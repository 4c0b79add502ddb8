# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount point while nothing is mounted: closed to everybody, root included where the file system can."""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._storage._mount_point import (
    Places,
    guard_mount_point,
)

from .conftest import dead_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def point(tmp_path: Path) -> Iterator[Path]:
    found = tmp_path / "host" / "efs"
    found.parent.mkdir(mode=0o755)
    yield found
    if found.exists():
        subprocess.run(["chattr", "-i", str(found)], check=False, capture_output=True)


def can_be_immutable(place: Path) -> bool:
    """Ask the system's own program, in a directory beside it."""
    probe = place.parent / "probe"
    probe.mkdir()
    done = subprocess.run(["chattr", "+i", str(probe)], check=False, capture_output=True)
    if done.returncode == 0:
        subprocess.run(["chattr", "-i", str(probe)], check=True)
    probe.rmdir()
    return done.returncode == 0


def test_a_bare_mount_point_is_closed_to_everybody(point: Path) -> None:
    immutable = can_be_immutable(point)
    predicted = guard_mount_point(str(point), present=True, check=True)
    assert not point.exists()
    done = guard_mount_point(str(point), present=True, check=False)
    assert (
        (done["changed"], done["actions"]) == (predicted["changed"], predicted["actions"]) == (True, ["made", "closed"])
    )
    assert (stat.S_IMODE(point.stat().st_mode), point.stat().st_uid) == (0, 0)
    if immutable:
        with pytest.raises(PermissionError):  # root
            (point / "home").mkdir()
    again = guard_mount_point(str(point), present=True, check=False)
    assert (again["changed"], again["immutable"]) == (False, immutable or None)
    assert not guard_mount_point(str(point), present=True, check=True)["changed"]


def test_one_that_was_there_is_closed_and_one_with_files_is_refused(point: Path) -> None:
    point.mkdir(mode=0o755)
    (point / "home").mkdir()
    with pytest.raises(IdentityError, match="is not mounted and has files in it, which a mount would hide"):
        guard_mount_point(str(point), present=True, check=False)
    assert stat.S_IMODE(point.stat().st_mode) == 0o755
    (point / "home").rmdir()
    predicted = guard_mount_point(str(point), present=True, check=True)
    done = guard_mount_point(str(point), present=True, check=False)
    assert done["actions"] == predicted["actions"]
    assert done["actions"][0] == "closed"
    assert stat.S_IMODE(point.stat().st_mode) == 0


def test_a_mount_point_goes_only_if_it_was_closed_and_is_empty(point: Path) -> None:
    assert not guard_mount_point(str(point), present=False, check=False)["changed"]
    guard_mount_point(str(point), present=True, check=False)
    assert guard_mount_point(str(point), present=False, check=True)["actions"] == ["removed"]
    assert point.exists()
    assert guard_mount_point(str(point), present=False, check=False)["actions"] == ["removed"]
    assert not point.exists()
    point.mkdir(mode=0o755)
    assert not guard_mount_point(str(point), present=False, check=False)["changed"]
    assert point.exists()


def test_what_is_mounted_is_not_touched(point: Path) -> None:
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "lab", str(point)], check=True)
    try:
        (point / "home").mkdir()
        for present in (True, False):
            done = guard_mount_point(str(point), present=present, check=False)
            assert (done["changed"], done["mounted"], done["automounted"]) == (False, True, False)
    finally:
        subprocess.run(["umount", str(point)], check=True)


def test_nobody_waits_at_an_automount(point: Path) -> None:
    point.mkdir()
    with dead_server(point):
        done = guard_mount_point(str(point), present=True, check=False)
        assert (done["changed"], done["mounted"], done["automounted"]) == (False, False, True)


def test_links_and_directories_of_others(point: Path) -> None:
    point.symlink_to("/etc")
    with pytest.raises(IdentityError, match=r"is no directory \(a link or a file\)"):
        guard_mount_point(str(point), present=True, check=False)
    point.unlink()
    os.chown(point.parent, 5238, 5238)
    with pytest.raises(IdentityError, match="belongs to uid 5238: root writes only where root is the owner"):
        guard_mount_point(str(point), present=True, check=False)


def test_what_a_host_can_mount(point: Path, tmp_path: Path) -> None:
    helpers = tmp_path / "sbin"
    helpers.mkdir()
    places = Places(helpers=(str(helpers),), automount=str(tmp_path / "none"), dpkg=str(tmp_path / "none"))
    told = guard_mount_point(str(point), present=True, check=True, places=places)
    assert (told["helpers"], told["can_automount"], told["nfs_package"]) == ([], False, "nfs-utils")
    for name in ("mount.nfs4", "mount.efs"):
        (helpers / name).touch()
    places = Places(helpers=(str(helpers),), automount=str(helpers), dpkg=str(helpers))
    told = guard_mount_point(str(point), present=True, check=True, places=places)
    assert (told["helpers"], told["can_automount"], told["nfs_package"]) == (["nfs4", "efs"], True, "nfs-common")


def test_a_host_that_may_set_no_flags_has_nothing_to_do_again(point: Path, tmp_path: Path) -> None:
    (tmp_path / "status").write_text("CapEff:\t00000000000000ff\n")
    places = Places(status=str(tmp_path / "status"))
    guard_mount_point(str(point), present=True, check=False, places=places)
    subprocess.run(["chattr", "-i", str(point)], check=False, capture_output=True)
    again = guard_mount_point(str(point), present=True, check=True, places=places)
    assert (again["changed"], again["immutable"]) == (False, None)
