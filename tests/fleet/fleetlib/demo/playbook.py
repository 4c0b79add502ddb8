# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run Ansible's programs with the demo's settings alone, in sight of the person at the keyboard."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FleetError
from ..paths import FLEET_DIRECTORY, checkout
from ..process import output_of
from .account import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..console import Console

_UNSET = "ANSIBLE_"
_PROGRAMS = Path(sys.prefix) / "bin"


@dataclass(frozen=True)
class Ansible:
    """Ansible over the inventory of the demo."""

    directory: Path
    variables: Mapping[str, str]
    console: Console

    @property
    def log(self) -> Path:
        return self.directory / "ansible.log"

    def run(self, program: str, *arguments: str) -> str:
        """Run one of Ansible's programs, show what it says while it says it, and return that."""
        code, said = self._run(program, *arguments)
        if code != 0:
            raise FleetError(f"{program} ended with return code {code}: {_reason(said)}; the log is {self.log}")
        return "".join(said)

    def fails(self, program: str, *arguments: str) -> str:
        """The same for a run that has to be refused."""
        code, said = self._run(program, *arguments)
        if code == 0:
            raise FleetError(f"{program} should have been refused, and was not; the log is {self.log}")
        return "".join(said)

    def _run(self, program: str, *arguments: str) -> tuple[int, list[str]]:
        said = []
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {shlex.join([program, *arguments])}\n")
            self.console.say(f"  $ {shlex.join([program, *arguments])}")
            process = subprocess.Popen(
                [str(_PROGRAMS / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=dict(self.variables),
            )
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                log.flush()
                said.append(line)
                self.console.say(f"  {line.rstrip()}" if line.strip() else "")
            return process.wait(), said

    def listed_hosts(self) -> list[str]:
        """The hosts that the inventory plugin finds."""
        program = str(_PROGRAMS / "ansible-inventory")
        done = subprocess.run(
            [program, "--list"], capture_output=True, text=True, env=dict(self.variables), timeout=120, check=False
        )
        if done.returncode != 0:
            raise FleetError(f"ansible-inventory ended with return code {done.returncode}: {done.stderr.strip()}")
        return sorted(json.loads(done.stdout)["_meta"]["hostvars"])


def _reason(said: Sequence[str]) -> str:
    for sign in ("fatal:", "[ERROR]", "ERROR!"):
        for line in said:
            if sign in line:
                return line.strip()
    return said[-1].strip() if said else "it said nothing"


def variables(directory: Path, port: int) -> dict[str, str]:
    """The environment of Ansible: the collection of this checkout, the demo's account, nobody's own settings."""
    tree = output_of([str(checkout() / "scripts" / "tree")], "scripts/tree").splitlines()[-1]
    collections = [str(Path(tree).parents[2]), sysconfig.get_paths()["purelib"]]
    base = {name: value for name, value in os.environ.items() if not name.startswith(_UNSET)}
    return {
        **environment(base, port),
        "PATH": os.pathsep.join([str(_PROGRAMS), os.environ.get("PATH", os.defpath)]),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(collections),
        "ANSIBLE_CONFIG": str(FLEET_DIRECTORY / "lab" / "ansible.cfg"),
        "ANSIBLE_INVENTORY": str(directory / "inventory"),
        "ANSIBLE_NOCOLOR": "1",
    }


def write_settings(directory: Path, wanted: Mapping[str, str]) -> Path:
    """A file that a person can source to go on by hand where the demo ended."""
    path = directory / "settings.sh"
    lines = [
        f"export {name}={shlex.quote(value)}"
        for name, value in sorted(wanted.items())
        if name.startswith(("AWS_", _UNSET))
    ]
    lines.append(f'export PATH={shlex.quote(str(_PROGRAMS))}:"$PATH"')
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
