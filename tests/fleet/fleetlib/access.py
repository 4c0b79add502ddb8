# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a fleet is reached: the SSH key, known host keys, SSH configuration, static inventory."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from .process import output_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .fleet import Fleet


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def make_key(path: Path, comment: str) -> str:
    """An ed25519 key pair without passphrase at PATH, made when it is not there; returns the public line."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], "ssh-keygen")
    return path.with_name(path.name + ".pub").read_text(encoding="utf-8").strip()


def write_access(fleet: Fleet, host_keys: Mapping[str, str]) -> None:
    """Write everything that SSH and Ansible need to reach the fleet; HOST_KEYS are public keys by host name."""
    known = [f"{host.name},{host.address} {host_keys[host.name]}" for host in fleet.hosts]
    write_private(fleet.directory / "ssh" / "known_hosts", "".join(f"{line}\n" for line in known))
    write_private(fleet.ssh_config, ssh_config(fleet))
    fleet.inventory.parent.mkdir(exist_ok=True)
    fleet.inventory.write_text(json.dumps(inventory(fleet), indent=2) + "\n", encoding="utf-8")


def ssh_config(fleet: Fleet) -> str:
    """Real host key checking, nobody's own SSH settings, no key but the one that is named."""
    lines = [
        "Host *",
        f"  User {fleet.login}",
        "  IdentitiesOnly yes",
        "  IdentityAgent none",
        f'  UserKnownHostsFile "{fleet.directory / "ssh" / "known_hosts"}"',
        "  GlobalKnownHostsFile none",
        "  StrictHostKeyChecking yes",
        "  PasswordAuthentication no",
        "  KbdInteractiveAuthentication no",
        "  ConnectTimeout 20",
        "  ServerAliveInterval 10",
        "  LogLevel ERROR",
        f"Match user {fleet.login}",
        f'  IdentityFile "{fleet.key}"',
    ]
    for host in fleet.hosts:
        lines += [f"Host {host.name} {host.address}", f"  HostName {host.address}"]
    return "".join(f"{line}\n" for line in lines)


def inventory(fleet: Fleet) -> dict[str, object]:
    """The static inventory, as a value; groups by template and by release."""
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for host in fleet.hosts:
        for group in (f"template_{host.spec.template}", f"release_{host.spec.release}"):
            groups.setdefault(group.replace("-", "_"), {"hosts": {}})["hosts"][host.name] = {}
    return {
        "all": {
            "vars": {
                "ansible_user": fleet.login,
                "ansible_ssh_private_key_file": str(fleet.key),
                "ansible_ssh_common_args": f'-F "{fleet.ssh_config}"',
                "ansible_python_interpreter": "/usr/bin/python3",
            },
            "hosts": {
                host.name: {"ansible_host": host.address, "fleet_container": host.container} for host in fleet.hosts
            },
            "children": groups,
        }
    }
