# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever several people do to copies of one ledger, and however these are merged, its promises hold.

The bands are tiny and lie side by side, so that they are full soon. What must hold is judged by code of its own
(histories.py), which reads the lines of the file and shares nothing with the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    RETIRED,
    Stamp,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import (
    find_linked,
    link,
    redirect,
    take_redirect_back,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import (
    Change,
    Who,
    grant,
    rename,
    revoke,
    set_state,
    withhold,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.histories import History
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.invitation_campaign import (
    InvitationCampaign,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledger_campaign import (
    BANDS,
    COPIES,
    DEEDS,
    GROUPS,
    NAMES,
    PICKS,
    PROFILES,
    REASONS,
    STAMPS,
    UPSTREAMS,
    UUID,
    folded,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import LATER, STAMP

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import Ledger


class Campaign(InvitationCampaign):
    """What people do with the two copies."""

    @rule(
        copy=COPIES,
        stamp=STAMPS,
        pick=PICKS,
        state=st.sampled_from([ACTIVE, DISABLED, RETIRED]),
        by=st.sampled_from(["username", "subject", "both"]),
        reason=REASONS,
    )
    def change_state(self, copy: int, stamp: Stamp, pick: int, state: str, by: str, reason: str) -> None:
        person = self.person(copy, pick)
        if person is None:
            return
        history = History(self.copies[copy])
        who = self.named(copy, person, by)
        accepted = self.do(copy, stamp, lambda ledger, at: set_state(ledger, person[0], [who], state, reason, at))
        was = history.state(person)
        if was == RETIRED and state == ACTIVE and by == "username":
            assert not accepted, "a name alone revived somebody"
        merged = (history.last("redirect", *person) or ("",))[0] != ""
        expected = was == state or not (
            (was == RETIRED and state == DISABLED)
            or (was == RETIRED and state == ACTIVE and (by == "username" or merged))
        )
        assert accepted == expected
        event(f"state: {was} to {state} {'accepted' if accepted else 'refused'}")
        if accepted and state == RETIRED:
            name = Who(history.name(person))
            assert not self.do(copy, stamp, lambda ledger, at: set_state(ledger, person[0], [name], ACTIVE, "", at))

    @rule(copy=COPIES, stamp=STAMPS, pick=PICKS, to=st.sampled_from([*NAMES, "root", "Alice", *GROUPS]))
    def rename(self, copy: int, stamp: Stamp, pick: int, to: str) -> None:
        person = self.person(copy, pick)
        if person is None:
            return
        history = History(self.copies[copy])
        profiles = [person[0], *(name for name in BANDS if person in history.guests(name))]
        others = {owner for name in profiles for owner in history.names.get((name, to), ())} - {("person", *person)}
        who = self.named(copy, person, "subject")
        accepted = self.do(copy, stamp, lambda ledger, at: rename(ledger, person[0], who, to, "", at))
        is_same = history.name(person) == to
        expected = to in (*NAMES, *GROUPS) and (is_same or (not others and history.state(person) != RETIRED))
        assert accepted == expected
        event(f"rename: {'same' if is_same else 'accepted' if accepted else 'refused'}")

    @rule(copy=COPIES, stamp=STAMPS, pick=PICKS, into=PROFILES, own=st.none() | st.booleans(), away=st.booleans())
    def grant_or_revoke(self, copy: int, stamp: Stamp, pick: int, into: str, own: bool | None, away: bool) -> None:
        person = self.person(copy, pick)
        if person is None:
            return
        history = History(self.copies[copy])
        who = self.named(copy, person, "both")

        def operation(ledger: Ledger, at: Stamp) -> Change:
            if away:
                return revoke(ledger, person[0], who, into, "", at)
            return grant(ledger, person[0], who, into, own, "", at)

        accepted = self.do(copy, stamp, operation)
        event(f"{'revoke' if away else 'grant'}: {'accepted' if accepted else 'refused'}")
        was = history.guests(into).get(person)
        if accepted and not away:
            assert person[0] != into
            assert history.state(person) == ACTIVE or (was and was[0] == "granted")
            uid = History(self.copies[copy]).guests(into)[person][1]
            assert uid == (was[1] if was else uid)
            if own is not None:
                assert (uid in BANDS[into]) == own

    @rule(copy=COPIES, stamp=STAMPS, profile=PROFILES, numbers=st.lists(st.integers(-1, 6), min_size=1, max_size=2))
    def withhold(self, copy: int, stamp: Stamp, profile: str, numbers: list[int]) -> None:
        history = History(self.copies[copy])
        wanted = [BANDS[profile][0] + number for number in numbers]
        accepted = self.do(copy, stamp, lambda ledger, at: withhold(ledger, profile, wanted, "", at))
        expected = profile in history.bands and all(
            number in history.withheld or (number in BANDS[profile] and number not in history.owners)
            for number in wanted
        )
        assert accepted == expected

    @rule(
        copy=COPIES,
        stamp=STAMPS,
        pick=PICKS,
        upstream=st.sampled_from(["", *UPSTREAMS]),
        prefix=st.sampled_from(["", "zzzzz"]),
        uuid=st.sampled_from(["", f"{UUID}1", f"{UUID}2"]),
    )
    def link(self, copy: int, stamp: Stamp, pick: int, upstream: str, prefix: str, uuid: str) -> None:
        person = self.person(copy, pick)
        if person is None:
            return
        who = self.named(copy, person, "subject")
        accepted = self.do(copy, stamp, lambda ledger, at: link(ledger, person[0], who, upstream, prefix, uuid, at))
        event(f"link: {'accepted' if accepted else 'refused'}")
        if accepted and upstream:
            found = find_linked(folded(self.copies[copy]), upstream)
            assert found is not None
            assert found == folded(self.copies[copy]).present(person)

    @rule(copy=COPIES, stamp=STAMPS, pick=PICKS, other=PICKS, back=st.booleans())
    def redirect(self, copy: int, stamp: Stamp, pick: int, other: int, back: bool) -> None:
        person, target = self.person(copy, pick), self.person(copy, other)
        if person is None or target is None:
            return
        who, to = self.named(copy, person, "subject"), self.named(copy, target, "subject")

        def operation(ledger: Ledger, at: Stamp) -> Change:
            if back:
                return take_redirect_back(ledger, person[0], who, "", at)
            return redirect(ledger, person[0], who, target[0], to, "", at)

        accepted = self.do(copy, stamp, operation)
        assert accepted or not back
        assert not (accepted and not back and person == target)
        event(f"redirect: {'back' if back else 'accepted' if accepted else 'refused'}")


Campaign.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCampaign = Campaign.TestCase


@settings(max_examples=11 * 10 * 10, deadline=None)
@given(
    before=st.sampled_from(["nothing", *DEEDS]),
    ours=st.sampled_from(DEEDS),
    theirs=st.sampled_from(DEEDS),
)
def test_whatever_two_do_who_do_not_know_of_each_other(before: str, ours: str, theirs: str) -> None:
    campaign = Campaign()
    campaign.begin([("alice", "alice@x"), ("bob", "bob")], [("carol", "carol")], STAMP)
    campaign.deed(0, before, STAMP)
    campaign.push(0)
    campaign.deed(0, ours, LATER)
    campaign.deed(1, theirs, STAMP)
    campaign.merge(7, 1)
    campaign.nothing_contradicts_and_every_number_is_in_its_band()
    campaign.whoever_is_kept_out_is_never_delivered_as_present()
    if {before, ours, theirs} >= {"accept", "uninvite"}:
        for text in campaign.copies:
            history = History(text)
            if ("lab", "erin") in history.people and history.uninvited:
                assert history.state(("lab", "erin")) == DISABLED
