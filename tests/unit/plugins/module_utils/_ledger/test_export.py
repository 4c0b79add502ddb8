# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV that no spreadsheet runs, and files that nobody else can turn into others."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger import _export_file
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export import (
    csv_text,
    defused,
    json_text,
    run_query,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._export_file import export_file, parse_mode

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY = 65534


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("", ""),
        ("left on 2026-09-30", "left on 2026-09-30"),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        (" =1", "' =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\uff1d1", "'\uff1d1"),
        ("'=1", "''=1"),
        ("a=b", "a=b"),
    ],
)
def test_formulas_are_defused(text: str, shown: str) -> None:
    assert defused(text) == shown


@given(st.text(max_size=40))
def test_nothing_is_lost_by_that(text: str) -> None:
    shown = defused(text)
    assert (shown[1:] if shown.startswith("'") else shown) == text
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))


# a NUL, which no ledger holds, can be written as CSV but not read by every Python
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
ROWS = st.lists(
    st.fixed_dictionaries({"name": TEXTS, "uid": st.integers(0, 2**32), "why": TEXTS, "names": st.lists(TEXTS)}),
    min_size=1,
    max_size=5,
)


@given(ROWS)
def test_csv_is_read_as_it_was_written(rows: list[dict[str, Any]]) -> None:
    read = list(csv.DictReader(io.StringIO(csv_text(rows), newline=""), strict=True))
    assert len(read) == len(rows)
    for row, told in zip(read, rows):
        assert row["uid"] == str(told["uid"])
        assert row["name"] == defused(told["name"])
        assert row["why"] == defused(told["why"])
        assert json.loads(row["names"]) == told["names"]


def test_numbers_stay_numbers_and_texts_are_in_quotes() -> None:
    rows = [{"uid": 5238, "name": "alice", "until": None, "ok": True, "at": {"a": 1}}, {"=x": -1.5}]
    assert csv_text(rows) == (
        '"uid","name","until","ok","at","\'=x"\n5238,"alice","","true","{""a"": 1}",""\n"","","","","",-1.5\n'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], ""),
        (None, ""),
        (5238, '"value"\n5238\n'),
        (["alice", "=bob"], '"value"\n"alice"\n"\'=bob"\n'),
        ({"uid": 1}, '"uid"\n1\n'),
    ],
)
def test_what_else_can_be_a_table(value: Any, text: str) -> None:
    assert csv_text(value) == text


@pytest.mark.parametrize("value", [[[1, 2]], [{"a": 1}, 2], [{"a": 1}, None]])
def test_what_is_no_table_is_refused(value: Any) -> None:
    with pytest.raises(IdentityError, match="no table, so it cannot be CSV: write a query"):
        csv_text(value)


def test_json_is_one_ascii_text() -> None:
    text = json_text({"reason": "\u202etxt.exe \x1b[2J"})
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"reason": "\u202etxt.exe \x1b[2J"}


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(IdentityError, match="needs the Python library jmespath on the controller"):
        run_query("people", {})


@pytest.mark.parametrize(("text", "mode"), [("0600", 0o600), ("0640", 0o640), ("0000", 0)])
def test_modes_are_read(text: str, mode: int) -> None:
    assert parse_mode(text) == mode


# 384 and 420 are what YAML makes of 0600 and 0644 without quotes
@pytest.mark.parametrize("text", ["384", "420", "600", "0o600", "u=rw", "", "0800", "4755", "06000"])
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="four octal digits in quotes, like '0600'"):
        parse_mode(text)


# files


@pytest.fixture
def as_root() -> None:
    assert os.geteuid() == 0, "this test gives files to other users, which only root may do: run the unit tests as root"


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_written_once_and_for_its_owner(dest: Path) -> None:
    assert export_file(str(dest), "a\n", 0o600, write=False) == (True, "")
    assert not dest.exists()
    assert export_file(str(dest), "a\n", 0o600, write=True) == (True, "")
    assert (dest.read_text(), mode_of(dest)) == ("a\n", 0o600)
    inode = dest.stat().st_ino
    assert export_file(str(dest), "a\n", 0o600, write=True) == (False, "a\n")
    assert dest.stat().st_ino == inode
    assert export_file(str(dest), "b\n", 0o600, write=True) == (True, "a\n")
    assert export_file(str(dest), "b\n", 0o640, write=True) == (True, "b\n")
    assert (dest.read_text(), mode_of(dest)) == ("b\n", 0o640)
    assert os.listdir(dest.parent) == [dest.name]


def test_an_open_file_is_closed_to_others_again(dest: Path) -> None:
    dest.write_text("old\n")
    dest.chmod(0o666)
    export_file(str(dest), "new\n", 0o600, write=True)
    assert mode_of(dest) == 0o600


def refusal(path: Path, write: bool = True) -> str:
    before = sorted(os.listdir(path.parent)) if path.parent.is_dir() else []
    with pytest.raises(IdentityError) as caught:
        export_file(str(path), "secret\n", 0o600, write)
    assert (sorted(os.listdir(path.parent)) if path.parent.is_dir() else []) == before
    assert str(caught.value).startswith("The export ")
    return str(caught.value)


def _link(path: Path) -> None:
    (path.parent / "target").write_text("mine\n")
    path.symlink_to(path.parent / "target")


def _hard_link(path: Path) -> None:
    (path.parent / "target").write_text("mine\n")
    os.link(path.parent / "target", path)


ATTACKS: list[tuple[Callable[[Path], object], str]] = [
    (_link, "it is a link, and none is followed"),
    (lambda path: path.symlink_to("nowhere"), "it is a link, and none is followed"),
    (_hard_link, "the same file as another one"),
    (lambda path: path.mkdir(), "something that is no file"),
    (os.mkfifo, "something that is no file"),
    (lambda path: path.parent.chmod(0o777), "anybody can put files into"),
]


@pytest.mark.parametrize(("attack", "reason"), ATTACKS)
@pytest.mark.parametrize("write", [True, False])
def test_nobody_turns_the_export_into_something_else(
    dest: Path, attack: Callable[[Path], object], reason: str, write: bool
) -> None:
    attack(dest)
    assert reason in refusal(dest, write)
    target = dest.parent / "target"
    assert not target.exists() or target.read_text() == "mine\n"


def test_paths_that_lead_nowhere_are_refused(dest: Path) -> None:
    assert "No such file or directory" in refusal(dest / "below" / "it")
    dest.write_text("")
    assert "is no directory" in refusal(dest / "below")
    for name in (f"{dest.parent}/", "/", "a\0b", ""):
        with pytest.raises(IdentityError, match="The export"):
            export_file(name, "", 0o600, write=True)


@pytest.mark.usefixtures("as_root")
def test_a_file_of_somebody_else_is_left_alone(dest: Path) -> None:
    dest.write_text("theirs\n")
    os.chown(dest, NOBODY, NOBODY)
    assert f"belongs to uid {NOBODY}" in refusal(dest)
    assert dest.read_text() == "theirs\n"


@pytest.mark.usefixtures("as_root")
def test_root_writes_into_no_directory_of_others(dest: Path) -> None:
    below = dest.parent / "theirs" / "below"
    below.mkdir(parents=True)
    os.chown(dest.parent / "theirs", NOBODY, NOBODY)
    assert f"belongs to uid {NOBODY}" in refusal(below / "people.csv")


@pytest.mark.usefixtures("as_root")
def test_root_follows_no_link_of_others_on_the_way(dest: Path) -> None:
    link = dest.parent / "way"
    link.symlink_to("/etc")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(IdentityError, match=f"link that belongs to uid {NOBODY}"):
        export_file(f"{link}/people.csv", "secret\n", 0o600, write=True)
    assert not os.path.exists("/etc/people.csv")


def test_in_a_directory_like_tmp_the_file_is_one_s_own(dest: Path) -> None:
    dest.parent.chmod(0o1777)
    export_file(str(dest), "mine\n", 0o600, write=True)
    assert (dest.read_text(), mode_of(dest)) == ("mine\n", 0o600)
    dest.unlink()
    dest.symlink_to("/etc/passwd")
    assert "it is a link" in refusal(dest)


@pytest.mark.usefixtures("as_root")
def test_a_directory_like_tmp_must_not_be_somebody_else_s(dest: Path) -> None:
    dest.parent.chmod(0o1777)
    os.chown(dest.parent, NOBODY, NOBODY)
    assert "anybody can put files into" in refusal(dest)


@pytest.mark.usefixtures("as_root")
def test_who_is_not_root_writes_where_they_may_and_nowhere_else() -> None:
    """With a group that may write too, as a shared checkout of a team has."""
    with tempfile.TemporaryDirectory() as directory:
        above, checkout = Path(directory), Path(directory) / "checkout"
        above.chmod(0o755)
        checkout.mkdir()
        os.chown(checkout, NOBODY, NOBODY)
        checkout.chmod(0o775)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                export_file(str(checkout / "people.csv"), "mine\n", 0o600, write=True)
                with pytest.raises(IdentityError, match="Permission denied"):
                    export_file(str(above / "people.csv"), "mine\n", 0o600, write=True)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        written = (checkout / "people.csv").stat()
        assert (written.st_uid, stat.S_IMODE(written.st_mode)) == (NOBODY, 0o600)
        assert os.listdir(above) == ["checkout"]


@pytest.mark.parametrize("failing", ["write_all", "fsync_directory"])
def test_a_full_disk_leaves_the_old_file_or_the_new_one(
    dest: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    dest.write_text("old\n")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_export_file, failing, full)
    assert "No space left on device" in refusal(dest)
    assert dest.read_text() == ("old\n" if failing == "write_all" else "secret\n")


def test_a_text_that_utf_8_does_not_have_is_written_as_an_escape(dest: Path) -> None:
    export_file(str(dest), "\ud800\n", 0o600, write=True)
    assert dest.read_text() == "\\ud800\n"
