# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that talks to AWS by way of amazon.aws (private; runs on the controller)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import RefusedError
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import failure_of, way_out
from ansible_collections.labfleet.identity.plugins.module_utils._names import quoted

try:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
    from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
    from ansible_collections.amazon.aws.plugins.module_utils.tagging import compare_aws_tags
except ImportError:
    HAS_AMAZON_AWS = False
else:
    HAS_AMAZON_AWS = True

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ansible_collections.labfleet.identity.plugins.module_utils._aws._efs_requests import Send
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_errors import Failure

__all__ = ["CONNECTION", "aws_module", "compare_tags", "sender_to"]

# Credentials are those that boto3 finds: none of them is ever an option of a task.
CONNECTION: dict[str, Any] = {
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}
_RETRIES = 8
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20
# beside those that amazon.aws knows
_PASSING_CODES = ["InternalServerError", "ServiceUnavailableException", "ThrottlingException"]
# what the caller understands, and no failure
_ANSWERS = frozenset({"AccessPointAlreadyExists", "AccessPointNotFound"})
_WAYS_OUT = {
    "AccessDenied": "the account or role may not: allow elasticfilesystem:{action} on it",
    "AccessDeniedException": "the account or role may not: allow elasticfilesystem:{action} on it",
    "AccessPointLimitExceeded": (
        "the file system has as many access points as its quota allows: remove some, take another file system, or have"
        " AWS raise the quota"
    ),
    "FileSystemNotFound": "there is no such file system in {place}: correct the id, the region or the profile",
    "IncorrectFileSystemLifeCycleState": "the file system is not available yet: run again in a minute",
}


def aws_module(argument_spec: Mapping[str, Any], **options: Any) -> Any:
    """The module of amazon.aws, or a failure that says what is missing."""
    spec = {**CONNECTION, **argument_spec}
    if not HAS_AMAZON_AWS:
        AnsibleModule(spec, **options).fail_json(
            msg="This module needs the collection amazon.aws, which is not installed on the controller: run"
            " 'ansible-galaxy collection install amazon.aws'."
        )
    made: Any = AnsibleAWSModule
    return made(argument_spec=spec, default_args=False, **options)


def compare_tags(
    there: Mapping[str, str], wanted: Mapping[str, str], purge: bool
) -> tuple[Mapping[str, str], Sequence[str]]:
    """Tags to set and names to take away, as all modules of amazon.aws do it."""
    compare: Any = compare_aws_tags
    missing, extra = compare(dict(there), dict(wanted), purge)
    return missing, sorted(extra)


def sender_to(module: Any, service: str, thing: str) -> Send:
    """A function that sends one request, again while the service is busy; an error becomes a sentence."""
    again: Any = AWSRetry
    backoff = again.jittered_backoff(
        retries=_RETRIES, delay=_FIRST_PAUSE, max_delay=_LONGEST_PAUSE, catch_extra_error_codes=_PASSING_CODES
    )
    client = module.client(service, retry_decorator=backoff)

    def send(operation: str, **parameters: Any) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(client, operation)(aws_retry=True, **parameters)
        except (BotoCoreError, ClientError) as error:
            failure = failure_of(error)
            if failure.code in _ANSWERS:
                raise RefusedError(failure.code) from None
            # without its cause: what a server says about a signature can hold a part of a secret
            raise IdentityError(f"{thing}: {_reason(failure, operation, _place(client))}.") from None
        return answer

    return send


def _place(client: Any) -> str:
    endpoint = urlsplit(str(client.meta.endpoint_url))
    region = f"region {client.meta.region_name}"
    if str(endpoint.hostname).endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        return region
    port = f":{endpoint.port}" if endpoint.port else ""
    return f"{region} at {endpoint.hostname}{port}"


def _reason(failure: Failure, operation: str, place: str) -> str:
    action = "".join(word.capitalize() for word in operation.split("_"))
    known = _WAYS_OUT.get(failure.code)
    if known:
        return known.format(action=action, place=place)
    if failure.code == "BadRequest":
        return f"EFS refuses {action}: {quoted(failure.message)}"
    return way_out(failure, place, f"elasticfilesystem:{action}")
