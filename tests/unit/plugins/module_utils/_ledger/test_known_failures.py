# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went wrong where others give out numbers, done to this ledger. Each test says where it was seen."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import StateChanged
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    STAMP,
    group,
    issue,
    ledger_of,
    profile,
    user,
    wanted,
)

# both have 5238 as their first choice in the profile lab
TWINS = ("x1178", "x1337")
EVENTS = [profile(), user("alice", 5361), user("bob", 5587), group("staff", 4002), user(TWINS[0], 5238)]
WHOLE = format_ledger(Written(), EVENTS)
LINES = WHOLE.decode("ascii").splitlines(keepends=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def run(path: Path, *names: str, **subjects: str) -> dict[str, int]:
    """What a run tells for a roster; a new store each time, as after a restart."""
    people = {**{name: name for name in names}, **subjects}
    roster = Roster(tuple(RosterEntry(name, subject) for name, subject in people.items()))
    store = open_store(f"file:{path}", 5)
    return dict(settle(store, lambda known: allocate(known, Wanted("lab", roster), STAMP), True).decision.uids)


def refusal(path: Path, *names: str, **subjects: str) -> str:
    """Why a run stops; the file must stay as it is."""
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(IdentityError) as caught:
        run(path, *names, **subjects)
    assert (path.read_bytes() if path.exists() else None) == before
    return str(caught.value)


def is_refused(data: bytes) -> bool:
    try:
        fold(parse_ledger(data))
    except IdentityError:
        return True
    return False


# A number issued again after a restart, for what was given out was known to the process only: EFS CSI driver #1107.


def test_efs_csi_driver_1107_a_restart_forgets_no_number(ledger: Path) -> None:
    assert run(ledger, TWINS[0]) == {TWINS[0]: 5238}
    ledger.with_name("ledger.jsonl.lock").unlink()  # as on a machine that never wrote this ledger
    assert run(ledger, TWINS[1]) == {TWINS[1]: 5239}
    assert run(ledger, *TWINS) == {TWINS[0]: 5238, TWINS[1]: 5239}


def test_efs_csi_driver_1107_every_number_is_issued_by_another_process(ledger: Path) -> None:
    program = (
        "import runpy, sys; from pathlib import Path;"
        f" issue = runpy.run_path({str(Path(__file__).with_name('campaigns.py'))!r})['issue'];"
        " print(*issue(Path(sys.argv[1]), [sys.argv[2]]).values())"
    )
    numbers = []
    for name in (*TWINS, "alice", "bob", *TWINS):
        arguments = [sys.executable, "-c", program, str(ledger), name]
        numbers.append(int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout))
    assert numbers[:2] == numbers[4:] == [5238, 5239]
    assert len(set(numbers)) == 4


# Only a part of the list was seen: EFS CSI driver #1217 (pages of a listing).


@pytest.mark.parametrize("kept", range(len(LINES)))
def test_efs_csi_driver_1217_a_ledger_cut_after_any_line_stops_the_run(ledger: Path, kept: int) -> None:
    ledger.write_text("".join(LINES[:kept]))
    assert "cannot be used and stays as it is" in refusal(ledger, TWINS[1])


def test_efs_csi_driver_1217_a_ledger_cut_at_any_byte_is_refused() -> None:
    assert not is_refused(WHOLE)
    assert [cut for cut in range(len(WHOLE)) if not is_refused(WHOLE[:cut])] == []


def test_efs_csi_driver_1217_a_ledger_that_lacks_any_lines_is_refused() -> None:
    places = range(len(LINES))
    for first, after in itertools.combinations([*places, len(LINES)], 2):
        assert is_refused("".join(LINES[:first] + LINES[after:]).encode("ascii")), (first, after)


def test_efs_csi_driver_1217_an_older_listing_issues_nothing(ledger: Path) -> None:
    run(ledger, "alice")
    older = ledger.read_bytes()
    run(ledger, TWINS[0])
    ledger.write_bytes(older)
    assert "older copy" in refusal(ledger, TWINS[1])


# A number or a name issued again after a deletion: TLJH #225, trinityX #157.


def test_tljh_225_a_ledger_that_was_deleted_is_not_begun_again(ledger: Path) -> None:
    run(ledger, TWINS[0])
    ledger.unlink()
    assert "is gone: it held 2 events" in refusal(ledger, TWINS[1])
    assert not ledger.exists()


def test_tljh_225_who_is_deleted_from_the_roster_keeps_the_number(ledger: Path) -> None:
    assert run(ledger, TWINS[0]) == {TWINS[0]: 5238}
    assert run(ledger, "alice") == {"alice": 5361}
    assert run(ledger, "alice", TWINS[1]) == {"alice": 5361, TWINS[1]: 5239}
    assert run(ledger, TWINS[0])[TWINS[0]] == 5238


def test_trinityx_157_the_highest_number_is_not_issued_again_after_its_owner_left() -> None:
    events, first = issue([], ["p1", "p2", "p3"], band="7000-7003")
    highest = max(first.uids, key=lambda name: first.uids[name])
    gone = StateChanged("lab", highest, 1, "retired", "left", LATER)
    after = allocate(ledger_of([*events, gone]), wanted(["p4"]), LATER)
    assert set(after.uids.values()).isdisjoint(first.uids.values())
    with pytest.raises(IdentityError, match="no number is ever issued twice"):
        allocate(ledger_of([*events, gone, *after.events]), wanted(["p5"]), LATER)


# A file of the right length that is full of NUL after a power cut: NixOS #61755.


@pytest.mark.parametrize(
    ("first", "after"),
    [
        (0, len(WHOLE)),
        (0, 1),
        (0, 60),
        (len(WHOLE) // 2, len(WHOLE) // 2 + 1),
        (len(WHOLE) // 2, len(WHOLE)),
        (len(WHOLE) - 1, len(WHOLE)),
        (len(WHOLE) - 400, len(WHOLE)),
    ],
)
def test_nixos_61755_nul_bytes_stop_the_run_and_the_line_is_named(ledger: Path, first: int, after: int) -> None:
    ledger.write_bytes(WHOLE[:first] + bytes(after - first) + WHOLE[after:])
    line = WHOLE.count(b"\n", 0, first) + 1
    assert f"line {line} holds NUL bytes, as a power cut leaves them" in refusal(ledger, "alice")


@given(st.integers(0, len(WHOLE)), st.integers(1, 5000))
def test_nixos_61755_no_block_of_nul_bytes_anywhere_is_passed_over(start: int, length: int) -> None:
    assert is_refused(WHOLE[:start] + bytes(length) + WHOLE[start + length :])
    assert is_refused(WHOLE[:start] + bytes(length) + WHOLE[start:])


# Two lists are merged that both gave out the same number (5238): the numbers of two labs, each right on its own.


def test_two_lists_that_both_gave_out_5238_are_refused_with_both_lines(ledger: Path) -> None:
    one = LINES
    two = format_ledger(Written(), [profile(), user("carol", 5900), user(TWINS[1], 5238)]).decode().splitlines(True)
    merged = [*one[:-1], *(line for line in two if line not in one)]
    ledger.write_text("".join(merged))
    where = [number for number, line in enumerate(merged, start=1) if '"uid": 5238' in line]
    message = refusal(ledger, "dave")
    assert f"lines {where[0]} and {where[1]} issue 5238 twice, to {TWINS[0]} (lab, 5238) and to {TWINS[1]}" in message
    # the way out that the message names
    ledger.write_text("".join(line for line in merged if TWINS[1] not in line))
    assert run(ledger, *TWINS) == {TWINS[0]: 5238, TWINS[1]: 5239}


def test_aws_parallelcluster_1176_one_person_with_two_numbers_is_refused_with_both_lines(ledger: Path) -> None:
    two = format_ledger(Written(), [profile(), user("alice", 5362)]).decode().splitlines(True)
    merged = [*LINES[:-1], *(line for line in two if line not in LINES)]
    ledger.write_text("".join(merged))
    where = [number for number, line in enumerate(merged, start=1) if '"username": "alice"' in line]
    assert f"lines {where[0]} and {where[1]} give one person" in refusal(ledger, "dave")


# The name of somebody who left is given to somebody else, who then owns what the name owns: TLJH #225.


def test_tljh_225_a_name_is_not_moved_to_another_person(ledger: Path) -> None:
    run(ledger, alice="alice.smith@example.org")
    run(ledger, "bob")
    message = refusal(ledger, alice="alice.jones@example.org")
    assert "the username alice belongs to the subject 'alice.smith@example.org' with 5361" in message
    assert "a name is never given to somebody else" in message
    assert run(ledger, alice="alice.smith@example.org") == {"alice": 5361}


def test_tljh_225_a_name_is_not_moved_after_its_owner_retired() -> None:
    gone = StateChanged("lab", "alice", 1, "retired", "left", LATER)
    new = Wanted("lab", Roster((RosterEntry("alice", "alice.jones@example.org"),)))
    with pytest.raises(IdentityError, match="the username alice belongs to the subject 'alice'"):
        allocate(ledger_of([*EVENTS, gone]), new, LATER)


def test_tljh_225_a_name_is_not_moved_to_a_group(ledger: Path) -> None:
    ledger.write_bytes(WHOLE)
    roster = Roster((RosterEntry("bob", "bob", groups=("alice",)),))
    store = open_store(f"file:{ledger}", 5)
    with pytest.raises(IdentityError, match="the group alice has the name of a person"):
        settle(store, lambda known: allocate(known, Wanted("lab", roster), STAMP), True)
    assert ledger.read_bytes() == WHOLE


# A range that was changed in the settings is not heeded, or only after a restart: EFS CSI driver #735.


def test_efs_csi_driver_735_a_band_that_was_changed_is_refused_and_not_passed_over() -> None:
    with pytest.raises(IdentityError, match="has the UID band 5000-5999 in the ledger, not 7000-7999"):
        allocate(ledger_of(EVENTS), wanted(["carol"], band="7000-7999"), STAMP)


# Numbers made of a hash are the same for two people sooner or later: authd #509, nebari #496, juicefs #7220.


def test_authd_509_the_same_hash_is_not_the_same_number(ledger: Path) -> None:
    assert run(ledger, *TWINS) == {TWINS[0]: 5238, TWINS[1]: 5239}


# Numbers differ between machines, because they depend on the order in which people came: aws-parallelcluster #170.


def test_aws_parallelcluster_170_the_order_of_a_list_gives_nobody_another_number() -> None:
    names = ["alice", "bob", *TWINS]
    found = {tuple(sorted(issue([], order)[1].uids.items())) for order in itertools.permutations(names)}
    assert len(found) == 1
