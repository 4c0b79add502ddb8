# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in git: branches of two people, merged by git itself."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Stamp
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import STAMP, wanted

if TYPE_CHECKING:
    from pathlib import Path

# both have 5238 as their first choice in the profile lab
TWINS = ("x1178", "x1337")
GIT_ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "sam",
    "GIT_AUTHOR_EMAIL": "sam@example.org",
    "GIT_COMMITTER_NAME": "sam",
    "GIT_COMMITTER_EMAIL": "sam@example.org",
}


class Clone:
    """A repository with a ledger, and what people do in it."""

    def __init__(self, directory: Path, attributes: str) -> None:
        self.directory = directory
        self.ledger = directory / "ledger.jsonl"
        self.git("init", "-q", "-b", "main")
        (directory / ".gitattributes").write_text(attributes)
        (directory / ".gitignore").write_text("*.lock\n")
        self.commit("begin")

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.directory, env=GIT_ENVIRONMENT, check=check, capture_output=True, text=True
        )

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def issue(self, *names: str, profile: str = "lab", by: str = "sam@controller") -> dict[str, int]:
        stamp = Stamp(STAMP.at, by, "")
        # every branch is somebody else's, on a machine that has not seen what the others wrote
        self.ledger.with_name("ledger.jsonl.lock").unlink(missing_ok=True)
        settled = settle(
            open_store(f"file:{self.ledger}"), lambda known: allocate(known, wanted(names, name=profile), stamp), True
        )
        self.commit(f"issue {names}")
        return dict(settled.decision.uids)

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "-q", "-b", name, start)

    def merge(self, *names: str) -> bool:
        return self.git("merge", "-q", "-m", "merge", *names, check=False).returncode == 0

    def uids(self) -> dict[str, int]:
        known = open_store(f"file:{self.ledger}").load()
        assert known is not None
        return {issued.username: issued.uid for kept in known.profiles.values() for issued in kept.by_username.values()}

    def refusal(self) -> str:
        with pytest.raises(IdentityError) as caught:
            self.uids()
        return str(caught.value)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path, "ledger.jsonl text eol=lf merge=union\n")


def test_two_people_who_each_added_somebody_merge_without_a_conflict(clone: Clone) -> None:
    before = clone.issue("alice", "bob")
    clone.branch("one")
    one = clone.issue("carol", "dave")
    clone.branch("two", "main")
    two = clone.issue("eve", by="kim@laptop")
    assert clone.merge("one")
    assert clone.uids() == {**before, **one, **two}
    # the next run leaves one closing line, and every number as it was
    after = clone.issue("frank")
    assert clone.ledger.read_text().count('"kind": "end"') == 1
    assert clone.uids() == {**before, **one, **two, **after}


def test_branches_that_go_on_and_merge_again_and_again(clone: Clone) -> None:
    expected = clone.issue("alice")
    for turn in range(4):
        clone.branch(f"one{turn}")
        expected.update(clone.issue(f"carol{turn}", f"dave{turn}"))
        clone.branch(f"two{turn}", "main")
        expected.update(clone.issue(f"eve{turn}", by="kim@laptop"))
        clone.branch(f"three{turn}", "main")
        expected.update(clone.issue(f"frank{turn}", by="ada@laptop"))
        clone.git("checkout", "-q", "main")
        assert clone.merge(f"one{turn}")
        assert clone.merge(f"two{turn}")
        assert clone.merge(f"three{turn}")
        assert clone.uids() == expected


def test_both_branches_began_the_ledger_and_added_the_same_person(clone: Clone) -> None:
    clone.branch("one")
    one = clone.issue("alice", "bob")
    clone.git("checkout", "-q", "main")
    clone.git("clean", "-qfdx")
    clone.branch("two")
    two = clone.issue("alice", "carol", by="kim@laptop")
    assert clone.merge("one")
    assert clone.uids() == {**one, **two}


def test_one_number_for_two_people_is_refused_and_the_way_out_works(clone: Clone) -> None:
    clone.issue("alice")
    clone.branch("one")
    one = clone.issue(TWINS[0])
    clone.branch("two", "main")
    two = clone.issue(TWINS[1], by="kim@laptop")
    assert list(one.values()) == list(two.values())
    assert clone.merge("one")
    message = clone.refusal()
    lines = clone.ledger.read_text().splitlines()
    numbers = sorted(index for index, line in enumerate(lines, start=1) if any(twin in line for twin in TWINS))
    assert f"lines {numbers[0]} and {numbers[1]} issue {one[TWINS[0]]} twice" in message
    assert TWINS[0] in message
    assert TWINS[1] in message
    kept = [line for line in lines if TWINS[1] not in line]
    clone.ledger.write_text("".join(f"{line}\n" for line in kept))
    assert clone.issue("alice", *TWINS) == {"alice": 5361, TWINS[0]: one[TWINS[0]], TWINS[1]: one[TWINS[0]] + 1}


def test_one_person_with_two_numbers_is_refused(clone: Clone) -> None:
    clone.branch("one")
    clone.issue(TWINS[0])
    clone.issue(TWINS[1])
    clone.git("checkout", "-q", "main")
    clone.git("clean", "-qfdx")
    clone.branch("two")
    clone.issue(TWINS[1], by="kim@laptop")
    assert clone.merge("one")
    assert "twice" in clone.refusal()


def test_two_new_profiles_in_one_band_are_refused(clone: Clone) -> None:
    clone.issue("alice")
    clone.branch("one")
    clone.issue("bob", profile="left")
    clone.branch("two", "main")
    clone.issue("bob", profile="right")
    assert clone.merge("one")
    assert "overlap: 6000-6999 is the UID band of the profile" in clone.refusal()


def test_without_the_attribute_git_stops_and_so_does_the_ledger(tmp_path: Path) -> None:
    clone = Clone(tmp_path, "")
    clone.issue("alice")
    clone.branch("one")
    one = clone.issue("carol")
    clone.branch("two", "main")
    two = clone.issue("eve")
    assert not clone.merge("one")
    message = clone.refusal()
    assert "is a conflict marker of git: keep the lines of both sides" in message
    lines = clone.ledger.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("<<<<<<<", "=======", ">>>>>>>"))]
    clone.ledger.write_text("".join(f"{line}\n" for line in kept))
    assert clone.uids() == {"alice": 5361, **one, **two}


def test_a_rebase_is_as_good_as_a_merge(clone: Clone) -> None:
    before = clone.issue("alice")
    clone.branch("one")
    one = clone.issue("carol")
    one.update(clone.issue("dave"))
    clone.branch("two", "main")
    two = clone.issue("eve")
    two.update(clone.issue("frank"))
    clone.git("rebase", "-q", "one")
    assert clone.uids() == {**before, **one, **two}
