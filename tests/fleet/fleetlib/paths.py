# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things live: the checkout, its state directory, the cache that checkouts share."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FLEET_DIRECTORY = Path(__file__).resolve().parent.parent
_TREE = (".build", "ansible_collections", "labfleet", "identity")


def checkout() -> Path:
    """The checkout this file belongs to, also when it runs from the tree made in .build."""
    root = FLEET_DIRECTORY.parent.parent
    return root.parents[len(_TREE) - 1] if root.parts[-len(_TREE) :] == _TREE else root


def checkout_id() -> str:
    """Tells the Docker objects of two checkouts on one machine apart."""
    return hashlib.sha256(os.fsencode(checkout())).hexdigest()[:6]


def state_directory(fleet: str) -> Path:
    base = os.environ.get("LABFLEET_STATE")
    return (Path(base).absolute() if base else checkout() / ".fleet") / fleet


def cache_directory(*parts: str) -> Path:
    """A directory of the cache, made when it is not there."""
    cache = os.environ.get("LABFLEET_CACHE")
    if not cache:
        cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "labfleet-identity")
    directory = Path(cache, *parts)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
