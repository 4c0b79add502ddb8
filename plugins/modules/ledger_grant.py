#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_grant
short_description: Let a person of one profile be used in another one
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Notes that a person of O(profile) may be used in the profile O(into), and under which number.
  - A number is chosen once. It stays theirs when the grant is taken back, and is the same when it is granted again.
  - The roster of O(into) names the person with C(home_profile) set to O(profile) and with their C(subject), and
    M(labfleet.identity.uid_allocation) gives them this number.
  - Once the grant is taken back the person gets a disabled account there, also when the roster still names them. The
    same goes for a person who is disabled or retired in O(profile).
  - A person whose present or former username is somebody else's in O(into) is refused.
options:
  into:
    description: The profile that lets the person in.
    type: str
    required: true
  number:
    description:
      - V(own) for a number in the band of O(into). V(home) for the number that they have in O(profile), which suits
        profiles that share files.
      - Without it they keep what they had there before, and get a number in the band of O(into) the first time.
    type: str
    choices: [own, home]
  state:
    description: V(present) to grant it, V(absent) to take it back.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.ledger.person
seealso:
  - module: labfleet.identity.ledger_link
"""

EXAMPLES = r"""
- name: Let alice work in the shared lab under the number that she has at home
  labfleet.identity.ledger_grant:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice
    into: lab-shared
    number: home
    reason: joint project until 2027
  delegate_to: localhost
  run_once: true

- name: Let her work there no longer
  labfleet.identity.ledger_grant:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice
    into: lab-shared
    state: absent
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
uid:
  description: The UID and GID of the person in O(into), also when the grant was taken back.
  returned: when the person was ever let in
  type: int
  sample: 5238
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(grant).
      type: str
    profile:
      description: The profile that lends the person.
      type: str
    subject:
      description: The stable id of the person.
      type: str
    into:
      description: The profile that lets them in.
      type: str
    rev:
      description: How many times this grant has changed.
      type: int
    grant:
      description: V(granted) or V(revoked).
      type: str
    uid:
      description: Their number there.
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
    - kind: grant
      profile: personal-research
      subject: alice
      into: lab-shared
      rev: 1
      grant: granted
      uid: 5238
      reason: joint project until 2027
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
