# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_groups
short_description: Give shared groups the rules of sudo that a host has for them
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the groups that M(labfleet.identity.uid_allocation) returned and gives the list that
    O(labfleet.identity.accounts#module:groups) wants, for one host.
positional: _input
options:
  _input:
    description: The RV(labfleet.identity.uid_allocation#module:groups) of M(labfleet.identity.uid_allocation).
    type: list
    elements: dict
    required: true
  sudo:
    description:
      - Rules of sudo by C(@GROUP), as in O(labfleet.identity.accounts#module:groups[].sudo). A group that is not named
        has none. Entries of usernames are for P(labfleet.identity.host_accounts#filter).
      - Without it, what the host has is left alone.
    type: dict
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Let everybody in the group imaging restart the scanner's service
  labfleet.identity.accounts:
    owner: research:personal-research
    band: "{{ numbers.profile.uid_band }}"
    users: "{{ numbers.identities | labfleet.identity.host_accounts }}"
    groups: "{{ numbers.groups | labfleet.identity.host_groups(sudo=rules) }}"
  vars:
    rules:
      "@imaging":
        - {commands: [/usr/bin/systemctl restart scanner], nopasswd: true}
"""

RETURN = r"""
_value:
  description: One mapping a group.
  type: list
  elements: dict
  sample:
    - name: imaging
      gid: 4321
      sudo: [{commands: [/usr/bin/systemctl restart scanner], nopasswd: true}]
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_groups
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _host_groups(groups: Any, sudo: Any = None) -> list[dict[str, Any]]:
    try:
        return host_groups(plain(groups), plain(sudo))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"host_groups": _host_groups}
