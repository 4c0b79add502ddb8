# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account that gets another name stays whose it was, and nobody gets somebody else's that way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .build import HEADER, after, fields, hers, host, is_empty, key, ours, plan_for, request
from .conftest import public_key

if TYPE_CHECKING:
    from .conftest import Host

KEYS = HEADER + key(1).encode() + b"\n"
ALICIA = {"name": "alicia", "uid": 5238, "home": "/home/alice", "gecos": "Alice", "formerly": ["ally", "alice"]}


def test_every_file_has_the_new_name_and_the_rest_stays() -> None:
    state = hers(
        group=["alice:x:5238:", "research:x:4444:bob,alice,carol"],
        gshadow=["alice:!::", "research:!:alice:bob,alice,carol"],
        shadow=["alice:*:19000::::::"],
        key_files={"alice": KEYS},
    )
    plan = plan_for(request([ALICIA]), state)
    assert [str(change) for change in plan.changes] == ["username alice -> alicia"]
    there = after(plan, state)
    assert fields(there, "passwd", "alicia") == ["alicia", "x", "5238", "5238", "Alice", "/home/alice", "/bin/bash"]
    assert fields(there, "shadow", "alicia") == ["alicia", "*", "19000", "", "", "", "", "", ""]
    assert fields(there, "group", "alicia") == ["alicia", "x", "5238", ""]
    assert fields(there, "group", "research") == ["research", "x", "4444", "bob,alicia,carol"]
    assert fields(there, "gshadow", "research") == ["research", "!", "alicia", "bob,alicia,carol"]
    assert not any(fields(there, database, "alice") for database in there.tables)
    assert plan.first_key_files == {"alicia": KEYS}
    assert plan.former_key_files == ("alice",)
    assert plan.homes == ()
    assert there.record.users == {"alicia": ours(5238)}
    # until everything is done it is known as ours under both names
    assert plan.record_first is not None
    assert set(plan.record_first.users) == {"alice", "alicia"}


def test_a_second_run_has_nothing_to_do() -> None:
    state = hers(key_files={"alice": KEYS})
    there = after(plan_for(request([ALICIA]), state), state)
    there = dataclasses.replace(there, key_files={"alicia": KEYS})
    assert is_empty(plan_for(request([ALICIA]), there))


@pytest.mark.parametrize("wanted", [{"state": "disabled"}, {"state": "absent"}, {"selected": False}])
def test_who_goes_is_renamed_first_so_that_no_account_is_forgotten(wanted: dict[str, Any]) -> None:
    state = hers(key_files={"alice": KEYS})
    plan = plan_for(request([{**ALICIA, **wanted}]), state)
    there = after(plan, state)
    assert fields(there, "passwd", "alice") is None
    gone = wanted.get("state") == "absent"
    assert (fields(there, "passwd", "alicia") is None) == gone
    assert set(there.record.users) == (set() if gone else {"alicia"})


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (hers(users={}), "uid 5238 is taken on this host by alice"),
        (hers(users={"alice": ours(5238, owner="research:other")}), "uid 5238 is taken on this host by alice"),
        (hers(users={"alice": ours(5239)}), "uid 5238 is taken on this host by alice"),
        (
            hers(passwd=["alice:x:5238:5238::/home/alice:/bin/bash", "ally:x:5555:5555::/home/x:/bin/sh"]),
            "",  # an account of a former name that is not hers is let be
        ),
        (hers(group=["alice:x:5238:", "alicia:x:4321:"]), "/etc/group has entries of both names"),
        (hers(shadow=["alice:*:19000::::::", "alicia:!:19000::::::"]), "/etc/shadow has entries of both names"),
        (hers(protected=frozenset(("root", "alice"))), "alice is the one this run is connected as"),
        (
            hers(passwd=["alice:x:5238:5238::/home/alice:/bin/bash", "alice:x:0:0::/root:/bin/bash"]),
            "malformed line of that name, or more than one",
        ),
    ],
)
def test_what_is_not_surely_the_same_account_is_not_renamed(state: Any, reason: str) -> None:
    if not reason:
        there = after(plan_for(request([ALICIA]), state), state)
        assert fields(there, "passwd", "ally") == ["ally", "x", "5555", "5555", "", "/home/x", "/bin/sh"]
        return
    with pytest.raises(IdentityError, match=reason):
        plan_for(request([ALICIA]), state)


def test_a_private_group_that_is_not_hers_keeps_its_name() -> None:
    state = hers(
        passwd=["alice:x:5238:4444::/home/alice:/bin/bash"], group=["alice:x:4001:", "research:x:4444:"],
        gshadow=["alice:!::", "research:!::"], groups={"research": ours(4444)},
    )  # fmt: skip
    wanted = request([{**ALICIA, "gid": 4444, "group": "research"}], [{"name": "research", "gid": 4444}])
    there = after(plan_for(wanted, state), state)
    assert fields(there, "group", "alice") == ["alice", "x", "4001", ""]
    assert fields(there, "gshadow", "alice") == ["alice", "!", "", ""]
    assert fields(there, "passwd", "alicia") is not None


STRANGE = HEADER + key(9).encode() + b"\n"


@pytest.mark.parametrize("order", [("alice", "alicia"), ("alicia", "alice")])
@pytest.mark.parametrize("keys", [{}, {"keys": [key(1)]}])
def test_a_key_file_that_lies_under_the_new_name_opens_nothing(order: tuple[str, str], keys: dict[str, Any]) -> None:
    files = {"alice": KEYS, "alicia": STRANGE}
    plan = plan_for(request([{**ALICIA, **keys}]), hers(key_files={name: files[name] for name in order}))
    assert plan.first_key_files == {"alicia": KEYS}
    alone = plan_for(request([ALICIA]), hers(key_files={"alicia": STRANGE}))
    assert (alone.first_key_files, alone.key_files) == ({}, {"alicia": b""})
    assert "key file of that name not theirs -> absent" in map(str, alone.changes)


@pytest.mark.parametrize("groups", [{}, {"groups": []}])
def test_groups_that_list_the_new_name_already_mean_somebody_else(groups: dict[str, Any]) -> None:
    state = hers(
        group=["alice:x:5238:", "wheel:x:998:root,alicia"], gshadow=["alice:!::", "wheel:!:alicia:alicia,root"]
    )
    plan = plan_for(request([{**ALICIA, **groups}]), state)
    there = after(plan, state)
    assert fields(there, "group", "wheel") == ["wheel", "x", "998", "root"]
    assert fields(there, "gshadow", "wheel") == ["wheel", "!", "", "root"]
    assert plan.warnings == ("alicia: taken out of wheel, where the name stood before the account had it",)


@pytest.mark.parametrize("wanted", [{"state": "disabled"}, {"state": "disabled", "adopt": True}, {"state": "absent"}])
@pytest.mark.parametrize("users", [{}, {"alice": ours(5238, owner="research:other")}])
def test_nobody_stays_in_because_the_host_has_the_account_under_a_former_name(
    wanted: dict[str, Any], users: dict[str, Any]
) -> None:
    with pytest.raises(IdentityError, match="alicia: it is alice on this host, with its number"):
        plan_for(request([{**ALICIA, "keys": [], **wanted}]), hers(users=users, key_files={"alice": KEYS}))


def test_a_former_name_is_nobody_elses() -> None:
    with pytest.raises(IdentityError, match="its former name bob is another user's"):
        request([{**ALICIA, "formerly": ["bob"]}, {"name": "bob", "uid": 5831}])
    with pytest.raises(IdentityError, match="formerly must be a list"):
        request([{**ALICIA, "formerly": "alice"}])


def test_what_a_killed_run_left_in_the_record_goes() -> None:
    state = hers(
        passwd=["alicia:x:5238:5238:Alice:/home/alice:/bin/bash"], group=["alicia:x:5238:"],
        shadow=["alicia:*:19000::::::"], gshadow=["alicia:!::"],
        users={"alice": ours(5238), "alicia": ours(5238)},
    )  # fmt: skip
    plan = plan_for(request([ALICIA]), state)
    assert [str(change) for change in plan.changes] == ["former name in the record alice -> (none)"]
    there = after(plan, state)
    assert set(there.record.users) == {"alicia"}
    assert is_empty(plan_for(request([ALICIA]), there))


def test_nobody_is_renamed_onto_a_name_that_has_an_account() -> None:
    state = host(
        passwd=["alice:x:5238:5238::/home/alice:/bin/bash", "alicia:x:5300:5300::/home/alicia:/bin/bash"],
        group=["alice:x:5238:", "alicia:x:5300:"],
        users={"alice": ours(5238), "alicia": ours(5300)},
    )
    with pytest.raises(IdentityError, match="alicia: it has uid 5300 on this host and should have 5238"):
        plan_for(request([ALICIA]), state)


@pytest.mark.parametrize("keys", [None, [public_key(2)], []])
def test_on_a_host_the_account_moves_with_its_keys_and_its_home(host: Host, keys: list[str] | None) -> None:
    alice = host.user("alice", 5238, groups=["research"], keys=[public_key(1)])
    bob = host.user("bob", 5831, groups=["research"], keys=[public_key(3)])
    groups = [{"name": "research", "gid": 4444}]
    host.run([alice, bob], groups=groups)
    alicia = {**alice, "name": "alicia", "formerly": ["alice"], "keys": keys}
    predicted = host.run([alicia, bob], check=True, groups=groups)
    done = host.run([alicia, bob], groups=groups)
    assert {**predicted, "warnings": []} == {**done, "warnings": []}
    assert done["receipt"]["changed"]["alicia"][0] == "username alice -> alicia"
    assert host.entry("passwd", "alicia") == ["alicia", "x", "5238", "5238", "", str(host.home / "alice"), "/bin/sh"]
    assert host.entry("group", "research") == ["research", "x", "4444", "alicia,bob"]
    assert [host.entry(database, "alice") for database in ("passwd", "shadow", "group", "gshadow")] == [None] * 4
    has = {path.name for path in host.keys.iterdir()}
    assert has == ({"bob"} if keys == [] else {"alicia", "bob"})
    if keys != []:
        assert (keys or [public_key(1)])[0] in (host.keys / "alicia").read_text()
    assert not host.run([alicia, bob], groups=groups)["changed"]
