#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_key_info
short_description: List the SSH keys of a key store, and which of them end soon
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Lists the keys of a key store that M(labfleet.identity.ssh_key) made. It never writes.
  - All options narrow the list down. Times are in UTC.
attributes:
  check_mode:
    support: full
    description: Answers as always.
  diff_mode:
    support: N/A
    description: Nothing ever changes.
  idempotent:
    support: full
    description: Nothing ever changes.
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
      - The directory of the key store. A relative path begins in the directory where C(ansible-playbook) was started.
    type: str
    required: true
  lock_timeout:
    description: How many seconds to wait for a run that writes the store.
    type: int
    default: 60
  profile:
    description: Only the keys of this profile.
    type: str
  usernames:
    description: Only the keys of these people.
    type: list
    elements: str
    default: []
  status:
    description:
      - Only keys with one of these states. V(future) and V(over) are active keys outside of the time for which they are
        valid.
    type: list
    elements: str
    choices: [active, inactive, revoked, future, over]
    default: []
  expiring_within:
    description:
      - Only keys that work now and will be over within this time, like V(30d). A number with V(m), V(h), V(d) or V(w).
    type: str
  shared:
    description: Only keys that are in more than one profile.
    type: bool
    default: false
seealso:
  - module: labfleet.identity.ssh_key
"""

EXAMPLES = r"""
- name: Whose keys end within a month?
  labfleet.identity.ssh_key_info:
    store: "{{ inventory_dir }}/../keys"
    expiring_within: 30d
  register: ending
  delegate_to: localhost
  run_once: true

- name: Show them
  ansible.builtin.debug:
    var: ending.table
  run_once: true
"""

RETURN = r"""
ssh_keys:
  description: The keys that were asked for, by profile, username and name.
  returned: success
  type: list
  elements: dict
  contains:
    profile:
      description: The profile.
      type: str
    username:
      description: Whose key it is.
      type: str
    name:
      description: What the key is called.
      type: str
    status:
      description: The state, or V(future) or V(over) for an active key outside of the time for which it is valid.
      type: str
    public_key:
      description: The key as a line, without options.
      type: str
    fingerprint:
      description: What C(ssh-keygen -l) says of it.
      type: str
    type:
      description: The type, like V(ssh-ed25519).
      type: str
    comment:
      description: The comment.
      type: str
    state:
      description: V(active), V(inactive) or V(revoked).
      type: str
    added:
      description: When it was added.
      type: str
    valid_from:
      description: From when on it is valid, if that is limited.
      type: str
    valid_until:
      description: Until when it is valid, if that is limited.
      type: str
    last_rotated:
      description: When it took the place of another key.
      type: str
    replaced_by:
      description: The name of the key that took its place.
      type: str
    options:
      description: What sshd is to make of it.
      type: dict
  sample: []
shared:
  description: The keys that are in more than one profile, whatever was asked for.
  returned: success
  type: list
  elements: dict
  contains:
    fingerprint:
      description: Which key.
      type: str
    places:
      description: Where it is, as C(PROFILE/USERNAME/NAME).
      type: list
      elements: str
  sample: []
table:
  description: The keys as lines for a terminal.
  returned: success
  type: list
  elements: str
  sample:
    - PROFILE  USERNAME  KEY  STATUS
store:
  description: The key store, with its absolute path.
  returned: success
  type: str
  sample: /srv/fleet/keys
"""
