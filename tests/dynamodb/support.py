# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables on test servers, and what is in them, read without the code that is tested."""

from __future__ import annotations

import functools
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

import botocore.session

from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Wanted, allocate
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import Settings, set_up
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._stamp import stamp_now
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store, settle
from ansible_collections.labfleet.identity.plugins.module_utils._roster import Roster, RosterEntry
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import parse_band
from ansible_collections.labfleet.identity.tests.servers import ACCESS_KEY, REGION, SECRET_KEY, aws_environment, proxied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._allocation import Allocation
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore, Settled
    from ansible_collections.labfleet.identity.tests.servers.faults import Plan
    from ansible_collections.labfleet.identity.tests.servers.proxy import Proxy

EVERY_SERVER = ("moto", "ministack", "dynalite")
# dynalite has no transactions, which a decision of more than one segment needs, no point-in-time recovery, no deletion
# protection, and it takes no ARN for a name.
FULL_SERVERS = ("moto", "ministack")
# What the code does before a request leaves, or after an answer came, is the same whoever answers.
ONE_SERVER = ("moto",)


@functools.lru_cache(maxsize=None)
def _client(url: str) -> Any:
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


@dataclass(frozen=True)
class Table:
    """One table of a server."""

    server: str
    url: str
    name: str

    @property
    def ledger(self) -> str:
        """The ledger in it."""
        return f"dynamodb:{self.name}"

    @property
    def client(self) -> Any:
        """A client that goes to the server straight."""
        return _client(self.url)

    @property
    def settings(self) -> Settings:
        """What the server can do of what a table should have."""
        is_full = self.server in FULL_SERVERS
        return Settings(deletion_protection=is_full, point_in_time_recovery=is_full)

    @contextmanager
    def through(self, plan: Plan | None, pause: float = 0.3) -> Iterator[Proxy]:
        """Whoever looks for AWS in this block finds the server behind a proxy."""
        with proxied(self.url, plan, pause) as proxy, environment(AWS_ENDPOINT_URL=proxy.url):
            yield proxy

    def items(self) -> list[dict[str, Any]]:
        """All items in order."""
        items: list[dict[str, Any]] = []
        for page in self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True):
            items += page["Items"]
        return sorted(items, key=lambda item: int(item["segment"]["N"]))

    def segments(self) -> list[dict[str, Any]]:
        """All items but the head."""
        return [item for item in self.items() if item["segment"]["N"] != "0"]

    def head(self) -> dict[str, Any]:
        """The head."""
        return next(item for item in self.items() if item["segment"]["N"] == "0")

    def users(self) -> dict[str, int]:
        """Who has which number; every name and every number is there once."""
        found: dict[str, int] = {}
        for segment in self.segments():
            for line in segment["lines"]["S"].split("\n"):
                event = json.loads(line)
                if event["kind"] == "user":
                    assert event["username"] not in found, f"{event['username']} twice"
                    found[event["username"]] = event["uid"]
        assert len(set(found.values())) == len(found)
        return found

    def put(self, item: dict[str, Any]) -> None:
        """Change the table behind the back of everybody."""
        self.client.put_item(TableName=self.name, Item=item)

    def remove(self, segment: int) -> None:
        """Take an item away behind the back of everybody."""
        self.client.delete_item(TableName=self.name, Key={"ledger": {"S": "ledger"}, "segment": {"N": str(segment)}})


@contextmanager
def environment(**variables: str | None) -> Iterator[None]:
    """Variables of this process for a block, without those that are None."""
    given = {name: value for name, value in variables.items() if value is not None}
    with mock.patch.dict(os.environ, given):
        for name in variables.keys() - given.keys():
            os.environ.pop(name, None)
        yield


@contextmanager
def only_server(url: str) -> Iterator[None]:
    """A block in which boto3 finds this server and nobody's account."""
    with mock.patch.dict(os.environ, aws_environment(url), clear=True):
        yield


def begin(table: Table) -> Table:
    """Make the table, and begin a ledger in it."""
    set_up(table.name, table.settings, 30, check_mode=False)
    return table


def issue(
    ledger: LedgerStore | str, usernames: Iterable[str], band: str = "", lock_timeout: float = 20
) -> dict[str, int]:
    """Numbers for these names."""
    return dict(settled(ledger, usernames, band, lock_timeout).decision.uids)


def settled(
    ledger: LedgerStore | str, usernames: Iterable[str], band: str = "", lock_timeout: float = 20
) -> Settled[Allocation]:
    """What uid_allocation would do for these names."""
    stamp = stamp_now()
    roster = Roster(tuple(RosterEntry(name, name) for name in usernames))
    wanted = Wanted("lab", roster, (), parse_band(band) if band else None)
    store = open_store(ledger, lock_timeout) if isinstance(ledger, str) else ledger
    return settle(store, lambda ledger: allocate(ledger, wanted, stamp), write=True)
