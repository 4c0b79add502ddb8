# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lookup says; that Ansible finds it is tested with the action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.lookup.identity import identities
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written, format_ledger
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import AT, BY, profile, user

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(format_ledger(Written(), [profile(), user("alice", 5361, "a@x"), user("bob", 5587)]))
    return f"file:{path}"


def test_people_are_found_in_the_order_asked_for(ledger: str) -> None:
    bob, alice = identities(ledger, "lab", ["bob", "alice"])
    assert alice == {
        "username": "alice",
        "uid": 5361,
        "gid": 5361,
        "subject": "a@x",
        "profile": "lab",
        "state": "active",
        "issued_at": AT,
        "issued_by": BY,
        "upstreams": [],
        "uuid": "",
    }
    assert bob["uid"] == 5587
    assert identities(ledger, "lab", []) == []


@pytest.mark.parametrize(
    ("profile_id", "username", "reason"),
    [
        ("lab", "mallory", "has no number for 'mallory' in the profile lab"),
        ("lab", "Alice", "did you mean 'alice'"),
        ("other", "alice", "has no profile 'other' .it has: lab"),
        ("a:b", "alice", "profile id 'a:b' is not valid"),
    ],
)
def test_who_is_unknown_is_an_error(ledger: str, profile_id: str, username: str, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        identities(ledger, profile_id, [username])


def test_a_missing_or_broken_ledger_is_an_error_and_is_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(IdentityError, match="There is no ledger file:"):
        identities(f"file:{path}", "lab", ["alice"])
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(IdentityError, match="it is empty"):
        identities(f"file:{path}", "lab", ["alice"])
