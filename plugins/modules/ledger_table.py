#!/usr/bin/python
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_table
short_description: Make the DynamoDB table in which a ledger is kept
version_added: 0.1.0
author:
  - The labfleet.identity developers (@labfleet)
description:
  - Makes a table with the keys that a ledger needs, with deletion protection and point-in-time recovery on, waits until
    it can be used, and begins a ledger in it.
  - A table that is there is brought to what is wanted. Its items stay as they are.
  - Other modules only use a table in which this module began a ledger. So an empty or mistyped table is never taken for
    a new ledger, whose numbers would be given out a second time.
  - A table with other keys, or with items that are not a ledger, is refused. So is one that is copied to other regions
    with eventual consistency, because two controllers could give one number to two people there.
  - That a ledger is begun is said in a warning. Whoever sees it later has a wrong name, region or account, or a table
    that lost its items.
  - There is no way to remove a table here. The numbers in it are in use on hosts for as long as there are files.
    Whoever really wants that switches deletion protection off and deletes the table by hand.
requirements:
  - boto3, for the Python that runs ansible-core on the controller
notes:
  - Credentials, region and endpoint are those that boto3 finds on the controller (C(AWS_PROFILE),
    C(AWS_ACCESS_KEY_ID), C(AWS_REGION), C(AWS_ENDPOINT_URL), C(AWS_ENDPOINT_URL_DYNAMODB), C(~/.aws), a role).
    The keyword C(environment) of a task or play has no influence on them.
  - 'Permissions to set the table up: C(dynamodb:CreateTable), C(DescribeTable), C(UpdateTable),
    C(DescribeContinuousBackups), C(UpdateContinuousBackups), C(GetItem), C(Scan), C(PutItem), and with O(tags)
    C(ListTagsOfResource) and C(TagResource).'
  - 'Permissions to use the ledger later: C(dynamodb:GetItem), C(Query), C(PutItem) and C(UpdateItem). Nobody needs
    C(DeleteItem), so do not allow it.'
attributes:
  check_mode:
    support: full
    description: Says what would be made or changed, and changes nothing.
  diff_mode:
    support: full
    description: Shows the settings of the table before and after.
  platform:
    support: full
    platforms: posix
    description: Nothing happens on a managed host. The controller talks to DynamoDB.
  idempotent:
    support: full
    description: A second run finds the table as it should be and changes nothing.
  action:
    support: full
    description: Runs on the controller, so it needs no connection and no Python on the managed host.
options:
  name:
    description: The name of the table. In other modules the ledger is V(dynamodb:NAME) then.
    type: str
    required: true
  state:
    description: That the table is there. Nothing else can be asked for.
    type: str
    choices: [present]
    default: present
  billing_mode:
    description:
      - V(PAY_PER_REQUEST) costs what is used, which for a ledger is next to nothing.
      - V(PROVISIONED) reserves O(read_capacity) and O(write_capacity).
    type: str
    choices: [PAY_PER_REQUEST, PROVISIONED]
    default: PAY_PER_REQUEST
  read_capacity:
    description: Read capacity units. Needed with O(billing_mode=PROVISIONED), and without effect otherwise.
    type: int
  write_capacity:
    description: Write capacity units. Needed with O(billing_mode=PROVISIONED), and without effect otherwise.
    type: int
  point_in_time_recovery:
    description:
      - Whether the table can be restored as it was at any second of the last 35 days.
      - This is the backup of the ledger.
    type: bool
    default: true
  deletion_protection:
    description: Whether the table refuses to be deleted.
    type: bool
    default: true
  tags:
    description: Tags that the table must have. Others stay.
    type: dict
    default: {}
  wait_timeout:
    description: How many seconds all of it may take. A new table takes about ten.
    type: int
    default: 300
seealso:
  - module: labfleet.identity.uid_allocation
"""

EXAMPLES = r"""
# once, and not in the play that gives out numbers: in a wrong region it would make another ledger for them
- name: Make the table of the ledger
  labfleet.identity.ledger_table:
    name: labfleet-ledger
    tags:
      owner: research-computing
  run_once: true

- name: Give everybody a number from it, in a play of its own
  labfleet.identity.uid_allocation:
    profile: personal-research
    ledger: dynamodb:labfleet-ledger
    roster: roster.yml
  run_once: true
"""

RETURN = r"""
ledger:
  description: What other modules call this ledger.
  returned: success
  type: str
  sample: dynamodb:labfleet-ledger
arn:
  description: The ARN of the table. Empty in check mode when there is no table yet.
  returned: success
  type: str
  sample: arn:aws:dynamodb:eu-central-1:123456789012:table/labfleet-ledger
table:
  description: The table as it is, or would be in check mode.
  returned: success
  type: dict
  contains:
    name:
      description: The O(name).
      type: str
    billing_mode:
      description: V(PAY_PER_REQUEST) or V(PROVISIONED).
      type: str
    read_capacity:
      description: Read capacity units.
      returned: when the billing mode is V(PROVISIONED)
      type: int
    write_capacity:
      description: Write capacity units.
      returned: when the billing mode is V(PROVISIONED)
      type: int
    deletion_protection:
      description: Whether the table refuses to be deleted.
      type: bool
    point_in_time_recovery:
      description: Whether the table can be restored as it was at any second.
      type: bool
    ledger_begun:
      description: Whether the table holds a ledger, also one without any number yet.
      type: bool
    tags:
      description: All tags of the table.
      returned: when O(tags) names any
      type: dict
  sample:
    name: labfleet-ledger
    billing_mode: PAY_PER_REQUEST
    deletion_protection: true
    point_in_time_recovery: true
    ledger_begun: true
"""
