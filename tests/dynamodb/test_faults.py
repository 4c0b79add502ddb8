# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens to a request on its way, a number is issued once and what was said holds."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _dynamodb_segments
from ansible_collections.labfleet.identity.tests.dynamodb.support import (
    EVERY_SERVER,
    FULL_SERVERS,
    ONE_SERVER,
    Table,
    environment,
    issue,
    settled,
)
from ansible_collections.labfleet.identity.tests.servers import Fault, Mishaps, Refusal, Request, Scripted

# alice and this name have the same first choice in the profile lab, so whoever comes second gets the next number
ALICE, RIVAL = "alice", "user-286"
TRANSACTION_CONFLICT = Refusal(400, "TransactionConflictException", "Transaction is ongoing for the item")


def check_one_segment(table: Table, issued: dict[str, int]) -> None:
    assert table.users() == issued
    assert len(table.segments()) == 1
    assert issue(table.ledger, issued) == issued


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_a_put_meets_a_mishap_again_and_again(table: Table, fault: Fault) -> None:
    with table.through(Scripted({"PutItem": [fault] * 3}), pause=0.02) as proxy:
        outcome = settled(table.ledger, [ALICE, "bob"])
        proxy.settle()
        assert proxy.counts[fault] >= 1
    # what this run issued is said to be issued by this run: the profile and two people
    assert len(outcome.decision.events) == 3
    assert set(outcome.decision.uids) == {ALICE, "bob"}
    check_one_segment(table, dict(outcome.decision.uids))


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_a_transaction_meets_a_mishap(table: Table, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dynamodb_segments, "LARGEST_LINES", 1000)
    names = [f"user-{number}" for number in range(12)]
    with table.through(Scripted({"TransactWriteItems": [fault] * 3}), pause=0.05) as proxy:
        outcome = settled(table.ledger, names)
        proxy.settle()
        assert proxy.counts[fault] >= 1
    assert len(outcome.decision.events) == 13
    issued = dict(outcome.decision.uids)
    assert table.users() == issued
    assert len({segment["commit"]["S"] for segment in table.segments()}) == 1
    assert issue(table.ledger, names) == issued


@pytest.mark.parametrize("operation", ["Query", "GetItem", "UpdateItem"])
@pytest.mark.parametrize(
    "fault", [Fault.DROP_REQUEST, Fault.CUT_RESPONSE, Fault.THROTTLED, Fault.FAILED_AFTER, Fault.UNAVAILABLE]
)
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_anything_else_meets_a_mishap(table: Table, fault: Fault, operation: str) -> None:
    first = issue(table.ledger, [ALICE])
    # the answer to the put is lost, so that the segment is read
    script = Scripted({"PutItem": [Fault.DROP_RESPONSE], operation: [fault] * 3})
    with table.through(script, pause=0.05) as proxy:
        issued = issue(table.ledger, ["bob"])
        assert proxy.counts[fault] >= 1
    assert table.users() == {**first, **issued}
    assert len(table.segments()) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        TRANSACTION_CONFLICT,
        Refusal(400, "ThrottlingException", "Rate of requests exceeds the allowed throughput."),
        Refusal(400, "RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account."),
        Refusal(500, "InternalServerError", "no"),
        Refusal(503, "ServiceUnavailable", "no"),
    ],
)
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_what_passes_is_waited_for(table: Table, refusal: Refusal) -> None:
    waiting = [refusal] * 4

    def plan(request: Request) -> Refusal | None:
        return waiting.pop() if request.operation == "PutItem" and waiting else None

    with table.through(plan):
        issued = issue(table.ledger, [ALICE])
    assert not waiting
    check_one_segment(table, issued)


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_whoever_is_second_decides_again(table: Table) -> None:
    rival: dict[str, int] = {}

    def plan(request: Request) -> None:
        if request.operation == "PutItem" and not rival:
            with environment(AWS_ENDPOINT_URL=table.url):
                rival.update(issue(table.ledger, [RIVAL]))

    issue(table.ledger, ["somebody"])
    with table.through(plan):
        issued = issue(table.ledger, [ALICE])
    assert rival[RIVAL] == 5361
    assert issued[ALICE] == 5362
    assert table.users().items() >= {**rival, **issued}.items()


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_a_transaction_that_is_second_leaves_nothing_behind(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dynamodb_segments, "LARGEST_LINES", 1000)
    rival: dict[str, int] = {}

    def plan(request: Request) -> None:
        if request.operation == "TransactWriteItems" and not rival:
            with environment(AWS_ENDPOINT_URL=table.url):
                rival.update(issue(table.ledger, [RIVAL]))

    issue(table.ledger, ["somebody"])
    names = [ALICE, *(f"user-{number}" for number in range(20))]
    with table.through(plan):
        issued = issue(table.ledger, names)
    assert issued[ALICE] == 5362
    assert table.users().items() >= {**rival, **issued}.items()
    assert len(table.users()) == 23


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_request_that_arrives_after_all_is_over_changes_nothing(table: Table) -> None:
    with table.through(Scripted({"PutItem": [Fault.LATE] * 3}), pause=60) as proxy:
        issued = issue(table.ledger, [ALICE])
        later = issue(table.ledger, ["bob"])
        before = table.items()
        proxy.settle()
    assert table.items() == before
    assert table.users() == {**issued, **later}


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_request_that_arrives_after_giving_up_is_found_by_the_next_run(table: Table) -> None:
    def plan(request: Request) -> Fault | None:
        return Fault.LATE if request.operation == "PutItem" else None

    with table.through(plan, pause=60) as proxy:
        with pytest.raises(IdentityError, match=r"not known whether the numbers of this run .*none of them counts yet"):
            issue(table.ledger, [ALICE], lock_timeout=1)
        assert table.users() == {}
        proxy.settle()
    late = table.users()
    assert issue(table.ledger, [ALICE, RIVAL])[ALICE] == late[ALICE]
    assert len(table.segments()) == 2


@pytest.mark.parametrize("fault", [Fault.DROP_REQUEST, Fault.DROP_RESPONSE, Fault.THROTTLED])
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_giving_up_says_that_nothing_counts(table: Table, fault: Fault) -> None:
    def all_but_reading(request: Request) -> Fault | None:
        return fault if request.operation == "PutItem" or (written and request.operation == "GetItem") else None

    written = False

    def plan(request: Request) -> Fault | None:
        nonlocal written
        found = all_but_reading(request)
        written = written or request.operation == "PutItem"
        return found

    with table.through(plan), pytest.raises(IdentityError, match=r"no clear answer for 1 s") as refusal:
        issue(table.ledger, [ALICE], lock_timeout=1)
    assert "run again, which finds out" in str(refusal.value)
    assert len(table.users()) == (1 if fault is Fault.DROP_RESPONSE else 0)
    assert issue(table.ledger, [ALICE]) == table.users()
    assert len(table.segments()) == 1


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_server_that_answers_too_slowly_is_given_up(table: Table) -> None:
    with table.through(lambda _request: Fault.HANG, pause=30), pytest.raises(
        IdentityError,
        match=r"could not be read: region us-east-1 at 127\.0\.0\.1:\d+ .*\(ReadTimeoutError\)",
    ):
        issue(table.ledger, [ALICE], lock_timeout=1)
    assert table.users() == {}


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_those_who_are_always_second_give_up_and_say_so(table: Table) -> None:
    rivals: list[str] = []

    def plan(request: Request) -> None:
        if request.operation == "PutItem":
            rivals.append(f"rival-{len(rivals)}")
            with environment(AWS_ENDPOINT_URL=table.url):
                issue(table.ledger, [rivals[-1]])

    with table.through(plan), pytest.raises(
        IdentityError, match=r"Others added to the ledger .* in 1 s: nothing of this"
    ):
        issue(table.ledger, [ALICE], lock_timeout=1)
    assert set(table.users()) == set(rivals)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_a_long_run_through_a_bad_network(table: Table, seed: int) -> None:
    said: dict[str, int] = {}
    with table.through(Mishaps(seed, 0.3), pause=0.05) as proxy:
        for number in range(10):
            names = [f"user-{number}", f"other-{number}"]
            said.update(issue(table.ledger, names))
        proxy.settle()
        assert sum(proxy.counts.values()) > 5
    assert table.users() == said
