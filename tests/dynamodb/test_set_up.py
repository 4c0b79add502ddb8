# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table is made once, protected, and never taken for something that it is not."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from botocore.exceptions import ClientError

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import (
    ON_DEMAND,
    PROVISIONED,
    Outcome,
    Settings,
    set_up,
)
from ansible_collections.labfleet.identity.tests.dynamodb.support import (
    EVERY_SERVER,
    FULL_SERVERS,
    ONE_SERVER,
    Table,
    begin,
    issue,
)
from ansible_collections.labfleet.identity.tests.servers import Fault, Scripted


def made(table: Table, wanted: Settings | None = None, check_mode: bool = False) -> Outcome:
    return set_up(table.name, wanted or table.settings, 30, check_mode)


def is_there(table: Table) -> bool:
    try:
        table.client.describe_table(TableName=table.name)
    except table.client.exceptions.ResourceNotFoundException:
        return False
    return True


def has_recovery(table: Table) -> bool:
    answer = table.client.describe_continuous_backups(TableName=table.name)["ContinuousBackupsDescription"]
    return bool(answer["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED")


@pytest.mark.parametrize("no_table", FULL_SERVERS, indirect=True)
def test_a_new_table_is_protected_and_can_be_restored(no_table: Table) -> None:
    wanted = Settings(tags={"owner": "research computing"})
    predicted = made(no_table, wanted, check_mode=True)
    assert not is_there(no_table)
    outcome = made(no_table, wanted)
    assert (predicted.before, predicted.after.settings) == (outcome.before, outcome.after.settings)
    description = no_table.client.describe_table(TableName=no_table.name)["Table"]
    assert description["DeletionProtectionEnabled"] is True
    assert description["BillingModeSummary"]["BillingMode"] == ON_DEMAND
    assert has_recovery(no_table)
    tags = no_table.client.list_tags_of_resource(ResourceArn=outcome.after.arn)["Tags"]
    assert tags == [{"Key": "owner", "Value": "research computing"}]
    with pytest.raises(ClientError, match=r"ValidationException|OperationNotPermitted|ResourceInUse"):
        no_table.client.delete_table(TableName=no_table.name)
    assert is_there(no_table)
    assert no_table.users() == {}


@pytest.mark.parametrize("no_table", EVERY_SERVER, indirect=True)
def test_a_second_run_changes_nothing(no_table: Table) -> None:
    first = made(no_table)
    issue(no_table.ledger, ["alice"])
    items = no_table.items()
    with no_table.through(None) as proxy:
        assert made(no_table, check_mode=True).before == made(no_table).before == made(no_table).after
        writes = {"CreateTable", "UpdateTable", "UpdateContinuousBackups", "TagResource", "PutItem"}
        assert not writes & proxy.operations.keys()
    assert no_table.items() == items
    assert first.after.head is not None
    assert first.after.head.ledger_id == items[0]["id"]["S"]


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_what_somebody_switched_off_is_switched_on_again(table: Table) -> None:
    issued = issue(table.ledger, ["alice"])
    table.client.update_table(TableName=table.name, DeletionProtectionEnabled=False)
    off = {"PointInTimeRecoveryEnabled": False}
    table.client.update_continuous_backups(TableName=table.name, PointInTimeRecoverySpecification=off)
    capacity = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    table.client.update_table(TableName=table.name, BillingMode=PROVISIONED, ProvisionedThroughput=capacity)
    table.client.tag_resource(
        ResourceArn=made(table, check_mode=True).after.arn, Tags=[{"Key": "theirs", "Value": "stays"}]
    )
    wanted = Settings(tags={"owner": "lab"})
    predicted = made(table, wanted, check_mode=True)
    assert not has_recovery(table)
    outcome = made(table, wanted)
    assert predicted == outcome
    assert outcome.before is not None
    assert outcome.before.settings == Settings(PROVISIONED, 5, 5, False, False, {"theirs": "stays"})
    assert outcome.after.settings == Settings(tags={"theirs": "stays", "owner": "lab"})
    assert has_recovery(table)
    assert table.client.describe_table(TableName=table.name)["Table"]["DeletionProtectionEnabled"] is True
    assert table.users() == issued


@pytest.mark.parametrize("table", FULL_SERVERS, indirect=True)
def test_capacity_can_be_reserved_and_protection_given_up_on_purpose(table: Table) -> None:
    wanted = Settings(PROVISIONED, 3, 2, deletion_protection=False, point_in_time_recovery=False)
    assert made(table, wanted).after.settings == wanted
    assert made(table, wanted).before == made(table, wanted).after
    changed = dataclasses.replace(wanted, write_capacity=4)
    assert made(table, changed).after.settings == changed


@pytest.mark.parametrize("no_table", ["dynalite"], indirect=True)  # the others do have point-in-time recovery
def test_a_server_without_recovery_is_refused_unless_one_can_do_without(no_table: Table) -> None:
    wanted = dataclasses.replace(no_table.settings, point_in_time_recovery=True)
    with pytest.raises(IdentityError, match=r"offers no point-in-time recovery.*point_in_time_recovery=false if you"):
        made(no_table, wanted)
    assert made(no_table).after.head is not None


@pytest.mark.parametrize("no_table", EVERY_SERVER, indirect=True)
def test_a_table_with_other_keys_is_left_alone(no_table: Table) -> None:
    no_table.client.create_table(
        TableName=no_table.name,
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode=ON_DEMAND,
    )
    for check_mode in (True, False):
        with pytest.raises(
            IdentityError, match=r"something else \(its keys: 'LockID'\) and stays as it is: name another"
        ):
            made(no_table, check_mode=check_mode)
    assert no_table.client.scan(TableName=no_table.name)["Count"] == 0


@pytest.mark.parametrize("table", EVERY_SERVER, indirect=True)
def test_a_ledger_is_not_begun_where_one_lost_its_head(table: Table) -> None:
    issue(table.ledger, ["alice"])
    table.remove(0)
    before = table.items()
    for check_mode in (True, False):
        with pytest.raises(IdentityError, match=r"has items, but not the head of a ledger, and stays as it is"):
            made(table, check_mode=check_mode)
    assert table.items() == before


@pytest.mark.parametrize("no_table", EVERY_SERVER, indirect=True)
def test_a_ledger_is_begun_once_however_many_set_it_up(no_table: Table) -> None:
    outcomes: list[Outcome] = []
    runs = [threading.Thread(target=lambda: outcomes.append(made(no_table))) for _run in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(outcomes) == 4
    assert len({outcome.after.head.ledger_id for outcome in outcomes if outcome.after.head}) == 1
    assert [item["segment"]["N"] for item in no_table.items()] == ["0"]


@pytest.mark.parametrize(
    "fault", [Fault.DROP_REQUEST, Fault.DROP_RESPONSE, Fault.TWICE, Fault.FAILED_AFTER, Fault.THROTTLED]
)
@pytest.mark.parametrize("no_table", ONE_SERVER, indirect=True)
def test_lost_answers_do_not_matter(no_table: Table, fault: Fault) -> None:
    every = (
        "CreateTable",
        "DescribeTable",
        "UpdateContinuousBackups",
        "PutItem",
        "GetItem",
        "DescribeContinuousBackups",
    )
    script = Scripted({operation: [fault] * 3 for operation in every})
    with no_table.through(script) as proxy:
        outcome = made(no_table)
        assert proxy.counts[fault] >= len(every)
    assert outcome.after.settings == Settings()
    assert [item["segment"]["N"] for item in no_table.items()] == ["0"]


@pytest.mark.parametrize("no_table", ONE_SERVER, indirect=True)
def test_a_table_that_is_not_set_up_is_no_new_ledger(no_table: Table) -> None:
    with pytest.raises(
        IdentityError, match=r"there is no such table in region us-east-1 at 127\.0\.0\.1:\d+: .*ledger_table"
    ):
        issue(no_table.ledger, ["alice"])
    begin(no_table)
    no_table.remove(0)
    with pytest.raises(
        IdentityError, match=r"the table has no head, .*set it up with labfleet\.identity\.ledger_table"
    ):
        issue(no_table.ledger, ["alice"])
    assert no_table.items() == []
