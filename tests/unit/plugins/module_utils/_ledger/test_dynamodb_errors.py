# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each error means: taken, perhaps done, or refused; and what a person is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import check_table, pause
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import (
    Verdict,
    failure_of,
    verdict_of,
    way_out,
)


class HTTPClientError(Exception):
    """As botocore has it."""


class SSLError(HTTPClientError):
    """As botocore has it."""


class ReadTimeoutError(HTTPClientError):
    """As botocore has it."""


class NoCredentialsError(Exception):
    """As botocore has it."""


class ClientError(Exception):
    """As botocore has it."""

    def __init__(self, code: str, status: int = 400, message: str = "", reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.response: dict[str, Any] = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
            "CancellationReasons": [{"Code": reason} for reason in reasons],
        }


def cancelled(*reasons: str) -> ClientError:
    return ClientError("TransactionCanceledException", reasons=reasons)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ClientError("ConditionalCheckFailedException"), Verdict.TAKEN),
        (cancelled("None", "ConditionalCheckFailed"), Verdict.TAKEN),
        (cancelled("ConditionalCheckFailed", "TransactionConflict"), Verdict.TAKEN),
        (cancelled("TransactionConflict", "None"), Verdict.UNSURE),
        (cancelled("None", "ThrottlingError"), Verdict.UNSURE),
        (cancelled("ProvisionedThroughputExceeded"), Verdict.UNSURE),
        (cancelled(), Verdict.UNSURE),
        (cancelled("TransactionConflict", "ValidationError"), Verdict.REFUSED),
        (ClientError("ProvisionedThroughputExceededException"), Verdict.UNSURE),
        (ClientError("ThrottlingException"), Verdict.UNSURE),
        (ClientError("TransactionInProgressException"), Verdict.UNSURE),
        (ClientError("InternalServerError", 500), Verdict.UNSURE),
        (ClientError("503", 503), Verdict.UNSURE),
        (ClientError("SomethingNew", 500), Verdict.UNSURE),
        (ClientError("SomethingNew", 429), Verdict.UNSURE),
        (ClientError("SomethingNew"), Verdict.REFUSED),
        (ClientError("AccessDeniedException"), Verdict.REFUSED),
        (ClientError("ExpiredTokenException"), Verdict.REFUSED),
        (ClientError("IdempotentParameterMismatchException"), Verdict.REFUSED),
        (ClientError("ResourceNotFoundException"), Verdict.REFUSED),
        (ReadTimeoutError(), Verdict.UNSURE),
        (SSLError(), Verdict.REFUSED),
        (NoCredentialsError(), Verdict.REFUSED),
    ],
)
def test_an_error_means_one_thing(error: Exception, verdict: Verdict) -> None:
    assert verdict_of(failure_of(error)) is verdict


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ClientError("AccessDeniedException"), "the account or role may not use the table: allow THIS on it"),
        (ClientError("ResourceNotFoundException"), "there is no such table in HERE: correct the name"),
        (
            ClientError("Validation", 400, "Item is\nlarge"),
            "HERE answers 'Validation', 'Item is\\nlarge'",
        ),
        (ClientError("InternalServerError", 500, "words"), "HERE answers 'InternalServerError'"),
        (SSLError(), "the certificate of HERE is not trusted"),
        (ReadTimeoutError(), "HERE cannot be used (ReadTimeoutError)"),
    ],
)
def test_an_error_is_told_in_words(error: Exception, told: str) -> None:
    assert way_out(failure_of(error), "HERE", "THIS").startswith(told)


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException"])
def test_what_is_said_about_credentials_is_not_repeated(code: str) -> None:
    assert "canary" not in way_out(failure_of(ClientError(code, 403, "the canary")), "HERE", "THIS")


@pytest.mark.parametrize(
    "text",
    [
        "ledger",
        "lab_fleet-ledger.v1",
        "x" * 255,
        "arn:aws:dynamodb:eu-central-1:123456789012:table/ledger",
        "arn:aws-us-gov:dynamodb:us-gov-west-1:123456789012:table/ledger",
    ],
)
def test_the_name_or_arn_of_a_table_is_taken(text: str) -> None:
    assert check_table(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab",
        "x" * 256,
        "my ledger",
        "ledger/1",
        "lédger",
        "ledger\n",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/a b c",
        "arn:aws:dynamodb:eu-central-1:123456789012:index/ledger",
        "arn:aws:dynamodb:eu-central-1:someone:table/ledger",
        "arn:aws:dynamodb::123456789012:table/ledger",
        "arn:aws:dynamodb:eu central:123456789012:table/ledger",
        "arn:aws:s3:eu-central-1:123456789012:table/ledger",
        "arn:aws:dynamodb:eu-central-1:123456789012:more:table/ledger",
        "arn:aws:dynamodb:table/ledger",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="is neither the name of a table"):
        check_table(text)


def test_pauses_grow_and_differ_and_have_an_end() -> None:
    rested: list[float] = []
    for attempt in range(1, 60):
        pause(attempt, rested.append)
    assert len(set(rested)) == len(rested)
    assert max(rested) <= 2
    assert max(rested[:3]) < 0.2 < min(rested[8:])
