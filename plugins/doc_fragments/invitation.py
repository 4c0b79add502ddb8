# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of the modules for invitations shares."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes; each part under the name by which a module takes it."""

    DOCUMENTATION = r"""
options:
  issuer:
    description:
      - The id of the cluster that signs, for example V(cluster-a). Whoever trusts it knows its public keys by this id.
    type: str
  signing_keys:
    description: The directory with the signing key, as M(labfleet.identity.token_key) makes it.
    type: path
  passphrase:
    description: What protects the signing key.
    type: str
requirements:
  - PyJWT >= 2.13 and cryptography for the Python of the controller
"""

    TERMS = r"""
options:
  role:
    description:
      - What the person is to be. What a role brings is said where the invitation is accepted. No role brings sudo.
    type: str
    choices: [guest, member, manager, lead]
  groups:
    description: Shared groups that the person comes into.
    type: list
    elements: str
  shell:
    description: The login shell.
    type: str
  quota:
    description:
      - What the person's sessions and units may take together, in the words of C(limits) of
        M(labfleet.identity.accounts), such as C(cores) and C(memory).
    type: dict
  access_until:
    description: The day on which the account ends, as V(2027-01-31). Without it the account has no end.
    type: str
  institutions:
    description:
      - Ids of identity providers of which the person must have logged in at one. Names of institutions are free text
        that anybody can write, and are no ids.
    type: list
    elements: str
  idp:
    description: The id of the identity provider at which the person must have logged in.
    type: str
  policy:
    description: What the person may start. It is kept with the invitation for whoever starts machines.
    type: dict
    suboptions:
      templates:
        description: These templates, and no others.
        type: list
        elements: str
      instance_types:
        description: These instance types, and no others.
        type: list
        elements: str
      regions:
        description: These regions, and no others.
        type: list
        elements: str
      max_cost_per_day:
        description: At most this much a day, as text such as V("12.50").
        type: str
  valid_for:
    description:
      - How long the invitation can be accepted, such as V(24h) or V(7d). V(24h) if it is not given, and never
        longer than O(longest_valid_for).
    type: str
  longest_valid_for:
    description: The longest that an invitation can be valid, such as V(7d). More is refused when it is issued.
    type: str
    default: 7d
"""
