# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger looked at from end to end: its text, what it says, and the file that it is in."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._event_lines import sealed
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._findings import sentence
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._format import (
    HEADER,
    Written,
    format_ledger,
    parse_ledger,
)
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._inspection import inspect
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._integrity import look_at_text
from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import open_store
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.ledgers import user
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ledger.stories import STORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._events import Event
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._inspection import Inspection
    from ansible_collections.labfleet.identity.plugins.module_utils._ledger._store import LedgerStore

NOW = datetime.datetime(2026, 11, 22, 9, tzinfo=datetime.timezone.utc)
NEXT = len(STORY) + 2  # the line after the story


def refused(use: Callable[[], object]) -> str:
    """Why something is refused; empty when it is not."""
    try:
        use()
    except IdentityError as refusal:
        return str(refusal)
    return ""


def text_of(events: Sequence[Event] = STORY) -> bytes:
    return format_ledger(Written(), events)


def replaced(line: int, content: bytes) -> bytes:
    lines = text_of().split(b"\n")
    lines[line - 1] = content
    return b"\n".join(lines)


def told(data: bytes) -> list[tuple[str, str]]:
    seen = look_at_text(data)
    for finding in seen.problems:
        assert all(text and text.isprintable() for text in finding.record().values())
    with pytest.raises(IdentityError):
        parse_ledger(data)
    return [(finding.what, finding.where) for finding in seen.problems]


SOUND = text_of()
LAST = len(STORY) + 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("an empty file", "the file")]),
        (b"hosts:\n", [("another beginning", "line 1")]),
        (b"\0" * 4096, [("NUL bytes", "line 1")]),
        (SOUND.replace(b'"version": 1', b'"version": 2', 1), [("another version", "line 1")]),
        (replaced(1, b"nonsense"), [("another beginning", "line 1")]),
        (replaced(5, b"\0" * 100), [("NUL bytes", "line 5")]),
        (replaced(5, b"<<<<<<< HEAD"), [("a conflict marker of git", "line 5")]),
        (replaced(5, HEADER.encode()), [("a second beginning", "line 5")]),
        (replaced(5, "\u00fc".encode()), [("bytes that no ledger has", "line 5")]),
        (SOUND.replace(b"5238", b"5239", 1), [("no fitting checksum", "line 5")]),
        (replaced(5, b""), [("no fitting checksum", "line 5")]),
        (SOUND[:-1], [("no end of the line", f"line {LAST}")]),
        (replaced(5, sealed('{"kind": "user"').encode()), [("no event", "line 5")]),
        (replaced(5, sealed('{"kind": "surprise", "profile": "lab"').encode()), [("no event", "line 5")]),
        (replaced(LAST, sealed('{"kind": "end", "events": 20').encode()), []),
        (SOUND + SOUND.splitlines(keepends=True)[3], [("no closing line", f"line {LAST + 1}")]),
        (replaced(LAST, sealed('{"kind": "end", "events": 99').encode()), [("missing lines", f"line {LAST}")]),
        (replaced(LAST, sealed('{"kind": "end", "events": true').encode()), [("no closing line", f"line {LAST}")]),
    ],
)
def test_every_damage_is_told_by_line(data: bytes, expected: list[tuple[str, str]]) -> None:
    if not expected:
        assert look_at_text(data).problems == []
        return
    assert set(expected) <= set(told(data))


def test_windows_lines_are_one_finding() -> None:
    assert told(SOUND.replace(b"\n", b"\r\n"))[0] == ("an end of line of Windows", f"lines 1-{LAST}")


def test_what_is_whole_is_read_although_other_lines_are_not() -> None:
    lines = SOUND.split(b"\n")
    lines[4], lines[8], lines[9] = b"\0" * 50, lines[8] + b" ", b"x"
    seen = look_at_text(b"\n".join(lines))
    assert [(finding.what, finding.where) for finding in seen.problems] == [
        ("NUL bytes", "line 5"),
        ("no fitting checksum", "lines 9-10"),
        ("missing lines", f"line {LAST}"),
    ]
    assert seen.lines == [line for line in range(2, LAST) if line not in (5, 9, 10)]
    assert list(seen.events) == [event for line, event in enumerate(STORY, start=2) if line in seen.lines]


@given(st.integers(0, len(SOUND) - 1), st.binary(max_size=3), st.integers(0, 200))
def test_the_text_is_sound_exactly_when_a_run_can_read_it(offset: int, instead: bytes, length: int) -> None:
    data = SOUND[:offset] + instead + SOUND[offset + length :]
    refusal = refused(lambda: parse_ledger(data))
    assert bool(look_at_text(data).problems) == bool(refusal), refusal


# a ledger from end to end


def seen_in(path: Path) -> Inspection:
    return inspect(open_store(f"file:{path}"), NOW)


def test_a_sound_file_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(SOUND)
    seen = seen_in(path)
    assert (seen.events, seen.problems, seen.warnings) == (len(STORY), [], [])


def test_damage_and_contradictions_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    data = text_of([*STORY, user("zoe", 5238)])
    path.write_bytes(data.replace(b'"username": "carol"', b'"username": "karol"'))
    seen = seen_in(path)
    assert [(finding.what, finding.where) for finding in seen.problems] == [
        ("no fitting checksum", "line 13"),
        ("missing lines", f"line {NEXT + 1}"),
        ("somebody or something unknown", "lines 14-15"),
        ("one number, several owners", f"lines 5 and {NEXT}"),
    ]
    assert sentence("file:x", seen.problems).startswith(
        "The ledger file:x has 4 problems: line 13: it was edited or damaged (take the ledger back from git or from a"
        " backup); "
    )
    assert sentence("file:x", seen.problems).endswith("; and 1 more.")


def test_what_is_around_a_file_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    lines = SOUND.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], sealed('{"kind": "end", "events": 20').encode() + b"\n", lines[-1]]))
    path.chmod(0o666)
    (tmp_path / "ledger.jsonl.lock").write_text(json.dumps({"events": len(STORY) + 1}))
    assert [finding.what for finding in seen_in(path).warnings] == [
        "several closing lines",
        "an older copy",
        "an open file",
    ]


def _missing(path: Path) -> None:
    path.unlink()


def _lost(path: Path) -> None:
    path.unlink()
    path.with_name("ledger.jsonl.lock").write_text(json.dumps({"events": 7}))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("happen", "what"),
    [
        (_missing, "no ledger"),
        (_lost, "a ledger that cannot be loaded"),
        (_directory, "a file that cannot be read"),
        (lambda path: path.write_bytes(b""), "an empty file"),
    ],
)
def test_what_is_no_ledger_is_a_finding_too(tmp_path: Path, happen: Callable[[Path], object], what: str) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(SOUND)
    happen(path)
    assert [finding.what for finding in seen_in(path).problems] == [what]


def test_a_store_that_checks_itself_is_asked() -> None:
    class Table:
        name = "dynamodb:ledger"

        def load(self) -> None:
            raise IdentityError("The ledger dynamodb:ledger cannot be used and stays as it is: segment 3 is gone.")

    seen = inspect(cast("LedgerStore", Table()), NOW)
    assert seen.problems[0].record() == {
        "what": "a ledger that cannot be loaded",
        "where": "dynamodb:ledger",
        "why": "The ledger dynamodb:ledger cannot be used and stays as it is: segment 3 is gone",
        "way_out": "do what it says, and check again",
    }
