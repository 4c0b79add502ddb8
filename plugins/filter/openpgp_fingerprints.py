# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: openpgp_fingerprints
short_description: The fingerprints of all keys in an OpenPGP public key file
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Whoever trusts such a file trusts every primary key in it. Compare the whole list with the fingerprints that
    somebody vouched for, before a package manager is given the file.
  - Needs no GnuPG. It computes what identifies the keys and verifies no signature.
  - Fails for a file without a public key in ASCII armor, for keys of a version other than 4, and for private keys.
positional: _input
options:
  _input:
    description: The text of the file, in ASCII armor.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a key that nobody vouched for
  ansible.builtin.assert:
    that: lookup('ansible.builtin.file', 'mirror.asc') | labfleet.identity.openpgp_fingerprints == [vouched_for]
  vars:
    vouched_for: 3B86EF4A5C0C4E4F3F5F6C1E2A7C0F6D9B1A2C3D
"""

RETURN = r"""
_value:
  description: The fingerprints of the primary keys in the order of the file, 40 hexadecimal digits each.
  type: list
  elements: str
  sample: [3B86EF4A5C0C4E4F3F5F6C1E2A7C0F6D9B1A2C3D]
"""

from typing import TYPE_CHECKING

from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._openpgp import fingerprints
from ansible_collections.labfleet.identity.plugins.module_utils._plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _openpgp_fingerprints(armored: Any) -> list[str]:
    try:
        return fingerprints(plain(armored))
    except IdentityError as error:
        raise AnsibleTemplatePluginError(str(error)) from error


class FilterModule:
    """The filter by the name it has in templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"openpgp_fingerprints": _openpgp_fingerprints}
