#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_info
short_description: Ask the ledger who has or had which number, and who wrote it
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Tells of the people, the groups, the numbers and the profiles in a ledger, as they are or as they were at any time,
    and of the events behind them. It never writes to the ledger.
  - Without an option beside O(ledger) it tells everything. O(usernames), O(subjects) and O(upstream) each name people,
    and all whom they name are meant. O(profile), O(uid) and O(at) narrow the answer down.
  - Something holds from the time at which it was written until the next revision of it was written. Times come from the
    clocks of the controllers, which may differ. So a later revision (of a state, a name, a grant or a redirect) can
    have an earlier time. Then the revision decides what came last, what it overtook held for no time, and RV(events)
    lists the revisions in their order. Among controllers whose clocks differ by a second, what happened within a second
    is not known better than that.
  - A number stays with its owner after they were retired, because nobody else may ever have it. See RV(people[].state)
    for who could log in.
  - A text in a CSV file that a spreadsheet would run as a formula gets a C(') before it. These are the texts that begin
    with C(=), C(+), C(-), C(@) (also in full width), a tab, a line end, or C(') itself, with or without blanks before.
    Whoever takes one C(') off each text that begins with it has the texts of the ledger. Numbers stay numbers. Lists
    become JSON in one cell.
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Answers as always, and does not write the file of O(export).
  diff_mode:
    support: full
    description: Shows what changes in the file of O(export). Nothing else ever changes.
  idempotent:
    support: full
    description: The same question to the same ledger has the same answer and leaves the file of O(export) as it is.
requirements:
  - jmespath on the controller, for O(query)
options:
  profile:
    description: Only this profile, with its people, its groups and the guests whom a grant let in.
    type: str
  usernames:
    description: The people who have or had one of these usernames, at the time of O(at) if it is given.
    type: list
    elements: str
    default: []
  subjects:
    description: The people with these subjects, their stable ids.
    type: list
    elements: str
    default: []
  upstream:
    description:
      - The person whom a login authority calls so. This is the identity that the ledger holds, after every redirect.
      - Redirects are followed as they are now, also with O(at).
    type: str
  prefix:
    description:
      - The cluster that the federation logs in at. When nobody is linked with O(upstream), whoever has the UUID that
        P(labfleet.identity.federated_uuid#filter) computes from both is meant.
    type: str
  uid:
    description:
      - Whoever and whatever has or had this number is told in RV(holders). These are people, groups, guests from other
        profiles, people who had it before they were moved to another number, and numbers that are withheld.
    type: int
  at:
    description:
      - The state of things at a time, in UTC. A moment like V(2026-03-09T14:30:00Z), a day like V(2026-03-09), a month
        like V(2026-03), or a year.
      - For a day, a month or a year, everything is told that held at any moment of it. What can only be one thing (the
        username, the state) is that of its end.
    type: str
  query:
    description:
      - A JMESPath expression over RV(holders), RV(people), RV(groups), RV(withheld), RV(profiles) and RV(events). What
        it finds is returned as RV(result).
      - Wrong expressions are refused with the position and the reason.
    type: str
  export:
    description: Write the answer to a file on the controller.
    type: dict
    suboptions:
      dest:
        description:
          - The path of the file. It is replaced as a whole, and stays as it is when it says the same already.
          - A link is never followed. A file of somebody else is not replaced. A directory where anybody can exchange
            files is refused. Root also refuses a path through a directory that others can change.
        type: str
        required: true
      format:
        description: V(json) for programs, V(csv) for spreadsheets. Both are UTF-8.
        type: str
        choices: [csv, json]
        required: true
      content:
        description:
          - What to write. V(csv) takes one table, so not V(everything).
          - When it is not given, it is V(result) with O(query), else V(everything) for V(json). For V(csv) it is
            V(holders) when O(uid) was held by anybody, and V(people) otherwise.
        type: str
        choices: [everything, holders, people, groups, withheld, profiles, events, result]
      mode:
        description: The mode of the file, as four octal digits in quotes.
        type: str
        default: "0600"
seealso:
  - module: labfleet.identity.ledger_check
  - plugin: labfleet.identity.federated_uuid
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Who had UID 5238 in March?
  labfleet.identity.ledger_info:
    ledger: file:ledger.jsonl
    uid: 5238
    at: 2026-03
  register: asked
  run_once: true

- name: Show it
  ansible.builtin.debug:
    var: asked.table

- name: What happened to alice, and who did it?
  labfleet.identity.ledger_info:
    ledger: file:ledger.jsonl
    profile: personal-research
    usernames: [alice]
    query: "events[].{when: at, what: summary, who: by, run: run, why: reason}"

- name: What was written in March?
  labfleet.identity.ledger_info:
    ledger: file:ledger.jsonl
    query: "events[?starts_with(at, '2026-03')]"

- name: Who is in the federation under this identity?
  labfleet.identity.ledger_info:
    ledger: dynamodb:labfleet-ledger
    upstream: https://idp.example alice@uni.example
    prefix: zzzzz

- name: A list of everybody for the auditors
  labfleet.identity.ledger_info:
    ledger: file:ledger.jsonl
    at: "2026-12-31"
    query: "people[].{username: username, uid: uid, profile: profile, state: state}"
    export:
      dest: people-2026.csv
      format: csv
"""

RETURN = r"""
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
holders:
  description: Who and what held the number of O(uid), whoever was first comes first. Empty without O(uid).
  returned: success
  type: list
  elements: dict
  contains:
    number:
      description: The O(uid).
      type: int
    kind:
      description:
        - V(user) for a person's number, V(guest) for that of somebody from another profile, V(former) for one that
          somebody had elsewhere before they were moved to another one, V(group), or V(withheld) from everybody.
      type: str
    name:
      description: The username at the end of the time, or the name of the group. Empty for what is withheld.
      type: str
    profile:
      description: The profile in which it is their number.
      type: str
    subject:
      description: The stable id of the person.
      type: str
    home_profile:
      description: The profile that the person belongs to.
      type: str
    state:
      description:
        - The state of the person at the end of the time, V(revoked) for a guest whose grant did not hold then. Empty
          for a time before the ledger knew them.
      type: str
    since:
      description: When it became theirs. Null when that was before the ledger knew them.
      type: str
    until:
      description: When it ceased to be theirs. Null when it still is.
      type: str
    by:
      description: Who wrote it, as C(USER@CONTROLLER).
      type: str
    run:
      description: The job of AWX or the process that wrote it. Empty where it is not known.
      type: str
    reason:
      description: Why. Empty where nothing was said.
      type: str
  sample:
    - number: 5238
      kind: user
      name: alice
      profile: personal-research
      subject: alice
      home_profile: personal-research
      state: retired
      since: "2026-01-12T09:00:00Z"
      until: null
      by: sam@controller
      run: job 4711
      reason: ""
people:
  description: The people who are meant, by profile and username.
  returned: success
  type: list
  elements: dict
  contains:
    username:
      description: The username.
      type: str
    uid:
      description: The UID.
      type: int
    gid:
      description: The GID of the private group, the same number.
      type: int
    subject:
      description: The stable id.
      type: str
    profile:
      description: The profile.
      type: str
    state:
      description: V(reserved), V(active), V(disabled) or V(retired).
      type: str
    issued_at:
      description: When the number was issued.
      type: str
    issued_by:
      description: Who did it.
      type: str
    issued_run:
      description: Which run did it.
      type: str
    upstreams:
      description: What login authorities call the person.
      type: list
      elements: str
    uuid:
      description: The UUID in the federation. Empty for none.
      type: str
    names:
      description: Every username that they had, each with C(username), C(since) and C(until).
      type: list
      elements: dict
    states:
      description: Every state that they were in, each with C(state), C(since) and C(until).
      type: list
      elements: dict
    former_uids:
      description: Numbers that they had elsewhere before they were moved, each with C(uid), C(until) and C(reason).
      type: list
      elements: dict
    grants:
      description:
        - Other profiles, each with C(into), C(uid), C(grant) (V(granted) or V(revoked)), C(since) and C(until).
      type: list
      elements: dict
    redirected_to:
      description: Whom this one stands for, with C(profile), C(subject) and C(uid). Only there when there is somebody.
      type: dict
groups:
  description: The shared groups. Empty when certain people are asked for.
  returned: success
  type: list
  elements: dict
  sample:
    - name: research
      gid: 4265
      profile: personal-research
      issued_at: "2026-01-12T09:00:00Z"
      issued_by: sam@controller
      issued_run: job 4711
withheld:
  description: Numbers that nobody may have. Empty when certain people are asked for.
  returned: success
  type: list
  elements: dict
  sample:
    - number: 5017
      profile: personal-research
      reason: files of unknown people on node 3
      issued_at: "2026-01-12T09:00:00Z"
      issued_by: sam@controller
      issued_run: job 4711
profiles:
  description: The profiles, and how many numbers of each band were given away for good and are left.
  returned: success
  type: list
  elements: dict
  sample:
    - profile: personal-research
      people: 40
      uids: {band: 5000-5999, size: 1000, used: 41, left: 959}
      gids: {band: 4000-4999, size: 1000, used: 3, left: 997}
      issued_at: "2026-01-12T09:00:00Z"
      issued_by: sam@controller
      issued_run: job 4711
events:
  description:
    - The audit trail, which is everything that was written about whom and what is meant, up to the end of O(at).
    - Each has what it says, beside C(kind), C(at), C(by), C(run) and a C(summary) in words.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: user
      profile: personal-research
      username: alice
      subject: alice
      uid: 5238
      at: "2026-01-12T09:00:00Z"
      by: sam@controller
      run: job 4711
      summary: user alice 5238
result:
  description: What O(query) found. Null for nothing.
  returned: when O(query) is given
  type: raw
table:
  description: The answer as lines for a terminal, of printable ASCII.
  returned: success
  type: list
  elements: str
"""
