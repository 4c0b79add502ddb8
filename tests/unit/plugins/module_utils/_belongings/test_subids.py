# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._subids import derived_range, with_ranges
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

FOREIGN = 2147352576  # systemd keeps the numbers from here up for users of other systems


def spans_of(data: bytes) -> list[tuple[bytes, int, int]]:
    """Who has which numbers, first and last, as subuid(5) says."""
    lines = [line.split(b":") for line in data.splitlines()]
    return [(line[0], int(line[1]), int(line[1]) + int(line[2]) - 1) for line in lines if len(line) == 3]


@pytest.mark.parametrize(
    ("uid", "start", "count"),
    [
        (1000, 65536000, 65536),
        (5238, 343277568, 65536),
        (10000, 655360000, 65536),
        (10001, 1784741888, 65536),
        (15533, 2147287040, 65536),
        (65536, 655425536, 32768),
        (99999, 1784709120, 32768),
    ],
)
def test_the_range_of_a_uid(uid: int, start: int, count: int) -> None:
    assert derived_range(uid) == (start, count)


@pytest.mark.parametrize("uid", [-1, 0, 999, 15534, 20000, 60000, 65535, 100000, 2**32])
def test_what_has_no_room_is_refused(uid: int) -> None:
    with pytest.raises(IdentityError, match="leave subids out"):
        derived_range(uid)


def test_no_two_ranges_overlap_and_none_holds_a_number_of_somebody() -> None:
    spans = sorted(derived_range(uid) for uid in (*range(1000, 15534), *range(65536, 100000)))
    assert len(spans) == 14534 + 34464
    assert spans[0][0] > 99999
    for (start, count), (following, _count) in zip(spans, spans[1:]):
        assert start + count <= following
    assert sum(spans[-1]) <= FOREIGN < 2**31


ALICE, BOB = derived_range(5238), derived_range(5331)
LINE_A, LINE_B = b"alice:343277568:65536\n", b"bob:349372416:65536\n"
CASES: dict[str, tuple[bytes | None, dict[str, tuple[int, int] | None], bytes, dict[str, str]]] = {
    "no file": (None, {"alice": ALICE}, LINE_A, {"alice": "absent -> 343277568:65536"}),
    "appended": (
        b"admin:100000:65536\n",
        {"alice": ALICE},
        b"admin:100000:65536\n" + LINE_A,
        {"alice": "absent -> 343277568:65536"},
    ),
    "no newline at the end": (
        b"admin:1:1",
        {"alice": ALICE},
        b"admin:1:1\n" + LINE_A,
        {"alice": "absent -> 343277568:65536"},
    ),
    "there already": (LINE_A + LINE_B, {"alice": ALICE, "bob": BOB}, LINE_A + LINE_B, {}),
    "there without a newline": (LINE_A[:-1], {"alice": ALICE}, LINE_A[:-1], {}),
    "another range": (
        b"alice:165536:65536\nx\n",
        {"alice": ALICE},
        LINE_A + b"x\n",
        {"alice": "165536:65536 -> 343277568:65536"},
    ),
    "twice": (LINE_A * 2, {"alice": ALICE}, LINE_A, {"alice": "343277568:65536, 343277568:65536 -> 343277568:65536"}),
    "by number": (b"5238:165536:65536\n", {"alice": ALICE}, LINE_A, {"alice": "165536:65536 -> 343277568:65536"}),
    "removed": (
        b"#\n" + LINE_A + b"5238:1:1\n" + LINE_B,
        {"alice": None},
        b"#\n" + LINE_B,
        {"alice": "343277568:65536, 1:1 -> absent"},
    ),
    "nothing to remove": (LINE_B, {"alice": None}, LINE_B, {}),
    "the last line": (LINE_A, {"alice": None}, b"", {"alice": "343277568:65536 -> absent"}),
    "a damaged line of hers": (b"alice:\n", {"alice": ALICE}, LINE_A, {"alice": "absent -> 343277568:65536"}),
    "bytes of others": (
        b"\xff:1:2\n\r\n",
        {"alice": ALICE},
        b"\xff:1:2\n\r\n" + LINE_A,
        {"alice": "absent -> 343277568:65536"},
    ),
    "changed hands": (
        b"bob:343277568:65536\n",
        {"alice": ALICE, "bob": None},
        LINE_A,
        {"alice": "absent -> 343277568:65536", "bob": "343277568:65536 -> absent"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_lines_of_a_person(case: str) -> None:
    text, wanted, expected, changes = CASES[case]
    assert with_ranges(text, wanted, (), {"alice": 5238}) == (expected, changes, [])
    assert with_ranges(expected, wanted, (), {"alice": 5238}) == (expected, {}, [])


PROBLEMS = {
    "a line of somebody": (b"eve:343277500:100\n", (), "overlaps 343277500:100 of eve"),
    "inside": (b"eve:343300000:1\n", (), "of eve"),
    "around": (b"eve:1:2000000000\n", (), "of eve"),
    "its last number": (b"eve:343343103:9\n", (), "of eve"),
    "hexadecimal": (b"eve:0x1475fffe:0x10\n", (), "of eve"),
    "octal": (b"eve:02435400000:1\n", (), "of eve"),
    "a number of somebody": (b"", (1000, 343277568), "343277568, which is somebody's own number"),
    "by the number of somebody else": (b"5331:343277568:65536\n", (), "of 5331"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_taken_is_told_and_not_written(case: str) -> None:
    text, taken, reason = PROBLEMS[case]
    data, changes, problems = with_ranges(text, {"alice": ALICE, "bob": None}, taken, {"alice": 5238})
    assert (data, changes) == (text, {})
    [problem] = problems
    assert problem.startswith("alice: ")
    assert reason in problem


def test_what_only_touches_is_free() -> None:
    text = b"eve:343277567:1\ndan:343343104:1\nzero:343277568:0\nbad:343277568:x\n"
    assert with_ranges(text, {"alice": ALICE}, (343277567, 343343104))[2] == []


def test_who_keeps_an_old_line_is_in_the_way_of_others() -> None:
    text = b"alice:349372416:65536\neve:343277568:1\n"
    data, changes, problems = with_ranges(text, {"alice": ALICE, "bob": BOB}, ())
    assert (data, changes) == (text, {})
    assert [problem.split(":")[0] for problem in problems] == ["alice", "bob"]


OWNERS = st.sampled_from((b"alice", b"bob", b"eve", b"5238", b"", b"\xfc"))
NUMBERS = st.one_of(st.integers(343000000, 349500000), st.sampled_from((100000, 343277568, 343343104, 349372416)))
LINES = st.one_of(
    st.builds(
        lambda who, start, count: b"%s:%d:%d" % (who, start, count), OWNERS, NUMBERS, st.sampled_from((0, 1, 65536))
    ),
    st.binary(max_size=12).filter(lambda line: b"\n" not in line),
)
WANTED = st.dictionaries(
    st.sampled_from(("alice", "bob", "carl")), st.sampled_from((None, ALICE, BOB, derived_range(5332)))
)


@given(st.lists(LINES, max_size=8), WANTED, st.sets(NUMBERS, max_size=3))
def test_nothing_is_lost_and_nothing_overlaps(
    lines: list[bytes], wanted: dict[str, tuple[int, int] | None], taken: set[int]
) -> None:
    text = b"".join(line + b"\n" for line in lines)
    uids = {"alice": 5238}
    data, changes, problems = with_ranges(text, wanted, taken, uids)
    mine = {b"5238": "alice", **{name.encode(): name for name in wanted}}
    if "alice" not in wanted:
        del mine[b"5238"]

    def others(content: bytes) -> list[bytes]:
        return [line for line in content.split(b"\n")[:-1] if line.split(b":")[0] not in mine]

    assert others(data) == others(text)
    assert with_ranges(data, wanted, taken, uids) == (data, {}, problems)
    assert (data == text) is (not changes)
    refused = {problem.split(":")[0] for problem in problems}
    assert not refused & set(changes)
    final = []
    for line in data.split(b"\n")[:-1]:
        fields = line.split(b":")
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit() and fields[2] != b"0":
            final.append((fields[0], int(fields[1]), int(fields[1]) + int(fields[2]) - 1))
    for name, span in wanted.items():
        if span is None or name in refused:
            continue
        own = (name.encode(), span[0], sum(span) - 1)
        assert [each for each in final if each[0] in (name.encode(), b"5238" if name == "alice" else b"-")] == [own]
        rest = [each for each in final if each != own]
        assert not any(first <= own[2] and own[1] <= last for _who, first, last in rest)
        assert not any(own[1] <= number <= own[2] for number in taken)
