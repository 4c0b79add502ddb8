# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the collection importable under its full name, for plain pytest as for ansible-test."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, settings

COLLECTION = Path(__file__).resolve().parents[2]


def _importable() -> bool:
    """Whether a collection loader (that of ansible-test) is at work already."""
    try:
        return importlib.util.find_spec("ansible_collections.labfleet.identity") is not None
    except ModuleNotFoundError:
        return False


def _package(name: str, paths: list[str]) -> ModuleType:
    """A package that consists of these directories, put where imports look first."""
    if name in sys.modules:
        return sys.modules[name]
    package = ModuleType(name)
    package.__path__ = paths
    sys.modules[name] = package
    parent, _dot, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
    return package


if not _importable():
    _package("ansible_collections", [])
    _package("ansible_collections.labfleet", [])
    _package("ansible_collections.labfleet.identity", [str(COLLECTION)])

# How fast a shared machine is today says nothing about what is tested.
settings.register_profile(
    "labfleet",
    deadline=None,
    max_examples=int(os.environ.get("LABFLEET_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("labfleet")
