#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uid_allocation
short_description: Give every person of a roster a number that stays
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Looks up the UID and GID of every person in a roster, and the GID of every shared group, in a ledger.
  - Whoever has none yet gets the first choice of the published hash (see P(labfleet.identity.first_choice_uid#filter)),
    or the next number above it in the band of the profile that nobody ever had. The order of the roster does not
    matter.
  - A number that was issued never changes and is never issued to anybody else.
  - When anything in the roster or the ledger is not right, the module fails and issues nothing.
  - A file that does not exist is begun, with a warning, when its directory exists and holds no other ledger. One ledger
    serves all profiles. That is what keeps their numbers apart.
  - Whoever is disabled or retired in the ledger is V(disabled) in the result, with a warning, also when the roster has
    them as present.
  - A person whom another profile lends with M(labfleet.identity.ledger_grant) is in the roster with C(home_profile).
  - Several runs at the same time are safe. Each sees the numbers of the others.
extends_documentation_fragment:
  - labfleet.identity.ledger
attributes:
  check_mode:
    support: full
    description: Returns the numbers that the run would issue, and writes nothing.
  diff_mode:
    support: full
    description: Shows the profile, the groups and the people that are new in the ledger.
  idempotent:
    support: full
    description: A second run with the same roster finds every number in the ledger and writes nothing.
options:
  profile:
    description:
      - The id of the profile, for example a name or an AWS account number in quotes.
      - C(a-z) or C(0-9) first, then C(a-z), C(0-9), C(.), C(_) and C(-), at most 63 characters.
      - It can never be changed.
    type: str
    required: true
  roster:
    description:
      - The people, as a list of mappings, or a mapping with such a list as C(users).
      - Or the path of a YAML or JSON file with that, which C(ansible-vault) may have encrypted as a whole. A relative
        path begins in the directory where C(ansible-playbook) was started. The text of the file is data and is never
        templated.
      - Or the path of a directory with such files, of which all that end in C(.yml), C(.yaml) or C(.json) are read, and
        nobody is in two of them. So the people whom M(labfleet.identity.invitation_accept) enters stand beside those
        whom sysadmins write.
      - 'Keys of a person: C(username) (required), C(subject) (a stable id, by default the username), C(gecos),
        C(keys) (list of OpenSSH public keys, each a line or a mapping), C(groups) (list of shared groups), C(shell),
        C(home), C(state) (V(present), V(disabled) or V(absent)), C(expires) (V(YYYY-MM-DD) or V(never)), C(adopt)
        (boolean, needs C(keys)), C(home_profile) (of a guest, the profile that lends them).'
      - 'A key as a mapping has C(key) (the line) and what sshd is to make of it: C(restrict), C(pty),
        C(agent_forwarding), C(port_forwarding), C(x11_forwarding), C(user_rc), C(verify_required) (booleans), C(from),
        C(permit_open), C(permit_listen) (lists), C(command), and C(expires) (V(YYYY-MM-DD) or
        V(YYYY-MM-DDTHH:MM:SSZ), from when on sshd refuses the key).'
      - What is not given of a person stays out of the result, so that what is on the hosts is left alone.
    type: raw
    required: true
  band:
    description:
      - The UID band of the profile, like V(5000-5999), or V(wide) for 65536-99999.
      - It is recorded when the profile is new. Later it may be left out, and must be the same when given.
      - Without it a new profile gets the first free thousand from 5000 up.
      - Empty text means the same as leaving it out.
    type: str
  group_band:
    description:
      - The band of the GIDs of shared groups. Profiles may share one.
      - A new profile gets V(4000-4999) without it. Later it may be left out, and must be the same when given.
    type: str
  groups:
    description: Shared groups that need a number besides those that people of the roster are in.
    type: list
    elements: str
    default: []
  key_store:
    description:
      - The directory of a key store, which M(labfleet.identity.ssh_key) makes and changes. A relative path begins in
        the directory where C(ansible-playbook) was started.
      - Whoever has a directory in it gets the keys that are active and valid now, and those of the roster. Whoever has
        neither keys in the roster nor a directory in the store has no RV(identities[].public_keys), so that hosts leave
        alone what is there.
      - A key that the store has as revoked, inactive, over, or not valid yet is left out with a warning when the roster
        still names it. A key that is one person's in the store and another's in the roster is refused.
      - Guests bring the keys of the profile that lends them.
      - It is read once a run, however many hosts there are.
      - Empty text means the same as leaving it out.
    type: str
seealso:
  - module: labfleet.identity.ssh_key
  - plugin: labfleet.identity.host_accounts
    plugin_type: filter
  - plugin: labfleet.identity.identity
    plugin_type: lookup
  - module: labfleet.identity.accounts
  - module: labfleet.identity.ledger_info
"""

EXAMPLES = r"""
- name: Give everybody in the roster a number
  labfleet.identity.uid_allocation:
    profile: personal-research
    ledger: "file:{{ inventory_dir }}/../ledger.jsonl"
    roster: "{{ inventory_dir }}/../roster.yml"
    groups: [research]
  register: numbers
  run_once: true

- name: Put them on the host
  labfleet.identity.accounts:
    owner: research:personal-research
    band: "{{ numbers.profile.uid_band }}"
    group_band: "{{ numbers.profile.group_band }}"
    groups: "{{ numbers.groups }}"
    users: "{{ numbers.identities | labfleet.identity.host_accounts(groups=['research']) }}"

- name: Register a profile with room for more than 300 people
  labfleet.identity.uid_allocation:
    profile: "123456789012"
    ledger: "file:{{ inventory_dir }}/../ledger.jsonl"
    band: wide
    roster:
      - username: alice
        subject: alice@university.example
        keys:
          - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2iMaTvEGMm0SHNFSbhDYLWeWTSQhz4pFBfVDNBFzuz alice@laptop
        groups: [genomics]
      - username: bob
        state: disabled
"""

RETURN = r"""
identities:
  description:
    - The people of the roster with their numbers, in roster order.
    - Whoever is V(absent) and never had a number is left out.
  returned: success
  type: list
  elements: dict
  contains:
    username:
      description: The login name.
      type: str
    uid:
      description: The UID.
      type: int
    gid:
      description: The GID of the person's private group, the same number.
      type: int
    subject:
      description: The stable id of the person.
      type: str
    state:
      description: The state, V(present), V(disabled) or V(absent).
      type: str
    former_usernames:
      description: What the person was called before.
      returned: when the person was renamed
      type: list
      elements: str
    first_username:
      description: The name that the person had at first, which their home keeps.
      returned: when the person was renamed
      type: str
    home_profile:
      description: The profile that lends this person.
      returned: when the roster gives it
      type: str
    gecos:
      description: The full name.
      returned: when the roster gives it
      type: str
    public_keys:
      description:
        - The C(keys) of the roster and those of O(key_store), one canonical line each, or a mapping where a key has
          options or ends. Its C(expires) is the moment at which sshd refuses it.
      returned: when the roster or O(key_store) gives them
      type: list
      elements: raw
    groups:
      description: The shared groups.
      returned: when the roster gives them
      type: list
      elements: str
    shell:
      description: The login shell.
      returned: when the roster gives it
      type: str
    home:
      description: The home.
      returned: when the roster gives it
      type: str
    expires:
      description: The day the account expires, or V(never).
      returned: when the roster gives it
      type: str
    adopt:
      description: Whether an account of this name that exists already may be taken over.
      returned: when the roster gives it
      type: bool
  sample:
    - username: alice
      uid: 5238
      gid: 5238
      subject: alice@university.example
      state: present
      groups: [genomics]
revoked_keys:
  description:
    - The public keys, a line each, that O(key_store) has as revoked, for the C(RevokedKeys) of sshd. Empty without a
      store. Not known, and left out, when the store has no directory of O(profile).
  returned: when it is known
  type: list
  elements: str
  sample: []
left:
  description:
    - People whom the roster does not name and whom the ledger has as disabled or retired, and guests who are lent no
      longer. Their accounts, where a host still has one, are to be V(disabled).
    - As RV(identities), with C(username), C(uid), C(gid), C(subject), C(state), and C(former_usernames) of the renamed.
  returned: success
  type: list
  elements: dict
groups:
  description: The shared groups that O(groups) or the roster name, with their numbers.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the group.
      type: str
    gid:
      description: The GID.
      type: int
  sample:
    - name: research
      gid: 4265
issued:
  description: What was issued by this run, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(user) or V(group).
      type: str
    name:
      description: The username, or the name of the group.
      type: str
    number:
      description: The number.
      type: int
  sample:
    - kind: user
      name: alice
      number: 5238
profile:
  description: The profile and its bands, as the ledger has them.
  returned: success
  type: dict
  contains:
    id:
      description: The id of the profile.
      type: str
    uid_band:
      description: The band of its people.
      type: str
    group_band:
      description: The band of its shared groups.
      type: str
    guest_bands:
      description: The bands of other profiles in which guests of this roster have their numbers.
      type: list
      elements: str
  sample:
    id: personal-research
    uid_band: 5000-5999
    group_band: 4000-4999
    guest_bands: []
ledger:
  description: The ledger, with its absolute path.
  returned: success
  type: str
  sample: file:/srv/fleet/ledger.jsonl
"""
