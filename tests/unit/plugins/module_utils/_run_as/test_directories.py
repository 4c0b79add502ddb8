# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only directories that nobody could have exchanged are mapped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Account
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._directories import (
    Mapped,
    hidden_directories,
    job_directory,
    mapped_directories,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job, parse_job
from ansible_collections.labfleet.identity.plugins.module_utils._silence import Silence
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._run_as.test_request import GOOD

if TYPE_CHECKING:
    from pathlib import Path

UID = 5238
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files get other owners")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A directory that only root can change."""
    tmp_path.chmod(0o755)
    return tmp_path


def account(home: Path | str) -> Account:
    return Account("alice", UID, UID, (UID,), str(home), "/bin/bash")


def job(**more: Any) -> Job:
    return parse_job({**GOOD, **more})


def home_of(base: Path, uid: int = UID) -> Path:
    home = base / "alice"
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    return home


@ROOT
def test_the_home_is_what_is_mapped(base: Path) -> None:
    home = home_of(base)
    status = home.stat()
    assert mapped_directories(job(), account(home)) == [Mapped(str(home), status.st_dev, status.st_ino)]


@ROOT
def test_directories_stand_in_the_place_of_the_home(base: Path) -> None:
    home = home_of(base)
    work = base / "work"
    work.mkdir()
    os.chown(work, UID, UID)
    found = mapped_directories(job(directories=[str(work)]), account(home))
    assert [one.path for one in found] == [str(work)]


@ROOT
def test_a_directory_of_a_project_has_to_be_named_as_one(base: Path) -> None:
    project = base / "project"
    project.mkdir()
    os.chown(project, 0, 4444)
    os.chmod(project, 0o2770)
    named = {"directories": [str(project)], "shared_directories": [str(project)]}
    assert [one.path for one in mapped_directories(job(**named), account("/"))] == [str(project)]
    with pytest.raises(IdentityError, match="belongs to uid 0 and not to alice"):
        mapped_directories(job(directories=[str(project)]), account("/"))
    os.chmod(project, 0o777)
    with pytest.raises(IdentityError, match="is no shared directory of root's"):
        mapped_directories(job(**named), account("/"))
    os.chmod(project, 0o770)
    os.chown(project, 6000, 6000)
    with pytest.raises(IdentityError, match="is no shared directory of root's"):
        mapped_directories(job(**named), account("/"))


@ROOT
def test_what_somebody_could_have_put_there_is_not_mapped(base: Path) -> None:
    home = home_of(base)
    inside = home / "inside"
    inside.mkdir()
    os.chown(inside, UID, UID)
    other = base / "other"
    other.mkdir()
    os.chown(other, 6000, 6000)
    link, file = base / "link", base / "file"
    link.symlink_to("/etc")
    os.lchown(link, UID, UID)
    file.touch()
    os.chown(file, UID, UID)
    way = base / "way"
    way.symlink_to(base)
    open_to_all = base / "open"
    open_to_all.mkdir()
    os.chmod(open_to_all, 0o1777)
    (open_to_all / "mine").mkdir()
    os.chown(open_to_all / "mine", UID, UID)
    for path, says in (
        (other, "belongs to uid 6000 and not to alice"),
        (link, "is no directory"),
        (file, "is no directory"),
        (base / "missing", "cannot be mapped: No such file"),
        (inside, "belongs to uid 5238"),  # its parent is the user's, who could put a link there
        (way / "alice", "is reached through a link"),
        (open_to_all / "mine", "can be changed by others than root"),
    ):
        with pytest.raises(IdentityError, match=says):
            mapped_directories(job(directories=[str(path)]), account(home))


@pytest.mark.parametrize("path", ["/etc/ssh", "/var/lib/x", "/usr/local/x", "/root/x"])
def test_no_directory_of_the_system_is_mapped(path: str) -> None:
    with pytest.raises(IdentityError, match="where the system keeps its files"):
        mapped_directories(job(directories=[path]), account("/home/alice"))


@pytest.mark.parametrize("home", ["/", "/home/a b", "relative", "", "/home/../etc"])
def test_no_home_with_another_path_than_a_unit_can_name(home: str) -> None:
    with pytest.raises(IdentityError, match="the account alice has"):
        mapped_directories(job(), account(home))


def test_a_silent_file_server_is_not_waited_for() -> None:
    class Silent(Silence):
        def of(self, path: str) -> str:
            return "/".join(path.split("/")[:2])

    with pytest.raises(IdentityError, match="the file server of /efs does not answer"):
        mapped_directories(job(), account("/efs/home/alice"), Silent())


@ROOT
def test_every_external_identity_has_a_directory_of_its_own(base: Path) -> None:
    jobs = base / "lib" / "jobs"
    one = job_directory(job(shared=True), account("/"), True, str(jobs))
    two = job_directory(job(shared=True, identity="c" * 32), account("/"), True, str(jobs))
    assert one != two
    for found in (one, two):
        status = os.lstat(found.path)
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (UID, UID, 0o700)
        assert (found.device, found.inode) == (status.st_dev, status.st_ino)
    for directory, mode in ((jobs, 0o700), (jobs / "alice", 0o700), (base / "lib", 0o755)):
        assert (directory.stat().st_uid, directory.stat().st_mode & 0o7777) == (0, mode)
    assert job_directory(job(shared=True), account("/"), True, str(jobs)) == one


@ROOT
def test_a_directory_handed_in_from_outside_leads_to_no_job_of_another(base: Path) -> None:
    """Whoever is outside of jobs can open the host's view of files, and give it to a job over a socket."""
    jobs = base / "jobs"
    (jobs / "alice").mkdir(parents=True, mode=0o711)
    for directory in (jobs, jobs / "alice"):
        directory.chmod(0o711)  # as they were once made
    other = jobs / "alice" / ("c" * 32)
    assert job_directory(job(shared=True, identity=other.name), account("/"), True, str(jobs)).path == str(other)
    (other / "secret").write_text("of another")
    os.chown(other / "secret", UID, UID)
    handles = [os.open(path, os.O_PATH) for path in (base, jobs, jobs / "alice")]
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
        reached = 0
        for handle, path in zip(handles, ("jobs/alice/", "alice/", "")):
            try:
                os.close(os.open("%s%s/secret" % (path, other.name), os.O_RDWR, dir_fd=handle))
                reached += 1
            except PermissionError:
                pass
        os._exit(reached)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for handle in handles:
        os.close(handle)


@ROOT
def test_check_mode_makes_no_directory(base: Path) -> None:
    jobs = base / "jobs"
    found = job_directory(job(shared=True), account("/"), False, str(jobs))
    assert found == Mapped(str(jobs / "alice" / ("b" * 32)))
    assert not jobs.exists()


@ROOT
def test_a_run_that_was_cut_short_is_completed(base: Path) -> None:
    place = base / "jobs" / "alice" / ("b" * 32)
    place.mkdir(parents=True)
    job_directory(job(shared=True), account("/"), True, str(base / "jobs"))
    assert (place.stat().st_uid, place.stat().st_mode & 0o7777) == (UID, 0o700)


@ROOT
@pytest.mark.parametrize("make", [True, False])
def test_a_job_directory_that_is_something_else_is_refused(base: Path, make: bool) -> None:
    place = base / "jobs" / "alice"
    place.mkdir(parents=True)
    thing = place / ("b" * 32)
    thing.mkdir()
    (thing / "file").touch()  # root's, and not empty
    with pytest.raises(IdentityError, match="is not a directory of alice alone"):
        job_directory(job(shared=True), account("/"), make, str(base / "jobs"))
    os.chown(thing, UID, UID)
    os.chmod(thing, 0o750)
    with pytest.raises(IdentityError, match="is not a directory of alice alone"):
        job_directory(job(shared=True), account("/"), make, str(base / "jobs"))


@ROOT
def test_a_link_in_the_place_of_a_job_directory_is_not_followed(base: Path) -> None:
    place = base / "jobs" / "alice"
    place.mkdir(parents=True)
    target = home_of(base)
    (place / ("b" * 32)).symlink_to(target)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        job_directory(job(shared=True), account("/"), True, str(base / "jobs"))
    with pytest.raises(IdentityError, match="is not a directory of alice alone"):
        job_directory(job(shared=True), account("/"), False, str(base / "jobs"))


@ROOT
def test_the_home_of_the_account_and_what_is_named_are_hidden(base: Path) -> None:
    home = home_of(base)
    extra = base / "extra"
    (extra / "below").mkdir(parents=True)
    link = base / "link"
    link.symlink_to(extra)
    named = job(hidden=[str(link), str(extra / "below"), "/nonesuch"])
    hidden = hidden_directories(named, account(home), [])
    assert {"/home", "/root", str(base)} <= set(hidden)
    assert "/nonesuch" not in hidden
    assert not [path for path in hidden if path.startswith(str(base) + "/")]


@ROOT
def test_what_is_mapped_is_not_hidden_itself(base: Path) -> None:
    mapped = [Mapped(str(base))]
    assert str(base) not in hidden_directories(job(hidden=[str(base)]), account("/"), mapped)


NOT_CLOSED_IN = {"/run/jupyter", "/run/rstudio-server", "/run/screen", "/run/user"}
KEPT = {"/run/log/journal", "/var/crash", "/var/lib/systemd/coredump", "/var/log/journal", "/var/spool/abrt"}


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_not_closed_in_cannot_be_asked_to_do_something(monkeypatch: pytest.MonkeyPatch, shared: bool) -> None:
    """The user's own JupyterLab, whose token the job may read, would run whatever it is told outside of jobs."""
    monkeypatch.setattr(os.path, "isdir", lambda _path: True)
    assert set(hidden_directories(job(shared=shared), account("/"), [])) >= NOT_CLOSED_IN


def test_what_the_system_keeps_by_number_is_of_all_who_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda _path: True)
    assert set(hidden_directories(job(shared=True), account("/"), [])) >= KEPT
    assert KEPT.isdisjoint(hidden_directories(job(), account("/"), []))
