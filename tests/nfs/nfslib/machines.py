# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines in User-Mode Linux: boot them, freeze them, cut them off, let them crash."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fleetlib.errors import FleetError
from fleetlib.process import attempt, output_of

from .needs import KERNEL
from .sandbox import BRIDGE, WORK, logs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BOOT_SECONDS = 120
KEYS = WORK / "keys"
SSH_CONFIG = WORK / "ssh_config"
# the same as those of Ansible, which keeps its connections for whoever comes next
_KEPT = ("-o", "ControlMaster=auto", "-o", "ControlPersist=600s", "-o", f"ControlPath={WORK}/kept-%n")


@dataclass
class Machine:
    """One machine; what a template of machine images brings along is a user."""

    name: str
    number: int
    memory: str = "320M"
    template_user: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"10.77.1.{10 + self.number}"

    @property
    def _tap(self) -> str:
        return f"tap{self.number}"

    @property
    def seed(self) -> Path:
        return WORK / "seed" / self.name

    def plug_in(self) -> None:
        output_of(["ip", "tuntap", "add", self._tap, "mode", "tap"], "making a tap")
        output_of(["ip", "link", "set", self._tap, "master", BRIDGE, "up"], "plugging in a tap")

    def write_seed(self) -> None:
        """What the machine reads when it boots, as from the instance data of a cloud."""
        self.seed.mkdir(parents=True)
        host_key = self.seed / "ssh_host_ed25519_key"
        output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(host_key)], "ssh-keygen")
        lines = [f"name={self.name}", f"address={self.address}/24", f"template_user={self.template_user}"]
        (self.seed / "machine").write_text("\n".join(lines) + "\n", encoding="ascii")
        (self.seed / "authorized_keys").write_text((KEYS / "admin.pub").read_text(encoding="ascii"), encoding="ascii")

    def start(self, disk: Path) -> None:
        arguments = [
            f"umid={self.name}",
            f"uml_dir={WORK}/uml",
            f"ubd0={WORK}/{self.name}.cow,{disk}",
            "root=/dev/ubda",
            "rw",
            f"mem={self.memory}",
            # without gro=1 frames are dropped that the kernel of the controller did not split yet
            f"vec0:transport=tap,ifname={self._tap},depth=128,gro=1,mac=52:54:00:77:01:{self.number:02x}",
            f"hostfs={self.seed}",
            "con=null",
            "con0=null,fd:1",
            "ssl=null",
        ]
        with (logs() / f"console-{self.name}.log").open("ab") as stream:
            self.process = subprocess.Popen(
                [str(KERNEL), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(WORK)},
            )

    def wait_until_up(self, seconds: float = _BOOT_SECONDS) -> None:
        """Wait until sshd says who it is."""
        deadline = time.monotonic() + seconds
        while not self._greets():
            if self.process is None or self.process.poll() is not None:
                raise FleetError(f"{self.name} does not run; its console: {logs()}/console-{self.name}.log")
            if time.monotonic() > deadline:
                raise FleetError(
                    f"{self.name} is not up after {seconds:.0f} s; its console: {logs()}/console-{self.name}.log"
                )
            time.sleep(0.25)

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def freeze(self) -> None:
        """The kernel stops, and with it everything in the machine; to others it is there and silent."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            raise FleetError(f"{self.name} does not run")
        self.process.send_signal(number)

    def cut_off(self) -> None:
        """Pull the cable."""
        output_of(["ip", "link", "set", self._tap, "down"], f"cutting off {self.name}")

    def reconnect(self) -> None:
        output_of(["ip", "link", "set", self._tap, "up"], f"reconnecting {self.name}")

    def crash(self) -> None:
        """As if the power went: nothing is shut down, nothing is written."""
        if self.process is not None:
            hang_up(self.name)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def make_keys(names: Sequence[str]) -> None:
    KEYS.mkdir(exist_ok=True)
    for name in names:
        output_of(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(KEYS / name)], "ssh-keygen")


def boot(machines: Sequence[Machine], disk: Path) -> None:
    """Boot all of them at once, and wait for all."""
    (WORK / "uml").mkdir(exist_ok=True)
    for machine in machines:
        machine.plug_in()
        machine.write_seed()
        machine.start(disk)
    write_ssh_config(machines)
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(Machine.wait_until_up, machines))


def write_ssh_config(machines: Sequence[Machine]) -> None:
    lines = []
    known = []
    for machine in machines:
        lines += [f"Host {machine.name}", f"    HostName {machine.address}"]
        key = (machine.seed / "ssh_host_ed25519_key.pub").read_text(encoding="ascii").strip()
        known.append(f"{machine.address} {key}")
    lines += [
        "Host *",
        "    User admin",
        f"    IdentityFile {KEYS}/admin",
        "    IdentitiesOnly yes",
        "    PasswordAuthentication no",
        f"    UserKnownHostsFile {WORK}/known_hosts",
        "    GlobalKnownHostsFile /dev/null",
        "    StrictHostKeyChecking yes",
        "    ConnectTimeout 10",
    ]
    SSH_CONFIG.write_text("\n".join(lines) + "\n", encoding="ascii")
    (WORK / "known_hosts").write_text("\n".join(known) + "\n", encoding="ascii")


def ssh_argv(machine: str, user: str, *, reads: bool = False) -> list[str]:
    """The beginning of an SSH command that logs in anew, with the key of the user."""
    stdin = [] if reads else ["-n"]
    return ["ssh", *stdin, "-F", str(SSH_CONFIG), "-o", f"IdentityFile={KEYS}/{user}", "-l", user, machine]


def on(machine: str, command: str, *, user: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command line in a machine, over a connection that is kept or by a login of a user."""
    argv = ssh_argv(machine, user) if user else ["ssh", "-n", "-F", str(SSH_CONFIG), *_KEPT, machine]
    return attempt([*argv, command], timeout=timeout)


def output_on(machine: str, command: str, *, user: str = "", timeout: float = 60) -> str:
    done = on(machine, command, user=user, timeout=timeout)
    if done.returncode != 0:
        raise FleetError(f"{command!r} as {user or 'admin'} on {machine} fails: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()


def hang_up(machine: str) -> None:
    """End the connection that is kept: the machine at its other end is no more."""
    attempt(["ssh", "-F", str(SSH_CONFIG), *_KEPT, "-O", "exit", machine])
