# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines of the scenario: a file server, and an instance of each of two templates."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import sandbox
from .machines import Machine, boot, make_keys, output_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .report import Report

PEOPLE = ("alice", "bob", "carol")


@dataclass(frozen=True)
class Lab:
    """What the parts of the scenario work with."""

    disk: Path
    server: Machine
    python: Machine
    r: Machine

    @property
    def instances(self) -> tuple[Machine, Machine]:
        return self.python, self.r


@contextmanager
def open_lab(disk: Path, report: Report) -> Iterator[Lab]:
    """Boot the machines; whatever ends this program ends them."""
    sandbox.prepare()
    for old in sandbox.logs().glob("*.log"):
        old.unlink()
    make_keys(["admin", *PEOPLE])
    lab = Lab(
        disk,
        server=Machine("server", 1),
        python=Machine("python", 2, template_user="researcher"),
        r=Machine("r", 3, template_user="rstudio"),
    )
    machines = [lab.server, *lab.instances]
    try:
        with report.timed("boot a file server and two instances"):
            boot(machines, disk)
        with report.timed("start the file server"):
            output_on("server", "sudo systemctl start nfs-server")
        yield lab
    finally:
        for machine in machines:
            machine.crash()
