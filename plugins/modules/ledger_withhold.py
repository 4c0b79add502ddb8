#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_withhold
short_description: Keep numbers of a profile from everybody
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Notes that numbers in the bands of a profile are never to be issued, for example because files on an old server
    carry them, or because a machine that nobody may touch has local users with them.
  - A number that somebody has or had is refused, and so is one outside the bands of the profile. Then none of them is
    withheld.
  - A number that is withheld stays so.
options:
  profile:
    description: The id of the profile in whose UID band or group band the numbers are.
    type: str
    required: true
  numbers:
    description: The numbers, each like V(5300), or as a range like V(5300-5310). At most 100000 at once.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
"""

EXAMPLES = r"""
- name: Keep the numbers that files on the old server carry from everybody
  labfleet.identity.ledger_withhold:
    ledger: file:ledger.jsonl
    profile: personal-research
    numbers: [5300-5310, 5500]
    reason: files of unknown owners on oldserver
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
      description: V(withhold).
      type: str
    profile:
      description: The profile.
      type: str
    number:
      description: The number.
      type: int
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
    - kind: withhold
      profile: personal-research
      number: 5500
      reason: files of unknown owners on oldserver
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
