# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The homes of a plan: those to make, and those whose mode is set (private)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._home_tree import make_home, read_skel, set_mode
from ansible_collections.labfleet.identity.plugins.module_utils._safe_files import (
    do_side_by_side,
    open_trusted_directory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.labfleet.identity.plugins.module_utils._accounts._states import HomeJob
    from ansible_collections.labfleet.identity.plugins.module_utils._home_tree import SkelEntry

__all__ = ["make_homes", "set_modes"]


def make_homes(jobs: Iterable[HomeJob], skel: str) -> list[int]:
    """Make homes, as copies of ``skel`` or of what a job names instead.

    :returns: open descriptors of the base directories that were changed, for the caller to flush and close.
    """
    skels: dict[str, tuple[SkelEntry, ...]] = {}
    bases: dict[str, int] = {}
    wanted = list(jobs)
    for job in wanted:
        base = os.path.dirname(job.path)
        if base not in bases:
            bases[base] = open_trusted_directory(base)
        source = job.skel or skel
        if source not in skels:
            skels[source] = read_skel(source)

    def make(job: HomeJob) -> None:
        base, name = os.path.split(job.path)
        make_home(bases[base], name, job, skels[job.skel or skel])

    do_side_by_side(make, wanted)
    return list(bases.values())


def set_modes(jobs: Iterable[HomeJob]) -> None:
    """Set the mode of homes that are there.

    :raises IdentityError: names those that could not be reached; all others were.
    """
    problems = []
    for job in jobs:
        base, name = os.path.split(job.path)
        directory = open_trusted_directory(base)
        try:
            problem = set_mode(directory, name, job)
        except OSError as error:
            problem = error.strerror or str(error)
        finally:
            os.close(directory)
        if problem:
            problems.append("%s (%s)" % (job.path, problem))
    if problems:
        raise IdentityError(
            "the accounts are as asked for, but the mode of these homes cannot be set: %s; look at what is mounted"
            " there, and whether root may change it" % ", ".join(problems)
        )
