# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who accepted becomes a roster entry, and who may not accept is told why."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._accepting import (
    check_key,
    chosen_username,
    needs_identity,
)
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._roster_entries import (
    enter,
    entry_of,
    roster_path,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import line

if TYPE_CHECKING:
    from pathlib import Path

ROLES = {
    "guest": {},
    "member": {"groups": ["genomics"], "shell": "/bin/zsh", "limits": {"cores": 4, "memory": "8G"}},
}


@pytest.mark.parametrize(
    ("offered", "entry"),
    [
        ({}, {"groups": []}),
        ({"role": "guest"}, {"groups": []}),
        ({"groups": ["b", "a"]}, {"groups": ["a", "b"]}),
        ({"access_until": "2027-01-31"}, {"groups": [], "expires": "2027-01-31"}),
        (
            {"role": "member", "groups": ["a"], "shell": "/bin/sh", "quota": {"cores": 1}},
            {"groups": ["a", "genomics"], "shell": "/bin/sh", "limits": {"cores": 1, "memory": "8G"}},
        ),
    ],
)
def test_an_entry_says_what_is_offered_and_what_the_role_brings(offered: dict[str, Any], entry: dict[str, Any]) -> None:
    assert entry_of("heidi", "invitation:x", offered, ROLES, "Heidi") == {
        "username": "heidi",
        "subject": "invitation:x",
        "gecos": "Heidi",
        **entry,
    }


@pytest.mark.parametrize(
    ("offered", "roles", "gecos", "refusal"),
    [
        ({"role": "member"}, {"member": {"sudo": ["ALL"]}}, "", "may bring groups, shell, limits, environment, umask"),
        ({"role": "member"}, {"member": {"uid": 0}}, "", "The role member is to bring uid"),
        ({"role": "member"}, {"member": ["ALL"]}, "", "The role member is to bring a mapping"),
        ({"role": "guest"}, {"member": {"shell": "/sbin/nologin"}}, "", "say what guest brings in invitation_roles"),
        ({}, {"admin": {}}, "", "There is no role admin: the roles are guest, member, manager, lead"),
        ({}, {}, "Heidi:0:0", "holds a colon"),
        ({}, {}, "Heidi\nroot", "not one line"),
        ({}, {}, "Heidi,,,,pri=-20", "holds ="),
        ({}, {}, "UMASK=0", "holds ="),
        ({"role": "member"}, {"member": {"groups": "genomics"}}, "", "write groups as a list such as [genomics]"),
        ({"role": "member"}, {"member": {"groups": [["genomics"]]}}, "", "write groups as a list"),
        ({"role": "guest"}, {"guest": {}, "member": {"limits": "4G"}}, "", "and limits as a mapping"),
        ({"role": "member"}, {"member": {1: 1, "sudo": []}}, "", "The role member is to bring 1, sudo"),
        ({"groups": [f"group{number}" for number in range(17)]}, {}, "", "NFS heeds 16 at most"),
        ({"groups": ["sudo"]}, {}, "", "sudo"),
    ],
)
def test_what_no_entry_may_say_is_refused(
    offered: dict[str, Any], roles: dict[str, Any], gecos: str, refusal: str
) -> None:
    with pytest.raises(IdentityError) as caught:
        entry_of("heidi", "invitation:x", offered, roles, gecos)
    assert refusal in str(caught.value).replace("'", "")


def test_what_is_empty_of_a_role_brings_nothing() -> None:
    roles = {"member": {"groups": None, "limits": None, "shell": None}}
    assert entry_of("heidi", "x", {"role": "member", "groups": ["a"], "quota": {"cores": 1}}, roles, "") == {
        "username": "heidi",
        "subject": "x",
        "groups": ["a"],
        "limits": {"cores": 1},
    }


def test_entries_stand_together_and_what_people_changed_stays(tmp_path: Path) -> None:
    path = roster_path(str(tmp_path / "invited.json"))
    one = entry_of("zoe", "z", {}, {}, "")
    assert enter(path, one, 5, write=False)[0]
    assert os.listdir(tmp_path) == []
    assert enter(path, one, 5, write=True)[0]
    assert enter(path, entry_of("adam", "a", {"groups": ["a"]}, {}, ""), 5, write=True)[0]
    assert enter(path, one, 5, write=True)[0] is False
    entries = json.loads((tmp_path / "invited.json").read_text())
    assert [entry["username"] for entry in entries] == ["adam", "zoe"]
    assert (tmp_path / "invited.json").stat().st_mode & 0o777 == 0o640
    entries[1]["state"] = "absent"
    (tmp_path / "invited.json").write_text(json.dumps(entries))
    assert enter(path, one, 5, write=True)[0] is False
    assert json.loads((tmp_path / "invited.json").read_text()) == entries


def test_many_who_accept_at_once_are_all_entered(tmp_path: Path) -> None:
    path = str(tmp_path / "invited.json")
    people = [entry_of(f"user{number}", f"s{number}", {}, {}, "") for number in range(24)]
    threads = [threading.Thread(target=enter, args=(path, person, 30, True)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((tmp_path / "invited.json").read_text())) == 24


@pytest.mark.parametrize("name", ["invited.yml", ".invited.json", "invited"])
def test_the_roster_of_programs_is_a_json_file_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(IdentityError, match=r"does not end in \.json"):
        roster_path(str(tmp_path / name))


@pytest.mark.parametrize("text", ["{}", "not json: [", '[{"username": "root"}]', "[1]"])
def test_a_file_that_is_no_roster_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "invited.json").write_text(text)
    with pytest.raises(IdentityError):
        enter(str(tmp_path / "invited.json"), {"username": "heidi"}, 5, write=True)
    assert (tmp_path / "invited.json").read_text() == text


def test_a_link_in_place_of_the_roster_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("[]")
    (tmp_path / "invited.json").symlink_to(tmp_path / "victim")
    with pytest.raises((IdentityError, OSError)):
        enter(str(tmp_path / "invited.json"), {"username": "heidi"}, 5, write=True)
    assert (tmp_path / "victim").read_text() == "[]"


def test_the_username_is_the_proposed_one_or_where_allowed_a_chosen_one() -> None:
    assert chosen_username({"username": "heidi"}, "") == "heidi"
    assert chosen_username({"username": "heidi"}, "hk") == "hk"
    assert chosen_username({"username": "heidi", "username_fixed": True}, "heidi") == "heidi"
    for offered, wanted, refusal in (
        ({"username": "heidi", "username_fixed": True}, "alice", "is for the username heidi and for no other"),
        ({}, "", "proposes no username"),
        ({}, "root", "root"),
        ({}, "../x", "x"),
    ):
        with pytest.raises(IdentityError, match=refusal):
            chosen_username(offered, wanted)


def test_a_bound_invitation_wants_its_key() -> None:
    bound, other = parse_key_entry(line(1)), parse_key_entry(line(2))
    check_key({}, other)
    check_key({"cnf": {"jkt": bound.key.fingerprint}}, bound)
    with pytest.raises(IdentityError, match="can be accepted with the key SHA256:"):
        check_key({"cnf": {"jkt": bound.key.fingerprint}}, other)


def test_it_is_known_when_somebody_has_to_say_who_they_are() -> None:
    assert needs_identity({"username": "heidi", "orcid": "", "institutions": []}) == []
    assert needs_identity({"orcid": "0000-0002-1825-0097", "idp": "x"}) == ["orcid", "idp"]
