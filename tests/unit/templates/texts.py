# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates for tests, as texts in directories that are not on any disk."""

from __future__ import annotations

from typing import Any

from ansible_collections.labfleet.identity.plugins.module_utils._templates._resolve import resolve
from ansible_collections.labfleet.identity.plugins.module_utils._templates._whole import system_band

__all__ = ["resolved"]


def resolved(files: dict[str, str], name: str = "t", band: str = "1000-3999", directories: str = "/lab /ours") -> Any:
    """What the template says, out of texts by their path; a path without a directory is the lab's."""
    texts = {path if path.startswith("/") else f"/lab/{path}.yml": text for path, text in files.items()}
    return resolve(name, directories.split(), texts.get, system_band(band))
