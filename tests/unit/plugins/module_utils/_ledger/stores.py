# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger in a file, for the tests of the file store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import Settled, open_store, settle
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import STAMP, wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def run(path: Path, *names: str, write: bool = True, lock_timeout: float = 5) -> Settled[Allocation]:
    store = open_store(f"file:{path}", lock_timeout)
    return settle(store, lambda known: allocate(known, wanted(names), STAMP), write)


def uids(path: Path) -> dict[str, int]:
    known = open_store(f"file:{path}").load()
    assert known is not None
    return {name: issued.uid for name, issued in known.profiles["lab"].by_username.items()}


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(IdentityError) as caught:
        work()
    assert str(caught.value).isprintable()
    return str(caught.value)


def names_beside(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))
