# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody would try: a user of the host, a colleague who may edit the roster, another program, a power cut."""

from __future__ import annotations

import errno
import grp
import json
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._accounts import _transaction
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._plan import make_plan
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster

from . import build
from .conftest import public_key

if TYPE_CHECKING:
    from typing import Any

    from .conftest import Host

# a directory of one's own here is a program of root's: a systemd drop-in, for example
PLACES_OF_ROOT = [
    "/etc/systemd/system/ssh.service.d",
    "/root/.config",
    "/usr/local/lib/python3.11",
    "/lib/systemd/system/cron.service.d",
    "/run/systemd/system/ssh.service.d",
    "/var/spool/cron/crontabs",
    "/boot/grub",
    "/proc/1/root/etc/x",
    "/opt/service/service.d",
]


@pytest.mark.parametrize("home", PLACES_OF_ROOT)
def test_no_home_is_made_where_root_reads_its_configuration(host: Host, home: str) -> None:
    with pytest.raises(IdentityError, match="belongs to the operating system"):
        host.run([host.user("alice", 5238, home=home)], check=True)
    with pytest.raises(IdentityError, match="belongs to the operating system"):
        parse_roster([{"username": "alice", "home": home}])


def test_homes_below_var_are_for_system_users_only(host: Host) -> None:
    home = {"home": "/var/lib/rstudio-server", "shell": "/bin/sh"}
    asked = host.run([{"name": "rserver", "uid": 1500, **home}], check=True, owner="system", band="1000-4999")
    assert asked["receipt"]["created"] == ["rserver"]
    with pytest.raises(IdentityError, match="belongs to the operating system"):
        host.run([{"name": "alice", "uid": 5238, **home}], check=True)
    assert parse_roster([{"username": "alice", "home": "/var/home/alice"}]).entries[0].home == "/var/home/alice"


def test_a_private_group_is_nobody_elses_supplementary_group(host: Host) -> None:
    host.run([host.user("alice", 5238), host.user("bob", 5831)])
    users = [host.user("alice", 5238), host.user("bob", 5831, groups=["alice"])]
    with pytest.raises(IdentityError, match="bob: group alice is the private group"):
        host.run(users)
    with pytest.raises(IdentityError, match="bob: group ubuntu is the private group"):
        host.run([host.user("bob", 5831, groups=["ubuntu"])])
    assert host.run(users, allow_privileged_groups=True)["changed"]


@pytest.mark.parametrize(
    ("group", "gid", "message"),
    [
        ("root", 0, "can become root"),
        ("docker", 999, "can become root"),
        ("moby", 999, "can become root"),
        ("ubuntu", 1000, "is the private group"),
        ("mallory", 40, "outside 5000-5999"),
        ("mallory", -1, "gid -1 is no number"),
        ("mallory", 4294967295, "gid 4294967295 is no number"),
    ],
)
def test_a_primary_group_gives_no_more_than_a_supplementary_one(host: Host, group: str, gid: int, message: str) -> None:
    with (host.etc / "group").open("a") as file:
        file.write("moby:x:999:\n")
    with pytest.raises(IdentityError, match=message):
        host.run([host.user("mallory", 5300, group=group, gid=gid)])


def test_another_name_of_a_privileged_group_is_privileged(host: Host) -> None:
    with (host.etc / "group").open("a") as file:
        file.write("moby:x:999:\ntoor:x:0:\n")
    for group in ("moby", "toor"):
        with pytest.raises(IdentityError, match="whoever is in group %s can become root" % group):
            host.run([host.user("mallory", 5300, groups=[group])])


def hidden_from_root(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """What a user's FUSE mount on a home does to root."""
    lstat = os.lstat

    def refused(name: str) -> os.stat_result:
        if name == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return lstat(name)

    monkeypatch.setattr(os, "lstat", refused)


def test_a_mount_on_a_home_does_not_keep_an_old_key(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run([host.user("alice", 5238, keys=[public_key(1)])])
    hidden_from_root(monkeypatch, str(host.home / "alice"))
    result = host.run([host.user("alice", 5238, keys=[public_key(2)])], home_mode="0700")
    assert result["receipt"]["changed"] == {"alice": ["keys +1 -1"]}
    assert ["alice: the home was left as it is" in warning for warning in result["warnings"]] == [True]
    assert public_key(1) not in (host.keys / "alice").read_text()


def test_a_home_given_to_a_container_does_not_keep_an_old_key(host: Host) -> None:
    """Whoever has sub-ids can give the own home to one of them (podman unshare chown), on every host they get at."""
    alice, bob = host.user("alice", 5238, keys=[public_key(1)]), host.user("bob", 5831, keys=[public_key(2)])
    host.run([alice, bob])
    os.chown(host.home / "alice", 343277568, 343277568)
    result = host.run([{**alice, "keys": []}, {**bob, "keys": []}], home_mode="0750")
    assert result["receipt"]["changed"] == {"alice": ["keys +0 -1"], "bob": ["home mode 0700 -> 0750", "keys +0 -1"]}
    assert result["warnings"] == [
        "alice: home %s belongs to uid 343277568 (nobody known here), not to 5238: it was left as it is; give it back"
        " with chown" % (host.home / "alice")
    ]
    assert os.listdir(host.keys) == []
    assert (host.home / "alice").stat().st_mode & 0o777 == 0o700
    # a home that is somebody's is another matter, and so is one that the account did not have
    os.chown(host.home / "alice", 5831, 5831)
    with pytest.raises(IdentityError, match=r"belongs to uid 5831 \(bob\), not to 5238: files are not given away"):
        host.run([alice, bob])
    os.chown(host.home / "alice", 343277568, 343277568)
    with pytest.raises(IdentityError, match=r"belongs to uid 343277568 .* files are not given away"):
        host.run([{**bob, "home": str(host.home / "alice")}])


def test_an_account_whose_new_home_cannot_be_seen_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden_from_root(monkeypatch, str(host.home / "alice"))
    with pytest.raises(IdentityError, match=r"alice: home .* cannot be looked at"):
        host.run([host.user("alice", 5238)])


def test_a_mode_in_a_directory_of_others_is_let_be(host: Host) -> None:
    host.run([host.user("alice", 5238)])
    (host.home / "alice").chmod(0o755)
    host.home.chmod(0o777)
    result = host.run([host.user("alice", 5238, keys=[public_key(2)])], home_mode="0700")
    assert result["receipt"]["changed"] == {"alice": ["keys +1 -0"]}
    assert ["can be changed by others" in warning for warning in result["warnings"]] == [True]


@pytest.mark.parametrize("call", ["fchmod", "mkdir"])
def test_who_has_to_go_is_out_before_anything_else_can_fail(
    host: Host, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    stopped: list[Any] = []
    monkeypatch.setattr(_transaction, "stop_users", lambda users, *_places: stopped.extend(users))
    users = [host.user("alice", 5238), host.user("bob", 5831, keys=[public_key(1)]), host.user("carol", 5404)]
    host.run(users)
    (host.home / "alice").chmod(0o755)
    users = [users[0], {**users[1], "state": "disabled"}, {**users[2], "state": "absent"}, host.user("dave", 5900)]
    real = getattr(os, call)

    # what a server of homes does that trusts no root
    def squashed(what: Any, *args: Any, **more: Any) -> None:
        if what.startswith(".labfleet-new") if call == "mkdir" else os.fstat(what).st_uid == 5238:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        real(what, *args, **more)

    monkeypatch.setattr(os, call, squashed)
    with pytest.raises(IdentityError, match="Operation not permitted"):
        host.run(users, home_mode="0700")
    shadow, passwd = host.entry("shadow", "bob"), host.entry("passwd", "bob")
    assert shadow
    assert passwd
    assert (shadow[7], passwd[6].endswith("nologin")) == ("1", True)
    assert not (host.keys / "bob").exists()
    assert host.entry("passwd", "carol") is None
    assert stopped == [("bob", 5831), ("carol", 5404)]
    assert (host.entry("passwd", "dave") is None) == (call == "mkdir")
    monkeypatch.undo()
    host.run(users, home_mode="0700")
    assert stat.S_IMODE((host.home / "alice").stat().st_mode) == 0o700
    assert host.entry("shadow", "carol") is None


@pytest.mark.parametrize("keys", [[public_key(1)], [public_key(2)], None])
def test_a_key_file_that_its_user_can_write_becomes_roots(host: Host, keys: list[str] | None) -> None:
    users = [host.user("alice", 5238, keys=[public_key(1)])]
    host.run(users)
    path = host.keys / "alice"
    # as playbooks with ansible.posix.authorized_key and a path leave them
    os.chown(path, 5238, 5238)
    path.chmod(0o600)
    users[0]["keys"] = keys
    predicted = host.run(users, check=True)
    assert predicted["changed"]
    assert host.run(users) == predicted
    assert (path.stat().st_uid, path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (0, 0, 0o644)
    assert path.read_text().splitlines()[1:] == (keys or [public_key(1)])
    assert not host.run(users)["changed"]


@pytest.mark.parametrize("state", ["disabled", "absent", "not named"])
def test_keys_go_with_an_account_that_somebody_else_removed(host: Host, state: str) -> None:
    host.run([host.user("alice", 5238), host.user("bob", 5831, keys=[public_key(1)])])
    for database in ("passwd", "shadow", "group", "gshadow"):  # as userdel does
        path = host.etc / database
        path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("bob:")))
    (host.keys / "other").write_text("# a file of another program\n" + public_key(5) + "\n")
    users = [host.user("alice", 5238)] + [host.user("bob", 5831, state=state)] * (state != "not named")
    predicted = host.run(users, check=True)
    assert host.run(users) == predicted
    assert not (host.keys / "bob").exists()
    assert (host.keys / "other").exists()
    assert not host.run(users)["changed"]


def test_a_run_that_is_killed_while_it_opens_an_account_again_is_completed(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = host.user("alice", 5238, keys=[public_key(1)])
    host.run([user])
    host.run([{**user, "state": "disabled"}])

    def power_cut(*_arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(_transaction, "make_homes", power_cut)
    with pytest.raises(IdentityError, match="cut short"):
        host.run([user])
    monkeypatch.undo()
    assert host.run([user])["warnings"] == []
    shadow = host.entry("shadow", "alice")
    assert shadow
    assert shadow[7] == ""
    assert not host.run([user])["changed"]


def test_a_disabled_account_has_no_password_outside_shadow(host: Host) -> None:
    host.run([host.user("alice", 5238)])
    for database, old, new in (("passwd", "alice:x:", "alice::"), ("shadow", "alice:*:", "alice::")):
        path = host.etc / database
        path.write_text(path.read_text().replace(old, new))
    host.run([host.user("alice", 5238, state="disabled")])
    passwd, shadow = host.entry("passwd", "alice"), host.entry("shadow", "alice")
    assert passwd
    assert shadow
    # pam_unix looks for the expiry in shadow only when the password is there
    assert (passwd[1], shadow[1], shadow[7]) == ("x", "*", "1")


def test_a_day_that_is_past_counts_as_shutting_an_account(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [host.user("u%d" % number, 5100 + number) for number in range(5)]
    host.run(users)
    over = [{**user, "expires": "2001-01-31"} for user in users]
    with pytest.raises(IdentityError, match="disable or remove 5 accounts"):
        host.run(over)
    assert host.run(over, removal_cap=5)["changed"]
    # who is out already does not count again
    assert host.run([{**user, "state": "disabled"} for user in users], removal_cap=0)["changed"]
    host.run(users)
    monkeypatch.setenv("SUDO_USER", "u1")
    with pytest.raises(IdentityError, match="u1: this run is connected as this user"):
        host.run(over[:2])


def test_the_connecting_user_keeps_a_key(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run([host.user("alice", 5238, keys=[public_key(1)])])
    monkeypatch.setenv("SUDO_USER", "alice")
    with pytest.raises(IdentityError, match="alice: this run is connected as this user"):
        host.run([host.user("alice", 5238, keys=[])])
    assert host.run([host.user("alice", 5238, keys=[public_key(2)])])["changed"]


def test_a_new_account_is_in_no_group_that_listed_its_name_before(host: Host) -> None:
    for database, old, new in (
        ("gshadow", "docker:!::", "docker:!:bob,root:"),
        ("gshadow", "sudo:*::ubuntu", "sudo:*:bob:ubuntu"),
        ("group", "video:x:44:", "video:x:44:bob"),
        ("group", "nogroup:x:65534:", "nogroup:x:65534:bob,ubuntu"),
    ):
        path = host.etc / database
        path.write_text(path.read_text().replace(old, new))
    users = [host.user("alice", 5238), host.user("bob", 5831, groups=["video"])]
    predicted = host.run(users, check=True)
    assert host.run(users) == predicted
    assert predicted["warnings"] == [
        "bob: taken out of docker, nogroup, sudo, where the name stood before the account was made"
    ]
    assert host.entry("gshadow", "docker") == ["docker", "!", "root", ""]
    assert host.entry("gshadow", "sudo") == ["sudo", "*", "", "ubuntu"]
    assert host.entry("group", "nogroup") == ["nogroup", "x", "65534", "ubuntu"]
    assert host.entry("group", "video") == ["video", "x", "44", "bob"]
    assert not host.run(users)["changed"]


@pytest.mark.parametrize("where", ["before", "after"])
def test_processes_of_another_account_with_the_same_number_go_on(
    host: Host, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    stopped: list[Any] = []
    monkeypatch.setattr(_transaction, "stop_users", lambda users, *_places: stopped.extend(users))
    host.run([host.user("alice", 5238), host.user("bob", 5831)])
    path = host.etc / "passwd"
    twin = "alice2:x:5238:5238::/home/alice:/bin/sh\n"
    path.write_text(twin + path.read_text() if where == "before" else path.read_text() + twin)
    users = [host.user(name, uid, state="disabled") for name, uid in (("alice", 5238), ("bob", 5831))]
    result = host.run(users)
    assert stopped == [("bob", 5831)]
    assert ["alice: alice2 has the same uid 5238" in warning for warning in result["warnings"]] == [True]


@pytest.mark.parametrize("state", ["disabled", "absent"])
def test_an_account_that_was_renamed_is_not_taken_for_gone(host: Host, state: str) -> None:
    host.run([host.user("alice", 5238), host.user("bob", 5831)])
    for database in ("passwd", "shadow", "group", "gshadow"):  # as usermod -l and groupmod -n do
        path = host.etc / database
        path.write_text(path.read_text().replace("bob:", "bobby:"))
    before = host.everything()
    with pytest.raises(IdentityError, match="bob: the account made for uid 5831 is called bobby"):
        host.run([host.user("alice", 5238), host.user("bob", 5831, state=state)])
    assert host.everything() == before
    with pytest.raises(IdentityError, match="bob: the account made for uid 5831 is called bobby"):
        host.run([host.user("alice", 5238)], orphans={"disabled": "disable"}.get(state, state))


def test_planning_for_thousands_costs_no_more_each_than_for_a_few() -> None:
    people = {"user%04d" % number: 5000 + number for number in range(4000)}
    listed = ",".join(people)
    there = build.host(
        passwd=["%s:x:%d:%d::/home/%s:/bin/bash" % (name, uid, uid, name) for name, uid in people.items()],
        group=["research:x:4444:" + listed, "genomics:x:4445:" + listed]
        + ["%s:x:%d:" % (name, uid) for name, uid in people.items()],
        shadow=["%s:*:20000::::::" % name for name in people],
        gshadow=["research:!::" + listed, "genomics:!::" + listed] + ["%s:!::" % name for name in people],
        users={name: build.ours(uid) for name, uid in people.items()},
        groups={"research": build.ours(4444), "genomics": build.ours(4445)},
    )
    begin = time.process_time()
    for state in ("present", "absent"):
        users = [
            {"name": name, "uid": uid, "state": state, "groups": ["research", "genomics"], "create_home": False}
            for name, uid in people.items()
        ]
        plan = make_plan(build.request(users, band="5000-8999", removal_cap=4000), there)
        assert len(plan.changes) == (4000 if state == "absent" else 0)
    assert time.process_time() - begin < 5


def test_a_shell_that_is_gone_does_not_keep_anybody_else_in(host: Host) -> None:
    shell = host.home / "zsh"
    shell.write_text("#!/bin/sh\n")
    shell.chmod(0o755)
    users = [host.user("alice", 5238, shell=str(shell)), host.user("bob", 5831)]
    host.run(users)
    shell.unlink()
    result = host.run([users[0], {**users[1], "state": "disabled"}])
    assert result["receipt"]["disabled"] == ["bob"]
    assert ["alice: shell %s cannot be executed" % shell in warning for warning in result["warnings"]] == [True]
    with pytest.raises(IdentityError, match="alice: shell /bin/zsh-not-here cannot be executed"):
        host.run([{**users[0], "shell": "/bin/zsh-not-here"}])


def test_no_shared_group_gets_a_number_of_the_people(host: Host) -> None:
    with pytest.raises(IdentityError, match="band 5000-5999 and group_band 5500-6499 overlap"):
        host.run([], groups=[{"name": "genomics", "gid": 5831}], group_band="5500-6499")


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_lock_file_ends_the_run_at_once(host: Host, kind: str) -> None:
    path = host.etc / ".pwd.lock"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(host.root / "elsewhere")
    with pytest.raises(IdentityError, match="cut short"):
        host.run([host.user("alice", 5238)])
    assert not (host.root / "elsewhere").exists()


def test_groups_of_a_directory_keep_their_names_and_numbers(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pain 18: a private group with the number of a group in LDAP opens the files of that group."""
    (host.etc / "nsswitch.conf").write_text("passwd: files systemd\ngroup: files [SUCCESS=merge] sss\n")
    there = [grp.struct_group(("finance", "x", 5831, [])), grp.struct_group(("genomics", "x", 70001, []))]

    def known(index: int, value: Any) -> grp.struct_group:
        return next((group for group in there if group[index] == value), None) or {}[value]

    monkeypatch.setattr(grp, "getgrnam", lambda name: known(0, name))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: known(2, gid))
    for user, groups, message in (
        (host.user("bob", 5831), [], "bob: gid 5831 is taken on this host by group finance"),
        (host.user("finance", 5900), [], "finance: group finance is known to this host's directory service"),
        (host.user("alice", 5238), [{"name": "genomics", "gid": 4500}], "group genomics is known to this host's dir"),
    ):
        with pytest.raises(IdentityError, match=message):
            host.run([user], groups=groups)
    assert host.run([host.user("alice", 5238)])["changed"]


def test_nothing_that_a_user_can_set_reaches_a_terminal_as_it_is(host: Host) -> None:
    host.run([host.user("alice", 5238, gecos="Alice")])
    path = host.etc / "passwd"
    path.write_bytes(path.read_bytes().replace(b":Alice:", b":Alice,\x1b]0;gotcha\x07,\xe9:"))
    result = host.run([host.user("alice", 5238, gecos="Alice")])
    assert result["receipt"]["changed"] == {"alice": ["gecos Alice,\\x1b]0;gotcha\\x07,\\udce9 -> Alice"]}
    assert json.dumps(result, ensure_ascii=False).encode("utf-8").isascii()
