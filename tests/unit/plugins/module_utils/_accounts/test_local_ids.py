# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts in these files was seen with useradd 4.13 and adduser 3.134."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._local_ids import (
    ADDUSER_CONF,
    LOGIN_DEFS,
    pin_local_ids,
)
from ansible_collections.labfleet.identity.plugins.module_utils._uid_space import GROUP_BAND, SYSTEM_BAND, Band

LAW = settings(deadline=None)
BAND = Band(5000, 5999)
DEBIAN_LOGIN_DEFS = b"""#
# Min/max values for automatic uid selection in useradd
#
UID_MIN			 1000
UID_MAX			60000
# System accounts
#SYS_UID_MIN		  100
#SYS_UID_MAX		  999
# Extra per user uids
SUB_UID_MIN		   100000
SUB_UID_MAX		600100000
SUB_UID_COUNT		    65536

#
# Min/max values for automatic gid selection in groupadd
#
GID_MIN			 1000
GID_MAX			60000
"""
RED_HAT_LOGIN_DEFS = b"""# Min/max values for automatic uid selection in useradd(8)
#
UID_MIN                  1000
UID_MAX                 60000
# System accounts
SYS_UID_MIN               201
SYS_UID_MAX               999

GID_MIN                  1000
GID_MAX                 60000
SYS_GID_MIN               201
"""
DEBIAN_11_ADDUSER = b"""# FIRST_[GU]ID to LAST_[GU]ID inclusive is the range of UIDs of dynamically
# allocated user accounts/groups.
FIRST_UID=1000
LAST_UID=59999

FIRST_GID=1000
LAST_GID=59999
"""
DEBIAN_12_ADDUSER = b"""# Default: FIRST_SYSTEM_UID=100, LAST_SYSTEM_UID=999
#FIRST_SYSTEM_UID=100
#LAST_SYSTEM_UID=999

# Default: FIRST_UID=1000, LAST_UID=59999
#FIRST_UID=1000
#LAST_UID=59999
"""


def pinned(login_defs: bytes | None, adduser_conf: bytes | None = None, band: Band = BAND) -> dict[str, bytes]:
    """The new contents; there must be a change for each line that differs, and no problem."""
    texts, changes, problems = pin_local_ids(login_defs, adduser_conf, band, GROUP_BAND)
    assert problems == []
    assert {change.name for change in changes} == set(texts)
    assert all(int(change.before) > int(change.after) for change in changes)
    return texts


@pytest.mark.parametrize(
    ("text", "uid_line", "gid_line"),
    [
        (DEBIAN_LOGIN_DEFS, b"UID_MAX			60000", b"GID_MAX			60000"),
        (RED_HAT_LOGIN_DEFS, b"UID_MAX                 60000", b"GID_MAX                 60000"),
    ],
)
def test_the_ends_of_the_local_numbers_are_lowered_in_place(text: bytes, uid_line: bytes, gid_line: bytes) -> None:
    expected = text.replace(uid_line, b"UID_MAX\t\t\t4999").replace(gid_line, b"GID_MAX\t\t\t3999")
    assert expected != text
    assert pinned(text) == {LOGIN_DEFS: expected}
    assert pinned(expected) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEBIAN_11_ADDUSER, DEBIAN_11_ADDUSER.replace(b"T_UID=59999", b"T_UID=4999").replace(b"59999", b"3999")),
        (DEBIAN_12_ADDUSER, DEBIAN_12_ADDUSER + b"LAST_UID=4999\nLAST_GID=3999\n"),
        (b"", b"LAST_UID=4999\nLAST_GID=3999\n"),
        (b"DSHELL=/bin/bash", b"DSHELL=/bin/bash\nLAST_UID=4999\nLAST_GID=3999\n"),
    ],
)
def test_adduser_is_lowered_in_place_or_at_the_end(text: bytes, expected: bytes) -> None:
    low = pinned(DEBIAN_LOGIN_DEFS)[LOGIN_DEFS]
    assert pinned(low, text) == {ADDUSER_CONF: expected}
    assert pinned(low, expected) == {}


@pytest.mark.parametrize(
    "lines",
    [
        "UID_MAX 4999",
        "UID_MAX\t4999",
        "\t UID_MAX 4999\r",
        'UID_MAX "4999"',
        "UID_MAX 0x1387",
        "UID_MAX 0X1387",
        "UID_MAX 011607",
        "UID_MAX 60000\nUID_MAX 4999",
        "UID_MAX 2000",
        "UID_MAX 4000\n#UID_MAX 60000\nSYS_UID_MAX 60000\nUID_MAXIMUM 60000\nuid_max 60000",
    ],
)
def test_an_end_that_is_low_enough_is_let_be(lines: str) -> None:
    assert pinned(("GID_MAX 3999\n" + lines + "\n").encode()) == {}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("UID_MAX 5000", "UID_MAX\t\t\t4999"),
        ("UID_MAX 0x1388", "UID_MAX\t\t\t4999"),
        ("UID_MAX 4999 # below the ledger's", "UID_MAX\t\t\t4999"),
        ("UID_MAX 4999 5000", "UID_MAX\t\t\t4999"),
        ("UID_MAX 4_999", "UID_MAX\t\t\t4999"),
        ("UID_MAX 08", "UID_MAX\t\t\t4999"),
        ("UID_MAX -1", "UID_MAX\t\t\t4999"),
        ("UID_MAX \u0664\u0669\u0669\u0669", "UID_MAX\t\t\t4999"),
        ("UID_MAX many", "UID_MAX\t\t\t4999"),
        ("UID_MAX", "UID_MAX\t\t\t4999"),
        ("UID_MAX=4999", "UID_MAX\t\t\t4999"),
        ("UID_MAX " + "9" * 5000, "UID_MAX\t\t\t4999"),
        ("UID_MAX 4999\nUMASK 022\nUID_MAX 60000\nUSERDEL_CMD x", "UMASK 022\nUID_MAX\t\t\t4999\nUSERDEL_CMD x"),
        ("# UID_MAX 4999", "# UID_MAX 4999\nUID_MAX\t\t\t4999"),
    ],
)
def test_an_end_that_shadow_reads_as_too_high_is_lowered(lines: str, expected: str) -> None:
    head = "GID_MAX 3999\n"
    assert pinned((head + lines + "\n").encode()) == {LOGIN_DEFS: (head + expected + "\n").encode()}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("LAST_UID = 4999", None),
        ("  LAST_UID='4999'\r", None),
        ('LAST_UID="4999"', None),
        ("LAST_UID=04999", None),
        ("LAST_UID=4999 # below the ledger's", None),
        ("LAST_UID=59999\nlast_uid=4999", None),
        ("LAST_UID=4999\nlast_uid=59999", "LAST_UID=4999"),
        ("LAST_UID=6e4", "LAST_UID=4999"),
        ("LAST_UID=", "LAST_UID=4999"),
        ("#LAST_UID=4999", "#LAST_UID=4999\nLAST_UID=4999"),
        ("LAST_UIDS=4999", "LAST_UIDS=4999\nLAST_UID=4999"),
    ],
)
def test_adduser_reads_its_own_way(lines: str, expected: str | None) -> None:
    low = b"UID_MAX 4999\nGID_MAX 3999\n"
    texts = pinned(low, ("LAST_GID=3999\n" + lines + "\n").encode())
    assert texts == ({} if expected is None else {ADDUSER_CONF: ("LAST_GID=3999\n" + expected + "\n").encode()})


def test_a_host_without_adduser_is_not_given_its_file() -> None:
    assert set(pinned(RED_HAT_LOGIN_DEFS, None)) == {LOGIN_DEFS}


def test_bytes_that_are_no_utf8_stay() -> None:
    text = b"# L\xf6we\nUID_MAX 60000\nGID_MAX 3999\n\xff\xfe\n"
    assert pinned(text)[LOGIN_DEFS] == text.replace(b"UID_MAX 60000", b"UID_MAX\t\t\t4999")


@pytest.mark.parametrize(
    ("text", "band", "reason"),
    [
        (None, BAND, "/etc/login.defs is missing"),
        (b"UID_MIN 5000\nGID_MIN 1000\n", BAND, "has UID_MIN 5000, above 4999"),
        (b"UID_MIN 1000\nGID_MIN 5000\n", BAND, "has GID_MIN 5000, above 3999"),
        (b"UID_MIN 0x1388\n", BAND, "has UID_MIN 5000, above 4999"),
        (b"UID_MIN 100000\n", Band(65536, 99999), "has UID_MIN 100000, above 65535"),
        (b"", SYSTEM_BAND, "has UID_MIN 1000, above 999"),
    ],
)
def test_a_host_whose_local_numbers_begin_too_high_is_refused(text: bytes | None, band: Band, reason: str) -> None:
    _texts, _changes, problems = pin_local_ids(text, None, band, GROUP_BAND)
    [problem] = [problem for problem in problems if reason in problem]
    assert "restore it" in problem or "lower it (1000 is usual), or choose a band" in problem


def test_the_smallest_possible_range_is_no_problem() -> None:
    assert pin_local_ids(b"UID_MIN 4999\nGID_MIN 3999\n", None, BAND, GROUP_BAND)[2] == []


LINE = st.one_of(
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["", " ", "\t", "#"]),
        st.sampled_from(["UID_MAX", "GID_MAX", "UID_MIN", "LAST_UID", "LAST_GID", "last_gid", "UID_MAX "]),
        st.sampled_from([" ", "\t", "=", " = ", ""]),
        st.sampled_from(["0", "100", "4999", "5000", "60000", "0x10", "010", '"5000"', "'4000'", "-1", "x", "", "9e9"]),
        st.sampled_from(["", " ", "\r", " # why", " 7"]),
    ),
    st.sampled_from(["", "# comment", "UMASK 022", "\x0b", "=", "= 5", '"']),
    st.text(max_size=8).filter(lambda text: "\n" not in text),
)
FILE = st.one_of(
    st.lists(LINE, max_size=8).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    st.binary(max_size=60),
)


@settings(LAW, max_examples=300)
@given(FILE, st.one_of(st.none(), FILE), st.sampled_from([BAND, Band(6000, 6999), Band(65536, 99999)]))
def test_doing_it_again_changes_nothing_and_other_lines_stay(
    login_defs: bytes, adduser_conf: bytes | None, band: Band
) -> None:
    texts, changes, problems = pin_local_ids(login_defs, adduser_conf, band, GROUP_BAND)
    assert bool(changes) == bool(texts)
    assert all(int(change.before) > int(change.after) for change in changes)
    new = {LOGIN_DEFS: login_defs, ADDUSER_CONF: adduser_conf, **texts}
    again = pin_local_ids(new[LOGIN_DEFS], new[ADDUSER_CONF], band, GROUP_BAND)
    assert again == ({}, [], problems)
    keys = (b"UID_MAX", b"GID_MAX", b"LAST_UID", b"LAST_GID")
    for path, old in ((LOGIN_DEFS, login_defs), (ADDUSER_CONF, adduser_conf)):
        kept = [
            [line for line in (text or b"").split(b"\n") if line and not any(key in line.upper() for key in keys)]
            for text in (old, new[path])
        ]
        assert kept[0] == kept[1]
