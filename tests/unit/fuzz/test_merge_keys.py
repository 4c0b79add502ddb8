# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge keys of YAML that double what is below them: refused before they are copied."""

from __future__ import annotations

import time

from .properties import check


def test_merge_keys_that_double_are_refused_in_no_time() -> None:
    text = "m0: &m0 {a: 1}\n" + "".join("m%d: &m%d {<<: [*m%d, *m%d]}\n" % (i, i, i - 1, i - 1) for i in range(1, 21))
    begin = time.process_time()
    check("roster", text.encode())
    assert time.process_time() - begin < 0.5


def test_what_merges_no_mapping_is_refused_in_words() -> None:
    for text in ("- {<<: 5, username: a}\n", "- {<<: [5], username: a}\n", "- &a {<<: *a, username: a}\n"):
        check("roster", text.encode())
