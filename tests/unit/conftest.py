# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the collection importable under its full name, for plain pytest as for ansible-test."""

from __future__ import annotations

import importlib.util
import os
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

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
settings.register_profile(  # fewer examples where the same laws are looked for once more
    "labfleet",
    deadline=None,
    max_examples=int(os.environ.get("LABFLEET_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("labfleet")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a share of the tests, the same ones every time, where all of them run elsewhere in the same run."""
    share = int(os.environ.get("LABFLEET_SHARE", "1"))
    if share > 1:
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            (left if zlib.crc32(item.nodeid.encode()) % share else kept).append(item)
        config.hook.pytest_deselected(items=left)
        items[:] = kept
