# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may not, or does not know where, is told so in one sentence in which there is no secret."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import set_up
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.tests.dynamodb.support import ONE_SERVER, Table, environment, issue, settled
from ansible_collections.labfleet.identity.tests.servers import ACCESS_KEY, SECRET_KEY, Refusal, Request

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "labfleet-canary-of-a-session-token"
# what servers say about signatures and tokens can repeat them
REPEATED = f"The Canonical String should have been 'POST / x-amz-security-token:{CANARY} {SECRET_KEY}'"
REFUSALS = {
    "ExpiredTokenException": r"the credentials have expired: sign in anew",
    "UnrecognizedClientException": r"the credentials are refused: sign in anew",
    "InvalidSignatureException": r"the secret key does not fit, or the clock here is wrong",
    "IncompleteSignatureException": r"the credentials are refused",
    "MissingAuthenticationTokenException": r"the credentials are refused",
    "AccessDeniedException": r"may not use the table: allow dynamodb:GetItem, Query, PutItem and UpdateItem on it",
    "ResourceNotFoundException": r"there is no such table in region us-east-1 at 127\.0\.0\.1:\d+: correct the name",
}


@pytest.mark.parametrize("operation", ["Query", "PutItem"])
@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_refusal_is_explained_at_once(table: Table, code: str, operation: str) -> None:
    def plan(request: Request) -> Refusal | None:
        return Refusal(400, code, REPEATED) if request.operation == operation else None

    participle = {"Query": "read", "PutItem": "written"}[operation]
    told = rf"could not be {participle}: .*{REFUSALS[code]}"
    told_so = pytest.raises(IdentityError, match=told)
    with table.through(plan) as proxy, environment(AWS_SESSION_TOKEN=CANARY), told_so as refusal:
        issue(table.ledger, ["alice"])
    assert proxy.operations[operation] == 1
    check_no_secret(str(refusal.value))
    assert table.users() == {}


def check_no_secret(text: str) -> None:
    assert not any(secret in text for secret in (CANARY, SECRET_KEY, ACCESS_KEY))


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_who_may_only_read_learns_it_in_check_mode(table: Table) -> None:
    def plan(request: Request) -> Refusal | None:
        return Refusal(400, "AccessDeniedException", "no") if request.operation == "PutItem" else None

    with table.through(plan), pytest.raises(IdentityError, match=r"could not be written: .*may not use the table"):
        open_store(table.ledger).rehearse()


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_who_may_not_write_the_head_is_warned_and_has_the_numbers(table: Table) -> None:
    def plan(request: Request) -> Refusal | None:
        return Refusal(400, "AccessDeniedException", "no") if request.operation == "UpdateItem" else None

    with table.through(plan):
        outcome = settled(table.ledger, ["alice"])
    assert table.users() == outcome.decision.uids
    (warning,) = outcome.warnings
    assert re.search(r"could not be noted: .*allow dynamodb:.*UpdateItem on it\. The numbers are issued; but", warning)
    assert table.head()["segments"] == {"N": "0"}


WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "no credentials": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
        r"boto3 finds no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or sign in\.",
    ),
    "half of them": ({"AWS_SECRET_ACCESS_KEY": None}, r"a part of the credentials is missing: sign in anew"),
    "no region": (
        {"AWS_DEFAULT_REGION": None},
        r"boto3 finds no region: set AWS_REGION or AWS_DEFAULT_REGION",
    ),
    "no such profile": ({"AWS_PROFILE": "nobody"}, r"the profile that AWS_PROFILE names does not exist"),
    "no such server": (
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        r"no connection to region us-east-1 at 127\.0\.0\.1:9: correct the region or AWS_ENDPOINT_URL",
    ),
    "no address": ({"AWS_ENDPOINT_URL": "nonsense"}, r"not be opened: AWS_ENDPOINT_URL is not the URL of a server"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_what_is_set_wrong_is_said(table: Table, what: str) -> None:
    variables, told = WRONG[what]
    with environment(**variables), pytest.raises(IdentityError, match=told) as refusal:
        issue(table.ledger, ["alice"], lock_timeout=1)
    check_no_secret(str(refusal.value))
    assert str(refusal.value).startswith(f"The ledger {table.ledger} could not be ")


@pytest.mark.parametrize("table", ONE_SERVER, indirect=True)
def test_a_program_that_gives_credentials_fails_without_its_words(table: Table, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = sh -c 'echo {CANARY} >&2; exit 3'\n")
    without_keys = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    told = r"the credentials could not be had: sign in anew"
    with environment(AWS_CONFIG_FILE=str(config), **without_keys), pytest.raises(IdentityError, match=told) as refusal:
        issue(table.ledger, ["alice"])
    check_no_secret(str(refusal.value))


@pytest.mark.parametrize("no_table", ONE_SERVER, indirect=True)
def test_who_may_not_set_up_is_told_what_to_allow(no_table: Table) -> None:
    def plan(request: Request) -> Refusal | None:
        return Refusal(400, "AccessDeniedException", "no") if request.operation == "CreateTable" else None

    with no_table.through(plan), pytest.raises(IdentityError, match=r"not be set up: .*allow dynamodb:CreateTable"):
        set_up(no_table.name, no_table.settings, 5, check_mode=False)


def test_a_python_without_boto3_is_told_to_get_it() -> None:
    program = (
        "import sys; sys.modules['botocore'] = None\n"
        "from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store\n"
        "open_store('dynamodb:ledger').load()"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    assert "needs the Python library boto3, which" in last
    assert last.endswith("does not find: install boto3 for it.")


@pytest.mark.parametrize("text", ["dynamodb:", "dynamodb:ab", "dynamodb:a b c", "dynamodb:arn:aws:s3:::ledger"])
def test_a_name_that_no_table_has_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match=r"is neither the name of a table .* nor its ARN"):
        open_store(text)
