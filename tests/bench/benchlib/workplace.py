# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that the contenders work with: one ansible.cfg for all, plays, scripts, inventories, the people as data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .bench_hosts import first_of, write_inventory
from .errors import BenchError
from .measure import Surroundings

if TYPE_CHECKING:
    from fleetlib import Fleet

REPOSITORY = Path(__file__).resolve().parents[3]
_PLAYS = Path(__file__).resolve().parent.parent / "plays"
# The same settings for every contender; they are what anybody who cares for speed has.
_CONFIG = """\
[defaults]
forks = 10
gathering = explicit
interpreter_python = /usr/bin/python3
retry_files_enabled = false
nocows = true

[ssh_connection]
pipelining = true
ssh_executable = {ssh}
ssh_args = -o ControlMaster=auto -o ControlPersist=1h
control_path_dir = {sockets}
"""
# Ansible calls `ssh -o ControlPersist` to learn what it can do: that is no execution on a host.
_COUNTING_SSH = """\
#!/bin/sh
[ "$#" -le 2 ] || printf . >>'{executions}'
exec {ssh} "$@"
"""
_PASSED_ON = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "USER", "DOCKER_HOST")


@dataclass(frozen=True)
class Workplace:
    """Directories and settings of one run of the benchmark."""

    fleet: Fleet
    directory: Path
    sockets: Path
    environment: dict[str, str]
    first_processes: dict[str, int]

    @property
    def ssh(self) -> Path:
        return self.directory / "ssh"

    @property
    def executions(self) -> Path:
        return self.directory / "executions"

    def inventory(self, hosts: int) -> Path:
        return self.directory / f"hosts-{hosts}" / "hosts.yml"

    def hosts(self, count: int) -> Fleet:
        return first_of(self.fleet, count)

    def surroundings(self, hosts: int) -> Surroundings:
        running = tuple(self.first_processes[host.name] for host in self.hosts(hosts).hosts)
        return Surroundings(self.environment, self.directory, self.sockets, self.executions, running)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def write_json(self, name: str, value: object) -> Path:
        return self.write(name, json.dumps(value, indent=1) + "\n")

    def copy_play(self, play: str, into: str) -> Path:
        return self.write(f"{into}/{play}.yml", (_PLAYS / f"{play}.yml").read_text(encoding="utf-8"))

    def leave(self) -> None:
        """Close the connections that are kept open."""
        for socket in self.sockets.iterdir():
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "none"], capture_output=True, check=False
            )
        shutil.rmtree(self.sockets)


def program(name: str) -> str:
    """A program of the environment that this Python belongs to."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise BenchError(f"there is no {name} beside {Path(sys.executable).name}: run `make venv`, then `make bench`")
    return str(path)


def make_workplace(fleet: Fleet) -> Workplace:
    directory = fleet.directory / "bench"
    directory.mkdir(parents=True)
    # The path of a socket must be short, wherever the checkout is.
    sockets = Path(tempfile.mkdtemp(prefix="lfbench-"))
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "ansible-home"),
        "ANSIBLE_COLLECTIONS_PATH": str(_collections()),
        "ANSIBLE_NOCOLOR": "1",
    }
    running = {host.name: _first_process(host.container) for host in fleet.hosts}
    place = Workplace(fleet, directory, sockets, environment, running)
    place.write("ansible.cfg", _CONFIG.format(ssh=place.ssh, sockets=sockets))
    place.write("ssh", _COUNTING_SSH.format(executions=place.executions, ssh=shutil.which("ssh")))
    place.ssh.chmod(0o755)
    for count in range(1, len(fleet.hosts) + 1):
        write_inventory(first_of(fleet, count), place.inventory(count))
    return place


def _collections() -> Path:
    """The directory with ansible_collections/ in which the checkout is a collection."""
    made = subprocess.run([REPOSITORY / "scripts" / "tree"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BenchError(f"scripts/tree failed: {made.stderr.strip()}")
    return Path(made.stdout.strip()).parents[2]


def _first_process(container: str) -> int:
    """The process of this machine that is a container's process 1."""
    inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
    shown = subprocess.run(inspect, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        raise BenchError(f"{container} does not run: {shown.stderr.strip()}")
    return int(shown.stdout)
