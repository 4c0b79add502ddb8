# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of people after their number was issued: what two branches may not both say, and what no line may."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    GRANTED,
    RESERVED,
    RETIRED,
    REVOKED,
    GrantChanged,
    Linked,
    NumberWithheld,
    Redirected,
    Renamed,
    Renumbered,
    StateChanged,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    LATER,
    STAMP,
    group,
    invited,
    jti_of,
    key_of,
    ledger_of,
    profile,
    redeemed,
    uninvited,
    user,
)

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event, Stamp

UUID, OTHER_UUID = "zzzzz-tpzed-000000000000001", "zzzzz-tpzed-000000000000002"
# in the file the first event stands in line 2, so what a case adds stands in line 9 and after
BASE = [
    profile(),
    profile("other", "6000-6999"),
    user("alice", 5001, "a@x"),
    user("bob", 5002, "b@x"),
    user("alice", 6001, "a@x", "other"),
    user("carol", 6002, "c@x", "other"),
    group("genomics", 4001, "other"),
]


def state(rev: int, to: str, subject: str = "a@x", name: str = "lab", why: str = "", stamp: Stamp = STAMP) -> Event:
    return StateChanged(name, subject, rev, to, why, stamp)


def rename(rev: int, username: str, subject: str = "a@x", name: str = "lab", stamp: Stamp = STAMP) -> Event:
    return Renamed(name, subject, rev, username, "", stamp)


def grant(rev: int, uid: int, subject: str = "b@x", to: str = GRANTED, into: str = "other", name: str = "lab") -> Event:
    return GrantChanged(name, subject, into, rev, to, uid, "", STAMP)


def redirect(rev: int, subject: str, to: str, to_profile: str = "lab", name: str = "lab") -> Event:
    return Redirected(name, subject, rev, to_profile, to, "", STAMP)


def link(subject: str, upstream: str, uuid: str = "", name: str = "lab", stamp: Stamp = STAMP) -> Event:
    return Linked(name, subject, upstream, uuid, stamp)


def refusal(events: list[Event]) -> str:
    with pytest.raises(IdentityError) as caught:
        ledger_of(events)
    assert str(caught.value).isprintable()
    return str(caught.value)


RETIRED_BOTH = [state(1, RETIRED), state(1, RETIRED, "b@x")]

REFUSED: dict[str, tuple[list[Event], str]] = {
    "a person of another profile": (
        [state(1, DISABLED, "c@x")],
        "line 9 is about the subject 'c@x' of the profile 'lab', which no line brings into the ledger",
    ),
    "a profile that is not there": ([state(1, DISABLED, name="lob")], "line 9 is about the profile 'lob'"),
    "a username is no subject": ([state(1, DISABLED, "alice")], "the subject 'alice' of the profile 'lab'"),
    "a look-alike is no subject": ([state(1, DISABLED, "\u0430@x")], r"the subject '\u0430@x' of the profile 'lab'"),
    "a revision twice, otherwise": (
        [state(1, DISABLED), state(1, RETIRED)],
        "lines 9 and 10 change the same thing of the subject 'a@x' (lab) in two ways",
    ),
    "a revision was passed over": (
        [state(1, DISABLED), state(3, RETIRED)],
        "line 10 is revision 3 of something of the subject 'a@x', but there are 2 of them",
    ),
    "the first revision is missing": ([state(2, ACTIVE)], "line 9 is revision 2 of something"),
    "a number in use is reserved": (
        [state(1, DISABLED), state(2, RESERVED)],
        "line 10 reserves a number that was in use",
    ),
    "names in two branches": (
        [rename(1, "alicia"), rename(1, "alina")],
        "lines 9 and 10 change the same thing of the subject 'a@x' (lab)",
    ),
    "one name for two people": (
        [rename(1, "robin"), rename(1, "robin", "b@x")],
        "lines 9 and 10 give the name robin of the profile lab to two people",
    ),
    "the name of somebody else": ([rename(1, "bob")], "lines 5 and 9 give the name bob of the profile lab to two"),
    "the former name of somebody else": (
        [rename(1, "robert", "b@x"), rename(1, "bob")],
        "lines 5 and 10 give the name bob of the profile lab to two people",
    ),
    "the name of a group": (
        [rename(1, "genomics", "c@x", "other")],
        "lines 7 and 8 call a person and a shared group of the profile other genomics",
    ),
    "the name of a guest": (
        [grant(1, 6100), rename(1, "bob", "c@x", "other")],
        "line 9 lets bob of the profile lab into other, where line 7 gives the name to somebody else",
    ),
    "a guest is called like somebody there": (
        [grant(1, 6100, "a@x")],
        "line 9 lets alice of the profile lab into other, where line 6 gives the name to somebody else",
    ),
    "a guest was called like somebody there": (
        [rename(1, "alicia"), grant(1, 6100, "a@x")],
        "line 10 lets alice of the profile lab into other, where line 6 gives",
    ),
    "a guest is renamed like somebody there": (
        [grant(1, 6100), rename(1, "carol", "b@x")],
        "line 9 lets carol of the profile lab into other, where line 7 gives",
    ),
    "a guest is called like a group there": (
        [rename(1, "genomics", "b@x"), grant(1, 6100)],
        "line 10 lets genomics of the profile lab into other, where line 8 gives",
    ),
    "two guests of one name": (
        [
            profile("third", "7000-7999"),
            user("bob", 7002, "b@x", "third"),
            grant(1, 6100),
            grant(1, 6101, name="third"),
        ],
        "into other, where another grant gives the name to somebody else",
    ),
    "the number of somebody there": ([grant(1, 6002)], "lines 7 and 9 issue 6002 twice, to carol (other, 6002"),
    "one number for two guests": (
        [rename(1, "alina"), user("dora", 5003, "d@x"), grant(1, 6100), grant(1, 6100, "d@x")],
        "lines 11 and 12 issue 6100 twice, to the guest 'b@x' of lab (other, 6100) and to the guest 'd@x'",
    ),
    "a number of a guest that is elsewhere": ([grant(1, 7100)], "line 9 grants 7100 in the profile other, which is"),
    "the number of another one at home": ([grant(1, 5001)], "line 9 grants 5001 in the profile other, which is"),
    "another number when granted again": (
        [grant(1, 6100), grant(2, 6100, to=REVOKED), grant(3, 6101)],
        "lines 9 and 11 grant two numbers in the profile other",
    ),
    "the number at home after one's own": (
        [grant(1, 6100), grant(2, 6100, to=REVOKED), grant(3, 5002)],
        "lines 9 and 11 grant two numbers in the profile other",
    ),
    "a guest at home": ([grant(1, 5002, into="lab")], "line 9 grants 5002 in the profile lab, which is neither"),
    "into a profile that is not there": ([grant(1, 7000, into="lob")], "line 9 is about the profile 'lob'"),
    "a number of somebody is withheld": (
        [NumberWithheld("lab", 5001, "", STAMP)],
        "lines 4 and 9 issue 5001 twice, to alice (lab, 5001, subject 'a@x') and to nobody (lab withholds 5001)",
    ),
    "a number of a group is withheld": ([NumberWithheld("lab", 4001, "", STAMP)], "lines 8 and 9 issue 4001 twice"),
    "a number of a guest is withheld": (
        [grant(1, 6100), NumberWithheld("other", 6100, "", STAMP)],
        "lines 9 and 10 issue 6100 twice, to the guest 'b@x' of lab (other, 6100) and to nobody",
    ),
    "a number of strangers is withheld": ([NumberWithheld("lab", 6500, "", STAMP)], "line 9 withholds 6500, which is"),
    "a number that nobody has follows another": (
        [Renumbered("lab", "a@x", 700, 5003, "", STAMP)],
        "line 9 moves the subject 'a@x' from 700 to 5003, but line 4 gives them 5001",
    ),
    "an upstream of two": (
        [link("a@x", "up"), link("b@x", "up")],
        "lines 9 and 10 both link the upstream identity 'up', for different people",
    ),
    "an upstream of two profiles": ([link("a@x", "up"), link("a@x", "up", name="other")], "lines 9 and 10 both link"),
    "a UUID of two": ([link("a@x", "", UUID), link("b@x", "", UUID)], "lines 9 and 10 give one UUID to two people"),
    "two UUIDs of one": ([link("a@x", "", UUID), link("a@x", "up", OTHER_UUID)], "lines 9 and 10 give one UUID"),
    "an invitation of two": (
        [redeemed("j", "a@x"), redeemed("j", "b@x", stamp=LATER)],
        "delete the other one, and keep whoever was not meant out with ledger_disable",
    ),
    "an invitation in two profiles": (
        [redeemed("j", "a@x"), redeemed("j", "a@x", in_profile="other")],
        f"lines 9 and 10 both redeem the invitation '{jti_of('j')}'",
    ),
    "an invitation with two keys": (
        [redeemed("j", "a@x"), redeemed("j", "a@x", key=key_of("another"))],
        f"lines 9 and 10 both redeem the invitation '{jti_of('j')}'",
    ),
    "an invitation of two issuers": (
        [redeemed("j", "a@x"), redeemed("j", "a@x", issuer="cluster-b")],
        f"lines 9 and 10 both redeem the invitation '{jti_of('j')}'",
    ),
    "an invitation in two chains": (
        [redeemed("j", "a@x"), redeemed("j", "a@x", "parent")],
        f"lines 9 and 10 both redeem the invitation '{jti_of('j')}'",
    ),
    "two contents of an invitation": (
        [invited("j"), invited("j", role="lead")],
        f"lines 9 and 10 both issue the invitation '{jti_of('j')}'",
    ),
    "two names of an invitation": (
        [invited("j"), invited("j", "another")],
        f"lines 9 and 10 both issue the invitation '{jti_of('j')}'",
    ),
    "an invitation into a profile that is not there": ([invited("j", in_profile="lob")], "line 9 is about the profile"),
    "a revoked one of a profile that is not there": ([uninvited("j", in_profile="lob")], "line 9 is about the profile"),
    "used by nobody": ([redeemed("j", "n@x")], "line 9 is about the subject 'n@x' of the profile"),
    "each other, over two branches": (
        [*RETIRED_BOTH, redirect(1, "a@x", "b@x"), redirect(1, "b@x", "a@x")],
        "the redirects lead in a loop, 'a@x' (lab) to 'b@x' (lab) to 'a@x' (lab) (line 11, line 12)",
    ),
    "oneself": ([state(1, RETIRED), redirect(1, "a@x", "a@x")], "in a loop, 'a@x' (lab) to 'a@x' (lab) (line 10)"),
    "in a ring of three profiles": (
        [
            *RETIRED_BOTH,
            state(1, RETIRED, "c@x", "other"),
            redirect(1, "c@x", "a@x", name="other"),
            redirect(1, "a@x", "b@x"),
            redirect(1, "b@x", "c@x", "other"),
        ],
        "(line 12, line 13, line 14)",
    ),
    "nobody": ([state(1, RETIRED), redirect(1, "a@x", "n@x")], "line 10 is about the subject 'n@x' of the profile"),
    "a profile without a person": ([state(1, RETIRED), redirect(1, "a@x", "")], "line 10 is about the subject"),
    "a person without a profile": ([state(1, RETIRED), redirect(1, "a@x", "b@x", "")], "line 10 is about the profile"),
    "whoever is revived in the other branch": (
        [state(1, RETIRED), redirect(1, "a@x", "b@x"), state(2, ACTIVE)],
        "line 10 lets the subject 'a@x' (lab) stand for somebody else, but line 11 has them active",
    ),
    "whoever never was retired": ([redirect(1, "a@x", "b@x")], "line 9 lets the subject 'a@x' (lab) stand for"),
}


@pytest.mark.parametrize(("events", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_what_no_ledger_says(events: list[Event], reason: str) -> None:
    assert reason in refusal([*BASE, *events])
    for order in itertools.islice(itertools.permutations(events), 6):
        refusal([*order, *BASE])


def test_what_happened_is_told_by_the_last_revision_in_whatever_order() -> None:
    events = [
        state(1, DISABLED),
        state(2, ACTIVE, why="back"),
        rename(1, "alicia"),
        rename(2, "alina"),
        grant(1, 6100),
        grant(2, 6100, to=REVOKED),
        link("a@x", "up"),
        link("a@x", "", UUID),
        state(1, RETIRED, "b@x"),
        redirect(1, "b@x", "c@x", "other"),
        redirect(2, "b@x", "", ""),
        redirect(3, "b@x", "a@x"),
        NumberWithheld("lab", 5900, "", STAMP),
        Renumbered("lab", "a@x", 700, 5001, "", STAMP),
        redeemed("j", "a@x"),
    ]
    ledger = ledger_of([*BASE, *events])
    assert ledger == ledger_of([*reversed(events), *BASE])
    alice = ledger.person("lab", "alina")
    assert (alice.subject, alice.uid, alice.state) == ("a@x", 5001, ACTIVE)
    lab, other = ledger.profile("lab"), ledger.profile("other")
    assert {name: issued.subject for name, issued in lab.by_username.items()} == {
        "alice": "a@x",
        "alicia": "a@x",
        "alina": "a@x",
        "bob": "b@x",
    }
    assert (other.grants["lab", "b@x"].grant, other.guests) == (REVOKED, {"bob": ("lab", "b@x")})
    assert list(ledger.guests("other")) == []
    assert set(ledger.numbers) == {5001, 5002, 6001, 6002, 4001, 6100, 5900, 700}
    assert ledger.present(("lab", "b@x")) == alice
    assert {upstream: linked.subject for upstream, linked in ledger.upstreams.items()} == {"up": "a@x"}
    assert ledger.uuids[UUID].subject == "a@x"
    assert ledger.redeemed[jti_of("j")].subject == "a@x"


def test_branches_that_agree_are_one_whatever_the_order_and_the_earliest_counts() -> None:
    said: list[list[Event]] = [
        [state(1, DISABLED, why="first"), state(1, DISABLED, why="second", stamp=LATER)],
        # one run may say it twice within a second
        [state(1, DISABLED, "b@x", why="first"), state(1, DISABLED, "b@x", why="second")],
        [rename(1, "alicia"), rename(1, "alicia", stamp=LATER)],
        [link("a@x", "up", UUID), link("a@x", "up", UUID, stamp=LATER)],
        [link("b@x", "one", OTHER_UUID), link("b@x", "two", OTHER_UUID), link("b@x", "", OTHER_UUID)],
        [NumberWithheld("lab", 4900, "a", STAMP), NumberWithheld("other", 4900, "b", STAMP)],
        [Renumbered("lab", "a@x", 700, 5001, "", STAMP), Renumbered("lab", "b@x", 700, 5002, "", STAMP)],
    ]
    ledger = ledger_of([*BASE, *(event for pair in said for event in pair)])
    assert ledger.profile("lab").states["a@x"].reason == "first"
    assert ledger.profile("lab").names["a@x"].stamp == STAMP
    orders = [list(itertools.permutations(pair)) for pair in said]
    for chosen in itertools.product(*orders):
        again = ledger_of([*BASE, *(event for pair in chosen for event in pair)])
        assert again == ledger
        assert {key: list(links) for key, links in again.links.items()} == dict(ledger.links)


def test_a_band_registered_twice() -> None:
    assert ledger_of([*BASE, profile(stamp=LATER)]).profile("lab").registered.stamp == STAMP
    assert "overlap" in refusal([*BASE, profile("third")])
    assert "different bands" in refusal([*BASE, profile("lab", "5000-5998")])


def test_a_thousand_revisions_and_a_chain_of_a_thousand_redirects() -> None:
    people: list[Event] = [user(f"p{number}", 5003 + number) for number in range(900)]
    chain: list[Event] = [redirect(1, f"p{number}", f"p{number + 1}") for number in range(899)]
    retired: list[Event] = [state(1, RETIRED, f"p{number}") for number in range(899)]
    back_and_forth: list[Event] = [state(rev, DISABLED if rev % 2 else ACTIVE) for rev in range(1, 1001)]
    ledger = ledger_of([*BASE, *people, *reversed(chain), *retired, *reversed(back_and_forth)])
    assert ledger.present(("lab", "p0")).subject == "p899"
    assert ledger.person("lab", "alice").state == ACTIVE
    assert "the redirects lead in a loop" in refusal(
        [*BASE, *people, *chain, *retired, state(1, RETIRED, "p899"), redirect(1, "p899", "p0")]
    )
