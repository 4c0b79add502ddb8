#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep, archive or remove the homes of people who left."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_home
short_description: Keep, archive or remove the homes of people who left
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Archives a home as C(NAME-UID-YYYYMMDDTHHMMSSZ.tar) with a checksum beside it, or removes it. Nothing else of an
    account is touched. See M(labfleet.identity.accounts) for closing it, which comes first.
  - The home is walked by directory descriptors. No link is followed, and what is mounted in the home is not entered.
    Somebody who exchanges directories for links meanwhile gains nothing.
  - All homes are looked at before anything is done with one of them.
  - An archive is written under another name, made durable, read again and compared with its checksum before it counts.
    A home that did not change since is not archived again.
  - A home that is removed is renamed first, out of everybody's reach. A removal that was cut short is finished by the
    next run.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode), one line a home.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  users:
    description: The people.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Login name.
        type: str
        required: true
      uid:
        description: Number of the user. A home that belongs to another one is refused.
        type: int
        required: true
      home:
        description:
          - Where the home is if the host does not have the account any more. An account with this name and number
            that is still there says it itself.
          - Its parent directory must be changeable by root only.
        type: str
        required: true
  state:
    description:
      - V(kept) does nothing and tells what is there. What speaks against doing something is a warning.
      - V(archived) makes an archive, and leaves the home where it is. The account must be closed and nothing may run
        as the user.
      - V(removed) removes the home, if a whole archive of it as it is now is in O(archive_directory), and no other
        account of the host lives in it.
    type: str
    choices: [kept, archived, removed]
    default: kept
  archive_directory:
    description:
      - Where archives are. It is made (0700, root) when missing, and refused when others can read it. Its parent must
        exist.
    type: path
    default: /var/lib/labfleet-homes
  compress:
    description: Whether new archives are compressed with gzip, and called C(.tar.gz).
    type: bool
    default: false
  archive_first:
    description: With O(state=removed), makes the archive that is missing, and removes the home when it is whole.
    type: bool
    default: false
  without_archive:
    description:
      - Whether a home may be removed that is not archived. One that holds files of other people (root aside) is
        refused even so.
    type: bool
    default: false
  network_file_system:
    description:
      - Whether a home may be removed that is on a file system which other machines may have as well, such as NFS,
        EFS, SMB, Lustre, Ceph or any FUSE mount. It is gone on all of them then.
    type: bool
    default: false
  closed_by_then:
    description:
      - Names of people whose account the same play closes before this. They are taken for closed in check mode, which
        closed nobody. A real run looks, and does not heed this.
    type: list
    elements: str
    default: []
notes:
  - Runs as root. A file server that keeps root out (C(root_squash)) makes it fail and say so.
  - A home on a file server that does not answer is not waited for. It is refused after a few seconds; with
    O(state=kept) it is told as not found, with a warning.
  - What is in an archive. Files, directories, links, named pipes and device files with mode, owner numbers, times to
    the nanosecond and extended attributes; hard links as such; files with holes without them.
  - What is not, and is listed in RV(homes[].archive.left_out). Sockets, what is mounted in the home, and files of other
    owners that have names outside the home as well.
  - An entry whose path is longer than 4096 bytes is in the archive, and C(tar) cannot unpack it in one go.
seealso:
  - module: labfleet.identity.accounts
  - module: labfleet.identity.accounts_receipt
"""

EXAMPLES = r"""
- name: Archive the home of somebody who left
  labfleet.identity.accounts_home:
    users:
      - {name: alice, uid: 5238, home: /home/alice}
    state: archived

- name: Remove it
  labfleet.identity.accounts_home:
    users:
      - {name: alice, uid: 5238, home: /home/alice}
    state: removed
"""

RETURN = r"""
homes:
  description: What is there, and what was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The login name.
      type: str
    uid:
      description: The number.
      type: int
    home:
      description: Where the home is or was.
      type: str
    user:
      description: The same three, as an entry of O(users).
      type: dict
    account:
      description: Whether the host has an account of that name.
      type: bool
    found:
      description: Whether the home was there.
      type: bool
    local:
      description: Whether it is on a file system that no other machine has.
      type: bool
    shared_as:
      description: What the file system calls it, the same on all hosts that have it. Empty for local ones.
      type: str
    cut_short:
      description: Whether an earlier removal was found that had not come to its end.
      type: bool
    action:
      description: V(none), V(archive) or V(remove).
      type: str
    entries:
      description: How many files, directories and other things are in it. 0 with O(state=kept).
      type: int
    bytes:
      description: How many bytes the files in it have.
      type: int
    archive:
      description: The newest archive that counts, null for none.
      type: dict
      contains:
        path:
          description: Where it is.
          type: str
        sha256:
          description: Its checksum.
          type: str
        size:
          description: Its size in bytes.
          type: int
        entries:
          description: How many entries the home had.
          type: int
        other_owners:
          description: How many entries belong to others, by their number.
          type: dict
        left_out:
          description: What is not in the archive, and why. At most 50.
          type: list
          elements: str
        changed_while_read:
          description: Files that changed while they were read. An archive with any does not let a home be removed.
          type: list
          elements: str
        long_paths:
          description: How many entries have a path that C(tar) cannot unpack in one go.
          type: int
  sample:
    - name: alice
      uid: 5238
      home: /home/alice
      user: {name: alice, uid: 5238, home: /home/alice}
      account: false
      found: true
      local: true
      shared_as: ""
      cut_short: false
      action: archive
      entries: 812
      bytes: 48816283
      archive:
        path: /var/lib/labfleet-homes/alice-5238-20261122T090000Z.tar
        sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
        size: 49602560
        entries: 812
        other_owners: {"0": 2}
        left_out: []
        changed_while_read: []
        long_paths: 0
protected:
  description: Those of O(users) as whom this run came in. They are refused, except with O(state=kept).
  returned: success
  type: list
  elements: str
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._home_run import settle_homes
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, act, answer."""
    user = {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "home": {"type": "str", "required": True},
    }
    module = QuietModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "options": user, "required": True},
            "state": {"type": "str", "choices": ["kept", "archived", "removed"], "default": "kept"},
            "archive_directory": {"type": "path", "default": "/var/lib/labfleet-homes"},
            "compress": {"type": "bool", "default": False},
            "archive_first": {"type": "bool", "default": False},
            "without_archive": {"type": "bool", "default": False},
            "network_file_system": {"type": "bool", "default": False},
            "closed_by_then": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = settle_homes(module.params, module.check_mode)
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again to complete it" % error)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
