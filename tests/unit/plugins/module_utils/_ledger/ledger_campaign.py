# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two copies of one ledger, what is done to them, and how they are merged: the ground of the campaigns.

The bands are tiny and lie side by side, so that they are full soon. What must hold is judged by code of its own
(histories.py), which reads the lines of the file and shares nothing with the ledger.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    RETIRED,
    Stamp,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    HEADER,
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import Acceptance, accept, uninvite
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import redirect
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import (
    Change,
    Who,
    grant,
    rename,
    set_state,
    withhold,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import fold
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.histories import History
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import KEY, NOW, jti_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger

    Operation = Callable[[Ledger, Stamp], Change]

GROUP_BAND = "4000-4003"
BANDS = {"lab": range(5000, 5006), "next": range(5006, 5010), "edge": range(59998, 60001)}
NAMES = ["alice", "bob", "carol", "dave", "erin"]
SUBJECTS = ["alice", "alice@x", "\u0430lice", "bob", "bob@x", "carol", "dave", "erin"]
GROUPS = ["research", "genomics", "imaging"]
DEEDS = [ACTIVE, DISABLED, RETIRED, "rename", "redirect", "grant", "withhold", "issue", "accept", "uninvite"]
UPSTREAMS = ["https://idp.example alice", "https://idp.example bob", "https://idp.ex\u00e4mple bob"]
UUID = "zzzzz-tpzed-00000000000000"
LABELS = ["one", "two", "three"]

COPIES = st.integers(0, 1)
PROFILES = st.sampled_from(list(BANDS))
PICKS = st.integers(0, 20)
STAMPS = st.builds(
    Stamp,
    st.sampled_from(["2026-11-21T22:00:00Z", "2026-12-24T18:00:00Z"]),
    st.sampled_from(["sam@controller", "kim@laptop"]),
    st.sampled_from(["", "job 7"]),
)
REASONS = st.sampled_from(["", "left", "why not"])
NEWCOMERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(SUBJECTS)),
    max_size=4,
    unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
)


def band_of(profile: str) -> str:
    return f"{BANDS[profile][0]}-{BANDS[profile][-1]}"


def folded(text: bytes) -> Ledger:
    return fold(parse_ledger(text))


def event_lines(text: bytes) -> list[str]:
    return [line for line in text.decode("ascii").splitlines()[1:] if '"kind": "end"' not in line]


def end_lines(text: bytes) -> list[str]:
    return [line for line in text.decode("ascii").splitlines() if '"kind": "end"' in line]


class LedgerCampaign(RuleBasedStateMachine):
    """Two copies of a ledger, that of a controller and that of a colleague's branch."""

    def __init__(self) -> None:
        super().__init__()
        self.base = format_ledger(Written(), [])
        self.copies = [self.base, self.base]

    @initialize(people=NEWCOMERS, others=NEWCOMERS, stamp=STAMPS)
    def begin(self, people: list[tuple[str, str]], others: list[tuple[str, str]], stamp: Stamp) -> None:
        """Three profiles, and people in two of them, who have the same names and subjects now and then."""
        self.issue(0, stamp, "lab", people, ["research"], False, None)
        self.issue(0, stamp, "next", others, [], False, None)
        self.issue(0, stamp, "edge", [], [], False, None)
        self.push(0)

    def do(self, copy: int, stamp: Stamp, operation: Operation, may_repeat: bool = True) -> bool:
        """Let an operation add to a copy, and see that it keeps to what every operation promises."""
        before = self.copies[copy]
        written = parse_ledger(before)
        ledger = fold(written)
        try:
            change, refusal = operation(ledger, stamp), ""
        except IdentityError as error:
            change, refusal = Change(), str(error)
        if refusal:
            assert refusal.isprintable()
            note(f"refused: {refusal}")
            return False
        after = format_ledger(written, change.events)
        assert event_lines(after)[: len(written.events)] == event_lines(before)
        # what an operation accepts, every reader accepts
        again = folded(after)
        assert again.events[: len(written.events)] == written.events
        assert History(before).facts() <= History(after).facts()
        if may_repeat:
            assert operation(again, stamp).events == ()
        self.copies[copy] = after
        return True

    def person(self, copy: int, pick: int) -> tuple[str, str] | None:
        people = sorted(History(self.copies[copy]).people)
        return people[pick % len(people)] if people else None

    def named(self, copy: int, person: tuple[str, str], by: str) -> Who:
        name = History(self.copies[copy]).name(person)
        return Who(name if by != "subject" else "", person[1] if by != "username" else "")

    @rule(
        copy=COPIES,
        stamp=STAMPS,
        profile=PROFILES,
        people=NEWCOMERS,
        groups=st.lists(st.sampled_from(GROUPS), unique=True),
        reserve=st.booleans(),
        keep=st.none() | st.integers(-1, 6),
    )
    def issue(
        self,
        copy: int,
        stamp: Stamp,
        profile: str,
        people: list[tuple[str, str]],
        groups: list[str],
        reserve: bool,
        keep: int | None,
    ) -> None:
        history = History(self.copies[copy])
        uids = {people[0][0]: BANDS[profile][0] + keep} if people and keep is not None else {}
        wanted = Wanted(
            profile,
            Roster(tuple(RosterEntry(name, subject) for name, subject in people)),
            tuple(groups),
            parse_band(band_of(profile)),
            parse_band(GROUP_BAND),
            uids,
            reserve,
        )
        new = [subject for _name, subject in people if (profile, subject) not in history.people]
        free = [number for number in BANDS[profile] if number not in history.owners]
        accepted = self.do(copy, stamp, lambda ledger, at: Change(allocate(ledger, wanted, at).events))
        assert not (accepted and len(new) > len(free)), "numbers that are not there"
        event(f"issue: {'accepted' if accepted else 'full' if len(new) > len(free) else 'refused'}")
        if accepted:
            allocation = allocate(folded(self.copies[copy]), wanted, stamp)
            for name, subject in people:
                assert allocation.uids[name] == History(self.copies[copy]).number((profile, subject))
            for name, uid in uids.items():
                assert allocation.uids[name] == uid

    @rule(seed=st.integers(0, 1000), kept=COPIES)
    def merge(self, seed: int, kept: int) -> None:
        """What git does with merge=union, in whatever order; a merge that is refused is given up."""
        ours, theirs = self.copies
        events = event_lines(ours) + event_lines(theirs)[len(event_lines(self.base)) :]
        ends = [*dict.fromkeys(end_lines(ours) + end_lines(theirs))]
        outcomes: list[Ledger | None] = []
        texts = []
        for shuffle in (seed, seed + 1):
            random.Random(shuffle).shuffle(events)
            texts.append("".join(f"{line}\n" for line in [HEADER, *events, *ends]).encode("ascii"))
            try:
                outcomes.append(folded(texts[-1]))
            except IdentityError as refusal:
                note(f"refused: {refusal}")
                outcomes.append(None)
        assert outcomes[0] == outcomes[1], "the order of lines means something"
        problems = History(texts[0]).problems()
        note(f"problems: {problems}")
        assert (outcomes[0] is None) == bool(problems), "a contradiction was missed or made up"
        event(f"merge: {'refused' if outcomes[0] is None else 'accepted'}")
        self.base = self.copies[kept] if outcomes[0] is None else texts[0]
        self.copies = [self.base, self.base]

    def deed(self, copy: int, deed: str, stamp: Stamp) -> None:
        """One of the things that can be done to the first person or to the first free number."""
        history = History(self.copies[copy])
        person, target = sorted(history.people)[:2]
        free = [number for number in BANDS[person[0]] if number not in history.owners]
        profile, who = person[0], self.named(copy, person, "subject")
        if deed in (ACTIVE, DISABLED, RETIRED):
            self.do(copy, stamp, lambda ledger, at: set_state(ledger, profile, [who], deed, "", at))
        elif deed == "rename":
            self.do(copy, stamp, lambda ledger, at: rename(ledger, profile, who, "robin", "", at))
        elif deed == "redirect":
            to = self.named(copy, target, "subject")
            self.do(copy, stamp, lambda ledger, at: redirect(ledger, profile, who, target[0], to, "", at))
        elif deed == "grant":
            self.do(copy, stamp, lambda ledger, at: grant(ledger, profile, who, "next", None, "", at))
        elif deed == "withhold":
            self.do(copy, stamp, lambda ledger, at: withhold(ledger, profile, free[:1], "", at))
        elif deed == "accept":
            it = Acceptance(
                profile, jti_of("one"), "cluster-b", (jti_of("two"),), "erin", "erin", KEY, own_issuer=False
            )
            self.do(copy, stamp, lambda ledger, at: accept(ledger, it, NOW, at))
        elif deed == "uninvite":
            self.do(copy, stamp, lambda ledger, at: uninvite(ledger, profile, [jti_of("two")], "", at))
        elif deed == "issue" and free:
            self.issue(copy, stamp, profile, [("robin", "robin")], [], False, free[0] - BANDS[profile][0])

    @rule(copy=COPIES)
    def push(self, copy: int) -> None:
        """The other one takes this copy as it is."""
        if self.copies[1 - copy] == self.base:
            self.base = self.copies[copy]
            self.copies = [self.base, self.base]

    @rule(copy=COPIES, seed=st.integers(0, 1000))
    def replay(self, copy: int, seed: int) -> None:
        """The file is read again after a restart, and again with its lines in another order."""
        text = self.copies[copy]
        assert parse_ledger(format_ledger(parse_ledger(text), [])).events == parse_ledger(text).events
        events = event_lines(text)
        random.Random(seed).shuffle(events)
        again = folded("".join(f"{line}\n" for line in [HEADER, *events, *end_lines(text)]).encode("ascii"))
        assert again == folded(text)

    @invariant()
    def nothing_contradicts_and_every_number_is_in_its_band(self) -> None:
        for text in set(self.copies):
            history = History(text)
            assert history.problems() == []
            for (profile, _subject), issued in history.people.items():
                assert all(uid in BANDS[profile] for _username, uid in issued)
            for gids in history.groups.values():
                assert all(4000 <= gid <= 4003 for gid in gids)
            for profile in BANDS:
                for person, (_grant, uid) in history.guests(profile).items():
                    assert uid in BANDS[profile] or uid == history.number(person)
            # Forbidden, or somebody else's: everything outside the bands of the profiles.
            allowed = {number for numbers in BANDS.values() for number in numbers} | set(range(4000, 4004))
            assert history.owners.keys() <= allowed
            assert set(folded(text).numbers) == set(history.owners)

    @invariant()
    def whoever_is_kept_out_is_never_delivered_as_present(self) -> None:
        for text in set(self.copies):
            history, ledger = History(text), folded(text)
            for profile in history.bands:
                here = [person for person in history.people if person[0] == profile]
                guests = history.guests(profile)
                roster = [RosterEntry(history.name(person), person[1]) for person in here]
                roster += [RosterEntry(history.name(person), person[1], home_profile=person[0]) for person in guests]
                stamp = Stamp("2027-01-01T00:00:00Z", "kim@laptop", "")
                allocation = allocate(ledger, Wanted(profile, Roster(tuple(roster))), stamp)
                assert len(set(allocation.uids.values())) == len(allocation.uids) == len(roster)
                expected: dict[str, Any] = {history.name(person): history.number(person) for person in here}
                expected.update({history.name(person): uid for person, (_grant, uid) in guests.items()})
                assert allocation.uids == expected
                out = {history.name(person) for person in here if history.state(person) in (DISABLED, RETIRED)}
                out |= {
                    history.name(person)
                    for person, (granted, _uid) in guests.items()
                    if granted != "granted" or history.state(person) in (DISABLED, RETIRED)
                }
                assert set(allocation.disabled) == out
