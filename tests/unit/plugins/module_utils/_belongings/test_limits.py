# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import configparser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings import WRITTEN_BY
from ansible_collections.labfleet.identity.plugins.module_utils._belongings._limits import (
    LEAST_MEMORY,
    MOST_FILES,
    Limits,
    limits_warnings,
    parse_limits,
    render_pam_limits,
    render_slice,
)
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

from .raw_data import documents, parsed, refusal

KEYS = ("cores", "memory", "memory_soft", "tasks", "processes", "open_files", "sessions", "run_time")


def slice_of(data: bytes) -> dict[str, str]:
    """A drop-in as another reader takes it."""
    reader = configparser.RawConfigParser(comment_prefixes=("#",), strict=True)
    reader.optionxform = str  # type: ignore[method-assign,assignment]
    reader.read_string(data.decode("ascii"))
    assert reader.sections() in ([], ["Slice"])
    return dict(reader["Slice"]) if reader.has_section("Slice") else {}


def pam_of(data: bytes) -> dict[str, tuple[str, str, str]]:
    """limits.conf(5): what of whom is limited, and how."""
    lines = [line.split() for line in data.decode("ascii").splitlines() if not line.startswith("#")]
    assert all(len(line) == 4 for line in lines)
    return {item: (who, kind, value) for who, kind, item, value in lines}


SLICES = [
    ({}, {}),
    ({"cores": 2}, {"CPUQuota": "200%"}),
    ({"cores": 1.5}, {"CPUQuota": "150%"}),
    ({"cores": "0.05"}, {"CPUQuota": "5%"}),
    ({"cores": 0}, {"CPUQuota": ""}),
    ({"memory": "4G"}, {"MemoryMax": "4294967296"}),
    ({"memory": "1.5g"}, {"MemoryMax": "1610612736"}),
    ({"memory": 67108864}, {"MemoryMax": "67108864"}),
    ({"memory": "0"}, {"MemoryMax": "infinity"}),
    ({"memory": "4G", "memory_soft": "3G"}, {"MemoryMax": "4294967296", "MemoryHigh": "3221225472"}),
    ({"tasks": 512}, {"TasksMax": "512"}),
    ({"tasks": 0, "processes": 100}, {"TasksMax": "infinity"}),
    ({"cores": None, "memory": None, "tasks": "64"}, {"TasksMax": "64"}),
]


@pytest.mark.parametrize(("raw", "expected"), SLICES, ids=[str(raw) for raw, _expected in SLICES])
def test_the_slice_of_a_user(raw: dict[str, Any], expected: dict[str, str]) -> None:
    data = render_slice(parse_limits(raw))
    assert slice_of(data) == expected
    assert data.startswith(WRITTEN_BY) if expected else data == b""


PAM = [
    ({}, {}),
    ({"cores": 2}, {}),
    ({"processes": 100}, {"nproc": ("alice", "-", "100")}),
    ({"open_files": 4096}, {"nofile": ("alice", "-", "4096")}),
    ({"open_files": 0}, {"nofile": ("alice", "-", str(MOST_FILES))}),
    ({"processes": 0, "sessions": 0}, {"nproc": ("alice", "-", "unlimited"), "maxlogins": ("alice", "-", "-1")}),
    ({"sessions": 1}, {"maxlogins": ("alice", "-", "1")}),
]


@pytest.mark.parametrize(("raw", "expected"), PAM, ids=[str(raw) for raw, _expected in PAM])
def test_the_lines_for_pam_limits(raw: dict[str, Any], expected: dict[str, tuple[str, str, str]]) -> None:
    data = render_pam_limits("alice", parse_limits(raw))
    assert pam_of(data) == expected
    assert data.endswith(b"\n") if expected else data == b""


REFUSED = {
    "no mapping": ([], "must be a mapping"),
    "unknown": ({"cpu": 1}, "unknown key 'cpu'"),
    "run time": ({"run_time": "8h"}, "RuntimeMaxSec= in the unit"),
    "too little to log in by": ({"memory": "10M"}, "a login alone needs"),
    "bytes meant as MB": ({"memory": 512}, "a login alone needs"),
    "negative": ({"memory": -1}, "no size"),
    "two units": ({"memory": "4GB"}, "no size"),
    "second line": ({"memory": "4G\nCPUQuota="}, "no size"),
    "percent": ({"memory": "50%"}, "no size"),
    "no number": ({"memory": "G"}, "no size"),
    "a point": ({"memory": ".G"}, "no size"),
    "other digits": ({"memory": "\u0664G"}, "no size"),
    "true": ({"memory": True}, "no size"),
    "soft above hard": ({"memory": "1G", "memory_soft": "2G"}, "memory_soft is above"),
    "no time at all": ({"cores": 0.01}, "is not between"),
    "negative cores": ({"cores": -1}, "is not between"),
    "infinite": ({"cores": float("inf")}, "is not between"),
    "not a number": ({"cores": float("nan")}, "must be a number"),
    "cores true": ({"cores": True}, "must be a number"),
    "cores text": ({"cores": "two"}, "must be a number"),
    "few tasks": ({"tasks": 8}, "is not between"),
    "few processes": ({"processes": 1}, "is not between"),
    "half a task": ({"tasks": 20.5}, "whole number"),
    "files nobody can have": ({"open_files": 2000000}, "is not between"),
    "negative sessions": ({"sessions": -1}, "is not between"),
    "digits without end": ({"tasks": "9" * 5000}, "whole number"),
    "huge": ({"memory": 10**400}, "is not between"),
    "huge cores": ({"cores": 10**400}, "is not between"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_lock_out_or_mean_nothing_is_refused(case: str) -> None:
    raw, reason = REFUSED[case]
    assert reason in refusal(parse_limits, raw)


@pytest.mark.parametrize("name", ["*", "@lab", "%lab", "1000:", "a b", "alice\nroot", ""])
def test_limits_are_for_one_user(name: str) -> None:
    with pytest.raises(IdentityError):
        render_pam_limits(name, parse_limits({"processes": 100}))


@given(st.integers(LEAST_MEMORY, 2**40), st.sampled_from((("", 1), ("K", 2**10), ("M", 2**20), ("G", 2**30))))
def test_a_size_is_the_same_in_every_unit(size: int, unit: tuple[str, int]) -> None:
    whole = size // unit[1] * unit[1]
    limits = parsed(parse_limits, {"memory": "%d%s" % (whole // unit[1], unit[0])})
    assert limits == (Limits(memory=whole) if whole == 0 or whole >= LEAST_MEMORY else None)


@given(st.one_of(documents(KEYS), st.dictionaries(st.sampled_from(KEYS), documents(KEYS), max_size=4)))
def test_only_limits_or_a_refusal_come_out_of_data(raw: Any) -> None:
    limits = parsed(parse_limits, raw)
    if limits is not None:
        assert set(slice_of(render_slice(limits))) <= {"CPUQuota", "MemoryMax", "MemoryHigh", "TasksMax"}
        lines = pam_of(render_pam_limits("alice", limits))
        assert set(lines) <= {"nproc", "nofile", "maxlogins"}
        assert {who for who, _kind, _value in lines.values()} <= {"alice"}


def test_a_limit_that_the_host_cannot_count_is_told() -> None:
    limits = parse_limits({"sessions": 3})
    [told] = limits_warnings("alice", limits, False)
    assert told.startswith("alice: limits.sessions 3 has no effect on this host")
    assert limits_warnings("alice", limits, True) == []
    assert limits_warnings("alice", parse_limits({"sessions": 0, "tasks": 99}), False) == []
