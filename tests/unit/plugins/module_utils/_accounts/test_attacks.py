# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody would try: a user of the host, a colleague who may edit the roster, another program, a power cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._roster import parse_roster

if TYPE_CHECKING:
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
