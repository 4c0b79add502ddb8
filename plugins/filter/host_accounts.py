# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_accounts
short_description: Choose who goes on a host, in the form the accounts module wants
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the identities that M(labfleet.identity.uid_allocation) returned and gives the list that
    O(labfleet.identity.accounts#module:users) wants, for one host.
  - People whose state is V(disabled) or V(absent) are always in the list, so that they are locked out or removed on
    every host. Other people that are not selected come with C(selected=false), their keys and their groups, so that a
    key or a group which was taken from them is theirs no more where they once had an account. What happens to such an
    account is decided by O(labfleet.identity.accounts#module:orphans).
positional: _input, select
options:
  _input:
    description: The RV(labfleet.identity.uid_allocation#module:identities) of M(labfleet.identity.uid_allocation).
    type: list
    elements: dict
    required: true
  select:
    description:
      - Who goes on the host. V(all), or usernames and V(@groups) of the roster.
      - Either a list or text with commas or blanks between the names, as the tag of an EC2 instance has it.
      - The text is not trusted. It only ever chooses from the roster, and a name that is not there is an error.
      - Empty text or an empty list selects nobody.
    type: raw
    default: all
  home_base:
    description: The directory that holds the homes. A C(home) in the roster comes first.
    type: str
    default: /home
  make_homes:
    description:
      - Whether M(labfleet.identity.accounts) makes and checks the homes in O(home_base). With V(false) it does not so
        much as look at them, as it must be where a file server that is down would stop it.
      - A home that the roster puts elsewhere is made in any case.
    type: bool
    default: true
  shell:
    description: The login shell. A C(shell) in the roster comes first.
    type: str
    default: /bin/bash
  groups:
    description:
      - Groups of the host to which everybody in the list is added, before those of the roster.
      - With these a person may be in 16 groups at most, because NFS drops the others silently.
    type: list
    elements: str
    default: []
  sudo:
    description:
      - Rules of sudo by username, as in O(labfleet.identity.accounts#module:users[].sudo). Whoever is not named has
        none, also those who are not selected. Entries of C(@GROUP) are for P(labfleet.identity.host_groups#filter).
      - Without it, what the host has is left alone.
    type: dict
  passwords:
    description:
      - Password hashes by username, as in O(labfleet.identity.accounts#module:users[].password). The password of
        whoever is not in it is left alone. They come from an encrypted variable and not from the roster, whose content
        is shown in results.
    type: dict
seealso:
  - module: labfleet.identity.uid_allocation
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Put everybody of the roster on the host
  labfleet.identity.accounts:
    owner: research:personal-research
    band: "{{ numbers.profile.uid_band }}"
    groups: "{{ numbers.groups }}"
    users: "{{ numbers.identities | labfleet.identity.host_accounts }}"

- name: Put those on the host whom its EC2 tag names, with their homes on EFS
  labfleet.identity.accounts:
    owner: research:personal-research
    band: "{{ numbers.profile.uid_band }}"
    groups: "{{ numbers.groups }}"
    users: >-
      {{ numbers.identities | labfleet.identity.host_accounts(ec2_tags.ResearchUsers, home_base='/efs/home',
                                                              groups=['research']) }}
"""

RETURN = r"""
_value:
  description: One mapping a person, in roster order. What the roster does not say is not in it.
  type: list
  elements: dict
  sample:
    - name: alice
      uid: 5238
      gid: 5238
      home: /efs/home/alice
      shell: /bin/bash
      state: present
      groups: [research]
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._host_accounts import host_accounts
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _host_accounts(
    identities: Any,
    select: Any = "all",
    home_base: str = "/home",
    shell: str = "/bin/bash",
    groups: Any = None,
    sudo: Any = None,
    passwords: Any = None,
    make_homes: Any = True,
) -> list[dict[str, Any]]:
    options = (identities, select, home_base, shell, groups, sudo, passwords, make_homes)
    try:
        return host_accounts(*map(plain, options))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"host_accounts": _host_accounts}
