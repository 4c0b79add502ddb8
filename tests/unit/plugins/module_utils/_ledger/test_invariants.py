# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong with a ledger is told, with the lines."""

from __future__ import annotations

import dataclasses
import datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Renumbered
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import (
    Finding,
    lines_in_words,
    sentence,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import Written
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._inspection import inspect_events
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invariants import broken_rules
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    KEY,
    group,
    invited,
    key_of,
    profile,
    redeemed,
    uninvited,
    user,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import (
    STORY,
    grant,
    link,
    on,
    redirect,
    rename,
    state,
    withheld,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event

NOW = datetime.datetime(2026, 11, 22, 9, tzinfo=datetime.timezone.utc)
SOON = int(NOW.timestamp()) + 60
DAY, LATER = on("07-01"), on("08-01")
NEXT = len(STORY) + 2  # the line after the story
UUID, OTHER_UUID = "zzzzz-tpzed-c8ianeizmpbhmjc", "zzzzz-tpzed-0ds1crjfq01cpga"


def lines_of(events: Sequence[Event]) -> range:
    return range(2, len(events) + 2)


def broken(*more: Event) -> list[tuple[str, str]]:
    events = [*STORY, *more]
    findings = broken_rules(events, lines_of(events))
    for finding in findings:
        assert all(text and text.isprintable() for text in finding.record().values())
    with pytest.raises(IdentityError):
        fold(Written(events, lines_of(events)))
    return [(finding.what, finding.where) for finding in findings]


def test_a_story_without_contradiction_breaks_no_rule() -> None:
    assert broken_rules(STORY, lines_of(STORY)) == []
    assert broken_rules([*STORY, *STORY], lines_of([*STORY, *STORY])) == []
    assert broken_rules([], []) == []


@pytest.mark.parametrize(
    ("more", "what", "where"),
    [
        ([profile("lab", "7000-7999")], "a profile with different bands", f"lines 2 and {NEXT}"),
        ([profile("new", "5500-6100")], "bands that overlap", f"lines 2 and {NEXT}"),
        ([profile("new", "7000-7999", "5100-5200")], "bands that overlap", f"lines 2 and {NEXT}"),
        ([profile("new", "60000-60999")], "a band that nobody may have", f"line {NEXT}"),
        ([profile("new", "7000-7999", "2000-2999")], "a band that nobody may have", f"line {NEXT}"),
        ([user("zoe", 5238)], "one number, several owners", f"lines 5 and {NEXT}"),
        ([group("new", 4265)], "one number, several owners", f"lines 4 and {NEXT}"),
        ([withheld(5238, DAY)], "one number, several owners", f"lines 5 and {NEXT}"),
        ([grant("bob", "uni", 1, "granted", 6001, DAY)], "one number, several owners", f"lines 14-15 and {NEXT}"),
        ([user("zoe", 6001, name="uni")], "one number, several owners", f"lines 14-15 and {NEXT}"),
        ([user("zoe", 6100)], "a number outside its band", f"line {NEXT}"),
        ([group("new", 5900)], "a number outside its band", f"line {NEXT}"),
        ([withheld(6100, DAY)], "a number outside its band", f"line {NEXT}"),
        ([grant("bob", "uni", 1, "granted", 5900, DAY)], "a number outside its band", f"line {NEXT}"),
        ([user("bob", 5301)], "one person, several numbers or names", f"lines 6 and {NEXT}"),
        ([user("bobby", 5300, "bob")], "one person, several numbers or names", f"lines 6 and {NEXT}"),
        ([group("research", 4266)], "one group, several numbers", f"lines 4 and {NEXT}"),
        ([user("alice", 5900, "b@x")], "one name, several people", f"lines 5 and {NEXT}"),
        ([user("alicia", 5900)], "one name, several people", f"lines 10 and {NEXT}"),
        ([rename("bob", 1, "alice", DAY)], "one name, several people", f"lines 5 and {NEXT}"),
        ([user("research", 5900)], "one name, a person and a group", f"lines 4 and {NEXT}"),
        ([rename("bob", 1, "research", DAY)], "one name, a person and a group", f"lines 4 and {NEXT}"),
        ([user("alice", 6100, name="uni")], "a guest with somebody else's name", f"lines 8 and {NEXT}"),
        ([group("alicia", 4300, "uni")], "a guest with somebody else's name", f"lines 8 and {NEXT}"),
        ([grant("a@x", "uni", 3, "granted", 6002, DAY)], "one guest, several numbers", f"lines 8-9 and {NEXT}"),
        ([grant("bob", "lab", 1, "granted", 5901, DAY)], "a guest at home", f"line {NEXT}"),
        ([state("a@x", 4, "active", DAY)], "a missing revision", f"line {NEXT}"),
        ([rename("bob", 2, "bobby", DAY)], "a missing revision", f"line {NEXT}"),
        (
            [state("a@x", 2, "disabled", DAY)],
            "two branches that changed the same thing",
            f"lines 12 and {NEXT}",
        ),
        ([state("bob", 1, "active", DAY), state("bob", 2, "reserved", DAY)], "a reserve after use", f"line {NEXT + 1}"),
        (
            [Renumbered("lab", "bob", 5239, 5400, "", DAY)],
            "a move to another number than the one issued",
            f"line {NEXT}",
        ),
        (
            [Renumbered("lab", "bob", 5300, 5300, "", DAY)],
            "a move to another number than the one issued",
            f"line {NEXT}",
        ),
        ([redirect("carol", 1, "bob", DAY)], "a redirect of somebody who is here", f"line {NEXT}"),
        ([state("dora", 2, "active", DAY)], "a redirect of somebody who is here", f"lines 17 and {NEXT}"),
        (
            [redirect("a@x", 1, "dora", DAY), state("a@x", 3, "retired", DAY)],
            "redirects in a loop",
            f"lines 17 and {NEXT}",
        ),
        ([link("bob", "https://idp.example alice@uni.example", "", DAY)], "one upstream identity, several people", ""),
        ([link("a@x", "", UUID, DAY), link("bob", "", UUID, DAY)], "one UUID, several people", ""),
        ([link("bob", "", UUID, DAY), link("bob", "x", OTHER_UUID, DAY)], "one person, several UUIDs", ""),
        (
            [redeemed("j1", "bob", stamp=DAY), redeemed("j1", "carol", stamp=DAY)],
            "one invitation, several people",
            f"lines {NEXT}-{NEXT + 1}",
        ),
        (
            [redeemed("j1", "bob", stamp=DAY), redeemed("j1", "bob", key=key_of("another"), stamp=DAY)],
            "one invitation, several people",
            f"lines {NEXT}-{NEXT + 1}",
        ),
        (
            [invited("j1", stamp=DAY), invited("j1", stamp=DAY, role="lead")],
            "one invitation, several contents",
            f"lines {NEXT}-{NEXT + 1}",
        ),
        ([redeemed("j1", "zoe", stamp=DAY)], "somebody or something unknown", f"line {NEXT}"),
        ([uninvited("j1", in_profile="new", stamp=DAY)], "somebody or something unknown", f"line {NEXT}"),
        ([user("zoe", 7000, name="new")], "somebody or something unknown", f"line {NEXT}"),
        ([state("zoe", 1, "retired", DAY)], "somebody or something unknown", f"line {NEXT}"),
        ([grant("bob", "new", 1, "granted", 5300, DAY)], "somebody or something unknown", f"line {NEXT}"),
        ([redirect("dora", 2, "zoe", DAY)], "somebody or something unknown", f"line {NEXT}"),
        ([redirect("dora", 2, "a@x", DAY, to_profile="new")], "somebody or something unknown", f"line {NEXT}"),
        ([withheld(7000, DAY, name="new")], "somebody or something unknown", f"line {NEXT}"),
    ],
)
def test_what_no_ledger_may_say(more: list[Event], what: str, where: str) -> None:
    assert [place for name, place in broken(*more) if name == what and where in ("", place)] != [], broken(*more)


def test_all_of_it_is_told_at_once() -> None:
    told = broken(user("zoe", 5238), user("yan", 5301), group("yan", 4900), state("xu", 1, "retired", DAY))
    assert {what for what, _where in told} == {
        "one number, several owners",
        "one name, a person and a group",
        "somebody or something unknown",
    }


def test_subjects_that_only_differ_far_behind_are_two_people() -> None:
    one, two = "x" * 100 + "1", "x" * 100 + "2"
    assert ("one number, several owners", f"lines {NEXT}-{NEXT + 1}") in broken(
        user("yan", 5900, one), user("zoe", 5900, two)
    )


SOMEBODY = st.sampled_from(["a@x", "bob", "carol", "dora", "erin", "zoe"])
NAMES = st.sampled_from(["alice", "alicia", "bob", "bobby", "carol", "research", "zoe"])
NUMBERS = st.sampled_from([5017, 5238, 5300, 5400, 5900, 6001, 6002, 4265, 4300])
PROFILES = st.sampled_from(["lab", "uni", "new"])
LABELS = st.sampled_from(["j1", "j2"])
REVISIONS = st.integers(1, 4)
STAMPS = st.sampled_from([DAY, on("07-02"), on("01-01", by="kim@laptop")])
WHATEVER: st.SearchStrategy[Event] = st.one_of(
    st.builds(user, NAMES, NUMBERS, SOMEBODY, PROFILES, STAMPS),
    st.builds(group, NAMES, NUMBERS, PROFILES, STAMPS),
    st.builds(profile, PROFILES, st.sampled_from(["5000-5999", "6000-6999", "7000-7999", "5500-6100"])),
    st.builds(withheld, NUMBERS, STAMPS, st.just(""), PROFILES),
    st.builds(state, SOMEBODY, REVISIONS, st.sampled_from(["active", "retired", "reserved"]), STAMPS),
    st.builds(rename, SOMEBODY, REVISIONS, NAMES, STAMPS),
    st.builds(grant, SOMEBODY, PROFILES, REVISIONS, st.sampled_from(["granted", "revoked"]), NUMBERS, STAMPS),
    st.builds(redirect, SOMEBODY, REVISIONS, st.one_of(st.just(""), SOMEBODY), STAMPS),
    st.builds(link, SOMEBODY, st.sampled_from(["", "x", "y"]), st.sampled_from(["", UUID, OTHER_UUID]), STAMPS),
    st.builds(Renumbered, PROFILES, SOMEBODY, NUMBERS, NUMBERS, st.just(""), STAMPS),
    st.builds(
        lambda label, somebody, chain, name, key, stamp: redeemed(
            label, somebody, *chain, in_profile=name, key=key, stamp=stamp
        ),
        LABELS,
        SOMEBODY,
        st.sampled_from([(), ("j2",)]),
        PROFILES,
        st.sampled_from([KEY, key_of("another")]),
        STAMPS,
    ),
    st.builds(invited, LABELS, st.sampled_from(["a class", "a guest"]), PROFILES, STAMPS),
    st.builds(uninvited, LABELS, st.sampled_from(["", "lost"]), PROFILES, STAMPS),
)


def refused(use: Callable[[], object]) -> str:
    """Why something is refused; empty when it is not."""
    try:
        use()
    except IdentityError as refusal:
        return str(refusal)
    return ""


# Two pieces of code that share nothing: what one of them lets pass, the other one does too.
@given(st.lists(st.sampled_from(STORY), unique_by=id, max_size=len(STORY)), st.lists(WHATEVER, max_size=3))
def test_the_rules_and_the_fold_agree(some: list[Event], more: list[Event]) -> None:
    for events in ([*some, *more], [*STORY, *more]):
        refusal = refused(partial(fold, Written(events, lines_of(events))))
        assert bool(broken_rules(events, lines_of(events))) == bool(refusal), refusal


# what is legal and should be looked at


def smelt(*more: Event, now: datetime.datetime = NOW) -> list[tuple[str, str]]:
    events = [*STORY, *more]
    seen = inspect_events(events, lines_of(events), now)
    assert seen.problems == []
    for finding in seen.warnings:
        assert all(text and text.isprintable() for text in finding.record().values())
    return [(finding.what, finding.where) for finding in seen.warnings]


def test_a_story_does_not_smell() -> None:
    assert smelt() == []
    seen = inspect_events(STORY, lines_of(STORY), NOW)
    assert (seen.events, seen.people, seen.profiles) == (len(STORY), 5, 2)


@pytest.mark.parametrize(
    ("more", "what", "where"),
    [
        ([user("zoe", 5900, stamp=on("11-22", "09:02:00"))], "a time in the future", f"line {NEXT}"),
        ([user("zoe", 5900, stamp=dataclasses.replace(DAY, at="2026-13-45T99:00:00Z"))], "a time that never is", ""),
        ([state("bob", 1, "retired", on("03-01"))], "clocks that differ", f"line {NEXT}"),
        ([state("a@x", 3, "disabled", on("03-25"))], "clocks that differ", f"line {NEXT}"),
        (
            [grant("bob", "uni", 1, "granted", 5300, DAY), state("bob", 1, "retired", DAY)],
            "guests who are retired at home",
            f"line {NEXT}",
        ),
        ([state("a@x", 3, "retired", DAY)], "redirects to somebody who is retired", "line 17"),
        ([user("ubuntu", 5900)], "a name of the system", f"line {NEXT}"),
        ([rename("bob", 1, "systemd-x", DAY)], "a name of the system", f"line {NEXT}"),
        ([group("docker", 4900)], "a name of the system", f"line {NEXT}"),
        # one branch disabled bob and let him in again, the other one disabled him, before that or after it
        *(
            (
                [
                    state("bob", 1, "disabled", DAY),
                    state("bob", 2, "active", LATER),
                    state("bob", 1, "disabled", other),
                ],
                "people who were kept out on two branches and are in",
                f"lines {NEXT}-{NEXT + 2}",
            )
            for other in (on("07-02"), on("09-01"))
        ),
        (
            [
                grant("bob", "uni", 1, "granted", 5300, DAY),
                grant("bob", "uni", 2, "revoked", 5300, DAY),
                grant("bob", "uni", 3, "granted", 5300, LATER),
                grant("bob", "uni", 2, "revoked", 5300, on("09-01")),
            ],
            "people who were kept out on two branches and are in",
            f"lines {NEXT + 1}-{NEXT + 3}",
        ),
        (
            [redeemed("j1", "bob", stamp=DAY), uninvited("j1", stamp=DAY)],
            "people who accepted what was revoked",
            f"lines {NEXT}-{NEXT + 1}",
        ),
        (
            [uninvited("j2", stamp=DAY), redeemed("j1", "bob", "j2", stamp=DAY)],
            "people who accepted what was revoked",
            f"lines {NEXT}-{NEXT + 1}",
        ),
        (
            [
                redeemed("j1", "bob", stamp=DAY),
                state("bob", 1, "disabled", DAY),
                state("bob", 2, "active", DAY),
                uninvited("j1", stamp=on("07-02")),
            ],
            "people who are in although their invitation was revoked",
            f"lines {NEXT} and {NEXT + 3}",
        ),
        (
            [
                invited("j1", "a class", stamp=DAY, until=SOON),
                invited("j2", "a class", stamp=DAY),
                invited("j3", "a class", stamp=DAY, until=SOON),
            ],
            "several open invitations of one name",
            f"lines {NEXT} and {NEXT + 2}",
        ),
    ],
)
def test_what_should_be_looked_at(more: list[Event], what: str, where: str) -> None:
    assert [place for name, place in smelt(*more) if name == what and where in ("", place)] != [], smelt(*more)


def test_who_was_let_in_knowing_of_all_branches_is_no_question() -> None:
    out, again = state("bob", 1, "disabled", DAY), state("bob", 1, "disabled", on("07-02"))
    known = [state("bob", 2, "active", LATER), state("bob", 3, "disabled", LATER), state("bob", 4, "active", LATER)]
    for more in ([out, known[0]], [out, out, known[0]], [out, again], [out, again, *known]):
        assert smelt(*more) == [], more


def test_a_number_given_out_after_it_was_noted_as_somebody_elses_is_looked_at() -> None:
    noted = Renumbered("lab", "bob", 5777, 5300, "adopted on another branch", on("03-16"))
    assert [what for what, _where in smelt(noted, user("zoe", 5777, stamp=on("03-17")))] == [
        "a number that was somebody else's before"
    ]
    # known when it was noted, by those who merged
    assert smelt(user("zoe", 5777, stamp=on("03-14")), noted) == []


@pytest.mark.parametrize(
    "more",
    [
        # revoked as it should be; and revived on purpose afterwards
        [redeemed("j1", "bob", stamp=DAY), uninvited("j1", stamp=DAY), state("bob", 1, "disabled", DAY)],
        [redeemed("j1", "bob", stamp=DAY), uninvited("j1", stamp=DAY), state("bob", 1, "retired", DAY)],
        [
            redeemed("j1", "bob", stamp=DAY),
            uninvited("j1", stamp=DAY),
            state("bob", 1, "disabled", DAY),
            state("bob", 2, "active", on("07-02")),
        ],
        # out before, and still out
        [redeemed("j1", "bob", stamp=DAY), state("bob", 1, "disabled", DAY), uninvited("j1", stamp=on("07-02"))],
        [uninvited("j1", stamp=DAY)],
        # names that are free again, or another profile's
        [
            invited("j1", "a class", stamp=DAY, until=SOON),
            invited("j2", "a class", stamp=DAY, until=SOON),
            invited("j3", "a class", "uni", DAY, until=SOON),
            uninvited("j1", stamp=DAY),
        ],
        [invited("j1", "a class", stamp=DAY, until=SOON), invited("j2", "a class", stamp=DAY)],
    ],
)
def test_invitations_as_they_should_be_do_not_smell(more: list[Event]) -> None:
    assert smelt(*more) == []


def test_a_minute_is_no_future() -> None:
    assert smelt(user("zoe", 5900, stamp=on("11-22", "09:00:30"))) == []


def test_a_reserve_is_long_after_a_year() -> None:
    assert smelt(now=datetime.datetime(2027, 6, 1, 8, tzinfo=datetime.timezone.utc)) == []
    assert smelt(now=datetime.datetime(2027, 6, 2, 9, tzinfo=datetime.timezone.utc)) == [
        ("numbers in reserve for more than a year", "line 20")
    ]


def test_a_band_is_nearly_full_above_four_fifths() -> None:
    people = [user(f"u{number}", number, name="tiny") for number in range(7000, 7009)]
    tiny = profile("tiny", "7000-7009")
    assert smelt(tiny, *people[:8]) == []
    assert smelt(tiny, *people) == [("a band that is nearly full", f"line {NEXT}")]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([3], "line 3"),
        ([7, 3], "lines 3 and 7"),
        ([3, 4, 5], "lines 3-5"),
        ([3, 4, 5, 9, 9, 12], "lines 3-5, 9 and 12"),
        (range(2, 60, 2), "lines 2, 4, 6, 8, 10, 12, 14, 16 and 21 more"),
    ],
)
def test_lines_in_words(lines: Sequence[int], words: str) -> None:
    assert lines_in_words(lines) == words


def test_one_problem_is_one_sentence() -> None:
    problem = Finding("a thing", "line 3", "it is so", "mend it")
    assert sentence("file:x", [problem]) == "The ledger file:x has a problem: line 3: it is so (mend it)."
