#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_revive
short_description: Note in the ledger that the same person is back
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Sets a person of a profile to V(active), whether they were reserved, disabled or retired. They have the number, the
    username and the files that they had.
  - A retired person has to be named by O(subject), alone or with O(username), because a username alone may be that of a
    new person, who would get the files of the one who left.
  - Whoever was merged into somebody else with M(labfleet.identity.ledger_redirect) is refused until that is taken back.
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.ledger.person
seealso:
  - module: labfleet.identity.ledger_disable
  - module: labfleet.identity.ledger_retire
"""

EXAMPLES = r"""
- name: Let somebody in again who was disabled
  labfleet.identity.ledger_revive:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: david
    reason: key replaced
  delegate_to: localhost
  run_once: true

- name: Have a retired colleague back
  labfleet.identity.ledger_revive:
    ledger: file:ledger.jsonl
    profile: personal-research
    subject: erin@university.example
    reason: back for a second postdoc
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
      description: V(state).
      type: str
    profile:
      description: The profile.
      type: str
    subject:
      description: The stable id of the person.
      type: str
    rev:
      description: How many times the state of this person has changed.
      type: int
    state:
      description: V(active).
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
    - kind: state
      profile: personal-research
      subject: david
      rev: 2
      state: active
      reason: key replaced
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
