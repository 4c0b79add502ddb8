# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the collection (private: no stable interface)."""

from __future__ import annotations

__all__ = ["IdentityError"]


class IdentityError(Exception):
    """A refusal written for a person: it names the thing, the reason and the way out."""
