# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roster that the sysadmin of the scenario has, and what changes in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .machines import KEYS
from .sandbox import WORK

if TYPE_CHECKING:
    from collections.abc import Sequence

# alice and bob share a project, carol has nothing to do with it
GROUPS: dict[str, Sequence[str]] = {"alice": ["imaging"], "bob": ["imaging"], "carol": []}


def write_roster(groups: dict[str, Sequence[str]] | None = None) -> None:
    people = [
        {
            "username": name,
            "groups": list(joined),
            "keys": [(KEYS / f"{name}.pub").read_text(encoding="ascii").strip()],
        }
        for name, joined in (groups or GROUPS).items()
    ]
    (WORK / "roster.yml").write_text(json.dumps(people, indent=2) + "\n", encoding="ascii")
