# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with invitations in a campaign, and what must hold of it."""

from __future__ import annotations

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import DISABLED, RETIRED, Stamp
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import (
    Acceptance,
    accept,
    invite,
    uninvite,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.histories import History
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledger_campaign import (
    COPIES,
    LABELS,
    NAMES,
    PROFILES,
    REASONS,
    STAMPS,
    SUBJECTS,
    UPSTREAMS,
    LedgerCampaign,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    KEY,
    NOW,
    claims_of,
    jti_of,
)


class InvitationCampaign(LedgerCampaign):
    """Invitations that are issued, accepted and revoked in either copy."""

    @rule(copy=COPIES, stamp=STAMPS, label=st.sampled_from(LABELS), profile=PROFILES)
    def invite(self, copy: int, stamp: Stamp, label: str, profile: str) -> None:
        history = History(self.copies[copy])
        jti, claims = jti_of(label), claims_of(label, profile)
        known = history.once.get(("content", jti), set())
        open_ones = {one for one in map(jti_of, LABELS) if ("content", one) in history.once and one != jti}
        open_ones -= history.uninvited | {key[1] for key in history.once if key[0] == "invitation"}
        taken = any(profile in history.into[one] for one in open_ones)
        is_new = not known and ("invitation", jti) not in history.once and not taken
        accepted = self.do(copy, stamp, lambda ledger, at: invite(ledger, profile, [(jti, "class", claims)], NOW, at))
        expected = jti not in history.uninvited and (is_new or known == {(profile, "class", claims)})
        assert accepted == (expected and profile in history.bands)
        event(f"invite: {'accepted' if accepted else 'refused'}")

    @rule(
        copy=COPIES,
        stamp=STAMPS,
        label=st.sampled_from(LABELS),
        under=st.sampled_from([None, *LABELS]),
        profile=PROFILES,
        username=st.sampled_from(NAMES),
        subject=st.sampled_from(SUBJECTS),
        upstream=st.sampled_from(["", *UPSTREAMS]),
        own=st.booleans(),
    )
    def accept(
        self,
        copy: int,
        stamp: Stamp,
        label: str,
        under: str | None,
        profile: str,
        username: str,
        subject: str,
        upstream: str,
        own: bool,
    ) -> None:
        history = History(self.copies[copy])
        chain = (jti_of(under),) if under is not None and under != label else ()
        it = Acceptance(
            profile, jti_of(label), "cluster-a", chain, username, subject, KEY, upstream=upstream, own_issuer=own
        )
        accepted = self.do(copy, stamp, lambda ledger, at: accept(ledger, it, NOW, at))
        used = ("invitation", it.jti) in history.once
        event(f"accept: {'again' if used and accepted else 'accepted' if accepted else 'refused'}")
        if not accepted:
            return
        assert not history.uninvited & {it.jti, *chain}
        assert not own or ("content", it.jti) in history.once
        assert profile in (history.into[it.jti] or {profile})
        after = History(self.copies[copy])
        assert after.state((profile, subject)) not in (DISABLED, RETIRED)
        assert after.once["invitation", it.jti] == {(profile, subject, it.issuer, " ".join(chain), KEY)}
        if used:
            assert after.raws == history.raws
        else:
            assert (profile, subject) not in history.people
            assert (profile, username) not in history.names
            assert not upstream or ("upstream", upstream) not in history.once
            assert after.number((profile, subject)) not in history.owners

    @rule(copy=COPIES, stamp=STAMPS, label=st.sampled_from(LABELS), profile=PROFILES, reason=REASONS)
    def uninvite(self, copy: int, stamp: Stamp, label: str, profile: str, reason: str) -> None:
        jti = jti_of(label)
        history = History(self.copies[copy])
        accepted = self.do(copy, stamp, lambda ledger, at: uninvite(ledger, profile, [jti], reason, at))
        event(f"uninvite: {'accepted' if accepted else 'refused'}")
        if accepted:
            after = History(self.copies[copy])
            under = [person for person, jtis in after.used.items() if jti in jtis]
            assert all(after.state(person) in (DISABLED, RETIRED) for person in under)
            assert all(after.state(person) == RETIRED for person in under if history.state(person) == RETIRED)
        assert accepted == (profile in history.bands and profile in (history.into[jti] or {profile}))
