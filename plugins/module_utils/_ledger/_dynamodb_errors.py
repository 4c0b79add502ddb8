# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error of DynamoDB or of botocore means for a ledger (private, pure; runs on the controller).

It works on names and codes and needs no botocore. What a server says about a signature or where credentials come from
is never shown: it can hold a part of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Failure", "Verdict", "failure_of", "verdict_of", "way_out"]

_CONDITION = "ConditionalCheckFailed"
# It may have been done or not, and a later attempt may succeed.
_PASSING_CODES = frozenset(
    {
        "InternalServerError",
        "InternalServerErrorException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Errors of botocore after which nobody knows whether the request was heard.
_PASSING_NAMES = frozenset({"HTTPClientError", "ResponseParserError", "ResponseStreamingError", "IncompleteReadError"})
_LASTING_NAMES = frozenset({"InvalidProxiesConfigError", "ProxyConnectionError", "SSLError"})

_CREDENTIALS = "sign in anew or correct the keys where boto3 finds them (variables AWS_*, profile, role)"
_WAYS_OUT = {
    "AccessDeniedException": "the account or role may not use the table: allow {actions} on it",
    "ExpiredToken": f"the credentials have expired: {_CREDENTIALS}",
    "ExpiredTokenException": f"the credentials have expired: {_CREDENTIALS}",
    "IncompleteSignatureException": f"the credentials are refused: {_CREDENTIALS}",
    "InvalidClientTokenId": f"the credentials are refused: {_CREDENTIALS}",
    "InvalidSignatureException": f"the secret key does not fit, or the clock here is wrong: {_CREDENTIALS}",
    "MissingAuthenticationTokenException": f"the credentials are refused: {_CREDENTIALS}",
    "RequestExpired": "the clock here is wrong: set it",
    "SignatureDoesNotMatch": f"the secret key does not fit, or the clock here is wrong: {_CREDENTIALS}",
    "UnrecognizedClientException": f"the credentials are refused: {_CREDENTIALS}",
    "ResourceNotFoundException": (
        "there is no such table in {place}: correct the name, the region or the profile, or make the table with"
        " labfleet.identity.ledger_table"
    ),
    # errors of botocore, by class
    "CredentialRetrievalError": f"the credentials could not be had: {_CREDENTIALS}",
    "EndpointConnectionError": "no connection to {place}: correct the region or AWS_ENDPOINT_URL, or mend the network",
    "NoCredentialsError": "boto3 finds no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in",
    "NoRegionError": "boto3 finds no region: set AWS_REGION or AWS_DEFAULT_REGION, or name the table by its ARN",
    "PartialCredentialsError": f"a part of the credentials is missing: {_CREDENTIALS}",
    "ProfileNotFound": "the profile that AWS_PROFILE names does not exist: correct it",
    "ProxyConnectionError": "the proxy cannot be reached: correct HTTPS_PROXY or NO_PROXY",
    "SSLError": "the certificate of {place} is not trusted: correct AWS_CA_BUNDLE or AWS_ENDPOINT_URL",
    "SSOTokenLoadError": "you are not signed in: run 'aws sso login'",
    "TokenRetrievalError": "you are not signed in: run 'aws sso login'",
    "UnauthorizedSSOTokenError": "you are not signed in: run 'aws sso login'",
    "ValueError": "AWS_ENDPOINT_URL is not the URL of a server: correct it",
}


class Verdict(enum.Enum):
    """What to do after a failed request."""

    TAKEN = "a condition did not hold"
    UNSURE = "it may have been done or not"
    REFUSED = "it was not done, and will not be"


@dataclass(frozen=True)
class Failure:
    """An error without what it was made of: class names, and what a server answered."""

    names: frozenset[str]
    name: str
    code: str = ""
    message: str = ""
    status: int = 0
    reasons: Sequence[str] = ()  # why a transaction was cancelled, for each item


def failure_of(error: Exception) -> Failure:
    """The facts of an exception that botocore raised."""
    kind = error.__class__
    names = frozenset(base.__name__ for base in kind.__mro__)
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return Failure(names, kind.__name__)
    said = response.get("Error", {})
    reasons = [str(reason.get("Code", "")) for reason in response.get("CancellationReasons") or ()]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Failure(names, kind.__name__, str(said.get("Code", "")), str(said.get("Message", "")), int(status), reasons)


def verdict_of(failure: Failure) -> Verdict:
    """What a failed request means."""
    if failure.code == f"{_CONDITION}Exception" or _CONDITION in failure.reasons:
        return Verdict.TAKEN
    if failure.code == "TransactionCanceledException":
        lasting = {code for code in failure.reasons if code not in ("", "None") and code not in _PASSING_CODES}
        return Verdict.REFUSED if lasting else Verdict.UNSURE
    if failure.code:
        passing = failure.code in _PASSING_CODES or failure.status >= 500 or failure.status == 429
        return Verdict.UNSURE if passing else Verdict.REFUSED
    passing = bool(failure.names & _PASSING_NAMES) and not failure.names & _LASTING_NAMES
    return Verdict.UNSURE if passing else Verdict.REFUSED


def way_out(failure: Failure, place: str, actions: str) -> str:
    """The reason and the way out, as the end of a sentence."""
    known = next((text for name, text in _WAYS_OUT.items() if name in (failure.code, *failure.names)), "")
    if known:
        return known.format(place=place, actions=actions)
    if failure.code:
        said = f", {quoted(failure.message)}" if failure.message and failure.status < 500 else ""
        return f"{place} answers {quoted(failure.code)}{said}"
    return f"{place} cannot be used ({failure.name})"
