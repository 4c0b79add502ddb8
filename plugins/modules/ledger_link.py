#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_link
short_description: Note in the ledger who a person is outside
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Notes what a login authority calls a person, and the UUID by which a federation of clusters (Arvados) knows them.
  - A person can have several upstream identities and one UUID. Both belong to one person only, and stay.
  - Whoever has a UUID already keeps it. So give O(uuid) for people who had an account before the federation, and only
    O(prefix) for everybody else, which has it computed from the upstream identity.
options:
  profile:
    description: The id of the profile that the person belongs to.
    type: str
    required: true
  upstream:
    description:
      - What the login authority calls the person, exactly as it writes it. At most 255 characters, in Unicode's normal
        form NFC.
      - One of O(upstream) and O(uuid) is needed. Empty text means the same as leaving it out.
    type: str
  prefix:
    description:
      - The five characters of the cluster that the federation logs in at, to compute the UUID.
      - Without it none is computed.
    type: str
  uuid:
    description: The UUID that the person has already, for example C(zzzzz-tpzed-000000000000000).
    type: str
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.changes
  - labfleet.identity.ledger.person
seealso:
  - module: labfleet.identity.ledger_redirect
  - plugin: labfleet.identity.federated_uuid
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Note the university login of alice, and have her UUID computed
  labfleet.identity.ledger_link:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: alice
    upstream: https://idp.example alice@university.example
    prefix: zzzzz
  delegate_to: localhost
  run_once: true
  register: alice

- name: Let bob keep the UUID that he had before the federation
  labfleet.identity.ledger_link:
    ledger: file:ledger.jsonl
    profile: personal-research
    username: bob
    upstream: https://idp.example bob@university.example
    uuid: zzzzz-tpzed-000000000000b0b
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
uuid:
  description: The UUID of the person, empty when there is none.
  returned: success
  type: str
  sample: zzzzz-tpzed-dc2p10cwgg8txwi
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(link).
      type: str
    profile:
      description: The profile.
      type: str
    subject:
      description: The stable id of the person.
      type: str
    upstream:
      description: The upstream identity, empty when it was linked before.
      type: str
    uuid:
      description: The UUID, empty for none.
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
    - kind: link
      profile: personal-research
      subject: alice
      upstream: https://idp.example alice@university.example
      uuid: zzzzz-tpzed-dc2p10cwgg8txwi
      at: "2026-11-22T09:00:00Z"
      by: sam@controller
      run: process 4711
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
