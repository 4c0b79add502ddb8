#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_merge
short_description: Put the ledgers and user databases of several labs together
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Adds to a ledger what other ledgers, or other clusters' lists of users, say. This is the one-time synchronisation of
    several clusters. Afterwards all of them use the one ledger.
  - What does not contradict is simply put together. So it means nothing which ledger is merged into which, in what
    order and how often.
  - What contradicts is never guessed, for example one number of two people, two numbers of one person, or one name of
    two people. All of it is listed at once, each with every side and with the decisions that would settle it. As long
    as anything is undecided, nothing is written.
  - A decision can give a person another number. The ledger then remembers the former one, and nobody else ever gets it.
    RV(renumbered) lists whose files have to be given to the new number. This module changes nothing on any host.
  - The sources are only read. The ledger is written in one commit or not at all, and it only grows. What is in it
    already can become nothing else by any decision. To change both sides, merge them into a new ledger.
  - When a profile was begun in two ledgers apart, nobody but a person knows whether it is one profile. That is asked,
    even if the people in it have the same names and numbers, since these follow from the names.
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: With O(state=merged), says what the run would add to the ledger, fails as the run would, and writes
      nothing.
  diff_mode:
    support: full
    description: Shows one line for everything that is added to the ledger.
  idempotent:
    support: full
    description: A second run with the same sources and decisions finds everything in the ledger and writes nothing.
options:
  sources:
    description:
      - What is merged into O(ledger), which may be one of them, another one, or new. A new file needs a directory of
        its own.
      - A source is a ledger, V(file:PATH) or V(dynamodb:TABLE), or a list of users as a mapping with the keys
        C(database) (the path of a file in CSV with a header, or in JSON) and C(profile) (the id of the profile of these
        people). C(uid_band) and C(group_band) are needed when no ledger registers the profile.
      - The columns of a list are C(username) and C(uid), and where known C(subject) (the username if left out),
        C(upstream) (what a login authority calls the person) and C(uuid) (in a federation, as Arvados has it). A number
        outside the band of the profile is listed among RV(conflicts).
    type: list
    elements: raw
    required: true
  decisions:
    description:
      - What was decided about the contradictions. A list, or the path of a file with it in YAML or JSON, which
        ansible-vault may have encrypted. RV(decisions_template) is such a list, to be filled in under C(decisions).
      - Every decision names a thing as its own ledger has it, and never a side of the merge. Profiles become first, and
        people and groups are named by the profile that they have then. C(reason) can be added to all of them.
      - "C({profile: ID, uid_band: BAND, become: {profile: ID, uid_band: BAND}}) gives a profile another id, another
        band or both. Whoever has no number in the new band gets one. C(registered) with the checksum of the line tells
        profiles apart that have the same id and band."
      - "C({same_profile: ID}) says that what was begun in several ledgers is one profile."
      - "C({person: {profile: ID, subject: TEXT, uid: NUMBER}, become: {uid: NUMBER, username: NAME, subject: TEXT}})
        gives a person what is named. V(new) for the number means one that nobody ever had. One person who has two
        numbers gets the one of them that stays. C(username) beside C(uid) tells two people of one subject apart."
      - "C({group: {profile: ID, name: NAME, gid: NUMBER}, become: {gid: NUMBER, name: NAME}}) does so with a shared
        group."
      - "C({event: CHECKSUM, drop: true}) leaves a line out that contradicts another one, such as one of two changes of
        one thing. Lines that give numbers can never be left out."
      - "C({event: CHECKSUM, keep: true}) takes a line over that is asked about, such as one that brings somebody back
        who is retired elsewhere."
    type: raw
  state:
    description:
      - V(report) says what contradicts and what would be added. It never writes.
      - V(merged) adds it, and fails while anything is undecided.
    type: str
    choices:
      - report
      - merged
    default: report
seealso:
  - module: labfleet.identity.ledger_check
"""

EXAMPLES = r"""
- name: Say what contradicts in the ledgers of two labs
  labfleet.identity.ledger_merge:
    ledger: file:both/ledger.jsonl
    sources:
      - file:genomics/ledger.jsonl
      - file:imaging/ledger.jsonl
  register: merge
  delegate_to: localhost
  run_once: true

- name: Merge them as was decided
  labfleet.identity.ledger_merge:
    ledger: file:both/ledger.jsonl
    sources:
      - file:genomics/ledger.jsonl
      - file:imaging/ledger.jsonl
    decisions:
      - profile: imaging
        uid_band: 5000-5999
        become:
          uid_band: 6000-6999
    state: merged
  delegate_to: localhost
  run_once: true

- name: Take over the users of a cluster that has no ledger
  labfleet.identity.ledger_merge:
    ledger: dynamodb:labfleet-ledger
    sources:
      - database: cluster-users.csv
        profile: cluster
        uid_band: 7000-7999
    decisions: decisions.yml
    state: merged
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
conflicts:
  description: What contradicts and is not decided.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(profile_twice), V(profile_bands), V(bands_overlap) for profiles. V(one_number), V(outside_band),
          V(former_number) for numbers. V(one_person), V(one_group), V(one_name), V(reserved_name) for who is who.
        - V(two_changes), V(missing_change), V(revival), V(redirect_loop), V(redirect_active), V(guest_number) for what
          happened to people. V(one_upstream), V(one_uuid), V(one_invitation) for who they are outside.
      type: str
    conflict:
      description: The contradiction with its sides, in words.
      type: str
    sides:
      description: Every line that takes part. What it C(says), of which C(profile), in which C(ledgers), written C(at)
        what time, C(by) whom in which C(run), and C(event), the checksum by which the line is found in its file.
      type: list
      elements: dict
    choices:
      description: Decisions that would settle it. Where one has a null, a person fills it in or leaves the key out.
      type: list
      elements: dict
    after_profiles:
      description: Whether it is between people of profiles about which something is undecided, so that it may vanish
        with that.
      type: bool
  sample:
    - kind: bands_overlap
      conflict: "the bands of genomics (5000-5999) and imaging (5000-5999) overlap: profile genomics 5000-5999, groups
        4000-4999, written at 2026-03-02T09:00:00Z by sam@genomics (file:/srv/genomics/ledger.jsonl) / profile imaging
        5000-5999, groups 4000-4999, written at 2026-05-04T09:00:00Z by kim@imaging (file:/srv/imaging/ledger.jsonl)"
      sides:
        - ledgers: ["file:/srv/genomics/ledger.jsonl"]
          profile: genomics
          says: profile genomics 5000-5999, groups 4000-4999
          event: 2f6a8c4e0b1d3f57
          at: "2026-03-02T09:00:00Z"
          by: sam@genomics
          run: job 17
      choices:
        - profile: imaging
          uid_band: 5000-5999
          registered: 91b3d5f7092b4d6f
          become:
            uid_band: 6000-6999
      after_profiles: false
decisions_template:
  description: What is to be decided first. Each with its C(conflict), its C(choices) and a list C(decisions) to fill
    in. O(decisions) takes it as it is.
  returned: always
  type: list
  elements: dict
  sample:
    - conflict: the bands of genomics (5000-5999) and imaging (5000-5999) overlap
      choices:
        - profile: imaging
          uid_band: 5000-5999
          registered: 91b3d5f7092b4d6f
          become:
            uid_band: 6000-6999
      decisions: []
renumbered:
  description: Whose files carry a number that is not theirs in the merged ledger. None while anything is undecided.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: V(user), V(group), or V(guest) for the number of somebody of another profile.
      type: str
    profile:
      description: The profile in the merged ledger.
      type: str
    subject:
      description: The stable id of the person. Empty for a group.
      type: str
    username:
      description: The username, or the name of the group.
      type: str
    was:
      description: The number on files.
      type: int
    uid:
      description: The number in the merged ledger.
      type: int
  sample:
    - kind: user
      profile: imaging
      subject: bob
      username: bob
      was: 5238
      uid: 6831
events:
  description: What was added to the ledger, or would be. Each with its C(kind), what it says, and C(at), C(by), C(run).
  returned: always
  type: list
  elements: dict
  sample:
    - kind: renumber
      profile: imaging
      subject: bob
      was: 5238
      uid: 6831
      reason: 5238 was issued at 2026-05-04T09:00:00Z by kim@imaging
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: always
  type: str
  sample: file:/srv/both/ledger.jsonl
"""
