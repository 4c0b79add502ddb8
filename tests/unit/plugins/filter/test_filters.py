# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as Ansible sees them; what they do is tested at the functions behind them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.filter import first_choice_uid, host_accounts

FIRST_CHOICE = first_choice_uid.FilterModule().filters()["first_choice_uid"]
HOST_ACCOUNTS = host_accounts.FilterModule().filters()["host_accounts"]


def test_first_choice_uid() -> None:
    assert FIRST_CHOICE("alice", "personal-research") == 5238
    assert FIRST_CHOICE("alice", "lab-shared", band="6000-6999") == 6331
    assert FIRST_CHOICE("alice", "lab-shared", "wide") == 82043


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("Alice", "lab"), "did you mean 'alice'"),
        (("alice", "a:b"), "profile id 'a:b'"),
        ((None, "lab"), "is not text"),
        (("alice", "lab", "x"), "band 'x' is not valid"),
        (("alice", "lab", None), "band None is not valid"),
    ],
)
def test_first_choice_uid_fails_as_a_filter_does(arguments: Any, reason: str) -> None:
    with pytest.raises(AnsibleTemplatePluginError, match=reason):
        FIRST_CHOICE(*arguments)


def test_host_accounts() -> None:
    people = [{"username": "alice", "uid": 5238, "gid": 5238}]
    assert [account["home"] for account in HOST_ACCOUNTS(people, "alice", home_base="/efs/home")] == ["/efs/home/alice"]
    with pytest.raises(AnsibleTemplatePluginError, match="names 'bob', who is not in the roster"):
        HOST_ACCOUNTS(people, "bob")
