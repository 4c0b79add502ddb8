# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`demo up` shows the main job on real input, `demo down` leaves nothing of it behind."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from ..console import Console
from ..engine import stop_engine
from ..errors import FleetError
from ..hosts import down, up
from ..paths import state_directory
from ..wheels import lay_wheels
from .account import PROFILE, Server, describe, instances
from .checks import alice_is_the_same, check_numbers, jupyter_answers, numbers, refused, table
from .invited import invitation
from .lab import COLLIDING, FLEET, HOSTS, SELECTIONS, write_lab
from .playbook import Ansible, variables, write_settings
from .recap import check_recap, read_recap

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAYBOOK = "labfleet.identity.site"


def demo_up(console: Console) -> None:
    console.say("\n== Three hosts, on two Debian releases, with a volume in place of an EFS file system at /efs")
    fleet = up(FLEET, HOSTS, console, efs=True)
    lay_wheels(FLEET, console)
    people = write_lab(fleet.directory)
    names = [host.name for host in fleet.hosts]

    console.say("\n== An AWS account that describes them (moto), read by the inventory plugin amazon.aws.aws_ec2")
    with console.step("start the moto server and register the instances"):
        port = Server(fleet.directory).start()
        describe(port, fleet.subnet, instances(fleet, SELECTIONS))
    wanted = variables(fleet.directory, port)
    settings = write_settings(fleet.directory, wanted)
    ansible = Ansible(fleet.directory, wanted, console)
    ansible.run("ansible-inventory", "--graph")
    if ansible.listed_hosts() != sorted(names):
        raise FleetError(f"the inventory plugin finds {ansible.listed_hosts()} instead of {sorted(names)}")

    console.say(f"\n== {PLAYBOOK} over SSH")
    check_recap(read_recap(ansible.run("ansible-playbook", PLAYBOOK)), names, nothing_changed=False)
    console.say("\n== Once more: nothing is left to change")
    check_recap(read_recap(ansible.run("ansible-playbook", PLAYBOOK)), names, nothing_changed=True)

    console.say("\n== alice logs in with her own key: the same person on two hosts")
    alice_is_the_same(fleet, console, ["python-ml-1", "r-research-1"])
    console.say("\n== Her JupyterLab, on a machine of each template, as herself: 200 with her token, 403 without")
    jupyter_answers(fleet, console, ["python-ml-1", "r-research-1"])
    console.say("\n== Who has to stay outside: not selected for the host, somebody else's key, left the lab")
    refused(fleet, console, "bob", "r-research-1", key="bob")
    refused(fleet, console, "bob", "python-ml-1", key="alice")
    refused(fleet, console, "david", "python-ml-1", key="david")

    invitation(fleet, ansible, console, ["python-ml-1", "r-research-1"])

    console.say(f"\n== {' and '.join(COLLIDING)} ask for the same number, and the ledger gave them two")
    proposals = f'{json.dumps(COLLIDING)} | map("labfleet.identity.first_choice_uid", "{PROFILE}")'
    ansible.run("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", f"msg={{{{ {proposals} }}}}")
    console.say("  The numbers, as the hosts tell them:")
    found = numbers(fleet, people)
    check_numbers(found)
    for line in table(found, names):
        console.say(f"  {line}")
    console.say("\nThe demo is up and everything above was checked. Go on by hand:")
    console.say(f"  . {settings}")
    console.say("  ansible-playbook labfleet.identity.site --check --diff")
    console.say(f"  ssh -F {fleet.ssh_config} -i {fleet.directory / 'people' / 'alice'} alice@python-ml-1")
    console.say("  make demo-down")


def demo_down(console: Console) -> None:
    Server(state_directory(FLEET)).stop()
    down(FLEET, console)
    stop_engine(console)
    console.say("Nothing of the demo is left; images stay in the engine for the next time.")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="demo", description="One lab on three hosts. See docs/demo.md.")
    parser.add_argument("action", choices=("up", "down"))
    action = {"up": demo_up, "down": demo_down}[parser.parse_args(arguments).action]
    try:
        action(Console(sys.stdout))
    except FleetError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: stopped by you; make demo-down removes what is there", file=sys.stderr)
        return 130
    return 0
