# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is asked to run is data, and some of it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._run_as._request import Job, parse_job

GOOD: dict[str, Any] = {
    "account": "alice",
    "uid": 5238,
    "owner": "research:lab",
    "issuer": "https://portal.example",
    "subject": "4711",
    "run": "a" * 32,
    "identity": "b" * 32,
    "shared": False,
    "argv": ["id"],
    "environment": {},
    "chdir": None,
    "directories": [],
    "shared_directories": [],
    "hidden": ["/efs"],
    "timeout": 600,
    "max_output": 1024,
    "without": [],
}


def job(**more: Any) -> Job:
    return parse_job({**GOOD, **more})


@pytest.mark.parametrize(
    "argv",
    [
        ["printf", "%s", "a\nb"],
        ["ls", "-la", "--", "-x"],
        ["-x"],
        ["echo", "$HOME", "`id`", "; rm -rf /", "%i", "{{ 7 * 7 }}", "\u00e9"],
        ["/usr/bin/id", ""],
    ],
)
def test_words_are_taken_as_they_are(argv: list[str]) -> None:
    assert job(argv=argv).argv == tuple(argv)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"argv": []}, "argv names no program"),
        ({"argv": [""]}, "argv names no program"),
        ({"argv": ["id", "a\0b"]}, "argv holds a NUL"),
        ({"argv": ["id", "\udcff"]}, "which is no text"),
        ({"argv": ["bin/id"]}, "write a name, or an absolute path"),
        ({"argv": ["id", "x" * 100000]}, "argv has more than"),
        ({"argv": ["id"] * 5000}, "argv has more than"),
        ({"environment": {"A B": "1"}}, "environment has the name"),
        ({"environment": {"1A": "1"}}, "environment has the name"),
        ({"environment": {"": "1"}}, "environment has the name"),
        ({"environment": {"A=B": "1"}}, "environment has the name"),
        ({"environment": {"A": 1}}, "is not text"),
        ({"environment": {"A": "x\0"}}, "holds a NUL"),
        ({"environment": {"A": "x" * 100000}}, "environment has more than"),
        ({"environment": {"LD_PRELOAD": "/tmp/x.so"}}, "LD_PRELOAD would change how programs are loaded"),
        ({"environment": {"LD_AUDIT": "/tmp/x.so"}}, "LD_AUDIT would change how programs are loaded"),
        ({"environment": {"GLIBC_TUNABLES": "x"}}, "GLIBC_TUNABLES would change how programs are loaded"),
        ({"environment": {"HOME": "/root"}}, "HOME is given by the run"),
        ({"account": "root", "uid": 0}, "has the number 0|belongs to the system"),
        ({"account": "root"}, "belongs to the system"),
        ({"account": "alice", "uid": 0}, "has the number 0"),
        ({"account": "alice", "uid": 1000}, "has the number 1000"),
        ({"account": "alice", "uid": 4999}, "has the number 4999"),
        ({"account": "alice", "uid": 65534}, "has the number 65534"),
        ({"account": "../x"}, "is not valid"),
        ({"run": "../../etc"}, "32 digits of a hash"),
        ({"identity": "B" * 32}, "32 digits of a hash"),
        ({"issuer": "a\nb"}, "issuer is"),
        ({"subject": ""}, "subject is"),
        ({"directories": ["home/alice"]}, "write an absolute path"),
        ({"directories": ["/home/a lice"]}, "write an absolute path"),
        ({"directories": ["/home/alice:/etc"]}, "write an absolute path"),
        ({"directories": ["/home/%h"]}, "write an absolute path"),
        ({"directories": ["/home/alice/"]}, "write an absolute path"),
        ({"directories": ["/"]}, "write an absolute path"),
        ({"directories": ["/home/../etc"]}, "without . and .."),
        ({"hidden": ["efs"]}, "write an absolute path"),
        ({"chdir": "work"}, "write an absolute path"),
        ({"shared": True, "directories": ["/efs/x"]}, "sees its job directory alone"),
        ({"shared": True, "without": ["metadata"]}, "needs every protection"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": 10**9}, "timeout is"),
        ({"max_output": 10**12}, "max_output is"),
    ],
)
def test_what_cannot_be_run_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(IdentityError, match=says):
        job(**more)


def test_a_unit_is_named_after_its_token() -> None:
    assert job().unit == "labfleet-run-%s.service" % ("a" * 32)


def test_a_library_path_is_a_variable_like_others() -> None:
    assert job(environment={"LD_LIBRARY_PATH": "/opt/lib", "A": "x\ny"}).environment == (
        ("A", "x\ny"),
        ("LD_LIBRARY_PATH", "/opt/lib"),
    )
