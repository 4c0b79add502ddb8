#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: invitation_info
short_description: Say which invitations there are, and who accepted them
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Reads from the ledger which invitations a profile has issued, which were accepted and by whom, and which were
    revoked.
  - What is accepted here but was issued by another cluster is among them.
options:
  profile:
    description: The id of the profile.
    type: str
    required: true
  names:
    description: Invitations with these names. All if it is empty.
    type: list
    elements: str
    default: []
  states:
    description: Invitations in these states. All if it is empty.
    type: list
    elements: str
    choices: [open, accepted, revoked, expired]
    default: []
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: Only reads.
seealso:
  - module: labfleet.identity.invitation
"""

EXAMPLES = r"""
- name: Who has not answered yet?
  labfleet.identity.invitation_info:
    ledger: file:ledger.jsonl
    profile: personal-research
    states: [open, expired]
  delegate_to: localhost
  run_once: true
  register: unanswered

- name: Show them
  ansible.builtin.debug:
    msg: "{{ unanswered.table }}"
"""

RETURN = r"""
invitations:
  description: The invitations, those first that were issued first.
  returned: success
  type: list
  elements: dict
  sample:
    - name: heidi@uni.example
      jti: 4cLx0VvJ2hXnq0yqJm2k0w
      state: accepted
      accepted: {username: heidi, uid: 5417}
table:
  description: The same as lines for a terminal.
  returned: success
  type: list
  elements: str
  sample: ["NAME  STATE ..."]
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
