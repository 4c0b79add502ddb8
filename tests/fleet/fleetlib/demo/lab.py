# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab of the demo: its hosts, its people and their keys, its inventory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from ..access import make_key
from ..paths import FLEET_DIRECTORY
from ..spec import HostSpec
from .account import PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOURCE = FLEET_DIRECTORY / "lab"
FLEET = "demo"
HOSTS = (
    HostSpec("python-ml-1", "bookworm", "python-ml"),
    HostSpec("r-research-1", "trixie", "r-research"),
    HostSpec("base-1", "bookworm", "base"),
)
# What the tag ResearchUsers of the hosts says; the third host has none, there a group variable decides.
SELECTIONS = {"python-ml-1": "all", "r-research-1": "@statistics clara sam"}
# The hash proposes one and the same number for these two.
COLLIDING = ("clara", "sam")
# Who must be able to log in where. Written down here once more, so that the demo checks what it shows.
EXPECTED = {
    "python-ml-1": ("alice", "bob", "carol", "clara", "erin", "sam"),
    "r-research-1": ("alice", "carol", "clara", "sam"),
    "base-1": ("alice", "clara", "sam"),
}


def key_of(directory: Path, person: str) -> Path:
    return directory / "people" / person


def roster_with_keys(roster: list[dict[str, Any]], keys: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{**person, "keys": [keys[person["username"]]]} for person in roster]


def write_lab(directory: Path) -> list[str]:
    """Lay the inventory and the roster into the state directory; returns the usernames."""
    shutil.copytree(SOURCE / "inventory", directory / "inventory", dirs_exist_ok=True)
    (directory / "inventory" / "hosts.yml").unlink(missing_ok=True)  # the hosts come from EC2
    roster = yaml.safe_load((SOURCE / "roster.yml").read_text(encoding="utf-8"))
    people = [person["username"] for person in roster]
    keys = {name: make_key(key_of(directory, name), f"{name}@laptop") for name in people}
    text = yaml.safe_dump(roster_with_keys(roster, keys), sort_keys=False, width=1000)
    # whoever accepts an invitation stands in a file of its own beside this one, with the key in the store
    (directory / "rosters").mkdir(exist_ok=True)
    (directory / "rosters" / "people.yml").write_text(text, encoding="utf-8")
    (directory / "keys" / PROFILE).mkdir(parents=True, exist_ok=True)
    return people
