# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is issued stays, whoever reads it and however much it is."""

from __future__ import annotations

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _dynamodb_segments
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.tests.dynamodb.support import (
    EVERY_SERVER,
    FULL_SERVERS,
    ONE_SERVER,
    Table,
    issue,
)
from ansible_collections.labfleet.identity.tests.servers import Fault, Scripted


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_numbers_are_there_for_everybody_who_comes_later(table: Table) -> None:
    assert open_store(table.ledger).load() is not None
    first = issue(table.ledger, ["alice", "bob"])
    assert table.users() == first
    second = issue(table.ledger, ["bob", "carol"])
    assert second["bob"] == first["bob"]
    assert table.users() == {**first, **second}
    before = table.items()
    assert issue(table.ledger, ["alice", "bob", "carol"]) == {**first, **second}
    assert table.items() == before
    assert table.head()["segments"] == {"N": "2"}
    assert table.head()["events"] == {"N": "4"}  # the profile is the first


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_one_store_reads_what_others_add(table: Table) -> None:
    store = open_store(table.ledger)
    first = issue(store, ["alice"])
    with table.through(None) as proxy:
        other = open_store(table.ledger)
        other.load()
        issue(table.ledger, ["bob"])
        before = proxy.operations["Query"]
        assert issue(other, ["carol"])["carol"] == table.users()["carol"]
        assert issue(other, ["alice", "bob", "carol"]) == table.users()
        # what it had read already was not read again
        assert proxy.operations["Query"] - before == 2
    assert table.users()["alice"] == first["alice"]


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_a_ledger_of_several_pages_is_read_to_its_end(table: Table) -> None:
    store = open_store(table.ledger)
    issued: dict[str, int] = {}
    for part in range(6):
        issued.update(issue(store, [f"{'x' * 20}{part}-{number}" for number in range(1000)], band="wide"))
    assert sum(len(segment["lines"]["S"]) for segment in table.segments()) > 1_000_000
    with table.through(Scripted({"Query": [None, Fault.CUT_RESPONSE, Fault.THROTTLED]})) as proxy:
        assert issue(table.ledger, issued) == issued
        assert proxy.operations["Query"] >= 4
    assert table.users() == issued


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_a_decision_of_many_segments_is_one_transaction(table: Table) -> None:
    names = [f"{'y' * 20}-{number}" for number in range(5000)]
    with table.through(None) as proxy:
        issued = issue(table.ledger, names, band="wide")
        assert proxy.operations["TransactWriteItems"] == 1
        assert proxy.operations["PutItem"] == 0
    assert table.users() == issued
    segments = table.segments()
    assert len(segments) > 3
    assert len({segment["commit"]["S"] for segment in segments}) == 1
    assert table.head()["segments"] == {"N": str(len(segments))}
    assert table.head()["events"] == {"N": "5001"}


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_a_decision_that_is_bigger_than_a_transaction_becomes_several(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dynamodb_segments, "LARGEST_LINES", 1000)
    names = [f"user-{number}" for number in range(200)]
    with table.through(None) as proxy:
        issued = issue(table.ledger, names)
        assert proxy.operations["TransactWriteItems"] >= 3
    assert table.users() == issued
    assert issue(table.ledger, names) == issued


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_an_arn_is_as_good_as_a_name(table: Table) -> None:
    issued = issue(table.ledger, ["alice"])
    arn = table.client.describe_table(TableName=table.name)["Table"]["TableArn"]
    store = open_store(f"dynamodb:{arn}")
    assert store.name == f"dynamodb:{arn}"
    assert issue(store, ["alice", "bob"])["alice"] == issued["alice"]


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_a_rehearsal_writes_nothing(table: Table) -> None:
    issue(table.ledger, ["alice"])
    before = table.items()
    open_store(table.ledger).rehearse()
    assert table.items() == before


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_refused_decision_changes_nothing(table: Table) -> None:
    issue(table.ledger, ["alice"])
    before = table.items()
    with pytest.raises(IdentityError, match=r"has the UID band 5000-5999 in the ledger"):
        issue(table.ledger, ["bob"], band="7000-7999")
    assert table.items() == before
