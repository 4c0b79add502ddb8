#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that people are out of a host, by looking afterwards."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts_receipt
short_description: Prove that people are out of a host, by looking afterwards
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Looks for everything that an account can have left on a host, and tells of each thing whether it is as it has to be
    and what was seen. It knows nothing of what M(labfleet.identity.accounts) planned or did.
  - Fails, with the receipts, when anything does not hold. In check mode it only tells, because nothing was done yet.
  - It looks at the account files, the expiry and the shell, SSH keys, sudo (every line that names the person, whoever
    wrote it), limits, subordinate ids, the mail alias, the login environment, lingering, crontabs, at jobs, services
    that run as the person without asking PAM, processes, sessions, the user's manager and slice, and the home.
  - It also asks the host's PAM whether it would let the person in, by C(su) as root, which needs no password and obeys
    the account rules.
attributes:
  check_mode:
    description: Nothing is ever changed. In check mode nothing fails either.
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
  users:
    description: The people, and what is expected of them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Login name.
        type: str
        required: true
      uid:
        description: Number of the user.
        type: int
        required: true
      home:
        description: Where the home is or was.
        type: str
        required: true
      state:
        description:
          - V(disabled) wants an account that lets nobody in. One that is not there lets nobody in either.
          - V(absent) wants none, and no crontab and no at job.
        type: str
        choices: [disabled, absent]
        default: absent
      home_state:
        description:
          - V(kept) wants a home that is the user's or none. V(archived) wants an archive with the right checksum as
            well if there is a home. V(removed) wants none, nor the rest of one.
          - V(elsewhere) wants nothing of it, because another host has it in its care.
        type: str
        choices: [kept, archived, removed, elsewhere]
        default: kept
  keys_directory:
    description: Where the SSH keys are, one file a user.
    type: path
    default: /etc/ssh/authorized_keys.d
  archive_directory:
    description: Where the archives of homes are.
    type: path
    default: /var/lib/labfleet-homes
  wait:
    description: How many seconds to wait for processes, sessions and units to come to their end.
    type: int
    default: 10
  fail:
    description: Whether the module fails when something does not hold. With V(false) it only tells.
    type: bool
    default: true
notes:
  - Runs as root.
  - Files that belong to the number elsewhere on the host are not looked for.
seealso:
  - module: labfleet.identity.accounts
  - module: labfleet.identity.accounts_home
"""

EXAMPLES = r"""
- name: Nothing of alice is left
  labfleet.identity.accounts_receipt:
    users:
      - {name: alice, uid: 5238, home: /home/alice, state: absent, home_state: archived}
  register: proof

- name: Show it
  ansible.builtin.debug:
    var: proof.table
"""

RETURN = r"""
receipts:
  description: One for each of O(users). Also there when the module fails.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The login name.
      type: str
    uid:
      description: The number.
      type: int
    state:
      description: What was expected.
      type: str
    complete:
      description: Whether every step holds.
      type: bool
    steps:
      description: What was looked at.
      type: list
      elements: dict
      contains:
        step:
          description: What it is about.
          type: str
        holds:
          description: Whether it is as it has to be.
          type: bool
        evidence:
          description: What was seen.
          type: str
  sample:
    - name: alice
      uid: 5238
      state: absent
      complete: true
      steps:
        - {step: passwd, holds: true, evidence: none}
        - {step: account access, holds: true, evidence: "refused: su: user alice does not exist"}
complete:
  description: Whether every step of everybody holds.
  returned: always
  type: bool
table:
  description: The receipts as lines for a terminal, of printable ASCII.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._offboarding._evidence import (
    prove,
    table_of,
    what_fails,
)
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule


def main() -> None:
    """Read the arguments, look, answer."""
    user = {
        "name": {"type": "str", "required": True},
        "uid": {"type": "int", "required": True},
        "home": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["disabled", "absent"], "default": "absent"},
        "home_state": {"type": "str", "choices": ["kept", "archived", "removed", "elsewhere"], "default": "kept"},
    }
    module = QuietModule(
        argument_spec={
            "users": {"type": "list", "elements": "dict", "options": user, "required": True},
            "keys_directory": {"type": "path", "default": "/etc/ssh/authorized_keys.d", "no_log": False},
            "archive_directory": {"type": "path", "default": "/var/lib/labfleet-homes"},
            "wait": {"type": "int", "default": 10},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )

    def run_command(command: list[str]) -> tuple[int, str, str]:
        code, out, err = module.run_command(command, handle_exceptions=False, environ_update={"LC_ALL": "C"})
        return code, out, err

    try:
        # what check mode did not end does not end by itself
        receipts = prove({**module.params, "wait": 0 if module.check_mode else module.params["wait"]}, run_command)
    except (IdentityError, OSError) as error:
        module.fail_json(msg=str(error))
    table, problems = table_of(receipts), what_fails(receipts)
    complete = not problems
    if not complete and module.params["fail"] and not module.check_mode:
        module.fail_json(
            msg="not everything of them is gone: %s" % problems, receipts=receipts, complete=False, table=table
        )
    module.exit_json(changed=False, receipts=receipts, complete=complete, table=table)


if __name__ == "__main__":
    main()
