# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action behind the module ledger_table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import check_table
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import (
    ON_DEMAND,
    PROVISIONED,
    Settings,
    set_up,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.plugin_utils._controller_action import ControllerAction

if TYPE_CHECKING:
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import Table


ARGUMENTS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present"], "default": "present"},
    "billing_mode": {"type": "str", "choices": [ON_DEMAND, PROVISIONED], "default": ON_DEMAND},
    "read_capacity": {"type": "int"},
    "write_capacity": {"type": "int"},
    "point_in_time_recovery": {"type": "bool", "default": True},
    "deletion_protection": {"type": "bool", "default": True},
    "tags": {"type": "dict", "default": {}},
    "wait_timeout": {"type": "int", "default": 300},
}
REQUIREMENTS: dict[str, Any] = {
    "required_if": [["billing_mode", PROVISIONED, ["read_capacity", "write_capacity"]]],
}


class ActionModule(ControllerAction):
    """Make the table of a ledger, or bring it to what is wanted."""

    arguments = ARGUMENTS
    requirements = REQUIREMENTS

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, or only say what would be done."""
        name = check_table(arguments["name"])
        if name.startswith("arn:"):
            raise IdentityError(
                f"A table is made by its name, and gets its ARN: write name={name.rpartition('/')[2]}, and choose"
                " account and region as boto3 does (AWS_PROFILE, AWS_REGION)."
            )
        is_provisioned = arguments["billing_mode"] == PROVISIONED
        wanted = Settings(
            billing_mode=arguments["billing_mode"],
            read_capacity=_capacity(arguments, "read_capacity") if is_provisioned else 0,
            write_capacity=_capacity(arguments, "write_capacity") if is_provisioned else 0,
            deletion_protection=arguments["deletion_protection"],
            point_in_time_recovery=arguments["point_in_time_recovery"],
            tags={str(key): _tag(key, value) for key, value in arguments["tags"].items()},
        )
        check_mode = bool(self._task.check_mode)
        outcome = set_up(name, wanted, arguments["wait_timeout"], check_mode)
        before, after = _shown(name, outcome.before), _shown(name, outcome.after)
        result = {
            "changed": before != after,
            "ledger": f"dynamodb:{name}",
            "arn": outcome.after.arn,
            "table": after,
            "diff": {"before_header": name, "after_header": name, "before": before, "after": after},
        }
        return result if before.get("ledger_begun") else {**result, "warnings": [_begun(name)]}


def _begun(name: str) -> str:
    """What to think of when there was no ledger: a wrong region or an emptied table looks the same."""
    return (
        f"The table {name} held no ledger, so a new one is begun in it: if people have numbers already, its name, the"
        " region or the account is wrong, or it lost its items; then use the table that has them, or restore it, and"
        " give out no number from this one."
    )


def _capacity(arguments: dict[str, Any], option: str) -> int:
    if arguments[option] < 1:
        raise IdentityError(f"{option} is {arguments[option]}, but a table needs at least 1: write a larger number.")
    return int(arguments[option])


def _tag(key: object, value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None:
        raise IdentityError(f"The tag {quoted(key)} has the value {quoted(value)}, which is no text: write one.")
    return str(value)


def _shown(name: str, table: Table | None) -> dict[str, Any]:
    """A table as a person reads it; nothing for one that is not there."""
    if table is None:
        return {}
    settings = table.settings
    shown: dict[str, Any] = {
        "name": name,
        "billing_mode": settings.billing_mode,
        "deletion_protection": settings.deletion_protection,
        "point_in_time_recovery": settings.point_in_time_recovery,
        "ledger_begun": table.head is not None,
    }
    if settings.billing_mode == PROVISIONED:
        shown.update(read_capacity=settings.read_capacity, write_capacity=settings.write_capacity)
    if settings.tags:
        shown["tags"] = dict(settings.tags)
    return shown
