# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the benchmark that is about files and their numbers, as text."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from .report import machine
from .table import figures, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .migration import Tree, WaySummary

_HEAD = ("way", "wall s", "CPU s", "x find, wall", "x find, CPU", "n")
_NUMERIC = frozenset({1, 2, 3, 4, 5})
_PAGE = """\
<!--
Copyright (c) 2026, The labfleet.identity developers
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks of UID migration

The figures of one run on {date}: {files} files of {users} people. `.venv/bin/python tests/bench/migration.py` measures
anew and prints them, with `--write` it writes this page.

{machine}

{table}
## How to read it

- Everybody has a home with directories of 100 files. All of it gets other UIDs and GIDs. After each run it is checked
  that everybody has as many files as before, under the new numbers, and nothing is left on the old ones.
- *x find* is the time divided by that of `find ROOT -uid OLD -exec chown -h NEW:NEW {{}} +` for each user, one after
  the other, in the same round. That is what people write today. On a busy machine trust this more than the seconds.
- *one find with all users in it* is the best that one can write by hand. It does not see whose number the files next
  to it have, cannot be cut off when people exchange numbers, changes files by name while others may exchange them, and
  leaves ACLs behind.
- *one walk of ours* changes owner and group. *All of ours* is what a run of the module does: it counts first, sees that
  the new numbers are free, reads the ACL of every file, changes, and looks at what is left, ACLs included.
- Shown is the median, with least and most in brackets; *n* is the number of rounds. The caches are as warm as the
  memory lets them be: every way reads the whole tree.
"""


def migration_table(summaries: Sequence[WaySummary]) -> str:
    return markdown(
        _HEAD,
        [
            [
                summary.way,
                figures(summary.wall),
                figures(summary.cpu),
                figures(summary.wall_ratio),
                figures(summary.cpu_ratio),
                str(summary.repeats),
            ]
            for summary in summaries
        ],
        _NUMERIC,
    )


def migration_page(tree: Tree, summaries: Sequence[WaySummary]) -> str:
    return _PAGE.format(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        machine=machine(),
        table=migration_table(summaries),
        files=f"{tree.files:,}",
        users=tree.users,
    )
