# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose homes are on a network file system, for the module that makes them there (private, pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts

if TYPE_CHECKING:
    from typing import Any

__all__ = ["network_homes"]

_WANTED = ("name", "uid", "gid", "home", "home_mode", "groups")


def network_homes(identities: Any, home_base: str) -> list[dict[str, Any]]:
    """The ``users`` of the efs_layout module: everybody who has, somewhere in the fleet, a home in a directory.

    :param identities: as uid_allocation returns them.
    :param home_base: the directory, in which those have their homes whose identity names none.
    """
    accounts = host_accounts(identities, home_base=home_base)
    below = home_base.rstrip("/") + "/"
    return [
        {key: account[key] for key in _WANTED if key in account}
        for account in accounts
        if account["state"] == "present" and account["home"].startswith(below)
    ]
