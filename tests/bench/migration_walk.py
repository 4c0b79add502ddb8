# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What accounts_migrate does with files, as a process of its own: ROOT OLD NEW USERS PROCESSES, and how much of it."""

from __future__ import annotations

import sys

from ansible_collections.labfleet.identity.plugins.module_utils._migration._mounts import Root
from ansible_collections.labfleet.identity.plugins.module_utils._migration._tally import Job
from ansible_collections.labfleet.identity.plugins.module_utils._migration._workers import walk


def main(root: str, old: str, new: str, users: str, processes: str, how_much: str) -> None:
    numbers = {int(old) + user: int(new) + user for user in range(int(users))}
    look = Job(numbers, numbers, change=False, taken_uids=frozenset(numbers.values()))
    change = Job(numbers, numbers, change=True, acls=False)
    for job in (look, change, look) if how_much == "whole" else (change,):
        walk([Root(root, "ext4")], job, int(processes), lambda _seen, _changed: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
