#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_issue
short_description: Issue numbers to people and groups without a roster
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Registers a profile, when it is new, and gives people and shared groups numbers of it that stay.
  - M(labfleet.identity.uid_allocation) does the same for whoever is in a roster. Use this module to reserve numbers
    before people come, to have people keep numbers that they have on hosts already, or to register a profile with a
    band.
  - Numbers are chosen as M(labfleet.identity.uid_allocation) chooses them. Whoever has a number keeps it.
  - When one of them cannot have a number, the module fails and issues none.
options:
  profile:
    description: The id of the profile that the people belong to. It can never be changed.
    type: str
    required: true
  usernames:
    description: People of whom there is nothing more to say than their username, which is their subject too.
    type: list
    elements: str
    default: []
  people:
    description: People with a subject of their own, or with a number that they are to keep.
    type: list
    elements: dict
    default: []
    suboptions:
      username:
        description: The username.
        type: str
        required: true
      subject:
        description: The stable id, without it the username. It can never be changed.
        type: str
      uid:
        description:
          - The number that the person has on hosts already and is to keep. It must lie in the band of the profile, and
            nobody else may have or have had it.
          - Without it the person gets the first choice of their name, or the next free number.
        type: int
  groups:
    description: Shared groups.
    type: list
    elements: str
    default: []
  band:
    description:
      - The UID band of a new profile, like V(5000-5999), or V(wide) for 65536-99999. Without it a new profile gets the
        first free thousand from 5000 up.
      - Later it may be left out, and must be the same when given. Empty text means the same as leaving it out.
    type: str
  group_band:
    description: The band of the GIDs of shared groups, for a new profile V(4000-4999) without it.
    type: str
  state:
    description:
      - V(active) for people who begin now. Who had a reserved number has it in use then.
      - V(reserved) for people who come later. They have it in use once a roster names them. Who has a number in use
        already stays as they are.
    type: str
    choices: [active, reserved]
    default: active
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.changes
seealso:
  - module: labfleet.identity.ledger_withhold
"""

EXAMPLES = r"""
- name: Reserve numbers for those who begin in October
  labfleet.identity.ledger_issue:
    ledger: file:ledger.jsonl
    profile: personal-research
    usernames: [frank, grace]
    state: reserved
  delegate_to: localhost
  run_once: true

- name: Let alice keep the number that she has on the old server
  labfleet.identity.ledger_issue:
    ledger: file:ledger.jsonl
    profile: personal-research
    people:
      - username: alice
        subject: alice@university.example
        uid: 5301
    groups: [genomics]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
issued:
  description: What was issued by this run, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(user) or V(group).
      type: str
    name:
      description: The username, or the name of the group.
      type: str
    number:
      description: The number.
      type: int
  sample:
    - kind: user
      name: alice
      number: 5301
numbers:
  description: The number of everybody and everything that was named, by name, whether it is new or not.
  returned: success
  type: dict
  sample:
    alice: 5301
    genomics: 4847
profile:
  description: The profile and its bands.
  returned: success
  type: dict
  contains:
    id:
      description: The id of the profile.
      type: str
    uid_band:
      description: The band of its people.
      type: str
    group_band:
      description: The band of its shared groups.
      type: str
  sample:
    id: personal-research
    uid_band: 5000-5999
    group_band: 4000-4999
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(profile), V(group), V(user), or V(state) for whoever is reserved or begins now.
      type: str
    profile:
      description: The profile.
      type: str
    username:
      description: The username; only for V(user).
      type: str
    subject:
      description: The stable id of the person; only for V(user) and V(state).
      type: str
    uid:
      description: The number; only for V(user).
      type: int
    name:
      description: The name; only for V(group).
      type: str
    gid:
      description: The number; only for V(group).
      type: int
    uid_band:
      description: The band of its people; only for V(profile).
      type: str
    group_band:
      description: The band of its shared groups; only for V(profile).
      type: str
    rev:
      description: How many times the state of this person has changed; only for V(state).
      type: int
    state:
      description: V(reserved) or V(active); only for V(state).
      type: str
    reason:
      description: Why; only for V(state).
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
    - kind: user
      profile: personal-research
      username: alice
      subject: alice@university.example
      uid: 5301
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
