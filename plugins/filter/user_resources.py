# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: user_resources
short_description: Part what users may consume into limits of units and quotas of disks
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Gives the options of M(labfleet.identity.unit_limits) and of M(labfleet.identity.disk_quota) that say the same as
    one mapping by username.
positional: _input, identities
options:
  _input:
    description:
      - Limits by username. C(disk) is a size such as V(10G), which nobody can pass, or a mapping of C(soft), C(hard),
        C(files_soft) and C(files_hard). Everything else is as in M(labfleet.identity.unit_limits).
    type: dict
    required: true
  identities:
    description:
      - People with C(username) and C(uid), as M(labfleet.identity.uid_allocation) returns them, so that a file server
        needs no accounts.
    type: list
    elements: dict
    default: []
seealso:
  - module: labfleet.identity.unit_limits
  - module: labfleet.identity.disk_quota
"""

EXAMPLES = r"""
- name: Show what a user may consume
  ansible.builtin.debug:
    msg: "{{ {'alice': {'cores': 2, 'disk': '10G'}} | labfleet.identity.user_resources }}"
    # {"limits": {"alice": {"cores": 2}}, "quotas": [{"name": "alice", "id": null, "hard": "10G"}]}
"""

RETURN = r"""
_value:
  description: Both options.
  type: dict
  contains:
    limits:
      description: For the option O(labfleet.identity.unit_limits#module:users).
      type: dict
    quotas:
      description: For the option O(labfleet.identity.disk_quota#module:quotas).
      type: list
      elements: dict
  sample:
    limits: {alice: {cores: 2}}
    quotas: [{name: alice, id: null, hard: 10G}]
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._user_resources import user_resources

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _user_resources(users: Any, identities: Any = ()) -> dict[str, Any]:
    try:
        return user_resources(plain(users), plain(list(identities)))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"user_resources": _user_resources}
