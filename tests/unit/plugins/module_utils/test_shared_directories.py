# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of groups are made as asked for, and nobody can lead root elsewhere."""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils import _shared_directories
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._shared_directories import settle_shared_directories

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes directories of other groups")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that only root can change, and a host with one group."""
    os.chmod(tmp_path, 0o755)

    def gid(group: str, path: str, by_then: Any) -> int:
        if group == "lab":
            return 4321
        if group in by_then:
            return -1
        raise IdentityError("the group %s of %s is not there: make it first" % (group, path))

    monkeypatch.setattr(_shared_directories, "_gid", gid)
    return tmp_path


def wish(path: Path, group: str = "lab", mode: str = "2770") -> dict[str, str]:
    return {"path": str(path), "group": group, "mode": mode}


def state(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def test_it_is_made_checked_and_left_alone(place: Path) -> None:
    one, inner = place / "one", place / "one" / "inner"
    wishes = [wish(one, mode="0750"), wish(inner)]
    predicted = settle_shared_directories(wishes, [], True)
    assert not one.exists()
    done = settle_shared_directories(wishes, [], False)
    assert predicted == done
    assert done["changed"]
    assert [entry["action"] for entry in done["directories"]] == ["create", "create"]
    assert state(one) == (0o750, 0, 4321)
    assert state(inner) == (0o2770, 0, 4321)
    again = settle_shared_directories(wishes, [], False)
    assert not again["changed"]
    assert again["diff"]["after"] == ""


def test_what_differs_is_corrected_and_what_is_in_it_stays(place: Path) -> None:
    (place / "one").mkdir(mode=0o700)
    (place / "one" / "file").write_text("x")
    os.chown(place / "one" / "file", 5238, 5238)
    done = settle_shared_directories([wish(place / "one")], [], False)
    assert done["directories"][0]["action"] == "change"
    assert [change.split(" ")[0] for change in done["directories"][0]["changes"]] == ["group", "mode"]
    assert state(place / "one") == (0o2770, 0, 4321)
    assert state(place / "one" / "file")[1:] == (5238, 5238)


def test_a_group_that_is_made_by_then_is_for_check_mode_alone(place: Path) -> None:
    wishes = [wish(place / "one", "later")]
    assert settle_shared_directories(wishes, ["later"], True)["changed"]
    for by_then, check in ((["later"], False), ([], True)):
        with pytest.raises(IdentityError, match=r"the group later of .* is not there"):
            settle_shared_directories(wishes, by_then, check)
    assert not (place / "one").exists()


def account(monkeypatch: pytest.MonkeyPatch, home: str, uid: int = 45001) -> None:
    entry = pwd.struct_passwd(("alice", "x", uid, uid, "", home, "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [entry])


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("name", ["home", "people"])
@pytest.mark.parametrize("above", ["", "old/groups/"], ids=["in it", "further down"])
@pytest.mark.parametrize("known", [True, False], ids=["an account of the host", "of another host"])
def test_the_base_of_homes_is_not_given_to_a_group(
    place: Path, monkeypatch: pytest.MonkeyPatch, check: bool, name: str, above: str, known: bool
) -> None:
    """Its members could rename a home and put their own in its place."""
    base = place / name
    home = base / above / "alice"
    home.mkdir(parents=True)
    base.chmod(0o755)
    os.chown(home if known else base.joinpath((above + "alice").split("/")[0]), 45001, 45001)
    if known:
        account(monkeypatch, str(home))
    with pytest.raises(IdentityError, match="homes"):
        settle_shared_directories([wish(place / "first"), wish(base)], [], check)
    assert state(base) == (0o755, 0, 0)
    assert not (place / "first").exists()


@pytest.mark.parametrize("home", ["{}/people/alice", "{}//people/b/../alice/", "/{}/people/alice"])
def test_the_base_of_homes_that_are_not_made_yet(place: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """The host knows the account; the home comes later, and would be in the hands of the members."""
    account(monkeypatch, home.format(place))
    with pytest.raises(IdentityError, match="above the home of alice"):
        settle_shared_directories([wish(place / "people")], [], False)
    assert not (place / "people").exists()


def test_the_base_of_homes_by_a_link_of_root(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "disk" / "people").mkdir(parents=True)
    (place / "disk" / "people").chmod(0o755)
    (place / "way").symlink_to(place / "disk")
    account(monkeypatch, str(place / "disk" / "people" / "alice"))
    with pytest.raises(IdentityError, match="above the home of alice"):
        settle_shared_directories([wish(place / "way" / "people")], [], False)
    assert state(place / "disk" / "people") == (0o755, 0, 0)


@pytest.mark.parametrize("name", ["home", "homes"])
def test_what_is_called_home_is_for_homes(place: Path, name: str) -> None:
    """Also on a host that has no account yet, and by whatever mount point the file system is known."""
    with pytest.raises(IdentityError, match="is where homes are"):
        settle_shared_directories([wish(place / name)], [], True)


def test_the_shared_directories_of_efs_are_not_given_to_one_group(place: Path) -> None:
    """Its members could rename those of other groups. Without the marker, shared is a name like others."""
    (place / "shared").mkdir(mode=0o755)
    (place / ".labfleet-efs").write_text("labfleet.identity: this file system is fs-1\n")
    with pytest.raises(IdentityError, match="is where the role efs keeps"):
        settle_shared_directories([wish(place / "shared")], [], False)
    assert state(place / "shared") == (0o755, 0, 0)
    assert settle_shared_directories([wish(place / "scratch")], [], False)["changed"]
    (place / ".labfleet-efs").unlink()
    assert settle_shared_directories([wish(place / "shared")], [], False)["changed"]


def test_homes_that_come_meanwhile(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and doing."""
    (place / "people").mkdir()
    (place / "people").chmod(0o755)
    real = _shared_directories._bring_about

    def later(plan: Any) -> None:
        (place / "people" / "alice").mkdir()
        os.chown(place / "people" / "alice", 45001, 45001)
        real(plan)

    monkeypatch.setattr(_shared_directories, "_bring_about", later)
    with pytest.raises(IdentityError, match="homes"):
        settle_shared_directories([wish(place / "people")], [], False)
    assert state(place / "people") == (0o755, 0, 0)


def test_what_members_have_in_their_directory_is_theirs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays as it is, and may get another mode: nothing is opened that was not open to the same group before."""
    account(monkeypatch, str(place / "people" / "alice"))
    settle_shared_directories([wish(place / "plots")], [], False)
    (place / "plots" / "of_alice").mkdir()
    os.chown(place / "plots" / "of_alice", 45001, 4321)
    assert not settle_shared_directories([wish(place / "plots")], [], False)["changed"]
    assert settle_shared_directories([wish(place / "plots", mode="2750")], [], False)["changed"]
    assert state(place / "plots") == (0o2750, 0, 4321)
    with pytest.raises(IdentityError, match="homes"):
        settle_shared_directories([wish(place / "plots")], [], False)
    assert state(place / "plots") == (0o2750, 0, 4321)


def test_directories_of_services_are_no_homes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account(monkeypatch, str(place / "one" / "spool"), uid=990)
    (place / "one" / "spool").mkdir(parents=True)
    os.chown(place / "one" / "spool", 990, 990)
    assert settle_shared_directories([wish(place / "one")], [], False)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_a_link_is_not_followed(place: Path, check: bool) -> None:
    (place / "victim").mkdir(mode=0o700)
    (place / "one").symlink_to(place / "victim")
    with pytest.raises(IdentityError, match="is a link or a file"):
        settle_shared_directories([wish(place / "first"), wish(place / "one")], [], check)
    assert state(place / "victim") == (0o700, 0, 0)
    assert not (place / "first").exists()


def test_a_link_of_a_user_in_the_way_is_not_followed(place: Path) -> None:
    (place / "victim").mkdir(mode=0o755)
    (place / "way").symlink_to(place / "victim")
    os.lchown(place / "way", 5238, 5238)
    with pytest.raises(IdentityError, match="is a link that belongs to uid 5238"):
        settle_shared_directories([wish(place / "way" / "one")], [], False)
    assert not (place / "victim" / "one").exists()


def test_nothing_is_made_where_a_user_can_write(place: Path) -> None:
    (place / "house").mkdir()
    os.chown(place / "house", 5238, 5238)
    with pytest.raises(IdentityError, match="belongs to uid 5238"):
        settle_shared_directories([wish(place / "house" / "one")], [], False)
    with pytest.raises(IdentityError, match="belongs to uid 5238: a shared directory is root's"):
        settle_shared_directories([wish(place / "house")], [], False)
    assert state(place / "house")[1:] == (5238, 5238)


def test_a_directory_that_is_exchanged_for_a_link_meanwhile(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and doing; the second look is by descriptor."""
    (place / "victim").mkdir(mode=0o700)
    (place / "one").mkdir()
    real = _shared_directories._bring_about

    def exchanged(plan: Any) -> None:
        (place / "one").rmdir()
        (place / "one").symlink_to(place / "victim")
        real(plan)

    monkeypatch.setattr(_shared_directories, "_bring_about", exchanged)
    with pytest.raises(IdentityError, match="is a link or a file"):
        settle_shared_directories([wish(place / "one")], [], False)
    assert state(place / "victim") == (0o700, 0, 0)


@pytest.mark.parametrize(
    ("path", "mode", "says"),
    [
        ("/etc/lab", "2770", "is where the system keeps its files"),
        ("/var/lib/lab", "2770", "is where the system keeps its files"),
        ("/srv", "2770", "is not valid: write a plain absolute one"),
        ("/srv/../etc/lab", "2770", "is not valid: write a plain absolute one"),
        ("srv/lab", "2770", "is not valid: write a plain absolute one"),
        ("/srv/a\nb", "2770", "is not valid: write a plain absolute one"),
        ("/srv/lab", "2777", "is not valid: write one such as 2770"),
        ("/srv/lab", "770\n", "is not valid: write one such as 2770"),
        ("/srv/lab", "u+w", "is not valid: write one such as 2770"),
    ],
)
def test_what_makes_no_sense_is_refused(path: str, mode: str, says: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        settle_shared_directories([{"path": path, "group": "lab", "mode": mode}], [], True)
    assert says in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_a_directory_is_named_once(place: Path) -> None:
    with pytest.raises(IdentityError, match="is named twice"):
        settle_shared_directories([wish(place / "one"), wish(place / "one", mode="2750")], [], True)


def test_a_parent_that_is_not_there_is_told(place: Path) -> None:
    with pytest.raises(IdentityError, match="does not exist"):
        settle_shared_directories([wish(place / "no" / "one")], [], True)
