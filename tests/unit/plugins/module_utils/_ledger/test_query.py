# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a ledger, and the audit trail."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._history import EVER, parse_when
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._query import (
    SECTIONS,
    Question,
    answer,
    in_order,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import person_record
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._tables import in_a_terminal
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import profile, user
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import (
    STORY,
    UPSTREAM,
    ledger_with,
    on,
    state,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

LEDGER = ledger_with(STORY)


def ask(at: str = "", **asked: Any) -> dict[str, list[dict[str, Any]]]:
    sections, warnings = answer(LEDGER, Question(when=parse_when(at) if at else EVER, **asked))
    assert warnings == []
    return sections


def names(sections: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [person["username"] for person in sections["people"]]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01", [("user", "alice", "lab", "active")]),
        ("2026-01-09", []),
        ("2026-02", [("user", "alice", "lab", "active"), ("guest", "alice", "uni", "active")]),
        ("2026-03", [("user", "alicia", "lab", "retired"), ("guest", "alicia", "uni", "revoked")]),
        ("2026-03-10", [("user", "alicia", "lab", "active")]),
        ("2026-03-05T09:00:00Z", [("user", "alice", "lab", "active")]),
        ("2026-03-05T08:59:59Z", [("user", "alice", "lab", "active"), ("guest", "alice", "uni", "active")]),
        ("2026-04", [("user", "alicia", "lab", "active")]),
    ],
)
def test_who_had_uid_5238(at: str, expected: list[tuple[str, ...]]) -> None:
    sections = ask(uid=5238, at=at)
    found = [(held["kind"], held["name"], held["profile"], held["state"]) for held in sections["holders"]]
    # bob had it in another cluster until the merge on 2026-03-15, nobody knows since when
    before_the_merge = [("former", "bob", "lab", "active" if at == "2026-03" else "")] if at < "2026-03-15" else []
    assert found == before_the_merge + expected


def test_the_answer_for_march_holds_all_that_is_asked_of_an_auditor() -> None:
    sections = ask(uid=5238, at="2026-03")
    assert sections["holders"][1] == {
        "number": 5238,
        "kind": "user",
        "name": "alicia",
        "profile": "lab",
        "subject": "a@x",
        "home_profile": "lab",
        "state": "retired",
        "since": "2026-01-10T09:00:00Z",
        "until": None,
        "by": "sam@controller",
        "run": "job 1",
        "reason": "",
    }
    former = sections["holders"][0]
    assert (former["since"], former["until"], former["run"]) == (None, "2026-03-15T09:00:00Z", "job 9")
    assert former["reason"] == "merge of two clusters"
    assert names(sections) == ["alicia", "bob"]
    assert [event["summary"] for event in sections["events"]] == [
        "user alice 5238",
        "grant 5238 in uni (lab, subject 'a@x')",
        "link 'https://idp.example alice@uni.example' (lab, subject 'a@x')",
        "revoke 5238 in uni (lab, subject 'a@x')",
        "rename to alicia (lab, subject 'a@x')",
        "user bob 5300",
        "number 5238 becomes 5300 (lab, subject 'bob')",
        "state retired (lab, subject 'a@x')",
    ]
    assert sections["events"][-1]["run"] == "job 10"
    assert sections["events"][-1]["reason"] == "left"
    shown = in_a_terminal(sections, is_narrow=True)
    assert shown[0].split() == ["NUMBER", "KIND", "NAME", "PROFILE", "STATE", "SINCE", "UNTIL", "BY", "RUN"]
    assert shown[2].startswith("5238    user    alicia  lab      retired  2026-01-10T09:00:00Z")


def test_the_record_of_a_person_tells_what_ever_held() -> None:
    (alice,) = ask(subjects=["a@x"])["people"]
    assert alice["names"] == [
        {"username": "alice", "since": "2026-01-10T09:00:00Z", "until": "2026-03-10T09:00:00Z"},
        {"username": "alicia", "since": "2026-03-10T09:00:00Z", "until": None},
    ]
    assert [held["state"] for held in alice["states"]] == ["active", "retired", "active"]
    assert [(held["into"], held["uid"], held["grant"]) for held in alice["grants"]] == [
        ("uni", 5238, "granted"),
        ("uni", 5238, "revoked"),
    ]
    (bob,) = ask(usernames=["bob"])["people"]
    assert bob["former_uids"] == [{"uid": 5238, "until": "2026-03-15T09:00:00Z", "reason": "merge of two clusters"}]
    (dora,) = ask(usernames=["dora"])["people"]
    assert dora["redirected_to"] == {"profile": "lab", "subject": "a@x", "uid": 5238}
    assert "redirected_to" not in ask(usernames=["dora"], at="2026-04")["people"][0]


def test_without_a_time_a_person_is_what_the_ledger_says_they_are_now() -> None:
    for record in ask()["people"]:
        person = LEDGER.person(record["profile"], subject=record["subject"])
        known = person_record(LEDGER, person)
        assert {key: record.get(key) for key in known} == known
        assert record.keys() - known.keys() <= {
            "issued_run",
            "names",
            "states",
            "former_uids",
            "grants",
            "redirected_to",
        }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["alicia", "bob", "carol", "dora", "erin"]),
        ({"at": "2026-02"}, ["alice", "carol", "dora"]),
        ({"usernames": ["alice"]}, ["alicia"]),
        ({"usernames": ["alice"], "at": "2026-02"}, ["alice"]),
        ({"usernames": ["alice"], "at": "2026-03"}, ["alicia"]),
        ({"usernames": ["alice"], "at": "2026-04"}, []),
        ({"usernames": ["alicia"], "at": "2026-02"}, []),
        ({"usernames": ["alice"], "subjects": ["a@x"], "at": "2026-04"}, ["alicia"]),
        ({"usernames": ["alice"], "upstream": UPSTREAM, "at": "2026-04"}, ["alicia"]),
        ({"usernames": ["carol"], "subjects": ["dora", "carol"]}, ["carol", "dora"]),
        ({"upstream": UPSTREAM}, ["alicia"]),
        ({"usernames": ["bob", "carol"], "uid": 5238}, ["bob"]),
        ({"usernames": ["bob"], "uid": 5238, "at": "2026-04"}, []),
        ({"profile": "uni"}, ["alicia", "carol"]),
        ({"profile": "uni", "at": "2026-03"}, ["alicia", "carol"]),
        ({"profile": "uni", "at": "2026-03-04"}, ["alice"]),
        ({"profile": "uni", "usernames": ["alice", "carol"], "at": "2026-02"}, ["alice", "carol"]),
        ({"profile": "uni", "subjects": ["carol"]}, ["carol"]),
        ({"profile": "uni", "uid": 5238}, ["alicia"]),
        ({"profile": "uni", "uid": 6001, "at": "2026-12"}, []),
        ({"uid": 6001, "at": "2026-12"}, ["carol"]),
        ({"uid": 4265}, []),
    ],
    ids=str,
)
def test_who_is_meant(asked: dict[str, Any], expected: list[str]) -> None:
    assert names(ask(**asked)) == expected


def test_groups_profiles_and_withheld_numbers() -> None:
    everything = ask()
    assert [(group["name"], group["gid"]) for group in everything["groups"]] == [("research", 4265)]
    assert [(held["number"], held["reason"]) for held in everything["withheld"]] == [(5017, "strangers' files")]
    lab, uni = everything["profiles"]
    assert (lab["profile"], lab["people"], lab["uids"]) == (
        "lab",
        5,
        {"band": "5000-5999", "size": 1000, "used": 6, "left": 994},
    )
    assert (uni["people"], uni["uids"]["used"], uni["gids"]["used"]) == (0, 1, 1)
    earlier = ask(at="2026-02-02T08:00:00Z")["profiles"]
    assert [profile["uids"]["used"] for profile in earlier] == [2, 0]
    assert ask(at="2026-02-02")["profiles"][1]["uids"]["used"] == 1
    assert ask(at="2025")["profiles"] == []
    assert ask(uid=4265)["groups"] != []
    assert ask(uid=4265)["withheld"] == []
    assert ask(uid=5017)["withheld"] != []
    assert ask(uid=5017)["events"][0]["summary"] == "withhold 5017 (lab)"
    assert (ask(subjects=["a@x"])["groups"], ask(subjects=["a@x"])["withheld"]) == ([], [])
    assert ask(profile="uni")["groups"] == []


def test_the_trail_is_about_those_who_are_meant() -> None:
    assert len(ask()["events"]) == len(STORY)
    assert len(ask(at="2026-01")["events"]) == 4
    assert {event["kind"] for event in ask(profile="uni")["events"]} == {"profile", "grant"}
    # who was merged into somebody belongs to their story
    assert "redirect to 'a@x' (lab) (lab, subject 'dora')" in [
        event["summary"] for event in ask(subjects=["a@x"])["events"]
    ]
    assert [event["kind"] for event in ask(uid=4265)["events"]] == ["group"]
    assert ask(uid=4265, profile="uni")["events"] == []


def test_who_is_not_there_is_said_and_an_unknown_profile_is_refused() -> None:
    sections, warnings = answer(
        LEDGER, Question(usernames=["zoe", "bob"], subjects=["\x1b[2J"], upstream="https://idp.example zoe")
    )
    assert names(sections) == ["bob"]
    assert warnings == [
        "Nobody in the ledger has or had the username 'zoe'.",
        "Nobody in the ledger has or had the subject '\\x1b[2J'.",
        "The ledger knows nobody by the upstream identity 'https://idp.example zoe'.",
    ]
    with pytest.raises(IdentityError, match="has no profile 'labb'"):
        answer(LEDGER, Question(profile="labb"))


@given(
    st.permutations(STORY),
    st.sampled_from(["", "2026-01", "2026-03", "2026-03-15", "2026-03-20T09:00:00Z", "2026"]),
    st.sampled_from(
        [{}, {"uid": 5238}, {"uid": 6001}, {"profile": "uni"}, {"usernames": ["alice", "bob"]}, {"subjects": ["dora"]}]
    ),
)
def test_the_order_of_lines_means_nothing(events: list[Event], at: str, asked: dict[str, Any]) -> None:
    question = Question(when=parse_when(at) if at else EVER, **asked)
    assert answer(ledger_with(events), question) == answer(LEDGER, question)


@given(st.permutations(range(1, 5)), st.lists(st.integers(1, 28), min_size=4, max_size=4))
def test_a_trail_never_shows_a_revision_before_an_earlier_one(order: list[int], days: list[int]) -> None:
    values = ("retired", "active", "disabled", "active")
    changes = [state("a@x", rev, values[rev - 1], on(f"03-{days[rev - 1]:02}")) for rev in order]
    events = in_order([*changes, user("alice", 5238, "a@x", stamp=on("02-01")), profile(stamp=on("02-01"))])
    assert [getattr(event, "rev", 0) for event in events] == [0, 0, 1, 2, 3, 4]


REASONS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(str.isprintable)


@given(REASONS, REASONS)
def test_no_text_of_a_ledger_breaks_the_table(reason: str, by: str) -> None:
    stamp = dataclasses.replace(on("03-01"), by=by or "sam")
    events = [*STORY, state("carol", 1, "retired", stamp, reason)]
    sections, _warnings = answer(ledger_with(events), Question(subjects=["carol"]))
    for line in in_a_terminal(sections, is_narrow=True):
        assert line == "" or (line.isascii() and line.isprintable())
        assert len(line) < 300


def test_a_long_answer_is_shortened_and_says_so() -> None:
    events = [profile(), *(user(f"u{number}", 5000 + number) for number in range(100))]
    sections, _warnings = answer(ledger_with(events), Question())
    shown = in_a_terminal(sections, is_narrow=False)
    assert "... and 60 more in people: ask for less, or export them." in shown
    assert len(shown) < 60
    assert in_a_terminal({section: [] for section in SECTIONS}, is_narrow=True) == [
        "Nobody and nothing: the ledger holds nothing that was asked for."
    ]
