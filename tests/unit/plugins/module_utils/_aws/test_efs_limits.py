# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What EFS would refuse is refused here, and nothing else is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._aws import _efs_limits as limits
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

# as the EFS API reference has it for RootDirectory
PATTERN = re.compile(r"(\/|(\/(?!\.)+[^$#<>;`|&?{}^*/\n]+){1,4})")


@pytest.mark.parametrize("path", ["/", "/home/alice", "/a/b/c/d", "/shared/single cell", f"/{'x' * 99}", "/hôme"])
def test_paths_that_efs_takes(path: str) -> None:
    assert limits.check_path(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is not absolute"),
        ("home", "is not absolute"),
        ("/a/b/c/d/e", "has 5 directories"),
        (f"/{'x' * 100}", "has 101 characters"),
        ("/home/", "has a slash too many"),
        ("//home", "has a slash too many"),
        ("/home/..", "begins with a dot"),
        ("/.ssh", "begins with a dot"),
        ("/home/$USER", "holds '\\$', which EFS refuses"),
        ("/a\nb", r"holds '\\n', which EFS refuses"),
        ("/a\u202eb", r"holds '\\u202e'"),
    ],
)
def test_paths_that_it_refuses(path: str, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        limits.check_path(path)


@given(st.text(st.sampled_from("/.ab$*\\\n\x7f é{"), max_size=12))
def test_no_path_passes_that_efs_would_refuse(path: str) -> None:
    try:
        limits.check_path(path)
    except IdentityError:
        return
    assert PATTERN.fullmatch(path)
    assert ".." not in path.split("/")


@pytest.mark.parametrize("value", ["700", "0700", "2770", "1777", "0000"])
def test_permissions(value: str) -> None:
    assert limits.check_permissions(value) == value.zfill(4)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0o770, "permissions 504 are no text: put them in quotes"),  # which is octal, and another mode
        (448, "no text"),
        (None, "no text"),
        ("70", "not 3 or 4 octal digits"),
        ("0o700", "not 3 or 4 octal digits"),
        ("0888", "not 3 or 4 octal digits"),
        ("\u0660\u0667\u0667\u0667", "not 3 or 4 octal digits"),
        ("0777", "would let everybody write"),
        ("2772", "would let everybody write"),
    ],
)
def test_permissions_that_are_none(value: Any, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        limits.check_permissions(value)


@pytest.mark.parametrize(
    "text",
    [
        "fs-0123456789abcdef0",
        "fs-01234567",
        "arn:aws:elasticfilesystem:eu-central-1:123456789012:file-system/fs-01234567",
        "arn:aws-cn:elasticfilesystem:cn-north-1:123456789012:file-system/fs-01234567",
    ],
)
def test_file_systems(text: str) -> None:
    assert limits.check_file_system_id(text) == text.rpartition("/")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fs-",
        "fs-0123456",
        "fs-0123456G",
        "fsap-01234567",
        "homes",
        "arn:aws:s3:::file-system/fs-01234567",
        "x:file-system/fs-01234567",
        "fs-01234567/",
        f"fs-{'0' * 41}",
    ],
)
def test_what_is_no_file_system(text: str) -> None:
    with pytest.raises(IdentityError, match=r"is neither the id of an EFS file system .* nor its ARN"):
        limits.check_file_system_id(text)


def test_access_points() -> None:
    assert limits.check_access_point_id("fsap-01234567") == "fsap-01234567"
    with pytest.raises(IdentityError, match="neither the id of an EFS access point"):
        limits.check_access_point_id("fs-01234567")


def test_tags_become_text() -> None:
    assert limits.check_tags({"cost centre": 7, "é": True, "empty": ""}) == {
        "cost centre": "7",
        "é": "True",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"": "x"}, "name that AWS refuses"),
        ({"k" * 129: "x"}, "name that AWS refuses"),
        ({"AWS:x": "x"}, "name that AWS refuses"),
        ({"a*b": "x"}, "name that AWS refuses"),
        ({"a": "v" * 257}, "which AWS refuses"),
        ({"a": "{{ x }}"}, "which AWS refuses"),
        ({"a": None}, "which is no text"),
        ({"a": ["x"]}, "which is no text"),
    ],
)
def test_tags_that_aws_refuses(tags: dict[Any, Any], reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        limits.check_tags(tags)


def test_tags_are_counted_without_those_of_aws() -> None:
    tags = {str(number): "" for number in range(50)}
    limits.check_tag_count("home-alice", {**tags, "aws:backup:source": "x"})
    with pytest.raises(IdentityError, match=r"'home-alice' would have 51 tags, and AWS allows 50"):
        limits.check_tag_count("home-alice", {**tags, "one more": ""})


@pytest.mark.parametrize("token", ["", "x" * 65, "a b", "é", "a\n"])
def test_tokens(token: str) -> None:
    assert limits.check_token("x" * 64) == "x" * 64
    with pytest.raises(IdentityError, match=r"is not 1 to 64 ASCII characters without blanks"):
        limits.check_token(token)
