# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: user_certificates
short_description: Say which SSH certificates people may have
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes the identities that M(labfleet.identity.uid_allocation) returned, and gives for every key of those who are
    selected what M(community.crypto.openssh_cert) needs to sign it. It signs nothing itself.
  - A person whom the roster or the ledger has as disabled gets none, and neither does a key that is revoked or expired.
  - A certificate allows no more than the key's own options do. A key whose options cannot be said in a certificate
    (C(permit_open), C(permit_listen), C(verify_required), patterns in C(from)) gets none.
positional: _input, profile, select
options:
  _input:
    description: The RV(labfleet.identity.uid_allocation#module:identities) of M(labfleet.identity.uid_allocation).
    type: list
    elements: dict
    required: true
  profile:
    description: The id of the lab whose hosts the certificates open.
    type: str
    required: true
  select:
    description: Who gets certificates, as in the option of the same name of P(labfleet.identity.host_accounts#filter).
    type: raw
    default: all
  valid_for:
    description:
      - How long, in minutes, hours or days such as V(30m), V(12h) or V(7d), at most V(31d).
      - A certificate ends with its key and its account, if these end earlier.
    type: str
    default: 12h
  revoked_keys:
    description: Public key lines that get no certificate.
    type: list
    elements: str
    default: []
  forbid:
    description: What no certificate allows, whatever the key may do.
    type: list
    elements: str
    choices: [agent_forwarding, port_forwarding, pty, user_rc, x11_forwarding]
    default: []
seealso:
  - module: labfleet.identity.uid_allocation
  - module: community.crypto.openssh_cert
"""

EXAMPLES = r"""
- name: See who would get certificates
  ansible.builtin.debug:
    msg: "{{ numbers.identities | labfleet.identity.user_certificates('personal-research', 'alice, bob') }}"
"""

RETURN = r"""
_value:
  description: What is to be signed, and what is not.
  type: dict
  contains:
    certificates:
      description: One mapping a key, with what M(community.crypto.openssh_cert) calls by the same names.
      type: list
      elements: dict
      contains:
        username:
          description: Whose key it is.
          type: str
        key:
          description: The public key line.
          type: str
        fingerprint:
          description: The fingerprint of the key.
          type: str
        path:
          description: Where its files go, relative, without C(.pub) and C(-cert.pub).
          type: str
        principals:
          description: The one principal C(PROFILE:USERNAME).
          type: list
          elements: str
        identifier:
          description: The key id, which sshd writes into its log.
          type: str
        serial:
          description: A number that no earlier certificate has, microseconds since 1970 in UTC.
          type: int
        options:
          description: The options of the certificate.
          type: list
          elements: str
        valid_from:
          description: When it begins, in UTC. Five minutes ago, because clocks differ.
          type: str
        valid_to:
          description: When it ends, in UTC.
          type: str
        valid_at:
          description: The middle of its time, in UTC. A certificate that ends earlier is to be signed anew.
          type: str
    refused:
      description: Keys and people that get none, as C(username), C(key) (fingerprint, empty for all) and C(reason).
      type: list
      elements: dict
    current:
      description: The relative paths of all files that may be there, those of people who are not selected too.
      type: list
      elements: str
"""

import datetime
from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._user_certificates import user_certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _user_certificates(
    identities: Any,
    profile: Any,
    select: Any = "all",
    valid_for: Any = "12h",
    revoked_keys: Any = None,
    forbid: Any = None,
) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    arguments = (plain(value) for value in (identities, profile, select, valid_for, revoked_keys, forbid))
    try:
        return user_certificates(now, *arguments)
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"user_certificates": _user_certificates}
