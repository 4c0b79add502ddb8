# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resolved template says in the words of the roles, in each phase of adoption (private, pure)."""

from __future__ import annotations

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted
from ansible_collections.labfleet.identity.plugins.module_utils._templates._schema import RESEARCH_USER, ROLE_BLOCKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["PHASES", "check_phase", "role_variables", "service_owners"]

PHASES = ("parallel", "opt_in", "default")


def check_phase(phase: Any) -> str:
    """Return a phase of adoption, or refuse it."""
    if phase not in PHASES:
        raise IdentityError(f"The phase {quoted(phase)} is not one: write {', '.join(PHASES[:-1])} or {PHASES[-1]}.")
    return str(phase)


def role_variables(template: dict[str, Any], phase: str) -> dict[str, Any]:
    """What roles are to be told, by the names of their variables; what the template is silent about is not in it."""
    block = template["research_user"]
    found: dict[str, Any] = {
        "system_users_accounts": template["system_users"],
        "system_users_groups": template["system_groups"],
    }
    if block:
        shared = list(dict.fromkeys([*block["shared_directories"], *block["default_groups"]]))
        found.update(
            research_users_shell=block["default_shell"],
            research_users_shared_groups=shared,
            research_users_groups=block["default_groups"],
            efs_shared_groups=block["shared_directories"],
        )
    found = {name: value for name, value in found.items() if value}
    if block and not block["auto_create"] and phase != "default":
        found["research_users_select"] = []
    for role in ROLE_BLOCKS:
        found.update({f"{role}_{key}": value for key, value in template[role].items()})
    return found


def service_owners(template: dict[str, Any], phase: str) -> dict[str, str]:
    """Who runs the services that people use (notebooks, RStudio).

    C(system_user) is the name of a system user, or empty. C(people) says which research users run their own: V(none),
    V(opted_in) or V(all). A template without the block leaves it to the roles, and both are empty.
    """
    block = template["research_user"]
    if not block:
        return {"system_user": "", "people": ""}
    system_user = block["system_user"]
    if block["primary_user"] != RESEARCH_USER or phase == "parallel":
        return {"system_user": system_user, "people": "none"}
    if phase == "opt_in":
        return {"system_user": system_user, "people": "opted_in"}
    return {"system_user": "", "people": "all"}
