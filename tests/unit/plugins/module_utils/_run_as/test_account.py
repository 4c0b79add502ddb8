# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only accounts that are ours and open run jobs, and shared ones only when there is no other way in."""

from __future__ import annotations

import grp
import os
import pwd
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import (
    Owned,
    Record,
    format_record,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as import _account
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import (
    Account,
    Places,
    check_shared,
    find_account,
)
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import parse_job
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._run_as.test_request import GOOD

if TYPE_CHECKING:
    from pathlib import Path

SHADOW = "root:*:1::::::\njobs:*:1::::::\n"
JOBS = Account("jobs", 5700, 5700, (5700,), "/home/jobs", "/usr/sbin/nologin")


def no_sudo(_command: list[str]) -> tuple[int, str, str]:
    return 0, "User jobs is not allowed to run sudo on host.\n", ""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    def group(gid: int) -> grp.struct_group:
        names = {5700: "jobs", 4444: "research", 997: "docker", 4999: "sudo"}
        return grp.struct_group((names[gid], "x", gid, []))

    monkeypatch.setattr(grp, "getgrgid", group)
    for path in ("etc/ssh/authorized_keys.d", "var/lib/systemd/linger", "var/spool/cron/crontabs", "home/jobs"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "var/spool/cron/atjobs").mkdir()
    (tmp_path / "etc/shadow").write_text(SHADOW)
    (tmp_path / "etc/sudoers").write_text("")
    (tmp_path / "record").mkdir(mode=0o755)
    return Places(str(tmp_path), str(tmp_path / "record"))


def test_a_shared_account_without_any_other_way_in_is_taken(places: Places) -> None:
    check_shared(JOBS, places, no_sudo)


def test_a_host_without_sudo_is_asked_nothing(places: Places, tmp_path: Path) -> None:
    (tmp_path / "etc/sudoers").unlink()
    check_shared(JOBS, places, lambda _command: pytest.fail("was asked"))


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("etc/ssh/authorized_keys.d/jobs", "ssh-ed25519 AAAA\n", "there is .*authorized_keys.d/jobs"),
        ("home/jobs/.ssh/authorized_keys", "", "there is /home/jobs/.ssh"),
        ("var/lib/systemd/linger/jobs", "", "there is .*linger/jobs"),
        ("var/spool/cron/crontabs/jobs", "", "there is .*crontabs/jobs"),
        ("etc/shadow", "jobs:$6$x:1::::::\n", "it has a password"),
        ("etc/shadow", "jobs::1::::::\n", "it has a password"),
    ],
)
def test_every_other_way_in_is_found(places: Places, tmp_path: Path, path: str, content: str, says: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(content)
    with pytest.raises(IdentityError, match=says):
        check_shared(JOBS, places, no_sudo)


def test_a_link_in_the_place_of_keys_counts_too(places: Places, tmp_path: Path) -> None:
    (tmp_path / "home/jobs/.ssh").symlink_to("/nonesuch")
    with pytest.raises(IdentityError, match=r"there is /home/jobs/.ssh"):
        check_shared(JOBS, places, no_sudo)


def test_an_empty_file_of_keys_is_none(places: Places, tmp_path: Path) -> None:
    (tmp_path / "etc/ssh/authorized_keys.d/jobs").touch()
    check_shared(JOBS, places, no_sudo)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"shell": "/bin/bash"}, "its shell is '/bin/bash'"),
        ({"shell": ""}, "its shell is ''"),
        ({"groups": (997, 5700)}, "in the system's group docker"),
        ({"groups": (4999, 5700)}, "in the system's group sudo"),
    ],
)
def test_shells_and_groups_of_the_system_are_refused(places: Places, more: dict[str, Any], says: str) -> None:
    shell = more.get("shell", JOBS.shell)
    with pytest.raises(IdentityError, match=says):
        check_shared(Account("jobs", 5700, 5700, more.get("groups", JOBS.groups), JOBS.home, shell), places, no_sudo)


@pytest.mark.parametrize(
    "answer",
    [
        (0, "User jobs may run the following commands on host:\n    (root) NOPASSWD: /usr/bin/id\n", ""),
        (1, "", "sudo: parse error\n"),
        (0, "", ""),
        (2, "User jobs is not allowed to run sudo on host.\n", ""),
    ],
)
def test_sudo_has_to_say_that_nothing_is_allowed(places: Places, answer: tuple[int, str, str]) -> None:
    with pytest.raises(IdentityError, match="sudo does not say that it may nothing"):
        check_shared(JOBS, places, lambda _command: answer)


def test_a_project_group_does_no_harm(places: Places) -> None:
    check_shared(Account("jobs", 5700, 5700, (4444, 5700), JOBS.home, JOBS.shell), places, no_sudo)


class Host:
    """A host with one account, and a record of it."""

    def __init__(self, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = places
        self.owned = Owned(5238, "research:lab")
        self.entry = pwd.struct_passwd(("alice", "x", 5238, 5238, "", "/home/alice", "/bin/bash"))
        monkeypatch.setattr(pwd, "getpwnam", self.named)
        monkeypatch.setattr(os, "getgrouplist", lambda _name, gid: [gid, 4444])

    def named(self, name: str) -> pwd.struct_passwd:
        if name != self.entry.pw_name:
            raise KeyError(name)
        return self.entry

    def find(self) -> Account:
        with open(self.places.record + "/accounts.json", "wb") as file:
            file.write(format_record(Record({"alice": self.owned}, {})))
        return find_account(parse_job(GOOD), self.places)


@pytest.fixture
def host(places: Places, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(_account, "read_record", _read_untrusted)
    return Host(places, monkeypatch)


def _read_untrusted(path: str) -> Record:
    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import parse_record

    with open(path + "/accounts.json", "rb") as file:
        return parse_record(file.read())


def test_the_account_that_the_ledger_means_is_found(host: Host) -> None:
    assert host.find() == Account("alice", 5238, 5238, (4444, 5238), "/home/alice", "/bin/bash")


@pytest.mark.parametrize(
    ("owned", "says"),
    [
        (Owned(5238, "system"), "is no account that labfleet.identity made for 'research:lab'"),
        (Owned(5238, "research:other"), "is no account that labfleet.identity made for 'research:lab'"),
        (Owned(5239, "research:lab"), "has the number 5239 on this host and 5238 in the ledger"),
        (Owned(5238, "research:lab", "disabled"), "is disabled on this host"),
    ],
)
def test_what_the_record_says_counts(host: Host, owned: Owned, says: str) -> None:
    host.owned = owned
    with pytest.raises(IdentityError, match=says):
        host.find()


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (("alice", "x", 0, 0, "", "/", ""), "has the numbers 0 and 0 on this host"),
        (("alice", "x", 5238, 27, "", "/", ""), "has the numbers 5238 and 27 on this host"),
        (("alice", "x", 5239, 5239, "", "/", ""), "has the numbers 5239 and 5239 on this host"),
        (("bob", "x", 5238, 5238, "", "/", ""), "is in the record of this host and has no account"),
    ],
)
def test_what_the_account_files_say_has_to_agree(host: Host, entry: tuple[Any, ...], says: str) -> None:
    host.entry = pwd.struct_passwd(entry)
    with pytest.raises(IdentityError, match=says):
        host.find()


def test_an_account_that_nobody_made_is_not_ours(host: Host) -> None:
    host.find()
    with pytest.raises(IdentityError, match="it is nobody's there"):
        find_account(parse_job({**GOOD, "account": "mallory"}), host.places)
