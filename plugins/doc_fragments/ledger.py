# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of the ledger's modules shares."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes; each part under the name by which a module takes it."""

    DOCUMENTATION = r"""
options:
  ledger:
    description:
      - Where the ledger is kept, as V(file:PATH) or V(dynamodb:TABLE). A relative path begins in the directory where
        C(ansible-playbook) was started. A table is found with the credentials, the region and the endpoint that boto3
        finds, and is made with M(labfleet.identity.ledger_table).
    type: str
    required: true
  lock_timeout:
    description: How many seconds to wait for other runs that write the ledger, or for a table that does not answer.
    type: int
    default: 60
attributes:
  platform:
    support: full
    platforms: posix
    description: Nothing happens on a managed host. The controller reads and writes the ledger.
  action:
    support: full
    description: Runs on the controller, so it needs no connection and no Python on the managed host.
seealso:
  - module: labfleet.identity.uid_allocation
  - module: labfleet.identity.ledger_info
"""

    OPERATION = r"""
options:
  profile:
    description: The id of the profile that the people belong to.
    type: str
    required: true
  reason:
    description: Why, for those who read the ledger later. One line of at most 255 characters.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Says what the run would add to the ledger, and writes nothing.
  diff_mode:
    support: full
    description: Shows one line for everything that is added to the ledger.
  idempotent:
    support: full
    description: A second run finds the ledger as it should be and writes nothing.
"""

    CHANGES = r"""
attributes:
  check_mode:
    support: full
    description: Says what the run would add to the ledger, and writes nothing.
  diff_mode:
    support: full
    description: Shows one line for everything that is added to the ledger.
  idempotent:
    support: full
    description: A second run finds the ledger as it should be and writes nothing.
"""

    PEOPLE = r"""
options:
  usernames:
    description: The people by username. One of O(usernames) and O(subjects) is needed.
    type: list
    elements: str
    default: []
  subjects:
    description: The people by subject, their stable id. A subject that has a comma needs a real list.
    type: list
    elements: str
    default: []
"""

    PERSON = r"""
options:
  username:
    description:
      - The person by username.
      - One of O(username) and O(subject) is needed. When both are given, they must agree. Empty text means the same as
        leaving it out.
    type: str
  subject:
    description: The person by subject, their stable id.
    type: str
"""
