# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which account an external identity means: never another one than yesterday, and never somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import (
    DISABLED,
    RETIRED,
    Linked,
    Stamp,
    StateChanged,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._links import redirect, take_redirect_back
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Who, grant, rename, revoke
from ansible_collections.labfleet.identity.plugins.module_utils._portal._mapping import Mapping, map_user
from ansible_collections.labfleet.identity.plugins.module_utils._roster import check_subject, parse_roster
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger import ledgers
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._portal import portals

if TYPE_CHECKING:
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._model import Ledger
    from ansible_collections.labfleet.identity.plugins.module_utils._portal._token import PortalUser

STAMP = Stamp("2026-11-22T12:00:00Z", "sam@controller", "")
ANN = portals.user()
UPSTREAM = "https://portal.example 4711"


def linked(subject: str = "alice", upstream: str = UPSTREAM, profile: str = "lab") -> Event:
    return Linked(profile, subject, upstream, "", STAMP)


def lab(*more: Event) -> Ledger:
    people = (ledgers.user("alice", 5238), ledgers.user("jobs", 5700), ledgers.group("proj", 4444))
    return ledgers.ledger_of([ledgers.profile(), *people, *more])


def merged(ledger: Ledger, *pairs: tuple[str, str]) -> Ledger:
    """Each first one stands for the second one from now on."""
    for one, other in pairs:
        ledger = ledgers.ledger_of(
            [*ledger.events, *redirect(ledger, "lab", Who(one), "lab", Who(other), "", STAMP).events]
        )
    return ledger


def mapped(ledger: Ledger, mapping: str, user: PortalUser = ANN, username: str = "", profile: str = "lab") -> Mapping:
    return map_user(ledger, profile, user, mapping, username, ledgers.NOW, STAMP)


def refused(ledger: Ledger, mapping: str, user: PortalUser = ANN, username: str = "", profile: str = "lab") -> str:
    with pytest.raises(IdentityError) as refusal:
        mapped(ledger, mapping, user, username, profile)
    return str(refusal.value)


@pytest.mark.parametrize("mapping", ["existing", "create"])
def test_a_link_is_what_counts(mapping: str) -> None:
    """Whatever name the portal proposes by now."""
    ann = portals.user(username="mallory")
    assert mapped(lab(linked()), mapping, ann, "carol") == Mapping("alice", 5238, "alice")


def test_nobody_is_met_by_chance() -> None:
    assert "Nobody in the ledger is" in refused(lab(), "existing", portals.user(username="alice"))
    assert "Nobody in the ledger is" in refused(lab(), "existing", ANN, "alice")


def test_the_same_subject_of_another_portal_is_nobody() -> None:
    assert "Nobody in the ledger is" in refused(lab(linked()), "existing", portals.user(issuer=portals.OTHER))


def test_number_and_link_come_together() -> None:
    found = mapped(lab(), "create")
    assert (found.account, found.shared) == ("ann", False)
    assert [type(event).__name__ for event in found.events] == ["UserIssued", "Linked"]
    ledger = ledgers.ledger_of([*lab().events, *found.events])
    person = ledger.person("lab", "ann")
    assert (person.uid, person.subject) == (found.uid, found.subject)
    assert mapped(ledger, "create") == mapped(ledger, "existing") == Mapping("ann", found.uid, found.subject)


def test_a_new_person_is_nobody_whom_a_roster_names_by_default() -> None:
    """Bob stands in the roster and has no number yet: who proposes his name must not become him."""
    found = mapped(lab(), "create", portals.user(username="bob"))
    ledger = ledgers.ledger_of([*lab().events, *found.events])
    plain = parse_roster([{"username": "alice"}, {"username": "bob"}])
    with pytest.raises(IdentityError, match=r"bob belongs to the subject 'portal:.* gives it to 'bob'"):
        allocate(ledger, Wanted("lab", plain), STAMP)
    told = parse_roster([{"username": "bob", "subject": found.subject}])
    assert allocate(ledger, Wanted("lab", told), STAMP).uids == {"bob": found.uid}


def test_a_new_subject_is_the_identity_s_alone() -> None:
    users = [ANN, portals.user("4712"), portals.user(issuer=portals.OTHER), portals.user("x" * 200)]
    subjects = [mapped(lab(), "create", user).subject for user in users]
    assert len(set(subjects)) == len(users)
    for user, subject in zip(users, subjects):
        assert check_subject(subject) == subject
        again = portals.user(user.subject, user.issuer, jti="another", username="zoe")
        assert mapped(lab(), "create", again).subject == subject


def test_a_new_subject_that_is_there_without_a_link_is_refused() -> None:
    issued = mapped(lab(), "create").events[0]
    assert "and no link: link the two" in refused(ledgers.ledger_of([*lab().events, issued]), "create")


@pytest.mark.parametrize(
    ("username", "says"),
    [
        ("root", "belongs to the system"),
        ("admin", "belongs to the system"),
        ("ubuntu", "belongs to the system"),
        ("systemd-x", "belongs to the system"),
        ("Ann", "is not valid"),
        ("a b", "is not valid"),
        ("../x", "is not valid"),
        ("\u0430nn", "is not valid"),
        ("", "proposes no username"),
        ("alice", "is or was that of alice"),
        ("proj", "is a shared group's"),
        ("ben", "is the subject of"),
        ("heidi", "which is open, proposes the name heidi"),
    ],
)
@pytest.mark.parametrize("by_the_portal", [True, False])
def test_nobody_gets_a_name_that_is_taken(username: str, says: str, by_the_portal: bool) -> None:
    user = portals.user(username=username if by_the_portal else "")
    ledger = lab(ledgers.user("benjamin", 5800, "ben"), ledgers.invited("one", inv={"username": "heidi"}))
    assert says in refused(ledger, "create", user, "" if by_the_portal else username)


def test_a_subject_that_is_called_root_is_nothing_special() -> None:
    root = portals.user("root", username="ann")
    assert mapped(lab(), "create", root).account == "ann"
    assert "Nobody in the ledger is" in refused(lab(), "existing", portals.user("alice"))


def test_a_former_name_stays_whoever_had_it() -> None:
    ledger = lab()
    renamed = rename(ledger, "lab", Who("alice"), "alison", "", STAMP)
    ledger = ledgers.ledger_of([*ledger.events, *renamed.events])
    assert "is or was that of alison" in refused(ledger, "create", portals.user(username="alice"))
    ledger = ledgers.ledger_of([*ledger.events, linked()])
    assert mapped(ledger, "existing") == Mapping("alison", 5238, "alice")


@pytest.mark.parametrize("state", [DISABLED, RETIRED])
@pytest.mark.parametrize("mapping", ["existing", "create", "shared"])
def test_who_is_kept_out_gets_in_nowhere(state: str, mapping: str) -> None:
    """Not by a shared account either."""
    ledger = lab(linked(), StateChanged("lab", "alice", 1, state, "", STAMP))
    assert f"is {state} in the ledger" in refused(ledger, mapping, ANN, "jobs")


def test_two_users_of_one_portal_never_have_one_account() -> None:
    ledger = lab(linked(), linked(upstream="https://portal.example 4712"))
    for user in (ANN, portals.user("4712")):
        assert "two users of one portal" in refused(ledger, "existing", user)


@pytest.mark.parametrize("pairs", [(("p1", "alice"), ("p2", "alice")), (("p1", "p2"), ("p2", "alice"))])
def test_two_users_of_one_portal_have_no_account_by_redirects_either(pairs: tuple[tuple[str, str], ...]) -> None:
    """Alice has no link of her own: whoever is redirected to her runs as her."""
    users = (ledgers.user("p1", 5300), ledgers.user("p2", 5301))
    other = "https://portal.example 4712"
    ledger = merged(lab(*users, linked("p1"), linked("p2", other)), *pairs)
    for user in (ANN, portals.user("4712")):
        assert "two users of one portal" in refused(ledger, "existing", user)
        assert "two users of one portal" in refused(ledger, "create", user)
        # where nobody's own account is used, nobody is taken for another
        assert mapped(ledger, "shared", user, "jobs") == Mapping("jobs", 5700, shared=True)
    back = take_redirect_back(ledger, "lab", Who("p1"), "", STAMP)
    ledger = ledgers.ledger_of([*ledger.events, *back.events])
    assert mapped(ledger, "existing", portals.user("4712")).account == "alice"


def test_one_person_may_use_two_portals_by_redirects() -> None:
    users = (ledgers.user("p1", 5300), linked("p1"), linked("alice", "https://other.example 99"))
    ledger = merged(lab(*users), ("p1", "alice"))
    other = portals.user("99", portals.OTHER)
    assert mapped(ledger, "existing") == mapped(ledger, "existing", other) == Mapping("alice", 5238, "alice")


def test_one_person_may_use_two_portals() -> None:
    ledger = lab(linked(), linked(upstream="https://other.example 99"))
    other = portals.user("99", portals.OTHER)
    assert mapped(ledger, "existing") == mapped(ledger, "existing", other) == Mapping("alice", 5238, "alice")


def test_a_shared_account_is_nobodys_own() -> None:
    assert mapped(lab(), "shared", ANN, "jobs") == Mapping("jobs", 5700, shared=True)
    assert mapped(lab(linked()), "shared", ANN, "jobs") == Mapping("jobs", 5700, shared=True)
    assert "so it is one person's account" in refused(lab(linked()), "shared", portals.user("5"), "alice")
    assert "Which account is shared" in refused(lab(), "shared")
    assert "nobody with the username 'nobody-here'" in refused(lab(), "shared", ANN, "nobody-here")


def test_an_account_that_somebody_is_redirected_to_is_not_shared() -> None:
    ledger = merged(lab(ledgers.user("p1", 5300), linked("p1")), ("p1", "jobs"))
    assert mapped(ledger, "existing").account == "jobs"
    assert "so it is one person's account" in refused(ledger, "shared", portals.user("5"), "jobs")


def test_a_shared_account_that_is_closed_stays_so() -> None:
    ledger = lab(StateChanged("lab", "jobs", 1, DISABLED, "", STAMP))
    assert "is disabled in the ledger" in refused(ledger, "shared", ANN, "jobs")


def test_guests_run_where_they_are_let_in() -> None:
    other = (ledgers.profile("other", "6000-6999"), ledgers.user("jobs", 6001, name="other"))
    ledger = ledgers.ledger_of([*lab(linked()).events, *other])
    assert "is not let into the profile other" in refused(ledger, "existing", profile="other")
    shared = Mapping("jobs", 6001, shared=True)
    # like a stranger of whom the ledger knows nothing
    assert mapped(ledger, "shared", ANN, "jobs", "other") == shared
    granted = grant(ledger, "lab", Who("alice"), "other", True, "", STAMP)
    ledger = ledgers.ledger_of([*ledger.events, *granted.events])
    found = mapped(ledger, "existing", profile="other")
    assert found.account == "alice"
    assert 6000 <= found.uid <= 6999
    assert mapped(ledger, "shared", ANN, "jobs", "other") == shared
    taken_back = revoke(ledger, "lab", Who("alice"), "other", "", STAMP)
    ledger = ledgers.ledger_of([*ledger.events, *taken_back.events])
    assert "is not let into the profile other" in refused(ledger, "existing", profile="other")
    assert "was taken back" in refused(ledger, "shared", ANN, "jobs", "other")
    assert mapped(ledger, "shared", portals.user("8"), "jobs", "other") == shared
    assert "is that of the guest 'alice' of the profile lab" in refused(
        ledger, "create", portals.user("8", username="alice"), profile="other"
    )
    # nor under the name of an account that stands for the same person from now on
    ledger = merged(ledgers.ledger_of([*ledger.events, ledgers.user("alison", 5300)]), ("alice", "alison"))
    assert "was taken back" in refused(ledger, "shared", ANN, "jobs", "other")
    again = grant(ledger, "lab", Who("alison"), "other", True, "", STAMP)
    ledger = ledgers.ledger_of([*ledger.events, *again.events])
    assert mapped(ledger, "shared", ANN, "jobs", "other") == shared


def test_a_profile_that_is_not_there_is_said() -> None:
    assert "has no profile 'nowhere'" in refused(lab(), "create", profile="nowhere")
