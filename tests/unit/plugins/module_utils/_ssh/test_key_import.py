# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that people have: what sshd obeys in them becomes data, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_entries import parse_key_entry
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_import import parse_authorized_keys
from ansible_collections.labfleet.identity.plugins.module_utils._ssh._key_records import check_key_name
from ansible_collections.labfleet.identity.tests.unit.plugins.module_utils._ssh.keys import entry, line


def test_a_file_with_everything_that_is_usual() -> None:
    text = "\n".join(
        [
            "# of alice",
            "",
            line(1, "Alice@Laptop.local"),
            f'  from="192.0.2.0/24,*.lab",no-agent-forwarding {line(2)}\r',
            f'restrict,pty,expiry-time="20270131Z" {line(3, "alice@laptop.local")}',
            f"command=\"echo 'hi, you'; exit\",pty\t{line(4, '(backup)')}",
            line(1, "Alice@Laptop.local"),
        ]
    )
    assert parse_authorized_keys(text) == [
        ("alice-laptop-local", entry(1, "Alice@Laptop.local"), None),
        ("key-" + "".join(filter(str.isalnum, entry(2).key.fingerprint[7:].lower()))[:8],
         parse_key_entry({"key": line(2), "from": ["192.0.2.0/24", "*.lab"], "agent_forwarding": False}), None),
        ("alice-laptop-local", entry(3, "alice@laptop.local", restrict=True, pty=True), "2027-01-31T00:00:00Z"),
        ("backup", entry(4, "(backup)", command="echo 'hi, you'; exit"), None),
    ]  # fmt: skip


def test_every_line_that_cannot_be_taken_over_is_named() -> None:
    text = "\n".join(
        [
            line(1),
            f'environment="LD_PRELOAD=/tmp/x" {line(2)}',
            f"cert-authority {line(3)}",
            f'command="say \\"hi\\"" {line(4)}',
            "ssh-dss AAAA",
            "nonsense",
            f'from="a {line(5)}',
            f"{line(1)} other",
            f'expiry-time="20270131" {line(6)}',
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ]
    )
    with pytest.raises(IdentityError) as caught:
        parse_authorized_keys(text)
    message = str(caught.value)
    for number, reason in (
        (2, "'environment' is not one that can be taken over"),
        (3, "'cert-authority' is not one"),
        (4, "has a quote or a backslash"),
        (5, "DSA is no longer accepted"),
        (6, "it must begin with one of"),
        (7, ""),
        (8, "in an earlier line with something else"),
        (9, "with a Z at its end"),
        (10, "it is a private key"),
    ):
        assert f"line {number}: " in message
        assert reason in message
    assert "line 1:" not in message


@given(st.text(max_size=200), st.text(alphabet='"\\,= abnopty-resticfm10Z\n', max_size=60))
def test_any_text_is_read_or_refused(text: str, options: str) -> None:
    for attempt in (text, f"{options} {line(1, 'a')}", f"{line(1)} {text}"):
        try:
            found = parse_authorized_keys(attempt)
        except IdentityError:
            continue
        for name, held, _until in found:
            assert check_key_name(name) == name
            assert held.line.isprintable()
