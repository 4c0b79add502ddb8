# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: first_choice_uid
short_description: The UID that the published hash proposes for a name
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - The number is C(first + uint64_be(sha256("PROFILE:USERNAME")[:8]) % size) of the band.
  - It is a proposal. Two names can have the same one, so only the ledger says which number a person has. Use
    M(labfleet.identity.uid_allocation) or P(labfleet.identity.identity#lookup) for that, and this filter to predict or
    to explain.
positional: _input, profile, band
options:
  _input:
    description: The username, C(a-z) or C(_) first, then C(a-z), C(0-9), C(_) and C(-), at most 32 characters.
    type: str
    required: true
  profile:
    description: The id of the profile.
    type: str
    required: true
  band:
    description: The band of the profile, written like V(5000-5999), or V(wide) for 65536-99999.
    type: str
    default: 5000-5999
seealso:
  - module: labfleet.identity.uid_allocation
  - plugin: labfleet.identity.identity
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Show which number alice asks for
  ansible.builtin.debug:
    msg: "{{ 'alice' | labfleet.identity.first_choice_uid('personal-research') }}" # 5238

- name: Show it for a band of one's own
  ansible.builtin.debug:
    msg: "{{ 'alice' | labfleet.identity.first_choice_uid('lab-shared', band='6000-6999') }}" # 6331
"""

RETURN = r"""
_value:
  description: The first choice, a number inside the band.
  type: int
  sample: 5238
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import first_choice_uid, parse_band

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _first_choice_uid(username: Any, profile: Any, band: Any = "5000-5999") -> int:
    try:
        return first_choice_uid(plain(profile), plain(username), parse_band(plain(band)))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"first_choice_uid": _first_choice_uid}
