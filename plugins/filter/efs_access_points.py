# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: efs_access_points
short_description: Say which access points the people and projects of a lab have on EFS
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes what M(labfleet.identity.uid_allocation) returned and gives the option
    O(labfleet.identity.efs_access_point#module:access_points).
  - C(creator) and C(machines) see the whole file system and enforce no user. The policy of the file system lets root in
    through C(creator) alone. See P(labfleet.identity.efs_policy#filter).
  - C(home-NAME) sees the home of one person, and does everything as that person. People who are disabled or absent have
    none, nor have those whose home is on another file system. The name is that of the home, which stays when a person
    is renamed.
  - C(project-GROUP) sees C(/shared/GROUP). Clients keep their own numbers in it, or act as C(user) of the project.
  - Somebody who has no number yet is refused, since an access point never changes its numbers.
positional: _input
options:
  _input:
    description: What M(labfleet.identity.uid_allocation) returned, the whole of it.
    type: dict
    required: true
  select:
    description: Who gets one, as in the option of the same name of P(labfleet.identity.host_accounts#filter).
    type: raw
    default: all
  projects:
    description:
      - Names of shared groups, or mappings of C(name) and C(user).
      - With C(user), everything that comes through the access point is done by that person with the group's number.
    type: list
    elements: raw
    default: []
  mount_point:
    description: Where machines mount the file system, so that V(/efs/home/alice) is C(/home/alice) in it.
    type: str
    default: /efs
  tags:
    description: Tags for all of them. C(labfleet:profile) is added.
    type: dict
    default: {}
  leavers:
    description:
      - Gives the names of those who are disabled or gone instead, for the access points to be V(absent). None of the
        other options but O(mount_point) counts then.
    type: bool
    default: false
  home_mode:
    description: The permissions of a home that EFS makes.
    type: str
    default: "0700"
  shared_mode:
    description: The permissions of the directory of a project that EFS makes.
    type: str
    default: "2770"
seealso:
  - module: labfleet.identity.efs_access_point
  - module: labfleet.identity.uid_allocation
"""

EXAMPLES = r"""
- name: Have the access points of a lab
  labfleet.identity.efs_access_point:
    file_system_id: fs-0123456789abcdef0
    access_points: "{{ numbers | labfleet.identity.efs_access_points(projects=['genomics']) }}"
    band: "{{ numbers.profile.uid_band }}"
    guest_bands: "{{ numbers.profile.guest_bands }}"
    group_band: "{{ numbers.profile.group_band }}"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: One mapping an access point.
  type: list
  elements: dict
  sample:
    - name: machines
      root_directory: {path: /}
      tags: {"labfleet:profile": personal-research}
    - name: home-alice
      posix_user: {uid: 5238, gid: 5238}
      root_directory:
        path: /home/alice
        creation_info: {owner_uid: 5238, owner_gid: 5238, permissions: "0700"}
      tags: {"labfleet:profile": personal-research}
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_people import access_points_of, leavers_of
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _efs_access_points(
    people: Any,
    select: Any = "all",
    projects: Any = None,
    mount_point: Any = "/efs",
    tags: Any = None,
    leavers: Any = False,
    home_mode: Any = "0700",
    shared_mode: Any = "2770",
) -> list[dict[str, Any]]:
    try:
        if leavers:
            return leavers_of(plain(people), plain(mount_point))
        return access_points_of(*map(plain, (people, select, projects, mount_point, tags, home_mode, shared_mode)))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"efs_access_points": _efs_access_points}
