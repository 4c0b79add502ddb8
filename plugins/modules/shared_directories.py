#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make local directories in which a group works together."""

from __future__ import annotations

DOCUMENTATION = r"""
module: shared_directories
short_description: Make local directories in which a group works together
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Makes directories that belong to root and a group, and corrects the group and mode of those that are there, all in
    one call. What is in them is left alone.
  - All are looked at before one is made. Every directory above them has to be one that only root can change, and no
    link that somebody else made is followed.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or will change in C(check_mode), one line a directory.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target OS that can be operated against.
    platforms: linux
    support: full
options:
  directories:
    description: The directories. One that lies in another comes after it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - A plain absolute path outside the directories of the system, such as C(/srv/plots). The directory above it
            has to exist or to be named before it.
          - A directory that belongs to another user than root is refused.
          - So is a base of homes, whose members could put their own home in another's place. It is one that is above
            the home of an account with a number from 1000 on, that is called C(home) or C(homes), that is C(shared) in
            a file system of the role P(labfleet.identity.efs#role), or that would be opened to a group and holds a
            directory of such a number. What members have in a directory that they share already stays as it is.
        type: str
        required: true
      group:
        description: The group whose members share it.
        type: str
        required: true
      mode:
        description: The mode. Everybody else may never write.
        type: str
        default: "2770"
  groups_by_then:
    description:
      - Groups that the same play makes before this. Check mode takes them for made. A real run looks, and does not heed
        this.
    type: list
    elements: str
    default: []
notes:
  - Runs as root.
seealso:
  - module: labfleet.identity.accounts
"""

EXAMPLES = r"""
- name: Make a directory for the plots of everybody in a project
  labfleet.identity.shared_directories:
    directories:
      - {path: /srv/plots, group: statistics}
"""

RETURN = r"""
directories:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
    action:
      description: V(none), V(create) or V(change).
      type: str
    changes:
      description: What changed about it, in words.
      type: list
      elements: str
  sample:
    - path: /srv/plots
      action: create
      changes: ["made as root:statistics 2770"]
"""

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._quiet_module import QuietModule
from ansible_collections.labfleet.identity.plugins.module_utils._shared_directories import settle_shared_directories


def main() -> None:
    """Read the arguments, act, answer."""
    directory = {
        "path": {"type": "str", "required": True},
        "group": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "2770"},
    }
    module = QuietModule(
        argument_spec={
            "directories": {"type": "list", "elements": "dict", "options": directory, "required": True},
            "groups_by_then": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = settle_shared_directories(
            module.params["directories"], module.params["groups_by_then"], module.check_mode
        )
    except IdentityError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg="the system cut the run short (%s): mend the cause and run again to complete it" % error)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
