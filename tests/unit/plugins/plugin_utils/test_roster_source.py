# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roster that is data, a file, or a directory of files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.plugin_utils._roster_source import RosterSource

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz"


@pytest.fixture
def rosters(tmp_path: Path) -> Path:
    (tmp_path / "people.yml").write_text("# by hand\n- username: alice\n- {username: bob, groups: [genomics]}\n")
    (tmp_path / "invited.json").write_text(json.dumps([{"username": "carol", "keys": [KEY]}]))
    (tmp_path / "notes.txt").write_text("nobody")
    (tmp_path / ".people.yml.swp").write_text("nobody")
    (tmp_path / ".old.yml").write_text("- username: nobody1\n")
    return tmp_path


def names(given: object) -> list[str]:
    return [entry.username for entry in RosterSource(given).read(DataLoader()).entries]


def test_a_directory_is_the_rosters_in_it_in_the_order_of_their_names(rosters: Path) -> None:
    assert names(str(rosters)) == ["carol", "alice", "bob"]
    assert names(str(rosters / "people.yml")) == ["alice", "bob"]
    assert names([{"username": "dora"}]) == ["dora"]


@pytest.mark.parametrize(
    ("people", "refusal"),
    [
        ([{"username": "alice"}], "entry 1 of people.yml ('alice'): entry 1 of invited.json has this username already"),
        ([{"username": "al", "subject": "bob"}], "entry 1 of invited.json is the same person (subject 'bob')"),
        ([{"username": "genomics"}], "entry 1 of invited.json ('genomics'): entry 2 of people.yml names a shared"),
        ([{"username": "x", "uid": 0}], "entry 1 of invited.json ('x'): it sets uid"),
        ({"people": []}, "Of invited.json: The roster is a mapping"),
    ],
)
def test_nobody_is_in_two_of_them(rosters: Path, people: object, refusal: str) -> None:
    (rosters / "invited.json").write_text(json.dumps(people))
    with pytest.raises(IdentityError) as caught:
        names(str(rosters))
    assert refusal in str(caught.value)


def test_one_key_opens_one_account_whichever_file_it_is_in(rosters: Path) -> None:
    (rosters / "people.yml").write_text(f"- {{username: alice, keys: ['{KEY}']}}\n")
    with pytest.raises(IdentityError, match=r"entry 1 of people.yml .*entry 1 of invited.json has the same SSH key"):
        names(str(rosters))


def test_a_directory_without_rosters_is_not_nobody(tmp_path: Path) -> None:
    (tmp_path / ".hidden.yml").write_text("[]")
    with pytest.raises(IdentityError, match=r"is a directory without a file that ends in \.json, \.yaml, \.yml"):
        RosterSource(str(tmp_path))
    with pytest.raises(IdentityError, match="is not a file: correct the path"):
        RosterSource(str(tmp_path / "none"))


def test_the_mark_changes_with_every_file(rosters: Path) -> None:
    marks = [RosterSource(str(rosters)).mark]
    (rosters / "people.yml").write_text("- username: alice\n")
    marks.append(RosterSource(str(rosters)).mark)
    (rosters / "more.yml").write_text("[]")
    marks.append(RosterSource(str(rosters)).mark)
    assert len({json.dumps(mark) for mark in marks}) == 3
