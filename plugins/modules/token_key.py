#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: token_key
short_description: Make, rotate and retire the keys with which a cluster signs invitations
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Keeps the signing keys of one cluster in a directory on the controller. C(jwks.json) there has the public halves.
    Whoever is to trust invitations of this cluster gets a copy of that file, and of nothing else.
  - One key is in use at a time. Its id (C(kid)) is its thumbprint (RFC 7638), and its private half is C(KID.pem), a
    PKCS#8 file that is only ever written encrypted, with 600,000 rounds of PBKDF2 and the mode 0600.
  - A private half is part of no result, diff or message. When its key is rotated out or retired it is removed.
  - A run that is killed leaves a key in use, with both halves. Several runs at the same time are safe.
  - Nobody but the owner may be able to change the directory, or any directory above it.
attributes:
  check_mode:
    support: full
    description: Says what the run would change, and makes no key, whose id it therefore cannot say.
  diff_mode:
    support: full
    description: Shows the ids of all keys with their states and times, and which private halves are removed.
  idempotent:
    support: full
    description:
      - A second run finds the keys as they should be and writes nothing. With V(rotated), the key that the first run
        made is younger than O(older_than), or is not the O(kid) that was to go.
  platform:
    support: full
    platforms: posix
    description: Nothing happens on a managed host. The controller reads and writes the keys.
  action:
    support: full
    description: Runs on the controller, so it needs no connection and no Python on the managed host.
options:
  path:
    description:
      - The directory of the keys. It is made when it is not there, and its parent is. A relative path begins in the
        directory where C(ansible-playbook) was started.
    type: path
    required: true
  passphrase:
    description:
      - What the private half is encrypted with, at least 12 characters.
      - Take it from a file that C(ansible-vault) encrypted, or from C(vars_prompt), and never from a loop, which shows
        its items.
      - With V(rotated) and V(retired) it is that of the new key, which may differ from that of the old one.
    type: str
    required: true
  state:
    description:
      - V(present) makes a key when there is none.
      - V(rotated) makes a new key and has it sign from now on. The old one verifies what it signed before for the time
        of O(overlap), so that invitations that are under way still count. Others need the new C(jwks.json) before they
        can verify what is signed from now on.
      - V(retired) is for a key that somebody else may have. It is out of C(jwks.json) at once and can never come back.
        Whatever it signed is refused wherever the new C(jwks.json) is. When it was in use, a new key is made.
    type: str
    choices: [present, rotated, retired]
    default: present
  kid:
    description:
      - Which key. Required with V(retired).
      - With V(rotated), the key in use is rotated out only if it is this one, whatever its age.
    type: str
  algorithm:
    description:
      - What a new key is for, V(EdDSA) (Ed25519), or V(RS256) for partners whose programs know nothing else.
      - Without it, that of the key that was in use, or V(EdDSA) for the first one.
    type: str
    choices: [EdDSA, RS256]
  bits:
    description: How long a new key of V(RS256) is, 3072 to 8192.
    type: int
    default: 3072
  overlap:
    description:
      - With V(rotated), how long the old key goes on to verify. A number with V(m), V(h), V(d) or V(w). It should be as
        long as the longest invitation counts.
    type: str
    default: 7d
  older_than:
    description:
      - With V(rotated), a key that is younger than this is left as it is. V(90d) makes a nightly job rotate keys after
        90 days. O(kid) rotates a younger one.
    type: str
    default: 1d
  lock_timeout:
    description: How many seconds to wait for other runs that write the directory.
    type: int
    default: 60
requirements:
  - PyJWT >= 2.13 and cryptography for the Python of the controller
seealso:
  - module: labfleet.identity.invitation
  - plugin: labfleet.identity.verify_invitation
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Have a key to sign with
  labfleet.identity.token_key:
    path: "{{ inventory_dir }}/../signing-keys"
    passphrase: "{{ vault_signing_passphrase }}"
  delegate_to: localhost
  run_once: true
  no_log: true

- name: Have a new one every quarter
  labfleet.identity.token_key:
    path: "{{ inventory_dir }}/../signing-keys"
    passphrase: "{{ vault_signing_passphrase }}"
    state: rotated
    older_than: 90d
  delegate_to: localhost
  run_once: true
  no_log: true

- name: The controller was broken into
  labfleet.identity.token_key:
    path: "{{ inventory_dir }}/../signing-keys"
    passphrase: "{{ vault_new_signing_passphrase }}"
    state: retired
    kid: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
  delegate_to: localhost
  run_once: true
  no_log: true
"""

RETURN = r"""
kid:
  description: The id of the key in use. In check mode V((not made yet\)) when it would be a new one.
  returned: success
  type: str
  sample: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
token_keys:
  description: All keys that verify, with the one in use first.
  returned: success
  type: list
  elements: dict
  contains:
    kid:
      description: The id of the key.
      type: str
    algorithm:
      description: V(EdDSA) or V(RS256). One algorithm goes with one key.
      type: str
    state:
      description: V(in_use) or V(rotated_out).
      type: str
    made:
      description: When it was made, in UTC.
      type: str
    use_until:
      description: When it was rotated out. What is issued later is refused.
      type: str
    verify_until:
      description: Until when it verifies what was issued before that.
      type: str
  sample:
    - kid: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
      algorithm: EdDSA
      state: in_use
      made: "2026-11-22T09:00:00Z"
retired:
  description: The ids of the keys that nobody may trust any more.
  returned: success
  type: list
  elements: str
  sample: []
jwks:
  description: The file with the public keys, which others get, with its absolute path.
  returned: success
  type: str
  sample: /srv/fleet/signing-keys/jwks.json
"""
