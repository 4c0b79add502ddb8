# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role documents is what it does: argument specs, defaults, names and the README table agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in (Path(__file__).parents[3] / "roles").iterdir() if path.is_dir())
TYPES = {"str": str, "path": str, "int": int, "bool": bool, "list": list, "dict": dict}

pytestmark = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def options(role: Path) -> dict[str, dict[str, Any]]:
    specs = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert list(specs) == ["main"]
    found: dict[str, dict[str, Any]] = specs["main"]["options"]
    return found


def test_defaults_are_those_of_the_spec(role: Path) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert load(role / "defaults" / "main.yml") == documented


def test_an_option_is_required_or_has_a_default(role: Path) -> None:
    for name, option in options(role).items():
        assert ("default" in option) != option.get("required", False), name


def test_a_default_has_the_type_and_is_a_choice(role: Path) -> None:
    for name, option in options(role).items():
        if "default" in option and option["type"] != "raw":
            assert isinstance(option["default"], TYPES[option["type"]]), name
            assert isinstance(option["default"], bool) == (option["type"] == "bool"), name  # a bool is an int too
            assert option["default"] in option.get("choices", [option["default"]]), name


def test_names_begin_with_the_role(role: Path) -> None:
    for name in options(role):
        assert name.startswith("%s_" % role.name)


def test_every_option_is_used_by_the_tasks_and_shown_in_the_readme(role: Path) -> None:
    files = [*role.glob("tasks/*.yml"), *role.glob("vars/main.yml")]
    tasks = "".join(path.read_text(encoding="utf-8") for path in files)
    readme = (role / "README.md").read_text(encoding="utf-8")
    for name, option in options(role).items():
        assert name in tasks, name
        shown = "required" if "default" not in option else "`%s`" % yaml_text(option["default"]).replace("|", "\\|")
        assert "| `%s` | %s |" % (name, shown) in readme, "%s: the README has no row with %s" % (name, shown)


def yaml_text(value: Any) -> str:
    if isinstance(value, list):
        return "[%s]" % ", ".join(yaml_text(entry) for entry in value)
    if isinstance(value, str):
        return value or '""'
    return yaml.safe_dump(value).splitlines()[0]
