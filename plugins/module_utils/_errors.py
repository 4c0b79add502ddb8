# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the collection, and how it tells of many things at once (private: no stable interface)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

__all__ = ["IdentityError", "in_one_sentence"]


class IdentityError(Exception):
    """A refusal written for a person: it names the thing, the reason and the way out."""


def in_one_sentence(problems: Sequence[str], shown: int) -> str:
    """The first of many problems in words, the others counted."""
    more = len(problems) - shown
    return "; ".join(problems[:shown]) + ("; and %d more" % more if more > 0 else "")
