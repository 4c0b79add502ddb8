# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ansible-playbook from the controller against the machines."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fleetlib.errors import FleetError
from fleetlib.paths import checkout
from fleetlib.process import attempt, output_of

from .sandbox import logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HERE = Path(__file__).resolve().parent.parent
_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Played:
    """How a playbook went."""

    code: int
    output: str
    changed: Mapping[str, int]
    seconds: float

    def changes(self) -> int:
        return sum(self.changed.values())

    def tail(self) -> str:
        lines = [line for line in self.output.splitlines() if line.startswith(("fatal", "failed", "ERROR", "[ERROR"))]
        return " / ".join(line[:600] for line in lines[-2:]) or self.output[-300:]


def play(
    playbook: str,
    *options: str,
    variables: Mapping[str, object] | None = None,
    timeout: float = 240,
) -> Played:
    """Run a playbook of this directory or, as labfleet.identity.NAME, of the collection."""
    found = [path for path in (_HERE / "playbooks" / playbook, _HERE / playbook) if path.exists()]
    inventory = ["-i", str(_HERE / "inventory" / "hosts.yml")]
    extra = ["-e", json.dumps(variables)] if variables else []
    program = Path(sys.executable).with_name("ansible-playbook")
    argv = [str(program), *inventory, *options, *extra, str(found[0]) if found else playbook]
    began = time.monotonic()
    done = attempt(["env", *_environment(), *argv], timeout=timeout)
    with (logs() / "ansible.log").open("a", encoding="utf-8") as stream:
        stream.write(f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}\n")
    changed = {host: int(count) for host, count, _unreachable, _failed in _RECAP.findall(done.stdout)}
    return Played(done.returncode, done.stdout + done.stderr, changed, time.monotonic() - began)


def play_well(playbook: str, *options: str, variables: Mapping[str, object] | None = None) -> Played:
    """Run a playbook that nothing else makes sense without."""
    played = play(playbook, *options, variables=variables)
    if played.code != 0:
        raise FleetError(f"{playbook} fails: {played.tail()}; all of it is in {logs() / 'ansible.log'}")
    return played


def ensure_tree() -> None:
    """The collection as it is in the checkout now, where nobody names another place."""
    if not os.environ.get("ANSIBLE_COLLECTIONS_PATH"):
        output_of([str(checkout() / "scripts" / "tree")], "making a tree of the collection")


def _environment() -> Sequence[str]:
    given = os.environ.get("ANSIBLE_COLLECTIONS_PATH")
    paths = given or os.pathsep.join(str(checkout() / ".build" / name) for name in (".", "bundled"))
    return [f"ANSIBLE_CONFIG={_HERE / 'ansible.cfg'}", f"ANSIBLE_COLLECTIONS_PATH={paths}", "ANSIBLE_NOCOLOR=1"]
