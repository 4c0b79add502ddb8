#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: invitation
short_description: Invite a person, or take an invitation back
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Issues a signed invitation (a JWT) for a person whom a profile is to get, notes it in the ledger, and writes it into
    the file O(dest). Whoever has the file can accept it once with M(labfleet.identity.invitation_accept).
  - The same O(name) with the same terms is the same invitation, byte for byte. Other terms are refused while it is open
    or accepted. When it expired without being used, it is issued anew.
  - With O(state=revoked) it can be used no longer, nor can anything that was delegated from it. Whoever came in by it
    is disabled in the ledger, and their keys in O(key_store) are deactivated; M(labfleet.identity.accounts) brings that
    to hosts. It cannot be taken back.
  - The invitation itself is in no result, no diff and no message.
options:
  name:
    description:
      - By what you know the invitation again, for example the e-mail address of the person. One of O(name) and O(jti)
        is needed.
    type: str
  jti:
    description: The invitation by its id, with O(state=revoked). It need not have been issued here.
    type: str
  state:
    description: V(present) to issue it, V(revoked) to revoke it.
    type: str
    choices: [present, revoked]
    default: present
  dest:
    description:
      - The file for the invitation, with the mode 0600, on the controller. Send it to the person and to nobody else.
      - Give each invitation a file of its own. An earlier invitation in it is replaced. Anything else is not, and the
        task fails.
    type: path
  username:
    description: The username that is proposed to the person.
    type: str
  username_fixed:
    description: Whether they may have no other username.
    type: bool
    default: false
  orcid:
    description: The ORCID iD that the person must have shown to be theirs.
    type: str
  key:
    description: The SSH public key with which alone it can be accepted, or its fingerprint.
    type: str
  depth:
    description: How often it may be passed on, each time with less. V(0) means never.
    type: int
    default: 0
  delegates:
    description: Other clusters that may pass it on.
    type: list
    elements: str
  parent:
    description:
      - The invitation that this one is delegated from. It offers the same or less in everything. A role that
        it offers must be given again, or a lower one.
    type: str
  trusted:
    description: The public keys of each cluster whose invitations are trusted, by its id, as paths of JWKS files.
    type: dict
  key_store:
    description:
      - The directory with the keys of people, needed with O(state=revoked). What is to be closed and is not in it is
        told in a warning.
    type: path
  revoke_keys:
    description:
      - With O(state=revoked), whether the keys that people accepted with are revoked for ever, which shuts them out of
        every account on every host. Without it they are deactivated. Nobody proved that the key was theirs when they
        accepted, so that it may be somebody else's.
    type: bool
    default: false
extends_documentation_fragment:
  - labfleet.identity.ledger
  - labfleet.identity.ledger.operation
  - labfleet.identity.invitation
  - labfleet.identity.invitation.terms
seealso:
  - module: labfleet.identity.invitation_accept
  - module: labfleet.identity.invitation_bulk
  - module: labfleet.identity.invitation_info
  - module: labfleet.identity.token_key
"""

EXAMPLES = r"""
- name: Invite a colleague for a year
  labfleet.identity.invitation:
    ledger: file:ledger.jsonl
    profile: personal-research
    issuer: cluster-a
    signing_keys: signing-keys
    passphrase: "{{ signing_passphrase }}"
    name: heidi@uni.example
    username: heidi
    role: member
    groups: [genomics]
    access_until: "2027-12-31"
    dest: heidi.token
  delegate_to: localhost
  run_once: true

- name: Let her in no longer
  labfleet.identity.invitation:
    ledger: file:ledger.jsonl
    profile: personal-research
    state: revoked
    name: heidi@uni.example
    key_store: keys
    reason: the project ended
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
jti:
  description: The id of the invitation. It is no secret.
  returned: success
  type: str
  sample: 4cLx0VvJ2hXnq0yqJm2k0w
invitation:
  description: What the invitation says, without its signature.
  returned: when it is issued
  type: dict
  contains:
    name:
      description: The O(name).
      type: str
    state:
      description: V(open) or V(accepted).
      type: str
    expires:
      description: Until when it can be accepted, in UTC.
      type: str
    claims:
      description: Its claims.
      type: dict
  sample:
    name: heidi@uni.example
    state: open
    expires: "2026-11-23T09:00:00Z"
    claims: {aud: personal-research, iss: cluster-a, inv: {username: heidi}}
dest:
  description: The file with the invitation.
  returned: when it is issued
  type: str
  sample: /srv/fleet/heidi.token
revoked:
  description: Whom the revocation keeps out.
  returned: when it is revoked
  type: list
  elements: dict
  contains:
    username:
      description: The person.
      type: str
    uid:
      description: Their number, which stays theirs.
      type: int
    closed_keys:
      description: Their keys, which let nobody in any more, by name.
      type: list
      elements: str
  sample:
    - {username: heidi, uid: 5417, closed_keys: [invitation]}
message:
  description: What was done and what to do next, for a person to read.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      The invitation heidi@uni.example is in /srv/fleet/heidi.token and can be accepted once, until
      2026-11-23T09:00:00Z. Send it to nobody else.
events:
  description: What was added to the ledger, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: invite
      profile: personal-research
      jti: 4cLx0VvJ2hXnq0yqJm2k0w
ledger:
  description: The ledger, a file with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
