# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at the hosts as people do: log in over SSH. Everything that is shown is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import FleetError
from ..process import attempt
from .lab import EXPECTED, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..console import Console
    from ..fleet import Fleet

_SSH_FAILED = 255


def log_in(fleet: Fleet, console: Console, person: str, host: str, command: str) -> str:
    """Run COMMAND, a constant, as PERSON with that person's own key."""
    console.say(f"  {person}@{host} $ {command}")
    argv = [*fleet.ssh(host, user=person, key=key_of(fleet.directory, person)), command]
    done = attempt(argv)
    if done.returncode != 0:
        raise FleetError(f"{person} cannot do {command!r} on {host}: {(done.stderr or done.stdout).strip()}")
    for line in done.stdout.splitlines():
        console.say(f"      {line}")
    return done.stdout.strip()


def refused(fleet: Fleet, console: Console, person: str, host: str, *, key: str) -> None:
    """The login as PERSON with the key of KEY has to fail, and because of the key."""
    console.say(f"  {person}@{host} with the key of {key}")
    done = attempt([*fleet.ssh(host, user=person, key=key_of(fleet.directory, key)), "true"])
    answer = done.stderr.strip()
    if done.returncode == 0:
        raise FleetError(f"{host} lets {person} in with the key of {key}, and should not")
    if done.returncode != _SSH_FAILED or "Permission denied" not in answer:
        raise FleetError(f"the login of {person} on {host} failed for another reason than a refusal: {answer}")
    console.say(f"      {answer.splitlines()[-1]}")


def same(what: str, answers: Mapping[str, str]) -> str:
    """The one answer that all hosts give."""
    if len(set(answers.values())) != 1:
        told = ", ".join(f"{host} says {answer!r}" for host, answer in answers.items())
        raise FleetError(f"{what} should be the same everywhere: {told}")
    return next(iter(answers.values()))


def alice_is_the_same(fleet: Fleet, console: Console, hosts: Sequence[str]) -> None:
    """Identity, home and files of alice agree on all HOSTS; what she writes on one is hers on the others."""
    same("the identity of alice", {host: log_in(fleet, console, "alice", host, "id") for host in hosts})
    home = same("the home of alice", {host: log_in(fleet, console, "alice", host, "pwd") for host in hosts})
    if home != "/efs/home/alice":
        raise FleetError(f"alice should be at home in /efs/home/alice, and is in {home}")
    number = log_in(fleet, console, "alice", hosts[0], "id -u")
    log_in(fleet, console, "alice", hosts[0], "date > results.txt")
    look = "stat -c '%n %U %u %G %g' results.txt"
    seen = same("the owner of the file", {host: log_in(fleet, console, "alice", host, look) for host in hosts})
    if seen != f"results.txt alice {number} alice {number}":
        raise FleetError(f"results.txt should belong to alice with the number {number}: {seen}")


def jupyter_answers(fleet: Fleet, console: Console, hosts: Sequence[str]) -> None:
    """JupyterLab of alice answers her and her token on all HOSTS, and nobody without it."""
    ask = "curl --silent --output /dev/null --write-out '%{http_code}' --retry 30 --retry-delay 1 --retry-all-errors"
    door = "--unix-socket /run/jupyter/alice/jupyter.sock http://localhost/api/status"
    # by way of a pipe, for everybody on a host sees the arguments of programs
    token = """printf 'header = "Authorization: token %s"' "$(cat /run/jupyter/alice/token)" | """
    for host in hosts:
        owner = log_in(fleet, console, "alice", host, "stat -c %U:%a /run/jupyter/alice/jupyter.sock")
        answers = {
            "her token": log_in(fleet, console, "alice", host, f"{token}{ask} --config - {door}"),
            "no token": log_in(fleet, console, "alice", host, f"{ask} {door}"),
        }
        if (owner, *answers.values()) != ("alice:600", "200", "403"):
            raise FleetError(f"JupyterLab on {host} belongs to {owner} and answers {answers}, not 200 and 403")


def numbers(fleet: Fleet, people: Sequence[str]) -> dict[str, dict[str, int]]:
    """The UIDs as the hosts tell them: by person, then by host."""
    found: dict[str, dict[str, int]] = {person: {} for person in people}
    for host in fleet.hosts:
        for line in fleet.run(host.name, ["getent", "passwd"]).splitlines():
            name, _password, uid = line.split(":")[:3]
            if name in found:
                found[name][host.name] = int(uid)
    return found


def check_numbers(found: Mapping[str, Mapping[str, int]]) -> None:
    """One number for one person on every host, no number for two, and everybody where they belong."""
    owners: dict[int, str] = {}
    for person, by_host in found.items():
        if len(set(by_host.values())) > 1:
            raise FleetError(f"{person} has more than one number: {dict(by_host)}")
        for uid in set(by_host.values()):
            if uid in owners:
                raise FleetError(f"{person} and {owners[uid]} share the number {uid}")
            owners[uid] = person
    for host, wanted in EXPECTED.items():
        present = sorted(person for person, by_host in found.items() if host in by_host)
        if present != sorted(wanted):
            raise FleetError(f"{host} has accounts for {', '.join(present)} instead of {', '.join(sorted(wanted))}")


def table(found: Mapping[str, Mapping[str, int]], hosts: Sequence[str]) -> list[str]:
    """Who has which number where, for a person to read."""
    rows = [["person", *hosts]]
    for person, by_host in found.items():
        cells = [str(by_host.get(host, "-")) for host in hosts]
        rows.append([person, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
