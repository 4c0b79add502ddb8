#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_audit
short_description: Say how hosts differ from the ledger and the roster, and who can reach what
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Compares what M(labfleet.identity.accounts_info) returned on every host with the ledger and the rosters.
  - Each difference is a finding, with the host, the account, how bad it is, why, and the way out. The same hosts give
    the same findings in the same order.
  - What should be on a host is found as the role C(research_users) finds it. So after a run of that role nothing is
    found that it would have changed.
  - Also tells who gets into which account of which host, and how.
  - Runs on the controller, for all hosts at once. It changes neither a host nor the ledger.
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Answers as always, and does not write the file of O(export).
  diff_mode:
    support: none
    description: Nothing changes but the file of O(export), which is the answer.
  idempotent:
    support: full
    description: The same hosts, ledger and rosters have the same answer.
options:
  profiles:
    description:
      - The people, one mapping for each profile. C(profile) is its id, C(roster) the people themselves or the path of
        their file, C(key_store) the directory of their keys if there is one.
      - Bands of other profiles of the ledger are looked at as well. Of their people it knows what the ledger knows.
    type: raw
    required: true
  hosts:
    description:
      - What M(labfleet.identity.accounts_info) returned on every host, by the name of the host.
      - A host that was not reached is to be in it all the same. A result that says so, or an empty one, is told as a
        finding V(not_looked_at).
    type: raw
    required: true
  assignments:
    description:
      - Which people go on which host, by the name of the host. Each is a mapping of C(profile), and if need be
        C(select), C(groups), C(home_base) and C(system_users), which have the values of the variables
        C(research_users_profile), C(research_users_select), C(research_users_group) (as a list),
        C(research_users_home_base) and C(system_users_accounts). C(sudo) and C(passwords) are lists of those who have
        rules of sudo, and a password.
      - On a host without one, accounts are only compared with the ledger.
    type: raw
  admins:
    description:
      - Accounts of which it is known that they can become root. Those that the audit came in as need not be named.
    type: list
    elements: str
    default: []
  revoked_keys:
    description: Public keys that must work nowhere, beside those that are revoked in the key stores.
    type: list
    elements: str
    default: []
  accepted:
    description: Findings that somebody looked at and that are to stay. They are counted and not shown.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: On this host. Any host if it is not given.
        type: str
      account:
        description: Of this account. Any account if it is not given.
        type: str
      kind:
        description: Of this kind. Any kind if it is not given.
        type: str
        choices:
          - duplicate_uid
          - extra_account
          - extra_groups
          - home_owner
          - key_file_open
          - key_in_home
          - missing_account
          - missing_key
          - not_looked_at
          - number_of_somebody_else
          - password_set
          - privileged
          - record_disagrees
          - retired_or_disabled_can_enter
          - revoked_key_present
          - unknown_account
          - unowned_files
          - unregistered_key
          - wrong_number
      reason:
        description: Why. It is for the people who read the list.
        type: str
  access:
    description: Whether to tell who can reach what.
    type: bool
    default: true
  fail_on:
    description: Fail when there is a finding that is so bad or worse. Everything is returned all the same.
    type: str
    choices: [none, low, medium, high, critical]
    default: none
  export:
    description: Write the answer as JSON to a file on the controller.
    type: dict
    suboptions:
      dest:
        description: The path of the file. It is replaced as a whole, and a link is never followed.
        type: str
        required: true
      mode:
        description: The mode of the file, as four octal digits in quotes.
        type: str
        default: "0600"
seealso:
  - module: labfleet.identity.accounts_info
  - module: labfleet.identity.ledger_check
"""

EXAMPLES = r"""
# The playbook labfleet.identity.audit does all of this with the variables of the roles.
- name: See who is on every host
  labfleet.identity.accounts_info:
  become: true
  register: audit_answer

- name: Compare with the ledger and the roster
  labfleet.identity.accounts_audit:
    ledger: file:ledger.jsonl
    profiles:
      - {profile: lab, roster: roster.yml}
    hosts: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'audit_answer'))) }}"
    assignments:
      gpu1: {profile: lab, groups: [research]}
      login1: {profile: lab, groups: [research], select: "@genomics alice"}
    accepted:
      - {host: gpu1, account: alice, kind: extra_groups, reason: she calibrates the cameras}
  register: audit
  run_once: true

- name: Show it
  ansible.builtin.debug:
    msg: "{{ audit.table }}"
  run_once: true
"""

RETURN = r"""
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
findings:
  description: What is not as it should be, the worst first, then by host, account and kind.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
    account:
      description: The account, C(%NAME) for a group. Empty for the host itself.
      type: str
    kind:
      description: What it is, one of the choices of O(accepted[].kind).
      type: str
    severity:
      description: V(low), V(medium), V(high) or V(critical).
      type: str
    text:
      description: What is there, and what should be.
      type: str
    what_to_do:
      description: The way out.
      type: str
  sample:
    - host: gpu1
      account: eve
      kind: number_of_somebody_else
      severity: critical
      text: eve has the number 5238 of alice (lab, 5238), and so their files
      what_to_do: remove the account or give it a number of its own, then look at what it did
counts:
  description: How many findings there are of each severity.
  returned: success
  type: dict
  sample: {critical: 1, high: 0, medium: 0, low: 0}
accepted:
  description: How many findings are accepted.
  returned: success
  type: int
not_looked_at:
  description: Hosts of which nothing is known.
  returned: success
  type: list
  elements: str
access:
  description: The accounts of people, and others that somebody gets into. Empty when O(access=false).
  returned: success
  type: list
  elements: dict
  contains:
    account:
      description: The account.
      type: str
    person:
      description: Whose account it is by the ledger and the roster. Empty for one that is no person's.
      type: str
    host:
      description: The host.
      type: str
    ways:
      description: Each with the C(way), which is V(key), V(home key), V(certificate), V(password),
        V(console) for a password that sshd does not take, or V(no password), and a C(detail) such as the fingerprint.
      type: list
      elements: dict
    sudo:
      description: What rules of sudo let the account do.
      type: list
      elements: str
    root:
      description: Whether the account is root, or in a group that can become root.
      type: bool
    closed:
      description: Whether there is no way in.
      type: bool
  sample:
    - account: alice
      person: alice (lab, 5238)
      host: gpu1
      ways:
        - {way: key, detail: "SHA256:PFyqQbcoD3kOqeRTjMAPeUzfYcaM2XIhFl/DvNnQm1Y (alice@laptop)"}
      sudo: []
      root: false
      closed: false
table:
  description: The answer as lines for a terminal, of printable ASCII.
  returned: success
  type: list
  elements: str
"""
