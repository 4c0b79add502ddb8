# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of DynamoDB with the credentials, region and endpoint that boto3 finds (private; runs on the controller)."""

from __future__ import annotations

import random
import string
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import (
    Verdict,
    failure_of,
    verdict_of,
    way_out,
)
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import Failure

__all__ = ["Dynamo", "RequestError", "check_table", "pause"]

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 15.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 2.0
# An endpoint to which nothing connects is more likely mistyped than down.
_PATIENCE_WITHOUT_CONNECTION = 15.0
_NAME_LENGTHS = range(3, 256)
_NAME_CHARACTERS = frozenset(f"{string.ascii_letters}{string.digits}_.-")
_CHANCE = random.SystemRandom()


def check_table(text: str) -> str:
    """Return the name or the ARN of a table, or refuse it."""
    name = text
    if text.startswith("arn:"):
        arn, _slash, name = text.partition(":table/")
        _arn, partition, service, region, account, *more = [*arn.split(":"), "", "", "", ""]
        is_arn = partition.startswith("aws") and service == "dynamodb" and account.isdigit() and more == [""] * 4
        if not is_arn or not region or not set(region) <= _NAME_CHARACTERS:
            name = ""
    if len(name) not in _NAME_LENGTHS or not set(name) <= _NAME_CHARACTERS:
        raise IdentityError(
            f"{quoted(text)} is neither the name of a table (3 to 255 letters, digits, '_', '-' and '.') nor its ARN"
            " (arn:aws:dynamodb:REGION:ACCOUNT:table/NAME): write for example dynamodb:labfleet-ledger."
        )
    return text


class RequestError(Exception):
    """A request that failed, and what that means. It stays among the files of this store."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code or failure.name)
        self.failure = failure
        self.verdict = verdict_of(failure)


class Dynamo:
    """One table of DynamoDB: requests as they are, and reads that are repeated until they succeed."""

    def __init__(self, table: str, timeout: float) -> None:
        self.table = table
        self._timeout = timeout
        self._made: Any = None
        self._answered = False

    @property
    def place(self) -> str:
        """Where requests go, for people."""
        endpoint = urlsplit(str(self._client.meta.endpoint_url))
        region = f"region {self._client.meta.region_name}"
        is_custom = not str(endpoint.hostname).endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))
        port = f":{endpoint.port}" if endpoint.port else ""
        return f"{region} at {endpoint.hostname}{port}" if is_custom else region

    def request(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Ask about the table once.

        :raises RequestError: whatever went wrong.
        """
        return self.request_as_is(operation, TableName=self.table, **parameters)

    def transact(self, writes: list[dict[str, Any]], token: str) -> None:
        """Write several items or none.

        :raises RequestError: whatever went wrong.
        """
        items = [{kind: {"TableName": self.table, **body} for kind, body in write.items()} for write in writes]
        self.request_as_is("transact_write_items", TransactItems=items, ClientRequestToken=token)

    def request_as_is(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Ask once, about whatever the parameters name.

        :raises RequestError: whatever went wrong.
        """
        call = getattr(self._client, operation)
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = call(**parameters)
        except (BotoCoreError, ClientError) as error:
            # without its cause, in which a log could show what must not be shown
            raise RequestError(failure_of(error)) from None
        self._answered = True
        return answer

    def read(self, operation: str, deadline: float, **parameters: Any) -> dict[str, Any]:
        """Ask until there is an answer.

        :raises IdentityError: when there will be none, or there was none in time.
        """
        began = time.monotonic()
        attempt = 0
        while True:
            try:
                return self.request(operation, ConsistentRead=True, **parameters)
            except RequestError as error:
                if error.verdict is not Verdict.UNSURE or not self._may_wait(error.failure, began, deadline):
                    raise self.explained(error, "read") from None
            attempt += 1
            pause(attempt)

    def _may_wait(self, failure: Failure, began: float, deadline: float) -> bool:
        now = time.monotonic()
        if "EndpointConnectionError" in failure.names and not self._answered:
            return now < min(deadline, began + _PATIENCE_WITHOUT_CONNECTION)
        return now < deadline

    def explained(self, error: RequestError, participle: str, actions: str = "") -> IdentityError:
        """The sentence about an error."""
        needed = actions or "dynamodb:GetItem, Query, PutItem and UpdateItem"
        return IdentityError(
            f"The ledger dynamodb:{self.table} could not be {participle}: {way_out(error.failure, self.place, needed)}."
        )

    @property
    def _client(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> Any:
        try:
            # boto3 is this with a second layer on top, which would cost 80 ms a run and is not needed
            import botocore.config
            import botocore.exceptions
            import botocore.session
        except ImportError:
            raise IdentityError(
                f"The ledger dynamodb:{self.table} needs the Python library boto3, which {sys.executable} does not"
                " find: install boto3 for it."
            ) from None
        config = botocore.config.Config(
            connect_timeout=min(_CONNECT_SECONDS, max(1.0, self._timeout / 3)),
            read_timeout=min(_READ_SECONDS, max(1.0, self._timeout / 3)),
            # a put must not be repeated before somebody has looked whether it was done
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra="labfleet.identity",
        )
        # the ARN of a table says where it is
        region = self.table.split(":")[3] if ":" in self.table else None
        try:
            return botocore.session.get_session().create_client("dynamodb", region_name=region, config=config)
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            failure = failure_of(error)
            raise IdentityError(
                f"The ledger dynamodb:{self.table} could not be opened: {way_out(failure, 'the endpoint', '')}."
            ) from None


def pause(attempt: int, rest: Callable[[float], object] = time.sleep) -> None:
    """Wait before the next attempt, longer each time, and not as long as others who failed at the same moment."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10))
    rest(_CHANCE.uniform(longest / 4, longest))
