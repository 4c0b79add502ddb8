# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_invitation
short_description: Verify an invitation with public keys alone
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the token of an invitation and returns what it says when its signature, its issuer, its audience, its times
    and everything that it was delegated from are in order. Otherwise it fails and says why, with a code in brackets.
  - Nothing is asked of anybody else, so this works while the cluster that issued it cannot be reached.
  - Whether somebody has used it already, and whether it is revoked, is known to the ledger alone. Use
    M(labfleet.identity.invitation_accept) to let somebody in.
positional: _input, trusted, audience
options:
  _input:
    description: The token.
    type: str
    required: true
  trusted:
    description: The path of the JWKS file of each cluster that is trusted, by the id of the cluster.
    type: dict
    required: true
  audience:
    description: The id of the profile that the invitation must be for.
    type: str
    required: true
  leeway:
    description: By how many seconds the clocks of the clusters may differ, 0 to 300.
    type: int
    default: 60
  longest_valid_for:
    description: The longest time that an invitation may count. A number with V(m), V(h), V(d) or V(w).
    type: str
    default: 7d
  roots:
    description:
      - The ids of the clusters that may invite on their own. The others that are trusted may only pass on what these
        issued. Without it, all that are trusted may.
    type: list
    elements: str
requirements:
  - PyJWT >= 2.13 and cryptography for the Python of the controller
seealso:
  - module: labfleet.identity.invitation_accept
  - plugin: labfleet.identity.invitation_claims
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what an invitation is for
  ansible.builtin.debug:
    msg: "{{ (token | labfleet.identity.verify_invitation(trusted, 'personal-research')).claims.inv }}"
  vars:
    token: "{{ lookup('ansible.builtin.file', 'heidi.token') }}"
    trusted:
      cluster-a: trusted/cluster-a.json
      cluster-b: trusted/cluster-b.json
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: What the invitation says.
  type: dict
  contains:
    issuer:
      description: The id of the cluster that signed it.
      type: str
    kid:
      description: The id of its key.
      type: str
    claims:
      description: Its claims, without C(prt).
      type: dict
    chain:
      description: The ids of the invitations that it was delegated from, the first one first.
      type: list
      elements: str
"""

import time
from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._tokens._verify import (
    DEFAULT_LEEWAY,
    verify_invitation,
)
from ansible_collections.labfleet.identity.plugins.plugin_utils._keys_shown import parse_duration
from ansible_collections.labfleet.identity.plugins.plugin_utils._token_filters import (
    refusal_text,
    shown_claims,
    trusted_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LARGEST_LEEWAY = 300


def _verify_invitation(
    token: Any,
    trusted: Any,
    audience: Any,
    leeway: Any = DEFAULT_LEEWAY,
    longest_valid_for: Any = "7d",
    roots: Any = None,
) -> dict[str, Any]:
    given = (plain(value) for value in (token, trusted, audience, leeway, longest_valid_for, roots))
    try:
        return _verified(*given)
    except IdentityError as error:
        raise AnsibleTemplatePluginError(refusal_text(error)) from None


def _verified(token: Any, trusted: Any, audience: Any, leeway: Any, longest: Any, roots: Any) -> dict[str, Any]:
    if not isinstance(audience, str) or not audience or not isinstance(longest, str):
        raise IdentityError("The audience or longest_valid_for is no text: give the id of the profile.")
    if isinstance(leeway, bool) or not isinstance(leeway, int) or not 0 <= leeway <= LARGEST_LEEWAY:
        raise IdentityError(f"The leeway is no number of seconds from 0 to {LARGEST_LEEWAY}: correct it.")
    if roots is not None and not (isinstance(roots, list) and all(isinstance(root, str) for root in roots)):
        raise IdentityError("The roots are no list of ids of clusters: write a list.")
    verified = verify_invitation(
        token,
        trusted_keys(trusted),
        audience,
        int(time.time()),
        leeway=leeway,
        longest_life=parse_duration("longest_valid_for", longest),
        roots=roots,
    )
    return {
        "issuer": verified.issuer,
        "kid": verified.kid,
        "claims": shown_claims(verified.claims),
        "chain": list(verified.chain),
    }


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"verify_invitation": _verify_invitation}
