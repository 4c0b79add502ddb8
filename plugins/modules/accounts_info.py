#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See who is on a host, how they get in and what they may do."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_info
short_description: See who is on a host, how they get in and what they may do
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Tells of the accounts of a host, their homes, keys, groups, rules of sudo, processes and more. It changes nothing.
  - The answer is for M(labfleet.identity.accounts_audit), which says how it differs from the ledger and the roster.
  - No secret is in the answer. Of a password it only says whether there is one, of a key its fingerprint, its comment
    and what its options are called, not what they are set to.
  - A home is its user's. Keys in it are read as that user, so a link leads nowhere where the user could not go. Pipes
    and devices are not read, files only to 256 KiB, and what does not answer is given up after O(patience) seconds.
  - What cannot be read whole is listed in RV(info.gaps), never left out in silence.
  - Text that hosts and people wrote is escaped where a terminal would not show it as it is.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Nothing changes, so there is nothing to show.
    support: none
  idempotent:
    description: It changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  bands:
    description:
      - Only accounts whose UID is in one of these bands, each like V(5000-5999) or V(wide). Accounts that the
        collection manages and those with the UID 0 are always told of.
      - Without any, all accounts are.
    type: list
    elements: str
    default: []
  remote_homes:
    description:
      - Whether to look into homes on NFS and other file systems for which another machine or a user's program answers.
      - These are left alone otherwise, and are not even asked for their owner.
    type: bool
    default: false
  patience:
    description: How many seconds to wait for one home.
    type: int
    default: 5
  timeout:
    description: How many seconds to look at all homes, and at each directory of O(roots).
    type: int
    default: 60
  files:
    description: Whether to look for files that belong to numbers which nobody has. It walks through all of O(roots).
    type: bool
    default: false
  roots:
    description: The directories to walk through with O(files). No other file system that is mounted below is entered.
    type: list
    elements: path
    default: [/home]
notes:
  - Runs as root, because only root may read who is expired, which accounts the collection manages, and every home.
  - sshd is asked (C(sshd -T)) once for each kind of account that its configuration tells apart, at most 8 times.
seealso:
  - module: labfleet.identity.accounts_audit
  - module: labfleet.identity.accounts_survey
"""

EXAMPLES = r"""
- name: See who is on the host
  labfleet.identity.accounts_info:
  become: true
  register: on_host

- name: Name everybody who could log in
  ansible.builtin.debug:
    msg: >-
      {{ on_host.info.accounts | rejectattr('expired') | selectattr('key_file', 'defined') | map(attribute='name') }}

- name: Look for files that belong to nobody, in people's homes on EFS too
  labfleet.identity.accounts_info:
    bands: ["4000-5999"]
    remote_homes: true
    files: true
    roots: [/home, /efs/home]
  become: true
  register: on_host
"""

RETURN = r"""
info:
  description: What the host has.
  returned: success
  type: dict
  contains:
    accounts:
      description: The accounts, in the order of C(/etc/passwd).
      type: list
      elements: dict
      contains:
        name:
          description: The login name.
          type: str
        uid:
          description: The UID.
          type: int
        gid:
          description: The GID of the primary group.
          type: int
        gecos:
          description: The full name or another comment.
          type: str
        home:
          description: The path of the home.
          type: str
        shell:
          description: The login shell.
          type: str
        groups:
          description: The primary group first, then those that name the account as a member. A group without a name is
            its number, like V(#5238).
          type: list
          elements: str
        password:
          description: V(none), V(set), V(locked) for one that a C(!) was put before, or V(empty), with which anybody
            gets in.
          type: str
          sample: none
        expires:
          description: The day from which on nobody gets in. Empty for never.
          type: str
          sample: "2027-01-31"
        expired:
          description:
            - Whether that day has come. It never does for an account whose password field stands in C(/etc/passwd), for
              PAM does not ask C(/etc/shadow) of it.
          type: bool
        managed:
          description: The C(owner), C(number) and C(state) that the record of the collection has.
          returned: when the collection manages the account
          type: dict
          sample: {owner: "research:lab", number: 5238, state: present}
        home_state:
          description:
            - The C(kind) of what is at the path of the home, V(directory), V(link), V(missing), V(other), V(remote) for
              one that was left alone, or V(unread) with the C(problem).
            - Where it was seen also C(uid), C(gid) and C(mode), and C(key_files) for the key files in it. Each of these
              has C(file), the path from the home on, and C(public_keys), C(more) and C(unreadable) as in
              RV(info.accounts[].key_file), or C(problem).
          type: dict
          sample: {kind: directory, uid: 5238, gid: 5238, mode: "0700"}
        key_file:
          description: The file of the account in C(/etc/ssh/authorized_keys.d).
          returned: when there is one
          type: dict
          contains:
            public_keys:
              description: Each with C(fingerprint), C(type), C(comment) and the names of its C(options).
              type: list
              elements: dict
            more:
              description: How many keys were left out after the first 200.
              type: int
            unreadable:
              description: How many lines are neither keys nor comments.
              type: int
            writable_by:
              description: Who else than root can change the file.
              returned: when somebody can
              type: str
            problem:
              description: Why it was not read whole.
              returned: when it was not
              type: str
          sample:
            public_keys:
              - fingerprint: SHA256:PFyqQbcoD3kOqeRTjMAPeUzfYcaM2XIhFl/DvNnQm1Y
                type: ssh-ed25519
                comment: alice@laptop
                options: [restrict]
            more: 0
            unreadable: 0
        sshd:
          description: By which ways sshd would let the account in, if it had a key, a password or a certificate for it.
          returned: when sshd said so
          type: dict
          contains:
            central_keys:
              description: Whether the keys in C(/etc/ssh/authorized_keys.d) count.
              type: bool
            home_keys:
              description: The files in the home whose keys count.
              type: list
              elements: str
            passwords:
              description: Whether passwords count.
              type: bool
            certificates:
              description: Whether certificates of a user CA count.
              type: bool
        linger:
          description: Whether a manager of the user's units runs without a login.
          type: bool
        crontab:
          description: Whether the user has a table of cron.
          type: bool
        processes:
          description: How many processes run under the UID.
          type: int
        subuids:
          description: The subordinate UIDs, like V(100000-165535).
          type: list
          elements: str
        subgids:
          description: The subordinate GIDs.
          type: list
          elements: str
    groups:
      description: The groups, C(name) and C(gid) of each. With O(bands), those in a band and those that an account is
        in.
      type: list
      elements: dict
    key_files_of_nobody:
      description: Files in C(/etc/ssh/authorized_keys.d) whose C(name) no account has, else like
        RV(info.accounts[].key_file).
      type: list
      elements: dict
    sudo:
      description: The rules of sudo, after every include and every alias of users.
      type: list
      elements: dict
      contains:
        who:
          description: Users, groups (C(%name)), numbers (C(#1000), C(%#27)), netgroups (C(+name)) or V(ALL).
          type: list
          elements: str
        what:
          description: What they may do, as it stands there.
          type: str
          sample: ALL=(ALL:ALL) ALL
        file:
          description: The file that says so.
          type: str
        ours:
          description: Whether that file says that this collection wrote it.
          type: bool
        password:
          description: Whether all of it needs the user's password.
          type: bool
    recorded:
      description: Every user of the record of the collection, with C(name), C(number), C(owner) and C(state).
      type: list
      elements: dict
    connecting:
      description: The accounts that this run came in as.
      type: list
      elements: str
    files:
      description: What was found in each directory of O(roots).
      returned: with O(files)
      type: list
      elements: dict
      contains:
        root:
          description: The directory.
          type: str
        seen:
          description: How many files and directories were looked at.
          type: int
        numbers:
          description:
            - The numbers that own files here and that no account or group of the host has. C(kind) is V(uid) or V(gid),
              C(number), C(count) says how many files, and C(examples) has up to three paths.
          type: list
          elements: dict
          sample:
            - kind: uid
              number: 5417
              count: 1204
              examples: [/home/old, /home/old/data.csv, /home/old/notes.txt]
    gaps:
      description: What could not be read whole, in words. Empty when everything was.
      type: list
      elements: str
"""

from ansible_collections.labfleet.identity.plugins.module_utils._audit._host_facts import Looked, host_facts
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band


def main() -> None:
    """Read the arguments, look, answer."""
    module = QuietModule(
        argument_spec={
            "bands": {"type": "list", "elements": "str", "default": []},
            "remote_homes": {"type": "bool", "default": False},
            "patience": {"type": "int", "default": 5},
            "timeout": {"type": "int", "default": 60},
            "files": {"type": "bool", "default": False},
            "roots": {"type": "list", "elements": "path", "default": ["/home"]},
        },
        supports_check_mode=True,
    )
    params = module.params

    def run(command: list[str]) -> tuple[int, str, str]:
        program = module.get_bin_path(command[0], opt_dirs=["/usr/sbin", "/usr/local/sbin"])
        if not program:
            return 127, "", "there is no program %s" % command[0]
        code, out, err = module.run_command([program, *command[1:]])
        return int(code), str(out), str(err)

    try:
        info = host_facts(
            Looked(
                bands=tuple(parse_band(band) for band in params["bands"]),
                remote_homes=params["remote_homes"],
                patience=params["patience"],
                timeout=params["timeout"],
                files=params["files"],
                roots=tuple(params["roots"]),
            ),
            run,
        )
    except IdentityError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, info=info)


if __name__ == "__main__":
    main()
