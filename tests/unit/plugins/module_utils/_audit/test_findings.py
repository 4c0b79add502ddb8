# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of finding: a fleet that has it, and the same fleet without."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._audit._access import access
from ansible_collections.labfleet.identity.plugins.module_utils._audit._answers import parse_answers
from ansible_collections.labfleet.identity.plugins.module_utils._audit._audit_table import audit_table
from ansible_collections.labfleet.identity.plugins.module_utils._audit._finding import KINDS
from ansible_collections.labfleet.identity.plugins.module_utils._audit._findings import find, sort_out
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._audit.fleet import (
    ALICE_KEY,
    BOB_KEY,
    REVOKED_KEY,
    ROSTER,
    STRANGER_KEY,
    WAYS,
    account,
    alice,
    audit,
    bob,
    expected,
    host,
    key_file,
    local,
    told,
)

CLOSED: dict[str, Any] = {"expired": True, "managed": {"owner": "research:lab", "number": 5404, "state": "disabled"}}
SUDO = {"what": "ALL=(ALL) ALL", "file": "/etc/sudoers.d/x", "ours": False, "password": True}
STRANGERS = {"kind": "uid", "count": 3, "examples": ["/srv/a"]}
OPEN_HOMES = {**WAYS, "home_keys": [".ssh/authorized_keys"]}


def home(**more: Any) -> dict[str, Any]:
    return {"kind": "directory", "uid": 5238, "gid": 5238, "mode": "0700", **more}


def home_keys(*lines: str) -> dict[str, Any]:
    return home(key_files=[{"file": ".ssh/authorized_keys", **key_file(*lines)}])


def with_home_key(line: str, sshd: dict[str, Any]) -> dict[str, Any]:
    return alice(home_state=home_keys(line), sshd=sshd)


def files(number: int, kind: str = "uid") -> list[dict[str, Any]]:
    return [{"root": "/srv", "seen": 9, "numbers": [{**STRANGERS, "number": number, "kind": kind}]}]


def groups(*more: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"name": name, "gid": gid} for name, gid in (("research", 4100), ("imaging", 4200), *more)]


def test_nothing_is_found_where_everything_is_as_it_should_be() -> None:
    """Pain 12: a fleet that a run would leave alone has no findings."""
    assert told(alice(), bob(), local()) == []
    assert told(alice(), bob(), account("carol", 5404, groups=(), **CLOSED)) == []
    # what the distribution made is its own
    assert told(alice(), bob(), local("daemon", 1), local("man", 6, groups=("docker",))) == []


# what is found, the accounts beside alice and bob, and what else the host says
CASES: list[tuple[list[str], list[dict[str, Any]], dict[str, Any]]] = [
    (["high unknown_account eve"], [local("eve", 5900)], {}),
    (["medium unknown_account eve"], [local("eve", 5017)], {}),
    (["high number_of_somebody_else eve"], [local("eve", 4200)], {}),
    (
        ["critical number_of_somebody_else eve", "high duplicate_uid eve"],
        [local("eve", 5238)],
        {},
    ),
    (["critical number_of_somebody_else eve"], [local("eve", 5404)], {}),
    ([], [local("eve", 1001)], {}),  # what somebody had elsewhere, outside of every band
    (["high duplicate_uid two"], [local("one", 1500), local("two", 1500)], {}),
    (["critical privileged toor"], [local("toor", 0)], {}),
    (["low privileged admin"], [local("admin", 1000, groups=("sudo",))], {}),
    ([], [local("admin", 1000, groups=("sudo",))], {"connecting": ["admin"]}),
    (["low privileged admin"], [local()], {"sudo": [{**SUDO, "who": ["admin"]}]}),
    (["high privileged alice"], [], {"sudo": [{**SUDO, "who": ["alice"]}]}),
    (["high privileged alice"], [], {"sudo": [{**SUDO, "who": ["#5238"]}]}),
    (["high privileged alice"], [], {"sudo": [{**SUDO, "who": ["%alice"]}]}),
    (["critical privileged ALL"], [], {"sudo": [{**SUDO, "who": ["ALL"]}]}),
    (["high privileged %research"], [], {"sudo": [{**SUDO, "who": ["%research"]}]}),
    (["high privileged %#4100"], [], {"sudo": [{**SUDO, "who": ["%#4100"]}]}),
    ([], [], {"sudo": [{**SUDO, "who": ["%research"], "ours": True}]}),
    (["critical password_set guest"], [local("guest", 1500, password="empty")], {}),
    ([], [local("guest", 1500, password="set")], {}),
    ([], [local("guest", 1500, password="empty", expired=True)], {}),
    (["critical retired_or_disabled_can_enter carol"], [account("carol", 5404, STRANGER_KEY)], {}),
    (
        ["critical retired_or_disabled_can_enter carol", "high unregistered_key carol"],
        [account("carol", 5404, ALICE_KEY)],
        {},
    ),
    (["medium retired_or_disabled_can_enter carol"], [account("carol", 5404)], {}),
    (["high retired_or_disabled_can_enter carol"], [account("carol", 5404, **{**CLOSED, "processes": 2})], {}),
    (["high retired_or_disabled_can_enter carol"], [account("carol", 5404, **{**CLOSED, "crontab": True})], {}),
    (
        ["critical retired_or_disabled_can_enter rita", "medium password_set rita"],
        [account("rita", 5500, groups=(), password="set")],
        {},
    ),
    (["critical retired_or_disabled_can_enter dina"], [account("dina", 5501, STRANGER_KEY, groups=())], {}),
    (["medium extra_account zoe"], [account("zoe", 1500, groups=())], {}),
    (["medium unregistered_key ghost"], [], {"key_files_of_nobody": [{"name": "ghost", **key_file(STRANGER_KEY)}]}),
    (["medium revoked_key_present ghost"], [], {"key_files_of_nobody": [{"name": "ghost", **key_file(REVOKED_KEY)}]}),
    (["low unregistered_key admin"], [local("admin", 1000, key_file=key_file(STRANGER_KEY))], {}),
    ([], [local("admin", 1000, home_state=home_keys(STRANGER_KEY))], {}),
    (["low revoked_key_present admin"], [local("admin", 1000, home_state=home_keys(REVOKED_KEY))], {}),
    (["medium unowned_files"], [], {"files": files(7777)}),
    (["medium unowned_files"], [], {"files": files(5950)}),
    (["low unowned_files"], [], {"files": files(5500)}),
    (["medium unowned_files"], [], {"files": files(7777, "gid")}),
    (["medium not_looked_at"], [], {"gaps": ["a home did not answer"]}),
    (["medium unknown_account %ours"], [], {"groups": groups(("ours", 4300))}),
    (["medium unknown_account %ours"], [], {"groups": groups(("ours", 4017), ("ours2", 44))}),
    (["high wrong_number %imaging"], [], {"groups": [{"name": "imaging", "gid": 1700}]}),
    (
        ["medium record_disagrees gone"],
        [],
        {"recorded": [{"name": "gone", "number": 5999, "owner": "research:lab", "state": "present"}]},
    ),
    (
        ["medium record_disagrees alice"],
        [],
        {"recorded": [{"name": "alice", "number": 5999, "owner": "research:lab", "state": "present"}]},
    ),
    (
        ["medium record_disagrees alice"],
        [],
        {"recorded": [{"name": "alice", "number": 5238, "owner": "research:lab", "state": "disabled"}]},
    ),
]


@pytest.mark.parametrize(("found", "accounts", "more"), CASES)
def test_what_is_on_a_host_beside_what_should_be(
    found: list[str], accounts: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    assert told(alice(), bob(), *accounts, **more) == found


# what is found about alice when her account is so
CASES_OF_ALICE: list[tuple[list[str], dict[str, Any]]] = [
    (["medium extra_groups alice"], alice(groups=("imaging", "research", "other"))),
    (["low extra_groups alice"], alice(groups=("imaging", "research", "video"))),
    (["low extra_groups alice"], alice(groups=("research",))),
    (["high privileged alice"], alice(groups=("imaging", "research", "sudo"))),
    (["high privileged alice"], alice(groups=("imaging", "research", "docker"))),
    (["high unregistered_key alice"], alice(key_file=key_file(ALICE_KEY, STRANGER_KEY))),
    (["high unregistered_key alice"], alice(key_file=key_file(ALICE_KEY, BOB_KEY))),
    (["high revoked_key_present alice"], alice(key_file=key_file(ALICE_KEY, REVOKED_KEY))),
    (["low missing_key alice"], alice(key_file=None)),
    (["high key_file_open alice"], alice(key_file=key_file(ALICE_KEY, writable_by="uid 5238, mode 0644"))),
    (["low key_in_home alice"], with_home_key(STRANGER_KEY, WAYS)),
    (["high key_in_home alice"], with_home_key(STRANGER_KEY, OPEN_HOMES)),
    ([], with_home_key(ALICE_KEY, OPEN_HOMES)),
    (["low revoked_key_present alice"], with_home_key(REVOKED_KEY, WAYS)),
    (["high revoked_key_present alice"], with_home_key(REVOKED_KEY, OPEN_HOMES)),
    (["medium password_set alice"], alice(password="set")),
    (["high password_set alice"], alice(password="set", sshd={**WAYS, "passwords": True})),
    ([], alice(password="locked")),
    (["high home_owner alice"], alice(home_state=home(uid=5831))),
    (["medium home_owner alice"], alice(home_state=home(mode="0770"))),
    ([], alice(home_state=home(mode="0755"))),
    (["medium home_owner alice"], alice(home_state={"kind": "link", "uid": 0, "mode": "0777"})),
    (["low home_owner alice"], alice(home_state={"kind": "missing"})),
    ([], alice(home_state={"kind": "remote"})),
]


@pytest.mark.parametrize(("found", "hers"), CASES_OF_ALICE)
def test_what_is_wrong_with_an_account(found: list[str], hers: dict[str, Any]) -> None:
    """Pain 11: groups and power that nobody gave are seen."""
    more: dict[str, Any] = {"groups": groups(("other", 4300), ("sudo", 27), ("docker", 999), ("video", 44))}
    beside = ["medium unknown_account %other"]
    assert [one for one in told(hers, bob(), **more) if one not in beside] == found


def test_a_group_with_the_number_of_one_that_makes_root_makes_root() -> None:
    hers = alice(groups=("imaging", "research", "helpers"))
    more = {"groups": groups(("sudo", 27), ("helpers", 27))}
    assert "high privileged alice" in told(hers, bob(), **more)


def test_numbers_that_differ_between_hosts() -> None:
    """Pain 5: whoever has another number than the ledger gave is seen, wherever it is."""
    hosts = {"gpu1": host(alice(), bob()), "gpu2": host(account("alice", 1500, ALICE_KEY, managed=None), bob())}
    found = [(one.host, one.account, one.kind) for one in audit(hosts)]
    assert ("gpu2", "alice", "wrong_number") in found
    assert not [one for one in found if one[0] == "gpu1"]


def test_who_left_the_roster_is_an_extra_account_and_who_came_is_missing() -> None:
    """Pain 2: whoever was dropped from the list stays visible."""
    gina = {"username": "gina"}
    assert told(alice(), bob(), roster=[ROSTER[0], gina]) == ["medium extra_account bob", "medium missing_account gina"]
    assert told(alice(), bob(), roster=[*ROSTER[:1], {"username": "bob", "state": "absent"}])[1:] == [
        "medium extra_account bob"
    ]


def test_whoever_is_not_selected_is_extra_but_no_stranger() -> None:
    hosts = {"gpu1": host(alice(), bob())}
    assert [one.kind for one in audit(hosts, select=["alice"])] == ["extra_account"]
    assert audit({"gpu1": host(alice())}, select=["alice"]) == ()


def test_what_the_roster_wants_is_no_finding() -> None:
    system = [{"name": "rstudio", "uid": 1001, "keys": [STRANGER_KEY]}]
    hosts = {"gpu1": host(alice(), bob(), local("rstudio", 1001, key_file=key_file(STRANGER_KEY)))}
    assert audit(hosts, system_users=system) == ()
    assert [one.kind for one in audit(hosts)] == ["unregistered_key"]


def test_power_that_was_given_is_no_finding_and_other_power_is() -> None:
    """Pain 11: a rule of sudo that is wanted does not hide a group that is not."""
    rule = {**SUDO, "who": ["alice"], "ours": True}
    hosts = {"gpu1": host(alice(password="set"), bob(), sudo=[rule])}
    given: dict[str, Any] = {"sudo": frozenset({"alice"}), "passwords": frozenset({"alice"})}
    assert audit(hosts, **given) == ()
    assert [one.kind for one in audit(hosts)] == ["privileged", "password_set"]
    hosts = {"gpu1": host(alice(groups=("imaging", "research", "docker")), bob(), sudo=[rule])}
    assert [one.kind for one in audit(hosts, **given)] == ["privileged"]
    hosts = {"gpu1": host(alice(), bob(), sudo=[{**rule, "ours": False}])}
    assert [one.kind for one in audit(hosts, **given)] == ["privileged"]
    system = [{"name": "shiny", "uid": 1100, "groups": ["docker"], "sudo": ["x"]}]
    hosts = {"gpu1": host(alice(), bob(), local("shiny", 1100, groups=("docker",)), sudo=[{**rule, "who": ["shiny"]}])}
    assert audit(hosts, system_users=system) == ()


def test_a_host_that_did_not_answer_is_named() -> None:
    hosts = {"a": host(alice(), bob()), "b": {"unreachable": True}, "c": {}, "d": {"failed": True, "msg": "no \x1b[2J"}}
    found = audit(hosts)
    assert [(one.host, one.kind, one.severity) for one in found] == [(name, "not_looked_at", "high") for name in "bcd"]
    assert "\x1b" not in found[-1].text


def test_every_kind_has_a_case() -> None:
    every = [told(alice(), bob(), *accounts, **more) for _found, accounts, more in CASES]
    every += [told(hers, bob()) for _found, hers in CASES_OF_ALICE]
    seen = {line.split()[1] for lines in every for line in lines}
    elsewhere = {"missing_account", "wrong_number"}  # in tests of their own
    assert seen | elsewhere == set(KINDS)


def test_the_order_of_hosts_and_accounts_does_not_matter() -> None:
    accounts = [
        alice(password="set"),
        bob(),
        local("eve", 5238),
        local("toor", 0),
        account("rita", 5500, password="set"),
    ]
    one = audit({"a": host(*accounts), "b": host(*accounts)})
    random.Random(7).shuffle(accounts)
    two = audit({"b": host(*accounts), "a": host(*accounts)})
    assert [(f.host, f.kind, f.severity) for f in one] == [(f.host, f.kind, f.severity) for f in two]


def test_what_is_accepted_is_counted_and_not_told() -> None:
    hosts = {"gpu1": host(alice(password="set"), bob())}
    found = find(parse_answers(hosts), expected(hosts))
    assert len(sort_out(found).findings) == 1
    accepted = sort_out(found, [{"account": "alice", "kind": "password_set", "reason": "she asked"}])
    assert (accepted.findings, accepted.accepted) == ((), 1)
    assert sort_out(found, [{"account": "bob"}]).accepted == 0
    assert [len(sort_out(found).worst(name)) for name in ("low", "medium", "high")] == [1, 1, 0]


def test_who_can_reach_what() -> None:
    hosts = {
        "gpu1": host(
            alice(), bob(expired=True), local(groups=("sudo",), password="set", sshd={**WAYS, "passwords": True})
        ),
        "gpu2": host(alice(sshd={**WAYS, "certificates": True}), sudo=[{**SUDO, "who": ["alice"]}]),
        "gpu3": {"unreachable": True},
    }
    answers = parse_answers(hosts)
    rows = access(answers, expected(hosts))
    reached = {(row["account"], row["host"]): [way["way"] for way in row["ways"]] for row in rows}
    assert reached == {
        ("alice", "gpu1"): ["key"],
        ("alice", "gpu2"): ["key", "certificate"],
        ("bob", "gpu1"): [],
        ("admin", "gpu1"): ["password"],
    }
    lines = audit_table(answers, sort_out([]), rows)
    assert [line.split() for line in lines if line.startswith(("ACCOUNT", "alice", "bob", "admin"))] == [
        ["ACCOUNT", "PERSON", "gpu1", "gpu2", "gpu3"],
        ["alice", "alice", "(lab,", "5238)", "key", "key+certificate+sudo", "?"],
        ["bob", "bob", "(lab,", "5831)", "closed", "-", "?"],
        ["admin", "password+root", "-", "?"],
    ]
    assert "NOT LOOKED AT: gpu3" in lines


def test_many_hosts_are_more_than_one_table() -> None:
    hosts = {f"node-with-a-long-name-{number}": host(alice(), bob()) for number in range(9)}
    answers = parse_answers(hosts)
    lines = audit_table(answers, sort_out([]), access(answers, expected(hosts)))
    assert len([line for line in lines if line.startswith("ACCOUNT")]) > 1
    assert max(map(len, lines)) <= 120
    assert all(any(name in line for line in lines) for name in hosts)


@pytest.mark.parametrize("wrong", [None, [], "x", {}, {"": {}}, {1: {}}])
def test_hosts_of_another_form_are_refused(wrong: Any) -> None:
    with pytest.raises(IdentityError, match="hosts is"):
        parse_answers(wrong)
