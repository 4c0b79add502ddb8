# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration decides before it touches anything."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._record import Owned, Record
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import Table
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration import _mounts
from ansible_collections.labfleet.identity.plugins.module_utils._migration._acl import acl_names, mapped_acl
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import choose_roots, parse_mountinfo
from ansible_collections.labfleet.identity.plugins.module_utils._migration._plan import (
    Facts,
    Plan,
    make_plan,
    new_tables,
)
from ansible_collections.labfleet.identity.plugins.module_utils._migration._request import parse_request

from .conftest import GROUP, PASSWD, acl

MOUNTS = r"""21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /proc rw - proc proc rw
23 21 0:21 / /sys rw - sysfs sysfs rw
24 21 0:5 / /dev rw - devtmpfs devtmpfs rw
25 24 0:22 / /dev/shm rw - tmpfs tmpfs rw
26 21 0:23 / /run rw - tmpfs tmpfs rw
27 26 0:40 / /run/user/1001 rw - tmpfs tmpfs rw
28 21 0:24 / /tmp rw - tmpfs tmpfs rw
29 21 254:16 / /home rw - xfs /dev/vdb rw
30 21 254:0 /srv/data /srv/again rw - ext4 /dev/vda rw
31 21 254:32 /part /mnt/part\040one rw - ext4 /dev/vdc rw
32 21 254:32 /part/deep /mnt/deep rw - ext4 /dev/vdc rw
33 21 0:50 / /efs rw - nfs4 127.0.0.1:/ rw
34 21 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
35 21 0:61 / /elsewhere/merged rw - overlay overlay rw
36 29 0:62 / /home/alice/sshfs rw - fuse.sshfs host:/ rw
37 21 0:70 / /tmp rw - tmpfs tmpfs rw
"""


def roots(*named: str, exclude: tuple[str, ...] = ("/var/lib/docker",), network: bool = False) -> list[str]:
    return [root.path for root in choose_roots(parse_mountinfo(MOUNTS), named, exclude, network, exported=False)]


@pytest.fixture(autouse=True)
def every_mount_point_is_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.isdir", lambda _path: True)


def test_every_local_file_system_is_walked_once() -> None:
    assert roots("local") == ["/", "/dev/shm", "/home", "/mnt/part one", "/tmp"]


def local_roots(*lines: str) -> dict[str, dict[str, Any]]:
    found = choose_roots(parse_mountinfo("\n".join(lines)), ["local"], [], False, exported=False)
    return {root.path: root.stops for root in found if root.path != "/dev/shm"}


def test_a_part_of_a_file_system_that_is_mounted_over_itself_is_walked() -> None:
    """As /home is bound to itself for nosuid, or a subvolume is mounted where it lies."""
    for kind in ("ext4", "btrfs"):
        both = local_roots(
            f"21 1 254:0 / / rw - {kind} /dev/vda rw", f"22 21 254:0 /home /home rw - {kind} /dev/vda rw"
        )
        assert both == {"/": {"home": {}}, "/home": {}}
    again = "23 21 254:0 /home /srv/home rw - ext4 /dev/vda rw"
    once = local_roots("21 1 254:0 / / rw - ext4 /dev/vda rw", "22 21 254:0 /home /home rw - ext4 /dev/vda rw", again)
    assert list(once) == ["/", "/home"]
    hidden = local_roots("21 1 254:0 / / rw - ext4 /dev/vda rw", "22 21 0:9 / /home rw - nfs4 server:/ rw", again)
    assert list(hidden) == ["/", "/srv/home"]


def test_a_subvolume_is_walked_though_its_file_system_is_mounted_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk of the whole does not enter subvolumes."""
    devices = {"/mnt/whole": 50, "/mnt/whole/@home": 51, "/mnt/whole/data": 50}
    monkeypatch.setattr(_mounts, "_device_of", devices.__getitem__)
    whole = "31 21 0:40 / /mnt/whole rw - btrfs /dev/vdb rw"
    home, data = "32 21 0:40 /@home /home rw - btrfs /dev/vdb rw", "33 21 0:40 /data /data rw - btrfs /dev/vdb rw"
    assert list(local_roots("21 1 254:0 / / rw - ext4 /dev/vda rw", whole, home, data)) == ["/", "/home", "/mnt/whole"]


def test_shared_memory_is_walked_where_it_is_no_mount_of_its_own() -> None:
    lines = MOUNTS.replace("25 24 0:22 / /dev/shm rw - tmpfs tmpfs rw\n", "")
    for kind in ("tmpfs", "devtmpfs"):
        mounts = parse_mountinfo(lines.replace("devtmpfs devtmpfs", f"{kind} {kind}"))
        assert "/dev/shm" in [root.path for root in choose_roots(mounts, ["local"], [], False, exported=False)]


def test_named_places_are_walked_as_far_as_their_file_system_reaches() -> None:
    assert roots("/home/bob", "/home/bob/inside", "/home") == ["/home"]
    assert roots("local", "/efs", network=True) == ["/", "/dev/shm", "/efs", "/home", "/mnt/part one", "/tmp"]
    (home,) = choose_roots(parse_mountinfo(MOUNTS), ["/home"], ["/home/bob/x", "/home/bob/x/y", "/var"], False, False)
    assert home.stops == {"alice": {"sshfs": {}}, "bob": {"x": {}}}
    (efs,) = choose_roots(parse_mountinfo(MOUNTS), ["/efs"], [], True, False)
    assert efs.shared
    assert not home.shared


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["/efs"], "network_file_systems: true"),
        (["/proc"], "no place for files"),
        (["home"], "plain absolute path"),
        (["/home/../etc"], "plain absolute path"),
        ([], "nothing to walk"),
    ],
)
def test_places_that_are_not_walked(named: list[str], message: str) -> None:
    with pytest.raises(IdentityError, match=message):
        roots(*named)


# ACLs

NUMBERS = st.integers(41000, 41010)
ENTRIES = st.lists(
    st.tuples(st.sampled_from([1, 2, 4, 8, 16, 32]), st.integers(0, 7), NUMBERS),
    unique_by=lambda entry: (entry[0], entry[2]),
)
MAPS = st.dictionaries(NUMBERS, st.integers(45000, 45010), max_size=5)


@given(ENTRIES, MAPS, MAPS)
def test_an_acl_gives_the_same_rights_to_the_new_numbers(
    entries: list[tuple[int, int, int]], uids: dict[int, int], gids: dict[int, int]
) -> None:
    data = acl(*entries)
    new = mapped_acl(data, uids, gids)
    assert (new is None) == (not acl_names(data, uids, gids))
    if new is not None:
        kinds = {2: uids, 8: gids}
        wanted = sorted((tag, bits, kinds.get(tag, {}).get(number, number)) for tag, bits, number in entries)
        found = sorted(mapped_entries(new))
        taken = len(set(uids.values())) < len(uids) or len(set(gids.values())) < len(gids)
        assert found == wanted or taken
        # what was changed is not changed again
        assert mapped_acl(new, uids, gids) is None or taken


def mapped_entries(data: bytes) -> list[tuple[int, int, int]]:
    return [struct.unpack_from("<HHI", data, at) for at in range(4, len(data), 8)]


@given(st.binary(max_size=64))
def test_what_is_no_acl_is_left_alone(data: bytes) -> None:
    if data[:4] != b"\x02\0\0\0" or (len(data) - 4) % 8:
        assert mapped_acl(data, {0: 1}, {0: 1}) is None


# plans


def facts(passwd: str = PASSWD, group: str = GROUP, **more: Any) -> Facts:
    tables = {name: Table(name, text.encode()) for name, text in (("passwd", passwd), ("group", group))}
    return Facts(tables, more.pop("record", Record({}, {})), **more)


def plan(users: list[dict[str, Any]], groups: list[dict[str, Any]] | None = None, known: Facts | None = None) -> Plan:
    params = {
        "users": users, "groups": groups or [], "roots": ["local"], "exclude": [], "network_file_systems": False,
        "stop": False, "processes": 1, "lock_timeout": 1,
    }  # fmt: skip
    return make_plan(parse_request(params), known or facts())


@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_in_no_walk_an_old_number_is_a_new_one(order: list[int], outside: set[int]) -> None:
    """Whatever is exchanged with whatever, and however often a walk is done: everything gets its number."""
    moves = {
        f"user{old}": (41000 + old, 45000 + old if old in outside else 41000 + new)
        for old, new in enumerate(order)
        if new not in outside or old in outside
    }
    target = [new for _old, new in moves.values()]
    if len(set(target)) < len(target):
        return
    phases = Plan(moves, {}, {}).phases
    for name, (old, new) in moves.items():
        number = old
        for phase in phases:
            assert not set(phase.uids).intersection(phase.uids.values())
            for _again in range(3):
                number = phase.uids.get(number, number)
        assert number == new, name


@pytest.mark.parametrize(
    ("users", "groups", "message"),
    [
        ([{"name": "alice", "to_uid": 41002}], [], "is also that of bob"),
        ([{"name": "alice", "to_uid": 45238, "to_gid": 41500}], [], "is also that of lab"),
        ([{"name": "alice", "to_uid": 45238, "from_uid": 41009}], [], "has the uid 41001, neither 41009 nor 45238"),
        ([{"name": "alice", "to_uid": 999}], [], "belongs to the system's own accounts"),
        ([{"name": "root", "to_uid": 45238}], [], "only numbers from 1000 up"),
        ([{"name": "alice", "to_uid": 45238, "from_uid": 65534}], [], "only numbers from 1000 up"),
        ([{"name": "alice", "to_uid": 45238}, {"name": "bob", "to_uid": 45238}], [], "two entries have the uid"),
        ([{"name": "alice", "to_uid": 45238}] * 2, [], "two entries have the user"),
        ([{"name": "../x", "to_uid": 45238}], [], "../x"),
        ([{"name": "carol", "to_uid": 45238, "from_gid": 41500}], [], "primary group of carol is not carol"),
        ([], [{"name": "lab", "to_gid": 41001}], "is also that of alice"),
    ],
)
def test_what_is_refused(users: list[dict[str, Any]], groups: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        plan(users, groups)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (facts(PASSWD + "eve:x:41001:41009::/home/eve:/bin/sh\n"), "41001 of alice is also that of eve"),
        (facts(PASSWD + "eve:x:45238:1::/home/eve:/bin/sh\n"), "45238 of alice is also that of eve"),
        (facts(PASSWD + "eve:x:41009:45238::/home/eve:/bin/sh\n"), "eve has the primary group 45238"),
        (facts(PASSWD + " eve:x:45238\n"), "malformed line"),
        (facts(PASSWD.replace("alice:x:", "alice:*:")), "alice has a password field in /etc/passwd"),
        (facts(directory_uids={45238: "zoe"}), "that of zoe in the directory service"),
        (facts(protected=["alice"]), "alice is who this run came in as"),
        (facts(record=Record({"alice": Owned(41007, "x")}, {})), "the record has the uid 41007 for alice"),
        (facts(record=Record({"gone": Owned(45238, "x")}, {})), "45238 was given to gone"),
    ],
)
def test_numbers_that_somebody_has(known: Facts, message: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        plan([{"name": "alice", "to_uid": 45238}], known=known)
    assert message in str(refusal.value)


def test_who_is_not_there_or_has_the_number_is_passed_over() -> None:
    found = plan([{"name": "zoe", "to_uid": 45000}, {"name": "alice", "to_uid": 41001}])
    assert (found.users, found.groups) == ({}, {})


def test_a_primary_group_of_many_stays_and_that_is_said() -> None:
    found = plan([{"name": "carol", "to_uid": 45238}])
    assert found.users == {"carol": (41004, 45238)}
    assert found.groups == {}
    assert "primary group of carol" in found.warnings[0]


def test_the_account_files_are_written_once_and_only_from_what_was_planned() -> None:
    known = facts()
    found = plan([{"name": "alice", "to_uid": 41002}, {"name": "bob", "to_uid": 41001}], known=known)
    contents = new_tables(found, known.tables)
    assert list(contents) == ["group", "passwd"]
    after = {name: Table(name, data) for name, data in contents.items()}
    assert after["passwd"].entries["alice"][2:4] == ["41002", "41002"]
    assert after["group"].entries["bob"][2] == "41001"
    assert new_tables(found, after) == {}
    changed = facts(PASSWD.replace("alice:x:41001", "alice:x:41777"))
    with pytest.raises(IdentityError, match="changed meanwhile"):
        new_tables(found, changed.tables)
