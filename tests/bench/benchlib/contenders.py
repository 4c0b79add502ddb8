# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes part, and what each of them runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from .measure import Command
from .people import as_roster, as_variables, make_people, with_everything
from .scripts import newusers_script, useradd_script
from .workplace import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .people import Person
    from .stats import Case
    from .workplace import Workplace

PING = "ping"


@dataclass(frozen=True)
class Contender:
    """A way to bring people to hosts."""

    name: str
    is_about: str
    prepare: Callable[[Workplace, Case, list[Person]], Ready]


@dataclass(frozen=True)
class Ready:
    """What a contender runs for a case."""

    people: list[Person]
    commands: tuple[Command, ...]
    numbers_given: bool = True
    # A directory on the controller that is empty before a first run.
    memory: Path | None = None

    def forget(self) -> None:
        if self.memory is not None:
            shutil.rmtree(self.memory, ignore_errors=True)
            self.memory.mkdir()


def make_ready(place: Workplace, case: Case) -> Ready:
    people = make_people(case.users)
    return CONTENDERS[case.contender].prepare(place, case, people)


def ping(place: Workplace, hosts: int) -> tuple[Command, ...]:
    return (_ansible(place.inventory(hosts), str(place.copy_play(PING, PING))),)


def _ansible(inventory: Path, playbook: str) -> Command:
    return Command((program("ansible-playbook"), "-i", str(inventory), playbook))


def _play(name: str, *, as_yaml: bool = False) -> Callable[[Workplace, Case, list[Person]], Ready]:
    """A play that reads the people from variables beside it."""

    def prepare(place: Workplace, case: Case, people: list[Person]) -> Ready:
        directory = f"{case.contender}-{case.users}"
        if as_yaml:
            place.write(f"{directory}/group_vars/all/people.yml", _yaml(as_variables(people)))
        else:
            place.write_json(f"{directory}/group_vars/all/people.json", as_variables(people))
        return Ready(people, (_ansible(place.inventory(case.hosts), str(place.copy_play(name, directory))),))

    return prepare


def _everything(place: Workplace, case: Case, people: list[Person]) -> Ready:
    """The play of `accounts`, with people who have everything."""
    directory = f"everything-{case.users}"
    people = with_everything(people)
    place.write_json(f"{directory}/group_vars/all/people.json", as_variables(people))
    return Ready(people, (_ansible(place.inventory(case.hosts), str(place.copy_play("accounts", directory))),))


def _site(place: Workplace, case: Case, people: list[Person]) -> Ready:
    """The whole playbook of the collection, from a roster in YAML and with an empty ledger to begin with."""
    directory = f"site-{case.users}x{case.hosts}"
    memory = place.directory / directory / "ledger"
    place.write(f"{directory}/inventory/hosts.yml", place.inventory(case.hosts).read_text(encoding="utf-8"))
    roster = place.write(f"{directory}/roster.yml", _yaml(as_roster(people)))
    variables = {
        "research_users_profile": "bench",
        "research_users_roster": str(roster),
        "research_users_ledger": f"file:{memory}/ledger.jsonl",
        "system_users_accounts": [{"name": "researcher", "uid": 1001}],
    }
    inventory = place.write(f"{directory}/inventory/group_vars/all/site.yml", _yaml(variables)).parents[2]
    command = _ansible(inventory, "labfleet.identity.site")
    return Ready(people, (command,), numbers_given=False, memory=memory)


def _yaml(value: object) -> str:
    # The same list in two places is written out twice, as a person would.
    class _Plain(yaml.SafeDumper):
        def ignore_aliases(self, _data: object) -> bool:
            return True

    return yaml.dump(value, Dumper=_Plain, sort_keys=False, width=1000)


def _script(name: str, text: Callable[[list[Person]], str]) -> Callable[[Workplace, Case, list[Person]], Ready]:
    """A shell script, sent to all hosts at once, each in one SSH call over a connection that is kept open."""

    def prepare(place: Workplace, case: Case, people: list[Person]) -> Ready:
        script = place.write(f"{name}-{case.users}.sh", text(people))
        options = ("-o", "ControlMaster=auto", "-o", "ControlPersist=1h", "-o", f"ControlPath={place.sockets}/%C")
        login = (str(place.ssh), "-F", str(place.fleet.ssh_config), *options)
        hosts = place.hosts(case.hosts).hosts
        return Ready(people, tuple(Command((*login, host.name, "sh", "-s"), script) for host in hosts))

    return prepare


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("accounts", "a play with one `labfleet.identity.accounts` task, people in JSON", _play("accounts")),
        Contender(
            "accounts (YAML)",
            "the same, people in YAML, which Ansible needs longer to read",
            _play("accounts", as_yaml=True),
        ),
        Contender(
            "everything",
            "the same, and everybody has limits, sub-ids, a login environment and a mail alias, and 1 in 20 sudo rules",
            _everything,
        ),
        Contender("site", "the whole of `labfleet.identity.site`, people in a roster in YAML", _site),
        Contender(
            "loops",
            "loops of `ansible.builtin.group`, `ansible.builtin.user` and `ansible.posix.authorized_key`",
            _play("loops"),
        ),
        Contender("useradd", "a shell script with `useradd` for each user, one SSH call", _script("a", useradd_script)),
        Contender("newusers", "`newusers` and key files, one SSH call", _script("b", newusers_script)),
    )
}
# Those that are run by ansible-playbook.
PLAYS = ("accounts", "accounts (YAML)", "everything", "site", "loops")
