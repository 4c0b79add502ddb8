#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_rename
short_description: Give a person another username in the ledger
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Changes the username of a person. The number stays, and with it every file.
  - The former username stays theirs too. Nobody else ever gets it, and the person can be renamed back.
  - A name that somebody else of the profile has or ever had, that is a shared group's, or that is taken in a profile
    which a grant let the person into is refused.
  - The roster has to use the new username from then on, with the same C(subject). The next run renames the account on
    every host. Its home stays where it is.
  - Once the person is renamed, the same task run again changes nothing.
options:
  new_username:
    description: The username that the person is to have.
    type: str
    required: true
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.ledger.person
seealso:
  - module: labfleet.identity.ledger_issue
"""

EXAMPLES = r"""
- name: Follow a change of name
  labfleet.identity.ledger_rename:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice
    new_username: alice-smith
    reason: married
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
      description: V(rename).
      type: str
    profile:
      description: The profile.
      type: str
    subject:
      description: The stable id of the person.
      type: str
    rev:
      description: How many times this person has been renamed.
      type: int
    username:
      description: The O(new_username).
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
    - kind: rename
      profile: personal-research
      subject: alice
      rev: 1
      username: alice-smith
      reason: married
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
