# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie: in the checkout what belongs to it, in the cache what every checkout can share."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD = REPOSITORY / ".build"
TREE = BUILD / "ansible_collections" / "labfleet" / "identity"
LOGS = BUILD / "logs"
CACHE = Path(
    os.environ.get("LABFLEET_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labfleet-identity"
)
