# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook, for tests that put roles and stand-ins for modules into a directory of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = (sys.executable, "-c", "from ansible.cli.playbook import main; main()")


def ansible_playbook(directory: Path, *arguments: str) -> tuple[int, str]:
    """How it ended there, with the collections of that directory, and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_HOME=str(directory / "ansible"), ANSIBLE_NOCOLOR="1", ANSIBLE_COLLECTIONS_PATH=str(directory)
    )
    ran = subprocess.run(
        [*_PROGRAM, *arguments],
        cwd=str(directory), env=environment, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr
