#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_check
short_description: Look at all of a ledger and tell everything that is wrong
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Every run that uses a ledger checks it, and stops at the first things that are wrong. This module goes on, and tells
    all that it finds, with the lines. It never writes to the ledger.
  - Problems are what no ledger may say. Damaged, cut off, missing or foreign lines. Numbers with several owners,
    outside their band, or that systems claim for themselves. Bands that overlap. Names, groups, people, guests,
    upstream identities, UUIDs or invitations that are two people's. Missing revisions, and revisions that two branches
    wrote differently. Redirects in a loop or of people who are still here. Events about people or profiles that are not
    there.
  - Warnings are what a ledger may say, but a person should look at. Bands that are more than 80 % full. Numbers in
    reserve for more than a year. People whom two branches kept out and one of them let in again. Guests who are retired
    at home, and redirects to somebody who is. Times in the future, and clocks that differ. Names that hosts have for
    themselves. Closing lines that a merge left. An older copy than the one that this machine wrote. A file that anybody
    can write.
  - The rules are checked by code of its own and by the code of every run. A ledger without problems passes both.
  - Of a table of DynamoDB, the chain of segments is checked when it is loaded, which tells the first damaged segment.
    The rules are then checked as for a file, with the number of the event in the table as its line.
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Does the same as always, because nothing is ever written.
  diff_mode:
    support: none
    description: Nothing ever changes.
  idempotent:
    support: full
    description: Nothing ever changes.
options:
  fail:
    description: Whether the task fails when there is a problem. Warnings never make it fail.
    type: bool
    default: true
seealso:
  - module: labfleet.identity.ledger_info
"""

EXAMPLES = r"""
- name: Stop here when anything is wrong with the ledger
  labfleet.identity.ledger_check:
    ledger: file:ledger.jsonl
  run_once: true

- name: Only tell
  labfleet.identity.ledger_check:
    ledger: file:ledger.jsonl
    fail: false
  register: checked

- name: Show what was found
  ansible.builtin.debug:
    var: checked.report
"""

RETURN = r"""
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
events:
  description: How many events could be read.
  returned: success
  type: int
people:
  description: How many people they give a number to.
  returned: success
  type: int
profiles:
  description: How many profiles they are about.
  returned: success
  type: int
problems:
  description: What no ledger may say. Also returned when the task fails.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: What it is, in a few words.
      type: str
    where:
      description: The lines, or what else it is about.
      type: str
    why:
      description: What is wrong with it.
      type: str
    way_out:
      description: What to do about it.
      type: str
  sample:
    - what: one number, several owners
      where: lines 7 and 9
      why: 5238 belongs to the subject 'alice' of personal-research and to the subject 'bob' of personal-research
      way_out: keep the line of whoever has files with this number, delete the other one, and run again
warnings_found:
  description: What should be looked at, each in the form of RV(problems).
  returned: success
  type: list
  elements: dict
  sample:
    - what: a band that is nearly full
      where: line 2
      why: of the UID band 5000-5999 of the profile personal-research 120 of 1000 are left
      way_out: register another profile with a wider band before it is full
report:
  description: All of it as lines for a terminal.
  returned: success
  type: list
  elements: str
  sample:
    - "file:/srv/fleet/ledger.jsonl holds 42 events about 40 people in 1 profile: no problems, no warnings"
"""
