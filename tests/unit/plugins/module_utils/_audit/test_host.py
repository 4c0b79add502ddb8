# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a real tree: homes that users set traps in, key files, files of numbers that nobody has."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._audit._file_owners import DEEPEST, strangers_files
from ansible_collections.labfleet.identity.plugins.module_utils._audit._homes import LARGEST_KEY_FILE, Resident, homes
from ansible_collections.labfleet.identity.plugins.module_utils._audit._host_facts import HostPlaces, Looked, host_facts
from ansible_collections.labfleet.identity.plugins.module_utils._audit._sshd_ways import Asked, ways_of_sshd
from ansible_collections.labfleet.identity.plugins.module_utils._one_by_one import one_by_one
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._public_keys import parse_public_key
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import Band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._accounts.conftest import public_key

KEY = public_key(1, "alice@laptop")
PRINT = parse_public_key(KEY).fingerprint
ALICE, BOB = 5238, 5831
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="homes get real owners here: run the unit tests as root")


class Homes:
    """A directory of homes that anybody may pass, and what is seen of them."""

    def __init__(self, directory: Path) -> None:
        self.base = directory / "home"
        self.base.mkdir()
        for above in [self.base, *self.base.parents]:
            if above == Path("/") or above.stat().st_mode & stat.S_ISVTX:  # /tmp is for everybody as it is
                break
            above.chmod(0o755)
        self.mounts = directory / "mountinfo"
        self.mounts.write_text("22 1 0:5 / / rw - ext4 /dev/root rw\n")

    def make(self, name: str, uid: int, *keys: str) -> Path:
        home = self.base / name
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "authorized_keys").write_text("".join(f"{key}\n" for key in keys))
        for path in (home, home / ".ssh", home / ".ssh" / "authorized_keys"):
            os.chown(path, uid, uid)
        home.chmod(0o700)
        return home

    def look(self, *people: tuple[str, int], remote: bool = False, patience: float = 20) -> list[dict[str, Any]]:
        residents = [Resident(uid, uid, (), str(self.base / name)) for name, uid in people]
        return homes(residents, str(self.mounts), remote, patience, time.monotonic() + 60)

    def keys(self, name: str, uid: int) -> list[str]:
        files = self.look((name, uid))[0].get("key_files", [])
        return [key["fingerprint"] for file in files for key in file.get("public_keys", [])]


@pytest.fixture(name="lab")
def _lab(tmp_path: Path) -> Homes:
    return Homes(tmp_path)


@AS_ROOT
def test_a_home_and_the_keys_in_it(lab: Homes) -> None:
    lab.make("alice", ALICE, KEY)
    lab.make("bob", BOB)
    found = lab.look(("alice", ALICE), ("bob", BOB), ("nobody", 7))
    assert {name: found[0][name] for name in ("kind", "uid", "mode")} == {
        "kind": "directory",
        "uid": ALICE,
        "mode": "0700",
    }
    assert [key["comment"] for key in found[0]["key_files"][0]["public_keys"]] == ["alice@laptop"]
    assert found[1]["key_files"][0]["public_keys"] == []
    assert found[2] == {"kind": "missing"}


@AS_ROOT
def test_a_link_leads_only_where_its_user_could_go(lab: Homes) -> None:
    home = lab.make("alice", ALICE)
    secret = lab.make("bob", BOB, KEY) / ".ssh" / "authorized_keys"
    (home / ".ssh" / "authorized_keys").unlink()
    (home / ".ssh" / "authorized_keys").symlink_to(secret)
    found = lab.look(("alice", ALICE))[0]
    assert found["key_files"] == [
        {"file": ".ssh/authorized_keys", "problem": "its user cannot read it: Permission denied"}
    ]
    # her own keys under another name let her in, so they are seen
    (home / ".ssh" / "authorized_keys").unlink()
    (home / "hidden").write_text(KEY)
    os.chown(home / "hidden", ALICE, ALICE)
    (home / ".ssh" / "authorized_keys").symlink_to(home / "hidden")
    assert lab.keys("alice", ALICE) == [PRINT]


@AS_ROOT
def test_traps_in_a_home_are_walked_around(lab: Homes) -> None:
    home = lab.make("alice", ALICE)
    path = home / ".ssh" / "authorized_keys"
    path.unlink()
    os.mkfifo(path)
    os.chown(path, ALICE, ALICE)
    began = time.monotonic()
    problem = lab.look(("alice", ALICE))[0]["key_files"][0]["problem"]
    assert "no regular file" in problem
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "no regular file" in lab.look(("alice", ALICE))[0]["key_files"][0]["problem"]
    path.unlink()
    path.symlink_to(path)
    assert "problem" in lab.look(("alice", ALICE))[0]["key_files"][0]
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 40)
    os.chown(path, ALICE, ALICE)
    assert "longer than" in lab.look(("alice", ALICE))[0]["key_files"][0]["problem"]
    assert time.monotonic() - began < 20
    assert LARGEST_KEY_FILE < 1 << 20


@AS_ROOT
def test_a_home_that_is_a_link_is_told_as_one(lab: Homes) -> None:
    (lab.base / "alice").symlink_to("/etc")
    assert lab.look(("alice", ALICE))[0]["kind"] == "link"


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "autofs", "cifs"])
def test_homes_that_another_machine_answers_for_are_left_alone(
    lab: Homes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.make("alice", os.geteuid())
    elsewhere = lab.base.parent / "elsewhere"
    elsewhere.mkdir()
    (lab.base / "bob").symlink_to(elsewhere / "bob")
    lines = [f"30 22 0:9 / {path} rw - {kind} server:/x rw\n" for path in (lab.base / "alice", elsewhere)]
    lab.mounts.write_text(lab.mounts.read_text() + "".join(lines))

    def touched(path: str, **_more: Any) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(os, "lstat", touched)
    # a child's own failure would only be a problem in its answer
    assert lab.look(("alice", 0), ("bob", 0)) == [{"kind": "remote"}, {"kind": "remote"}]


def test_what_never_answers_is_given_up_and_the_others_are_looked_at() -> None:
    def look(item: int) -> dict[str, Any]:
        if item == 2:
            time.sleep(1000)
        if item == 4:
            os._exit(1)
        if item == 5:
            raise ValueError("of the item")
        return {"item": item}

    began = time.monotonic()
    found = one_by_one(look, list(range(7)), 0.5, began + 60)
    assert [answer.get("item") for answer in found] == [0, 1, None, 3, None, None, 6]
    assert found[2] == {"problem": "no answer within 0.5 seconds"}
    assert found[5] == {"problem": "it cannot be looked at: ValueError"}
    assert time.monotonic() - began < 20


def test_no_time_left_is_said_of_each() -> None:
    found = one_by_one(lambda item: {"item": item}, [1, 2], 0.5, time.monotonic() - 1)
    assert found == [{"problem": "there was no time left to look"}] * 2


def places(root: Path) -> HostPlaces:
    return HostPlaces(
        etc=str(root / "etc"),
        keys=str(root / "keys"),
        record=str(root / "record"),
        linger=str(root / "linger"),
        crontabs=(str(root / "cron"),),
        proc=str(root / "proc"),
    )


def no_program(_command: list[str]) -> tuple[int, str, str]:
    return 127, "", "there is no program"


def test_a_whole_host(tmp_path: Path) -> None:
    """Pain 5: what a host really has is told, number by number."""
    for name in ("etc", "keys", "record", "linger", "cron", "proc/self", "proc/7", "proc/8", "proc/9"):
        (tmp_path / name).mkdir(parents=True)
    for number, uid in ((7, 5238), (8, 5238), (9, 0)):
        (tmp_path / "proc" / str(number) / "status").write_text(f"Name:\tsh\nUid:\t{uid}\t0\t0\t0\n")
    (tmp_path / "etc" / "passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\nalice:x:5238:5238:Alice:{tmp_path}/a:/bin/bash\nlocal:x:1000:1000::/x:/bin/sh\n"
    )
    (tmp_path / "etc" / "group").write_text("root:x:0:\nalice:x:5238:\nresearch:x:4100:alice\nlocal:x:1000:\n")
    (tmp_path / "etc" / "shadow").write_text("alice:*:1:::::20000:\nlocal:!:1::::::\n")
    (tmp_path / "etc" / "subuid").write_text("alice:100000:65536\n5238:300000:10\nbroken\n")
    (tmp_path / "keys" / "alice").write_text(f"{KEY}\n")
    (tmp_path / "keys" / "ghost").write_text(f"{KEY}\n")
    (tmp_path / "keys" / "link").symlink_to("/etc/passwd")
    (tmp_path / "linger" / "alice").touch()
    (tmp_path / "cron" / "alice").touch()
    (tmp_path / "record" / "accounts.json").write_text(
        '{"format": 1, "users": {"alice": {"number": 5238, "owner": "research:lab", "state": "present"}}, "groups": {}}'
    )
    facts = host_facts(Looked(bands=(Band(5000, 5999),)), no_program, places(tmp_path))
    assert [one["name"] for one in facts["accounts"]] == ["root", "alice"]
    alice = facts["accounts"][1]
    wanted = {
        "groups": ["alice", "research"],
        "expires": "2024-10-04",
        "expired": True,
        "linger": True,
        "crontab": True,
        "subuids": ["100000-165535", "300000-300009"],
        "subgids": [],
        "managed": {"owner": "research:lab", "number": 5238, "state": "present"},
        "processes": 2,
    }
    assert {name: alice[name] for name in wanted} == wanted
    assert [key["fingerprint"] for key in alice["key_file"]["public_keys"]] == [PRINT]
    assert [one["name"] for one in facts["key_files_of_nobody"]] == ["ghost", "link"]
    assert any("link" in gap for gap in facts["gaps"])
    assert [one["name"] for one in facts["recorded"]] == ["alice"]


def test_a_day_of_expiry_that_nothing_heeds_closes_nothing(tmp_path: Path) -> None:
    """PAM asks shadow of those only of whom passwd says so: sshd lets in by key who has anything else there."""
    for name in ("etc", "proc/self"):
        (tmp_path / name).mkdir(parents=True)
    people = {"alice": "x", "bob": "*", "carol": "$6$salt$hashhashhash"}
    for file, line in (("passwd", "{0}:{1}:5238:5238::/x:/bin/sh\n"), ("shadow", "{0}:*:1:::::1:\n"), ("group", "")):
        (tmp_path / "etc" / file).write_text("".join(line.format(*one) for one in people.items()))
    facts = host_facts(Looked(), no_program, places(tmp_path))
    assert {one["name"]: one["expired"] for one in facts["accounts"]} == {"alice": True, "bob": False, "carol": False}


def test_a_key_file_that_others_can_write_is_told(tmp_path: Path) -> None:
    test_a_whole_host(tmp_path)
    (tmp_path / "keys" / "alice").chmod(0o666)
    facts = host_facts(Looked(), no_program, places(tmp_path))
    assert facts["accounts"][1]["key_file"]["writable_by"] == f"uid {os.geteuid()}, mode 0666"


def test_keys_that_are_left_out_are_said(tmp_path: Path) -> None:
    test_a_whole_host(tmp_path)
    (tmp_path / "keys" / "alice").write_text("".join(f"{public_key(number)}\n" for number in range(203)))
    facts = host_facts(Looked(), no_program, places(tmp_path))
    assert f"{tmp_path}/keys/alice has 3 keys that were left out" in facts["gaps"]


@AS_ROOT
def test_files_of_numbers_that_nobody_has(tmp_path: Path) -> None:
    for path, uid, gid in (("a", ALICE, ALICE), ("b", BOB, ALICE), ("d/e/f", BOB, BOB), ("d/g", 1, 1)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
        os.chown(tmp_path / path, uid, gid)
    (tmp_path / "d" / "link").symlink_to("/proc")
    found = strangers_files(str(tmp_path), {0, 1, ALICE}, {0, 1, ALICE}, time.monotonic() + 60)
    numbers = {(one["kind"], one["number"]): one["count"] for one in found["numbers"]}
    assert numbers == {("uid", BOB): 2, ("gid", BOB): 1}
    assert found["numbers"][1]["examples"] == [str(tmp_path / "b"), str(tmp_path / "d/e/f")]
    assert (found["seen"], found["gaps"]) == (7, [])


@AS_ROOT
def test_a_tree_that_is_too_deep_is_a_gap(tmp_path: Path) -> None:
    here = tmp_path
    for _level in range(DEEPEST + 5):
        here = here / "d"
        here.mkdir()
    found = strangers_files(str(tmp_path), {0}, {0}, time.monotonic() + 60)
    assert found["gaps"] == [f"{tmp_path}: directories deeper than {DEEPEST} levels (1)"]
    assert len(os.listdir("/proc/self/fd")) < DEEPEST
    assert strangers_files(str(tmp_path), {0}, {0}, 0)["gaps"] == [
        f"{tmp_path}: there was no time left for all of it (1)"
    ]
    assert strangers_files(str(tmp_path / "none"), {0}, {0}, 0) == {"seen": 0, "numbers": [], "gaps": []}


CONFIG = "Include more/*.conf\nMatch Group research\n  PasswordAuthentication no\nMatch User backup-*\n"


def test_sshd_is_asked_once_for_each_kind_of_account(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "x.conf").write_text("match user special\n")
    (tmp_path / "sshd_config").write_text(CONFIG)
    asked: list[str] = []

    def run(command: list[str]) -> tuple[int, str, str]:
        asked.append(command[-1].split(",")[0])
        central = "/etc/ssh/authorized_keys.d/%u"
        own = central if "alice" in command[-1] else f".ssh/authorized_keys {central}"
        return 0, f"authorizedkeysfile {own}\npasswordauthentication yes\npermitrootlogin no\ndenyusers zoe\n", ""

    people = [
        *(Asked(name, 5000, f"/home/{name}", ("research",)) for name in ("alice", "bob", "x,user=root")),
        Asked("special", 5001, "/home/special", ("research",)),
        Asked("backup-1", 1001, "/b", ()),
        Asked("zoe", 1002, "/z", ()),
        Asked("root", 0, "/root", ("root",)),
    ]
    ways, gaps = ways_of_sshd(people, str(tmp_path / "sshd_config"), run)
    assert asked == ["user=alice", "user=special", "user=backup-1", "user=zoe", "user=root"]
    assert gaps == []
    assert ways["bob"] == {"central_keys": True, "home_keys": [], "passwords": True, "certificates": False}
    assert ways["special"]["home_keys"] == [".ssh/authorized_keys"]
    assert (
        ways["zoe"]
        == ways["root"]
        == {"central_keys": False, "home_keys": [], "passwords": False, "certificates": False}
    )


def test_keys_count_in_a_home_that_is_the_root_of_all(tmp_path: Path) -> None:
    (tmp_path / "sshd_config").write_text("")
    out = "authorizedkeysfile .ssh/authorized_keys %h/.ssh/authorized_keys2\n"
    ways, _gaps = ways_of_sshd([Asked("a", 1, "", ())], str(tmp_path / "sshd_config"), lambda _command: (0, out, ""))
    assert ways["a"]["home_keys"] == [".ssh/authorized_keys", ".ssh/authorized_keys2"]


def test_a_key_file_that_sshd_has_printed_is_the_key_file(tmp_path: Path) -> None:
    (tmp_path / "sshd_config").write_text("")
    out = "authorizedkeysfile none\nauthorizedkeyscommand /usr/bin/cat /etc/ssh/authorized_keys.d/%u\n"
    ways, gaps = ways_of_sshd([Asked("a", 1, "/a", ())], str(tmp_path / "sshd_config"), lambda _command: (0, out, ""))
    assert ways["a"] == {"central_keys": True, "home_keys": [], "passwords": True, "certificates": False}
    assert gaps == []


def test_keys_in_places_where_nobody_looks_are_a_gap(tmp_path: Path) -> None:
    (tmp_path / "sshd_config").write_text("")
    out = "authorizedkeysfile /var/keys/%u .ssh/authorized_keys\nauthorizedkeyscommand /usr/bin/ask\n"
    _ways, gaps = ways_of_sshd([Asked("a", 1, "/a", ())], str(tmp_path / "sshd_config"), lambda _command: (0, out, ""))
    assert len(gaps) == 2
    assert ways_of_sshd([Asked("a", 1, "/a", ())], str(tmp_path / "none"), no_program) == ({}, [])
    ways, gaps = ways_of_sshd([Asked("a", 1, "/a", ())], str(tmp_path / "sshd_config"), no_program)
    assert (ways, len(gaps)) == ({}, 1)
