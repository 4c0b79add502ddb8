# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible sees it; what it does is tested at the function behind it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleTemplatePluginError
from ansible.template import trust_as_template

from ansible_collections.labfleet.identity.plugins.filter import federated_uuid

FEDERATED_UUID = federated_uuid.FilterModule().filters()["federated_uuid"]
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "federated_uuid.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["uuid"], ids=lambda vector: str(vector["upstream"]))
def test_golden_vectors(vector: dict[str, Any]) -> None:
    assert FEDERATED_UUID(vector["upstream"], "fffff") == vector["uuid"]
    assert FEDERATED_UUID(trust_as_template(vector["upstream"]), prefix=trust_as_template("fffff")) == vector["uuid"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("", "zzzzz"), "The upstream identity '' is not one line"),
        ((None, "zzzzz"), "The upstream identity None is not one line"),
        (("alice", "ZZZZZ"), "The cluster prefix 'ZZZZZ' is not valid"),
        (("alice", 12345), "The cluster prefix 12345 is not valid"),
    ],
)
def test_it_fails_as_a_filter_does(arguments: Any, reason: str) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=reason):
        FEDERATED_UUID(*arguments)


def test_what_the_documentation_shows() -> None:
    example = federated_uuid.EXAMPLES.split("{{ ")[1].split(" }}")[0]
    assert example == "'ldap://ldap.example foo@bar.example' | labfleet.identity.federated_uuid('fffff')"
    assert FEDERATED_UUID("ldap://ldap.example foo@bar.example", "fffff") == "fffff-tpzed-c8ianeizmpbhmjc"
    assert "# fffff-tpzed-c8ianeizmpbhmjc" in federated_uuid.EXAMPLES
