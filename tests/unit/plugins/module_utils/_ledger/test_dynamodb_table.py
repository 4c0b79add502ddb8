# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are copied to other regions, which no server here can make."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_client import Dynamo
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_segments import Head, head_item
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._dynamodb_table import Settings, set_up

DESCRIPTION = {
    "AttributeDefinitions": [
        {"AttributeName": "ledger", "AttributeType": "S"},
        {"AttributeName": "segment", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "ledger", "KeyType": "HASH"},
        {"AttributeName": "segment", "KeyType": "RANGE"},
    ],
    "TableStatus": "ACTIVE",
    "TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/labfleet-ledger",
    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    "DeletionProtectionEnabled": True,
}
RECOVERY = {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}
REPLICAS = [{"RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE"}]


def described(monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    answers = {
        "describe_table": {"Table": {**DESCRIPTION, **more}},
        "describe_continuous_backups": {"ContinuousBackupsDescription": RECOVERY},
        "get_item": {"Item": head_item(Head("a ledger"))},
    }
    monkeypatch.setattr(Dynamo, "request_as_is", lambda _self, operation, **_parameters: answers[operation])


@pytest.mark.parametrize("more", [{}, {"MultiRegionConsistency": "EVENTUAL"}])
def test_a_table_that_two_regions_write_on_their_own_is_no_ledger(
    more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    described(monkeypatch, Replicas=REPLICAS, **more)
    with pytest.raises(IdentityError, match=r"copied to other regions .* one number to two people"):
        set_up("labfleet-ledger", Settings(), 5, check_mode=True)


@pytest.mark.parametrize("more", [{}, {"Replicas": []}, {"Replicas": REPLICAS, "MultiRegionConsistency": "STRONG"}])
def test_a_table_on_which_all_agree_is_one(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    described(monkeypatch, **more)
    outcome = set_up("labfleet-ledger", Settings(), 5, check_mode=False)
    assert outcome.before == outcome.after
