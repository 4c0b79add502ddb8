# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the table of a ledger and keep it as it should be (private; runs on the controller).

The table is described and compared with what is wanted, the first difference is done, and so on until there is none.
So an answer that got lost, or somebody who does the same at this moment, makes no difference. The head of the ledger is
put once, into a table that has nothing in it.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import (
    Dynamo,
    RequestError,
    pause,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import Verdict
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import (
    HASH_KEY,
    HEAD,
    RANGE_KEY,
    Head,
    head_item,
    item_key,
    parse_head,
    put_once,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["ON_DEMAND", "PROVISIONED", "Outcome", "Settings", "Table", "set_up"]

ON_DEMAND, PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"
_POLL = 5  # as if an attempt had failed as often: a table takes seconds to be made
_SHAPE = [(HASH_KEY, "HASH", "S"), (RANGE_KEY, "RANGE", "N")]
_ACTIONS = (
    "dynamodb:CreateTable, DescribeTable, UpdateTable, DescribeContinuousBackups, UpdateContinuousBackups,"
    " ListTagsOfResource, TagResource, GetItem, Scan and PutItem"
)
# The table is there, but busy or not everywhere yet.
_BUSY = frozenset({"ContinuousBackupsUnavailableException", "ResourceInUseException", "TableNotFoundException"})
# What a server that only resembles DynamoDB says about what it has not.
_NOT_OFFERED = frozenset({"UnknownOperationException", "InvalidAction", "NotImplemented", "UnsupportedOperation"})


@dataclass(frozen=True)
class Settings:
    """What can be said about the table of a ledger, as it is or as it should be."""

    billing_mode: str = ON_DEMAND
    read_capacity: int = 0
    write_capacity: int = 0
    deletion_protection: bool = True
    point_in_time_recovery: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table as it is: its settings, and the head of the ledger in it, None where it has none yet."""

    arn: str
    settings: Settings
    head: Head | None


@dataclass(frozen=True)
class Outcome:
    """The table before, None where there was none, and after; in check mode, as it would be."""

    before: Table | None
    after: Table


def set_up(table: str, wanted: Settings, timeout: float, check_mode: bool) -> Outcome:
    """Make what is missing, change what differs, and begin the ledger where there is none.

    :raises IdentityError: when the table is of another kind, or the server refuses.
    """
    return _SetUp(Dynamo(table, timeout), wanted, timeout).run(check_mode)


class _SetUp:
    def __init__(self, dynamo: Dynamo, wanted: Settings, timeout: float) -> None:
        self._dynamo = dynamo
        self._wanted = wanted
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout

    def run(self, check_mode: bool) -> Outcome:
        before = now = self._table()
        if check_mode:
            arn, head = (before.arn, before.head) if before else ("", None)
            return Outcome(before, Table(arn, self._settled(before), head or Head("")))
        attempt = 0
        while now is None or now.head is None or now.settings != self._settled(now):
            if time.monotonic() > self._deadline:
                raise IdentityError(
                    f"The table {self._dynamo.table} is not as it should be after {self._timeout:g} s: run this again,"
                    " or raise wait_timeout."
                )
            attempt = attempt + 1 if not self._changed(now) else 0
            pause(attempt)
            now = self._table()
        return Outcome(before, now)

    def _settled(self, now: Table | None) -> Settings:
        """What the table should be. Tags that nobody names stay."""
        return replace(self._wanted, tags={**(now.settings.tags if now else {}), **self._wanted.tags})

    def _changed(self, now: Table | None) -> bool:
        """Do away with the first difference; False when that has to be tried again."""
        try:
            if now is None:
                self._dynamo.request("create_table", **_creation(self._wanted))
            elif now.settings != self._settled(now):
                self._change(now, now.settings, self._settled(now))
            else:
                self._dynamo.request("put_item", **put_once(head_item(Head(str(uuid.uuid4())))))
        except RequestError as error:
            if error.verdict is Verdict.REFUSED and error.failure.code not in _BUSY:
                raise self._explained(error) from None
            return False
        return True

    def _change(self, now: Table, has: Settings, to: Settings) -> None:
        if _billing(has) != _billing(to):
            self._dynamo.request("update_table", **_billing(to))
        elif has.deletion_protection != to.deletion_protection:
            self._dynamo.request("update_table", DeletionProtectionEnabled=to.deletion_protection)
        elif has.point_in_time_recovery != to.point_in_time_recovery:
            enabled = {"PointInTimeRecoveryEnabled": to.point_in_time_recovery}
            self._dynamo.request("update_continuous_backups", PointInTimeRecoverySpecification=enabled)
        else:
            self._dynamo.request_as_is("tag_resource", ResourceArn=now.arn, Tags=_tag_list(self._wanted.tags))

    def _table(self) -> Table | None:
        """The table, once it can be used."""
        description = self._description()
        if description is None:
            return None
        _check_shape(self._dynamo.table, description)
        while description["TableStatus"] != "ACTIVE":
            if time.monotonic() > self._deadline or description["TableStatus"] not in ("CREATING", "UPDATING"):
                raise IdentityError(
                    f"The table {self._dynamo.table} cannot be used, because it is {description['TableStatus']}: wait"
                    " until that has ended, and run this again."
                )
            pause(_POLL)
            description = self._description() or description
        arn = str(description["TableArn"])
        billing_mode = description.get("BillingModeSummary", {}).get("BillingMode", PROVISIONED)
        capacity = description.get("ProvisionedThroughput", {}) if billing_mode == PROVISIONED else {}
        settings = Settings(
            billing_mode,
            int(capacity.get("ReadCapacityUnits", 0)),
            int(capacity.get("WriteCapacityUnits", 0)),
            bool(description.get("DeletionProtectionEnabled", False)),
            self._has_recovery(),
            self._tags(arn),
        )
        return Table(arn, settings, self._head())

    def _description(self) -> Mapping[str, Any] | None:
        answer = self._answer("describe_table", TableName=self._dynamo.table)
        return answer["Table"] if answer else None

    def _has_recovery(self) -> bool:
        answer = self._answer("describe_continuous_backups", TableName=self._dynamo.table)
        if answer is None and self._wanted.point_in_time_recovery:
            raise IdentityError(
                f"{self._dynamo.place} offers no point-in-time recovery, with which a ledger can be taken back after a"
                " mistake: write point_in_time_recovery=false if you can do without."
            )
        description = answer["ContinuousBackupsDescription"] if answer else {}
        status = description.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return bool(status == "ENABLED")

    def _tags(self, arn: str) -> dict[str, str]:
        """The tags, when any are wanted: it needs a permission of its own to see them."""
        tags: dict[str, str] = {}
        page: dict[str, Any] = {}
        while self._wanted.tags:
            answer = self._answer("list_tags_of_resource", ResourceArn=arn, **page) or {}
            tags.update((tag["Key"], tag["Value"]) for tag in answer.get("Tags", ()))
            if not answer.get("NextToken"):
                break
            page = {"NextToken": answer["NextToken"]}
        return tags

    def _head(self) -> Head | None:
        head = self._head_item()
        if head is None and self._dynamo.read("scan", self._deadline, Limit=1)["Items"]:
            # somebody else may have put it between the two readings
            head = self._head_item()
            if head is None:
                raise IdentityError(
                    f"The table {self._dynamo.table} has items, but not the head of a ledger, and stays as it is: name"
                    " another table; if it was a ledger, restore it to a moment at which it had its head."
                )
        return head

    def _head_item(self) -> Head | None:
        item = self._dynamo.read("get_item", self._deadline, Key=item_key(HEAD)).get("Item")
        try:
            return None if item is None else parse_head(item)
        except IdentityError as refusal:
            raise IdentityError(f"The table {self._dynamo.table} cannot be used: {refusal}") from refusal

    def _answer(self, operation: str, **parameters: Any) -> dict[str, Any] | None:
        """What the server says about the table, None when it has no table or no such thing."""
        attempt = 0
        while True:
            try:
                return self._dynamo.request_as_is(operation, **parameters)
            except RequestError as error:
                code = error.failure.code
                if code == "ResourceNotFoundException" and operation == "describe_table":
                    return None
                if code in _NOT_OFFERED:
                    return None
                is_passing = error.verdict is Verdict.UNSURE or code in _BUSY
                if not is_passing or time.monotonic() > self._deadline:
                    raise self._explained(error) from None
            attempt += 1
            pause(attempt)

    def _explained(self, error: RequestError) -> IdentityError:
        return self._dynamo.explained(error, "set up", _ACTIONS)


def _check_shape(table: str, description: Mapping[str, Any]) -> None:
    kinds = {entry["AttributeName"]: entry["AttributeType"] for entry in description["AttributeDefinitions"]}
    keys = [(key["AttributeName"], key["KeyType"]) for key in description["KeySchema"]]
    if [(name, role, kinds.get(name)) for name, role in keys] != _SHAPE:
        names = ", ".join(quoted(name) for name, _role in keys)
        raise IdentityError(
            f"The table {table} is there for something else (its keys: {names}) and stays as it is: name another table."
        )
    # each region lets somebody put the next item there, and of the two that are put one vanishes later
    if description.get("Replicas") and description.get("MultiRegionConsistency") != "STRONG":
        raise IdentityError(
            f"The table {table} is copied to other regions with eventual consistency, so two controllers could give one"
            " number to two people: remove its replicas, or name another table."
        )


def _creation(wanted: Settings) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, _role, kind in _SHAPE],
        "KeySchema": [{"AttributeName": name, "KeyType": role} for name, role, _kind in _SHAPE],
        **_billing(wanted),
    }
    # from its first moment on; and nothing is said of what is not wanted, which not every server knows
    if wanted.deletion_protection:
        parameters["DeletionProtectionEnabled"] = True
    if wanted.tags:
        parameters["Tags"] = _tag_list(wanted.tags)
    return parameters


def _billing(settings: Settings) -> dict[str, Any]:
    if settings.billing_mode != PROVISIONED:
        return {"BillingMode": settings.billing_mode}
    capacity = {"ReadCapacityUnits": settings.read_capacity, "WriteCapacityUnits": settings.write_capacity}
    return {"BillingMode": PROVISIONED, "ProvisionedThroughput": capacity}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
