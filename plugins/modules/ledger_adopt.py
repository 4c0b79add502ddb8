#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_adopt
short_description: Make a ledger of the accounts that a running fleet has already
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Takes what M(labfleet.identity.accounts_survey) saw on every host, and a roster that says who is a person of the
    profile, and proposes who keeps which number.
  - Whoever has one number on all hosts, in the band, with a home that belongs to it, and shares it with nobody, keeps
    it.
  - Whoever has only numbers that they cannot keep gets another one, and the ledger notes what they had.
  - What only a person can decide is a clash; one number under two names, one name with two numbers, a home that belongs
    to another number, for example. Nothing is adopted before every clash is settled, on the hosts or with O(decisions).
  - Every other number of the bands that any host shows is withheld, so that nobody ever gets the files of strangers.
  - People who have a number in the ledger keep it. Where hosts differ from the ledger, that is a clash too.
  - Nothing on a host is changed.
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
options:
  hosts:
    description:
      - What M(labfleet.identity.accounts_survey) returned, as a mapping from every host to the registered result, or as
        a list of such results, each with the name of the host as C(host).
      - A host without a result, one that was not reached for example, is known to be missing. Give every host.
      - Everything in it is data and is never templated.
    type: raw
    required: true
  roster:
    description:
      - The people of the profile, as M(labfleet.identity.uid_allocation) takes them, or the path of such a file.
      - Name everybody. The number of an account that the roster does not name is withheld for good.
      - Without it, or with empty text, nothing can be adopted, and the report has strangers only.
    type: raw
  decisions:
    description:
      - How clashes are to be settled, as a list or as the path of a YAML or JSON file with one.
      - 'C({username: NAME, keep: NUMBER}) lets a person keep a number that hosts have for them or for their home.'
      - 'C({username: NAME, renumber: true}) gives a person another number, or leaves them with the one in the ledger.'
      - 'C({group: NAME, keep: NUMBER}) and C({group: NAME, renumber: true}) do so for a shared group.'
      - 'C({uid: NUMBER, withhold: true}) keeps a number from everybody.'
      - A decision that was carried out before is no error.
    type: raw
  band:
    description:
      - The UID band of a profile that is new, like V(5000-5999), or V(wide). See M(labfleet.identity.uid_allocation).
      - Choose the one that holds most numbers in use. Nobody keeps a number outside.
    type: str
  group_band:
    description: The band of the GIDs of shared groups of a profile that is new.
    type: str
  incomplete:
    description:
      - Adopt although not everything is known of every host.
      - A number that is in use there and nowhere else can then be given to somebody else, who owns the files.
    type: bool
    default: false
  state:
    description:
      - V(report) writes nothing and does not fail because of a clash.
      - V(adopted) writes all of it or, while anything is undecided, fails and writes nothing.
    type: str
    choices: [report, adopted]
    default: report
seealso:
  - module: labfleet.identity.accounts_survey
"""

EXAMPLES = r"""
- name: Survey every host
  labfleet.identity.accounts_survey:
  become: true
  register: adopt_survey

- name: Propose a ledger
  labfleet.identity.ledger_adopt:
    ledger: file:ledger.jsonl
    profile: personal-research
    roster: roster.yml
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
  vars:
    results: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='adopt_survey', default={}) }}"
  delegate_to: localhost
  run_once: true

- name: Adopt the fleet, with what was decided about its clashes
  labfleet.identity.ledger_adopt:
    ledger: file:ledger.jsonl
    profile: personal-research
    roster: roster.yml
    hosts: "{{ dict(ansible_play_hosts_all | zip(results)) }}"
    decisions:
      - {username: alice, keep: 5238}
      - {username: bob, renumber: true}
      - {uid: 5400, withhold: true}
    state: adopted
  vars:
    results: "{{ ansible_play_hosts_all | map('extract', hostvars) | map(attribute='adopt_survey', default={}) }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
events:
  description:
    - What was added to the ledger, or would be in check mode or with O(state=report). None while a clash is open.
    - C(kind), C(profile) and so on, as M(labfleet.identity.ledger_retire) returns them.
  returned: success
  type: list
  elements: dict
table:
  description: The report, in lines for a person.
  returned: success
  type: list
  elements: str
report:
  description: What becomes of everybody.
  returned: success
  type: dict
  contains:
    profile:
      description: C(id), C(uid_band) and C(group_band) of the profile.
      type: dict
    keep:
      description: Who keeps a number on every host. C(username), C(uid) and C(hosts) of each.
      type: list
      elements: dict
    renumber:
      description:
        - Who has another number on some host than the ledger has or will have for them. C(username), C(uid), C(hosts),
          C(reason), and C(moves), a list of C(host), C(was) and C(uid).
        - The C(uid) is unknown while a clash is open.
      type: list
      elements: dict
    groups:
      description: The shared groups that hosts have. C(name), C(gid), and C(moves) (C(host), C(was) and C(gid)).
      type: list
      elements: dict
    clashes:
      description:
        - What has to be decided. C(kind), C(number), C(names), C(text), and C(settle), the decisions that there are.
        - The kinds are V(shared_number), V(two_numbers), V(home_owner), V(home_without_account), V(home_is_a_link),
          V(other_home), V(shared_on_host) and V(drift).
      type: list
      elements: dict
    strangers:
      description: Numbers that are withheld. C(number), and C(seen), where it was seen.
      type: list
      elements: dict
    unseen:
      description: People of the roster whom no host knows. M(labfleet.identity.uid_allocation) gives them a number.
      type: list
      elements: str
    left_alone:
      description: How many names of accounts, those of the system for example, are outside the bands and nobody's here.
      type: int
    hosts:
      description: How many hosts were given.
      type: int
    gaps:
      description: What is not known. C(host), and C(gaps) in words.
      type: list
      elements: dict
    notes:
      description: What a person should look at, although it stops nothing.
      type: list
      elements: str
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
