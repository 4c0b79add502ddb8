# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: network_homes
short_description: Choose who has a home on a network file system
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the identities that M(labfleet.identity.uid_allocation) returned and gives the list that
    O(labfleet.identity.efs_layout#module:users) wants.
  - A home on a file system of the fleet is made once for all hosts. So everybody is in the list whose state is
    V(present), whoever is selected for the host that makes homes.
positional: _input, home_base
options:
  _input:
    description: The RV(labfleet.identity.uid_allocation#module:identities) of M(labfleet.identity.uid_allocation).
    type: list
    elements: dict
    required: true
  home_base:
    description:
      - The directory of the homes. Those have their homes in it whose roster entry names none. Whoever has one
        elsewhere is left out.
    type: str
    default: /efs/home
seealso:
  - module: labfleet.identity.uid_allocation
  - module: labfleet.identity.efs_layout
  - plugin: labfleet.identity.host_accounts
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Make everybody's home
  labfleet.identity.efs_layout:
    file_system_id: fs-0123456789abcdef0
    create: true
    users: "{{ numbers.identities | labfleet.identity.network_homes('/efs/home') }}"
"""

RETURN = r"""
_value:
  description: One mapping a person, in roster order.
  type: list
  elements: dict
  sample:
    - name: alice
      uid: 5238
      gid: 5238
      home: /efs/home/alice
      groups: [imaging]
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._network_homes import network_homes
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _network_homes(identities: Any, home_base: str = "/efs/home") -> list[dict[str, Any]]:
    try:
        return network_homes(plain(identities), plain(home_base))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"network_homes": _network_homes}
