# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._accounts._tables import DATABASES, Table, rewritten
from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError

LAW = settings(deadline=None)
ALICE = ["alice", "x", "5238", "5238", "", "/home/alice", "/bin/bash"]
HOST = b"""root:x:0:0:root:/root:/bin/bash
# local accounts, see the wiki
#old:x:1001:1001::/home/old:/bin/sh

latin:x:1002:1002:L\xf6we \xff:/home/latin:/bin/sh
dos:x:1003:1003::/home/dos:/bin/sh\r
six:x:1004:1004::/home/six
eight:x:1005:1005::/home/eight:/bin/sh:
bob:x:5831:5831:Bob::/bin/sh
just words
::::::
+@netgroup::::::
after:x:1006:1006::/home/after:/bin/sh
-banned::::::
+::::::
"""


def changed(data: bytes, changes: dict[str, list[str] | None], database: str = "passwd") -> bytes:
    return rewritten(Table(database, data), changes)


def test_entries_are_lines_with_the_right_number_of_fields_and_nothing_else() -> None:
    assert list(Table("passwd", HOST).entries) == ["root", "latin", "dos", "bob", "", "after"]
    assert Table("passwd", HOST).entries["bob"] == ["bob", "x", "5831", "5831", "Bob", "", "/bin/sh"]
    assert Table("passwd", HOST).entries["dos"][6] == "/bin/sh\r"
    for database, count in DATABASES.items():
        assert list(Table(database, b"name" + b":" * (count - 1)).entries) == ["name"]
        assert list(Table(database, b"name" + b":" * count).entries) == []
        assert list(Table(database, b"name" + b":" * (count - 2)).entries) == []


def test_without_changes_every_byte_stays() -> None:
    assert changed(HOST, {}) == HOST
    # names that are in no entry are in none after it either
    assert changed(HOST, {"nobody": None, "old": None, "+@netgroup": None, "+": None}) == HOST


def test_a_changed_entry_changes_in_its_place_and_no_other_byte_does() -> None:
    new = changed(HOST, {"bob": ["bob", "x", "5831", "5831", "Bob", "/home/bob", "/bin/zsh"]})
    assert new == HOST.replace(b"bob:x:5831:5831:Bob::/bin/sh\n", b"bob:x:5831:5831:Bob:/home/bob:/bin/zsh\n")


def test_a_dropped_entry_leaves_no_gap_and_no_other_byte_changes() -> None:
    assert changed(HOST, {"latin": None}) == HOST.replace(b"latin:x:1002:1002:L\xf6we \xff:/home/latin:/bin/sh\n", b"")
    assert changed(b"bob:x:1:1:::\n", {"bob": None}) == b""


def test_new_entries_come_before_the_lines_of_the_directory() -> None:
    carol = ["carol", "x", "5404", "5404", "", "/home/carol", "/bin/bash"]
    new = changed(HOST, {"alice": ALICE, "carol": carol})
    lines = (":".join(ALICE) + "\n" + ":".join(carol) + "\n").encode()
    assert new == HOST.replace(b"+@netgroup", lines + b"+@netgroup")
    # a line that is dropped before them does not push them away from there
    assert changed(HOST, {"alice": ALICE, "bob": None}).index(b"alice") == HOST.index(b"bob") + len(
        "just words\n::::::\n"
    )


def test_without_such_lines_new_entries_come_last() -> None:
    line = ":".join(ALICE).encode()
    assert changed(b"root:x:0:0:::\n", {"alice": ALICE}) == b"root:x:0:0:::\n" + line + b"\n"
    assert changed(b"", {"alice": ALICE}) == line + b"\n"
    assert changed(b"# end\n\n\n", {"alice": ALICE}) == b"# end\n\n\n" + line + b"\n"


def test_a_missing_newline_at_the_end_is_added_when_there_is_something_to_write() -> None:
    line = ":".join(ALICE).encode()
    assert changed(b"root:x:0:0:::", {"alice": ALICE}) == b"root:x:0:0:::\n" + line + b"\n"
    assert changed(b"root:x:0:0:::\nbob:x:1:1:::", {"bob": None}) == b"root:x:0:0:::\n"


def test_words_that_look_like_a_name_are_no_entry_of_it() -> None:
    text = b"alice\nalice:junk\nalice:x:1:1:::\nalice\n"
    assert changed(text, {"alice": ALICE}) == text.replace(b"alice:x:1:1:::", ":".join(ALICE).encode())
    assert changed(text, {"alice": None}) == b"alice\nalice:junk\nalice\n"


def test_bytes_that_are_no_utf8_survive_in_the_entry_that_is_changed() -> None:
    fields = list(Table("passwd", HOST).entries["latin"])
    fields[6] = "/bin/zsh"
    assert b"latin:x:1002:1002:L\xf6we \xff:/home/latin:/bin/zsh\n" in changed(HOST, {"latin": fields})


def test_the_first_of_two_lines_counts_as_it_does_for_the_system() -> None:
    table = Table("passwd", b"eve:x:0:0:::\neve:x:5300:5300:::\n")
    assert table.entries["eve"][2] == "0"
    assert table.strays == [("eve", "5300")]


@pytest.mark.parametrize("fields", [None, ["bob", "x", "1", "1", "", "", ""]])
def test_a_name_that_stands_there_twice_is_not_touched(fields: list[str] | None) -> None:
    twice = b"bob:x:1:1:::\nroot:x:0:0:::\nbob:x:2:2:::\n"
    with pytest.raises(IdentityError, match=r"/etc/passwd has a malformed line of bob, or more than one: .* repair it"):
        changed(twice, {"bob": fields})
    assert changed(twice, {"root": None}) == b"bob:x:1:1:::\nbob:x:2:2:::\n"


@pytest.mark.parametrize(
    "line", [b"alice:x:1001:1001:::/bin/sh:more", b"alice:x:1001:1001:", b" alice:x:1001:1001:::", b"\talice:x:9:9:::"]
)
def test_a_name_that_the_system_may_read_out_of_a_malformed_line_is_not_given_another(line: bytes) -> None:
    table = Table("passwd", b"root:x:0:0:::\n" + line + b"\n")
    assert "alice" not in table.entries
    assert table.strays in ([("alice", "1001")], [("alice", "9")])
    with pytest.raises(
        IdentityError, match=r"/etc/passwd has a malformed line of alice, or more than one: .* repair it"
    ):
        rewritten(table, {"alice": ALICE})
    assert rewritten(table, {"root": None}) == line + b"\n"


def test_comments_and_lines_of_the_directory_are_not_malformed() -> None:
    assert Table("passwd", b"#a:x:1\n+b:x:2\n-c:x:3\n+\n\njust words\n").strays == []


NAMES = st.sampled_from(["alice", "bob", "carol", "root", "x"])
BYTES = st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"").replace(b":", b""))


@st.composite
def entry(draw: st.DrawFn, count: int) -> bytes:
    """A line with this many fields, the name first."""
    return b":".join([draw(NAMES).encode(), *(draw(BYTES) for _field in range(count - 1))])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes, dict[str, list[str] | None]]:
    """An account file with anything in it, and changes to some names."""
    database = draw(st.sampled_from(sorted(DATABASES)))
    count = DATABASES[database]
    odd = st.one_of(
        st.just(b""), BYTES, entry(count + 1), entry(count - 1), entry(count).map(lambda line: b"#" + line),
        st.sampled_from([b"+", b"+::::::", b"-x::::::", b"+:::", b"# comment", b"\r", b" "]),
    )  # fmt: skip
    lines = draw(st.lists(st.one_of(entry(count), odd), max_size=8))
    data = b"\n".join(lines) + draw(st.sampled_from([b"", b"\n", b"\n\n"]))
    fields = st.lists(st.sampled_from(["", "x", "5238", "/bin/sh"]), min_size=count - 1, max_size=count - 1)
    changes: dict[str, list[str] | None] = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        new = draw(st.one_of(st.none(), fields))
        changes[name] = None if new is None else [name, *new]
    return database, data, changes


@settings(LAW, max_examples=300)
@given(files())
def test_lines_that_do_not_change_are_the_same_bytes_in_the_same_order(
    case: tuple[str, bytes, dict[str, list[str] | None]],
) -> None:
    database, data, changes = case
    table = Table(database, data)
    try:
        new = rewritten(table, changes)
    except IdentityError:
        assert {name for name, _number in table.strays} & set(changes)
        return
    after = Table(database, new)
    for name, fields in changes.items():
        assert after.entries.get(name) == fields
    assert {name: fields for name, fields in table.entries.items() if name not in changes} == {
        name: fields for name, fields in after.entries.items() if name not in changes
    }

    def others(text: bytes, entries: dict[str, list[str]]) -> list[bytes]:
        mine = {":".join(entries[name]).encode("utf-8", "surrogateescape") for name in changes if name in entries}
        lines = text.split(b"\n")
        return [line for line in (lines[:-1] if lines[-1] == b"" else lines) if line not in mine]

    assert others(new, after.entries) == others(data, table.entries)
    assert new == b"" or new.endswith(b"\n")
    # doing it again changes nothing
    assert rewritten(after, changes) == new


@LAW
@given(st.sampled_from(sorted(DATABASES)), st.binary(max_size=300))
def test_any_bytes_are_read_and_written_back(database: str, data: bytes) -> None:
    table = Table(database, data)
    assert table.text.encode("utf-8", "surrogateescape") == data
    new = rewritten(table, {})
    assert new in (data, data + b"\n")
