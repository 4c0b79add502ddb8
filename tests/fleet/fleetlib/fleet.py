# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running fleet is: values that are written to its state directory, and what can be asked of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from .errors import FleetError
from .paths import state_directory
from .process import output_of
from .spec import HostSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOGINS = ("admin", "root")


@dataclass(frozen=True)
class Host:
    """A host that runs."""

    spec: HostSpec
    container: str
    address: str

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True)
class Fleet:
    """Hosts that run, on a network of their own."""

    name: str
    hosts: tuple[Host, ...]
    subnet: str
    efs: bool
    login: str

    @property
    def directory(self) -> Path:
        return state_directory(self.name)

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory" / "hosts.yml"

    @property
    def key(self) -> Path:
        """The private key of the login that Ansible uses."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        return self.directory / "ssh" / "config"

    def host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        raise FleetError(f"the fleet {self.name} has no host {name}")

    def run(self, host: str, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 60) -> str:
        """Run a program as root on a host, past SSH; returns what it wrote."""
        interactive = ["--interactive"] if stdin is not None else []
        command = ["docker", "exec", *interactive, self.host(host).container, *argv]
        return output_of(command, f"{argv[0]} on {host}", stdin=stdin, timeout=timeout)

    def ssh(self, host: str, *, user: str | None = None, key: Path | None = None) -> list[str]:
        """The beginning of an SSH command that logs in to a host; what is to run there is appended."""
        identity = ["-i", str(key)] if key is not None else []
        login = ["-l", user] if user is not None else []
        return ["ssh", "-F", str(self.ssh_config), *identity, *login, host]


def save(fleet: Fleet) -> None:
    path = fleet.directory / "fleet.json"
    path.write_text(json.dumps(asdict(fleet), indent=2) + "\n", encoding="utf-8")


def load(name: str) -> Fleet | None:
    """The fleet as it was written down, or None when there is none."""
    path = state_directory(name) / "fleet.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        hosts = tuple(Host(HostSpec(**host["spec"]), host["container"], host["address"]) for host in data["hosts"])
        return Fleet(data["name"], hosts, data["subnet"], data["efs"], data["login"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise FleetError(f"{path} does not describe a fleet: remove the fleet {name} and make it again") from error
