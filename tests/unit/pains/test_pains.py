# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people suffer with user management in Ansible: each pain of theirs has a test here that names it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import first_choice_uid, parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import Host, public_key
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import issue

if TYPE_CHECKING:
    from collections.abc import Iterator

COLLECTION = Path(__file__).resolve().parents[3]
# as people tell them; 9 and 15 are about shared file systems, 19 about the size of user data
PAINS = {
    1: "a no-change run is as slow as the first",
    2: "people dropped from the list stay; a naive purge removed everybody",
    3: "rotated keys still work",
    4: "`exclusive` in a loop keeps only the last key and locks people out",
    5: "UIDs differ between hosts",
    6: "hashed UIDs collide, or are made to collide",
    7: "a new user gets a departed one's number, home or files",
    8: "a changed uid breaks files, or fails on NFS",
    10: "deletion is incomplete",
    11: "groups wiped, sudo lost",
    12: "no diff, weak check mode",
    13: "a lock that does not lock; ageing that blocks keys",
    14: "root follows users' links",
    16: "sudoers invalid or names with dots ignored",
    17: "password hash changes every run",
    18: "a local name hides a directory's",
}
NAMED = re.compile(r"Pain (\d+): ")


def docstrings_of_tests() -> Iterator[str]:
    for path in sorted((COLLECTION / "tests" / "unit").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield ast.get_docstring(node) or ""


def names_of_checks() -> Iterator[str]:
    """The names of tasks of Molecule scenarios that check something."""

    def tasks(entries: Any) -> Iterator[str]:
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                yield str(entry.get("name", ""))
                for key in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
                    yield from tasks(entry.get(key))

    for path in sorted((COLLECTION / "extensions" / "molecule").rglob("*.yml")):
        if "verify" in path.name or path.parent.name == "tasks":
            yield from tasks(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_every_pain_is_named_by_a_test_and_no_other_is() -> None:
    named = {int(number) for text in (*docstrings_of_tests(), *names_of_checks()) for number in NAMED.findall(text)}
    assert named == set(PAINS)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    root = tmp_path / "host"
    root.mkdir(mode=0o755)
    return Host(root)


def people(count: int) -> list[dict[str, Any]]:
    return [{"username": "user%02d" % number, "uid": 5100 + number, "gid": 5100 + number} for number in range(count)]


def test_a_run_asks_a_host_once_however_many_people_there_are() -> None:
    """Pain 1: no role has a loop over people, and what one call is given holds all of them."""
    for role in ("research_users", "system_users"):
        text = (COLLECTION / "roles" / role / "tasks" / "main.yml").read_text(encoding="utf-8")
        words = {word for task in yaml.safe_load(text) for word in task}
        assert not {word for word in words if word.startswith(("loop", "with_", "until"))}
        assert text.count("labfleet.identity.accounts:") == 1
    assert len(host_accounts(people(50))) == 50


def test_a_run_with_nothing_to_do_writes_nothing(host: Host) -> None:
    """Pain 1: it looks, compares, and leaves every file as it is, down to the time of its last change."""
    users = [host.user("user%02d" % number, 5100 + number, keys=[public_key(number)]) for number in range(50)]
    host.run(users)
    times = {path: path.lstat().st_ctime_ns for path in host.root.rglob("*") if path.name != ".pwd.lock"}
    host.commands.clear()
    assert host.run(users) == {**host.run(users, check=True), "changed": False}
    assert {path: path.lstat().st_ctime_ns for path in host.root.rglob("*") if path.name != ".pwd.lock"} == times
    assert host.commands == []


def test_who_is_dropped_from_the_list_is_told_and_an_empty_list_removes_nobody(host: Host) -> None:
    """Pain 2: whoever the list no longer names is an orphan, and the cap ends a purge of everybody."""
    users = [host.user("user%02d" % number, 5100 + number) for number in range(10)]
    host.run(users)
    before = host.everything()
    assert host.run(users[1:])["receipt"]["orphans"] == ["user00"]
    assert len(host.run([])["receipt"]["orphans"]) == 10
    with pytest.raises(Exception, match="disable or remove 10 accounts"):
        host.run([], orphans="absent")
    assert host.everything() == before
    assert host.run(users[1:], orphans="absent")["receipt"]["removed"] == ["user00"]


def test_keys_are_one_list_and_all_of_it_is_written(host: Host) -> None:
    """Pain 3: what the list no longer has is gone. Pain 4: what it has is there, not only the last."""
    keys = [public_key(number) for number in range(5)]
    host.run([host.user("alice", 5238, keys=keys)])
    assert (host.keys / "alice").read_text().splitlines()[1:] == keys
    host.run([host.user("alice", 5238, keys=keys[2:])])
    assert (host.keys / "alice").read_text().splitlines()[1:] == keys[2:]


def test_a_home_that_belongs_to_somebody_else_is_not_used(host: Host) -> None:
    """Pain 7: the files of whoever left stay theirs, whoever has the name now."""
    host.run([host.user("alice", 5238)])
    host.run([host.user("alice", 5238, state="absent")])
    with pytest.raises(Exception, match="alice"):
        host.run([host.user("alice", 5900)])
    assert host.entry("passwd", "alice") is None
    assert (host.home / "alice").stat().st_uid == 5238


def test_groups_that_are_not_ours_keep_their_members(host: Host) -> None:
    """Pain 11: what an administrator added to a group of the host stays, sudo among them."""
    host.run([host.user("alice", 5238, groups=["video"])])
    for database in ("group", "gshadow"):
        path = host.etc / database
        path.write_text(re.sub(r"^(sudo:.*ubuntu)$", r"\1,alice", path.read_text(), flags=re.MULTILINE))
    host.run([host.user("alice", 5238, groups=["video"], gecos="Alice")])
    host.run([host.user("alice", 5238, groups=[])])
    group = host.entry("group", "sudo")
    assert group
    assert group[3] == "ubuntu,alice"


def test_check_mode_says_what_the_run_then_does_attribute_by_attribute(host: Host) -> None:
    """Pain 12: one plan is printed, carried out and shown as a difference."""
    host.run([host.user("alice", 5238, gecos="Alice", keys=[public_key(1)])])
    users = [host.user("alice", 5238, gecos="Alice E.", keys=[public_key(2)]), host.user("bob", 5831)]
    before = host.everything()
    predicted = host.run(users, check=True)
    assert host.everything() == before
    assert "alice: gecos Alice E.\n" in predicted["diff"]["after"]
    assert "alice: keys" in predicted["diff"]["after"]
    assert host.run(users) == predicted
    assert host.run(users)["diff"] == {"before": "", "after": ""}


def test_whoever_chooses_a_name_for_its_number_gets_another_one() -> None:
    """Pain 6: the hash proposes, the ledger decides. Pain 7: nor does a number come free when its person leaves."""
    band = parse_band("5000-5999")
    events, allocation = issue([], ["alice"])
    wanted = allocation.uids["alice"]
    made = [name for name in map("x{}".format, range(20000)) if first_choice_uid("lab", name, band) == wanted][:10]
    assert len(made) == 10
    # alice is in no roster any more
    after = issue(events, made)[1].uids
    assert wanted not in {after[name] for name in made}
    assert len({after[name] for name in made}) == 10
