# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo reads in the recap of ansible-playbook."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.tests.fleet.fleetlib.demo.recap import Counts, check_recap, read_recap
from ansible_collections.labfleet.identity.tests.fleet.fleetlib.errors import FleetError

OUTPUT = """
TASK [Look] ********************************************************************
ok: [h1]
ok: [fake : ok=1 changed=0]

PLAY RECAP *********************************************************************
h1                         : ok=4    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
r-research-1               : ok=3    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0

"""


def test_the_counts_of_every_host_are_read() -> None:
    assert read_recap(OUTPUT) == {"h1": Counts(4, 0, 0, 0), "r-research-1": Counts(3, 2, 0, 0)}


def test_the_last_recap_counts() -> None:
    later = OUTPUT.replace("changed=2", "changed=0")
    assert read_recap(OUTPUT + later)["r-research-1"].changed == 0


def test_no_recap_is_an_error() -> None:
    with pytest.raises(FleetError, match="without a recap"):
        read_recap("ok: [h1]\nh1 : ok=4 changed=0 unreachable=0 failed=0\n")


GOOD = Counts(ok=4, changed=0, unreachable=0, failed=0)


def test_a_run_over_all_hosts_that_changes_nothing_is_good() -> None:
    check_recap({"a": GOOD, "b": GOOD}, ["b", "a"], nothing_changed=True)


def test_a_first_run_may_change_things() -> None:
    check_recap({"a": Counts(4, 3, 0, 0)}, ["a"], nothing_changed=False)


@pytest.mark.parametrize(
    ("recap", "reason"),
    [
        ({"a": GOOD}, "over a instead of a, b"),
        ({}, "over no host"),
        ({"a": GOOD, "b": GOOD, "c": GOOD}, "over a, b, c"),
        ({"a": GOOD, "b": Counts(4, 1, 0, 0)}, "changed 1 on b"),
        ({"a": GOOD, "b": Counts(4, 0, 0, 1)}, "did not succeed on b"),
        ({"a": GOOD, "b": Counts(4, 0, 1, 0)}, "did not succeed on b"),
        ({"a": GOOD, "b": Counts(0, 0, 0, 0)}, "did not succeed on b"),
    ],
)
def test_a_second_run_is_refused(recap: dict[str, Counts], reason: str) -> None:
    with pytest.raises(FleetError, match=reason):
        check_recap(recap, ["a", "b"], nothing_changed=True)
