# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge of a campaign finds what must not happen: each bad history here was good before one thing was done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from chaoslib.books import TornBookError, book_of_events, book_of_file
from chaoslib.history import Book, Entry, Owner, judge
from chaoslib.journal import Follower, Journal
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

BANDS = {
    ("lab", "user"): (5000, 5999),
    ("lab", "group"): (4000, 4999),
    ("uni", "user"): (6000, 6999),
    ("uni", "group"): (4000, 4999),
}
ALICE, BOB, CAROL = Owner("lab", "user", "alice"), Owner("lab", "user", "bob"), Owner("uni", "user", "alice")
STAFF = Owner("lab", "group", "staff")
BOOK = {ALICE: 5361, BOB: 5587, CAROL: 6001, STAFF: 4002}


def book(numbers: dict[Owner, int], *more: Entry) -> Book:
    return Book(BANDS, [*(Entry(owner, owner.key, number) for owner, number in numbers.items()), *more])


def begin(at: float, attempt: int, *owners: Owner, writer: str = "w1") -> dict[str, Any]:
    asked = [[owner.kind, owner.key] for owner in owners]
    profile = owners[0].profile
    return {"at": at, "writer": writer, "event": "begin", "attempt": attempt, "profile": profile, "asked": asked}


def told(at: float, attempt: int, numbers: dict[Owner, int], writer: str = "w1") -> dict[str, Any]:
    answer = [[owner.kind, owner.key, number] for owner, number in numbers.items()]
    return {"at": at, "writer": writer, "event": "told", "attempt": attempt, "told": answer}


def read(began: float, new: dict[Owner, int], gone: dict[Owner, int] | None = None) -> dict[str, Any]:
    return {
        "at": began + 0.1,
        "writer": "observer",
        "event": "read",
        "began": began,
        "new": [[*owner, number] for owner, number in new.items()],
        "gone": [[*owner, number] for owner, number in (gone or {}).items()],
    }


# two controllers: the second asks for bob too and is told the same; one attempt is never answered
GOOD: list[dict[str, Any]] = [
    begin(1, 1, ALICE, BOB, STAFF),
    begin(1.5, 1, BOB, writer="w2"),
    told(2, 1, {ALICE: 5361, BOB: 5587, STAFF: 4002}),
    {"at": 2.1, "writer": "", "event": "kill", "of": "w1"},
    read(2.5, {ALICE: 5361, BOB: 5587, STAFF: 4002}),
    told(3, 1, {BOB: 5587}, writer="w2"),
    begin(4, 2, CAROL),
    read(4.5, {CAROL: 6001}),
    told(5, 2, {CAROL: 6001}),
    begin(6, 3, Owner("lab", "user", "dave")),
]


def without(numbers: dict[Owner, int], owner: Owner) -> dict[Owner, int]:
    return {known: number for known, number in numbers.items() if known != owner}


def test_a_good_history_is_good() -> None:
    verdict = judge(GOOD, book(BOOK))
    assert verdict.good, verdict
    assert (verdict.attempted, verdict.acknowledged) == (5, 4)


def test_a_number_that_nobody_was_told_is_no_fault() -> None:
    assert judge(GOOD, book({**BOOK, Owner("lab", "user", "dave"): 5999})).good


@pytest.mark.parametrize("owner", BOOK)
def test_what_is_not_in_the_ledger_at_the_end_is_lost(owner: Owner) -> None:
    verdict = judge(GOOD, book(without(BOOK, owner)))
    assert any(f"{owner} was told {BOOK[owner]}" in sentence for sentence in verdict.lost)
    assert not verdict.duplicated


def test_another_number_in_the_ledger_is_lost_and_two_numbers() -> None:
    verdict = judge(GOOD, book({**BOOK, ALICE: 5362}))
    assert "was told 5361" in verdict.lost[0]
    assert verdict.duplicated == ("user alice of lab has 2 numbers: 5361, 5362",)


def test_a_number_that_changed_and_changed_back_is_found() -> None:
    history = [*GOOD, begin(7, 4, ALICE), told(8, 4, {ALICE: 5400}), begin(9, 5, ALICE), told(10, 5, {ALICE: 5361})]
    assert judge(history, book(BOOK)).duplicated == ("user alice of lab has 2 numbers: 5361, 5400",)


@pytest.mark.parametrize(
    "other", [Owner("lab", "user", "eve"), Owner("uni", "user", "eve"), Owner("lab", "group", "g")]
)
def test_a_number_of_two_owners_is_found_wherever_it_is_told(other: Owner) -> None:
    message = "5361 went to 2 owners"
    in_the_book = judge(GOOD, book({**BOOK, other: 5361}))
    to_somebody = judge([*GOOD, begin(7, 4, other), told(8, 4, {other: 5361})], book(BOOK))
    by_a_reader = judge([*GOOD, read(7, {other: 5361})], book(BOOK))
    for verdict in (in_the_book, to_somebody, by_a_reader):
        assert message in verdict.duplicated[0]


def test_what_a_reader_saw_must_stay() -> None:
    dave = {Owner("lab", "user", "dave"): 5999}
    assert "was seen with 5999, which is not" in judge([*GOOD, read(7, dave)], book(BOOK)).lost[0]
    back_again = [*GOOD, read(7, {}, {ALICE: 5361}), read(8, {ALICE: 5361})]
    assert judge(back_again, book(BOOK)).lost[0] == "user alice of lab was seen with 5361, and then it was gone"


def test_who_reads_after_the_answer_sees_the_number() -> None:
    late = [*GOOD, begin(7, 4, STAFF), told(8, 4, {STAFF: 4002})]
    blind = [event for event in late if event["event"] != "read"]
    assert judge([*blind, read(1.9, {})], book(BOOK)).good
    sentences = judge([*blind, read(2.2, {ALICE: 5361, STAFF: 4002})], book(BOOK)).lost
    assert sentences == ("user bob of lab was told 5587, and observer began to read after that and did not see it",)


@pytest.mark.parametrize(
    ("owner", "number", "reason"),
    [
        (ALICE, 6100, "outside the band 5000-5999"),
        (ALICE, 4999, "outside the band 5000-5999"),
        (STAFF, 5000, "outside the band 4000-4999"),
        (Owner("new", "user", "x"), 5100, "in a profile without bands"),
    ],
)
def test_every_number_lies_in_its_band(owner: Owner, number: int, reason: str) -> None:
    assert reason in judge([], book({owner: number})).wrong[0]


@pytest.mark.parametrize("number", [0, 999, 3999, 60001, 60513, 65534, 65535, 100000, 2000199999, 4294967295])
def test_numbers_of_others_are_forbidden_in_any_band(number: int) -> None:
    wide = Book({("lab", "user"): (0, 1 << 33)}, [Entry(ALICE, "alice", number)])
    assert judge([], wide).wrong == (f"user alice of lab has {number}, which is forbidden",)


def test_bands_do_not_overlap_and_names_are_one_owner_s() -> None:
    assert judge([], Book({("lab", "user"): (5000, 5999), ("uni", "user"): (5999, 6999)})).wrong == (
        "the bands of lab and uni overlap",
    )
    twice = book(BOOK, Entry(Owner("lab", "user", "alice@example.org"), "alice", 5700))
    assert "the name alice in lab is that of 2 owners" in judge(GOOD, twice).wrong[0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (told(7, 3, {}), "asked for 1 and was told 0"),
        (told(7, 3, {ALICE: 5361}), "asked for 1 and was told 1, or others"),
        (told(7, 99, {ALICE: 5361}), "attempt 99 of w1 was answered and never begun"),
    ],
)
def test_an_answer_fits_what_was_asked(answer: dict[str, Any], reason: str) -> None:
    assert reason in judge([*GOOD, answer], book(BOOK)).wrong[0]


@given(st.data())
def test_no_single_change_of_an_answer_goes_unnoticed(data: st.DataObject) -> None:
    history = json.loads(json.dumps(GOOD))
    answers = [event for event in history if event["event"] == "told"]
    answer = data.draw(st.sampled_from(answers))
    one = data.draw(st.sampled_from(answer["told"]))
    one[2] = data.draw(st.integers(0, 70000).filter(lambda number: number != one[2]))
    verdict = judge(data.draw(st.permutations(history)), book(BOOK))
    assert verdict.lost
    assert verdict.duplicated


LINES = [
    {"format": "labfleet.identity ledger", "version": 1},
    {"kind": "profile", "profile": "lab", "uid_band": "5000-5999", "group_band": "4000-4999"},
    {"kind": "user", "profile": "lab", "username": "alice", "subject": "alice@example.org", "uid": 5361},
    {"kind": "group", "profile": "lab", "name": "staff", "gid": 4002},
    {"kind": "end", "events": 3},
]


def test_the_book_is_what_the_lines_say(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    assert book_of_file(file) == Book()
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    found = book_of_file(file)
    assert found.bands == {("lab", "user"): (5000, 5999), ("lab", "group"): (4000, 4999)}
    assert found.entries == [
        Entry(Owner("lab", "user", "alice@example.org"), "alice", 5361),
        Entry(STAFF, "staff", 4002),
    ]


@pytest.mark.parametrize("cut", [0, 1, 40, 60, 200, -1, -2, -30])
def test_a_torn_book_is_no_book(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "ledger.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES)[:cut])
    with pytest.raises(TornBookError):
        book_of_file(file)


def test_an_event_that_no_campaign_writes_is_not_passed_over() -> None:
    with pytest.raises(TornBookError, match="renumbered"):
        book_of_events([{"kind": "renumbered", "profile": "lab"}])


def test_a_journal_survives_its_writer_in_the_middle_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "w1.jsonl"
    Journal(file, "w1").note("begin", attempt=1)
    follower = Follower(file)
    assert [event["event"] for event in follower.news()] == ["begin"]
    with file.open("ab") as torn:
        torn.write(b'{"at": 1.0, "writer": "w1", "event": "to')
    assert follower.news() == []
    Journal(file, "w1").note("begin", attempt=2)
    assert [event["attempt"] for event in follower.news()] == [2]
    assert follower.torn == 1
