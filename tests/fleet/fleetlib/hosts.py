# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start hosts and remove them again."""

from __future__ import annotations

import fcntl
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .access import make_key, write_access
from .apt import install, is_debian_like
from .engine import engine_in_use
from .errors import FleetError
from .fleet import LOGINS, Fleet, Host, load, save
from .image import ensure_images
from .paths import cache_directory, checkout_id, state_directory
from .process import attempt, output_of
from .spec import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .console import Console
    from .spec import HostSpec

_PARALLEL = 4
_BOOT_SECONDS = 120
_POLL_SECONDS = 0.5
# systemd wants to mount and to manage cgroups of its own; the cgroup namespace keeps that inside.
_PRIVILEGES = (
    "--cgroupns=private",
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--tmpfs=/run:exec",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
)


def _object(fleet: str, part: str) -> str:
    return f"labfleet-{fleet}-{checkout_id()}-{part}"


def _labels(fleet: str) -> tuple[str, str]:
    return f"labfleet.identity={fleet}", f"labfleet.checkout={checkout_id()}"


def up(
    name: str,
    specs: Sequence[HostSpec],
    console: Console,
    *,
    efs: bool = False,
    login: str = "admin",
    fresh: bool = False,
) -> Fleet:
    """Start the hosts, or keep them when exactly they are running already and FRESH is not asked for."""
    _check(name, specs, login)
    if not shutil.which("ssh"):
        _install_ssh_client(console)
    with _alone(name), engine_in_use(console):
        running = None if fresh else load(name)
        if running is not None and _is_as_wanted(running, specs, efs, login):
            console.say(f"- the fleet {name} is up already: {', '.join(host.name for host in running.hosts)}")
            return running
        _remove(name)
        images = ensure_images([(spec.release, spec.template) for spec in specs], console)
        try:
            with console.step(f"start {len(specs)} hosts: {', '.join(spec.name for spec in specs)}"):
                return _start(name, specs, images, efs=efs, login=login)
        except BaseException:
            _remove(name)  # a fleet is there whole or not at all
            raise


def down(name: str, console: Console) -> None:
    """Remove everything of the fleet: containers, volumes, network, state."""
    check_name(name, "fleet")
    if not state_directory(name).exists() and attempt(["docker", "version"], timeout=15).returncode != 0:
        return  # no engine and no trace of a fleet on it
    with _alone(name), engine_in_use(console), console.step(f"remove the fleet {name}"):
        _remove(name)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process at a time starts or removes a fleet."""
    with (cache_directory("locks") / _object(name, "lock")).open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check(name: str, specs: Sequence[HostSpec], login: str) -> None:
    check_name(name, "fleet")
    if not specs:
        raise FleetError(f"the fleet {name} has no hosts: name at least one")
    names = [spec.name for spec in specs]
    if len(set(names)) != len(names):
        raise FleetError(f"the fleet {name} names a host twice: {', '.join(sorted(names))}")
    if login not in LOGINS:
        raise FleetError(f"nobody logs in to a new host as {login!r}: use one of {', '.join(LOGINS)}")


def _install_ssh_client(console: Console) -> None:
    if not is_debian_like():
        raise FleetError("there is no ssh program here: install the OpenSSH client")
    with console.step("install openssh-client"):
        install(["openssh-client"])


def _is_as_wanted(fleet: Fleet, specs: Sequence[HostSpec], efs: bool, login: str) -> bool:
    if (tuple(host.spec for host in fleet.hosts), fleet.efs, fleet.login) != (tuple(specs), efs, login):
        return False
    return all(_address(fleet.name, host.container) == host.address for host in fleet.hosts)


def _address(fleet: str, container: str) -> str | None:
    """The address of a container that runs, else None."""
    wanted = f'{{{{.State.Running}}}} {{{{(index .NetworkSettings.Networks "{_object(fleet, "net")}").IPAddress}}}}'
    done = attempt(["docker", "container", "inspect", "--format", wanted, container])
    running, _blank, address = done.stdout.strip().partition(" ")
    return address if done.returncode == 0 and running == "true" else None


def _start(name: str, specs: Sequence[HostSpec], images: dict[tuple[str, str], str], *, efs: bool, login: str) -> Fleet:
    labels = [f"--label={label}" for label in _labels(name)]
    network = _object(name, "net")
    output_of(["docker", "network", "create", *labels, network], f"making the network {network}")
    inspect = ["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network]
    subnet = output_of(inspect, f"asking for the subnet of {network}")
    shared = []
    if efs:
        volume = _object(name, "efs")
        output_of(["docker", "volume", "create", *labels, volume], f"making the volume {volume}")
        shared = [f"--volume={volume}:/efs"]

    def run(spec: HostSpec) -> Host:
        container = _object(name, spec.name)
        argv = ["docker", "run", "--detach", f"--name={container}", f"--hostname={spec.name}", *labels]
        argv += [f"--network={network}", f"--network-alias={spec.name}", *_PRIVILEGES, *shared]
        output_of([*argv, images[spec.release, spec.template]], f"starting {spec.name}", timeout=120)
        address = _address(name, container)
        if address is None:
            raise FleetError(f"{spec.name} stopped as soon as it was started: {_last_log_line(container)}")
        return Host(spec, container, address)

    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        fleet = Fleet(name, tuple(pool.map(run, specs)), subnet, efs, login)
        public = make_key(fleet.key, f"{login}@labfleet-{name}")
        host_keys = dict(pool.map(lambda host: _make_reachable(fleet, host, public), fleet.hosts))
        if efs:
            first = fleet.hosts[0].name
            fleet.run(first, ["install", "-d", "-m", "0755", "-o", "root", "-g", "root", "/efs/home", "/efs/shared"])
        write_access(fleet, host_keys)
        list(pool.map(lambda host: _log_in(fleet, host), fleet.hosts))
    save(fleet)
    return fleet


def _last_log_line(container: str) -> str:
    done = attempt(["docker", "logs", "--tail", "1", container])
    return (done.stdout + done.stderr).strip() or "it said nothing"


def _make_reachable(fleet: Fleet, host: Host, public_key: str) -> tuple[str, str]:
    """Wait for the host to be up, give it our key, read its own: the host key comes past the network."""
    _wait_for_systemd(host)
    home = "/root" if fleet.login == "root" else f"/home/{fleet.login}"
    owner = ["-o", fleet.login, "-g", fleet.login]
    fleet.run(host.name, ["install", "-d", "-m", "0700", *owner, f"{home}/.ssh"])
    authorized = ["install", "-m", "0600", *owner, "/dev/stdin", f"{home}/.ssh/authorized_keys"]
    fleet.run(host.name, authorized, stdin=f"{public_key}\n")
    algorithm, key = fleet.run(host.name, ["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).split()[:2]
    return host.name, f"{algorithm} {key}"


def _wait_for_systemd(host: Host) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    question = ["docker", "exec", host.container, "systemctl", "is-system-running", "--wait"]
    while True:  # the bus is not there for the first second, and then nobody answers
        state = attempt(question, timeout=_BOOT_SECONDS).stdout.strip()
        if state == "running":
            return
        if state == "degraded":
            failed = attempt(["docker", "exec", host.container, "systemctl", "--failed", "--plain", "--no-legend"])
            units = [line.split()[0] for line in failed.stdout.splitlines() if line.split()]
            raise FleetError(f"{host.name} came up with failed units: {', '.join(units)}")
        if time.monotonic() > deadline:
            raise FleetError(f"{host.name} is not up after {_BOOT_SECONDS} s: systemd says {state or 'nothing'!r}")
        time.sleep(_POLL_SECONDS)


def _log_in(fleet: Fleet, host: Host) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while (done := attempt([*fleet.ssh(host.name), "true"], timeout=30)).returncode != 0:
        if time.monotonic() > deadline:
            raise FleetError(
                f"no login over SSH to {host.name} at {host.address}: {done.stderr.strip()}; "
                "the fleet needs a Docker engine on this machine, whose containers can be reached by their addresses"
            )
        time.sleep(_POLL_SECONDS)


def _remove(name: str) -> None:
    """Everything that carries the labels of the fleet; what is not there is no error."""
    filters = [f"--filter=label={label}" for label in _labels(name)]
    containers = output_of(["docker", "ps", "--all", "--quiet", *filters], "listing containers").split()
    if containers:
        output_of(["docker", "rm", "--force", "--volumes", *containers], "removing containers", timeout=120)
    for kind in ("volume", "network"):
        for thing in output_of(["docker", kind, "ls", "--quiet", *filters], f"listing {kind}s").split():
            output_of(["docker", kind, "rm", thing], f"removing the {kind} {thing}")
    shutil.rmtree(state_directory(name), ignore_errors=True)
    with suppress(OSError):  # other fleets keep theirs there
        state_directory(name).parent.rmdir()
