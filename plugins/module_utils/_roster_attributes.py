# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roster may say of a person that hosts take as it is: limits, sub-ids, surroundings (private, pure).

Checked when the roster is read, by the functions that hosts check it with, so that one wrong entry is found before
anything is written anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._belongings import (
    BELONGING_KEYS,
    user_belongings,
)
from ansible_collections.labfleet.identity.plugins.module_utils._accounts._fields import read_mode

if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["ATTRIBUTES"]


def _checked(key: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # any name and number will do: they are not what is checked here
        user_belongings({key: value}, "somebody", 5000)
        return value

    return check


def _home_mode(value: Any) -> str:
    read_mode("home_mode", value)
    return str(value)


# sudo is not among them: who may become root on a host is said where the host is described
ATTRIBUTES: dict[str, Callable[[Any], Any]] = {
    **{key: _checked(key) for key in sorted(BELONGING_KEYS - {"sudo"})},
    "home_mode": _home_mode,
}
