#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_disable
short_description: Note in the ledger that people are to be kept out for a time
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Sets people of a profile to V(disabled). Their numbers and names stay theirs.
  - Whoever is disabled gets a disabled account on every host at the next run, also when the roster still names them as
    present, and also where a grant lets them into another profile.
  - M(labfleet.identity.ledger_revive) lets them in again. For people who left use M(labfleet.identity.ledger_retire).
  - When one of them cannot be disabled, the module fails and disables nobody.
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.ledger.people
seealso:
  - module: labfleet.identity.ledger_revive
  - module: labfleet.identity.ledger_retire
"""

EXAMPLES = r"""
- name: Keep somebody out until a question is settled
  labfleet.identity.ledger_disable:
    ledger: file:ledger.jsonl
    profile: personal-research
    usernames: [david]
    reason: key found on a public page
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
      description: V(disabled).
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
      rev: 1
      state: disabled
      reason: key found on a public page
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
