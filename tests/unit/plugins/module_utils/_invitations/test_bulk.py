# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of many, and the report on each of its rows."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._invitations._bulk import (
    COLUMNS,
    Row,
    read_table,
    write_table,
)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("name,username\nheidi@uni,heidi\n", {"username": "heidi"}),
        ("name;username;groups\nheidi@uni;heidi;a b\n", {"username": "heidi", "groups": ["a", "b"]}),
        ('name,groups\nheidi@uni,"a;b, c"\n', {"groups": ["a", "b", "c"]}),
        ('name,username\r\n"heidi@uni"," heidi "\r\n', {"username": "heidi"}),
        ("username,name,role\n,heidi@uni,\n", {}),
    ],
)
def test_what_spreadsheets_write_is_read(text: str, options: dict[str, Any]) -> None:
    assert read_table(text, "class.csv") == [Row(2, "heidi@uni", options)]


def test_a_bad_row_spoils_no_other() -> None:
    rows = read_table("name,role\na,member\n,member\nb\nc,member,x\n\n" + "n" * 5000 + ",member\nd,lead\n", "class.csv")
    assert [(row.line, row.name[:8], row.refusal[:28]) for row in rows] == [
        (2, "a", ""),
        (3, "", "It has no name: write by wha"),
        (4, "b", "It has 1 cells, and the head"),
        (5, "c", "It has 3 cells, and the head"),
        (7, "nnnnnnnn", "Its name is longer than 4096"),
        (8, "d", ""),
    ]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "is empty: its first line names the columns"),
        ("username,role\nx,y\n", "has no column name, or one column twice"),
        ("name,name\nx,y\n", "has no column name, or one column twice"),
        ("name,sudo\nx,ALL\n", "has the column sudo: name each of its columns once"),
        ("name,uid\nx,0\n", "has the column uid"),
        ('name,role\nx,"member\n', "cannot be read from line"),
        ('name,role\nx,"mem"ber\n', "cannot be read from line 2"),
        ("name\n" + "x\n" * 100_001, "has more than 100000 rows"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_as_a_whole(text: str, refusal: str) -> None:
    with pytest.raises(IdentityError) as caught:
        read_table(text, "class.csv")
    assert refusal in str(caught.value).replace("'sudo'", "sudo").replace("'uid'", "uid")


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"])
def test_a_report_has_no_formula(cell: str) -> None:
    assert written(cell, ",") == [["1", f"'{cell}", "refused"]]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("x;=cmd|'/C calc'!A0", "x;'=cmd|'/C calc'!A0"),
        ("x; +1", "x;' +1"),
        ('x;"=1"', 'x;\'"=1"'),
        ("x;;@a;b", "x;;'@a;b"),
        ("x;\uff1d1", "x;'\uff1d1"),
        ("\t=1", "\ufffd=1"),
        ("x\n=1\r=1", "x\ufffd=1\ufffd=1"),
        ("\x1b[2J\u202e\x85x", "\ufffd[2J\ufffd\ufffdx"),
        ("J\xf6rg; a=b", "J\xf6rg; a=b"),
    ],
)
def test_a_report_has_no_formula_for_whoever_divides_by_semicolons(cell: str, shown: str) -> None:
    assert written(cell, ",") == [["1", shown, "refused"]]


@given(st.lists(st.text(st.sampled_from(";,=\uff1d-\"' \t\r\nx\x00"), max_size=12), min_size=1, max_size=4))
def test_no_spreadsheet_reads_a_formula(cells: list[str]) -> None:
    text = write_table([cells, cells], ["name"] * len(cells))
    assert len(text.splitlines()) == 3
    for dividers in (",", ";"):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=dividers):
            assert not [cell for cell in row if cell.lstrip().startswith(("=", "\uff1d", "-"))]


def test_an_invitation_is_written_to_the_letter() -> None:
    token = "eyJhbGciOiJFZERTQSJ9.e30-_.-AbC_-"
    assert write_table([("heidi@uni", token)], ("name", "token")) == f"name,token\nheidi@uni,{token}\n"


def written(cell: str, delimiter: str) -> list[list[str]]:
    text = write_table([(1, cell, "refused")], ("line", "name", "status"))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]


@given(st.text(max_size=200), st.booleans())
def test_whatever_is_read_is_rows_or_one_sentence(text: str, with_header: bool) -> None:
    rows, said = _read(f"name,groups\n{text}" if with_header else text)
    assert rows is not None or (said.isprintable() and said.endswith("."))
    for row in rows or ():
        assert row.refusal or (row.name and set(row.options) <= set(COLUMNS))


def _read(text: str) -> tuple[list[Row] | None, str]:
    try:
        return read_table(text, "class.csv"), ""
    except IdentityError as refusal:
        return None, str(refusal)
