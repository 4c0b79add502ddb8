#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give accounts other numbers, together with all their files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_migrate
short_description: Give accounts and groups other numbers, together with all their files
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Changes the UIDs and GIDs of accounts that exist, in the account files and on every file, for all of them in one
    walk.
  - While their files are on the way, those who are migrated are shut out (their accounts are expired), and nobody may
    run under an old or a new number. The accounts get their new numbers when no file is left on the old ones that could
    be changed.
  - A run that was killed goes on where it was when it is started again. Nothing is changed twice, also when people
    exchange their numbers. Until it is finished, who is migrated stays shut out.
  - No link is followed, no other file system is entered, and a file is changed by who owns it, never by where it lies.
  - POSIX ACLs that name old numbers get the new ones. C(/etc/subuid), C(/etc/subgid), jobs of C(at), and limits in
    C(/etc/systemd/system/user-UID.slice.d) follow.
  - The system takes setuid, setgid and capabilities from a program that gets another owner. They are not put back, and
    RV(migration.loses_set_id) and RV(migration.loses_capabilities) name the files.
attributes:
  check_mode:
    support: full
    description:
      - Counts all files and says what the run would do. People may go on working. When the run would be refused because
        of their processes, that is a warning.
  diff_mode:
    support: full
    description: Shows the old and the new number of everybody, with the number of files.
  idempotent:
    support: full
    description: A second run finds nothing to do.
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  users:
    description:
      - The accounts, with the numbers that they are to have. Who has no account on the host is passed over, and so is
        who has the number already.
      - A migration that was cut off is finished first. O(users) may be empty for that.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Login name.
        type: str
        required: true
      to_uid:
        description: The new UID. Nobody may have it, and no file may carry it.
        type: int
        required: true
      from_uid:
        description:
          - The UID that the account has now. By default it is what the host says.
          - When it is given, an account with any other number is refused; and one that has O(users[].to_uid) already
            gets the files that are left on this number.
        type: int
      group:
        description: Name of the private group, which gets another number with the user. The default is O(users[].name).
        type: str
      to_gid:
        description: The new GID of the private group. The default is the same as O(users[].to_uid).
        type: int
      from_gid:
        description: The GID of the private group now, as O(users[].from_uid).
        type: int
  groups:
    description: Shared groups that get another number.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the group.
        type: str
        required: true
      to_gid:
        description: The new GID.
        type: int
        required: true
      from_gid:
        description: The GID now, as O(users[].from_uid).
        type: int
  roots:
    description:
      - Where to look for files. V(local) stands for every local file system, each once (ext4, xfs, btrfs, overlay,
        tmpfs and their like), but nothing below C(/dev), C(/proc), C(/run) and C(/sys) except C(/dev/shm).
      - A place is walked as far as its file system reaches. What is mounted below is named separately.
    type: list
    elements: str
    default: [local]
  exclude:
    description:
      - Directories that are not entered. By default those of container engines, whose numbers are not the host's.
    type: list
    elements: str
    default:
      - /var/lib/containerd
      - /var/lib/containers
      - /var/lib/docker
      - /var/lib/kubelet
      - /var/lib/lxc
      - /var/lib/lxd
      - /var/lib/machines
  network_file_systems:
    description:
      - Let O(roots) name places on a file server. One host walks them for all, when nobody works on any of the hosts.
    type: bool
    default: false
  stop:
    description: End the sessions, units and processes of those who are migrated. Otherwise the run is refused.
    type: bool
    default: false
  processes:
    description: How many processes share the walk.
    type: int
    default: 2
  state:
    description: There is one, that everybody has the new numbers.
    type: str
    choices: [migrated]
    default: migrated
  lock_timeout:
    description: How long to wait, in seconds, while another program holds the lock of the account files.
    type: int
    default: 60
notes:
  - Runs as root.
  - How far it is can be read at any time in C(/var/lib/labfleet-identity/migration-progress.json). The playbook
    C(labfleet.identity.migrate_uids) shows it while the module runs.
seealso:
  - module: labfleet.identity.accounts
  - module: labfleet.identity.uid_allocation
"""

EXAMPLES = r"""
- name: Count the files of two people first
  labfleet.identity.accounts_migrate:
    users:
      - {name: alice, from_uid: 1001, to_uid: 5238}
      - {name: bob, from_uid: 1002, to_uid: 5831}
    groups:
      - {name: genomics, to_gid: 4847}
  check_mode: true
  diff: true

- name: Give everybody of the roster the number of the ledger
  labfleet.identity.accounts_migrate:
    users: >-
      {{ numbers.identities | items2dict(key_name='username', value_name='uid')
         | dict2items(key_name='name', value_name='to_uid') }}
    stop: true
"""

RETURN = r"""
migration:
  description: What was done, or would be done in check mode.
  returned: success
  type: dict
  contains:
    state:
      description: V(migrated), V(planned) in check mode, or V(nothing) when there was nothing to do.
      type: str
    resumed:
      description: Whether a run that was cut off was finished. The counts are those of this run alone then.
      type: bool
    users:
      description: The accounts by name.
      type: dict
      contains:
        from_uid:
          description: The old number.
          type: int
        to_uid:
          description: The new number.
          type: int
        files:
          description: How many files were, or would be, given to the new number. One with several names counts once.
          type: int
        roots:
          description: The same by place walked.
          type: dict
        left:
          description: How many files are still on the old number.
          type: int
    groups:
      description: The groups by name, as RV(migration.users), with C(from_gid) and C(to_gid).
      type: dict
    seen:
      description: How many names there are in all places walked.
      type: int
    acls:
      description: How many POSIX ACLs named old numbers.
      type: int
    loses_set_id:
      description: Programs that were setuid or setgid, at most 50.
      type: list
      elements: str
    loses_capabilities:
      description: Programs that had capabilities, at most 50.
      type: list
      elements: str
    not_entered:
      description:
        - Directories of other file systems that are not mounted of their own, such as btrfs subvolumes; at most 50.
      type: list
      elements: str
    failures:
      description: What the system refused, by reason.
      type: list
      elements: dict
      contains:
        reason:
          description: The system's words.
          type: str
        count:
          description: How many files.
          type: int
        paths:
          description: At most 50 of them.
          type: list
          elements: str
    left:
      description: What is left on old numbers in the end.
      type: dict
      contains:
        files:
          description: How many files.
          type: int
        acls:
          description: How many ACLs.
          type: int
        paths:
          description: Some of them.
          type: list
          elements: str
  sample:
    state: migrated
    resumed: false
    users:
      alice: {from_uid: 1001, to_uid: 5238, files: 18230, roots: {/: 18211, /tmp: 19}, left: 0}
    groups:
      alice: {from_gid: 1001, to_gid: 5238, files: 18230, roots: {/: 18211, /tmp: 19}, left: 0}
    seen: 311207
    acls: 2
    loses_set_id: []
    loses_capabilities: []
    not_entered: []
    failures: []
    left: {files: 0, acls: 0, paths: []}
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import DEFAULT_EXCLUDE, LOCAL
from ansible_collections.labfleet.identity.plugins.module_utils._migration._run import migrate
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, act, answer."""
    user = {
        "name": {"type": "str", "required": True},
        "to_uid": {"type": "int", "required": True},
        "from_uid": {"type": "int"},
        "group": {"type": "str"},
        "to_gid": {"type": "int"},
        "from_gid": {"type": "int"},
    }
    group = {
        "name": {"type": "str", "required": True},
        "to_gid": {"type": "int", "required": True},
        "from_gid": {"type": "int"},
    }
    module = QuietModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "options": user, "default": []},
            "groups": {"type": "list", "elements": "dict", "options": group, "default": []},
            "roots": {"type": "list", "elements": "str", "default": [LOCAL]},
            "exclude": {"type": "list", "elements": "str", "default": list(DEFAULT_EXCLUDE)},
            "network_file_systems": {"type": "bool", "default": False},
            "stop": {"type": "bool", "default": False},
            "processes": {"type": "int", "default": 2},
            "state": {"type": "str", "choices": ["migrated"], "default": "migrated"},
            "lock_timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )

    def run_command(command: list[str]) -> object:
        return module.run_command(command, handle_exceptions=False)

    try:
        result = migrate(module.params, module.check_mode, run_command)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
