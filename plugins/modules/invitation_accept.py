#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: invitation_accept
short_description: Make a person of the profile out of an invitation
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Verifies an invitation with the public keys of those who may issue it, uses it up in the ledger, issues a number
    with the same write, and only then enters the key into O(key_store) and the person into O(roster).
  - It can be used once. The same person with the same key can accept it again, which changes nothing and completes what
    was interrupted. Everybody else is refused, and so is a username that anybody ever had, that another open
    invitation into the profile proposes, or that O(key_store) knows already.
  - Verification needs the files of O(trusted) and no network.
  - The invitation is in no result, no diff and no message.
options:
  profile:
    description: The id of the profile that the invitation is for.
    type: str
    required: true
  issuer:
    description:
      - The id of this cluster, as in O(trusted). An invitation that it signed must be in the ledger too, so that a
        stolen signing key alone invites nobody.
    type: str
    required: true
  trusted:
    description: The public keys of each cluster whose invitations are accepted, by its id, as paths of JWKS files.
    type: dict
    required: true
  inviters:
    description:
      - The clusters among O(trusted) that may invite on their own. The others may only pass on what these issued. It
        is O(issuer) alone if it is not given.
    type: list
    elements: str
  token:
    description: The invitation.
    type: str
    required: true
  key:
    description: The SSH public key of the person, as in an C(.pub) file.
    type: str
    required: true
  key_name:
    description: What the key is called in O(key_store).
    type: str
    default: invitation
  key_store:
    description:
      - The directory with the keys of people, as M(labfleet.identity.ssh_key) writes it. A username that has keys there
        already is nobody new, who would be let in with those too.
    type: path
    required: true
  roster:
    description:
      - The file with the people who accepted, which ends in C(.json) and which nobody else writes. Let the roster be
        the directory that it is in, and those whom sysadmins write stand beside it.
    type: path
    required: true
  roles:
    description:
      - What each role brings, by C(guest), C(member), C(manager) and C(lead), as a mapping of C(groups), C(shell),
        C(limits), C(environment) and C(umask). What the invitation says of shell and quota comes first.
      - If any role is here, so must be the one that the invitation offers, with V({}) if it brings nothing.
    type: dict
    default: {}
  username:
    description: The username that the person wants, if the invitation leaves them the choice.
    type: str
  gecos:
    description:
      - The name of the person. A V(=) in it is refused, because hosts take parts such as C(pri=) for orders.
    type: str
  identity_directory:
    description: The directory in which M(labfleet.identity.identity_login) noted who somebody is.
    type: path
  identity_session:
    description: The session of M(labfleet.identity.identity_login) in which this person logged in.
    type: str
  longest_valid_for:
    description: The longest that an invitation can be valid, such as V(7d). More is refused.
    type: str
    default: 7d
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Verifies everything, says what the run would do, and uses nothing up.
  diff_mode:
    support: full
    description: Shows what is added to the ledger and to the roster.
  idempotent:
    support: full
    description: A second run with the same invitation, person and key changes nothing.
requirements:
  - PyJWT >= 2.13 and cryptography for the Python of the controller
seealso:
  - module: labfleet.identity.invitation
  - module: labfleet.identity.identity_login
"""

EXAMPLES = r"""
- name: Accept an invitation
  labfleet.identity.invitation_accept:
    ledger: file:ledger.jsonl
    profile: personal-research
    issuer: cluster-a
    trusted:
      cluster-a: signing-keys/jwks.json
      cluster-b: partners/cluster-b.jwks.json
    token: "{{ invitation_token }}"
    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz heidi@laptop
    key_store: keys
    roster: rosters/invited.json
    roles:
      member: {groups: [genomics]}
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
username:
  description: The login of the person, which is another one than they accepted with if they were renamed since.
  returned: success
  type: str
  sample: heidi
uid:
  description: Their number on every host. In check mode the one that they would get now.
  returned: success
  type: int
  sample: 5417
jti:
  description: The id of the invitation.
  returned: success
  type: str
  sample: 4cLx0VvJ2hXnq0yqJm2k0w
chain:
  description: The invitations that this one was delegated from, the first one first.
  returned: success
  type: list
  elements: str
  sample: []
entry:
  description: The person's entry in O(roster).
  returned: success
  type: dict
  sample: {username: heidi, groups: [genomics]}
policy:
  description: What the person may start, as the invitation says.
  returned: success
  type: dict
  sample: {templates: [python-ml]}
message:
  description: What was done and what comes next, for a person to read.
  returned: success
  type: list
  elements: str
  sample: ["heidi is in the profile personal-research with the number 5417."]
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: redeem
      profile: personal-research
      jti: 4cLx0VvJ2hXnq0yqJm2k0w
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
