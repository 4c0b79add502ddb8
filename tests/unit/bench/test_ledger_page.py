# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmark says of the ledger."""

from __future__ import annotations

import pytest
from benchlib.ledger_page import BOUND, bound_sentence, ledger_page, ledger_table
from benchlib.ledgers import LedgerCase, LedgerSummary
from benchlib.stats import spread


def summary(cpu: float, store: str = "file", people: int = 100_000, issued: int = 200) -> LedgerSummary:
    requests = None if store == "file" else 25
    ratios = spread([2.0, 2.5]) if store == "file" else None
    return LedgerSummary(LedgerCase(store, people, issued), spread([cpu, 2 * cpu]), spread([cpu]), ratios, requests, 2)


@pytest.mark.parametrize(
    ("cpu", "verdict"), [(0.5 * BOUND, "0.50 s, held."), (BOUND, "1.00 s, held."), (1.2 * BOUND, "1.20 s, NOT HELD.")]
)
def test_the_bound_is_judged_by_the_case_that_it_names(cpu: float, verdict: str) -> None:
    others = [summary(9, issued=10_000), summary(9, people=0), summary(9, store="DynamoDB (moto)")]
    assert bound_sentence([*others, summary(cpu)]).endswith(verdict)
    assert bound_sentence(others) == "The bound was not measured."


def test_every_case_has_its_line() -> None:
    table = ledger_table([summary(0.7), summary(0.9, store="DynamoDB (moto)")])
    assert "| file            |       100000 |    200 | 1.05 (0.70-1.40) |" in table
    assert "2.25 (2.00-2.50)" in table
    cells = [cell.strip() for cell in table.splitlines()[-1].split("|")]
    assert cells[1:4] + cells[6:9] == ["DynamoDB (moto)", "100000", "200", "-", "25", "2"]


def test_the_page_is_whole() -> None:
    page = ledger_page([summary(0.7)])
    assert "Bound: 100000 people in a file are read, checked and added to (200 more) within 1 s" in page
    assert "{" not in page
