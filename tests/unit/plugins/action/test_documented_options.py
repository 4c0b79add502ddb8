# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules document that run as actions is what the actions accept."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

COLLECTION = Path(__file__).resolve().parents[4]
PLUGINS = "ansible_collections.labfleet.identity.plugins"
ACTIONS = sorted(path.stem for path in (COLLECTION / "plugins" / "action").glob("*.py"))


def documented(module: str) -> dict[str, Any]:
    """The options of a module with those of the fragments that it takes."""
    source = (COLLECTION / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    options: dict[str, Any] = dict(documentation.get("options", {}))
    for name in documentation.get("extends_documentation_fragment", []):
        fragment, _dot, part = name.removeprefix("labfleet.identity.").partition(".")
        source = importlib.import_module(f"{PLUGINS}.doc_fragments.{fragment}").ModuleDocFragment
        options.update(yaml.safe_load(getattr(source, part.upper() or "DOCUMENTATION")).get("options", {}))
    return {name: without_description(option) for name, option in options.items()}


def without_description(option: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in option.items() if key not in ("description", "suboptions", "version_added")}
    if "suboptions" in option:
        kept["options"] = {name: without_description(inner) for name, inner in option["suboptions"].items()}
    return kept


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_documented_is_what_is_accepted(action: str) -> None:
    assert documented(action) == importlib.import_module(f"{PLUGINS}.action.{action}").ARGUMENTS
