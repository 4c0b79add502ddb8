# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reader of a text of a host or a person, against broken ones. More of them: LABFLEET_FUZZ_MINUTES=10 in the
environment, or the program tests/fuzz/fuzz.py.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .mutations import mutated
from .properties import PROPERTIES, SEEDS, check

MINUTES = float(os.environ.get("LABFLEET_FUZZ_MINUTES", "0"))


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_seeds_hold(name: str) -> None:
    for seed in SEEDS[name]:
        check(name, seed)


@pytest.mark.parametrize("name", sorted(PROPERTIES))
@settings(max_examples=60)
@given(data=st.data())
def test_broken_texts_are_read_or_refused(name: str, data: st.DataObject) -> None:
    source = random.Random(data.draw(st.integers(0, 2**64)))
    seeds = [*SEEDS[name], data.draw(st.binary(max_size=60))]
    check(name, mutated(source, seeds))


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_a_campaign(name: str) -> None:
    """As long as the environment says, shared fairly; without it a moment."""
    source = random.Random(name)
    end = time.monotonic() + max(0.2, MINUTES * 60 / len(PROPERTIES))
    while time.monotonic() < end:
        text = mutated(source, SEEDS[name])
        try:
            check(name, text)
        except Exception as error:
            raise AssertionError("%s of %r" % (name, text)) from error


ROSTERS = {
    "aliases that double": "a0: &a0 [x, x]\n"
    + "".join("a%d: &a%d [*a%d, *a%d]\n" % (i, i, i - 1, i - 1) for i in range(1, 40)),
    "people that double": "- &u0 {username: alice}\n"
    + "".join("- &u%d {users: [*u%d, *u%d]}\n" % (i, i - 1, i - 1) for i in range(1, 60)),
    "an alias of itself": "&a {users: *a}",
    "flow in depth": "[" * 100000,
    "blocks in depth": "".join(" " * i + "a:\n" for i in range(2000)),
    "dashes in depth": "- " * 20000 + "a",
    "tags": "!!python/object/apply:os.system ['touch /tmp/labfleet-was-here']",
    "many anchors": "".join("- &a%d {username: user%d}\n" % (i, i) for i in range(20000)),
    "a huge number": "- {username: alice, expires: %s}" % ("9" * 5000),
    "a sexagesimal number": "- {username: %s}" % ":".join(["59"] * 3000),
    "NUL": '- {username: "al\\0ice"}\n- {username: al\0ice}',
    "huge text": "- {username: alice, gecos: %s}" % ("A" * 5_000_000),
    "deep JSON": '{"users":' * 100000,
    "a key twice in JSON": '[{"username": "alice", "username": "bob"}]',
    "a key twice by its value": "- {username: alice, ? !!str username : bob}",
}


@pytest.mark.parametrize("text", ROSTERS.values(), ids=ROSTERS)
def test_rosters_made_to_hurt_are_refused_in_no_time(text: str) -> None:
    check("roster", text.encode())
