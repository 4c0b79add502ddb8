# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    make_trusted_directory,
    open_trusted_directory,
)

if TYPE_CHECKING:
    from pathlib import Path

SOMEBODY = 54321  # a uid and gid that nothing on the machine has


@pytest.fixture
def as_root() -> None:
    """What these tests do with owners, only root may do; leaving them out would leave the promise untested."""
    assert os.geteuid() == 0, "this test gives files to other users, which only root may do: run the unit tests as root"


def refusal(path: Path) -> str:
    with pytest.raises(IdentityError) as caught:
        open_trusted_directory(str(path))
    return str(caught.value)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_directory_of_ours_is_opened(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir(0o755)
    handle = open_trusted_directory(str(tmp_path / "below"))
    try:
        assert os.path.samestat(os.fstat(handle), (tmp_path / "below").stat())
        assert not os.get_inheritable(handle)
    finally:
        os.close(handle)
    os.close(open_trusted_directory("/"))


def test_a_link_that_only_we_can_change_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    handle = open_trusted_directory(str(tmp_path / "link" / "below"))
    try:
        assert os.path.samestat(os.fstat(handle), (tmp_path / "real" / "below").stat())
    finally:
        os.close(handle)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path / "mount" / "home")
    assert f"directory {tmp_path}/mount does not exist (needed for {tmp_path}/mount/home)" in said
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file cannot be opened as a directory" in refusal(tmp_path / "file" / "below")


def test_a_directory_that_everybody_may_write_to_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    below = tmp_path / "open" / "below"
    below.mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    for path in (tmp_path / "open", below):
        assert f"directory {tmp_path}/open (mode 0777) can be changed by others than root" in refusal(path)
    (tmp_path / "open").chmod(0o757)
    assert "(mode 0757)" in refusal(below)


def test_a_sticky_directory_is_passed_through_and_never_written_to(tmp_path: Path) -> None:
    below = tmp_path / "sticky" / "below"
    below.mkdir(parents=True)
    (tmp_path / "sticky").chmod(0o1777)
    os.close(open_trusted_directory(str(below)))
    assert f"directory {tmp_path}/sticky (mode 1777) can be changed by others" in refusal(tmp_path / "sticky")


@pytest.mark.usefixtures("as_root")
def test_a_group_that_may_write_is_refused_unless_it_is_that_of_root(tmp_path: Path) -> None:
    below = tmp_path / "shared" / "below"
    below.mkdir(parents=True)
    (tmp_path / "shared").chmod(0o775)
    os.close(open_trusted_directory(str(below)))
    os.chown(tmp_path / "shared", 0, SOMEBODY)
    for path in (tmp_path / "shared", below):
        assert "shared (mode 0775) can be changed by others than root" in refusal(path)
    (tmp_path / "shared").chmod(0o755)
    os.close(open_trusted_directory(str(below)))


@pytest.mark.usefixtures("as_root")
def test_a_directory_of_somebody_else_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    below = tmp_path / "theirs" / "below"
    below.mkdir(parents=True)
    os.chown(tmp_path / "theirs", SOMEBODY, 0)
    for path in (tmp_path / "theirs", below):
        assert f"directory {tmp_path}/theirs belongs to uid {SOMEBODY}" in refusal(path)
    # a link through it is no way around
    (tmp_path / "link").symlink_to("theirs/below")
    assert "belongs to uid" in refusal(tmp_path / "link")


def test_refusals_leave_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "open" / "below").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    before = open_files()
    for path in (tmp_path / "open" / "below", tmp_path / "missing", tmp_path / "open"):
        refusal(path)
    assert open_files() == before


def test_the_last_directory_is_made_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        os.close(make_trusted_directory(str(tmp_path / "made"), 0o755))
    finally:
        os.umask(old)
    assert mode_of(tmp_path / "made") == 0o755
    (tmp_path / "made").chmod(0o711)
    os.close(make_trusted_directory(str(tmp_path / "made"), 0o755))
    assert mode_of(tmp_path / "made") == 0o711
    with pytest.raises(IdentityError, match="does not exist"):
        make_trusted_directory(str(tmp_path / "missing" / "made"), 0o755)


def test_what_is_no_directory_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IdentityError, match="cannot be opened as a directory"):
        make_trusted_directory(str(tmp_path / "file"), 0o755)
