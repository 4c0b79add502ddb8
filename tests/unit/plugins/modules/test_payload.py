# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible packs for a host with the module accounts: every file costs the controller and the host time."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
PREFIX = "ansible_collections.labfleet.identity.plugins."
MOST_BYTES = 300_000  # of a run that has to cost at most 1.4 pings when nothing changes


def imported(path: Path) -> set[Path]:
    """Files that one imports: within functions and for types too, for Ansible packs those as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            module = PLUGINS.joinpath(*str(node.module)[len(PREFIX) :].split("."))
            below = [module / f"{alias.name}.py" for alias in node.names]
            found |= {file for file in (module.with_suffix(".py"), module / "__init__.py", *below) if file.is_file()}
    return found


def packed(module: str) -> set[Path]:
    files: set[Path] = set()
    waiting = {PLUGINS / "modules" / f"{module}.py"}
    while waiting:
        path = waiting.pop()
        new = imported(path) - files
        files |= new
        waiting |= new
    return files


def test_accounts_brings_to_a_host_what_it_needs_and_no_more() -> None:
    files = packed("accounts")
    assert PLUGINS / "module_utils" / "_accounts" / "_plan.py" in files
    assert [file.name for file in files if file.name.startswith("_sshd_")] == []
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
