# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: invitation_claims
short_description: Look into an invitation without verifying anything
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the token of an invitation and returns what somebody wrote into it. Anybody can write anything there, so
    nothing may be decided by it. It says so itself, with C(verified) set to V(false).
  - It is for people who want to see why an invitation is refused. P(labfleet.identity.verify_invitation#filter) says
    whether it counts.
positional: _input
options:
  _input:
    description: The token.
    type: str
    required: true
seealso:
  - plugin: labfleet.identity.verify_invitation
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what somebody wrote into a token
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'heidi.token') | labfleet.identity.invitation_claims }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: What is written in the token.
  type: dict
  contains:
    verified:
      description: Always V(false).
      type: bool
    warning:
      description: The same for people.
      type: str
    header:
      description: The header.
      type: dict
    claims:
      description: The claims, without C(prt).
      type: dict
    parents:
      description: The claims of those that it says it was delegated from, the nearest one first.
      type: list
      elements: dict
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._jwt import read_compact
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import refusal_text, shown_claims

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WARNING = "Nothing of this was verified: anybody can write anything into a token."


def _invitation_claims(token: Any) -> dict[str, Any]:
    try:
        header, claims = read_compact(plain(token))
        parents: list[dict[str, Any]] = []
        parent = claims.get("prt")
        # each is shorter than the one that it is in, so this ends
        while isinstance(parent, str) and parent:
            _header, told = read_compact(parent)
            parents.append(shown_claims(told))
            parent = told.get("prt")
    except IdentityError as error:
        raise AnsibleTemplatePluginError(refusal_text(error)) from None
    return {
        "verified": False,
        "warning": WARNING,
        "header": header,
        "claims": shown_claims(claims),
        "parents": parents,
    }


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"invitation_claims": _invitation_claims}
