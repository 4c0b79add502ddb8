# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of groups are made as asked for, and nobody can lead root elsewhere."""

from __future__ import annotations

import os
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
    (place / "home").mkdir()
    os.chown(place / "home", 5238, 5238)
    with pytest.raises(IdentityError, match="belongs to uid 5238"):
        settle_shared_directories([wish(place / "home" / "one")], [], False)
    with pytest.raises(IdentityError, match="belongs to uid 5238: a shared directory is root's"):
        settle_shared_directories([wish(place / "home")], [], False)
    assert state(place / "home")[1:] == (5238, 5238)


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
