#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: invitation_bulk
short_description: Invite many people out of a table
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Issues an invitation for every row of a CSV file, in one step, and writes all of them into one file and a report of
    one row for each into another.
  - A row that cannot be is refused alone. The others are issued. The same table once more issues nothing anew.
  - An invitation is as M(labfleet.identity.invitation) describes it.
options:
  src:
    description:
      - The CSV file, in UTF-8, with commas or semicolons. Its first line names the columns, C(name) and any of
        C(username), C(role), C(groups), C(institutions), C(shell), C(access_until), C(orcid), C(idp), C(key) and
        C(valid_for). Groups and institutions have blanks between them.
      - An empty cell means what the option of the module says for everybody.
    type: path
    required: true
  dest:
    description:
      - The CSV file for the invitations, with the columns C(name) and C(token) and the mode 0600, on the controller.
        One of an earlier run is replaced. Anything else is not, and the task fails, as with O(report).
    type: path
    required: true
  report:
    description:
      - The CSV file for the report, with the columns C(line), C(name), C(status), C(jti), C(expires) and C(reason).
        C(status) is C(issued), C(kept), C(accepted) or C(refused). It holds no invitation, so it can be shown around.
      - What a spreadsheet would run as a formula, at the beginning of a text or after a semicolon, gets a C(') before
        it. What cannot be printed is replaced. So a spreadsheet runs nothing of it, whichever sign divides its columns.
    type: path
    required: true
  strict:
    description: Whether one refused row makes the task fail. The others are issued all the same.
    type: bool
    default: false
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.invitation
  - labfleet.identity.invitation.terms
attributes:
  idempotent:
    support: partial
    description:
      - A second run issues nothing. It writes the report once more, in which C(issued) is C(kept) then.
seealso:
  - module: labfleet.identity.invitation
"""

EXAMPLES = r"""
- name: Invite a class
  labfleet.identity.invitation_bulk:
    ledger: file:ledger.jsonl
    profile: teaching
    issuer: cluster-a
    signing_keys: signing-keys
    passphrase: "{{ signing_passphrase }}"
    src: class.csv
    dest: class-tokens.csv
    report: class-report.csv
    role: guest
    access_until: "2027-02-28"
    quota: {cores: 1, memory: 2G}
    valid_for: 7d
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
counts:
  description: How many rows were C(issued), C(kept), C(accepted) and C(refused).
  returned: success
  type: dict
  sample: {issued: 199, kept: 0, accepted: 0, refused: 1}
refused:
  description: The first 20 refused rows.
  returned: success
  type: list
  elements: dict
  contains:
    line:
      description: Its line in the table.
      type: int
    name:
      description: Its name.
      type: str
    reason:
      description: Why, and what to do.
      type: str
  sample:
    - {line: 7, name: x, reason: "..."}
report:
  description: The file with the report.
  returned: success
  type: str
  sample: /srv/fleet/class-report.csv
dest:
  description: The file with the invitations.
  returned: success
  type: str
  sample: /srv/fleet/class-tokens.csv
message:
  description: What was done and what to do next, for a person to read.
  returned: success
  type: list
  elements: str
  sample: ["199 issued, 0 kept, 0 accepted, 1 refused: see /srv/fleet/class-report.csv."]
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
