#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_key
short_description: Add, renew, rotate, revoke and remove a person's SSH key in a key store
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Changes the keys of one person in a key store, a directory on the controller with two files for each key,
    C(PROFILE/USERNAME/NAME.pub) and C(PROFILE/USERNAME/NAME.json). Hosts get the keys by the option
    O(labfleet.identity.uid_allocation#module:key_store).
  - The store holds public keys only. Where a pair is made (O(generate)), its private half is written with a passphrase
    to a file of your choice, and is part of no result, diff, message or argument of a program.
  - A change is made as a whole or not at all, also when the run is killed. Several runs at the same time are safe.
  - One key opens one person's account only. A key that is somebody's in the profile already is refused, and one that
    another profile has as well is told of in a warning.
  - When anything in the store is not as this program wrote it, nothing of it is used and nothing is written.
attributes:
  check_mode:
    support: full
    description:
      - Says what the run would change, and writes nothing. Of a key pair that is not made yet it cannot say the public
        half.
  diff_mode:
    support: full
    description: Shows every field of every key that changes.
  idempotent:
    support: full
    description:
      - A second run finds the keys as they should be and writes nothing. A rotation is done when the new key is the key
        of that name; with O(generate) this is seen as long as O(private_key_path) is there.
  platform:
    support: full
    platforms: posix
    description: Nothing happens on a managed host. The controller reads and writes the key store.
  action:
    support: full
    description: Runs on the controller, so it needs no connection and no Python on the managed host.
options:
  store:
    description:
      - The directory of the key store. It is made when it is not there, and its parent is. A relative path begins in
        the directory where C(ansible-playbook) was started.
    type: str
    required: true
  lock_timeout:
    description: How many seconds to wait for other runs that write the store.
    type: int
    default: 60
  profile:
    description: The id of the profile that the person belongs to.
    type: str
    required: true
  username:
    description: Whose key it is.
    type: str
    required: true
  name:
    description:
      - What the key is called, like V(laptop). C(a-z) or C(0-9) first, then C(a-z), C(0-9), C(_) and C(-), at most 40
        characters.
      - Required without O(all_keys) and O(import_from).
    type: str
  all_keys:
    description: With V(inactive) and V(revoked), all keys of this person. For somebody who leaves, or a stolen laptop.
    type: bool
    default: false
  state:
    description:
      - V(present) adds the key, or has it active again, with the options and times that are given.
      - V(rotated) puts O(key), or a pair that is made, in the place of the key of this name. The old key goes on to
        work for the time of O(overlap) and is kept as C(NAME-YYYYMMDD).
      - V(inactive) lets the key let nobody in, until it is V(present) again.
      - V(revoked) does so for ever. Nobody in the profile can ever have this key again, and hosts learn it by
        RV(labfleet.identity.uid_allocation#module:revoked_keys). With O(key) a key is revoked that the store may not
        have yet.
      - V(absent) forgets a key that is inactive or over. One that is in use is to be set to V(inactive) first. One that
        is revoked stays, because its record is what keeps it out.
    type: str
    choices: [present, rotated, inactive, revoked, absent]
    default: present
  key:
    description:
      - The public key, as a line C(TYPE BASE64 COMMENT), or a mapping with that line as C(key) and what sshd is to make
        of it, C(restrict), C(pty), C(agent_forwarding), C(port_forwarding), C(x11_forwarding), C(user_rc),
        C(verify_required) (booleans), C(from), C(permit_open), C(permit_listen) (lists) and C(command).
      - It says all options. One that is not in it is taken away. Without O(key) they are left alone.
      - ed25519, ecdsa, RSA with at least 3072 bits, and both types in security keys (C(sk-)). With O(state=revoked) RSA
        with 1024 bits is enough.
      - With O(generate) a mapping of options alone.
    type: raw
  valid_from:
    description:
      - From when on the key is to work, as V(YYYY-MM-DD) (from its first second) or V(YYYY-MM-DDTHH:MM:SSZ), in UTC.
        The first run after it brings the key to hosts.
      - V(always) takes such a limit away. Unset leaves it alone.
    type: raw
  valid_until:
    description:
      - Until when the key is to work, in the same form. sshd itself refuses it from then on, without another run.
      - V(always) takes such a limit away. Unset leaves it alone.
    type: raw
  overlap:
    description: With V(rotated), how long the old key goes on to work. A number with V(m), V(h), V(d) or V(w).
    type: str
    default: 7d
  import_from:
    description:
      - A file like C(authorized_keys) on the controller. Its keys that this person does not have yet are added, with
        names made of their comments.
      - Options in front of a key become data. A key with an option that is not known here, or that cannot be said as
        data, is refused, and then nothing is added.
    type: str
  generate:
    description:
      - Make an ed25519 key pair with C(ssh-keygen) when the key of O(name) is not there, or is to be rotated.
      - A pair that is at O(private_key_path) already, with this passphrase, is taken instead.
    type: bool
    default: false
  private_key_path:
    description:
      - Where the private half is written, with the mode 0600 and encrypted in the form of OpenSSH. What is there is
        never replaced. The directory must be one that nobody else can write to.
      - Required with O(generate).
    type: str
  passphrase:
    description:
      - What the private half is encrypted with, at least 12 characters.
      - Take it from a file that C(ansible-vault) encrypted, or from C(vars_prompt), and never from a loop, which shows
        its items.
      - Required with O(generate).
    type: str
seealso:
  - module: labfleet.identity.ssh_key_info
  - module: labfleet.identity.uid_allocation
"""

EXAMPLES = r"""
- name: Add a key that works from everywhere in the lab until January
  labfleet.identity.ssh_key:
    store: "{{ inventory_dir }}/../keys"
    profile: personal-research
    username: alice
    name: laptop
    key:
      key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz alice@laptop
      from: [192.0.2.0/24]
    valid_until: 2027-01-31
  delegate_to: localhost
  run_once: true

- name: Put a new key in its place, and let both work for two weeks
  labfleet.identity.ssh_key:
    store: "{{ inventory_dir }}/../keys"
    profile: personal-research
    username: alice
    name: laptop
    state: rotated
    key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQ3TkEr6xJ6oO2kHwS8dC3XcU6XcTZ5Qd0m4iJb1v5V alice@laptop
    overlap: 14d
  delegate_to: localhost
  run_once: true

- name: Her laptop was stolen
  labfleet.identity.ssh_key:
    store: "{{ inventory_dir }}/../keys"
    profile: personal-research
    username: alice
    name: laptop
    state: revoked
  delegate_to: localhost
  run_once: true

- name: Take over what she has
  labfleet.identity.ssh_key:
    store: "{{ inventory_dir }}/../keys"
    profile: personal-research
    username: alice
    import_from: alice_authorized_keys
  delegate_to: localhost
  run_once: true

- name: Make a pair for somebody who has none
  labfleet.identity.ssh_key:
    store: "{{ inventory_dir }}/../keys"
    profile: personal-research
    username: bob
    name: first
    generate: true
    private_key_path: ~/handover/bob
    passphrase: "{{ vault_passphrase_of_bob }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
ssh_keys:
  description:
    - All keys of this person afterwards, or as they would be in check mode, each as in
      RV(labfleet.identity.ssh_key_info#module:ssh_keys).
  returned: success
  type: list
  elements: dict
  sample:
    - profile: personal-research
      username: alice
      name: laptop
      status: active
      public_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz alice@laptop
      fingerprint: SHA256:Pnb5Bk4h+2wJNEqUhNsYx1T2RoN7wZVpr5mOAyZ4WlM
      type: ssh-ed25519
      comment: alice@laptop
      state: active
      added: "2026-11-22T09:00:00Z"
      valid_from: null
      valid_until: "2027-01-31T00:00:00Z"
      last_rotated: null
      replaced_by: null
      options:
        from: [192.0.2.0/24]
private_key:
  description: Where the private half of a new pair is, or would be.
  returned: when a pair was made
  type: str
  sample: /home/sam/handover/bob
store:
  description: The key store, with its absolute path.
  returned: success
  type: str
  sample: /srv/fleet/keys
"""
