# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed at the end, and docs/benchmarks.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from .bounds import judge
from .contenders import CONTENDERS
from .stats import summarize
from .table import bounds_table, cost_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .stats import Sample

_PAGE = """\
<!--
Copyright (c) 2026, The labfleet.identity developers
GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks

The figures of one run on {date}. `make bench` measures anew and prints them,
`.venv/bin/python tests/bench/bench.py --write` writes this page, `--help` says what else there is.

{machine}

{bounds}
{costs}
## How to read it

- *x ping* is the wall time divided by that of a play with one bare `ansible.builtin.ping` task, run just before and
  just after on the same hosts. On a busy machine trust this column more than the seconds.
- *first*: nobody is there yet. The host is put back to the same state before each first run. *no change*: all are.
- Shown is the median, with least and most in brackets. *n* is the number of runs: every case has its turn in every
  round, and one that has taken {budget:.0f} s leaves the turns that follow to the others.
- *controller CPU* is that of the whole process tree that was started, and of the SSH connections that stay open.
  *host CPU* is that of all processes of the containers.
- *remote executions* are calls of `ssh`, each a command on a host.
- After every run it is checked on every host that all people are there with their numbers, groups, homes and keys and
  nobody else is, and that the second run changed nothing and said so.
{left_out}
## What is measured

Every person has a given UID (with `site`: from the ledger), a private group, two shared groups and two ed25519 keys.

{contenders}
Everybody uses the same SSH settings: connections kept open (`ControlPersist`), for Ansible `pipelining`, `forks = 10`
and no fact gathering. The hosts are containers with systemd and sshd, each with its own address; the login is root's.
"""


def machine() -> str:
    """What the figures depend on, without a word on whose machine it was."""
    cpu = next((value for name, value in _cpuinfo() if name == "model name"), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Controller and hosts shared {os.cpu_count()} cores ({cpu}) and {memory:.0f} GiB of memory;\n"
        f"ansible-core {importlib.metadata.version('ansible-core')}, CPython {platform.python_version()}, "
        f"Linux {platform.release().split('-')[0]}, hosts Debian 12."
    )


def _cpuinfo() -> Iterable[tuple[str, str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        name, _colon, value = line.partition(":")
        yield name.strip(), value.strip()


def tables(samples: Sequence[Sample]) -> tuple[str, str]:
    summaries = summarize(samples)
    return bounds_table(judge(summaries)), cost_table(summaries)


def page(samples: Sequence[Sample], *, budget: float, left_out: Sequence[str]) -> str:
    bounds, costs = tables(samples)
    taking_part = {sample.case.contender for sample in samples}
    return _PAGE.format(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        machine=machine(),
        bounds=bounds,
        costs=costs,
        budget=budget,
        left_out="".join(f"- Not measured: {what}.\n" for what in left_out),
        contenders="".join(
            f"- **{name}**: {contender.is_about}\n" for name, contender in CONTENDERS.items() if name in taking_part
        ),
    )
