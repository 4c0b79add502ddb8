# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that tokens need beyond the standard one (private; runs on the controller)."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OLDEST_PYJWT", "check_pyjwt", "needed"]

OLDEST_PYJWT = (2, 13)


@contextmanager
def needed(library: str) -> Iterator[None]:
    """Say of a missing library which one it is and where it belongs."""
    try:
        yield
    except ImportError:
        raise IdentityError(
            f"Tokens need the Python library {library}, which {sys.executable} does not find: install {library} for it."
        ) from None


def check_pyjwt(version: str) -> None:
    """Refuse a PyJWT that lets pass what this one relies on: 2.13 is the first that checks all of it."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST_PYJWT:
        raise IdentityError(
            f"Tokens need PyJWT 2.13 or newer, and {sys.executable} has {version}: install a newer PyJWT for it."
        )
