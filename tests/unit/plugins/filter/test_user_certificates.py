# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible sees it; what it does is tested at the function behind it."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleTemplatePluginError

from ansible_collections.labfleet.identity.plugins.filter import user_certificates

CERTIFICATES = user_certificates.FilterModule().filters()["user_certificates"]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4mCGgGRrZ1AUCGKTRBBWIsJVYXFALhTGHzjvlJfw4i alice@laptop"
ALICE = {"username": "alice", "uid": 5238, "gid": 5238, "public_keys": [KEY]}


def test_it_takes_what_a_playbook_gives() -> None:
    plan = CERTIFICATES([ALICE], "lab", "alice", valid_for="1h", revoked_keys=[], forbid=["pty"])
    assert [certificate["principals"] for certificate in plan["certificates"]] == [["lab:alice"]]
    assert CERTIFICATES([ALICE], "lab", revoked_keys=[KEY])["certificates"] == []


def test_it_fails_as_a_filter_does() -> None:
    with pytest.raises(AnsibleTemplatePluginError, match="names 'bob', who is not in the roster"):
        CERTIFICATES([ALICE], "lab", "bob")
