# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No home is made where it does not belong, and nobody gets at one without the kernel of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..machines import on, output_on
from ..people import GROUPS, write_roster
from ..play import play

if TYPE_CHECKING:
    from ..lab import Lab
    from ..report import Report

_MARKER = "/srv/efs/.labfleet-efs"
_CONNECT = "python3 -c 'import socket; socket.create_connection((\"10.77.1.11\", 2049), 5)'"
# a network behind the host, as docker makes it
_MAKE_BOX = (
    "ip netns add box",
    "ip link add box type veth peer name eth0 netns box",
    "ip address add 10.88.0.1/24 dev box",
    "ip link set box up",
    "ip -n box address add 10.88.0.2/24 dev eth0",
    "ip -n box link set eth0 up",
    "ip -n box route add default via 10.88.0.1",
    "sysctl -q net.ipv4.ip_forward=1",
    "iptables -t nat -A POSTROUTING -s 10.88.0.0/24 -j MASQUERADE",
)
_REMOVE_BOX = (
    "iptables -t nat -D POSTROUTING -s 10.88.0.0/24 -j MASQUERADE",
    "sysctl -q net.ipv4.ip_forward=0",
    "ip netns delete box",
)


def _unmount(name: str) -> None:
    output_on(name, "sudo systemctl stop efs.automount efs.mount")


def _mount_again(name: str) -> None:
    output_on(name, "sudo systemctl start efs.automount")


def unmounted(_lab: Lab, report: Report) -> None:
    """The bare mount point."""
    _unmount("r")
    try:
        attempts = {
            command: on("r", f"sudo {command}")
            for command in ("mkdir /efs/home", "touch /efs/x", "chmod 755 /efs", "mv /efs /efs2", "rmdir /efs")
        }
        for command, done in attempts.items():
            report.expect(done.returncode != 0, f"root cannot `{command}` while nothing is mounted", str(done))
        left = output_on("r", "sudo ls -A /efs")
        report.expect(left == "", "and nothing is in it", left)
    finally:
        _mount_again("r")


def wrong_file_system(_lab: Lab, report: Report) -> None:
    """Something else at the mount point of each instance, then a marker that names another file system."""
    for name in ("python", "r"):
        _unmount(name)
    output_on("python", "sudo mount -t tmpfs -o mode=755 tmpfs /efs")
    output_on("server", "sudo mkdir -p /srv/efs/other")
    output_on("r", "sudo mount -t nfs4 -o vers=4.1 10.77.1.11:/other /efs")
    try:
        played = play("mount.yml")
        for name, why in (("python", "its type"), ("r", "its source")):
            report.expect(
                f"fatal: [{name}]: FAILED" in played.output,
                f"a wrong file system is refused on {name} by {why}",
                played.tail(),
            )
            left = output_on(name, "ls -A /efs")
            report.expect(left == "", f"and nothing was made on it on {name}", left)
    finally:
        for name in ("python", "r"):
            output_on(name, "sudo umount /efs")
            _mount_again(name)
        output_on("server", "sudo rmdir /srv/efs/other")
    output_on("server", f"sudo mv {_MARKER} /srv/marker && echo fs-00000000000000bad | sudo tee {_MARKER}")
    output_on("server", "sudo mv /srv/efs/home/carol /srv/carol")
    try:
        played = play("mount.yml")
        report.expect(
            played.code != 0 and "fs-00000000000000bad" in played.output,
            "the marker of another file system is refused",
            played.tail(),
        )
        report.expect(on("server", "test -e /srv/efs/home/carol").returncode != 0, "and no home is made on it")
    finally:
        output_on("server", f"sudo mv /srv/marker {_MARKER}")
        output_on("server", "sudo mv /srv/carol /srv/efs/home/carol")


def too_many_groups(_lab: Lab, report: Report) -> None:
    """NFS carries 16 groups and drops the others in silence."""
    write_roster({**GROUPS, "carol": [f"project{number}" for number in range(16)]})
    played = play("site.yml")
    report.expect(
        played.code != 0 and "'carol' would be in 17 groups, but NFS heeds 16" in played.output,
        "somebody with more than 16 groups is refused",
        played.tail(),
    )
    write_roster()


def wire(_lab: Lab, report: Report) -> None:
    """A user speaks to the file server with a program of their own, which says that they are alice."""
    output_on("python", "echo 'for nobody else' > wire && chmod 600 wire", user="alice")
    number = output_on("server", "stat -c %u /srv/efs/home/alice")
    as_alice = f"nfs-cat 'nfs://10.77.1.11/home/alice/wire?version=4&uid={number}&gid={number}'"
    for host in ("python", "r"):
        for command in (as_alice, _CONNECT):
            tried = on(host, command, user="bob")
            report.expect(
                tried.returncode != 0 and "for nobody else" not in tried.stdout,
                f"bob on {host} cannot talk to the file server himself ({command.split()[0]})",
                str(tried),
            )
        read = on(host, "cat wire", user="alice")
        report.expect(read.stdout == "for nobody else\n", f"alice on {host} reads through the mount", str(read))
    output_on(
        "python", "sudo iptables --delete OUTPUT -j LABFLEET-EFS && sudo systemctl reload labfleet-efs-filter.service"
    )
    report.expect(on("python", _CONNECT, user="bob").returncode != 0, "nor when somebody had taken the rules away")
    output_on("python", "sudo systemctl stop labfleet-efs-filter.service")
    try:
        stolen = on("python", as_alice, user="bob")
        report.expect(
            stolen.stdout == "for nobody else\n",
            "without the packet filter he reads it, as alice, and is not root",
            str(stolen),
        )
        box = _from_a_box()
        report.expect(box == 0, "and root of a container, whose packets the host only passes on, connects", str(box))
    finally:
        output_on("python", "sudo systemctl start labfleet-efs-filter.service")
    report.expect(on("python", as_alice, user="bob").returncode != 0, "and with it again no more")
    report.expect(_from_a_box() != 0, "nor does the container")


def _from_a_box() -> int:
    """How it ends when root of a network name space, such as docker makes, connects to the file server."""
    output_on("python", f"sudo sh -c '{' && '.join(_MAKE_BOX)}'")
    try:
        return on("python", f"sudo ip netns exec box {_CONNECT}").returncode
    finally:
        on("python", f"sudo sh -c '{'; '.join(_REMOVE_BOX)}'")
