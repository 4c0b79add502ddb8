# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations are used once, by one person; what is revoked lets nobody in, whatever else the ledger says."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    ACTIVE,
    DISABLED,
    RETIRED,
    Invited,
    Linked,
    Redeemed,
    Renamed,
    StateChanged,
    Uninvited,
    UserIssued,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._invitations import (
    Acceptance,
    accept,
    accepted_under,
    invitation_problems,
    invitation_records,
    invite,
    open_invitation,
    uninvite,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Who, grant, set_state
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._query import Question, answer
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    KEY,
    LATER,
    NOW,
    STAMP,
    claims_of,
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
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_operations import Life

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.test_operations import Operation

UUID = "zzzzz-tpzed-000000000000001"
ONE, TWO, THREE = jti_of("one"), jti_of("two"), jti_of("three")
BASE = [
    profile(),
    profile("other", "6000-6003"),
    user("alice", 5001, "a@x"),
    Renamed("lab", "a@x", 1, "alicia", "", STAMP),
    group("research", 4001),
    user("carol", 6001, name="other"),
    Linked("lab", "a@x", "https://idp.example alice", UUID, STAMP),
]
ONES = Acceptance("lab", ONE, "cluster-a", (), "bob", "b@x", KEY)
BOB = Who("bob")


@pytest.fixture
def life() -> Life:
    """A ledger in which the first invitation is open."""
    return Life([*BASE, invited("one", "a guest")])


def inviting(*labels: str, name: str = "", to: str = "lab", now: int = NOW, **more: Any) -> Operation:
    wanted = [(jti_of(label), name or label, claims_of(label, to, **more)) for label in labels]
    return inviting_all(wanted, to, now)


def inviting_all(wanted: list[tuple[str, str, str]], to: str = "lab", now: int = NOW) -> Operation:
    return lambda ledger: invite(ledger, to, wanted, now, STAMP)


def accepting(acceptance: Acceptance = ONES, now: int = NOW, **changed: Any) -> Operation:
    return lambda ledger: accept(ledger, dataclasses.replace(acceptance, **changed), now, STAMP)


def token_of(label: str) -> str:
    """A token with these claims; nobody looks at its signature here."""
    claims = base64.urlsafe_b64encode(claims_of(label).encode()).decode().rstrip("=")
    return f"e30.{claims}.AA"


def revoking(*jtis: str, reason: str = "", to: str = "lab") -> Operation:
    return lambda ledger: uninvite(ledger, to, jtis, reason, LATER)


def state_in(ledger: Ledger, subject: str = "b@x") -> str:
    return ledger.person("lab", subject=subject).state


def kept_out(ledger: Ledger, *names: str) -> dict[str, str]:
    """Whom uid_allocation delivers as disabled, by its roster."""
    entries = tuple(RosterEntry(name, f"{name[0]}@x") for name in names)
    return dict(allocate(ledger, Wanted("lab", Roster(entries)), LATER).disabled)


# issuing


def test_what_is_issued_is_in_the_ledger() -> None:
    life = Life(BASE)
    events = life.does(inviting("one", "two"))
    assert events == (
        Invited("lab", ONE, "one", claims_of("one"), STAMP),
        Invited("lab", TWO, "two", claims_of("two"), STAMP),
    )
    assert list(life.ledger.invitations) == [ONE, TWO]
    assert life.does(inviting("two", "three", "three")) == (Invited("lab", THREE, "three", claims_of("three"), STAMP),)


def test_a_name_is_free_again_when_its_invitation_is_over(life: Life) -> None:
    assert f"the name 'a guest' is that of the invitation {ONE}, which is open" in life.refuses(
        inviting("two", name="a guest")
    )
    # a profile knows nothing of the names of another one
    life.does(inviting("three", name="a guest", to="other"))
    found = open_invitation(life.ledger, "lab", "a guest", NOW)
    assert found is not None
    assert found.jti == ONE
    for over in (life.ledger, Life([*life.events, uninvited("one")]).ledger):
        later = NOW if over.uninvited else NOW + 86400
        assert open_invitation(over, "lab", "a guest", later) is None
        assert len(invite(over, "lab", [(TWO, "a guest", claims_of("two", until=later + 1))], later, STAMP).events) == 1
    life.does(accepting())
    life.does(inviting("two", name="a guest"))


@pytest.mark.parametrize(
    ("jti", "name", "claims", "reason"),
    [
        ("x", "x", claims_of("x"), "The jti 'x' is not that of an invitation"),
        (f"{TWO}\n", "x", claims_of("two"), "is not that of an invitation"),
        (TWO, "", claims_of("two"), "The name '' is not one line"),
        (TWO, "a\x1b[2J", claims_of("two"), r"The name 'a\x1b[2J' is not one line"),
        (TWO, "x", claims_of("three"), f"are of the jti '{THREE}' and the profile 'lab', not of {TWO} and lab"),
        (TWO, "x", claims_of("two", "other"), "and the profile 'other', not of"),
        (TWO, "x", claims_of("two").replace(",", ", "), "are not canonical JSON"),
        (TWO, "x", claims_of("two")[:-1] + ',"jti":"' + TWO + '"}', "are not canonical JSON"),
        (TWO, "x", claims_of("two", zz=1.5), "are not canonical JSON"),
        (TWO, "x", "{" * 5000, "are not canonical JSON"),
        (TWO, "x", "[]", "are not one line of canonical JSON"),
        (TWO, "x", claims_of("two", note="x" * 8192), "and the ledger keeps at most 8192: shorten the lists in them"),
        (TWO, "x", claims_of("two", until=NOW), "the invitation 'x' has expired before it is issued"),
        (TWO, "x", claims_of("two", until=True), "has expired before it is issued"),
        (ONE, "x", claims_of("one"), f"the invitation {ONE} was issued at {STAMP.at} as 'a guest'"),
        (ONE, "a guest", claims_of("one", role="lead"), f"the invitation {ONE} was issued at {STAMP.at}"),
    ],
)
def test_what_is_not_issued(life: Life, jti: str, name: str, claims: str, reason: str) -> None:
    fine = (THREE, "fine", claims_of("three"))
    wanted = [fine, (jti, name, claims)]
    assert reason in life.refuses(inviting_all(wanted))
    # one that cannot be issued spoils no other
    problems = invitation_problems(life.ledger, "lab", wanted, NOW)
    assert (problems[0], reason in problems[1]) == ("", True)


def test_one_batch_has_every_name_and_every_id_once(life: Life) -> None:
    same_name = [(TWO, "x", claims_of("two")), (THREE, "x", claims_of("three"))]
    same_id = [(TWO, "x", claims_of("two")), (TWO, "y", claims_of("two"))]
    for wanted in (same_name, same_id):
        assert "is there twice" in life.refuses(inviting_all(wanted))
        assert [bool(problem) for problem in invitation_problems(life.ledger, "lab", wanted, NOW)] == [False, True]


def test_what_is_over_is_not_issued_again(life: Life) -> None:
    life.does(revoking(TWO))
    assert f"the invitation {TWO} was revoked at {LATER.at}: issue another one" in life.refuses(inviting("two"))
    life.does(accepting(jti=THREE, issuer="cluster-b", own_issuer=False))
    assert f"the invitation {THREE} was used at {STAMP.at}: issue another one" in life.refuses(inviting("three"))
    assert f"the invitation {TWO}, from which 'child' is delegated, was revoked" in life.refuses(
        inviting("child", prt=token_of("two"))
    )
    assert "has no profile 'lob'" in life.refuses(inviting("four", to="lob"))


# accepting


def test_who_accepts_gets_a_number_in_the_same_commit(life: Life) -> None:
    events = life.does(accepting(upstream="https://idp.example bob"))
    person = life.ledger.person("lab", "bob")
    assert events == (
        UserIssued("lab", "bob", "b@x", person.uid, STAMP),
        Linked("lab", "b@x", "https://idp.example bob", "", STAMP),
        Redeemed("lab", ONE, "b@x", "cluster-a", "", KEY, STAMP),
    )
    assert accept(life.ledger, ONES, NOW, LATER).people == (("lab", "b@x"),)
    # the number is that which uid_allocation gives
    wanted = Wanted("lab", Roster((RosterEntry("bob", "b@x"),)))
    assert allocate(ledger_of(BASE), wanted, STAMP).uids == {"bob": person.uid}


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "robert"},
        {"subject": "mallory@x"},
        {"username": "mallory", "subject": "mallory@x"},
        {"key": key_of("mallory")},
        {"issuer": "cluster-b"},
        {"chain": (TWO,)},
        {"upstream": "https://idp.example mallory"},
        {"upstream": "https://idp.example alice"},
        {"uuid": "zzzzz-tpzed-000000000000002"},
        {"uuid": UUID},
    ],
)
def test_a_second_use_is_refused(life: Life, changed: dict[str, Any]) -> None:
    life.does(accepting())
    message = life.refuses(accepting(**changed))
    assert f"The invitation {ONE} was used at {STAMP.at} by bob (lab, 5" in message
    assert "ask for a new one" in message


def test_a_second_use_in_another_profile_is_refused(life: Life) -> None:
    life.does(accepting())
    assert f"The invitation {ONE} is into the profile lab" in life.refuses(accepting(profile="other"))
    foreign = Life([*BASE, user("bob", 5002, "b@x"), redeemed("one", "b@x", issuer="cluster-b")])
    assert f"The invitation {ONE} was used" in foreign.refuses(
        accepting(profile="other", issuer="cluster-b", own_issuer=False)
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"jti": TWO}, f"The invitation {TWO} is signed with our own key, but it was not issued with this ledger"),
        (
            {"jti": TWO, "own_issuer": False, "chain": (THREE,), "own_ancestors": (THREE,)},
            f"The invitation {THREE} is signed with our own key",
        ),
        ({"profile": "other"}, f"The invitation {ONE} is into the profile lab, not into other"),
        ({"profile": "other", "own_issuer": False}, f"The invitation {ONE} is into the profile lab, not into other"),
        ({"profile": "other", "jti": TWO, "own_issuer": False, "chain": (ONE,)}, f"The invitation {ONE} is into"),
        ({"profile": "lob"}, "The ledger has no profile 'lob'"),
        ({"username": "alice"}, "the name is or was that of alicia (lab, 5001"),
        ({"username": "alicia"}, "the name is or was that of alicia (lab, 5001"),
        ({"username": "research"}, "the name is a shared group's"),
        ({"username": "root"}, "The username 'root' belongs to the system"),
        ({"username": "Bob"}, "The username 'Bob' is not valid"),
        ({"username": "../bob"}, "The username '../bob' is not valid"),
        ({"username": "\u0430lex"}, r"The username '\u0430lex' is not valid"),
        ({"subject": "a@x"}, "The subject 'a@x' is alice (lab, 5001, subject 'a@x') already"),
        ({"subject": ""}, "The subject '' cannot be used"),
        ({"upstream": "https://idp.example alice"}, "The identity 'https://idp.example alice' is that of alicia (lab"),
        ({"uuid": UUID}, f"The UUID '{UUID}' is that of alicia (lab"),
        ({"uuid": "x"}, "The UUID 'x' is not of the form"),
        ({"upstream": " x"}, "The upstream identity ' x' is not one line"),
        ({"key": "SHA256:short"}, "The key 'SHA256:short' is not a fingerprint"),
        ({"key": ""}, "The key '' is not a fingerprint"),
        ({"jti": f"{ONE}="}, "is not that of an invitation"),
        ({"chain": (ONE,)}, f"The invitation {ONE} is delegated from itself"),
        ({"chain": ("x",)}, "The jti 'x' is not that of an invitation"),
        ({"chain": (f"{TWO} {THREE}", TWO)}, "is not the ids of at most 16 different"),
        ({"issuer": ""}, "The issuer '' is not one line"),
        ({"issuer": "a\nb"}, r"The issuer 'a\nb' is not one line"),
    ],
)
def test_what_is_not_accepted(life: Life, changed: dict[str, Any], reason: str) -> None:
    assert reason in life.refuses(accepting(**changed))


HEIDI = {"username": "heidi"}


def test_the_name_that_an_open_invitation_proposes_is_kept_for_it(life: Life) -> None:
    """Attack: somebody is faster than the person for whom something was prepared under that name."""
    life.events.append(invited("two", inv=HEIDI))
    message = life.refuses(accepting(username="heidi"))
    assert f"the invitation {TWO}, which is open, proposes the name heidi" in message
    life.does(accepting(username="heid"))
    life.does(accepting(jti=TWO, username="heidi", subject="h@x"))
    assert life.ledger.person("lab", "heidi").subject == "h@x"


@pytest.mark.parametrize(
    ("other", "now"),
    [
        ([invited("two", inv=HEIDI)], NOW + 86400),
        ([invited("two", inv=HEIDI), uninvited("two")], NOW),
        ([invited("two", in_profile="other", inv=HEIDI)], NOW),
        ([invited("two", inv={"username": "heidi2"})], NOW),
        ([invited("two", inv={"groups": ["heidi"]}, ref="heidi")], NOW),
        ([invited("two", inv=[], x=HEIDI)], NOW),
        ([invited("two", x=HEIDI)], NOW),
    ],
)
def test_a_name_that_nobody_else_waits_for_is_free(life: Life, other: list[Event], now: int) -> None:
    life.events += other
    life.does(accepting(now=now, username="heidi"))


def test_what_was_passed_on_has_the_name_that_was_proposed_for_it(life: Life) -> None:
    life.events += [invited("two", inv={**HEIDI, "depth": 1}), invited("three", inv=HEIDI, prt=token_of("two"))]
    theirs = accepting(jti=jti_of("four"), issuer="cluster-b", own_issuer=False, chain=(TWO,), username="heidi")
    assert f"the invitation {THREE}, which is open" in life.refuses(theirs)
    life.does(accepting(jti=THREE, chain=(TWO,), username="heidi"))


def test_the_name_of_a_guest_is_nobody_elses() -> None:
    base = [*BASE, invited("one", in_profile="other")]
    life = Life([*base, *grant(ledger_of(base), "lab", Who("alicia"), "other", None, "", STAMP).events])
    for name in ("alice", "alicia"):
        message = life.refuses(accepting(profile="other", username=name))
        assert f"Nobody new can be called {name} in the profile other: the name is that of the guest 'a@x'" in message


def test_a_full_band_takes_nobody_and_leaves_the_invitation_open() -> None:
    people = [user(f"p{number}", number, name="other") for number in (6000, 6002, 6003)]
    life = Life([*BASE, *people, invited("one", in_profile="other")])
    assert "its band 6000-6003 has 0 left of 4" in life.refuses(accepting(profile="other"))


def test_somebody_else_issues_too_but_not_with_our_name(life: Life) -> None:
    theirs = dataclasses.replace(ONES, jti=TWO, issuer="cluster-b", chain=(THREE, ONE), own_issuer=False)
    events = life.does(accepting(theirs, own_ancestors=(ONE,)))
    assert events[-1] == Redeemed("lab", TWO, "b@x", "cluster-b", f"{THREE} {ONE}", KEY, STAMP)


def test_who_comes_again_was_renamed_meanwhile(life: Life) -> None:
    life.does(accepting())
    life.events.append(Renamed("lab", "b@x", 1, "robert", "", STAMP))
    assert accept(life.ledger, ONES, NOW, LATER).events == ()
    assert accept(life.ledger, dataclasses.replace(ONES, username="robert"), NOW, LATER).events == ()


@pytest.mark.parametrize("state", [DISABLED, RETIRED])
def test_who_was_thrown_out_does_not_come_in_by_the_same_invitation(life: Life, state: str) -> None:
    life.does(accepting())
    life.does(lambda ledger: set_state(ledger, "lab", [BOB], state, "", STAMP))
    assert f"accepted the invitation {ONE} at {STAMP.at} and is {state} since" in life.refuses(accepting())


# revoking


def test_a_revoked_invitation_lets_nobody_in(life: Life) -> None:
    assert life.does(revoking(ONE, ONE, reason="wrong list")) == (Uninvited("lab", ONE, "wrong list", LATER),)
    assert f"The invitation {ONE} was revoked at {LATER.at} by 'kim@laptop'" in life.refuses(accepting())
    delegated = accepting(jti=TWO, chain=(THREE, ONE), issuer="cluster-b", own_issuer=False)
    assert f"The invitation {ONE}, from which {TWO} was delegated, was revoked" in life.refuses(delegated)


def test_the_door_is_closed_before_a_foreign_token_comes(life: Life) -> None:
    life.does(revoking(TWO))
    assert "was revoked" in life.refuses(accepting(jti=TWO, issuer="cluster-b", own_issuer=False))


def test_everybody_under_a_revoked_invitation_is_disabled(life: Life) -> None:
    life.does(accepting())
    for label, name, chain in (("two", "dora", (ONE,)), ("three", "erin", (TWO, ONE)), ("four", "finn", (TWO,))):
        it = dataclasses.replace(ONES, jti=jti_of(label), username=name, subject=f"{name[0]}@x", chain=chain)
        life.does(accepting(it, issuer="cluster-b", own_issuer=False))
    life.does(lambda ledger: set_state(ledger, "lab", [Who("dora")], RETIRED, "left", STAMP))
    events = life.does(revoking(ONE, reason="stolen laptop"))
    assert events == (
        Uninvited("lab", ONE, "stolen laptop", LATER),
        StateChanged("lab", "b@x", 1, DISABLED, "stolen laptop", LATER),
        StateChanged("lab", "e@x", 1, DISABLED, "stolen laptop", LATER),
    )
    ledger = life.ledger
    assert [used.subject for used in accepted_under(ledger, [ONE])] == ["b@x", "d@x", "e@x"]
    assert uninvite(ledger, "lab", [ONE], "", LATER).people == (("lab", "b@x"), ("lab", "d@x"), ("lab", "e@x"))
    assert [state_in(ledger, f"{letter}@x") for letter in "bdef"] == [DISABLED, RETIRED, DISABLED, ACTIVE]
    assert kept_out(ledger, "bob", "dora", "erin", "finn").keys() == {"bob", "dora", "erin"}
    # the others follow when the invitation between them is revoked
    assert life.does(revoking(TWO)) == (
        Uninvited("lab", TWO, "", LATER),
        StateChanged("lab", "f@x", 1, DISABLED, f"the invitation {jti_of('four')} was revoked", LATER),
    )


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (revoking("x"), "The jti 'x' is not that of an invitation"),
        (revoking(ONE, reason="a\nb"), r"The reason 'a\nb' is not one line"),
        (revoking(ONE, to="lob"), "The ledger has no profile 'lob'"),
        (revoking(ONE, to="other"), f"The invitation {ONE} is into the profile lab, not into other: name that one"),
    ],
)
def test_what_is_not_revoked(life: Life, operation: Operation, reason: str) -> None:
    assert reason in life.refuses(operation)


def test_of_two_branches_both_hold_and_the_person_is_out() -> None:
    """One controller lets somebody in, another one revokes the invitation; then their ledgers are merged."""
    base = [*BASE, invited("one")]
    ours, theirs = accepting()(ledger_of(base)).events, revoking(ONE, reason="stolen")(ledger_of(base)).events
    for order in itertools.permutations([*ours, *theirs]):
        assert ledger_of([*order, *base]) == ledger_of([*base, *ours, *theirs])
    life = Life([*base, *ours, *theirs])
    assert state_in(life.ledger) == DISABLED
    assert kept_out(life.ledger, "bob").keys() == {"bob"}
    left = allocate(life.ledger, Wanted("lab", Roster(())), LATER).left
    assert [one.person.username for one in left] == ["bob"]
    people = answer(life.ledger, Question(usernames=("bob",)))[0]["people"]
    assert [period["state"] for period in people[0]["states"]] == [ACTIVE, DISABLED]
    assert people[0]["state"] == DISABLED
    # it is said as soon as somebody revokes once more
    again = revoking(ONE)(life.ledger)
    assert again.events == (StateChanged("lab", "b@x", 1, DISABLED, f"the invitation {ONE} was revoked", LATER),)
    assert again.people == (("lab", "b@x"),)
    life.does(revoking(ONE))
    # and whoever revives them says so after it
    life.does(lambda ledger: set_state(ledger, "lab", [BOB], ACTIVE, "cleared", LATER))
    assert state_in(life.ledger) == ACTIVE


def test_whoever_revoked_first_counts_in_whatever_order_it_is_told() -> None:
    said = [
        uninvited("one", "at once", stamp=STAMP),
        uninvited("one", "once more", stamp=LATER),
        uninvited("one", "from elsewhere", in_profile="other", stamp=LATER),
        uninvited("two", "its parent", stamp=LATER),
        redeemed("one", "carol", "two", in_profile="other"),
    ]
    ledgers = [ledger_of([*BASE, *order]) for order in itertools.permutations(said)]
    assert all(ledger == ledgers[0] for ledger in ledgers)
    assert ledgers[0].uninvited[ONE] == said[0]
    state = ledgers[0].profile("other").states["carol"]
    assert (state.rev, state.state, state.reason, state.stamp) == (0, DISABLED, "at once", STAMP)


def test_who_was_revived_before_a_merge_is_found_when_it_is_revoked_again(life: Life) -> None:
    life.does(accepting())
    for state in (DISABLED, ACTIVE):
        life.state(BOB, to=state)
    life.events += [uninvited("one", stamp=LATER)]
    assert state_in(life.ledger) == ACTIVE
    assert life.does(revoking(ONE)) == (
        StateChanged("lab", "b@x", 3, DISABLED, f"the invitation {ONE} was revoked", LATER),
    )


# what became of them


def test_records_say_what_became_of_every_invitation(life: Life) -> None:
    life.does(accepting())
    parent = base64.urlsafe_b64encode(claims_of("two").encode()).decode().rstrip("=")
    life.does(inviting("two", "three", until=NOW + 5))
    life.does(inviting("five"))
    life.does(inviting("child", prt=f"e30.{parent}.AA"))
    between = base64.urlsafe_b64encode(claims_of("child", prt=f"e30.{parent}.AA").encode()).decode().rstrip("=")
    life.does(inviting("grandchild", prt=f"e30.{between}.AA"))
    life.does(revoking(TWO, reason="lost"))
    life.does(revoking(jti_of("unseen")))
    life.does(accepting(jti=jti_of("foreign"), issuer="cluster-b", own_issuer=False, username="dora", subject="d@x"))
    life.does(inviting("six", to="other"))
    records = {record["jti"]: record for record in invitation_records(life.ledger, "lab", NOW + 10)}
    assert json.loads(json.dumps(records)) == records
    assert {record["name"] or jti: record["state"] for jti, record in records.items()} == {
        "a guest": "accepted",
        "two": "revoked",
        "three": "expired",
        "five": "open",
        "child": "revoked",
        "grandchild": "revoked",
        jti_of("unseen"): "revoked",
        jti_of("foreign"): "accepted",
    }
    assert records[ONE] == {
        "jti": ONE,
        "name": "a guest",
        "state": "accepted",
        "issuer": "cluster-a",
        "chain": [],
        "claims": json.loads(claims_of("one")),
        "expires_at": "2026-11-19T11:06:40Z",
        "issued_at": STAMP.at,
        "issued_by": STAMP.by,
        "accepted": {
            "username": "bob",
            "subject": "b@x",
            "uid": life.ledger.person("lab", "bob").uid,
            "state": ACTIVE,
            "key": KEY,
            "at": STAMP.at,
            "by": STAMP.by,
        },
        "revoked": None,
    }
    child = records[jti_of("child")]
    assert (child["chain"], child["revoked"]["jti"], child["revoked"]["reason"]) == ([TWO], TWO, "lost")
    assert records[jti_of("grandchild")]["chain"] == [TWO, jti_of("child")]
    assert records[jti_of("unseen")]["issued_at"] is None
    assert [record["name"] for record in invitation_records(life.ledger, "other", NOW)] == ["six"]
    with pytest.raises(IdentityError, match="has no profile 'lob'"):
        invitation_records(life.ledger, "lob", NOW)


@pytest.mark.parametrize("claims", ["{", '{"exp":"x"}', '{"exp":1e999}', '{"exp":' + "9" * 30 + "}", '{"prt":7}'])
def test_claims_that_nobody_can_read_are_no_open_door(claims: str) -> None:
    life = Life([*BASE, Invited("lab", ONE, "odd", claims, STAMP)])
    records = invitation_records(life.ledger, "lab", NOW)
    assert [record["name"] for record in records] == ["odd"]
    assert records[0]["state"] == ("open" if "999" in claims and "e" not in claims[7:] else "expired")


def test_what_is_asked_about_somebody_tells_who_invited_them(life: Life) -> None:
    life.does(accepting())
    life.does(inviting("two"))
    life.does(revoking(ONE))
    told = [event["kind"] for event in answer(life.ledger, Question(usernames=("bob",)))[0]["events"]]
    assert sorted(told) == ["invite", "redeem", "state", "uninvite", "user"]
