# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps which number when a fleet is adopted: the cases a person would ask about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption import Adoption, Proposal, adopt
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_decisions import parse_decisions
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_report import (
    adoption_report,
    adoption_table,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._adoption_survey import parse_surveys
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import NumberWithheld
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._operations import Who, grant, rename
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._records import describe
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._rules import EMPTY_LEDGER
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.fleets import (
    adopted,
    host,
    people,
    proposal,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import (
    STAMP,
    issue,
    ledger_of,
    profile,
    user,
)

LAB = [profile()]
REGISTERED = "profile lab 5000-5999, groups 4000-4999"
# what the hash proposes in the band 5000-5999 of the profile lab
FIRST = issue([], ["alice", "bob", "carol"])[1].uids


def told(adoption: Adoption) -> list[str]:
    return [describe(event) for event in adoption.events]


def kinds(adoption: Adoption) -> list[str]:
    return [clash.kind for clash in adoption.verdict.clashes]


def test_whoever_has_one_number_everywhere_keeps_it() -> None:
    hosts = {
        "web1": host("alice:5300", "ubuntu:1000", homes=["alice:5300"]),
        "web2": host("alice:5300", homes=["alice:5300", "shared:0"]),
        "web3": host(homes=["alice:5300"]),
    }
    events, adoption = adopted([], proposal(hosts, people("alice", "bob")))
    assert told(adoption) == [REGISTERED, "user alice 5300"]
    assert [one.name for one in adoption.verdict.new] == ["bob"]
    report = adoption_report(adoption, EMPTY_LEDGER)
    assert report["keep"] == [{"username": "alice", "uid": 5300, "moves": [], "hosts": ["web1", "web2"]}]
    assert report["left_alone"] == 2  # root and ubuntu
    assert adopted(events, proposal(hosts, people("alice", "bob")))[1].events == ()


def test_whoever_has_no_number_to_keep_gets_another_one_and_the_ledger_notes_what_they_had() -> None:
    hosts = {
        "web1": host("alice:1001", "bob:1002", homes=["alice:1001"]),
        "web2": host("alice:1002", "bob:1001"),
        "web3": host("carol:60100"),  # systemd's
    }
    events, adoption = adopted([], proposal(hosts, people("alice", "bob", "carol")))
    assert told(adoption) == [
        REGISTERED,
        *(f"user {name} {FIRST[name]}" for name in sorted(FIRST, key=lambda name: FIRST[name])),
        f"number 1001 becomes {FIRST['alice']} (lab, subject 'alice')",
        f"number 1002 becomes {FIRST['alice']} (lab, subject 'alice')",
        f"number 1001 becomes {FIRST['bob']} (lab, subject 'bob')",
        f"number 1002 becomes {FIRST['bob']} (lab, subject 'bob')",
        f"number 60100 becomes {FIRST['carol']} (lab, subject 'carol')",
    ]
    report = adoption_report(adoption, EMPTY_LEDGER)
    assert report["renumber"][0] == {
        "username": "alice",
        "uid": FIRST["alice"],
        "hosts": ["web1", "web2"],
        "reason": "outside the band 5000-5999",
        "moves": [
            {"host": "web1", "was": 1001, "uid": FIRST["alice"]},
            {"host": "web2", "was": 1002, "uid": FIRST["alice"]},
        ],
    }
    again = adopted(events, proposal(hosts, people("alice", "bob", "carol")))[1]
    assert (told(again), kinds(again)) == ([], [])
    moves = adoption_report(again, ledger_of(events))["renumber"]
    assert [person["moves"] for person in moves] == [person["moves"] for person in report["renumber"]]


def test_a_number_that_strangers_have_is_nobodys() -> None:
    taken = FIRST["alice"]
    hosts = {
        "web1": host("mallory:5300", f"gone:{taken}", groups=["old:5301", "big:4300"]),
        "web2": host("alice:1001", homes=["left:5302:5303", "link:5304:5304:link"], numbers=[5305]),
        "web3": host("svc:999:5306", "local:4301", directory=["ldap:5307"], private=False),
    }
    events, adoption = adopted([], proposal(hosts, people("alice")))
    withheld = sorted({4300, 4301, taken, *range(5300, 5308)})
    assert told(adoption)[3:] == [f"withhold {number} (lab)" for number in withheld]
    assert adoption.numbers["user", "alice"] == taken + 1
    reasons = {event.number: event.reason for event in adoption.events if isinstance(event, NumberWithheld)}
    assert reasons[5300] == "account mallory on web1"
    assert reasons[5305] == "a line or the record of web2"
    assert set(withheld) <= ledger_of(events).numbers.keys()


def clash_cases() -> dict[str, tuple[dict[str, Any], str, list[Any], list[str]]]:
    """By name: what hosts say, the clash, the decisions that settle it, and what they bring about."""
    renumbered = f"number 5300 becomes {FIRST['bob']} (lab, subject 'bob')"
    return {
        "one number, two people, two hosts": (
            {"web1": host("alice:5300"), "web2": host("bob:5300")},
            "5300 is the number of alice on web1; bob on web2",
            [{"username": "alice", "keep": 5300}, {"username": "bob", "renumber": True}],
            ["user alice 5300", f"user bob {FIRST['bob']}", renumbered],
        ),
        "one number, two people, and neither keeps it": (
            {"web1": host("alice:5300"), "web2": host("bob:5300")},
            "5300 is the number of alice on web1; bob on web2",
            [{"uid": 5300, "withhold": True}],
            [
                f"user alice {FIRST['alice']}",
                f"user bob {FIRST['bob']}",
                f"number 5300 becomes {FIRST['alice']} (lab, subject 'alice')",
                renumbered,
            ],
        ),
        "one number, two people, one host": (
            {"web1": host("alice:5300", "bob:5300")},
            "5300 is the number of alice on web1; bob on web1",
            [{"uid": 5300, "withhold": True}],
            [f"user alice {FIRST['alice']}", f"user bob {FIRST['bob']}", "withhold 5300 (lab)"],
        ),
        "one number, a person and a stranger on one host": (
            {"web1": host("alice:5300", "mallory:5300")},
            "5300 is the number of alice on web1; mallory on web1",
            [{"username": "alice", "renumber": True}],
            # files of the two cannot be told apart, so nobody is to move all that carry the number
            [f"user alice {FIRST['alice']}", "withhold 5300 (lab)"],
        ),
        "one number, a person and a group of strangers": (
            {"web1": host("alice:5300"), "web2": host(groups=["staff2:5300"])},
            "5300 is the number of the group staff2 on web2; alice on web1",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300"],
        ),
        "the primary group of one is the number of another": (
            {"web1": host("alice:5300:5301", private=False), "web2": host("bob:5301")},
            "5301 is the number of alice on web1; bob on web2",
            [{"username": "alice", "keep": 5300}, {"username": "bob", "keep": 5301}],
            ["user alice 5300", "user bob 5301"],
        ),
        "an account of a directory has the number": (
            {"web1": host("alice:5300"), "web2": host(directory=["ldap:5300"])},
            "5300 is the number of alice on web1; ldap on web2",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300"],
        ),
        "one name, two numbers": (
            {"web1": host("alice:5300"), "web2": host("alice:5301")},
            "alice has 5300 on web1 and 5301 on web2",
            [{"username": "alice", "keep": 5301}],
            ["user alice 5301", "number 5300 becomes 5301 (lab, subject 'alice')"],
        ),
        "one name, a number in the band and one outside": (
            {"web1": host("alice:5300"), "web2": host("alice:1001")},
            "alice has 1001 on web2 and 5300 on web1",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300", "number 1001 becomes 5300 (lab, subject 'alice')"],
        ),
        "the home belongs to another number": (
            {"web1": host("alice:5300", homes=["alice:5301"])},
            "alice has 5300 on web1, but a home that belongs to 5301 (/home/alice on web1)",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300", "withhold 5301 (lab)"],
        ),
        "the home has another name and belongs to another number": (
            {"web1": host("alice:5300:5300:/home/a", homes=["a:5301"])},
            "alice has 5300 on web1, but a home that belongs to 5301 (/home/a on web1)",
            [{"username": "alice", "keep": 5301}],
            ["user alice 5301", "number 5300 becomes 5301 (lab, subject 'alice')"],
        ),
        "a home without an account": (
            {"web1": host(homes=["alice:5300"])},
            "alice has no account, but a home that belongs to 5300 (/home/alice on web1)",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300"],
        ),
        "somebody calls their home like another person": (
            {"web1": host("alice:5300", homes=["alice:5300"]), "web2": host("bob:5301", homes=["alice:5301"])},
            "alice has 5300 on web1, but a home that belongs to 5301 (/home/alice on web2)",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300", "user bob 5301"],
        ),
        "a link to the home of another": (
            {"web1": host("alice:5300", "bob:5301", homes=["alice:5301:5301:link"])},
            "the home of alice is a link that is not root's: /home/alice on web1",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300", "user bob 5301"],
        ),
        "the number owns the home of somebody who left": (
            {
                "web1": host("alice:5300", homes=["alice:5300"]),
                "efs": host(homes=["left:5300", "old.txt:5300:1:other"]),
            },
            "alice has 5300, to which /home/left on efs belongs as well",
            [{"username": "alice", "keep": 5300}],
            ["user alice 5300"],
        ),
        "two accounts with one number outside the band, on one host": (
            {"web1": host("alice:1000", "ubuntu:1000")},
            "alice and ubuntu have one number, 1000, on web1, so their files cannot be told apart",
            [{"username": "alice", "renumber": True}],
            [f"user alice {FIRST['alice']}"],
        ),
        "a second root": (
            {"web1": host("alice:0")},
            "alice and root have one number, 0, on web1, so their files cannot be told apart",
            [{"username": "alice", "renumber": True}],
            [f"user alice {FIRST['alice']}"],
        ),
    }


@pytest.mark.parametrize("name", clash_cases())
def test_a_clash_is_told_with_both_sides_and_settled_by_decisions_alone(name: str) -> None:
    hosts, text, decisions, expected = clash_cases()[name]
    roster = people(*(who for who in ("alice", "bob") if f"'{who}'" in repr(hosts)))
    adoption = adopt(EMPTY_LEDGER, proposal(hosts, roster), STAMP)
    assert [clash.text for clash in adoption.verdict.clashes] == [text]
    assert adoption.events == ()
    assert text in adoption.refusal
    # every way that is offered to one of those who wait is one, when the others go
    clash = adoption.verdict.clashes[0]
    for way in clash.settle:
        others = [{"username": name, "renumber": True} for _kind, name in clash.labels if name not in way.values()]
        tried = adopt(EMPTY_LEDGER, proposal(hosts, roster, [dict(way), *others]), STAMP)
        assert (tried.refusal, bool(tried.events)) == ("", True)

    events, adoption = adopted([], proposal(hosts, roster, decisions))
    assert adoption.refusal == ""
    assert told(adoption) == [REGISTERED, *expected]
    again = adopted(events, proposal(hosts, roster, decisions))[1]
    assert (again.events, again.refusal) == ((), "")


def test_shared_groups_keep_their_numbers_too() -> None:
    hosts = {
        "web1": host("alice:5300", groups=["genomics:4300", "stats:4301", "imaging:1500"]),
        "web2": host("alice:5300", groups=["genomics:4300", "stats:4302"]),
    }
    roster = people("alice", groups=["genomics", "stats", "imaging", "unseen"])
    adoption = adopt(EMPTY_LEDGER, proposal(hosts, roster), STAMP)
    assert [clash.text for clash in adoption.verdict.clashes] == ["the group stats has 4301 on web1 and 4302 on web2"]
    decisions = [{"group": "stats", "keep": 4302}]
    events, adoption = adopted([], proposal(hosts, roster, decisions))
    number = adoption.numbers["group", "imaging"]
    assert told(adoption) == [
        REGISTERED,
        "group genomics 4300",
        "group stats 4302",
        f"group imaging {number}",
        "user alice 5300",
        "withhold 4301 (lab)",
    ]
    assert adoption_report(adoption, EMPTY_LEDGER)["groups"] == [
        {"name": "genomics", "gid": 4300, "moves": []},
        {"name": "imaging", "gid": number, "moves": [{"host": "web1", "was": 1500, "gid": number}]},
        {"name": "stats", "gid": 4302, "moves": [{"host": "web1", "was": 4301, "gid": 4302}]},
    ]
    # what was decided once needs no decision any more
    assert (again := adopted(events, proposal(hosts, roster))[1]).events == ()
    assert again.refusal == ""


def test_whoever_is_in_the_ledger_keeps_that_number_and_drift_is_told() -> None:
    ledger = [*LAB, user("alice", 5300), user("bob", 5301)]
    hosts = {"web1": host("alice:5300", "bob:5311"), "web2": host("mallory:5300")}
    adoption = adopt(ledger_of(ledger), proposal(hosts, people("alice")), STAMP)
    assert [clash.text for clash in adoption.verdict.clashes] == [
        "5300 is the number of alice on web1; mallory on web2; alice in the ledger",
        "bob has 5301 in the ledger, but 5311 on web1",
    ]
    decisions = [{"username": "alice", "keep": 5300}, {"username": "bob", "renumber": True}]
    events, adoption = adopted(ledger, proposal(hosts, people("alice"), decisions))
    assert told(adoption) == ["number 5311 becomes 5301 (lab, subject 'bob')"]
    again = adopted(events, proposal(hosts, people("alice"), decisions[:1]))[1]
    assert (again.events, again.refusal) == ((), "")


def test_a_former_name_and_a_guest_are_people_that_the_ledger_knows() -> None:
    ledger = [*LAB, profile("home", "6000-6999"), user("alice", 5300), user("gina", 6300, name="home")]
    for change in (
        rename(ledger_of(ledger), "lab", Who("alice"), "alicia", "", STAMP),
        grant(ledger_of(ledger), "home", Who("gina"), "lab", True, "", STAMP),
    ):
        ledger = [*ledger, *change.events]
    number = ledger_of(ledger).profiles["lab"].grants["home", "gina"].uid
    hosts = {"web1": host("alice:5300", f"gina:{number}"), "web2": host("alicia:5300")}
    adoption = adopt(ledger_of(ledger), proposal(hosts, people()), STAMP)
    assert (adoption.events, adoption.refusal) == ((), "")
    drifted = adopt(ledger_of(ledger), proposal({"web1": host("gina:5444")}, people()), STAMP)
    assert kinds(drifted) == ["drift"]
    settled = adopt(
        ledger_of(ledger),
        proposal({"web1": host("gina:5444")}, people(), [{"username": "gina", "renumber": True}]),
        STAMP,
    )
    assert told(settled) == ["withhold 5444 (lab)"]


def test_a_number_that_two_people_shared_is_given_out_by_no_other_profile_either() -> None:
    ledger = [*LAB, profile("imaging", "6000-6999")]
    number = issue(ledger, ["dora"], name="imaging")[1].uids["dora"]
    hosts = {"web1": host(f"bob:{number}", f"carl:{number}")}
    decisions = [{"username": name, "renumber": True} for name in ("bob", "carl")]
    after, adoption = adopted(ledger, proposal(hosts, people("bob", "carl"), decisions))
    assert adoption.refusal == ""
    assert f"withhold {number} (imaging)" in told(adoption)
    assert issue(after, ["dora"], name="imaging")[1].uids["dora"] != number
    assert adopted(after, proposal(hosts, people("bob", "carl"), decisions))[1].events == ()


def test_who_is_to_be_gone_keeps_the_number_of_their_files() -> None:
    roster = Roster((RosterEntry("alice", "alice@uni", state="absent"),))
    adoption = adopted([], proposal({"web1": host("alice:5300")}, roster))[1]
    assert told(adoption) == [REGISTERED, "user alice 5300"]
    assert adoption.events[-1] == user("alice", 5300, "alice@uni")


def test_nothing_is_adopted_while_a_host_is_not_known_whole() -> None:
    hosts: dict[str, Any] = {
        "web1": host("alice:5300"),
        "web2": None,
        "web3": {"unreachable": True, "msg": "{{ secret }}"},
        "web4": {"failed": True, "msg": "no\nroot"},
        "web5": host(gaps=["/home: more than 5 entries"], numbers=[5305]),
    }
    adoption = adopt(EMPTY_LEDGER, proposal(hosts, people("alice")), STAMP)
    assert adoption.events == ()
    assert adoption.refusal == (
        "Nothing is adopted, because not everything is known of 4 of 5 hosts (web2: it was not surveyed; web3: it could"
        " not be reached; web4: the survey failed: no\\nroot; web5: /home: more than 5 entries): a number that is in"
        " use there could be given to somebody else; survey them again, or set incomplete if you know that they have no"
        " accounts and no homes of people."
    )
    adoption = adopt(EMPTY_LEDGER, proposal(hosts, people("alice"), incomplete=True), STAMP)
    assert told(adoption) == [REGISTERED, "user alice 5300", "withhold 5305 (lab)"]


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        ("yes", "decisions is 'yes', not a list"),
        ([{"username": "alice"}], "Decision 1 is none that there is"),
        ([{"username": "alice", "keep": "5300"}], "Decision 1 is none that there is"),
        ([{"username": "alice", "keep": True}], "Decision 1 is none that there is"),
        ([{"username": "alice", "renumber": False}], "Decision 1 is none that there is"),
        ([{"uid": 5300, "withhold": True, "because": "x"}], "Decision 1 is none that there is"),
        ([{"username": "alice", "keep": 5300}, {"username": "alice", "renumber": True}], "contradicts an earlier one"),
        ([{"username": "alice", "keep": 5300}, {"username": "bob", "keep": 5300}], "both 'alice' and 'bob' keep 5300"),
        ([{"username": "alice", "keep": 5300}, {"uid": 5300, "withhold": True}], "withhold 5300 and let 'alice'"),
        ([{"username": "{{ x }}\n", "renumber": True}], r"'{{ x }}\n', whom neither the roster"),
        ([{"group": "alice", "renumber": True}], "the group 'alice', whom neither"),
        ([{"username": "alice", "keep": 5301}], "no host has that number for them"),
        ([{"username": "alice", "keep": 1001}], "outside the band 5000-5999"),
        ([{"username": "bob", "keep": 5300}], "the ledger has 5400 for them, which stays"),
        ([{"username": "alice", "keep": 5400}], "no host has that number for them"),
        ([{"username": "alice", "keep": 5401}], "for somebody else or withholds it"),
        ([{"uid": 5400, "withhold": True}], "the ledger has it for bob"),
        ([{"uid": 9, "withhold": True}], "in no band of the profile lab"),
    ],
)
def test_a_decision_that_cannot_be_carried_out_is_refused(decisions: Any, reason: str) -> None:
    hosts = {"web1": host("alice:5300", "old:5401"), "web2": host("alice:5401"), "web3": host("alice:1001")}
    events = [*LAB, user("bob", 5400), user("dora", 5401)]
    with pytest.raises(IdentityError) as caught:
        adopt(ledger_of(events), proposal(hosts, people("alice", "bob"), decisions), STAMP)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ({}, "hosts is empty"),
        ("web1", "where the name of a host should be"),
        ([{"survey": {}}], "where the name of a host should be"),
        ([{"host": "web1"}, {"host": "web1"}], "hosts has web1 twice"),
        ({"web1": []}, "What hosts has for web1 is not what accounts_survey returns"),
        ({"web1": {"accounts": [{"name": "alice"}]}}, "(KeyError "),
        ({"web1": {"survey": {**host(), "accounts": [{"name": 1, "uid": 1, "gid": 1, "home": ""}]}}}, "text is wanted"),
        ({"web1": {"survey": {**host(), "other_numbers": [-1]}}}, "a number is wanted, not -1"),
        ({"web1": {"survey": {**host(), "other_numbers": [True]}}}, "a number is wanted, not True"),
        ({"web1": {"survey": {**host(), "other_numbers": [1 << 32]}}}, "a number is wanted"),
        ({"web1": {"survey": None}}, "What hosts has for web1"),
        ({"\x1b[31m": {"survey": None}}, r"'\x1b[31m'"),
    ],
)
def test_what_is_no_survey_is_refused(hosts: Any, reason: str) -> None:
    with pytest.raises(IdentityError) as caught:
        parse_surveys(hosts)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_hosts_say_is_shown_as_what_it_is() -> None:
    evil = "x{{ lookup('pipe', 'id') }}\x1b[2J\nroot"
    said = host("alice:5300")
    said["accounts"].append({"name": evil, "uid": 5301, "gid": 5302, "home": f"/{evil}/home"})
    said["homes"][0]["entries"] = [{"name": evil, "uid": 5303, "gid": 5303}]
    adoption = adopt(
        EMPTY_LEDGER, proposal({"web1": said, evil: host(gaps=[evil])}, people("alice"), incomplete=True), STAMP
    )
    table = adoption_table(adoption_report(adoption, EMPTY_LEDGER))
    assert all(line.isprintable() and line.isascii() for line in table)
    assert len([line for line in table if "lookup" in line]) == 5  # three numbers, a gap, a directory of homes
    assert told(adoption) == [
        REGISTERED,
        "user alice 5300",
        *(f"withhold {number} (lab)" for number in (5301, 5302, 5303)),
    ]
    assert ledger_of(adoption.events).numbers.keys() >= {5300, 5301, 5302, 5303}
    json.dumps(adoption_report(adoption, EMPTY_LEDGER))


def test_a_band_that_is_too_small_for_all_is_an_error() -> None:
    hosts = {"web1": host("alice:1001", homes=["x:5000", "y:5001"])}
    with pytest.raises(IdentityError, match="its band 5000-5001 has 0 left of 2"):
        adopt(EMPTY_LEDGER, proposal(hosts, people("alice"), band="5000-5001"), STAMP)


def test_what_needs_a_look_is_noted() -> None:
    said = host("alice:5300:5300:/data/alice", "other:6001")
    said["homes"].append({"base": "/efs/home", "state": "missing", "entries": []})
    ledger = ledger_of([*LAB, profile("two", "6000-6999")])
    adoption = adopt(ledger, proposal({"web1": said}, people("alice")), STAMP)
    assert adoption_report(adoption, ledger)["notes"] == [
        "/efs/home is missing on web1",
        "1 accounts have homes in /data, whose owners were not looked at: name it in home_bases",
        "1 numbers in the band 6000-6999 of the profile two are in use (6001): adopt the fleet for that profile too",
    ]


def test_a_large_fleet_is_adopted_in_seconds() -> None:
    uids = [number if number < 30000 else 2000 + number % 28000 for number in range(100_000)]
    entries = [{"name": f"p{number}", "uid": 65536 + uid, "gid": 100} for number, uid in enumerate(uids)]
    said = host(*(f"p{number}:{65536 + number}" for number in range(2000)))
    said["homes"][0]["entries"] = entries[:30000]
    many = {**host(), "homes": [{"base": "/home", "state": "listed", "entries": entries}]}
    roster = people(*(f"p{number}" for number in range(2000)))
    adoption = adopt(EMPTY_LEDGER, proposal({"web1": said, "web2": many}, roster, band="wide"), STAMP)
    assert kinds(adoption) == []
    assert len(adoption.events) == 1 + 2000 + 28000


def test_a_proposal_is_a_value() -> None:
    assert Proposal("lab", parse_surveys({"web1": host()})).decisions == parse_decisions([])
