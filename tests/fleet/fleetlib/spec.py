# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet should be: values only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import FleetError

RELEASES = ("bookworm", "trixie")
# The system user that the machine image of a template brings along, as an AMI would.
TEMPLATE_USERS = {"base": "", "python-ml": "researcher", "r-research": "rstudio"}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class HostSpec:
    """One host: its name, the Debian release and the template of its image."""

    name: str
    release: str = "bookworm"
    template: str = "base"

    def __post_init__(self) -> None:
        check_name(self.name, "host")
        if self.release not in RELEASES:
            known = ", ".join(RELEASES)
            raise FleetError(f"host {self.name}: there is no release {self.release!r}, use one of {known}")
        if self.template not in TEMPLATE_USERS:
            known = ", ".join(TEMPLATE_USERS)
            raise FleetError(f"host {self.name}: there is no template {self.template!r}, use one of {known}")


def check_name(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise FleetError(
            f"{name!r} cannot name a {what}: use a small letter, then small letters, digits and dashes, 31 at most"
        )
    return name


def parse_host(text: str) -> HostSpec:
    """Read NAME[:RELEASE[:TEMPLATE]]."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise FleetError(f"{text!r} does not describe a host: write NAME, NAME:RELEASE or NAME:RELEASE:TEMPLATE")
    return HostSpec(*parts)
