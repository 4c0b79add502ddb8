#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See which names and numbers a host uses already."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_survey
short_description: See which names and numbers a host uses already
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Reads the accounts and groups in C(/etc/passwd) and C(/etc/group), and who owns the entries of the directories in
    which homes are. It changes nothing.
  - The answer is for M(labfleet.identity.ledger_adopt), which makes a ledger of what all hosts say.
  - No link is followed in a directory of homes, and nothing is read below its entries.
  - What cannot be read whole is listed in RV(survey.gaps). A directory of homes with more than O(limit) entries, a file
    server that does not answer, a malformed line in C(/etc/passwd), for example.
  - Where C(/etc/nsswitch.conf) names a directory service (LDAP, sssd), it is asked about the names and owners of homes
    that no local account has. Its accounts are not enumerated.
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
  home_bases:
    description: The directories whose entries are homes. One that is missing on a host is reported as V(missing).
    type: list
    elements: path
    default: [/home, /efs/home]
  root:
    description:
      - Where the system to look at is mounted, an image or the disk of a host that is switched off for example.
      - Nothing outside is read then, whatever links are in it, and no directory service is asked.
    type: path
    default: /
  limit:
    description: How many entries of a directory of homes are read.
    type: int
    default: 100000
  timeout:
    description: How many seconds to wait for the account files, and for each directory of homes.
    type: int
    default: 60
notes:
  - Runs as root, because only root may read which accounts the collection manages, and see every owner.
seealso:
  - module: labfleet.identity.ledger_adopt
"""

EXAMPLES = r"""
- name: See what every host has
  labfleet.identity.accounts_survey:
    home_bases: [/home, /efs/home]
  become: true
  register: adopt_survey

- name: See what is in an image
  labfleet.identity.accounts_survey:
    root: /mnt/image
  become: true
  register: adopt_survey
"""

RETURN = r"""
survey:
  description: What the host has.
  returned: success
  type: dict
  contains:
    accounts:
      description: The accounts in C(/etc/passwd).
      type: list
      elements: dict
      contains:
        name:
          description: The login name, as it stands there. Bytes that are not UTF-8 are shown as C(\xNN), here and
            elsewhere.
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
          description: The home.
          type: str
        shell:
          description: The login shell.
          type: str
        groups:
          description: The groups that name the account as a member.
          type: list
          elements: str
        managed:
          description: For whom the collection manages the account, such as V(research:lab).
          returned: when it does
          type: str
    groups:
      description: The groups in C(/etc/group), C(name) and C(gid) of each.
      type: list
      elements: dict
    other_numbers:
      description: Numbers in malformed or repeated lines, and those that the collection gave out on this host.
      type: list
      elements: int
    homes:
      description: The directories of homes, in the order of O(home_bases).
      type: list
      elements: dict
      contains:
        base:
          description: The directory.
          type: str
        state:
          description: V(listed), V(missing), V(truncated) or V(unread).
          type: str
        problem:
          description: Why it was not read whole.
          returned: when it was not
          type: str
        entries:
          description: C(name), C(uid) and C(gid) of every entry, and its C(kind) (V(link) or V(other)) when it is no
            directory.
          type: list
          elements: dict
    directory_accounts:
      description: Accounts of a directory service that have, or own, a home here. C(name), C(uid) and C(gid) of each.
      type: list
      elements: dict
    gaps:
      description: What could not be read whole, in words. Empty when everything was.
      type: list
      elements: str
  sample:
    accounts:
      - name: alice
        uid: 5238
        gid: 5238
        gecos: Alice Example
        home: /home/alice
        shell: /bin/bash
        groups: [genomics]
    groups:
      - {name: alice, gid: 5238}
      - {name: genomics, gid: 4847}
    other_numbers: []
    homes:
      - base: /home
        state: listed
        entries:
          - {name: alice, uid: 5238, gid: 5238}
          - {name: current, uid: 0, gid: 0, kind: link}
      - {base: /efs/home, state: missing, entries: []}
    directory_accounts: []
    gaps: []
"""

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._survey import take_survey
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, look, answer."""
    module = QuietModule(
        argument_spec={
            "home_bases": {"type": "list", "elements": "path", "default": ["/home", "/efs/home"]},
            "root": {"type": "path", "default": "/"},
            "limit": {"type": "int", "default": 100000},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        params = module.params
        survey = take_survey(params["root"], params["home_bases"], params["limit"], params["timeout"])
    except IdentityError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, survey=survey)


if __name__ == "__main__":
    main()
