#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_redirect
short_description: Note in the ledger that two identities are one person
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Lets one identity stand for another one from then on, as when two accounts of one person are merged. Whoever means
    the first one by an upstream identity or a UUID means the second one.
  - The first one is retired by that. Its number stays with it, so its files belong to nobody new.
  - A redirect that would lead back to where it began is refused.
  - Taking it back lets the identity stand for itself. It stays retired until M(labfleet.identity.ledger_revive).
options:
  to_profile:
    description: The profile of the identity that is to stay, without it O(profile).
    type: str
  to_username:
    description:
      - The identity that is to stay, by username.
      - One of O(to_username) and O(to_subject) is needed to redirect.
    type: str
  to_subject:
    description: The identity that is to stay, by subject.
    type: str
  state:
    description: V(present) to redirect, V(absent) to take it back.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.ledger.person
seealso:
  - module: labfleet.identity.ledger_link
  - module: labfleet.identity.ledger_revive
"""

EXAMPLES = r"""
- name: Merge the account of an internship into the one of the doctoral student
  labfleet.identity.ledger_redirect:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice-intern
    to_username: alice
    reason: one person
  delegate_to: localhost
  run_once: true

- name: They were two people after all
  labfleet.identity.ledger_redirect:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice-intern
    state: absent
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(redirect), and V(state) when the identity was not retired before.
      type: str
    profile:
      description: The profile of the identity that leads to the other one.
      type: str
    subject:
      description: Its subject.
      type: str
    rev:
      description: How many times this redirect, or the state, has changed.
      type: int
    to_profile:
      description: The profile of the other one, empty when it was taken back; only for V(redirect).
      type: str
    to_subject:
      description: The subject of the other one, in the same way.
      type: str
    state:
      description: V(retired); only for V(state).
      type: str
    reason:
      description: The O(reason).
      type: str
    at:
      description: When, in UTC.
      type: str
    by:
      description: Who, as C(USER@CONTROLLER).
      type: str
    run:
      description: The job of AWX or the process that did it.
      type: str
  sample:
    - kind: redirect
      profile: personal-research
      subject: alice-intern
      rev: 1
      to_profile: personal-research
      to_subject: alice
      reason: one person
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
    - kind: state
      profile: personal-research
      subject: alice-intern
      rev: 1
      state: retired
      reason: one person
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
