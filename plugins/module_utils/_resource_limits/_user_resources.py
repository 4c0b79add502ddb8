# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may consume, parted into what units hold and what file systems hold (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import check_username, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

__all__ = ["user_resources"]

_DISK = ("soft", "hard", "files_soft", "files_hard")


def user_resources(users: Any, identities: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The options of unit_limits and of disk_quota.

    :param users: by username, a mapping of limits in which ``disk`` is a size, or a mapping of ``soft``, ``hard``,
        ``files_soft`` and ``files_hard``.
    :param identities: people with their numbers in the ledger.
    :returns: ``limits`` by username, and ``quotas`` as a list.
    :raises IdentityError: the data has another form.
    """
    if not isinstance(users, dict):
        raise IdentityError("limits by username must be a mapping such as {alice: {disk: 10G}}, not %s" % quoted(users))
    numbers = {one["username"]: one["uid"] for one in identities}
    limits: dict[str, Any] = {}
    quotas: list[dict[str, Any]] = []
    for name, raw in users.items():
        check_username(name)
        if not isinstance(raw, dict):
            raise IdentityError("%s: limits must be a mapping such as {cores: 2, disk: 10G}" % quoted(name))
        rest = {key: value for key, value in raw.items() if key != "disk"}
        if rest:
            limits[name] = rest
        disk = raw.get("disk")
        if disk is not None:
            quotas.append({"name": name, "id": numbers.get(name), **_disk(name, disk)})
    return {"limits": limits, "quotas": quotas}


def _disk(name: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {"hard": raw}
    unknown = [key for key in raw if key not in _DISK]
    if unknown:
        raise IdentityError(
            "%s: disk: unknown key %s (known: %s)" % (quoted(name), quoted(unknown[0]), ", ".join(sorted(_DISK)))
        )
    return dict(raw)
