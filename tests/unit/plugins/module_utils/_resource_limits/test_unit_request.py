# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import configparser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._unit_request import (
    OURS,
    PAM_FILE,
    check_unit,
    parse_run_time,
    unit_of,
    wanted_files,
)
from ansible_collections.labfleet.identity.plugins.module_utils._resource_limits._user_resources import user_resources

UIDS = {"ubuntu": 1000, "root": 0, "worker": 1500}


def wanted(services: dict[str, Any] | None = None, users: dict[str, Any] | None = None) -> dict[str, bytes]:
    return wanted_files(services or {}, users or {}, UIDS.get)


def settings(data: bytes) -> dict[str, dict[str, str]]:
    """A drop-in as another reader takes it."""
    reader = configparser.RawConfigParser(comment_prefixes=("#",), strict=True)
    reader.optionxform = str  # type: ignore[method-assign,assignment]
    reader.read_string(data.decode("ascii"))
    return {section: dict(reader[section]) for section in reader.sections()}


SERVICES = [
    ({"cores": 1.5, "memory": "4G"}, {"CPUQuota": "150%", "MemoryMax": "4294967296"}),
    ({"memory_soft": "3G", "tasks": 64}, {"MemoryHigh": "3221225472", "TasksMax": "64"}),
    ({"run_time": "8h"}, {"RuntimeMaxSec": "28800"}),
    ({"run_time": 90}, {"RuntimeMaxSec": "90"}),
    ({"processes": 100, "open_files": 0}, {"LimitNPROC": "100", "LimitNOFILE": "infinity"}),
    (
        {"cores": 0, "memory": 0, "tasks": 0, "run_time": 0, "processes": 0},
        {"CPUQuota": "", "MemoryMax": "infinity", "TasksMax": "infinity", "LimitNPROC": "infinity",
         "RuntimeMaxSec": "infinity"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), SERVICES, ids=[str(raw) for raw, _expected in SERVICES])
def test_a_service(raw: dict[str, Any], expected: dict[str, str]) -> None:
    files = wanted({"jupyter.service": raw})
    assert list(files) == ["systemd/system/jupyter.service.d/60-labfleet-limits.conf"]
    data = next(iter(files.values()))
    assert data.startswith(OURS)
    assert settings(data) == {"Service": expected}


def test_nothing_limited_is_no_file() -> None:
    assert wanted({"jupyter.service": {}, "a.slice": {"cores": None}}, {"ubuntu": {}}) == {}


def test_a_slice_and_a_user() -> None:
    files = wanted({"lab.slice": {"tasks": 99}}, {"worker": {"cores": 2, "sessions": 3}, "ubuntu": {"processes": 50}})
    assert settings(files["systemd/system/lab.slice.d/60-labfleet-limits.conf"]) == {"Slice": {"TasksMax": "99"}}
    assert settings(files["systemd/system/user-1500.slice.d/60-labfleet-limits.conf"]) == {
        "Slice": {"CPUQuota": "200%"}
    }
    assert files[PAM_FILE] == OURS + b"ubuntu - nproc 50\nworker - maxlogins 3\n"
    assert len(files) == 3


REFUSED = [
    ({"jupyter": {}}, {}, "no service and no slice"),
    ({"a.socket": {}}, {}, "no service and no slice"),
    ({7: {}}, {}, "no service and no slice"),
    ({"../../etc/cron.d/x.service": {}}, {}, "no name of a unit"),
    ({"a/b.service": {}}, {}, "no name of a unit"),
    ({"*.service": {}}, {}, "no name of a unit"),
    ({"a b.service": {}}, {}, "no name of a unit"),
    ({"a\n.service": {}}, {}, "no name of a unit"),
    ({"a\\x2d.service": {}}, {}, "no name of a unit"),
    ({".service": {}}, {}, "no name of a unit"),
    ({"@x.service": {}}, {}, "no name of a unit"),
    ({"\u0430.service": {}}, {}, "no name of a unit"),
    ({"a" * 250 + ".service": {}}, {}, "no name of a unit"),
    ({"ssh.service": {}}, {}, "needs this service"),
    ({"sshd@1.service": {}}, {}, "needs this service"),
    ({"ssh-.service": {}}, {}, "needs this service"),
    ({"dbus.service": {}}, {}, "needs this service"),
    ({"systemd-logind.service": {}}, {}, "needs this service"),
    ({"systemd-.service": {}}, {}, "needs this service"),
    ({"user@5238.service": {}}, {}, "needs this service"),
    ({"system.slice": {}}, {}, "what the host itself needs"),
    ({"-.slice": {}}, {}, "what the host itself needs"),
    ({"user-.slice": {}}, {}, "what the host itself needs"),
    ({"user-0.slice": {}}, {}, "say the limits under the name of the user"),
    ({"a.slice": {"run_time": 5}}, {}, "are of services"),
    ({"a.service": {"sessions": 5}}, {}, "sessions is of users"),
    ({"a.service": {"disk": "5G"}}, {}, "disk is of users"),
    ({"a.service": []}, {}, "must be a mapping"),
    ({"a.service": {"memory": "4G\nExecStartPost=/bin/sh"}}, {}, "no size"),
    ({"a.service": {"run_time": "1h\nUser=root"}}, {}, "no time"),
    ({"a.service": {"cpu": 1}}, {}, "unknown key"),
    ({}, {"root": {"tasks": 50}}, "uid 0 is not limited"),
    ({}, {"nobody-here": {"tasks": 50}}, "no such account"),
    ({}, {"../root": {"tasks": 50}}, "is not valid"),
    ({}, {"worker": {"run_time": 50}}, "run_time is nothing a user can have"),
    ({}, {"worker": {"disk": "1G"}}, "unknown key 'disk'"),
]


@pytest.mark.parametrize(("services", "users", "reason"), REFUSED)
def test_what_is_refused(services: dict[Any, Any], users: dict[str, Any], reason: str) -> None:
    with pytest.raises(IdentityError, match=r"^nothing was done: ") as refusal:
        wanted(services, users)
    assert reason in str(refusal.value)


@pytest.mark.parametrize("raw", ["", "h", "1.5h", "-1", -1, True, "1y", "8 h", "9" * 13, 10**12, "\u0664h", ["8h"]])
def test_what_is_no_time(raw: Any) -> None:
    with pytest.raises(IdentityError, match="is no time"):
        parse_run_time(raw)


@pytest.mark.parametrize(
    ("raw", "seconds"), [(None, None), (0, 0), ("0", 0), ("90s", 90), ("2d", 172800), ("1w", 604800)]
)
def test_a_time(raw: Any, seconds: int | None) -> None:
    assert parse_run_time(raw) == seconds


@given(st.text(max_size=12).map(lambda text: text + ".service"))
def test_a_unit_is_one_name_in_one_directory(unit: str) -> None:
    try:
        check_unit(unit)
    except IdentityError:
        return
    assert unit.isascii()
    assert not set(unit).intersection("/*?[]\\ \n")
    assert unit_of("systemd/system/%s.d/60-labfleet-limits.conf" % unit) == unit


def test_what_a_user_may_consume_is_parted() -> None:
    users = {
        "alice": {"cores": 2, "disk": "10G"},
        "bob": {"disk": {"soft": "1G", "files_hard": 5}},
        "carol": {"tasks": 50},
        "dora": {"disk": None},
    }
    assert user_resources(users, [{"username": "alice", "uid": 5238}]) == {
        "limits": {"alice": {"cores": 2}, "carol": {"tasks": 50}},
        "quotas": [
            {"name": "alice", "id": 5238, "hard": "10G"},
            {"name": "bob", "id": None, "soft": "1G", "files_hard": 5},
        ],
    }


@pytest.mark.parametrize(
    ("users", "reason"),
    [
        (["alice"], "must be a mapping such as"),
        ({"alice": "10G"}, "must be a mapping such as"),
        ({"alice": {"disk": {"size": 5}}}, "disk: unknown key 'size'"),
        ({"Alice": {}}, "did you mean 'alice'"),
    ],
)
def test_what_cannot_be_parted_is_refused(users: Any, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        user_resources(users, [])
