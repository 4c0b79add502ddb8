# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._belongings._aliases import (
    BEGIN,
    END,
    parse_mail_alias,
    with_aliases,
)

from .raw_data import documents, parsed, refusal

ADDRESS = "alice@example.org"


def block(*lines: str) -> bytes:
    return b"".join(line + b"\n" for line in (BEGIN, *(line.encode() for line in lines), END))


def aliases_of(data: bytes) -> dict[str, str]:
    """aliases(5) as a mail system reads it: names without case, blanks in front go on with the line before."""
    logical: list[bytes] = []
    for line in data.split(b"\n"):
        if line[:1] in (b" ", b"\t") and logical:
            logical[-1] += line
        elif line and not line.startswith(b"#"):
            logical.append(line)
    pairs = (line.partition(b":") for line in logical)
    return {
        name.strip(b' "').lower().decode("latin-1"): value.strip().decode("latin-1") for name, _colon, value in pairs
    }


@pytest.mark.parametrize("address", [ADDRESS, "a@b", "first.last+tag=x_y-z@mail.example.org", "A1@EXAMPLE.org", ""])
def test_an_address_stays_as_it_is(address: str) -> None:
    assert parse_mail_alias(address) == address


@pytest.mark.parametrize(
    "raw",
    [
        "|/bin/sh",
        '"|/bin/sh"@example.org',
        "/etc/passwd",
        ":include:/etc/shadow",
        ":fail:@x",
        "alice",
        "a@b, c@d",
        "a@b c@d",
        "a@b\nroot: a@b",
        "a@b\n",
        "a@b#",
        "@example.org",
        "a@",
        "a@.org",
        "a@b..org",
        "a@-b.org",
        "a@b.org.",
        "-a@b.org",
        "a..b@c.org",
        "a.@c.org",
        "a@b@c",
        "\u0430@b.org",
        "a@[10.0.0.1]",
        "a%b@c.org",
        "a" * 65 + "@b.org",
        "a@" + "b." * 200 + "org",
        " a@b",
        None,
        5,
        ["a@b"],
    ],
)
def test_programs_files_lists_and_what_is_no_address_are_refused(raw: Any) -> None:
    assert "mail_alias" in refusal(parse_mail_alias, raw)


CASES: dict[str, tuple[bytes | None, dict[str, str | None], bytes, dict[str, str]]] = {
    "no file": (None, {"alice": ADDRESS}, block("alice: " + ADDRESS), {"alice": "absent -> " + ADDRESS}),
    "appended": (
        b"root: admin",
        {"alice": ADDRESS},
        b"root: admin\n" + block("alice: " + ADDRESS),
        {"alice": "absent -> " + ADDRESS},
    ),
    "changed": (
        b"# x\n" + block("bob: b@c", "alice: old@x") + b"root: admin\n",
        {"alice": ADDRESS},
        b"# x\n" + block("bob: b@c", "alice: " + ADDRESS) + b"root: admin\n",
        {"alice": "old@x -> " + ADDRESS},
    ),
    "the same": (block("alice: " + ADDRESS), {"alice": ADDRESS}, block("alice: " + ADDRESS), {}),
    "twice": (block("alice: a@b", "Alice: c@d"), {"alice": "a@b"}, block("alice: a@b"), {"alice": "a@b, c@d -> a@b"}),
    "removed": (block("alice: a@b", "bob: b@c"), {"alice": None}, block("bob: b@c"), {"alice": "a@b -> absent"}),
    "removed by empty": (block("alice: a@b", "bob: b@c"), {"alice": ""}, block("bob: b@c"), {"alice": "a@b -> absent"}),
    "the last one": (
        b"x: y\n" + block("alice: a@b") + b"z: y\n",
        {"alice": None},
        b"x: y\nz: y\n",
        {"alice": "a@b -> absent"},
    ),
    "nothing to remove": (b"root: admin", {"alice": None}, b"root: admin", {}),
    "no file and nothing wanted": (None, {}, b"", {}),
    "somebody's own alias stays when none is wanted": (b"alice: x@y\n", {"alice": None}, b"alice: x@y\n", {}),
    "bytes of others": (
        b"\xff: \xfe\r\n",
        {"alice": "a@b"},
        b"\xff: \xfe\r\n" + block("alice: a@b"),
        {"alice": "absent -> a@b"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_block_holds_ours_and_nothing_else_changes(case: str) -> None:
    text, wanted, expected, changes = CASES[case]
    assert with_aliases(text, wanted) == (expected, changes, [])
    assert with_aliases(expected, wanted) == (expected, {}, [])


@pytest.mark.parametrize("line", [b"alice: x@y", b"Alice : x@y", b'"alice": x@y', b"ALICE:\n x@y", b"  \nalice:x"])
def test_an_alias_of_somebody_else_is_told_and_not_hidden(line: bytes) -> None:
    data, changes, problems = with_aliases(line, {"alice": ADDRESS})
    assert (data, changes) == (line, {})
    [problem] = problems
    assert problem.startswith("alice: /etc/aliases has an alias of this name already")


@pytest.mark.parametrize(
    "text",
    [
        BEGIN + b"\nalice: a@b\n",
        b"alice: a@b\n" + END + b"\n",
        END + b"\n" + BEGIN + b"\n",
        block("a: a@b") * 2,
        block("a: a@b", " goes on"),
        block("a: a@b", "# by hand"),
        block("a: a@b", "nonsense"),
        block("a: a@b") + b"\tgoes on\n",
    ],
)
def test_a_damaged_block_stops_the_run(text: bytes) -> None:
    assert "/etc/aliases" in refusal(lambda raw: with_aliases(raw, {"alice": ADDRESS}), text)


NAMES = ("alice", "bob", "carl")
FOREIGN = st.sampled_from(
    (b"root: admin", b"# comment", b"", b"Bob: mine@x", b"list: a@b,", b"\t c@d", b"\xff:x", b"nonsense")
)


@given(
    st.lists(FOREIGN, max_size=5),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(("a@b", "c@d")), max_size=3),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((None, "", "a@b", "x@y.org")), max_size=3),
)
def test_what_is_wanted_is_read_back_and_the_rest_stays(
    foreign: list[bytes], before: dict[str, str], wanted: dict[str, str | None]
) -> None:
    text = b"".join(line + b"\n" for line in foreign)
    text += block(*("%s: %s" % pair for pair in before.items())) if before else b""
    data, changes, problems = with_aliases(text, wanted)
    assert with_aliases(data, wanted) == (data, {}, problems)
    assert (data == text) is (not changes)
    assert data.split(BEGIN)[0].startswith(b"".join(line + b"\n" for line in foreign))
    refused = {problem.split(":")[0] for problem in problems}
    assert refused <= {"bob"}
    old, new = aliases_of(text), aliases_of(data)
    for name in {*old, *new, *wanted} - refused - ({"bob"} if b"Bob: mine@x" in foreign else set()):
        assert new.get(name) == ((wanted[name] or None) if name in wanted else old.get(name))


@given(st.one_of(documents(("mail_alias",)), st.text(max_size=30).map(lambda text: text + "@example.org")))
def test_only_an_address_or_a_refusal_comes_out_of_data(raw: Any) -> None:
    address = parsed(parse_mail_alias, raw)
    if address:
        data, _changes, _problems = with_aliases(None, {"alice": address})
        assert aliases_of(data) == {"alice": address}
        assert not set(address) & set("|/:,\n\t \"'<>()")
