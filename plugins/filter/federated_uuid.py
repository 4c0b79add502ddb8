# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: federated_uuid
short_description: The UUID of a person in a federation of Arvados clusters
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - The UUID is C(PREFIX-tpzed-) and the first 15 digits of the SHA-1 of the upstream identity. The SHA-1 is read as one
    big-endian number, written in base 36 with the digits C(0-9a-z), and padded with C(0) on the left to 31 digits
    before the first 15 are taken.
  - Every cluster computes the same UUID for the same upstream identity, so none has to ask another.
  - It is what a new person gets. Whoever had an account before keeps their UUID. Only the ledger knows that, so look a
    person up with M(labfleet.identity.ledger_info).
positional: _input, prefix
options:
  _input:
    description:
      - The upstream identity, what the login authority calls the person. One line of 1 to 255 printable characters in
        Unicode's normal form NFC, without blanks around it.
      - It is hashed byte for byte as UTF-8. V(Alice) and V(alice) are two people.
    type: str
    required: true
  prefix:
    description: The cluster that the federation logs in at, five characters of C(a-z) and C(0-9).
    type: str
    required: true
seealso:
  - module: labfleet.identity.ledger_info
"""

EXAMPLES = r"""
- name: Show the UUID that every cluster computes for somebody
  ansible.builtin.debug:
    msg: "{{ 'ldap://ldap.example foo@bar.example' | labfleet.identity.federated_uuid('fffff') }}"
    # fffff-tpzed-c8ianeizmpbhmjc
"""

RETURN = r"""
_value:
  description: The UUID.
  type: str
  sample: fffff-tpzed-c8ianeizmpbhmjc
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._federation import federated_uuid
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _federated_uuid(upstream: Any, prefix: Any) -> str:
    try:
        return federated_uuid(plain(upstream), plain(prefix))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter, as Ansible looks for it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name and function."""
        return {"federated_uuid": _federated_uuid}
