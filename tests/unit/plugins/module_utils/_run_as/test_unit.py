# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._run_as._account import Account
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import parse_job
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._unit import (
    properties,
    render_pam,
    variables,
)
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._run_as.test_request import GOOD

ACCOUNT = Account("alice", 5238, 5238, (5238,), "/home/alice", "/bin/bash")
WORK = "/run/labfleet-run/x"


def asked(version: int = 257, **more: Any) -> list[str]:
    job = parse_job({**GOOD, **more})
    return properties(job, ACCOUNT, ["/home/alice"], ["/home", "/root"], WORK, version)


def test_the_user_the_slice_and_pam_are_named() -> None:
    assert {"User=alice", "PAMName=labfleet-run", "Slice=user-5238.slice", "RuntimeMaxSec=600"} <= set(asked())


@pytest.mark.parametrize(
    "protection",
    [
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "PrivateTmp=yes",
        "PrivateIPC=yes",
        "PrivateDevices=yes",
        "ProtectSystem=strict",
        "ProtectProc=invisible",
        "RestrictSUIDSGID=yes",
        "RestrictNamespaces=yes",
        "KeyringMode=private",
        "KillMode=control-group",
        "UMask=0077",
        "SystemCallFilter=~@privileged @keyring",
        "IPAddressDeny=169.254.169.254/32 fd00:ec2::254/128",
        "ReadOnlyPaths=/run",
        "ReadOnlyPaths=-/run/lock",
        "BindPaths=/home/alice",
        "TemporaryFileSystem=/home:ro,mode=0755 /root:ro,mode=0755",
        "TemporaryFileSystem=/dev/shm:rw,mode=1777,size=25%,nosuid,nodev",
        "StandardInput=file:/run/labfleet-run/x/job",
    ],
)
@pytest.mark.parametrize("version", [252, 257])
def test_every_protection_is_asked_for(protection: str, version: int) -> None:
    assert protection in asked(version)


def test_processes_of_their_own_where_systemd_has_that() -> None:
    assert "PrivatePIDs=yes" in asked(257)
    assert "PrivatePIDs=yes" not in asked(252)


def test_shared_accounts_have_no_terminals() -> None:
    assert "InaccessiblePaths=/dev/pts" in asked(shared=True)
    assert "InaccessiblePaths=/dev/pts" not in asked()


def test_neither_the_command_nor_its_environment_is_a_setting() -> None:
    """Every user of a host may read what a unit was set to."""
    text = "\n".join(asked(argv=["canary-in-argv"], environment={"CANARY": "canary-in-environment"}))
    assert "canary" not in text.lower()


def test_the_environment_is_what_is_said_and_no_more() -> None:
    job = parse_job({**GOOD, "environment": {"A": "1", "PATH": "/opt/bin"}})
    assert variables(job, ACCOUNT, "/home/alice") == {
        "A": "1",
        "HOME": "/home/alice",
        "LANG": "C.UTF-8",
        "LOGNAME": "alice",
        "PATH": "/opt/bin",
        "SHELL": "/bin/sh",
        "USER": "alice",
    }


@pytest.mark.parametrize(("common", "line"), [(True, b"@include common-account"), (False, b"account include")])
def test_pam_is_asked_about_the_account_and_lets_nobody_log_in(common: bool, line: bytes) -> None:
    text = render_pam(common)
    assert line in text
    assert b"auth required pam_deny.so" in text
